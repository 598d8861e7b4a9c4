"""Joining a person of two platforms: codes by digest, and what goes over to the one that stays."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from lti_tool.ports import Learner
from lti_tool.seal import Seal
from lti_tool.store.database import insert_ignore, us
from lti_tool.store.schema.core import evidence, identity, pairing, person_attribute
from lti_tool.store.schema.lti import launch
from lti_tool.store.schema.providers import test_code
from lti_tool.store.schema.xapi import statement


@dataclass(frozen=True, slots=True)
class SqlLinks:
    """Implements ports.Links."""

    conn: Connection
    seal: Seal

    def offer(self, learner: Learner, code: str, until: datetime) -> None:
        self.conn.execute(delete(pairing).where(pairing.c.learner_id == learner.id))
        self.conn.execute(
            insert(pairing).values(
                digest=self._digest(learner.tenant_id, code),
                learner_id=learner.id,
                expires_us=us(until),
            )
        )

    def offered(self, tenant_id: str, code: str, now: datetime) -> str | None:
        good = (pairing.c.digest == self._digest(tenant_id, code), pairing.c.expires_us > us(now))
        found: str | None = self.conn.execute(
            select(pairing.c.learner_id).where(*good)
        ).scalar_one_or_none()
        return found

    def use(self, tenant_id: str, code: str) -> None:
        used = delete(pairing).where(pairing.c.digest == self._digest(tenant_id, code))
        self.conn.execute(used)

    def course(self, learner_id: str) -> str:
        newest = select(launch.c.context_title).where(launch.c.learner_id == learner_id)
        row = self.conn.execute(newest.order_by(launch.c.created_us.desc()).limit(1)).first()
        return str(row[0] or "") if row else ""

    def hand_over(self, gone_id: str, kept_id: str, now: datetime) -> None:
        for table in (identity, person_attribute, statement, launch, test_code):
            mine = update(table).where(table.c.learner_id == gone_id)
            self.conn.execute(mine.values(learner_id=kept_id))
        # Both names are one person's now: what waited because it could be either is looked at.
        renewed = update(identity).where(identity.c.learner_id == kept_id)
        self.conn.execute(renewed.values(created_us=us(now)))
        # What was answered is deleted with the rest; what was learned counts on.
        learned = (evidence.c.learner_id == gone_id, evidence.c.source != "assessment")
        self.conn.execute(update(evidence).where(*learned).values(learner_id=kept_id))

    def known(self, platform_id: str, subject: str) -> str | None:
        mine = (
            identity.c.platform_id == platform_id,
            identity.c.kind == "sub",
            identity.c.digest == self._subject(platform_id, subject),
        )
        found: str | None = self.conn.execute(
            select(identity.c.learner_id).where(*mine)
        ).scalar_one_or_none()
        return found

    def expect(self, kept: Learner, platform_id: str, subject: str, now: datetime) -> None:
        row = {
            "platform_id": platform_id,
            "kind": "sub",
            "digest": self._subject(platform_id, subject),
            "tenant_id": kept.tenant_id,
            "learner_id": kept.id,
            "sealed": self.seal.seal(subject),
            "verified_by": "list",
            "created_us": us(now),
        }
        insert_ignore(self.conn, identity, [row])

    def _subject(self, platform_id: str, subject: str) -> str:
        return self.seal.digest("identity", platform_id, "sub", subject)

    def _digest(self, tenant_id: str, code: str) -> str:
        return self.seal.digest("pairing", tenant_id, code)
