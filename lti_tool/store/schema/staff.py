"""The admin's door: who may do what, how they came in, and what the pages show of the service.

No table here holds a result of anybody. A right belongs to a person of one municipality and never
follows from a role in the LMS (decisions.md 1.8).
"""

from sqlalchemy import Column, ForeignKey, Integer, String, Table, Text

from lti_tool.store.schema.base import (
    document,
    instant,
    learner_fk,
    metadata,
    tenant_fk,
    uuid_pk,
)

staff_grant = Table(
    "staff_grant",
    metadata,
    uuid_pk(),
    tenant_fk(),
    learner_fk(),
    Column("role", String(24), nullable=False),  # one of ports.STAFF_ROLES
    Column("granted_by", String(80), nullable=False),  # cli, staff:<id>, link:<number>
    instant("granted_us"),
    Column("revoked_by", String(80)),
    instant("revoked_us", nullable=True),
)

staff_link = Table(  # one-time links for a first admin; the code itself is never stored
    "staff_link",
    metadata,
    Column("digest", String(64), primary_key=True),
    tenant_fk(),
    instant("made_us"),
    instant("expires_us", index=True),
    instant("used_us", nullable=True),
)

staff_session = Table(
    "staff_session",
    metadata,
    uuid_pk(),
    tenant_fk(),
    learner_fk(nullable=True),  # nobody: by a one-time link
    Column("platform_id", String(36), ForeignKey("platform.id")),
    Column("secret_hash", String(64), nullable=False),
    Column("language", String(8), nullable=False),
    instant("created_us", index=True),
    instant("seen_us"),
    instant("ended_us", nullable=True),
)

connection_check = Table(  # the last test of a municipality's connections
    "connection_check",
    metadata,
    tenant_fk(primary_key=True),
    instant("started_us"),
    instant("finished_us", nullable=True),
    document("results"),
)

job_run = Table(  # one row per job: the job table itself forgets what is done
    "job_run",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("runs", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    instant("ran_us", nullable=True),  # last good end
    instant("failed_us", nullable=True),
    Column("last_error", Text),
)
