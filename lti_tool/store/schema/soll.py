"""What roles ask for: versions of the Soll, and roles that a municipality has of its own.

No table here holds a result of anybody. Who drafted, checked or approved is an id, as in the audit.
"""

from sqlalchemy import Boolean, Column, Integer, String, Table, Text, UniqueConstraint

from lti_tool.store.schema.base import document, instant, metadata, tenant_fk, uuid_pk

soll_version = Table(
    "soll_version",
    metadata,
    uuid_pk(),
    tenant_fk(index=False),  # the unique key begins with it
    Column("role", String(24), nullable=False),
    Column("number", Integer, nullable=False),  # within the role, from 1
    Column("state", String(12), nullable=False),  # draft | review | approved | dropped
    Column("granularity", String(12), nullable=False),  # competence | area
    Column("scale", Integer, nullable=False),  # 4 | 8
    document("steps"),
    document("reasons"),
    Column("framework", String(80), nullable=False),
    Column("source", String(12), nullable=False),
    Column("workshop_id", String(36)),
    Column("made_by", String(80), nullable=False),
    instant("made_us"),
    Column("submitted_by", String(80)),
    instant("submitted_us", nullable=True),
    Column("council_on", String(10)),  # ISO date
    Column("approved_by", String(80)),
    instant("approved_us", nullable=True),
    Column("approved_as", String(120), nullable=False, default=""),
    Column("valid_from", String(10)),  # ISO date, Europe/Berlin
    UniqueConstraint("tenant_id", "role", "number"),
)

soll_role = Table(  # a role of a municipality's own, or a role of the pack that it has retired
    "soll_role",
    metadata,
    tenant_fk(primary_key=True),
    Column("key", String(24), primary_key=True),
    Column("title", String(120), nullable=False),  # "": of the pack
    Column("hint", Text, nullable=False, default=""),
    Column("workplace", String(12), nullable=False, default="mixed"),
    Column("additional", Boolean, nullable=False, default=False),
    Column("alike", String(24), nullable=False, default=""),
    Column("made_by", String(80), nullable=False),
    instant("made_us"),
    instant("retired_us", nullable=True),
)
