"""A waitress server in a thread of a test."""

import threading
from contextlib import suppress
from typing import Any


def in_the_background(server: Any) -> None:
    """Serve until the test closes the server, which ends waitress's loop with an OSError."""

    def run() -> None:
        with suppress(OSError):
            server.run()

    threading.Thread(target=run, daemon=True).start()
