"""Test providers and codes for other tests: rows <-> values. People only as keyed digests."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from competency.provider import PersonBy
from competency.soll import Signed
from lti_tool.ports import Learner, RegisteredProvider
from lti_tool.seal import Seal
from lti_tool.store import platforms
from lti_tool.store.database import at, upsert, us
from lti_tool.store.schema.core import identity
from lti_tool.store.schema.providers import test_code, test_provider


@dataclass(frozen=True, slots=True)
class SqlProviders:
    """Implements ports.Providers."""

    conn: Connection
    seal: Seal

    def all(self, tenant_id: str) -> tuple[RegisteredProvider, ...]:
        mine = select(test_provider).where(test_provider.c.tenant_id == tenant_id)
        found = [_registered(row) for row in self.conn.execute(mine)]
        return tuple(sorted(found, key=lambda r: (r.retired is not None, r.key)))

    def get(self, tenant_id: str, key: str) -> RegisteredProvider | None:
        mine = select(test_provider).where(
            test_provider.c.tenant_id == tenant_id, test_provider.c.key == key
        )
        row = self.conn.execute(mine).first()
        return _registered(row) if row else None

    def put(self, registered: RegisteredProvider) -> None:
        row = {
            "tenant_id": registered.tenant_id,
            "key": registered.key,
            "version": registered.version,
            "document": dict(registered.document),
            "made_by": registered.made.by,
            "made_us": us(registered.made.at),
            "retired_us": us(registered.retired) if registered.retired else None,
        }
        upsert(self.conn, test_provider, row, "tenant_id", "key")

    def code(self, learner_id: str) -> str:
        mine = select(test_code.c.sealed).where(test_code.c.learner_id == learner_id)
        # Joining two persons may leave two codes of one; both are good, the newest is shown.
        sealed = self.conn.execute(mine.order_by(test_code.c.made_us.desc())).scalars().first()
        return self.seal.open(sealed) if sealed else ""

    def give_code(self, learner: Learner, code: str, now: datetime) -> None:
        self.conn.execute(delete(test_code).where(test_code.c.learner_id == learner.id))
        row = {
            "digest": self._digest(learner.tenant_id, code),
            "tenant_id": learner.tenant_id,
            "learner_id": learner.id,
            "sealed": self.seal.seal(code),
            "made_us": us(now),
        }
        self.conn.execute(insert(test_code).values(**row))

    def people(
        self, tenant_id: str, by: PersonBy, issuer: str, names: Collection[str]
    ) -> Mapping[str, str]:
        if by is PersonBy.CODE:
            digests = {self._digest(tenant_id, name): name for name in names}
            return self._owners(test_code, digests, test_code.c.tenant_id == tenant_id)
        homes = [p.id for p in platforms.of_issuer(self.conn, issuer) if p.tenant_id == tenant_id]
        if len(homes) != 1:
            return {}  # two registrations of one portal: a number may be two people
        home = homes[0]
        digests = {self.seal.digest("identity", home, by.value, name): name for name in names}
        here = (identity.c.platform_id == home) & (identity.c.kind == by.value)
        return self._owners(identity, digests, here & (identity.c.tenant_id == tenant_id))

    def _owners(self, table: Any, digests: Mapping[str, str], here: Any) -> dict[str, str]:
        rows = self.conn.execute(
            select(table.c.digest, table.c.learner_id).where(
                here, table.c.digest.in_(list(digests))
            )
        )
        return {digests[r.digest]: r.learner_id for r in rows}

    def _digest(self, tenant_id: str, code: str) -> str:
        return self.seal.digest("test-code", tenant_id, code)


def _registered(row: Row[Any]) -> RegisteredProvider:
    return RegisteredProvider(
        tenant_id=row.tenant_id,
        key=row.key,
        version=row.version,
        document=row.document,
        made=Signed(row.made_by, at(row.made_us)),
        retired=at(row.retired_us) if row.retired_us else None,
    )
