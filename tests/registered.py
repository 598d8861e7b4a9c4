"""A Moodle that is registered, for tests that need one and ask nothing of it."""

from datetime import datetime

from sqlalchemy import Connection

from lti_tool.ports import Platform
from lti_tool.store import platforms


def moodle(conn: Connection, tenant_id: str, issuer: str, now: datetime) -> Platform:
    return platforms.add(
        conn,
        tenant_id=tenant_id,
        kind="moodle",
        issuer=issuer,
        client_id="c",
        deployment_ids=["1"],
        auth_url=f"{issuer}/auth",
        token_url=f"{issuer}/token",
        jwks_url=f"{issuer}/certs",
        now=now,
    )
