"""/metrics on a port of its own, in the text format of Prometheus: counts and times, no person.

What the web processes counted is added up; what waits (jobs, outbox, activity) is read from the
database when somebody asks. No number is per municipality: where few people work, a count of them
would tell of few.
"""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from lti_tool.errors import DatabaseError
from lti_tool.logs import log
from lti_tool.store import lrs, waiting
from lti_tool.store.database import Database
from lti_tool.store.lrs import COUNTS


@dataclass(frozen=True)
class Waiting:
    """A collector that looks into the database."""

    database: Database

    def collect(self) -> Iterator[Metric]:
        now = datetime.now(UTC)
        try:
            with self.database.read() as conn:
                jobs, outbox = waiting.jobs(conn, now), waiting.outbox(conn, now)
                connections = lrs.status(conn, now)
        except DatabaseError:
            yield GaugeMetricFamily("roadmap_database_up", "1: the database answers.", 0)
            return
        yield GaugeMetricFamily("roadmap_database_up", "1: the database answers.", 1)
        yield _by_state("roadmap_jobs", "Jobs by state.", jobs.states)
        yield GaugeMetricFamily(
            "roadmap_jobs_overdue_seconds", "How long the oldest due job waits.", jobs.oldest_s
        )
        yield _by_state("roadmap_outbox", "Deliveries by state.", outbox.states)
        yield GaugeMetricFamily(
            "roadmap_outbox_oldest_seconds", "How long the oldest one waits.", outbox.oldest_s
        )
        yield from _lrss(connections)


def _lrss(connections: Sequence[Mapping[str, Any]]) -> Iterator[Metric]:
    """Yield times per LRS, and counts over all of them."""
    for name, words, value in LRS_GAUGES:
        family = GaugeMetricFamily(name, words, labels=["lrs"])
        for row in connections:
            if (number := value(row)) is not None:
                family.add_metric([row["id"]], float(number))
        yield family
    counts = {name: sum(row[name] for row in connections) for name in COUNTS}
    yield _by_state("roadmap_statements", "Activity by what became of it, each once.", counts)
    yield GaugeMetricFamily(
        "roadmap_statements_late",
        "How many came after a pull had passed them.",
        sum(row["late"] for row in connections),
    )


#: Name, words, and the value of a row of `lrs.status` (None: nothing to tell).
LRS_GAUGES: tuple[tuple[str, str, Callable[[Mapping[str, Any]], float | None]], ...] = (
    (
        "roadmap_lrs_lag_seconds",
        "Since all activity was last here, per LRS.",
        lambda row: row["lag_s"],
    ),
    (
        "roadmap_lrs_failing",
        "1: the last pull failed.",
        lambda row: row["last_error"] is not None,
    ),
    (
        "roadmap_lrs_overlap_seconds",
        "How far each pull looks back behind the last.",
        lambda row: row["overlap_s"],
    ),
    (
        "roadmap_lrs_importing",
        "1: a pull is under way that takes longer than one go.",
        lambda row: row["in_progress"],
    ),
)


def _by_state(name: str, words: str, states: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=["state"])
    for state, number in states.items():
        family.add_metric([state], number)
    return family


def text(database: Database, folder: str | None) -> bytes:
    """Return all metrics. `folder` is where several processes count; None: only this one."""
    parts = CollectorRegistry()
    parts.register(Waiting(database))
    counted: CollectorRegistry = REGISTRY
    if folder is not None:
        counted = CollectorRegistry()
        MultiProcessCollector(counted, path=folder)  # type: ignore[no-untyped-call]
    return generate_latest(counted) + generate_latest(parts)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say only what kind of error it was: a trace may quote data."""
        kind = sys.exc_info()[0]
        log().warning("metrics could not be told", exception_type=kind.__name__ if kind else "")


def serve(host: str, port: int, database: Database, folder: str | None) -> None:
    """Answer GET /metrics in a thread; a taken port is told, and people go on learning."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10
        server_version, sys_version = "roadmap", ""

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics":
                self.send_error(404)
                return
            body = text(database, folder)
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE_LATEST)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    try:
        server = _Server((host, port), Handler)
    except OSError as error:
        log().warning(
            "metrics are not served",
            port=port,
            error=f"{error.strerror}: choose another ROADMAP__METRICS__PORT (0: off)",
        )
        return
    threading.Thread(target=server.serve_forever, daemon=True).start()
