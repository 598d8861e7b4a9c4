"""pelotech/xapi-lrs 0.9.6: a whole LRS on PostgreSQL, the best but ours in ADL's suite.

Apache-2.0: a foreign program in its own process, never imported, never shipped. It is in no package
registry; whoever has its sources (git tag v0.9.6) builds it once into the cache folder of the
peers, and tests that name it run from then on:

    .venv/bin/python -m tests.peers.xapi_lrs FOLDER_WITH_ITS_SOURCES

Pages have at most 50 statements unless it is set otherwise, links stand in for a cursor, and it
vouches for what is consistent. Source: reference/xapi.md section 3.1.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from sqlalchemy import make_url

from tests.peers.process import NotBuilt, PeerMissing, Process, cache
from tools.build_assets import BuildFailed, npm

KEY, SECRET = "key", "secret"
QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
#: What builds it. Its own list names the suites and linters it is checked with, too.
BUILDERS = {"typescript": "^5.9.0", "@types/node": "^24.12.2", "@types/pg": "^8.20.0"}
ENVIRONMENT = {
    "AUTO_MIGRATE": "true",
    "XAPI_LRS_ADMIN_USER": "admin",
    "XAPI_LRS_ADMIN_PASSWORD": "a password of the peer",
    "XAPI_LRS_API_KEY_DEFAULT": KEY,
    "XAPI_LRS_API_SECRET_DEFAULT": SECRET,
    "XAPI_RATE_LIMIT_MAX": "1000000",  # writers share one credential; else 300 a minute
    "XAPI_LRS_LOG_LEVEL": "error",
}


def built() -> Path:
    """Return the folder of the peer.

    :raises NotBuilt: nobody has built it here.
    """
    home = cache() / "xapi-lrs-0.9.6"
    if not (home / "complete").exists():
        raise NotBuilt(f"{home} is not there: see tests/peers/xapi_lrs.py")
    return home


def build(sources: Path) -> Path:
    """Build the peer from its sources (a minute).

    :raises PeerMissing: no Node, no package registry, or other sources.
    """
    home = cache() / "xapi-lrs-0.9.6"
    shutil.rmtree(home, ignore_errors=True)
    # Whatever was installed there is left behind: it may be of another kind of machine.
    shutil.copytree(sources, home, ignore=shutil.ignore_patterns(".git", "node_modules", "pnpm-*"))
    described = json.loads((home / "package.json").read_text(encoding="utf-8"))
    described["devDependencies"] = BUILDERS
    (home / "package.json").write_text(json.dumps(described), encoding="utf-8")
    try:
        install = [*npm(), "install", *QUIET]
        subprocess.run(install, cwd=home, check=True, capture_output=True, timeout=600)
        compiled = [*npm(), "exec", "--", "tsc", "-p", "tsconfig.build.json"]
        subprocess.run(compiled, cwd=home, check=True, capture_output=True, timeout=600)
    except (BuildFailed, subprocess.SubprocessError, OSError) as error:
        raise PeerMissing(f"xapi-lrs could not be built in {home}: {error}") from None
    shutil.copytree(home / "src/admin/vendor", home / "dist/admin/vendor", dirs_exist_ok=True)
    (home / "complete").touch()
    return home


class Peer(Process):
    """A running store on an empty PostgreSQL database of its own."""

    def __init__(self, port: int, admin_port: int, database_url: str, page: int = 50) -> None:
        home = built()
        environment = {
            **ENVIRONMENT,
            "XAPI_LRS_PORT": str(port),
            "XAPI_LRS_ADMIN_PORT": str(admin_port),
            "XAPI_LRS_STMT_GET_MAX": str(page),
            "DATABASE_URL": make_url(database_url)
            .set(drivername="postgresql")
            .render_as_string(hide_password=False),
        }
        script = home / "dist/server.js"
        super().__init__(f"http://127.0.0.1:{port}/xapi", script, environment, folder=home)


if __name__ == "__main__":
    print(build(Path(sys.argv[1])))
