"""The app behind its real server, for a browser: one port, one thread pool, one stage."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from demo.serving import Serving
from tests.conftest import settings_for
from tests.pages.scene import Stage


@contextmanager
def served(folder: Path, content: Path | None = None, **environ: str) -> Iterator[Stage]:
    """Yield a stage whose pages are at its base_url; `content` instead of what is shipped."""
    logging.getLogger("waitress").setLevel(logging.ERROR)
    # The socket first: the base address is part of what the house is built with.
    server = Serving(Flask("placeholder"))
    base = f"http://localhost:{server.port}"
    url = f"sqlite:///{folder / 'pages.db'}"
    own = environ | ({"ROADMAP__CONTENT__DIR": str(content)} if content else {})
    stage = Stage(settings_for(url, ROADMAP__SERVER__BASE_URL=base, **own))
    server.answer_with(stage.app)
    server.start()
    try:
        yield stage
    finally:
        server.close()
        stage.close()
