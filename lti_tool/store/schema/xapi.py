"""LRS connections and the lossless pull; the embedded LRS is in `embedded`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from lti_tool.store.schema.base import (
    document,
    instant,
    learner_fk,
    metadata,
    only_where,
    tenant_fk,
    uuid_pk,
)

lrs = Table(
    "lrs",
    metadata,
    uuid_pk(),
    tenant_fk(),
    Column("name", String(64), nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("key", String(255), nullable=False),
    Column("secret", LargeBinary, nullable=False),  # sealed
    document("capabilities"),
    document("settings"),  # scope filters, scaling, retention, extra home pages
    document("counts"),  # received, stored, foreign, …: survive purges
    document("changes", nullable=True),  # of what it can do, for the admin: the newest last
    Column("last_error", Text),
    instant("last_run_us", nullable=True),
    instant("probed_us", nullable=True),
    instant("created_us"),
    UniqueConstraint("tenant_id", "name"),
)

lrs_cursor = Table(
    "lrs_cursor",
    metadata,
    Column("lrs_id", String(36), ForeignKey("lrs.id", ondelete="CASCADE"), primary_key=True),
    Column("hwm", String(40)),
    Column("hwm_us", BigInteger),
    Column("more", Text),
    Column("run_since", String(40)),
    Column("run_max_us", BigInteger),
    Column("run_max", String(40)),
    Column("run_began_us", BigInteger),
    Column("part", Integer, nullable=False, server_default="0"),
    Column("overlap_s", Float, nullable=False),
    # Before this (`stored`), what was not for us is forgotten: it is not counted a second time.
    Column("forgotten_us", BigInteger),
    # It asked us to wait, or did not answer this often in a row.
    instant("wait_until_us", nullable=True),
    Column("failures", Integer, nullable=False, server_default="0"),
    # Fencing lease: the token only grows; a page commits only under the newest one.
    Column("lease_owner", String(64)),
    Column("lease_token", Integer, nullable=False, default=0),
    Column("lease_until_us", BigInteger),
)

lrs_round = Table(  # what looks further back from time to time: sweeps, and what was deleted there
    "lrs_round",
    metadata,
    Column("lrs_id", String(36), ForeignKey("lrs.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(8), primary_key=True),  # night | week | deleted
    instant("started_us", nullable=True),
    instant("finished_us", nullable=True),  # None: it is under way
    Column("more", Text),
    Column("part", Integer, nullable=False, server_default="0"),
    Column("run_since_us", BigInteger),
    Column("run_max_us", BigInteger),
    Column("run_began_us", BigInteger),
    Column("place", String(36)),  # the learner behind whom to go on
    Column("seen", Integer, nullable=False, server_default="0"),
    Column("found", Integer, nullable=False, server_default="0"),
    Column("worst_s", Float, nullable=False, server_default="0"),
    # Of the last one that came to its end; and the overlap that its finds ask for.
    Column("last_seen", Integer, nullable=False, server_default="0"),
    Column("last_found", Integer, nullable=False, server_default="0"),
    Column("raise_s", Float, nullable=False, server_default="0"),
    Column("note", Text),
)

statement = Table(
    "statement",
    metadata,
    Column("lrs_id", String(36), ForeignKey("lrs.id", ondelete="CASCADE"), primary_key=True),
    Column("statement_id", String(36), primary_key=True),
    tenant_fk(index=False),  # a database has one or few; it would be written, and never used
    learner_fk(nullable=True),
    Column("actor_key", String(64)),  # keyed hash, for parked actors
    Column("verb", Text),
    Column("object", Text),
    Column("content_key", String(64)),
    Column("digest", String(64), nullable=False),
    Column("flags", String(120), nullable=False, default=""),
    Column("state", String(12), nullable=False),  # kept | parked | foreign | outside
    Column("raw", LargeBinary),  # without names and durations; erased after the window
    Column("mapped", Boolean, nullable=False, default=False),
    instant("stored_us"),
    instant("timestamp_us", nullable=True),
    instant("eff_us", nullable=True),
    instant("received_us"),
    # What is looked for among millions are the few that wait, or whose text is still there.
    only_where("ix_statement_waiting", "state", "lrs_id", "received_us", where="state <> 'kept'"),
    only_where("ix_statement_raw", "received_us", where="raw IS NOT NULL"),
    only_where("ix_statement_flagged", "lrs_id", "received_us", where="flags <> ''"),
    only_where("ix_statement_mapped", "lrs_id", "content_key", where="mapped"),
    only_where("ix_statement_actor_key", "actor_key", where="actor_key IS NOT NULL"),
)

# Said beside what is meant, so that the indexes of the few rows can be used.
WAITING = text("statement.state <> 'kept'")
FLAGGED = text("statement.flags <> ''")
MAPPED = text("statement.mapped")

void = Table(
    "void",
    metadata,
    Column("lrs_id", String(36), ForeignKey("lrs.id", ondelete="CASCADE"), primary_key=True),
    Column("target_id", String(36), primary_key=True, index=True),
    tenant_fk(),
    Column("voided_by", String(36), nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("lrs_id", String(36), ForeignKey("lrs.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", String(64), primary_key=True),
    tenant_fk(),
    Column("raw", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    instant("first_seen_us", index=True),
)

late_hist = Table(
    "late_hist",
    metadata,
    Column("lrs_id", String(36), ForeignKey("lrs.id", ondelete="CASCADE"), primary_key=True),
    Column("bucket_s", Integer, primary_key=True),
    Column("count", Integer, nullable=False),
)

activity_map = Table(  # LMS activity -> what it stands for
    "activity_map",
    metadata,
    tenant_fk(primary_key=True),
    Column("activity", String(512), primary_key=True),
    Column("unit", String(64), nullable=False),  # a unit, or competence@step: xapi_bridge.aims
    instant("created_us"),
)

unmapped = Table(  # activities seen completed, but not mapped
    "unmapped",
    metadata,
    tenant_fk(primary_key=True),
    Column("activity", String(512), primary_key=True),
    Column("verb", String(255), primary_key=True),
    Column("count", Integer, nullable=False),
    instant("last_us"),
)
