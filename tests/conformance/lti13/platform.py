"""A platform that can do everything right, and anything wrong. Shares no code with the tool.

Signs with raw `cryptography`, serves its own key set over HTTP, and plays the browser: a jar of
cookies per person. Every test says what it changes about a good launch, and nothing else.
"""

import base64
import http.client
import itertools
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership#"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def dump(value: object) -> str:
    return b64(json.dumps(value).encode())


_KEYS = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3)]


@dataclass
class Key:
    kid: str
    private: rsa.RSAPrivateKey

    def jwk(self) -> dict[str, object]:
        numbers = self.private.public_key().public_numbers()
        n = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
        return {
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": self.kid,
            "n": b64(n),
            "e": b64(numbers.e.to_bytes(3, "big")),
        }

    def public_pem(self) -> bytes:
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )


def sign(header: dict[str, object], claims: object, key: Key) -> str:
    signed = f"{dump(header)}.{dump(claims)}"
    signature = key.private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{b64(signature)}"


def sign_hs256(header: dict[str, object], claims: object, secret: bytes) -> str:
    signed = f"{dump(header)}.{dump(claims)}"
    mac = hmac.HMAC(secret, hashes.SHA256())
    mac.update(signed.encode())
    return f"{signed}.{b64(mac.finalize())}"


_NUMBERS = itertools.count(1)


class KeyServer:
    """Serves a key set; can be broken in every way a server can be."""

    def __init__(self) -> None:
        self.keys: list[object] = []
        self.fetches = 0
        self.status = 200
        self.body: bytes | None = None
        self.delay_s = 0.0
        self.location = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.fetches += 1
                if outer.delay_s:
                    outer.stop_waiting.wait(outer.delay_s)
                body = outer.body
                if body is None:
                    body = json.dumps({"keys": outer.keys}).encode()
                try:
                    self.send_response(outer.status)
                    if outer.location:
                        self.send_header("Location", outer.location)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    return

            def log_message(self, *_: object) -> None:
                return

        self.stop_waiting = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        # A port comes back; a key set that the tool remembers under its address must not.
        number = next(_NUMBERS)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/jwks/{number}"

    def close(self) -> None:
        self.stop_waiting.set()
        self.server.shutdown()
        self.server.server_close()


@dataclass
class Reply:
    status: int
    headers: list[tuple[str, str]]
    body: str

    def header(self, name: str) -> str:
        return next((v for n, v in self.headers if n.lower() == name.lower()), "")

    @property
    def set_cookies(self) -> list[str]:
        return [v for n, v in self.headers if n.lower() == "set-cookie"]

    @property
    def code(self) -> str:
        """The error code in the page, or "" if there is none."""
        _, mark, rest = self.body.partition('<meta name="roadmap-error" content="')
        return rest.split('"')[0] if mark else ""

    @property
    def query(self) -> dict[str, str]:
        return {k: v[0] for k, v in parse_qs(urlsplit(self.header("Location")).query, True).items()}


class Browser:
    """Cookies by name and path, as a browser with CHIPS keeps them (and sends to loopback)."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.jar: dict[tuple[str, str], str] = {}

    def request(
        self,
        method: str,
        url: str,
        form: object = None,
        headers: dict[str, str] | None = None,
        *,
        cookies: bool = True,
    ) -> Reply:
        parts = urlsplit(url if "://" in url else self.base_url + url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        sent = dict(headers or {})
        body: bytes | None = None
        if form is not None:
            body = form if isinstance(form, bytes) else urlencode(form).encode()  # type: ignore[arg-type]
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        if cookies and (cookie := self.cookie_header(parts.path)):
            sent["Cookie"] = cookie
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=20)
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
            reply = Reply(response.status, response.getheaders(), text)
        finally:
            connection.close()
        for cookie in reply.set_cookies:
            self._keep(cookie)
        return reply

    def get(self, url: str, **more: object) -> Reply:
        return self.request("GET", url, **more)  # type: ignore[arg-type]

    def post(self, url: str, form: object, **more: object) -> Reply:
        return self.request("POST", url, form, **more)  # type: ignore[arg-type]

    def cookie_header(self, path: str) -> str:
        return "; ".join(f"{n}={v}" for (n, p), v in self.jar.items() if path.startswith(p))

    def _keep(self, cookie: str) -> None:
        pair, *attributes = (part.strip() for part in cookie.split(";"))
        name, value = pair.split("=", 1)
        low = {a.split("=")[0].lower(): a.partition("=")[2] for a in attributes}
        place = (name, low.get("path", "/"))
        if low.get("max-age") == "0":
            self.jar.pop(place, None)
        else:
            self.jar[place] = value


@dataclass
class Platform:
    """One registration at the tool, seen from the platform's side."""

    tool: str
    keys: KeyServer
    issuer: str = "https://lms.example"
    client_id: str = "client-1"
    deployment_id: str = "1"
    key: Key = field(default_factory=lambda: Key("kid-1", _KEYS[0]))

    def publish(self, *keys: Key) -> None:
        self.keys.keys = [k.jwk() for k in (keys or (self.key,))]

    def login_form(self, **changes: object) -> dict[str, object]:
        form: dict[str, object] = {
            "iss": self.issuer,
            "client_id": self.client_id,
            "lti_deployment_id": self.deployment_id,
            "login_hint": "4",
            "lti_message_hint": '{"cmid":13}',
            "target_link_uri": f"{self.tool}/",
        }
        form.update(changes)
        return {k: v for k, v in form.items() if v is not None}

    def login(self, browser: Browser, **changes: object) -> Reply:
        return browser.post("/lti/login", self.login_form(**changes))

    def claims(self, begun: Reply, **changes: object) -> dict[str, object]:
        """A good launch for this login. Changes name claims; None takes one away."""
        now = int(time.time())
        claims: dict[str, object] = {
            "iss": self.issuer,
            "aud": self.client_id,
            "sub": "user-4",
            "iat": now,
            "exp": now + 60,
            "nonce": begun.query.get("nonce", ""),
            LTI + "version": "1.3.0",
            LTI + "message_type": "LtiResourceLinkRequest",
            LTI + "deployment_id": self.deployment_id,
            LTI + "target_link_uri": f"{self.tool}/",
            LTI + "roles": [MEMBERSHIP + "Learner"],
            LTI + "resource_link": {"id": "link-1", "title": "Mein Lernweg"},
            LTI + "context": {"id": "6", "label": "K", "title": "Grünpflege & Straße"},
            LTI + "launch_presentation": {
                "locale": "de",
                "return_url": "https://lms.example/course/view.php?id=6",
            },
        }
        for name, value in changes.items():
            full = name if name in SHORT or name.startswith("http") else LTI + name
            claims[full] = value
            if value is None:
                del claims[full]
        return claims

    def header(self, **changes: object) -> dict[str, object]:
        header: dict[str, object] = {"typ": "JWT", "alg": "RS256", "kid": self.key.kid, **changes}
        return {k: v for k, v in header.items() if v is not None}

    def token(self, begun: Reply, **changes: object) -> str:
        return sign(self.header(), self.claims(begun, **changes), self.key)

    def send(self, browser: Browser, begun: Reply, token: str | None, **more: object) -> Reply:
        form: dict[str, object] = {"state": begun.query.get("state"), "id_token": token, **more}
        return browser.post("/lti/launch", {k: v for k, v in form.items() if v is not None})

    def launch(self, browser: Browser, **changes: object) -> Reply:
        """Login and launch; changes are claims."""
        begun = self.login(browser)
        return self.send(browser, begun, self.token(begun, **changes))


SHORT = {
    "iss",
    "aud",
    "sub",
    "iat",
    "exp",
    "nbf",
    "nonce",
    "azp",
    "name",
    "email",
    "given_name",
    "family_name",
    "jti",
    "auth_time",
}
