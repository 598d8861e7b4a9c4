"""What is counted for /metrics while people work: requests and their times, launches, refusals.

Counts are of requests, never of persons: no tenant, no learner, no course, no address. What
somebody does with her own data (look, export, dispute, delete, private questions) is one line
together with leaving, so that not even a service with one user tells what she does. Several
processes count into one folder (PROMETHEUS_MULTIPROC_DIR, set by `roadmap serve`), and
`lti_tool.metrics` adds them up.
"""

import time
from functools import lru_cache

from flask import Flask, Response, request
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
_BEGAN = "roadmap.began"
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE", "PATCH"))


def install(app: Flask) -> None:
    """Count every request of the app, refused ones too."""

    @app.before_request
    def begin() -> None:
        request.environ[_BEGAN] = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        rule = request.url_rule
        route = _UNKNOWN if rule is None else _of_rule(rule.rule)
        began = request.environ.get(_BEGAN, time.perf_counter())
        answered(route, request.method, response.status_code, began)
        return response


def answered(route: str, method: str, status: int, began: float) -> None:
    """Count a request by its rule. `began` is what time.perf_counter() said then."""
    _requests(route, method if method in _METHODS else "(other)", status).inc()
    _seconds(route).observe(time.perf_counter() - began)
    if route == "/lti/launch" and status == 303:
        LAUNCHES.inc()


@lru_cache(maxsize=2048)  # routes, methods and statuses are few
def _requests(route: str, method: str, status: int) -> Counter:
    return REQUESTS.labels(route, method, str(status))


@lru_cache(maxsize=512)
def _seconds(route: str) -> Histogram:
    return SECONDS.labels(route)


def refused(code: str) -> None:
    REFUSALS.labels(code).inc()


@lru_cache(maxsize=512)
def _of_rule(rule: str) -> str:
    """Return the rule, never the address: that holds a launch."""
    below = rule.removeprefix("/l/<launch>")
    return OWN if below != rule and below.startswith(_PRIVATE) else rule
