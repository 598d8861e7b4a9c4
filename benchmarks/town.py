"""A town to load the service with: an LMS that signs launches, an LRS that never ends, people.

Everything goes over real HTTP with real LTI 1.3 tokens; nothing is looked up in the database. The
LMS and LRS run in a process of their own and are cheap: pages are put together from templates.
"""

import base64
import html
import http.client
import json
import re
import time
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import Process
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
DEPLOYMENT, CLIENT, KID = "1", "bench", "bench"
COMPLETED = "http://adlnet.gov/expapi/verbs/completed"
VIEWED = "http://id.tincanapi.com/verb/viewed"
ONE_IN = 50  # one statement of fifty completes a unit, the others are views
UNITS = 10
PATIENCE_S = 30.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Form = Mapping[str, str]


def activity(number: int) -> str:
    """Return the address of the LMS's n-th mapped activity."""
    return f"https://moodle.bench.example/mod/page/view.php?id={number}"


@dataclass
class Lms:
    """Signs launches of its people; its keys and its LRS are served by `serve` on `port`."""

    port: int
    tool: str

    def __post_init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def jwk(self) -> dict[str, str]:
        numbers = self._key.public_key().public_numbers()
        n = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
        known = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": KID}
        return known | {"n": _b64(n), "e": _b64(numbers.e.to_bytes(3, "big"))}

    def token(self, subject: str, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": subject,
            "iat": now,
            "exp": now + 60,
            "nonce": nonce,
            f"{CLAIM}message_type": "LtiResourceLinkRequest",
            f"{CLAIM}version": "1.3.0",
            f"{CLAIM}deployment_id": DEPLOYMENT,
            f"{CLAIM}target_link_uri": f"{self.tool}/",
            f"{CLAIM}resource_link": {"id": "1"},
            f"{CLAIM}context": {"id": "c1", "title": "Digital im Amt"},
            f"{CLAIM}roles": ["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"],
        }
        head = {"alg": "RS256", "typ": "JWT", "kid": KID}
        signed = f"{_dump(head)}.{_dump(claims)}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_b64(signature)}"

    def start(self, people: int, rate: float) -> Process:
        """Start the process with key set and LRS; the LRS has `rate` new statements a second."""
        arguments = (self.port, self.jwk(), people, rate)
        process = Process(target=serve, args=arguments, daemon=True)
        process.start()
        return process


@dataclass
class Person:
    """One employee with a browser: one kept connection, her cookies, and what she was told."""

    lms: Lms
    subject: str
    port: int
    note: Callable[[str, float], None]  # kind of page, seconds
    cookies: dict[str, str] = field(default_factory=dict)
    home: str = ""
    answered: int = 0

    def launch(self) -> None:
        login = {
            "iss": self.lms.issuer,
            "login_hint": self.subject,
            "target_link_uri": f"{self.lms.tool}/",
            "client_id": CLIENT,
            "lti_deployment_id": DEPLOYMENT,
        }
        _, there, _ = self.send("login", "POST", "/lti/login", login, expect=302)
        asked = {k: v[0] for k, v in parse_qs(urlsplit(there).query).items()}
        form = {
            "state": asked["state"],
            "id_token": self.lms.token(self.subject, asked["nonce"]),
        }
        _, there, _ = self.send("launch", "POST", "/lti/launch", form, expect=303)
        self.home = "/".join(there.split("/")[:3]) + "/"

    def first_visit(self, role: str) -> None:
        """Everything before the first question."""
        version = fields(self.get("hinweis"))["version"]
        self.do("hinweis", version=version)
        self.do("rolle", role=role)
        self.do("probe", do="skip")
        self.do("anfangen", after="hilfe")

    def one_question(self) -> None:
        """Answer what is asked and see what comes next; begin again after the last one."""
        page = self.get("frage")
        if 'data-test="question"' not in page:
            self.do("anfangen", after="hilfe", how="restart")
            page = self.get("frage")
        form = {"csrf": fields(page)["csrf"], "position": fields(page)["position"]}
        self.send("answer", "POST", f"{self.home}frage", form | a_choice(page), expect=303)
        self.answered += 1

    def get(self, page: str) -> str:
        return self.send(page, "GET", self.home + page, expect=200)[2]

    def do(self, page: str, *, after: str = "", **form: str) -> None:
        token = fields(self.get(after or page))["csrf"]
        self.send(page, "POST", self.home + page, {"csrf": token, **form}, expect=303)

    def send(
        self, kind: str, method: str, path: str, form: Form | None = None, *, expect: int
    ) -> tuple[int, str, str]:
        """Send one request and note how long it took; return status, Location and body."""
        headers = {"Accept-Language": "de"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        body = None
        if form is not None:
            body = urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        began = time.perf_counter()
        status, location, text = self._once(method, path, body, headers)
        self.note(kind, time.perf_counter() - began)
        if status != expect:
            found = re.search(r'name="roadmap-error" content="([^"]*)"', text)
            raise AssertionError(f"{method} {kind}: {status} {found[1] if found else text[:200]}")
        return status, location, text

    def _once(
        self, method: str, path: str, body: str | None, headers: Mapping[str, str]
    ) -> tuple[int, str, str]:
        # As a browser does: a kept connection that the server has closed meanwhile is opened again.
        connection = getattr(self, "_connection", None)
        if connection is not None:
            try:
                connection.request(method, path, body, headers)
                return self._read(connection.getresponse())
            except (http.client.RemoteDisconnected, ConnectionError):
                connection.close()
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        self._connection.request(method, path, body, headers)
        return self._read(self._connection.getresponse())

    def _read(self, answer: http.client.HTTPResponse) -> tuple[int, str, str]:
        text = answer.read().decode()
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer.status, answer.headers.get("Location", ""), text


def fields(page: str) -> dict[str, str]:
    """Return the hidden fields of a page's forms."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}


def a_choice(page: str) -> dict[str, str]:
    """Return the last choice of a single choice, else "I don't know"."""
    values = re.findall(r'type="radio"[^>]* name="choice"[^>]* value="(\d+)"', page)
    return {"do": "answer", "choice": values[-1]} if values else {"do": "dont_know"}


def serve(port: int, jwk: Mapping[str, str], people: int, rate: float) -> None:
    """Serve key set and LRS until killed."""
    store = _Store(f"http://127.0.0.1:{port}", people, rate)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # head and body in one packet

        def do_GET(self) -> None:
            place = urlsplit(self.path)
            query = {k: v[0] for k, v in parse_qs(place.query).items()}
            if place.path == "/jwks":
                body = json.dumps({"keys": [jwk]}).encode()
            elif place.path == "/xapi/about":
                body = b'{"version": ["1.0.3"]}'
            else:
                body = store.page(query)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Experience-API-Consistent-Through", datetime.now(UTC).isoformat())
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


class _Store:
    """An LRS with `rate` new statements a second, from the moment it starts; nothing is kept."""

    def __init__(self, home: str, people: int, rate: float) -> None:
        self._home, self._people, self._step_us = home, people, int(1e6 / rate) if rate else 0
        self._began_us = _now_us()

    def page(self, query: Mapping[str, str]) -> bytes:
        limit = int(query.get("limit", "500"))
        there = (_now_us() - self._began_us) // self._step_us if self._step_us else 0
        first = int(query["from"]) if "from" in query else self._after(query.get("since"), there)
        last = min(first + limit, there)
        more = f"/xapi/statements?from={last}&limit={limit}" if last < there else ""
        rows = ",".join(self._statement(n) for n in range(first, last))
        return f'{{"statements":[{rows}],"more":"{more}"}}'.encode()

    def _after(self, since: str | None, there: int) -> int:
        if since is None:
            return 0
        us = (datetime.fromisoformat(since) - _EPOCH) // timedelta(microseconds=1)
        return bisect_right(range(there), us, key=lambda n: self._began_us + n * self._step_us)

    def _statement(self, n: int) -> str:
        done = n % ONE_IN == 0
        verb, page = (COMPLETED, n // ONE_IN % UNITS) if done else (VIEWED, 1000 + n % 97)
        stored = (_EPOCH + timedelta(microseconds=self._began_us + n * self._step_us)).isoformat()
        person = n // ONE_IN % self._people if done else n % self._people
        return (
            f'{{"id":"00000000-0000-4000-8000-{n:012x}","actor":{{"account":{{"homePage":'
            f'"{self._home}","name":"p{person}"}}}},"verb":{{"id":"{verb}"}},"object":{{"id":'
            f'"{activity(page)}","definition":{{"type":"http://adlnet.gov/expapi/activities/module"'
            f',"name":{{"de":"Seite {page}"}}}}}},"timestamp":"{stored}","stored":"{stored}",'
            f'"version":"1.0.3","context":{{"platform":"Moodle","language":"de","registration":'
            f'"00000000-0000-4000-9000-{person:012x}"}}}}'
        )


def _now_us() -> int:
    return (datetime.now(UTC) - _EPOCH) // timedelta(microseconds=1)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _dump(value: object) -> str:
    return _b64(json.dumps(value).encode())
