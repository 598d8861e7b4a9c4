"""The app behind its real server, for a browser: one port, one thread pool, one stage."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from waitress.server import create_server

from tests.conftest import settings_for
from tests.pages.scene import Stage
from tests.serving import in_the_background


@contextmanager
def served(folder: Path, content: Path | None = None, **environ: str) -> Iterator[Stage]:
    """Yield a stage whose pages are at its base_url; `content` instead of what is shipped."""
    logging.getLogger("waitress").setLevel(logging.ERROR)
    # The socket first: the base address is part of what the house is built with.
    server = create_server(Flask("placeholder"), host="127.0.0.1", port=0, threads=4)
    base = f"http://localhost:{server.effective_port}"
    url = f"sqlite:///{folder / 'pages.db'}"
    own = environ | ({"ROADMAP__CONTENT__DIR": str(content)} if content else {})
    stage = Stage(settings_for(url, ROADMAP__SERVER__BASE_URL=base, **own))
    server.application = stage.app
    in_the_background(server)
    try:
        yield stage
    finally:
        server.close()
        stage.close()
