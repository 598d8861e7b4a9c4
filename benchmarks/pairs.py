"""Drives login + launch pairs into an LTI 1.3 tool over real HTTP, in one thread and cheaply.

A client is a browser of somebody new each time: empty cookies, login, what the learning platform
signs (an id_token of about 3 KB, RS256-2048), launch, and where a tool needs it the page after it.
All clients are one loop over non-blocking sockets, so the driver never waits for itself; signing is
the platform's work and not part of a pair's time.
"""

import base64
import json
import re
import selectors
import socket
import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from benchmarks.town import CLAIM, CLIENT, DEPLOYMENT, KID, Lms

PEOPLE = 500
PATIENCE_S = 30.0
_MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
_SCOPES = ("lineitem.readonly", "result.readonly", "score")
_AGS = "https://purl.imsglobal.org/spec/lti-ags/"


@dataclass(frozen=True)
class Tool:
    """Where a tool listens and how its pairs go."""

    name: str
    port: int
    follow: bool = False  # its launch is done only with the page it leads to
    floor: bool = False  # no tool at all: two POSTs to an empty page
    fresh: bool = False  # a new connection for each request

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"


class Reply(NamedTuple):
    status: int
    location: str
    cookies: tuple[str, ...]
    seconds: float


class Bad(Exception):
    """A pair did not end as it must."""


@dataclass
class Portal:
    """A learning platform: signs, and serves its keys from a thread; counts who asks for them."""

    lms: Lms
    fetches: int = 0

    def start(self) -> None:
        portal = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                portal.fetches += 1
                body = json.dumps({"keys": [portal.lms.jwk()]}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", self.lms.port), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def token(self, tool: Tool, subject: str, nonce: str) -> str:
        """Return an id_token as Moodle sends it: about 3 KB, most of it of no use to a tool."""
        claims = _claims(self.lms.issuer, f"{tool.url}/lti/launch", subject, nonce)
        head = {"alg": "RS256", "typ": "JWT", "kid": KID}
        signed = f"{_dump(head)}.{_dump(claims)}"
        signature = self.lms._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_b64(signature)}"


def _claims(issuer: str, target: str, subject: str, nonce: str) -> dict[str, object]:
    now = int(time.time())
    course = f"{issuer}/mod/lti/services.php/2"
    return {
        "iss": issuer,
        "aud": CLIENT,
        "sub": subject,
        "iat": now,
        "exp": now + 60,
        "nonce": nonce,
        "name": f"Erika Musterfrau {subject}",
        "given_name": "Erika",
        "family_name": f"Musterfrau {subject}",
        "email": f"{subject}@musterstadt.example",
        f"{CLAIM}message_type": "LtiResourceLinkRequest",
        f"{CLAIM}version": "1.3.0",
        f"{CLAIM}deployment_id": DEPLOYMENT,
        f"{CLAIM}target_link_uri": target,
        f"{CLAIM}resource_link": {"id": "7", "title": "Mein Lernweg", "description": ""},
        f"{CLAIM}context": {
            "id": "2",
            "label": "DIA",
            "title": "Digital im Amt",
            "type": ["CourseSection"],
        },
        f"{CLAIM}roles": [_MEMBERSHIP + "Learner"],
        f"{CLAIM}lis": {"person_sourcedid": "", "course_section_sourcedid": ""},
        f"{CLAIM}ext": {"user_username": subject, "lms": "moodle-2"},
        f"{CLAIM}tool_platform": {
            "product_family_code": "moodle",
            "version": "2024100705",
            "guid": "moodle.musterstadt.example",
            "name": "Lernportal",
            "description": "Lernportal der Stadt Musterstadt",
        },
        f"{CLAIM}launch_presentation": {
            "locale": "de",
            "document_target": "iframe",
            "return_url": f"{issuer}/mod/lti/return.php?course=2&launch_container=3&instanceid=7",
        },
        f"{CLAIM}custom": {"page": "profil", "note": "x" * 330},
        f"{_AGS}claim/endpoint": {
            "scope": [
                f"{_AGS}scope/{s}" for s in ("lineitem.readonly", "result.readonly", "score")
            ],
            "lineitems": f"{course}/lineitems?type_id=1",
            "lineitem": f"{course}/lineitems/3/lineitem?type_id=1",
        },
        "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice": {
            "context_memberships_url": f"{course}/bindings/1/memberships",
            "service_versions": ["1.0", "2.0"],
        },
    }


@dataclass
class Measured:
    """What one tool did in one round."""

    seconds: float
    waits: list[float] = field(default_factory=list)  # of each pair, in seconds
    bad: list[str] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        return len(self.waits) / self.seconds

    def percentile_ms(self, percent: int) -> float:
        ordered = sorted(self.waits)
        return 1e3 * ordered[min(len(ordered) - 1, int(percent / 100 * len(ordered)))]


def drive(
    tool: Tool, portal: Portal, clients: int, seconds: float, most: int | None = None
) -> Measured:
    """Let so many clients send pair after pair, for so long or (`most`) until so many were sent."""
    measured = Measured(seconds)
    began = time.perf_counter()
    turn = _Turn(began + seconds, most)
    with selectors.DefaultSelector() as selector:
        lines = [_Line(tool, _pairs(tool, portal, measured, turn)) for _ in range(clients)]
        for line in lines:
            line.start(selector)
        while any(not line.done for line in lines):
            ready = selector.select(PATIENCE_S)
            if not ready:
                raise Bad(f"{tool.name} is silent for {PATIENCE_S:.0f} s")
            for key, _ in ready:
                key.data.read(selector)
    measured.seconds = time.perf_counter() - began
    return measured


@dataclass
class _Turn:
    """Hands out the numbers of pairs until time or number is used up."""

    until: float
    most: int | None
    given: int = 0

    def more(self) -> bool:
        if time.perf_counter() >= self.until or (self.most is not None and self.given >= self.most):
            return False
        self.given += 1
        return True


Pairs = Generator[bytes, Reply, None]
_NUMBERS = count()


def _pairs(tool: Tool, portal: Portal, measured: Measured, turn: _Turn) -> Pairs:
    one = _nothing if tool.floor else _pair
    while turn.more():
        try:
            measured.waits.append((yield from one(tool, portal)))
        except Bad as bad:
            measured.bad.append(str(bad))


def _pair(tool: Tool, portal: Portal) -> Generator[bytes, Reply, float]:
    number = next(_NUMBERS)
    subject = f"p{number % PEOPLE}"
    login = yield _post(tool, "/lti/login", _login(tool, portal, subject), ())
    asked = parse_qs(urlsplit(login.location).query)
    if login.status != 302 or "nonce" not in asked:
        raise Bad(f"login {login.status}")
    token = portal.token(tool, subject, asked["nonce"][0])
    form = urlencode({"state": asked["state"][0], "id_token": token})
    launch = yield _post(tool, "/lti/launch", form, login.cookies)
    if launch.status not in (200, 302, 303):
        raise Bad(f"launch {launch.status}")
    if not tool.follow:
        return login.seconds + launch.seconds
    parts = urlsplit(launch.location)
    page = yield _get(tool, f"{parts.path}?{parts.query}", login.cookies + launch.cookies)
    if page.status != 200:
        raise Bad(f"page {page.status}")
    return login.seconds + launch.seconds + page.seconds


def _nothing(tool: Tool, portal: Portal) -> Generator[bytes, Reply, float]:
    """Send the same bytes, and sign as much, for an answer that holds nothing."""
    subject = f"p{next(_NUMBERS) % PEOPLE}"
    first = yield _post(tool, "/post", _login(tool, portal, subject), ())
    form = urlencode({"state": "x" * 300, "id_token": portal.token(tool, subject, "n" * 48)})
    second = yield _post(tool, "/post", form, ())
    return first.seconds + second.seconds


def _login(tool: Tool, portal: Portal, subject: str) -> str:
    return urlencode(
        {
            "iss": portal.lms.issuer,
            "target_link_uri": f"{tool.url}/lti/launch",
            "login_hint": subject,
            "lti_message_hint": '{"cmid":7,"launchid":"ltilaunch7_1823914713"}',
            "client_id": CLIENT,
            "lti_deployment_id": DEPLOYMENT,
        }
    )


def _post(tool: Tool, path: str, form: str, cookies: Sequence[str]) -> bytes:
    kind = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n"
    return f"POST {path} HTTP/1.1\r\n{_head(tool, cookies)}{kind}\r\n{form}".encode()


def _get(tool: Tool, path: str, cookies: Sequence[str]) -> bytes:
    return f"GET {path} HTTP/1.1\r\n{_head(tool, cookies)}\r\n".encode()


def _head(tool: Tool, cookies: Sequence[str]) -> str:
    sent = f"Cookie: {'; '.join(cookies)}\r\n" if cookies else ""
    last = "Connection: close\r\n" if tool.fresh else ""
    return f"Host: localhost:{tool.port}\r\nAccept-Language: de\r\n{last}{sent}"


class _Line:
    """One client's connection: sends what its generator says and gives it the answer."""

    def __init__(self, tool: Tool, pairs: Pairs) -> None:
        self._tool, self._pairs = tool, pairs
        self._socket: socket.socket | None = None
        self._got = b""
        self._sent_at = 0.0
        self.done = False

    def start(self, selector: selectors.BaseSelector) -> None:
        self._go_on(selector, None)

    def read(self, selector: selectors.BaseSelector) -> None:
        assert self._socket
        part = self._socket.recv(1 << 16)
        self._got += part
        if not part and not self._got:
            raise Bad(f"{self._tool.name} closed a connection without an answer")
        if (reply := _parsed(self._got, time.perf_counter() - self._sent_at)) is None:
            return
        if self._tool.fresh:
            self._close(selector)
        self._go_on(selector, reply)

    def _go_on(self, selector: selectors.BaseSelector, reply: Reply | None) -> None:
        try:
            request = next(self._pairs) if reply is None else self._pairs.send(reply)
        except StopIteration:
            self.done = True
            self._close(selector)
            return
        if self._socket is None:
            self._open(selector)
        assert self._socket
        self._got, self._sent_at = b"", time.perf_counter()
        self._socket.sendall(request)  # 4 KB at most: fits the buffer

    def _open(self, selector: selectors.BaseSelector) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._tool.port), PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(self._socket, selectors.EVENT_READ, self)

    def _close(self, selector: selectors.BaseSelector) -> None:
        if self._socket is not None:
            selector.unregister(self._socket)
            self._socket.close()
            self._socket = None


_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_COOKIE = re.compile(rb"\r\nset-cookie: *([^;\r]+)", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nlocation: *([^\r]+)", re.IGNORECASE)


def _parsed(got: bytes, seconds: float) -> Reply | None:
    """Return the answer once it is whole."""
    head, end, body = got.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if not end or len(body) < (int(length[1]) if length else 0):
        return None
    location = _LOCATION.search(head)
    cookies = tuple(found.decode() for found in _COOKIE.findall(head))
    return Reply(int(head[9:12]), location[1].decode() if location else "", cookies, seconds)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _dump(value: object) -> str:
    return _b64(json.dumps(value).encode())
