"""What roles ask for: versions of the Soll, own roles of a municipality, and workshops.

No table here holds a result of anybody. Who drafted, checked or approved is an id, as in the audit;
who votes in a workshop is nobody (docs/adr/0013-votes-nobody-cast.md).
"""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

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

soll_workshop = Table(
    "soll_workshop",
    metadata,
    uuid_pk(),
    tenant_fk(),
    Column("role", String(24), nullable=False),
    Column("granularity", String(12), nullable=False),
    Column("scale", Integer, nullable=False),
    Column("framework", String(80), nullable=False),
    document("invited"),  # group -> how many people are expected
    document("agreed"),  # code -> step and reason
    Column("state", String(12), nullable=False),  # open | done | dropped
    Column("code_digest", String(64), unique=True),  # null: nobody can come in any more
    Column("code_sealed", LargeBinary),
    instant("expires_us", nullable=True, index=True),
    Column("version_id", String(36)),  # the draft it ended in
    Column("made_by", String(80), nullable=False),
    instant("made_us"),
    instant("ended_us", nullable=True),
)

soll_round = Table(  # one vote; when it is closed, counts are all that is left of it
    "soll_round",
    metadata,
    Column(
        "workshop_id",
        String(36),
        ForeignKey("soll_workshop.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("number", Integer, primary_key=True),
    document("codes"),
    Column("state", String(12), nullable=False),  # open | closed
    document("tally"),  # code -> group -> step -> votes
    instant("opened_us"),
    instant("closed_us", nullable=True),
)

# Who votes is nobody: a random number in a cookie, its keyed digest here, no clock, no address.
soll_seat = Table(
    "soll_seat",
    metadata,
    uuid_pk(),
    Column(
        "workshop_id",
        String(36),
        ForeignKey("soll_workshop.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("digest", String(64), nullable=False, unique=True),
    Column("group_name", String(12), nullable=False),  # lead | staff
)

soll_vote = Table(  # only while its round is open
    "soll_vote",
    metadata,
    Column("seat_id", String(36), ForeignKey("soll_seat.id", ondelete="CASCADE"), primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("code", String(16), primary_key=True),
    Column("step", Integer),  # null: no opinion
)
