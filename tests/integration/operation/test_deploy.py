"""The examples an operator copies: linted, about this program, and two proxies tried for real."""

import os
import re
import shutil
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from lti_tool import settings
from lti_tool.settings import ROOT
from tests.conftest import free_port, missing
from tests.integration.faults.tls import Authority
from tests.integration.operation.running import Service, serving
from tests.unit.docs.test_docs import COMMANDS, fields

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COPIED = sorted(f for f in DEPLOY.rglob("*") if f.is_file())
EXAMPLES = [*COPIED, ROOT / "Dockerfile", ROOT / "compose.yaml"]
VARIABLES = {f"ROADMAP__{key.replace('.', '__').upper()}" for key in fields(settings.Settings)}
HOST = "localhost"


def name(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", EXAMPLES, ids=name)
def test_an_example_names_settings_and_commands_that_exist(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for variable in re.findall(r"ROADMAP__[A-Z_]+[A-Z]", text):
        assert variable.removesuffix("_FILE") in VARIABLES, variable
    for said in re.findall(r"(?:bin/|`|\[\"?)roadmap\"?,? ([a-z\", ]+)", text):
        words = re.findall("[a-z]+", said)
        assert any(" ".join(["roadmap", *words[:n]]) in COMMANDS for n in (1, 2, 3)), said


def test_the_dockerfile_is_linted() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, "Dockerfile"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_the_dockerfile_copies_is_not_kept_from_it() -> None:
    kept_out = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    for needed in ("requirements", "config", "migrations", "content", "assets", "tools"):
        assert (ROOT / needed).exists()
        assert needed not in kept_out
    assert {".git", "secrets", "var"} <= set(kept_out)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def test_compose_runs_database_web_and_worker_after_the_migration(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"db", "migrate", "web", "worker"}
    for one in ("web", "worker"):
        waits = services[one]["depends_on"]["migrate"]["condition"]
        assert waits == "service_completed_successfully"


def test_compose_names_only_what_it_defines(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert set(service.get("secrets", [])) <= set(compose["secrets"])
        named = {volume.partition(":")[0] for volume in service.get("volumes", [])}
        assert named <= set(compose["volumes"])
        assert set(service.get("depends_on", {})) <= set(compose["services"])


def test_compose_holds_no_secret_and_opens_nothing_to_the_world(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for variable, value in service["environment"].items():
            secret = re.search("PASSWORD|SECRET|URL", variable) and "BASE_URL" not in variable
            assert not secret or value.startswith("/run/secrets/"), variable
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_settings_of_compose_are_accepted_in_production(
    compose: dict[str, Any], tmp_path: Path
) -> None:
    given = dict(compose["services"]["web"]["environment"])
    given["ROADMAP__SERVER__BASE_URL"] = "https://roadmap.stadt.example"
    for variable, text in (
        ("ROADMAP__DATABASE__URL_FILE", "postgresql+psycopg://roadmap:x@db/roadmap\n"),
        ("ROADMAP__SECURITY__SECRET_KEY_FILE", "0123456789abcdef" * 4),
    ):
        file = tmp_path / variable
        file.write_text(text)
        given[variable] = str(file)
    loaded = settings.load(given)
    assert loaded.environment == "production"
    assert loaded.database.url == "postgresql+psycopg://roadmap:x@db/roadmap"


@pytest.mark.parametrize("unit", UNITS, ids=name)
def test_systemd_understands_the_units(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        missing("systemd-analyze", "apt-get install systemd")
    copy = tmp_path / unit.name
    # Everything but the program, which is not installed at that place on this machine.
    copy.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.M))
    verify = ["systemd-analyze", "verify", str(copy)]
    done = subprocess.run(verify, capture_output=True, text=True)
    assert unit.name not in done.stderr, done.stderr


# --- the web server in front ---------------------------------------------------------------------


@contextmanager
def nginx(service: Service, tls_port: int, certificate: Path, folder: Path) -> Iterator[None]:
    """Run nginx with the example, changed in nothing but ports and paths."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if program is None:
        missing("nginx", "apt-get install nginx-light")
    text = _moved((DEPLOY / "nginx" / "roadmap.conf").read_text(), service, tls_port, certificate)
    text = text.replace("/var/log/nginx", str(folder)).replace("/etc/nginx", str(folder))
    text = text.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
    (folder / "roadmap-proxy.conf").write_text(
        (DEPLOY / "nginx" / "roadmap-proxy.conf").read_text()
    )
    temps = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    user = "user root; " if os.geteuid() == 0 else ""  # pytest's folders are for us only
    main.write_text(
        f"{user}daemon off; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}} http {{ {temps}\n{text}\n}}\n"
    )
    with _running([str(program), "-c", str(main)], tls_port, folder / "error.log"):
        yield


@contextmanager
def apache(service: Service, tls_port: int, certificate: Path, folder: Path) -> Iterator[None]:
    """Run Apache with the example, changed in nothing but ports and paths."""
    program = shutil.which("apache2", path="/usr/sbin:/usr/bin")
    if program is None:
        missing("apache2", "apt-get install apache2-bin")
    text = _moved((DEPLOY / "apache" / "roadmap.conf").read_text(), service, tls_port, certificate)
    modules = ("mpm_event", "authz_core", "ssl", "socache_shmcb", "proxy", "proxy_http", "headers")
    load = "\n".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so" for m in modules)
    main = folder / "apache.conf"
    main.write_text(
        f'{load}\nServerName localhost\nServerRoot "{folder}"\nPidFile "{folder}/pid"\n'
        f'ErrorLog "{folder}/error.log"\nMutex file:{folder} default\nListen 127.0.0.1:{tls_port}\n'
        + text.replace("/var/log/apache2", str(folder))
    )
    with _running([str(program), "-X", "-f", str(main)], tls_port, folder / "error.log"):
        yield


def _moved(text: str, service: Service, tls_port: int, certificate: Path) -> str:
    for of_the_example, here in (
        ("roadmap.stadt.de", HOST),
        ("http://127.0.0.1:8080", f"http://127.0.0.1:{service.port}"),
        ("/etc/ssl/roadmap/fullchain.pem", str(certificate)),
        ("/etc/ssl/roadmap/privkey.pem", str(certificate)),
        ("listen 443 ssl", f"listen 127.0.0.1:{tls_port} ssl"),
        ("<VirtualHost *:443>", f"<VirtualHost 127.0.0.1:{tls_port}>"),
    ):
        text = text.replace(of_the_example, here)
    return text


@contextmanager
def _running(command: list[str], port: int, log: Path) -> Iterator[None]:
    with log.with_name("output").open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        until = time.monotonic() + 10
        while True:
            try:
                ssl.get_server_certificate((HOST, port), timeout=2)
                break
            except OSError:
                assert process.poll() is None, log.with_name("output").read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture(scope="module", params=[nginx, apache], ids=["nginx", "apache"])
def front(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["Front"]:
    folder = tmp_path_factory.mktemp("front")
    folder.chmod(0o755)
    tls_port = free_port()
    authority = Authority(folder)
    more = {
        "ROADMAP__ENVIRONMENT": "production",
        "ROADMAP__SERVER__BASE_URL": f"https://{HOST}:{tls_port}",
        "ROADMAP__SERVER__TRUSTED_PROXIES": "1",
        "ROADMAP__SECURITY__SECRET_KEY": "a-secret-of-this-test-with-more-than-32-characters",
    }
    url = f"sqlite:///{folder / 'web.db'}"
    with (
        serving(url, folder, **more) as service,
        request.param(service, tls_port, authority.issue(HOST, days=30), folder),
    ):
        yield Front(tls_port, authority.bundle, folder / "roadmap.log")


class Front:
    """A browser's view of the service behind a proxy with TLS."""

    def __init__(self, port: int, bundle: Path, log: Path) -> None:
        self.port, self.log = port, log
        self._trust = ssl.create_default_context(cafile=str(bundle))

    def ask(
        self, path: str, body: bytes | None = None, head: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], str]:
        url = f"https://{HOST}:{self.port}{path}"
        asked = urllib.request.Request(url, body, dict(head or {}))
        opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=self._trust), _AnyStatus()
        )
        with opener.open(asked, timeout=10) as answer:
            return answer.status, answer.headers, answer.read().decode()


class _AnyStatus(urllib.request.HTTPErrorProcessor):
    def http_response(self, request: Any, response: Any) -> Any:
        return response

    https_response = http_response


def test_a_launch_through_the_proxy_counts_as_secure(front: Front) -> None:
    _, _, page = front.ask("/lti/launch", b"state=x&id_token=y")
    assert 'content="not-secure"' not in page
    assert 'name="refusal"' in page or "content=" in page


def test_nothing_forbids_the_frame_of_the_lms_and_tls_is_remembered(front: Front) -> None:
    status, head, _ = front.ask("/readyz")
    assert status == 200
    assert "X-Frame-Options" not in head
    assert head["Strict-Transport-Security"] == "max-age=31536000"


def test_what_a_browser_claims_about_itself_is_not_passed_on(front: Front) -> None:
    evil = {"X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example"}
    _, _, page = front.ask("/lti/launch", b"state=x&id_token=y", evil)
    assert 'content="not-secure"' not in page
    assert "evil.example" not in page


def test_large_bodies_reach_only_the_lrs(front: Front) -> None:
    body = b"a" * 2_000_000
    assert front.ask("/lti/launch", body)[0] == 413
    version = {"X-Experience-API-Version": "1.0.3"}
    assert front.ask("/xapi/statements", body, version)[0] == 401


def test_the_log_of_the_proxy_keeps_no_query(front: Front) -> None:
    front.ask("/healthz?geheim=1")
    until = time.monotonic() + 5
    while "/healthz" not in (log := front.log.read_text()):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert "geheim" not in log
