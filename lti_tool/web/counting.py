"""What is counted for /metrics while people work: requests and their times, launches, refusals.

Counts are of requests, never of persons: no tenant, no learner, no course, no address. What
somebody does with her own data (look, export, dispute, delete, private questions) is one line
together with leaving, so that not even a service with one user tells what she does. Several
processes count into one folder (PROMETHEUS_MULTIPROC_DIR, set by `roadmap serve`), and
`lti_tool.metrics` adds them up.
"""

import time

from flask import Flask, Response, g, request
from prometheus_client import Counter, Histogram

REQUESTS = Counter("roadmap_requests", "Answered requests.", ["route", "method", "status"])
SECONDS = Histogram(
    "roadmap_request_seconds",
    "Time from the request to its answer, in seconds.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0),
)
LAUNCHES = Counter("roadmap_launches", "Accepted launches.")
REFUSALS = Counter("roadmap_refusals", "Refused requests by code.", ["code"])

OWN = "/l/<launch>/(own data)"
_PRIVATE = ("/daten", "/nur-fuer-mich", "/profil/<code>", "/ende", "/hilfe", "/sprache")
_UNKNOWN = "(no such page)"
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE", "PATCH"))


def install(app: Flask) -> None:
    """Count every request of the app, refused ones too."""

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        route = _route()
        method = request.method if request.method in _METHODS else "(other)"
        REQUESTS.labels(route, method, str(response.status_code)).inc()
        SECONDS.labels(route).observe(time.perf_counter() - g.get("began", time.perf_counter()))
        if request.endpoint == "lti.launch" and response.status_code == 303:
            LAUNCHES.inc()
        return response


def refused(code: str) -> None:
    REFUSALS.labels(code).inc()


def _route() -> str:
    """Return the rule, never the address: that holds a launch."""
    if request.url_rule is None:
        return _UNKNOWN
    rule = request.url_rule.rule
    below = rule.removeprefix("/l/<launch>")
    return OWN if below != rule and below.startswith(_PRIVATE) else rule
