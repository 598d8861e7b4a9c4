"""Every request we make to a platform, in one place: judged address, no redirects, bounded.

https to public addresses only; plain http and private addresses only where development allows
loopback, or a named intranet. We connect to the very address that was judged, so a second DNS
answer cannot move us elsewhere (SSRF by rebinding). Bounds: 2 s to connect, 3 s per read, 5 s in
all, 256 KB. Source: reference/lti.md rules 10 and 20; OWASP SSRF prevention.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, urlunsplit

from lti_tool.lti.addresses import parse
from lti_tool.settings import Network, Security, is_loopback

CONNECT_S = 2.0
READ_S = 3.0
TOTAL_S = 5.0
LONGEST_BODY = 256 * 1024
_T = TypeVar("_T")
# IPv6 ranges through which a gateway may reach a private IPv4 address, and what older Pythons take
# for public: IPv4-compatible and -translated, NAT64, 6to4, site-local; IETF protocol assignments.
_DISGUISED = [
    ipaddress.ip_network(net)
    for net in (
        *("::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16"),
        *("fec0::/10", "192.0.0.0/24"),
    )
]


class Unreachable(Exception):
    """No usable answer: refused address, no connection, too slow, too long. Says which, no body."""


class AddressRefused(Unreachable):
    """Nobody was asked: the address itself is none we may call."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outbound:
    """Sends requests by the rules above."""

    allow_local_http: bool = False
    intranet: tuple[Network, ...] = ()
    ca_bundle: Path | None = None

    @classmethod
    def of(cls, rules: Security) -> "Outbound":
        return cls(rules.allow_local_http, rules.intranet, rules.ca_bundle)

    def get(self, url: str, *, accept: str, headers: Mapping[str, str] | None = None) -> Answer:
        """:raises Unreachable: no usable answer (any HTTP status is an answer)."""
        return self._send("GET", url, None, {"Accept": accept, **(headers or {})})

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Sends. :raises Unreachable: no usable answer; the platform may have received it."""
        return self._send("POST", url, body, headers)

    def put(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Sends. :raises Unreachable: no usable answer; the platform may have received it."""
        return self._send("PUT", url, body, headers)

    def _send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        parts = self._judged(url)
        exchange = _Exchange(parts, self)
        return _within(TOTAL_S, lambda: exchange.run(method, body, headers), exchange.abort)

    def _judged(self, url: str) -> SplitResult:
        parts = parse(url)
        if parts is None:
            raise AddressRefused("the address is not a usable URL")
        local = self.allow_local_http and is_loopback(parts.hostname or "")
        if parts.scheme != "https" and not local:
            raise AddressRefused("the address is not https")
        return parts


class _Exchange:
    """One request over one connection to one judged address."""

    def __init__(self, parts: SplitResult, rules: Outbound) -> None:
        self._parts = parts
        self._rules = rules
        self._connection: http.client.HTTPConnection | None = None

    def run(self, method: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        deadline = time.monotonic() + TOTAL_S
        connection = self._connection = self._connect()
        try:
            target = urlunsplit(("", "", self._parts.path or "/", self._parts.query, ""))
            connection.request(method, target, body, dict(headers))
            with connection.getresponse() as response:
                names = {name.lower(): value for name, value in response.getheaders()}
                return Answer(response.status, names, _read(response, deadline))
        finally:
            connection.close()

    def abort(self) -> None:
        sock = self._connection.sock if self._connection else None
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # already closed

    def _connect(self) -> http.client.HTTPConnection:
        host = self._parts.hostname or ""
        secure = self._parts.scheme == "https"
        port = self._parts.port or (443 if secure else 80)
        plain = self._first_open(host, port)
        plain.settimeout(READ_S)
        connection = http.client.HTTPConnection(host, port, timeout=READ_S)
        if secure:
            connection.default_port = 443  # keeps the port out of the Host header
            connection.sock = _trust(self._rules.ca_bundle).wrap_socket(plain, server_hostname=host)
        else:
            connection.sock = plain
        return connection

    def _first_open(self, host: str, port: int) -> socket.socket:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        # One private address among public ones is enough to refuse: which one is used is chance.
        if not all(_allowed(address, self._rules) for address in addresses):
            raise AddressRefused("the address is not public, nor of security.intranet")
        error = OSError("no address")
        for address in addresses:
            try:
                return socket.create_connection((address, port), timeout=CONNECT_S)
            except OSError as failed:
                error = failed
        raise error


@cache
def _trust(ca_bundle: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_bundle is not None:
        context.load_verify_locations(ca_bundle)
    return context


def _allowed(address: str, rules: Outbound) -> bool:
    ip = ipaddress.ip_address(address.split("%", 1)[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    if ip.is_loopback:
        return rules.allow_local_http
    if any(ip in net for net in rules.intranet):
        return True
    disguised = any(ip in net for net in _DISGUISED if net.version == ip.version)
    return ip.is_global and not ip.is_multicast and not disguised


def _read(response: http.client.HTTPResponse, deadline: float) -> bytes:
    body = b""
    while chunk := response.read1(65536):
        body += chunk
        if len(body) > LONGEST_BODY:
            raise Unreachable("the answer is too long")
        if time.monotonic() > deadline:
            raise Unreachable("the answer takes too long")
    return body


def _within(seconds: float, work: Callable[[], _T], abort: Callable[[], None]) -> _T:
    """Return the result of work, or give up in time: name resolution and a peer that drips one
    byte a second obey no socket timeout.

    :raises Unreachable: work failed, or did not end in time.
    """
    result: list[_T] = []
    failure: list[Exception] = []

    def run() -> None:
        try:
            result.append(work())
        except (OSError, http.client.HTTPException, ValueError, Unreachable) as error:
            failure.append(error)

    thread = threading.Thread(target=run, daemon=True, name="outbound")
    thread.start()
    thread.join(seconds)
    if result:
        return result[0]
    if not failure:
        abort()
        raise Unreachable("no answer in time")
    if isinstance(failure[0], Unreachable):
        raise failure[0]
    raise Unreachable(_reason(failure[0])) from None


def _reason(error: Exception) -> str:
    """Return why, in words that hold nothing of the answer."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its TLS certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return "the TLS handshake fails"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return "the host name is unknown"
    return f"no connection ({type(error).__name__})"
