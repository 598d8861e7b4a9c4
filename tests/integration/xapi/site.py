"""A tenant with a Moodle, a learner, an embedded LRS over real HTTP, and a connection to it."""

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import requests
from sqlalchemy import select, update

from demo.serving import Serving
from lti_tool.ports import TenantSettings
from lti_tool.seal import Seal
from lti_tool.settings import Lrs
from lti_tool.store import lrs, mappings, platforms, tenants, xapi_keys
from lti_tool.store.conclusions import Meaning
from lti_tool.store.database import Database, us
from lti_tool.store.lrs import LrsConnection
from lti_tool.store.pull import pull_once
from lti_tool.store.schema.core import evidence, identity, learner
from lti_tool.store.schema.xapi import lrs as lrs_table
from lti_tool.store.schema.xapi import statement
from xapi_bridge import mapping
from xapi_bridge.pull import PullReport

ROOT = Path(__file__).resolve().parents[3]
MOODLE = "https://moodle.stadt.example.de"
SECRET = "a test secret of forty characters, at least"
HEADERS = {"X-Experience-API-Version": "1.0.3"}
COMPLETED = "http://adlnet.gov/expapi/verbs/completed"
VOIDED = "http://adlnet.gov/expapi/verbs/voided"
LIFTS = {"U1": {"4.1": (2, 4), "4.2": (0, 2)}, "U2": {"1.1": (0, 2)}}


def now() -> datetime:
    return datetime.now(UTC)


def house_of(database: Database, seal: Seal, base_url: str) -> Any:
    settings = SimpleNamespace(server=SimpleNamespace(base_url=base_url))
    return SimpleNamespace(database=database, seal=seal, settings=settings)


def serve(app: Any) -> tuple[Serving, str]:
    """Start a WSGI app on a free port; return the server and its origin."""
    server = Serving(app, threads=8)
    server.start()
    return server, f"http://127.0.0.1:{server.port}"


def statement_of(
    person: str = "4", activity: str = f"{MOODLE}/mod/page/view.php?id=1", **more: Any
) -> dict[str, Any]:
    """A completion as Moodle's plugin sends it, in short."""
    return {
        "id": str(uuid.uuid4()),
        "actor": {"name": "Jürgen Müller", "account": {"homePage": MOODLE, "name": person}},
        "verb": {"id": COMPLETED},
        "object": {"id": activity},
        "timestamp": now().isoformat(),
        "result": {"completion": True, "duration": "PT6S"},
        **more,
    }


@dataclass
class Site:
    database: Database
    seal: Seal
    tenant_id: str
    platform_id: str
    key: str
    secret: str
    origin: str
    connection: LrsConnection
    meaning: Meaning

    @property
    def endpoint(self) -> str:
        return f"{self.origin}/xapi"

    def post(self, *statements: Any, **options: Any) -> requests.Response:
        return self.ask("POST", json=list(statements), **options)

    def ask(self, method: str, path: str = "statements", **options: Any) -> requests.Response:
        options.setdefault("auth", (self.key, self.secret))
        options["headers"] = HEADERS | options.get("headers", {})
        return requests.request(method, f"{self.endpoint}/{path}", timeout=20, **options)

    def pull(self, page_size: int = 500, **options: Any) -> PullReport:
        settings = Lrs(page_size=page_size, poll_s=1.0, overlap_s=60.0)
        return pull_once(
            self.database,
            self.seal,
            self.connection.id,
            settings=settings,
            meaning=self.meaning,
            **options,
        )

    def leads_to(self, endpoint: str, **capabilities: Any) -> None:
        """Let the connection read another store, of which this much is known."""
        with self.database.begin() as conn:
            where = lrs_table.c.id == self.connection.id
            change = {"endpoint": endpoint, "capabilities": capabilities}
            conn.execute(update(lrs_table).where(where).values(**change))
            self.connection = lrs.get(conn, self.seal, self.connection.id)

    def authorize(self, key: str, secret: str) -> None:
        """Give the connection another key."""
        with self.database.begin() as conn:
            where = lrs_table.c.id == self.connection.id
            change = {"key": key, "secret": self.seal.seal(secret)}
            conn.execute(update(lrs_table).where(where).values(**change))
            self.connection = lrs.get(conn, self.seal, self.connection.id)

    def counts(self) -> dict[str, Any]:
        with self.database.read() as conn:
            return next(s for s in lrs.status(conn, now()) if s["id"] == self.connection.id)

    def evidence(self) -> list[Any]:
        with self.database.read() as conn:
            mine = evidence.c.tenant_id == self.tenant_id
            return list(conn.execute(select(evidence).where(mine).order_by(evidence.c.arrival_us)))

    def rows(self) -> list[Any]:
        with self.database.read() as conn:
            mine = statement.c.lrs_id == self.connection.id
            return list(
                conn.execute(select(statement).where(mine).order_by(statement.c.received_us))
            )

    def learner(self, subject: str, kind: str = "sub") -> str:
        """Make a person known, as a first launch does."""
        learner_id = str(uuid.uuid4())
        with self.database.begin() as conn:
            conn.execute(
                learner.insert().values(
                    id=learner_id,
                    tenant_id=self.tenant_id,
                    language="de",
                    state="active",
                    practised=False,
                    roles=[],
                    created_us=us(now()),
                    last_seen_us=us(now()),
                )
            )
        self.identify(learner_id, subject, kind)
        return learner_id

    def identify(self, learner_id: str, value: str, kind: str) -> None:
        with self.database.begin() as conn:
            conn.execute(
                identity.insert().values(
                    platform_id=self.platform_id,
                    kind=kind,
                    tenant_id=self.tenant_id,
                    digest=self.seal.digest("identity", self.platform_id, kind, value),
                    learner_id=learner_id,
                    sealed=self.seal.seal(value),
                    verified_by="launch",
                    created_us=us(now()),
                )
            )

    def map(self, **units: str) -> None:
        """Map activities by their number (a1="U1") to units."""
        known = {
            f"{MOODLE}/mod/page/view.php?id={name.removeprefix('a')}": unit
            for name, unit in units.items()
        }
        with self.database.begin() as conn:
            mappings.add(conn, self.tenant_id, known, now())


def build_site(database: Database, origin: str, issuer: str = MOODLE) -> Site:
    seal = Seal(SECRET)
    with database.begin() as conn:
        settings = TenantSettings(lrs_embedded=True)
        tenant = tenants.add(conn, f"t{uuid.uuid4().hex[:6]}", "Musterstadt", "HE", settings, now())
        platform = platforms.add(
            conn,
            tenant_id=tenant.id,
            kind="moodle",
            issuer=issuer,
            client_id=uuid.uuid4().hex,
            deployment_ids=["1"],
            auth_url=f"{MOODLE}/auth",
            token_url=f"{MOODLE}/token",
            jwks_url=f"{MOODLE}/certs",
            now=now(),
        )
        key, secret = xapi_keys.new_credential(conn, tenant.id, "all", now())
        connection = lrs.add(
            conn,
            seal,
            tenant_id=tenant.id,
            name="eingebaut",
            endpoint=f"{origin}/xapi",
            key=key,
            secret=secret,
            now=now(),
        )
    meaning = Meaning(mapping.load(ROOT / "content" / "mapping"), LIFTS)
    return Site(database, seal, tenant.id, platform.id, key, secret, origin, connection, meaning)


def moodle_statements() -> list[dict[str, Any]]:
    path = ROOT / "tests" / "data" / "xapi" / "moodle-statements.json"
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found
