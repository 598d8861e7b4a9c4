"""Rights, one-time links and sessions of the administration: rows <-> values.

Codes and session secrets are kept as keyed digests only. Who may do what is asked anew with every
request, so a right that was revoked ends at once.
"""

import hmac
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from lti_tool.ports import Admitted, Grant, StaffSession
from lti_tool.seal import Seal
from lti_tool.store import tenants
from lti_tool.store.database import at, insert_ignore, us
from lti_tool.store.schema.lti import nonce, platform
from lti_tool.store.schema.staff import staff_grant, staff_link, staff_session

TICKET_KEPT = timedelta(hours=1)  # longer than any ticket lives, so that no clock can revive it
IN_FORCE = staff_grant.c.revoked_us.is_(None)


@dataclass(frozen=True, slots=True)
class SqlStaff:
    """Implements ports.Staff."""

    conn: Connection
    seal: Seal

    def grants(self, tenant_id: str) -> tuple[Grant, ...]:
        rows = self.conn.execute(
            select(staff_grant)
            .where(staff_grant.c.tenant_id == tenant_id, IN_FORCE)
            .order_by(staff_grant.c.granted_us, staff_grant.c.id)
        )
        return tuple(
            Grant(r.id, r.tenant_id, r.learner_id, r.role, r.granted_by, at(r.granted_us))
            for r in rows
        )

    def roles(self, learner_id: str) -> frozenset[str]:
        mine = select(staff_grant.c.role).where(staff_grant.c.learner_id == learner_id, IN_FORCE)
        return frozenset(self.conn.execute(mine).scalars())

    def give(self, grant: Grant) -> None:
        self.conn.execute(
            insert(staff_grant).values(
                id=grant.id,
                tenant_id=grant.tenant_id,
                learner_id=grant.learner_id,
                role=grant.role,
                granted_by=grant.by,
                granted_us=us(grant.at),
            )
        )

    def take(self, learner_id: str, role: str, by: str, now: datetime) -> bool:
        done = self.conn.execute(
            update(staff_grant)
            .where(staff_grant.c.learner_id == learner_id, staff_grant.c.role == role, IN_FORCE)
            .values(revoked_by=by, revoked_us=us(now))
        )
        return done.rowcount > 0

    def make_link(self, tenant_id: str, now: datetime, until: datetime) -> str:
        code = secrets.token_urlsafe(32)
        self.conn.execute(
            insert(staff_link).values(
                digest=self._link(code),
                tenant_id=tenant_id,
                made_us=us(now),
                expires_us=us(until),
            )
        )
        return code

    def use_link(self, code: str, now: datetime) -> str | None:
        # The condition and the write are one statement: of two browsers one wins.
        good = (
            staff_link.c.digest == self._link(code),
            staff_link.c.used_us.is_(None),
            staff_link.c.expires_us > us(now),
        )
        if not self.conn.execute(update(staff_link).where(*good).values(used_us=us(now))).rowcount:
            return None
        mine = select(staff_link.c.tenant_id).where(staff_link.c.digest == self._link(code))
        tenant_id: str = self.conn.execute(mine).scalar_one()
        return tenant_id

    def use_ticket(self, number: str, now: datetime) -> bool:
        used = {
            "digest": self.seal.digest("staff-ticket", number),
            "expires_us": us(now + TICKET_KEPT),
        }
        return insert_ignore(self.conn, nonce, [used]) == 1

    def open(
        self, tenant_id: str, learner_id: str, platform_id: str, language: str, now: datetime
    ) -> Admitted:
        admitted = Admitted(str(uuid.uuid4()), secrets.token_urlsafe(32))
        self.conn.execute(
            insert(staff_session).values(
                id=admitted.launch_id,
                tenant_id=tenant_id,
                learner_id=learner_id or None,
                platform_id=platform_id or None,
                secret_hash=_secret_digest(self.seal, admitted.launch_id, admitted.secret),
                language=language,
                created_us=us(now),
                seen_us=us(now),
            )
        )
        return admitted

    def _link(self, code: str) -> str:
        return self.seal.digest("staff-link", code)


@dataclass(frozen=True, slots=True)
class Opened:
    """A staff session with what decides whether it still runs."""

    session: StaffSession
    secret_hash: str
    seen: datetime
    ended: bool

    def admits(self, secret: str, seal: Seal) -> bool:
        brought = _secret_digest(seal, self.session.id, secret)
        return hmac.compare_digest(brought, self.secret_hash)

    def running(self, now: datetime, *, idle_s: int, absolute_s: int) -> bool:
        idle, age = now - self.seen, now - self.session.created
        in_time = idle < timedelta(seconds=idle_s) and age < timedelta(seconds=absolute_s)
        return in_time and not self.ended


def find(conn: Connection, seal: Seal, session_id: str) -> Opened | None:
    """Return a session with the rights its person has now, or None.

    Who came by a one-time link has the rights of an admin, as long as the session lasts.
    """
    joined = staff_session.outerjoin(platform, platform.c.id == staff_session.c.platform_id)
    row = conn.execute(
        select(staff_session, platform.c.state)
        .select_from(joined)
        .where(staff_session.c.id == session_id)
    ).one_or_none()
    if row is None:
        return None
    known = row.learner_id or ""
    roles = SqlStaff(conn, seal).roles(known) if known else frozenset({"admin"})
    return Opened(
        session=StaffSession(
            id=row.id,
            tenant=tenants.get(conn, row.tenant_id),
            learner_id=known,
            platform_id=row.platform_id or "",
            roles=roles,
            language=row.language,
            created=at(row.created_us),
        ),
        secret_hash=row.secret_hash,
        seen=at(row.seen_us),
        # Who blocks a platform also ends what came in through it.
        ended=row.ended_us is not None or row.state == "blocked",
    )


def touch(conn: Connection, session_id: str, now: datetime) -> None:
    mine = update(staff_session).where(staff_session.c.id == session_id)
    conn.execute(mine.values(seen_us=us(now)))


def speak(conn: Connection, session_id: str, language: str) -> None:
    mine = update(staff_session).where(staff_session.c.id == session_id)
    conn.execute(mine.values(language=language))


def end(conn: Connection, session_id: str, now: datetime) -> None:
    """End a session for good. Writes."""
    mine = update(staff_session).where(staff_session.c.id == session_id)
    conn.execute(mine.values(ended_us=us(now)))


def _secret_digest(seal: Seal, session_id: str, secret: str) -> str:
    return seal.digest("staff-secret", session_id, secret)
