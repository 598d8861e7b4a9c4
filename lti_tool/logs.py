"""Structured logs: an allow-list of fields, so that no name, token or answer can slip in.

Every event is a short English word group; persons appear, if at all, as their internal id. What is
not on the list is dropped and its field name counted, never its value.
"""

import json
import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

ALLOWED = frozenset(
    (
        *("event", "level", "timestamp", "code", "status", "method", "route", "ms", "reason"),
        *("platform", "tenant", "deployment", "skew_s", "count", "version", "where", "seconds"),
        *("job", "attempts", "lrs", "pages", "received", "stored", "kind", "target", "state"),
        *("error", "exception_type", "url_host", "port", "address", "steps", "name", "remedy"),
        *("number",),  # the short number on a refusal page
    )
)


def _only_allowed(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    dropped = [key for key in event if key not in ALLOWED]
    for key in dropped:
        del event[key]
    if dropped:
        event["dropped"] = sorted(dropped)
    return event


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
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries log through the standard module. Their messages may quote URLs or bodies, so only
    # warnings pass, and only as the logger's name and level.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Library())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


class _Library(logging.Formatter):
    """Level, logger and kind of exception: messages and traces of libraries may quote data."""

    def format(self, record: logging.LogRecord) -> str:
        kind = record.exc_info[0] if record.exc_info else None
        line = {"level": record.levelname.lower(), "event": "library", "name": record.name}
        return json.dumps(line | ({"exception_type": kind.__name__} if kind else {}))


def log() -> Any:
    return structlog.get_logger()
