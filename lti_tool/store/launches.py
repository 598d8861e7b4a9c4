"""Launches: the door they come in by, and their rows while they last.

A launch's secret is stored as a keyed digest; a person's `sub` as a keyed digest to find it by and
sealed to send scores with. Nonces are consumed by one INSERT that only one process can win.
"""

import hmac
import json
import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, exists, insert, or_, select, update

from lti_tool.ports import Admitted, Arrival, Json, Launch
from lti_tool.seal import Seal
from lti_tool.store import learners, platforms, tenants
from lti_tool.store.database import Database, at, insert_ignore, insert_into, us
from lti_tool.store.prepared import Prepared
from lti_tool.store.schema.core import identity, learner, person_attribute
from lti_tool.store.schema.lti import launch, nonce, placing_request, platform
from lti_tool.store.schema.staff import staff_grant
from lti_tool.store.straight import Straight
from xapi_bridge.identity import sha1

# A nonce is of use for ten minutes (the state's life); kept longer, so that no clock can revive it.
NONCE_KEPT = timedelta(hours=1)
SEEN_EXACT = timedelta(hours=1)  # only retention asks, in days: no write at every launch
PLACING_KEPT = timedelta(hours=1)  # as long as somebody may take to choose

# Sent at every launch.
_CONSUME = Prepared(
    "launches.consume", lambda dialect: insert_into(dialect.name, nonce).on_conflict_do_nothing()
)
_LEARNER_OF = Prepared(
    "launches.learner_of",
    lambda _dialect: (
        select(identity.c.learner_id, learner.c.last_seen_us)
        .join(learner, learner.c.id == identity.c.learner_id)
        .where(
            identity.c.platform_id == bindparam("platform"),
            identity.c.kind == "sub",
            identity.c.digest == bindparam("digest"),
        )
    ),
)
_SEEN = Prepared(
    "launches.seen",
    lambda _dialect: (
        update(learner)
        .where(learner.c.id == bindparam("learner"))
        .values(last_seen_us=bindparam("now"))
    ),
)
_OPEN = Prepared(
    "launches.open",
    lambda _dialect: insert(launch).values(
        {c.name: bindparam(c.name) for c in launch.c if c is not launch.c.ended_us}
    ),
)

Replay = Callable[[Connection, Arrival, str, datetime], None]
"""Called once for a new learner: (connection, arrival, learner id, now); see store.pull."""


def nothing_parked(_conn: Connection, _arrival: Arrival, _learner: str, _now: datetime) -> None:
    """Replay nothing: for tests and tools without an LRS."""


@dataclass(frozen=True, slots=True)
class SqlDoor:
    """Implements ports.Door. `replay` hands over the statements that waited for a person."""

    database: Database
    seal: Seal
    replay: Replay = nothing_parked

    @contextmanager
    def begin(self) -> Iterator["SqlEntry"]:
        with self.database.begin_straight() as straight:
            yield SqlEntry(straight, self.seal, self.replay)


@dataclass(frozen=True, slots=True)
class SqlEntry:
    straight: Straight
    seal: Seal
    replay: Replay
    seen_us: dict[str, int] = field(default_factory=dict)  # when learners came last

    @property
    def conn(self) -> Connection:
        return self.straight.whole

    def consume(self, nonce_value: str, now: datetime) -> bool:
        row = {"digest": _nonce_digest(self.seal, nonce_value), "expires_us": us(now + NONCE_KEPT)}
        return _CONSUME.touched(self.straight, row) == 1

    def learner_of(self, arrival: Arrival) -> str | None:
        asked = {
            "platform": arrival.platform_id,
            "digest": _subject_digest(self.seal, arrival),
        }
        for learner_id, seen_us in _LEARNER_OF.rows(self.straight, asked):
            self.seen_us[learner_id] = seen_us
            return str(learner_id)
        return None

    def recognise(self, arrival: Arrival, now: datetime) -> str | None:
        found = self._former(arrival) or self._by_attribute(arrival)
        if found and self._name(arrival, "sub", arrival.subject, found, now):
            self.replay(self.conn, arrival, found, now)
        return found

    def remember(self, arrival: Arrival, learner_id: str) -> None:
        # The first whose attribute it is keeps it: two people are never made one by us.
        if arrival.attribute:
            row = {
                "tenant_id": arrival.tenant_id,
                "digest": _attribute_digest(self.seal, arrival),
                "learner_id": learner_id,
            }
            insert_ignore(self.conn, person_attribute, [row])

    def _former(self, arrival: Arrival) -> str | None:
        if not arrival.former:
            return None
        with_id = select(platform.c.issuer).where(platform.c.id == arrival.platform_id)
        issuer = self.conn.execute(with_id).scalar_one()
        return by_subject(self.conn, self.seal, arrival.tenant_id, issuer, arrival.former)

    def _by_attribute(self, arrival: Arrival) -> str | None:
        if not arrival.attribute:
            return None
        mine = (
            person_attribute.c.tenant_id == arrival.tenant_id,
            person_attribute.c.digest == _attribute_digest(self.seal, arrival),
        )
        found: str | None = self.conn.execute(
            select(person_attribute.c.learner_id).where(*mine)
        ).scalar_one_or_none()
        return found

    def welcome(self, arrival: Arrival, now: datetime) -> str:
        learner_id = str(uuid.uuid4())
        self.conn.execute(
            insert(learner).values(
                id=learner_id,
                tenant_id=arrival.tenant_id,
                language=arrival.locale,
                roles=[],
                created_us=us(now),
                last_seen_us=us(now),
            )
        )
        if not self._name(arrival, "sub", arrival.subject, learner_id, now):
            # Another worker welcomed the same person in another tab at the same moment.
            self.conn.execute(delete(learner).where(learner.c.id == learner_id))
            return self.learner_of(arrival) or ""
        self.replay(self.conn, arrival, learner_id, now)
        return learner_id

    def know(self, arrival: Arrival, learner_id: str, now: datetime) -> None:
        # A name that somebody else has already stays hers: two people are never made one by us.
        if not self._name(arrival, "ident", arrival.ident, learner_id, now):
            return
        # The same name as statements may carry it, hashed. Its number is no name of hers for event
        # plugins (`ilias-user-6`): a login may be a number, too, and then it is somebody else's.
        self._name(arrival, "mail_sha1", sha1(arrival.ident), learner_id, now)
        self.replay(self.conn, arrival, learner_id, now)

    def _name(
        self, arrival: Arrival, kind: str, value: str, learner_id: str, now: datetime
    ) -> bool:
        row = {
            "platform_id": arrival.platform_id,
            "kind": kind,
            "digest": self.seal.digest("identity", arrival.platform_id, kind, value),
            "tenant_id": arrival.tenant_id,
            "learner_id": learner_id,
            "sealed": self.seal.seal(value),
            "verified_by": "launch",
            "created_us": us(now),
        }
        return insert_ignore(self.conn, identity, [row]) == 1

    def open(self, arrival: Arrival, learner_id: str, now: datetime) -> Admitted:
        if self.seen_us.get(learner_id, 0) < us(now - SEEN_EXACT):
            _SEEN.touched(self.straight, {"learner": learner_id, "now": us(now)})
        admitted = Admitted(str(uuid.uuid4()), secrets.token_urlsafe(32))
        _OPEN.touched(
            self.straight,
            {
                "id": admitted.launch_id,
                "tenant_id": arrival.tenant_id,
                "learner_id": learner_id,
                "platform_id": arrival.platform_id,
                "deployment_id": arrival.deployment_id,
                "secret_hash": _secret_digest(self.seal, admitted.launch_id, admitted.secret),
                "message_type": arrival.message_type,
                "context_id": arrival.context_id,
                "context_title": arrival.context_title,
                "link_id": arrival.link_id,
                "instructor": arrival.instructor,
                "locale": arrival.locale,
                "role": arrival.role,
                "target": arrival.target,
                "page": arrival.about or None,
                "services": json.dumps(dict(arrival.services)),
                "shared": arrival.shared,
                "created_us": us(now),
                "seen_us": us(now),
            },
        )
        if arrival.placing is not None:
            self._keep_placing(admitted.launch_id, arrival.placing, now)
        return admitted

    def _keep_placing(self, launch_id: str, wanted: Mapping[str, Json], now: datetime) -> None:
        self.conn.execute(
            insert(placing_request).values(
                launch_id=launch_id,
                sealed=self.seal.seal(json.dumps(dict(wanted))),
                expires_us=us(now + PLACING_KEPT),
            )
        )


@dataclass(frozen=True, slots=True)
class Opened:
    """A launch with what decides whether it still runs, and who may frame it."""

    launch: Launch
    secret_hash: str
    seen: datetime
    ended: bool
    platform_urls: tuple[str, ...]

    def admits(self, secret: str, seal: Seal) -> bool:
        """Return whether a browser brought this launch's own secret."""
        brought = _secret_digest(seal, self.launch.id, secret)
        return hmac.compare_digest(brought, self.secret_hash)

    def running(self, now: datetime, *, idle_s: int, absolute_s: int) -> bool:
        return not self.ended and now < self.ends(idle_s=idle_s, absolute_s=absolute_s)

    def ends(self, *, idle_s: int, absolute_s: int) -> datetime:
        """Return when it ends without another tap."""
        return min(self.seen + timedelta(seconds=idle_s), self.ends_for_good(absolute_s))

    def ends_for_good(self, absolute_s: int) -> datetime:
        """Return when it ends whatever anybody does."""
        return self.launch.created + timedelta(seconds=absolute_s)


def find(conn: Connection, launch_id: str) -> Opened | None:
    """Return a launch with its learner and tenant, or None."""
    staff = (
        exists()
        .where(staff_grant.c.learner_id == launch.c.learner_id, staff_grant.c.revoked_us.is_(None))
        .label("staff")
    )
    columns = (
        launch,
        staff,
        platform.c.kind,
        platform.c.state,
        platform.c.auth_url,
        platform.c.issuer,
        platform.c.aliases,
    )
    joined = launch.join(platform, platform.c.id == launch.c.platform_id)
    row = conn.execute(
        select(*columns).select_from(joined).where(launch.c.id == launch_id)
    ).one_or_none()
    if row is None:
        return None
    person = conn.execute(select(learner).where(learner.c.id == row.learner_id)).one()
    tenant = tenants.get(conn, row.tenant_id)
    return Opened(
        launch=Launch(
            id=row.id,
            tenant=tenant,
            learner=learners.value(person),
            platform_id=row.platform_id,
            platform_kind=row.kind,
            context_id=row.context_id or "",
            context_title=row.context_title or "",
            link_id=row.link_id or "",
            instructor=row.instructor,
            locale=row.locale,
            role=row.role or "",
            target=row.target,
            services=row.services,
            created=at(row.created_us),
            page=row.page or "",
            staff=bool(row.staff),
            shared=tenant.settings.shared_devices if row.shared is None else row.shared,
        ),
        secret_hash=row.secret_hash,
        seen=at(row.seen_us),
        # Who blocks a platform also ends what runs from there.
        ended=row.ended_us is not None or row.state == "blocked",
        platform_urls=(row.auth_url, row.issuer, *(row.aliases or ())),
    )


def placing(conn: Connection, seal: Seal, launch_id: str, now: datetime) -> dict[str, Json] | None:
    """Return what this launch lets an instructor place (lti.placing), or None."""
    sealed = conn.execute(
        select(placing_request.c.sealed).where(
            placing_request.c.launch_id == launch_id, placing_request.c.expires_us > us(now)
        )
    ).scalar_one_or_none()
    return None if sealed is None else dict(json.loads(seal.open(sealed)))


def deployment_of(conn: Connection, launch_id: str) -> str:
    """Return the platform's id of the place a launch came from."""
    query = select(launch.c.deployment_id).where(launch.c.id == launch_id)
    return str(conn.execute(query).scalar_one())


def touch(conn: Connection, launch_id: str, now: datetime) -> None:
    """Note that the launch is in use. Writes."""
    conn.execute(update(launch).where(launch.c.id == launch_id).values(seen_us=us(now)))


def end(conn: Connection, launch_id: str, now: datetime) -> None:
    """End a launch for good. Writes."""
    conn.execute(update(launch).where(launch.c.id == launch_id).values(ended_us=us(now)))


def end_shared(conn: Connection, here: Launch, now: datetime) -> None:
    """End every launch of a person on devices that others use next. Writes."""
    said = launch.c.shared.is_(True)
    by_default = [launch.c.shared.is_(None)] if here.tenant.settings.shared_devices else []
    mine = (
        launch.c.learner_id == here.learner.id,
        launch.c.ended_us.is_(None),
        or_(said, *by_default),
    )
    conn.execute(update(launch).where(*mine).values(ended_us=us(now)))


def consumed(conn: Connection, seal: Seal, nonce_value: str) -> bool:
    """Return whether a launch with this nonce was accepted before."""
    digest = _nonce_digest(seal, nonce_value)
    found = conn.execute(select(nonce.c.digest).where(nonce.c.digest == digest))
    return found.first() is not None


def purge(conn: Connection, now: datetime) -> int:
    """Delete nonces nobody can use any more; return how many. Writes."""
    return conn.execute(delete(nonce).where(nonce.c.expires_us < us(now))).rowcount


def _nonce_digest(seal: Seal, value: str) -> str:
    return seal.digest("nonce", value)


def _subject_digest(seal: Seal, arrival: Arrival) -> str:
    return seal.digest("identity", arrival.platform_id, "sub", arrival.subject)


def _attribute_digest(seal: Seal, arrival: Arrival) -> str:
    return seal.digest("attribute", arrival.tenant_id, arrival.attribute)


def _secret_digest(seal: Seal, launch_id: str, secret: str) -> str:
    return seal.digest("launch-secret", launch_id, secret)


def by_subject(
    conn: Connection, seal: Seal, tenant_id: str, issuer: str, subject: str
) -> str | None:
    """Return the learner with this sub at a platform of this tenant and issuer, by id."""
    found = [p.id for p in platforms.of_issuer(conn, issuer) if p.tenant_id == tenant_id]
    for platform_id in found:
        digest = seal.digest("identity", platform_id, "sub", subject)
        known = select(identity.c.learner_id).where(
            identity.c.platform_id == platform_id,
            identity.c.kind == "sub",
            identity.c.digest == digest,
        )
        learner_id: str | None = conn.execute(known).scalar_one_or_none()
        if learner_id:
            return learner_id
    return None
