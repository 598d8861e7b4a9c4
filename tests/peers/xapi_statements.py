"""@learninglocker/xapi-statements 7.8.0: the statements resource of Learning Locker, in memory.

GPL-3.0: a foreign program in its own process, never imported, never shipped. npm puts it into a
cache folder outside the repository (ROADMAP_PEERS, else ~/.cache/roadmap-peers). Any basic auth is
accepted; it has no documents and speaks xAPI 1.0.3 only. Source: reference/xapi.md section 3.4.
"""

import subprocess
from pathlib import Path

from tests.peers.process import PeerMissing, Process, cache
from tools.build_assets import BuildFailed, npm

PACKAGE = "@learninglocker/xapi-statements@7.8.0"
IN_ORDER = Path(__file__).parent / "in_order.js"
QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
ENVIRONMENT = {
    "AUTH_REPO": "test",
    "EVENTS_REPO": "test",
    "MODELS_REPO": "memory",
    "STORAGE_REPO": "memory",
    "SERVICE_AWAIT_UPDATES": "true",
    "WINSTON_CONSOLE_LEVEL": "error",
    "EXPRESS_MORGAN_DIRECTORY": "./logs",
    "EXPRESS_ALLOW_UNDEFINED_METHOD": "true",
    "EXPRESS_ALLOW_FORM_BODY": "true",
    "EXPRESS_BODY_PARSER_LIMIT": "50mb",
}


def installed() -> Path:
    """Return the folder of the peer, installed by npm if it is not there yet (half a minute).

    :raises PeerMissing: no Node, or no package registry.
    """
    home = cache() / "xapi-statements-7.8.0"
    if (home / "complete").exists():
        return home
    home.mkdir(parents=True, exist_ok=True)
    try:
        command = [*npm(), "install", *QUIET, PACKAGE]
        subprocess.run(command, cwd=home, check=True, capture_output=True, timeout=600)
    except BuildFailed as error:
        raise PeerMissing(str(error)) from None
    except (subprocess.SubprocessError, OSError):
        raise PeerMissing(
            f"npm could not install {PACKAGE} into {home}: is the package registry reachable?"
        ) from None
    (home / "complete").touch()
    return home


class Peer(Process):
    """A running store; it forgets everything with its end."""

    def __init__(self, port: int) -> None:
        script = installed() / "node_modules/@learninglocker/xapi-statements/dist/server.js"
        environment = {**ENVIRONMENT, "EXPRESS_PORT": str(port)}
        super().__init__(f"http://127.0.0.1:{port}/xAPI", script, environment, [IN_ORDER])
