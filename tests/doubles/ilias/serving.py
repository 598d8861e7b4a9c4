"""The double behind a real server, under two names: `localhost` and `127.0.0.1`."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from demo.serving import Serving
from tests.doubles.ilias.app import create_app
from tests.doubles.ilias.world import Ilias

_used: set[int] = set()


def _new() -> int:
    """Return a port that no installation had before: its address is its name to a tool."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in _used:
            _used.add(port)
            return port


@contextmanager
def running(ilias: Ilias, port: int = 0) -> Iterator[Ilias]:
    """Serve until the block ends; `base` is set. A server that checks tools asks them back."""
    server = Serving(create_app(ilias), port=port or _new())
    ilias.base = f"http://localhost:{server.port}"
    server.start()
    try:
        yield ilias
    finally:
        server.close()
