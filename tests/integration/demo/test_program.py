"""The demo LMS as a program of its own: strangers in code, files it hands over, start and end."""

import ast
import json
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import requests

from demo import Config, configure, create_app

ROOT = Path(__file__).parents[3]
TOOL_PACKAGES = {"lti_tool", "xapi_bridge", "competency", "recommender", "pylti1p3", "tincan"}


def test_the_demo_lms_imports_nothing_of_the_tool() -> None:
    for path in sorted((ROOT / "demo").glob("**/*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {n.partition(".")[0] for n in names} & TOOL_PACKAGES, path


def test_loading_the_demo_lms_loads_nothing_of_the_tool() -> None:
    code = "import sys, demo.__main__; print(*{n.partition('.')[0] for n in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not set(done.stdout.split()) & TOOL_PACKAGES


def test_the_hand_over_file_has_what_an_admin_would_copy(config: Config) -> None:
    path = config.data / "connection.json"
    given = json.loads(path.read_text("utf-8"))
    assert given["issuer"] == config.base_url
    assert given["auth_url"] == f"{config.base_url}/mod/lti/auth.php"
    assert {"client_id", "deployment_id", "token_url", "jwks_url", "plan_url"} <= set(given)
    assert {"plan_token", "lrs_key", "lrs_secret"} <= set(given)


def test_files_with_secrets_are_for_their_owner_only(config: Config) -> None:
    create_app(config)
    for name in ("connection.json", "config.json", "lms.sqlite"):
        assert stat.S_IMODE((config.data / name).stat().st_mode) == 0o600
    assert config.secrets.lrs_secret not in repr(config)


def test_identity_and_keys_survive_a_restart(config: Config) -> None:
    again = configure(config.data, base_url=config.base_url, tool=config.tool)
    assert again.secrets == config.secrets
    kid = create_app(config).extensions["demo"].keys.jwks()
    assert create_app(again).extensions["demo"].keys.jwks() == kid


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(data: Path, port: int, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "demo", "--port", str(port), "--data", str(data), *more]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


def answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=1).ok
    except requests.ConnectionError:
        return False


def test_init_makes_the_files_and_ends(tmp_path: Path) -> None:
    process = start(tmp_path, 8090, "--init")
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert Path(out.strip()) == tmp_path / "connection.json"
    assert (tmp_path / "activities.csv").exists()


def test_it_runs_until_it_is_told_to_end_and_ends_cleanly(
    made: Path, until: Callable[..., None]
) -> None:
    for how in (signal.SIGTERM, signal.SIGINT):
        port = free_port()
        process = start(made, port)
        until(lambda port=port: answers(port), 20)
        process.send_signal(how)
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")


def test_a_taken_port_is_named_with_the_remedy(made: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start(made, taken.getsockname()[1])
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "--port" in errors
    assert "Traceback" not in errors
