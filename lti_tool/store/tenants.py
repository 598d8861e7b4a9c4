"""Municipalities: read and written here only."""

import re
import uuid
from datetime import datetime

from sqlalchemy import Connection, Row, select, update

from lti_tool.errors import Conflict, NotFound
from lti_tool.ports import Tenant, TenantSettings
from lti_tool.store.database import us
from lti_tool.store.documents import tenant_settings_from, tenant_settings_to
from lti_tool.store.schema.core import tenant
from lti_tool.store.schema.lti import platform
from lti_tool.store.schema.xapi import activity_map

KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def add(
    conn: Connection, key: str, name: str, land: str, settings: TenantSettings, now: datetime
) -> Tenant:
    """Write and return a new tenant.

    :raises Conflict: the key is taken, or could not stand in an address.
    """
    if not KEY.fullmatch(key):
        raise Conflict(
            f"{key!r} cannot be the key of a tenant: it stands in addresses.",
            remedy="Use at most 40 small letters, digits and hyphens, e.g. musterstadt.",
        )
    if conn.execute(select(tenant.c.id).where(tenant.c.key == key)).first():
        raise Conflict(f"There is a tenant {key!r} already.", remedy="Choose another key.")
    made = Tenant(str(uuid.uuid4()), key, name, land, settings)
    conn.execute(
        tenant.insert().values(
            id=made.id,
            key=key,
            name=name,
            land=land,
            settings=tenant_settings_to(settings),
            created_us=us(now),
        )
    )
    return made


def get(conn: Connection, tenant_id: str) -> Tenant:
    row = conn.execute(select(tenant).where(tenant.c.id == tenant_id)).first()
    if row is None:
        raise NotFound("There is no such tenant.", remedy="See `roadmap tenant list`.")
    return _value(row)


def by_key(conn: Connection, key: str) -> Tenant:
    row = conn.execute(select(tenant).where(tenant.c.key == key)).first()
    if row is None:
        raise NotFound(f"There is no tenant {key!r}.", remedy="See `roadmap tenant list`.")
    return _value(row)


def listed(conn: Connection) -> list[Tenant]:
    return [_value(row) for row in conn.execute(select(tenant).order_by(tenant.c.key))]


def change(conn: Connection, tenant_id: str, settings: TenantSettings) -> None:
    conn.execute(
        update(tenant).where(tenant.c.id == tenant_id).values(settings=tenant_settings_to(settings))
    )


_ADDRESS = activity_map.c.activity.like("https://_%") | activity_map.c.activity.like("http://_%")


def activities(conn: Connection, tenant_id: str) -> dict[str, str]:
    """Return unit -> LMS address; of several one at an LMS we know, the first by address.

    What is mapped by its idnumber only has no address: nothing to link, nor an id of a statement.
    cmi5 content has addresses that are no pages, and lie elsewhere: a page of the LMS comes first.
    """
    issuers = select(platform.c.issuer).where(platform.c.tenant_id == tenant_id)
    known = {_host(issuer) for issuer in conn.execute(issuers).scalars()}
    rows = conn.execute(
        select(activity_map.c.unit, activity_map.c.activity).where(
            activity_map.c.tenant_id == tenant_id, _ADDRESS
        )
    )
    best_last = sorted(rows, key=lambda r: (_host(r.activity) not in known, r.activity))[::-1]
    return {r.unit: r.activity for r in best_last}


def _host(address: str) -> str:
    return address.partition("://")[2].partition("/")[0]


def _value(row: Row[tuple[object, ...]]) -> Tenant:
    r = row._mapping
    return Tenant(r["id"], r["key"], r["name"], r["land"], tenant_settings_from(r["settings"]))
