"""The client against answers that no store should give: cut, packed, endless, elsewhere, busy.

A server of sockets says each answer byte by byte, as broken proxies and broken stores do.
"""

import gzip
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from xapi_bridge.client import LARGEST_ANSWER_BYTES, Client
from xapi_bridge.errors import (
    CredentialsRefused,
    ForeignMore,
    MalformedPage,
    MoreExpired,
    RequestRefused,
    ResponseTooLarge,
    StoreBusy,
    StoreUnreachable,
)
from xapi_bridge.statement import parse_page

PAGE = b'{"statements":[],"more":""}'
Say = Callable[[socket.socket], None]


class Server:
    """Says the answers in turn, the last one again and again; notes what it was asked."""

    def __init__(self, *answers: Say | bytes) -> None:
        self.answers, self.asked = list(answers), list[bytes]()
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(16)
        self.endpoint = f"http://127.0.0.1:{self._socket.getsockname()[1]}/xapi"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self.asked.append(connection.recv(1 << 16))
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                try:
                    answer(connection) if callable(answer) else connection.sendall(answer)
                except OSError:
                    continue  # the client has had enough


def http(body: bytes, *headers: str, status: str = "200 OK", length: bool = True) -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, "Connection: close"]
    lines += [f"Content-Length: {len(body)}"] if length else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def busy(*headers: str, status: str = "429 Too Many Requests") -> bytes:
    return http(b"later", *headers, status=status)


Serving = Callable[..., tuple[Server, Client]]


@pytest.fixture
def serving() -> Iterator[Serving]:
    with ExitStack() as stack:

        def made(*answers: Say | bytes, **options: object) -> tuple[Server, Client]:
            server = Server(*answers)
            stack.callback(server.close)
            client = Client(server.endpoint, "schlüssel", "geheim–ß", **options)  # type: ignore[arg-type]
            return server, stack.enter_context(client)

        yield made


# --- what is asked ----------------------------------------------------------------------------


def test_every_request_says_version_key_and_that_it_may_be_packed(serving: Serving) -> None:
    server, client = serving(http(PAGE), version="2.0.0")
    client.first(0, 0)
    asked = server.asked[0].decode()
    instant = "1970-01-01T00%3A00%3A00.000000Z"
    assert f"GET /xapi/statements?ascending=true&limit=1&since={instant} " in asked
    assert "X-Experience-API-Version: 2.0.0" in asked
    assert "Accept-Encoding: gzip" in asked
    # UTF-8, as stores read it: "schlüssel:geheim–ß".
    assert "Basic c2NobMO8c3NlbDpnZWhlaW3igJPDnw==" in asked


def test_a_connection_is_kept_for_the_next_request() -> None:
    connections = []
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(4)

    def serve() -> None:
        connection, _ = listening.accept()
        connections.append(connection)
        for _ in range(3):
            connection.recv(1 << 16)
            connection.sendall(http(PAGE).replace(b"Connection: close\r\n", b""))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with Client(f"http://127.0.0.1:{listening.getsockname()[1]}/xapi", "k", "s") as client:
        for _ in range(3):
            client.first(None, 5)
    thread.join(5)
    assert len(connections) == 1
    connections[0].close()
    listening.close()


# --- what is answered -------------------------------------------------------------------------


@pytest.mark.parametrize("pack", ["gzip", "deflate", "gzip, gzip"])
def test_packed_answers_are_read(serving: Serving, pack: str) -> None:
    body = zlib.compress(PAGE) if pack == "deflate" else gzip.compress(PAGE)
    body = gzip.compress(body) if "," in pack else body
    _server, client = serving(http(body, f"Content-Encoding: {pack}"))
    assert client.first(None, 5).body == PAGE


@pytest.mark.parametrize("layers", [1, 2])
def test_a_bomb_of_zeros_is_not_unpacked_into_memory(serving: Serving, layers: int) -> None:
    bomb = gzip.compress(b" " * (64 << 20), compresslevel=1)
    for _ in range(layers - 1):
        bomb = gzip.compress(bomb)
    packed = ", ".join(["gzip"] * layers)
    _server, client = serving(http(bomb, f"Content-Encoding: {packed}"), largest_bytes=1 << 20)
    with pytest.raises(ResponseTooLarge):
        client.first(None, 5)


def test_an_answer_larger_than_the_cap_is_given_up_where_it_reaches_it(serving: Serving) -> None:
    sent = []

    def endless(connection: socket.socket) -> None:
        connection.sendall(http(b"", length=False))
        for _ in range(100_000):
            connection.sendall(b" " * 65536)
            sent.append(1)

    _server, client = serving(endless, largest_bytes=1 << 20)
    with pytest.raises(ResponseTooLarge):
        client.first(None, 5)
    assert len(sent) < 1000
    assert LARGEST_ANSWER_BYTES <= 256 << 20


def test_an_answer_that_trickles_ends_some_time(serving: Serving) -> None:
    def trickle(connection: socket.socket) -> None:
        connection.sendall(http(b"", length=False))
        for _ in range(200):
            connection.sendall(b" ")
            time.sleep(0.02)

    _server, client = serving(trickle, longest_s=0.3, patience_s=0.0)
    began = time.monotonic()
    with pytest.raises(StoreUnreachable, match="longer than"):
        client.first(None, 5)
    assert time.monotonic() - began < 2.0


def test_silence_ends_after_the_time_to_read(serving: Serving) -> None:
    _server, client = serving(lambda _c: time.sleep(3.0), read_timeout_s=0.2, patience_s=0.0)
    began = time.monotonic()
    with pytest.raises(StoreUnreachable):
        client.first(None, 5)
    assert time.monotonic() - began < 2.0


def reset(connection: socket.socket) -> None:
    connection.sendall(http(PAGE)[:-10])
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
CUT = {
    "reset": reset,
    "short": http(PAGE)[:-10],
    "chunk-cut": CHUNKED + b"1b\r\n" + PAGE[:9],
    "no-last-chunk": CHUNKED + b"1b\r\n" + PAGE + b"\r\n",
    "no-chunk": CHUNKED + b"what?\r\n",
    "no-gzip": http(b"no gzip at all", "Content-Encoding: gzip"),
    "no-http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing": b"",
}


@pytest.mark.parametrize("kind", CUT)
def test_an_answer_that_breaks_off_is_asked_for_again(serving: Serving, kind: str) -> None:
    server, client = serving(CUT[kind], http(PAGE))
    assert client.first(None, 5).body == PAGE
    assert len(server.asked) == 2


@pytest.mark.parametrize("kind", CUT)
def test_a_store_whose_answers_always_break_off_is_unreachable(serving: Serving, kind: str) -> None:
    _server, client = serving(CUT[kind], patience_s=0.0)
    with pytest.raises(StoreUnreachable):
        client.first(None, 5)


@pytest.mark.parametrize(
    "body",
    [b"<!doctype html><title>Wartung</title>", b"", b"[]", b'{"statements":', PAGE[:-1], b"null"],
    ids=["html", "empty", "list", "cut", "open", "null"],
)
def test_a_page_that_is_none_is_never_taken_for_an_empty_one(serving: Serving, body: bytes) -> None:
    _server, client = serving(http(body))
    with pytest.raises(MalformedPage):
        parse_page(client.first(None, 5).body)


def test_nothing_is_followed_and_our_key_goes_nowhere_else(serving: Serving) -> None:
    elsewhere, _ = serving(http(PAGE))
    there = elsewhere.endpoint
    _server, client = serving(http(b"", f"Location: {there}/statements", status="302 Found"))
    with pytest.raises(RequestRefused):
        client.first(None, 5)
    for more in (f"{there}/statements?x", "//127.0.0.1:1/x", "https:///x", "http://[", "ftp://a/"):
        with pytest.raises(ForeignMore):
            client.next(more)
    assert elsewhere.asked == []


@pytest.mark.parametrize("status", [400, 404, 410, 422, 500])
def test_a_link_that_is_refused_was_forgotten(serving: Serving, status: int) -> None:
    _server, client = serving(http(b"", status=f"{status} No"))
    with pytest.raises(MoreExpired):
        client.next("/xapi/statements?more=1")


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_not_tried_again(serving: Serving, status: int) -> None:
    server, client = serving(http(b"", status=f"{status} No"))
    with pytest.raises(CredentialsRefused):
        client.first(None, 5)
    assert len(server.asked) == 1


# --- waiting ----------------------------------------------------------------------------------


def a_date(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("header", "waited"),
    [
        (lambda: "Retry-After: 3", (3.0, 3.0)),
        (lambda: f"Retry-After: {a_date(90)}", (30.0, 91.0)),  # from when the test runs
        (lambda: f"Retry-After: {a_date(-90)}", (0.2, 0.6)),  # is over: it says nothing
        (lambda: "Retry-After: 0", (0.01, 0.1)),
        (lambda: "Retry-After: soon", (0.2, 0.6)),
        (lambda: "X: y", (0.2, 0.6)),
    ],
    ids=["seconds", "date", "past", "zero", "words", "none"],
)
def test_it_waits_as_long_as_it_is_asked_to(
    serving: Serving, header: Callable[[], str], waited: tuple[float, float]
) -> None:
    naps: list[float] = []
    server, client = serving(busy(header()), http(PAGE), patience_s=300.0, sleep=naps.append)
    client.first(None, 5)
    assert len(server.asked) == 2
    assert waited[0] <= sum(naps) <= waited[1]


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_it_is_asked_for_more_patience_than_it_has_and_says_so(
    serving: Serving, status: int
) -> None:
    server, client = serving(busy("Retry-After: 120", status=f"{status} Busy"), patience_s=5.0)
    with pytest.raises(StoreBusy) as caught:
        client.first(None, 5)
    assert caught.value.wait_s == 120.0
    assert len(server.asked) == 1


def test_without_a_word_it_waits_longer_each_time_and_not_for_ever(serving: Serving) -> None:
    naps: list[float] = []
    server, client = serving(busy(status="503 Busy"), patience_s=1e6, sleep=naps.append)
    with pytest.raises(StoreBusy):
        client.first(None, 5)
    assert len(server.asked) == len(naps) + 1 == 8
    for n, nap in enumerate(naps):
        assert 0.25 * 2**n <= nap <= 0.5 * 2**n


def test_posts_are_sent_again_too_because_their_ids_are_ours(serving: Serving) -> None:
    server, client = serving(busy("Retry-After: 0"), reset, http(b"[]"))
    client.send([{"id": "00000000-0000-4000-8000-00000000aaaa"}])
    assert [asked[:4] for asked in server.asked] == [b"POST"] * 3


def test_an_unknown_host_is_named_as_such_and_no_secret_with_it() -> None:
    client = Client("http://no-such-host.invalid/xapi", "k", "geheim", patience_s=0.0)
    with client, pytest.raises(StoreUnreachable) as caught:
        client.first(None, 5)
    assert "address" in str(caught.value)
    assert "geheim" not in str(caught.value)
