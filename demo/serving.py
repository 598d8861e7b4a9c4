"""A waitress server that ends when it is told to, and closes its files when nobody uses them.

Waitress itself ends by an exception raised wherever its loop happens to be. And its threads wake
that loop by writing a byte to a file by number: closed while one still answers, the number may
already be somebody's database connection.
"""

import threading
from typing import Any

import waitress
from waitress import wasyncore

PATIENCE_S = 5.0  # for requests in hand


class Serving:
    """Listens from the start on; answers while `run` runs, or after `start` in a thread."""

    def __init__(
        self, app: Any, *, host: str = "127.0.0.1", port: int = 0, threads: int = 4, **more: Any
    ) -> None:
        """Listen; `more` are settings of waitress.

        :raises OSError: the address is not to be had.
        """
        self._here = waitress.create_server(app, host=host, port=port, threads=threads, **more)
        self.port = int(self._here.effective_port)
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def answer_with(self, app: Any) -> None:
        """Answer with another application from now on."""
        self._here.application = app

    def run(self) -> None:
        """Answer until `end`."""
        while not self._ending.is_set():
            self._here.asyncore.loop(timeout=1.0, use_poll=True, map=self._here._map, count=1)

    def start(self) -> None:
        """Answer in the background until `close`."""
        self._thread = threading.Thread(target=self.run, name="serving", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Let `run` return. From any thread, and from a signal handler."""
        if not self._ending.is_set():
            self._ending.set()
            self._here.pull_trigger()

    @property
    def answering(self) -> bool:
        """Whether a thread still is there, perhaps with a request in hand."""
        return bool(self._here.task_dispatcher.threads)

    def close(self) -> None:
        """Let requests in hand end, for a few seconds at most, and give the address back."""
        self.end()
        if self._thread:
            self._thread.join(PATIENCE_S)
        self._here.task_dispatcher.shutdown(timeout=PATIENCE_S)
        if self.answering:  # one still answers: only the address, and the files at the very end
            self._here.del_channel()
            self._here.socket.close()
        else:
            wasyncore.close_all(self._here._map)
