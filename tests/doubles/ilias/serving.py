"""The double behind a real server, under two names: `localhost` and `127.0.0.1`."""

from collections.abc import Iterator
from contextlib import contextmanager

from waitress.server import create_server

from tests.doubles.ilias.app import create_app
from tests.doubles.ilias.world import Ilias
from tests.serving import in_the_background


@contextmanager
def running(ilias: Ilias, port: int = 0) -> Iterator[Ilias]:
    """Serve until the block ends; `base` is set. A server that checks tools asks them back."""
    server = create_server(create_app(ilias), host="127.0.0.1", port=port, threads=4)
    ilias.base = f"http://localhost:{server.effective_port}"
    in_the_background(server)
    try:
        yield ilias
    finally:
        server.close()
