"""Platforms and their deployments: rows <-> `ports.Platform`. One row per issuer and client."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Text, bindparam, cast, func, null, select, update
from sqlalchemy import Row as SqlRow

from lti_tool.errors import Conflict, NotFound
from lti_tool.ports import ADDRESSES, Application, Platform
from lti_tool.store.database import insert_ignore, us
from lti_tool.store.prepared import Prepared, Row
from lti_tool.store.schema.lti import deployment, launch, platform
from lti_tool.store.straight import Straight


class Deployment(NamedTuple):
    """One place in an LMS, by our id and by the platform's."""

    id: str
    platform_id: str
    deployment_id: str
    state: str  # active | pending | blocked


_READ = (
    *("id", "tenant_id", "kind", "name", "issuer", "client_id", "auth_url", "token_url"),
    *("jwks_url", "state", "plan_url", "trusted", "former_key", "former_secret"),
)
# Asked at every login and every launch.
_OF_ISSUER = Prepared(
    "platforms.of_issuer",
    lambda _dialect: (
        select(
            *(platform.c[name] for name in _READ),
            cast(platform.c.proposed, Text),
            cast(platform.c.aliases, Text),
            deployment.c.deployment_id,
            deployment.c.state,
        )
        .outerjoin(deployment, deployment.c.platform_id == platform.c.id)
        .where((platform.c.issuer == bindparam("name")) | platform.c.aliases.is_not(null()))
        .order_by(platform.c.created_us)
    ),
)
MAX_PENDING = 100  # a platform that invents deployments fills a page, not the database


def add(
    conn: Connection,
    *,
    tenant_id: str,
    kind: str,
    issuer: str,
    client_id: str,
    deployment_ids: Sequence[str],
    auth_url: str,
    token_url: str,
    jwks_url: str,
    now: datetime,
    name: str = "",
    state: str = "active",
) -> Platform:
    """Store a registration and return it. Writes.

    :raises Conflict: this issuer and client are registered already.
    """
    platform_id = str(uuid.uuid4())
    row = {
        "id": platform_id,
        "tenant_id": tenant_id,
        "kind": kind,
        "name": name,
        "issuer": issuer,
        "client_id": client_id,
        "auth_url": auth_url,
        "token_url": token_url,
        "jwks_url": jwks_url,
        "state": state,
        "settings": {},
        "created_us": us(now),
    }
    if not insert_ignore(conn, platform, [row]):
        raise Conflict(
            "This issuer and client id are registered already.",
            remedy="See `roadmap platform list`.",
        )
    for deployment_id in deployment_ids:
        add_deployment(conn, get(conn, platform_id), deployment_id, now)
    return get(conn, platform_id)


def get(conn: Connection, platform_id: str) -> Platform:
    """:raises NotFound: there is no such platform."""
    row = conn.execute(select(platform).where(platform.c.id == platform_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such platform.", remedy="See `roadmap platform list`.")
    return _with_deployments(conn, [row])[0]


def of_issuer(conn: Connection | Straight, issuer: str) -> list[Platform]:
    """Return all registrations of an issuer, oldest first, as they are seen under this name."""
    return list(_seen_as(issuer, tuple(_OF_ISSUER.rows(Straight.of(conn), {"name": issuer}))))


@lru_cache(maxsize=64)
def _seen_as(issuer: str, rows: tuple[Row, ...]) -> tuple[Platform, ...]:
    # The rows are read each time, so a block counts at once; only what they mean is remembered.
    places: dict[str, dict[str, str]] = {}
    firsts: dict[str, Row] = {}
    for row in rows:
        *_, place, state = row
        firsts.setdefault(row[0], row)
        places.setdefault(row[0], {}).update({place: state} if place is not None else {})
    found = [_from_row(row, places[number]) for number, row in firsts.items()]
    return tuple(p.under(issuer) for p in found if issuer in (p.issuer, *p.aliases))


def _from_row(row: Row, deployments: Mapping[str, str]) -> Platform:
    *plain, proposed, aliases, _place, _state = row
    texts = {"proposed": proposed, "aliases": aliases}
    documents = {name: text and json.loads(text) for name, text in texts.items()}
    return _platform({**dict(zip(_READ, plain, strict=True)), **documents}, deployments)


def listed(conn: Connection, tenant_id: str | None = None) -> list[Platform]:
    """Return platforms, the oldest first; of one municipality, or of all."""
    everything = platform.c.id == platform.c.id
    return _select(conn, everything if tenant_id is None else platform.c.tenant_id == tenant_id)


def set_state(conn: Connection, platform_id: str, state: str) -> Platform:
    """Approve (`active`) or block a platform and return it. Writes.

    :raises NotFound: there is no such platform.
    """
    values: dict[str, object] = {"state": state}
    proposed = get(conn, platform_id).proposed
    if state == "active" and proposed:
        values |= {name: proposed[name] for name in ADDRESSES} | {"proposed": None}
    conn.execute(update(platform).where(platform.c.id == platform_id).values(**values))
    return get(conn, platform_id)


def set_plan_service(
    conn: Connection, platform_id: str, url: str | None, sealed_token: bytes | None
) -> None:
    """Store where the LMS takes learning plans, and the sealed token; None forgets. Writes."""
    values = {"plan_url": url, "plan_token": sealed_token}
    conn.execute(update(platform).where(platform.c.id == platform_id).values(**values))


def add_alias(conn: Connection, platform_id: str, issuer: str) -> Platform:
    """Let a platform speak under another issuer, too, and return it. Writes.

    :raises Conflict: this issuer and client are registered already.
    """
    found = get(conn, platform_id)
    if any(p.client_id == found.client_id for p in of_issuer(conn, issuer)):
        raise Conflict(
            "This issuer and client id are registered already.",
            remedy="See `roadmap platform list`.",
        )
    return _set_aliases(conn, found, [*found.aliases, issuer])


def remove_alias(conn: Connection, platform_id: str, issuer: str) -> Platform:
    """Undo `add_alias`. Writes. :raises NotFound: it has no such other issuer."""
    found = get(conn, platform_id)
    if issuer not in found.aliases:
        raise NotFound("It has no such other issuer.", remedy="See `roadmap platform list`.")
    return _set_aliases(conn, found, [a for a in found.aliases if a != issuer])


def _set_aliases(conn: Connection, of: Platform, aliases: Sequence[str]) -> Platform:
    values = {"aliases": list(aliases) or None}
    conn.execute(update(platform).where(platform.c.id == of.id).values(**values))
    return get(conn, of.id)


def plan_token(conn: Connection, platform_id: str) -> bytes | None:
    return conn.execute(
        select(platform.c.plan_token).where(platform.c.id == platform_id)
    ).scalar_one_or_none()


def trust(conn: Connection, platform_id: str, attribute: str) -> Platform:
    """Let an attribute tell this platform's people; "" ends that. Writes."""
    conn.execute(update(platform).where(platform.c.id == platform_id).values(trusted=attribute))
    return get(conn, platform_id)


def set_former(conn: Connection, platform_id: str, key: str, sealed: bytes | None) -> Platform:
    """Keep the LTI 1.1 consumer of a platform; "" forgets it. Writes."""
    values = {"former_key": key, "former_secret": sealed}
    conn.execute(update(platform).where(platform.c.id == platform_id).values(**values))
    return get(conn, platform_id)


def manager(conn: Connection, platform_id: str) -> tuple[str, bytes] | None:
    """Return where our registration can be changed, and the sealed token for it."""
    row = conn.execute(
        select(platform.c.manage_url, platform.c.manage_token).where(platform.c.id == platform_id)
    ).one()
    return (row.manage_url, row.manage_token) if row.manage_url else None


def add_deployment(
    conn: Connection, of: Platform, deployment_id: str, now: datetime, *, state: str = "active"
) -> bool:
    """Store a deployment if it is new; return whether it was. Writes."""
    row = {
        "id": str(uuid.uuid4()),
        "tenant_id": of.tenant_id,
        "platform_id": of.id,
        "deployment_id": deployment_id,
        "state": state,
        "created_us": us(now),
    }
    return insert_ignore(conn, deployment, [row]) == 1


def note_pending(conn: Connection, of: Platform, deployment_id: str, now: datetime) -> bool:
    """Record a deployment that came well signed but is unknown. Writes.

    Returns whether it is new.
    """
    waiting = conn.execute(
        select(func.count())
        .select_from(deployment)
        .where(deployment.c.platform_id == of.id, deployment.c.state == "pending")
    ).scalar_one()
    return waiting < MAX_PENDING and add_deployment(conn, of, deployment_id, now, state="pending")


def deployments(conn: Connection) -> list[Deployment]:
    """Return all deployments, those that wait first."""
    query = select(deployment).order_by(deployment.c.state.desc(), deployment.c.created_us)
    return [
        Deployment(row.id, row.platform_id, row.deployment_id, row.state)
        for row in conn.execute(query)
    ]


def running(conn: Connection, platform_id: str, since: datetime) -> int:
    """Return how many launches from there were in use since an instant and have not ended."""
    mine = (
        launch.c.platform_id == platform_id,
        launch.c.seen_us >= us(since),
        launch.c.ended_us.is_(None),
    )
    return conn.execute(select(func.count()).select_from(launch).where(*mine)).scalar_one()


def set_deployment_state(conn: Connection, deployment_row_id: str, state: str) -> None:
    """Approve (`active`) or block a deployment. Writes.

    :raises NotFound: there is no such deployment.
    """
    found = conn.execute(
        update(deployment).where(deployment.c.id == deployment_row_id).values(state=state)
    )
    if found.rowcount == 0:
        raise _no_deployment()


@dataclass(frozen=True, slots=True)
class SqlPlatforms:
    """Implements ports.Platforms: what may be approved and blocked."""

    conn: Connection

    def get(self, platform_id: str) -> Platform:
        return get(self.conn, platform_id)

    def set_state(self, platform_id: str, state: str) -> None:
        set_state(self.conn, platform_id, state)

    def waiting(self, tenant_id: str) -> int:
        mine = (platform.c.tenant_id == tenant_id, platform.c.state == "pending")
        query = select(func.count()).select_from(platform).where(*mine)
        return self.conn.execute(query).scalar_one()

    def of_client(self, issuer: str, client_id: str) -> Platform | None:
        named = [p for p in of_issuer(self.conn, issuer) if p.client_id == client_id]
        return named[0] if named else None

    def add(self, tenant_id: str, given: Application, now: datetime) -> Platform:
        return add(
            self.conn,
            tenant_id=tenant_id,
            kind=given.kind,
            name=given.name,
            issuer=given.issuer,
            client_id=given.client_id,
            deployment_ids=(),
            state="pending",
            now=now,
            **given.addresses,
        )

    def propose(self, platform_id: str, addresses: Mapping[str, str]) -> None:
        mine = update(platform).where(platform.c.id == platform_id)
        self.conn.execute(mine.values(proposed=dict(addresses)))

    def add_place(self, platform_id: str, deployment_id: str, state: str, now: datetime) -> None:
        add_deployment(self.conn, get(self.conn, platform_id), deployment_id, now, state=state)

    def keep_manager(self, platform_id: str, url: str, sealed_token: bytes) -> None:
        values = {"manage_url": url, "manage_token": sealed_token}
        self.conn.execute(update(platform).where(platform.c.id == platform_id).values(**values))

    def platform_of(self, deployment_row: str) -> Platform:
        mine = select(deployment.c.platform_id).where(deployment.c.id == deployment_row)
        found = self.conn.execute(mine).scalar_one_or_none()
        if found is None:
            raise _no_deployment()
        return get(self.conn, found)

    def set_deployment_state(self, deployment_row: str, state: str) -> None:
        set_deployment_state(self.conn, deployment_row, state)


def _no_deployment() -> NotFound:
    return NotFound("There is no such deployment.", remedy="See `roadmap deployment list`.")


def _select(conn: Connection, condition: object) -> list[Platform]:
    query = select(platform).where(condition).order_by(platform.c.created_us)  # type: ignore[arg-type]
    return _with_deployments(conn, conn.execute(query).all())


def _with_deployments(
    conn: Connection, rows: Sequence[SqlRow[tuple[object, ...]]]
) -> list[Platform]:
    ids = [row.id for row in rows]
    states: dict[str, dict[str, str]] = {platform_id: {} for platform_id in ids}
    for row in conn.execute(select(deployment).where(deployment.c.platform_id.in_(ids))):
        states[row.platform_id][row.deployment_id] = row.state
    return [_platform(dict(row._mapping), states[row.id]) for row in rows]


def _platform(row: Mapping[str, Any], deployments: Mapping[str, str]) -> Platform:
    return Platform(
        id=row["id"],
        tenant_id=row["tenant_id"],
        kind=row["kind"],
        name=row["name"],
        issuer=row["issuer"],
        client_id=row["client_id"],
        auth_url=row["auth_url"],
        token_url=row["token_url"],
        jwks_url=row["jwks_url"],
        state=row["state"],
        deployments=deployments,
        plan_url=row["plan_url"] or "",
        proposed=row["proposed"] or {},
        trusted=row["trusted"] or "",
        former_key=row["former_key"] or "",
        former_secret=row["former_secret"] or b"",
        aliases=tuple(row["aliases"] or ()),
    )
