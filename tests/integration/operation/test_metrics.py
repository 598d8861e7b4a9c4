"""/metrics: what an operator's monitoring reads, on a port of its own, without any person."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lti_tool.store.database import Database
from lti_tool.store.jobs import SqlJobs
from tests.integration.operation.running import Service, ask, serving


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("web")
    with serving(f"sqlite:///{folder / 'web.db'}", folder) as running:
        yield running


def test_requests_of_all_processes_are_added_up(service: Service) -> None:
    for _ in range(30):
        service.ask("/readyz")
    line = 'roadmap_requests_total{method="GET",route="/readyz",status="200"}'
    assert service.number(line) == 30
    assert service.number('roadmap_request_seconds_count{route="/readyz"}') == 30


def test_refusals_are_counted_by_code(service: Service) -> None:
    for _ in range(3):
        service.ask("/lti/login", "POST", "iss=x")
    assert service.number('roadmap_refusals_total{code="login-hint-missing"}') == 3


def test_what_waits_is_told(service: Service) -> None:
    database, then = Database(service.url), datetime.now(UTC) - timedelta(seconds=90)
    with database.begin() as conn:
        SqlJobs(conn).enqueue("purge", "all", {}, then)
    database.close()
    assert service.number('roadmap_jobs{state="waiting"}') == 1
    assert 85 < service.number("roadmap_jobs_overdue_seconds") < 150
    assert service.number("roadmap_database_up") == 1


def test_no_address_and_no_unknown_word_becomes_a_label(service: Service) -> None:
    service.ask("/l/0f0e0d0c-0b0a/profil")
    service.ask("/wp-admin/Robin-Lindner")
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(b"ROBIN / HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(100)
    said = service.metrics()
    assert "0f0e0d0c" not in said
    assert "obin" not in said.lower()
    assert 'route="/l/<launch>/profil"' in said
    assert 'route="(no such page)"' in said


def test_metrics_are_not_for_the_public(service: Service) -> None:
    assert service.ask("/metrics")[0] == 404
    assert ask(service.metrics_port, "/healthz")[0] == 404


def test_a_taken_port_of_metrics_stops_nobody_from_learning(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        url = f"sqlite:///{tmp_path / 'web.db'}"
        with serving(url, tmp_path, ROADMAP__METRICS__PORT=port) as service:
            assert service.ask("/healthz")[0] == 200
            assert "metrics are not served" in service.log.read_text()
