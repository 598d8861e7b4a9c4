"""The server behind the demo and behind most tests ends without touching anybody else's files."""

import os
import select
import socket
import threading
import time

import pytest

from demo import serving
from demo.serving import Serving

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def test_closed_while_it_still_answers_it_writes_into_no_file_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A byte of waitress's, meant to wake its loop, has ended up in a database connection."""
    monkeypatch.setattr(serving, "PATIENCE_S", 0.05)
    begun, go_on = threading.Event(), threading.Event()

    def slow(_environ: object, start: object) -> list[bytes]:
        begun.set()
        go_on.wait(20)
        start("200 OK", [("Content-Length", "0")])  # type: ignore[operator]
        return [b""]

    server = Serving(slow, threads=1)
    server.start()
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(REQUEST)
        assert begun.wait(20)
        server.close()
        pipes = [os.pipe() for _ in range(20)]  # they get the numbers that are free again
        go_on.set()
        until = time.monotonic() + 20
        while server.answering and time.monotonic() < until:
            time.sleep(0.01)
        written, _, _ = select.select([read for read, _ in pipes], [], [], 0)
    server.close()  # what was left open for that thread
    for pair in pipes:
        os.close(pair[0])
        os.close(pair[1])
    assert written == []


def test_closed_twice_it_is_closed() -> None:
    server = Serving(lambda _environ, _start: [b""])
    server.start()
    server.close()
    server.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))
