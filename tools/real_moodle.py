"""A real Moodle beside roadMAP, over TLS on two sites, from any checkout of Moodle: to try things.

    .venv/bin/python tools/real_moodle.py set-up /work/moodle/45 --state /tmp/moodle45
    .venv/bin/python tools/real_moodle.py start --state /tmp/moodle45
    .venv/bin/python tools/real_moodle.py cron --state /tmp/moodle45
    .venv/bin/python tools/real_moodle.py stop --state /tmp/moodle45

`set-up` moves third-party plugins out of the checkout, installs unattended, makes people, a course
and the web service for learning plans, and a municipality in roadMAP with a built-in LRS; with
`--plugin DIR` it installs logstore_xapi, too. `start` runs everything and prints the addresses.
Moodle is https://127.0.0.1:…, roadMAP https://localhost:…: two sites, as a browser sees them.

Needs PostgreSQL, nginx and PHP 8.2 (Debian: php8.2-cli -pgsql -intl -xml -mbstring -curl -zip -gd
-soap -opcache). For trying only: calls to loopback addresses are allowed, the passwords are known.
"""

import argparse
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.integration.faults.tls import Authority  # noqa: E402

PASSWORD = "Moodle-123!"  # noqa: S105  (of an installation that only loopback reaches)
TENANT = "musterstadt"
PEOPLE = (  # user name, first and last name, language
    ("gaertnerin", "Gerda", "Grün", "de"),
    ("erzieher", "Emil", "Kita", "de"),
    ("leitung", "Lena", "Kurs", "de"),
    ("walker", "Wanda", "Walker", "en"),
    ("dienst", "Roadmap", "Dienst", "de"),
)
ENROLLED = {
    "gaertnerin": "student",
    "erzieher": "student",
    "walker": "student",
    "leitung": "editingteacher",
}
PAGES = (("N6", "Hilfe holen: Störung genau beschreiben"), ("N1", "Tablet-Start"))  # units
CAPABILITIES = (
    "webservice/rest:use",
    "moodle/competency:planmanage",
    "moodle/competency:planview",
    "moodle/user:viewdetails",
    "moodle/user:viewalldetails",
)
FUNCTIONS = (
    "core_webservice_get_site_info",
    "core_competency_list_user_plans",
    "core_competency_create_plan",
    "core_competency_update_plan",
    "core_competency_delete_plan",
)
SETTINGS = {  # what only a test instance may have
    "curlsecurityblockedhosts": "",
    "curlsecurityallowedport": "",
    "enablewebservices": 1,
    "webserviceprotocols": "rest",
    "enablecompletion": 1,
    "forcelogin": 0,
    "noemailever": 1,
    "cronclionly": 1,
}
PHP = {
    "max_input_vars": "5000",
    "memory_limit": "512M",
    "error_reporting": "22527",  # E_ALL & ~E_DEPRECATED
    "opcache.enable_cli": "1",
    "upload_max_filesize": "64M",
    "post_max_size": "64M",
}
WORKERS = 6  # Moodle calls us while we call Moodle
NGINX = """
pid {state}/nginx.pid;
error_log {state}/logs/nginx.log;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {state}/nginx-body;
  proxy_temp_path {state}/nginx-proxy;
  client_max_body_size 64m;
  proxy_buffer_size 64k;
  proxy_buffers 8 64k;
  proxy_busy_buffers_size 128k;
  proxy_read_timeout 300;
  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  server {{
    listen 127.0.0.1:{moodle} ssl;
    ssl_certificate {ca}/127.0.0.1300.pem;
    ssl_certificate_key {ca}/127.0.0.1300.pem;
    include {state}/down-*.conf;
    location / {{ proxy_pass http://127.0.0.1:{php}; }}
  }}
  server {{
    listen 127.0.0.1:{tool} ssl;
    ssl_certificate {ca}/localhost300.pem;
    ssl_certificate_key {ca}/localhost300.pem;
    location / {{ proxy_pass http://127.0.0.1:{roadmap}; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything of one installation is: a folder, a checkout and five ports."""

    state: Path
    moodle: Path  # the checkout
    ports: Mapping[str, int]  # postgres, php, roadmap (plain); moodle, tool (TLS)

    @property
    def moodle_url(self) -> str:
        return f"https://127.0.0.1:{self.ports['moodle']}"

    @property
    def tool_url(self) -> str:
        return f"https://localhost:{self.ports['tool']}"

    @property
    def authority(self) -> Path:
        return self.state / "ca" / "authority.pem"

    @property
    def php(self) -> list[str]:
        trust = {"curl.cainfo": str(self.authority), "openssl.cafile": str(self.authority)}
        return ["php", *(f"-d{key}={value}" for key, value in (PHP | trust).items())]

    @property
    def environ(self) -> dict[str, str]:
        """What roadMAP runs with: development on loopback, behind one proxy."""
        return {
            **os.environ,
            "ROADMAP__DATABASE__URL": f"sqlite:///{self.state / 'roadmap.db'}",
            "ROADMAP__SERVER__BASE_URL": self.tool_url,
            "ROADMAP__SERVER__PORT": str(self.ports["roadmap"]),
            "ROADMAP__SERVER__PROCESSES": "1",
            "ROADMAP__SERVER__TRUSTED_PROXIES": "1",
            "ROADMAP__SECURITY__ALLOW_LOCAL_HTTP": "true",
            "ROADMAP__SECURITY__CA_BUNDLE": str(self.authority),
            "ROADMAP__METRICS__PORT": "0",
            "REQUESTS_CA_BUNDLE": str(self.authority),
        }

    def roadmap(self, *command: str) -> str:
        """Run a command of roadMAP and return what it says."""
        return _run([str(ROOT / ".venv/bin/roadmap"), *command], env=self.environ)

    def save(self) -> None:
        kept = {"moodle": str(self.moodle), "ports": dict(self.ports)}
        (self.state / "place.json").write_text(json.dumps(kept, indent=1))

    @classmethod
    def of(cls, state: Path) -> "Place":
        kept = json.loads((state / "place.json").read_text())
        return cls(state, Path(kept["moodle"]), kept["ports"])


# --- set up ---------------------------------------------------------------------------------------


def set_up(checkout: Path, state: Path, plugin: Path | None) -> None:
    """Make everything in an empty state folder. Takes some minutes."""
    for folder in ("ca", "logs", "moodledata", "removed"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    names = ("postgres", "php", "roadmap", "moodle", "tool")
    place = Place(state, checkout, dict(zip(names, _free_ports(len(names)), strict=True)))
    authority = Authority(state / "ca")
    for host in ("127.0.0.1", "localhost"):
        authority.issue(host, 300)
    place.save()
    _without_third_parties(place)
    _on_any_php(place)
    if plugin is not None:
        store = checkout / "admin/tool/log/store/xapi"
        shutil.copytree(plugin, store, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git"))
    _make_database(place)
    _install(place)
    _make_tenant(place)
    furnish(place)
    _say(f"Next: tools/real_moodle.py start --state {state}")


def _without_third_parties(place: Place) -> None:
    """Move plugins that are not Moodle's own out of the checkout."""
    found = _run(["php", str(ROOT / "tools/foreign_plugins.php"), str(place.moodle)])
    for folder in found.split():
        target = place.state / "removed" / folder.replace("/", "_")
        shutil.move(place.moodle / folder, target)
        _say(f"moved out: {folder}")


def _on_any_php(place: Place) -> None:
    """Let Moodle 4.1 run on PHP 8.2 too: it says no, and for what is tried here it works."""
    checks = place.moodle / "admin/environment.xml"
    refused = r'<RESTRICT function="restrict_php_version_\d+" message="\w+" />'
    checks.write_text(re.sub(refused, "", checks.read_text()))


def _make_database(place: Place) -> None:
    data = place.state / "postgres"
    as_user = _as_postgres(place.state)
    _run([*as_user, _postgres("initdb"), "-D", str(data), "-U", "moodle", "-A", "trust", "-EUTF8"])
    _start_postgres(place)
    port = str(place.ports["postgres"])
    _run([_postgres("createdb"), "-h", "127.0.0.1", "-p", port, "-U", "moodle", "moodle"])


def _install(place: Place) -> None:
    config = place.moodle / "config.php"
    config.unlink(missing_ok=True)
    given = {
        "wwwroot": place.moodle_url,
        "dataroot": place.state / "moodledata",
        "dbtype": "pgsql",
        "dbhost": "127.0.0.1",
        "dbport": place.ports["postgres"],
        "dbuser": "moodle",
        "dbname": "moodle",
        "fullname": "Moodle der Stadt Musterstadt",
        "shortname": "Musterstadt",
        "adminuser": "admin",
        "adminpass": PASSWORD,
        "adminemail": "admin@example.org",
    }
    options = [f"--{name}={value}" for name, value in given.items()]
    always = ["--non-interactive", "--agree-license", "--allow-unstable", "--lang=en"]
    _say("Installing Moodle (some minutes) …")
    _run([*place.php, str(place.moodle / "admin/cli/install.php"), *always, *options])
    # TLS ends in front of PHP, on another port.
    front = f"$CFG->sslproxy = true;\n$_SERVER['SERVER_PORT'] = '{place.ports['moodle']}';\n\n"
    config.write_text(config.read_text().replace("require_once(", f"{front}require_once(", 1))
    _german(place)


def _german(place: Place) -> None:
    """A language pack that holds its name only: Moodle then says `de`, in English words."""
    pack = place.state / "moodledata/lang/de"
    pack.mkdir(parents=True, exist_ok=True)
    words = {"thislanguage": "Deutsch", "thislanguageint": "German", "parentlanguage": ""}
    lines = "".join(f"$string['{key}'] = '{value}';\n" for key, value in words.items())
    (pack / "langconfig.php").write_text(f"<?php\n{lines}")


def _make_tenant(place: Place) -> None:
    """Make the municipality, everything switched on, and the key with which Moodle may write."""
    place.roadmap("db", "upgrade")
    place.roadmap("tenant", "add", TENANT, "--name", "Stadt Musterstadt", "--contact", "Zimmer 14")
    for switch in ("ags", "nrps", "plan_service", "lrs_embedded"):
        place.roadmap("tenant", "switch", TENANT, switch, "on")
    out = str(place.state / "lrs-key.txt")
    place.roadmap("lrs", "key", "--tenant", TENANT, "--scope", "write", "--out", out)


def furnish(place: Place) -> None:
    """Make what is needed in Moodle; harmless to run twice."""
    lines = (place.state / "lrs-key.txt").read_text().splitlines()
    key = dict(line.split(" ", 1) for line in lines)
    given = {
        "settings": SETTINGS,
        "people": PEOPLE,
        "enrolled": ENROLLED,
        "pages": PAGES,
        "password": PASSWORD,
        "capabilities": CAPABILITIES,
        "functions": FUNCTIONS,
        "xapi": {
            "endpoint": f"{place.tool_url}/xapi",
            "username": key["key"],
            "password": key["secret"],
            "backgroundmode": 1,
            "maxbatchsize": 30,
            "sendidnumber": 1,
            "logguests": 0,
        },
    }
    file = place.state / "furnish.json"
    file.write_text(json.dumps(given))
    if (place.moodle / "admin/tool/log/store/xapi").is_dir():
        upgrade = str(place.moodle / "admin/cli/upgrade.php")
        _run([*place.php, upgrade, "--non-interactive"])
    script = str(ROOT / "tools/real_moodle.php")
    said = _run([*place.php, script, str(place.moodle), str(file)])
    made: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    token = place.state / "plan-token.txt"
    token.write_text(made["token"])
    token.chmod(0o600)
    (place.state / "made.json").write_text(json.dumps(made, indent=1))
    _say(f"Moodle {made['release']} is furnished.")


# --- run ------------------------------------------------------------------------------------------


def start(place: Place) -> None:
    """Start what does not run yet, and say where it is."""
    _start_postgres(place)
    (place.state / "nginx.conf").write_text(
        NGINX.format(state=place.state, ca=place.state / "ca", **place.ports)
    )
    place.roadmap("db", "upgrade")
    for name in _commands(place):
        if not _running(place, name):
            _spawn(place, name)
    _wait(place.ports["moodle"])
    _wait(place.ports["roadmap"])
    _say(f"Moodle  {place.moodle_url}  (admin and {', '.join(p[0] for p in PEOPLE)}: {PASSWORD})")
    _say(f"roadMAP {place.tool_url}")


def restart(place: Place, name: str) -> None:
    """End one part of it and start it anew: it has then forgotten what it knew."""
    file = place.state / "run" / f"{name}.pid"
    group = int(file.read_text())
    os.killpg(group, signal.SIGTERM)
    with suppress(ChildProcessError):
        os.waitpid(group, 0)
    until = time.monotonic() + 60
    while _running(place, name) and time.monotonic() < until:
        time.sleep(0.2)
    _spawn(place, name)
    _wait(place.ports["roadmap"])


def _commands(place: Place) -> dict[str, tuple[Sequence[str], Mapping[str, str]]]:
    roadmap = str(ROOT / ".venv/bin/roadmap")
    php = f"127.0.0.1:{place.ports['php']}"
    nginx = ["nginx", "-c", str(place.state / "nginx.conf"), "-g", "daemon off;"]
    return {
        "php": (
            [*place.php, "-S", php, "-t", str(place.moodle)],
            {**os.environ, "PHP_CLI_SERVER_WORKERS": str(WORKERS)},
        ),
        "serve": ([roadmap, "serve"], place.environ),
        "worker": ([roadmap, "worker"], place.environ),
        "nginx": (nginx, os.environ),
    }


def stop(place: Place) -> None:
    """End what `start` started."""
    for file in (place.state / "run").glob("*.pid"):
        with suppress(ProcessLookupError):
            os.killpg(int(file.read_text()), signal.SIGTERM)
        file.unlink()
    control = [*_as_postgres(place.state), _postgres("pg_ctl"), "-D", f"{place.state}/postgres"]
    subprocess.run([*control, "-m", "fast", "stop"], check=False, capture_output=True, cwd="/")


def cron(place: Place) -> None:
    """Run Moodle's scheduled tasks once: activity leaves for the LRS in them."""
    said = _run([*place.php, str(place.moodle / "admin/cli/cron.php"), "--keep-alive=0"])
    (place.state / "logs/cron.log").write_text(said)


def _start_postgres(place: Place) -> None:
    control = [*_as_postgres(place.state), _postgres("pg_ctl"), "-D", f"{place.state}/postgres"]
    if subprocess.run([*control, "status"], check=False, capture_output=True, cwd="/").returncode:
        log = place.state / "postgres/server.log"
        options = f"-p {place.ports['postgres']} -k /tmp -c listen_addresses=127.0.0.1 -c fsync=off"
        said = subprocess.DEVNULL  # the server would keep a pipe open
        subprocess.run(
            [*control, "-w", "-l", str(log), "-o", options, "start"],
            check=True, stdout=said, stderr=said, cwd="/",
        )  # fmt: skip


def _spawn(place: Place, name: str) -> None:
    command, environ = _commands(place)[name]
    (place.state / "run").mkdir(exist_ok=True)
    with (place.state / "logs" / f"{name}.log").open("ab") as log:
        made = subprocess.Popen(
            command, stdout=log, stderr=log, env=dict(environ), cwd=ROOT, start_new_session=True
        )
    (place.state / "run" / f"{name}.pid").write_text(str(made.pid))


def _running(place: Place, name: str) -> bool:
    file = place.state / "run" / f"{name}.pid"
    if not file.is_file():
        return False
    try:
        os.kill(int(file.read_text()), 0)
    except ProcessLookupError:
        return False
    return True


def _wait(port: int, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise SystemExit(f"Nothing answers on port {port}; see the logs in the state folder.")


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _postgres(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if not found:
        raise SystemExit("PostgreSQL is missing: apt-get install postgresql")
    return str(found[-1])


def _as_postgres(state: Path) -> list[str]:
    """PostgreSQL refuses to run as root: then its own user does it, in a folder of its own."""
    if os.geteuid() != 0:
        return []
    folder = state / "postgres"
    if not folder.exists():
        folder.mkdir()
        user = pwd.getpwnam("postgres")
        shutil.chown(folder, user.pw_uid, user.pw_gid)
    return ["runuser", "-u", "postgres", "--"]


def _run(command: Sequence[str], env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=env, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def main() -> int:
    """Do what was asked; see the text above."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("set-up")
    making.add_argument("checkout", type=Path, help="a checkout of Moodle; config.php is written")
    making.add_argument("--plugin", type=Path, help="a checkout of logstore_xapi")
    for name in ("furnish", "start", "stop", "cron"):
        commands.add_parser(name)
    for command in commands.choices.values():
        command.add_argument("--state", type=Path, required=True, help="a folder for the rest")
    asked = parser.parse_args()
    state = asked.state.resolve()
    if asked.command == "set-up":
        plugin = asked.plugin.resolve() if asked.plugin else None
        set_up(asked.checkout.resolve(), state, plugin)
        return 0
    {"furnish": furnish, "start": start, "stop": stop, "cron": cron}[asked.command](Place.of(state))
    return 0


if __name__ == "__main__":
    sys.exit(main())
