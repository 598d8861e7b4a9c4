"""The tool as it ships, behind its real server in a thread, and platforms that launch into it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from demo.serving import Serving
from lti_tool import settings as settings_module
from lti_tool.app import create_app
from lti_tool.ports import Launch, TenantSettings
from lti_tool.store import launches, migrations, platforms, tenants
from lti_tool.store.database import Database

from .platform import Browser, KeyServer, Platform, Reply


class Tool:
    """One tool server; `register` adds platforms to its database."""

    def __init__(self, folder: Path, *, refusals: int = 100_000) -> None:
        loaded = settings_module.load(
            {
                "ROADMAP__DATABASE__URL": f"sqlite:///{folder / 'tool.db'}",
                "ROADMAP__SECURITY__ALLOW_LOCAL_HTTP": "true",
                "ROADMAP__SECURITY__REFUSALS_PER_MINUTE": str(refusals),
            }
        )
        self._socket_first(loaded)

    def _socket_first(self, loaded: settings_module.Settings) -> None:
        self.server = Serving(Flask("placeholder"), threads=8)
        self.base_url = f"http://localhost:{self.server.port}"
        self.settings = replace(loaded, server=replace(loaded.server, base_url=self.base_url))
        self.database = Database(self.settings.database.url)
        migrations.upgrade(self.database)
        self.app = create_app(self.settings)
        self.server.answer_with(self.app)
        self.server.start()
        with self.database.begin() as conn:
            contact = TenantSettings(contact="Lernportal-Team, Zimmer 14")
            self.tenant = tenants.add(
                conn, "musterstadt", "Stadt Musterstadt", "HE", contact, datetime.now(UTC)
            )

    def restart(self) -> None:
        """A new application, as after a restart: nothing in memory survives."""
        self.app = create_app(self.settings)
        self.server.answer_with(self.app)

    def register(self, platform: Platform, **changes: object) -> str:
        row: dict[str, object] = {
            "tenant_id": self.tenant.id,
            "kind": "generic",
            "issuer": platform.issuer,
            "client_id": platform.client_id,
            "deployment_ids": [platform.deployment_id],
            "auth_url": "https://lms.example/auth?site=1",
            "token_url": "https://lms.example/token",
            "jwks_url": platform.keys.url,
            "now": datetime.now(UTC),
        }
        row.update(changes)
        with self.database.begin() as conn:
            return platforms.add(conn, **row).id  # type: ignore[arg-type]

    def opened(self, launched: Reply) -> Launch:
        """Return the launch behind an accepted answer."""
        assert launched.status == 303, (launched.status, launched.code)
        with self.database.read() as conn:
            found = launches.find(conn, launched.header("Location").split("/")[2])
        assert found is not None
        return found.launch

    def close(self) -> None:
        self.server.close()
        self.database.close()
        self.app.extensions["roadmap"].close()


@contextmanager
def run_tool(folder: Path, *, refusals: int = 100_000) -> Iterator[Tool]:
    logging.getLogger("waitress").setLevel(logging.ERROR)
    made = Tool(folder, refusals=refusals)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="package")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    with run_tool(tmp_path_factory.mktemp("tool")) as made:
        yield made


@pytest.fixture
def key_server() -> Iterator[KeyServer]:
    server = KeyServer()
    yield server
    server.close()


_COUNT = iter(range(1, 1_000_000))


@pytest.fixture
def lms(tool: Tool, key_server: KeyServer) -> Platform:
    """A registered platform with keys published; every test has its own issuer."""
    made = Platform(tool.base_url, key_server, issuer=f"https://lms{next(_COUNT)}.example")
    made.publish()
    tool.register(made)
    return made


@pytest.fixture
def browser(tool: Tool) -> Browser:
    return Browser(tool.base_url)


@pytest.fixture
def new_browser(tool: Tool) -> Callable[[], Browser]:
    return lambda: Browser(tool.base_url)
