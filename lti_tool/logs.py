"""Structured logs: an allow-list of fields, so that no name, token or answer can slip in.

Every event is a short English word group; persons appear, if at all, as their internal id. What is
not on the list is dropped and its field name counted, never its value. A value is a number or one
short line. What nobody caught ends here too (`guard`): its kind and its place, never its words.
"""

import json
import logging
import sys
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

ALLOWED = frozenset(
    (
        *("event", "level", "timestamp", "code", "status", "method", "route", "ms", "reason"),
        *("platform", "tenant", "skew_s", "count", "version", "where", "seconds"),
        *("job", "attempts", "lrs", "pages", "received", "stored", "kind", "state"),
        *("error", "exception_type", "port", "address"),
        *("number",),  # the short number on a refusal page
    )
)
LONGEST = 300  # characters of a value: an error's sentence, never a body


def _only_allowed(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    kept = {k: _line(v) for k, v in event.items() if k in ALLOWED and _plain(v)}
    dropped = sorted(str(key) for key in event.keys() - kept.keys())
    return kept | ({"dropped": dropped} if dropped else {})


def _plain(value: object) -> bool:
    # An object would be shown by its repr, and nobody knows what that quotes.
    return value is None or isinstance(value, str | int | float | bool)


def _line(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not value.isprintable():
        value = "".join(c if c.isprintable() else " " for c in value)
    return value[:LONGEST]


def configure(*, fmt: str = "json", level: str = "INFO") -> None:
    """Send all logs of this process to stderr, in one shape."""
    render: Any = (
        structlog.processors.JSONRenderer()
        if fmt == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _only_allowed,
    ]
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(file=_Patient(sys.stderr)),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )
    # Libraries log through the standard module. Their messages may quote URLs or bodies, so only
    # warnings pass, and only as the logger's name and level.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Library())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def guard() -> None:
    """Let nothing that is uncaught in this process tell its words: a message may quote data."""

    def crashed(
        kind: type[BaseException], _error: object, trace: TracebackType | None, event: str
    ) -> None:
        line = {"level": "error", "event": event, "exception_type": kind.__name__}
        print(json.dumps(line | {"where": place_of(trace)}), file=sys.stderr, flush=True)

    sys.excepthook = lambda kind, error, trace: crashed(kind, error, trace, "crashed")
    threading.excepthook = lambda args: crashed(
        args.exc_type, args.exc_value, args.exc_traceback, "thread crashed"
    )
    sys.unraisablehook = lambda args: crashed(
        args.exc_type, args.exc_value, args.exc_traceback, "could not be raised"
    )
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # it would print a record that cannot be written


def place_of(trace: TracebackType | None) -> str:
    """Return the function and line in which something was raised."""
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else ""


class _Patient:
    """A stream for logs: where they cannot be written (a full disk, a stream that somebody closed),
    the work goes on without."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


class _Library(logging.Formatter):
    """Level, logger and kind of exception: messages and traces of libraries may quote data."""

    def format(self, record: logging.LogRecord) -> str:
        kind = record.exc_info[0] if record.exc_info else None
        line = {"level": record.levelname.lower(), "event": "library", "logger": record.name}
        return json.dumps(line | ({"exception_type": kind.__name__} if kind else {}))


def log() -> Any:
    return structlog.get_logger()
