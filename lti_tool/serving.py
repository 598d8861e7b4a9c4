"""The production web server: waitress, in as many processes as there are cores, on one socket.

A single process answers; with `server.processes` above 1 this process only watches over others
that share its socket: it starts one again that died, and ends all of them together. SIGTERM lets
requests in hand finish, for `server.stop_s` at most. Why waitress, and why not gunicorn or granian:
docs/adr/0009-web-server.md.
"""

import errno
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import waitress
from waitress.task import ThreadedTaskDispatcher

from lti_tool import heap
from lti_tool.errors import RoadmapError
from lti_tool.logs import log
from lti_tool.settings import Server

#: A server that was just killed leaves the port to the next one within this time.
BIND_PATIENCE_S = 3.0
#: A process that lived shorter than this is not started again at once.
SHORT_LIFE_S = 5.0

#: One interpreter computes at a time: threads beyond these only take turns, and each turn costs.
THREADS_AT_EASE = 2
#: Who is still the next after this time waits for threads that wait themselves: another one helps.
STUCK_S = 0.05
IDLE_S = 5.0

SERVING: dict[str, Any] = {
    # Errors of ours are pages; what is left never shows a stack trace.
    "expose_tracebacks": False,
    "ident": None,
    # The app itself decides which proxies it believes (server.trusted_proxies). By default waitress
    # takes X-Forwarded-* away, and behind a proxy with TLS every launch would be "not secure".
    "clear_untrusted_proxy_headers": False,
    "max_request_header_size": 64 * 1024,
    "max_request_body_size": 32 * 1024 * 1024,
    # A browser keeps up to six connections open, and whoever sends a request byte by byte holds
    # one each: the server's own 100 for two minutes are taken by one person. poll() knows no 1024.
    "connection_limit": 2000,
    "channel_timeout": 30,
    "cleanup_interval": 5,
    "asyncore_use_poll": True,
}


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    :raises RoadmapError: the address is taken or not ours.
    """
    until = time.monotonic() + BIND_PATIENCE_S
    while True:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return socket.create_server((host, port), family=family, backlog=1024)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > until:
                raise RoadmapError(
                    f"Cannot listen on {host}:{port} ({error.strerror or error}).",
                    remedy=_to_do(error),
                ) from None
            time.sleep(0.1)


def _to_do(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "Is it running already? Choose another port: ROADMAP__SERVER__PORT=8081"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "Ports below 1024 are for root: choose another, ROADMAP__SERVER__PORT=8081"
    # A name that is not known, or an address of another machine.
    return "server.host must be an address of this machine: 127.0.0.1 behind a proxy, or 0.0.0.0"


def _quiet() -> None:
    # It warns whenever a request waits for a thread: under load that is many lines a second, and
    # roadmap_request_seconds says it better.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


class Crew(ThreadedTaskDispatcher):  # type: ignore[misc]
    """As few threads as keep a processor busy; more while those wait for a platform or a lock."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._fewest, self._most = min(THREADS_AT_EASE, most), most
        self._next: object = None  # who is to be answered next, and since when
        self._since = self._changed = time.monotonic()
        self.set_thread_count(self._fewest)

    @property
    def patience_s(self) -> float:
        """Return after how many seconds to look again."""
        return STUCK_S if self.queue else 1.0

    def look(self) -> None:
        """Add a thread if nobody took the next request; take one away when that is long ago."""
        now = time.monotonic()
        try:
            first = self.queue[0]
        except IndexError:
            first = None
        if first is not self._next:
            self._next, self._since = first, now
        if first is not None and now - self._since > STUCK_S:
            self._resize(1, now)
        elif now - self._changed > IDLE_S:
            self._resize(-1, now)

    def _resize(self, by: int, now: float) -> None:
        self._since = self._changed = now
        running = len(self.threads) - self.stop_count
        self.set_thread_count(min(max(running + by, self._fewest), self._most))


def answer(app: Any, listening: socket.socket, server: Server) -> None:
    """Answer requests until SIGTERM or SIGINT; what is in hand then is finished."""
    _quiet()
    heap.settle()
    stopping = threading.Event()
    crew = Crew(server.threads)
    here = waitress.create_server(app, sockets=[listening], _dispatcher=crew, **SERVING)

    def stop(*_: object) -> None:
        stopping.set()
        here.pull_trigger()  # wakes the loop

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    while not stopping.is_set():
        _turn(here, crew.patience_s)
        crew.look()
    _finish(here, server.stop_s)


def _finish(here: Any, patience_s: float) -> None:
    """Take no new connection, let every request in hand end, and close."""
    here.accepting = False
    here.del_channel()
    here.socket.close()
    until = time.monotonic() + patience_s
    while _busy(here) and time.monotonic() < until:
        _turn(here, 0.05)
    here.task_dispatcher.shutdown(timeout=0.1)


def _busy(here: Any) -> bool:
    channels = list(here.active_channels.values())
    return any(c.requests or c.total_outbufs_len for c in channels)


def _turn(here: Any, timeout_s: float) -> None:
    here.asyncore.loop(timeout=timeout_s, use_poll=True, map=here._map, count=1)


def end_with(guard: int) -> None:
    """End this process when the other end of this pipe goes away: nobody would watch it."""

    def wait() -> None:
        os.read(guard, 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


@dataclass
class Child:
    process: subprocess.Popen[bytes]
    began: float


@dataclass
class Overseer:
    """Keeps `number` processes of `command(socket, guard)` running. `run` returns after SIGTERM."""

    command: Callable[[int, int], Sequence[str]]
    listening: socket.socket
    server: Server
    environ: Mapping[str, str]
    _children: list[Child] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        # Its other end stays with us; when we are gone, however, the children read its end.
        self._guard, ours = os.pipe()
        try:
            self._children = [self._start() for _ in range(self.server.processes)]
            while not self._stopping.wait(0.2):
                self._children = [self._alive(child) for child in self._children]
        finally:
            self._end()
            os.close(ours)

    def _start(self) -> Child:
        socket_fd = self.listening.fileno()
        process = subprocess.Popen(
            self.command(socket_fd, self._guard),
            pass_fds=(socket_fd, self._guard),
            env=dict(self.environ),
            # Ctrl-C in a terminal reaches us only; we end the others in order.
            start_new_session=True,
        )
        return Child(process, time.monotonic())

    def _alive(self, child: Child) -> Child:
        if child.process.poll() is None:
            return child
        log().error("web process ended", status=child.process.returncode)
        if time.monotonic() - child.began < SHORT_LIFE_S:
            self._stopping.wait(1.0)
        return child if self._stopping.is_set() else self._start()

    def _end(self) -> None:
        for child in self._children:
            if child.process.poll() is None:
                child.process.terminate()
        self.listening.close()
        until = time.monotonic() + self.server.stop_s + 2
        for child in self._children:
            try:
                child.process.wait(timeout=max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()


def itself(*arguments: str) -> list[str]:
    """Return the command that runs this program again."""
    return [sys.executable, "-m", "lti_tool", *arguments]
