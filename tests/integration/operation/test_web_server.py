"""The web server as an operator meets it: several processes, stopping, dying, proxies."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from lti_tool.app import create_app
from lti_tool.bootstrap import House
from lti_tool.settings import ContentFolder
from lti_tool.store import migrations
from lti_tool.store.database import Database
from tests.conftest import free_port
from tests.integration.operation.running import Service, ask, serving

STRANGER = "iss=https%3A%2F%2Fnobody.example&login_hint=1&target_link_uri=http%3A%2F%2Flocalhost"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("web")
    with serving(f"sqlite:///{folder / 'web.db'}", folder) as running:
        yield running


def test_a_dead_process_is_replaced_and_nobody_notices(service: Service) -> None:
    victim, survivor = service.children()
    os.kill(victim, signal.SIGKILL)
    assert all(service.ask("/healthz")[0] == 200 for _ in range(20))
    until = time.monotonic() + 20
    while len(set(service.children()) - {victim, survivor}) < 1:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert "web process ended" in service.log.read_text()


def test_killed_with_no_chance_to_tidy_up_it_leaves_nothing_behind(service: Service) -> None:
    left = service.children()
    service.stop(signal.SIGKILL)
    service.start()
    assert service.ask("/healthz")[0] == 200
    # One that had only just begun notices as soon as it has loaded.
    until = time.monotonic() + 20
    while alive := [pid for pid in left if Path(f"/proc/{pid}/cmdline").is_file()]:
        assert time.monotonic() < until, alive
        time.sleep(0.05)


def test_a_taken_port_is_named_with_the_remedy(service: Service) -> None:
    command = [sys.executable, "-m", "lti_tool", "serve"]
    second = subprocess.run(command, env=service.environ, capture_output=True, text=True)
    assert second.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{service.port}" in second.stderr
    assert "ROADMAP__SERVER__PORT" in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_host_that_is_not_ours_is_no_taken_port(tmp_path: Path, host: str) -> None:
    url = f"sqlite:///{tmp_path / 'web.db'}"
    migrations.upgrade(Database(url))
    service = Service(url, tmp_path, {"ROADMAP__SERVER__HOST": host})
    command = [sys.executable, "-m", "lti_tool", "serve"]
    done = subprocess.run(command, env=service.environ, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"Cannot listen on {host}" in done.stderr
    assert "server.host" in done.stderr
    assert "Is it running already" not in done.stderr


def test_refusals_are_counted_over_all_processes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'web.db'}"
    with serving(url, tmp_path, ROADMAP__SECURITY__REFUSALS_PER_MINUTE="12") as service:
        while time.time() % 60 > 50:  # all of them within one minute
            time.sleep(0.5)
        answers = [service.ask("/lti/login", "POST", STRANGER)[0] for _ in range(20)]
    assert answers == [400] * 12 + [429] * 8 or answers == [403] * 12 + [429] * 8


def test_stopping_lets_what_is_in_hand_finish(tmp_path: Path) -> None:
    port = free_port()
    program = f"""
        import time
        from lti_tool import serving, settings

        def app(environ, start_response):
            time.sleep(1.5)
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"finished"]

        serving.answer(app, serving.listen("127.0.0.1", {port}), settings.load().server)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], cwd=tmp_path)
    _wait_for(port)
    said: list[tuple[int, str]] = []
    asking = threading.Thread(target=lambda: said.append(ask(port, "/")))
    asking.start()
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    with pytest.raises(OSError):  # nobody new is let in meanwhile
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    asking.join()
    assert said == [(200, "finished")]
    assert process.wait(10) == 0


def _wait_for(port: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("not up")


def test_people_who_send_byte_by_byte_keep_nobody_out(service: Service) -> None:
    head = b"POST /lti/login HTTP/1.1\r\nHost: x\r\n"
    with ExitStack() as held:
        for number in range(120):
            rest = b"Content-Length: 1000\r\n\r\na=" if number % 2 else b"X-Slow: "
            slow = socket.create_connection(("127.0.0.1", service.port))
            held.enter_context(slow).sendall(head + rest)
        assert service.ask("/healthz")[0] == 200


def test_a_head_without_end_is_refused(service: Service) -> None:
    assert service.ask("/healthz", head={"X-Long": "a" * 100_000})[0] == 431


@pytest.mark.parametrize(("proxies", "secure"), [("1", True), ("0", False)])
def test_forwarded_headers_are_believed_from_our_proxy_only(
    tmp_path: Path, proxies: str, secure: bool
) -> None:
    more = {
        "ROADMAP__ENVIRONMENT": "production",
        "ROADMAP__SERVER__BASE_URL": "https://roadmap.stadt.example",
        "ROADMAP__SERVER__TRUSTED_PROXIES": proxies,
        "ROADMAP__SECURITY__SECRET_KEY": "a-secret-of-this-test-with-more-than-32-characters",
    }
    with serving(f"sqlite:///{tmp_path / 'web.db'}", tmp_path, **more) as service:
        forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "roadmap.stadt.example"}
        code = service.ask("/lti/launch", "POST", "state=x&id_token=y", forwarded)[1]
        assert ('content="not-secure"' in code) is not secure
        # What a page says of our address comes from the setting, whatever a header says.
        evil = {"X-Forwarded-Host": "evil.example", "Host": "evil.example"}
        assert "evil.example" not in service.ask("/lti/register", head=evil)[1]


def test_ready_while_everything_is_there(service: Service) -> None:
    status, body = service.ask("/readyz")
    assert status == 200
    all_fine = {"ok": True, "database": "ok", "migrations": "ok", "content": "ok"}
    assert json.loads(body) == all_fine


def test_ready_says_which_part_is_missing(house: House) -> None:
    nowhere = replace(house.settings, content=ContentFolder(Path("/nowhere"), Path("/nowhere")))
    client = create_app(nowhere, replace(house, settings=nowhere)).test_client()
    with house.database.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    answer = client.get("/readyz")
    said = answer.get_json()
    assert answer.status_code == 503
    assert said["ok"] is False
    assert said["database"] == "ok"
    assert "older" in said["migrations"]
    assert "content.dir" in said["content"]


def test_keep_alive_connections_survive_many_requests(service: Service) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    for _ in range(50):
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()
    connection.close()
