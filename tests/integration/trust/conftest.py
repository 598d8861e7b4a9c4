"""A house with two towns on each kind of database, and its pages behind the real server."""

import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from demo.serving import Serving
from lti_tool.ports import TenantSettings
from lti_tool.store import lrs, tenants, xapi_keys
from tests.conftest import settings_for
from tests.integration.trust.town import neighbour
from tests.pages.scene import Stage


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def module_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of an empty database that the tests of one file share, once per kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('trust') / 'trust.db'}"
        return
    server, name = request.getfixturevalue("postgres_server"), f"t{uuid.uuid4().hex[:12]}"
    admin = create_engine(f"{server}postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name}"))
    yield f"{server}{name}"
    with admin.connect() as conn:
        conn.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@dataclass
class Towns:
    """Two tenants of one house, each with its embedded LRS; `base` is where the house is."""

    here: Stage
    there: Stage
    base: str
    keys: dict[str, tuple[str, str]]  # tenant id -> key and secret of its LRS

    @property
    def both(self) -> tuple[Stage, Stage]:
        return (self.here, self.there)

    def auth(self, stage: Stage) -> tuple[str, str]:
        return self.keys[stage.tenant.id]


@pytest.fixture(scope="module")
def towns(module_url: str) -> Iterator[Towns]:
    logging.getLogger("waitress").setLevel(logging.ERROR)
    server = Serving(Flask("placeholder"))
    base = f"http://127.0.0.1:{server.port}"
    here = Stage(settings_for(module_url, ROADMAP__SERVER__BASE_URL=base))
    there = neighbour(here, "nachbarstadt")
    server.answer_with(here.app)
    server.start()
    keys = {stage.tenant.id: _with_lrs(stage, base) for stage in (here, there)}
    yield Towns(here, there, base, keys)
    server.close()
    here.close()


def _with_lrs(stage: Stage, base: str) -> tuple[str, str]:
    switches = TenantSettings(lrs_embedded=True, ags=True)
    with stage.house.database.begin() as conn:
        tenants.change(conn, stage.tenant.id, switches)
        key, secret = xapi_keys.new_credential(conn, stage.tenant.id, "all", stage.now)
        lrs.add(
            conn,
            stage.house.seal,
            tenant_id=stage.tenant.id,
            name="eingebaut",
            endpoint=f"{base}/xapi",
            key=key,
            secret=secret,
            now=stage.now,
        )
    return key, secret
