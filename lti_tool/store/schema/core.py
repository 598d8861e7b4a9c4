"""Tenants, learners and what the loop makes of them: attempts, evidence, paths, outbox, jobs."""

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
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

tenant = Table(
    "tenant",
    metadata,
    uuid_pk(),
    Column("key", String(64), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("land", String(2), nullable=False),
    # Switches, texts and limits of this municipality; see lti_tool.store.tenants.TenantSettings.
    document("settings"),
    instant("created_us"),
)

learner = Table(
    "learner",
    metadata,
    uuid_pk(),
    tenant_fk(),
    Column("language", String(8), nullable=False, default="de"),
    Column("state", String(16), nullable=False, default="active"),  # active | objected | restricted
    Column("notice_version", String(32)),
    instant("notice_us", nullable=True),
    Column("practised", Boolean, nullable=False, default=False),
    Column("plain", Boolean),  # questions in Einfache Sprache; null: never asked for
    document("roles"),  # chosen role keys, main role first
    document("wishes", nullable=True),  # hours per month, blocked months, …
    document("excluded_tests", nullable=True),  # keys of providers; null: none
    Column("desired_role", String(24), nullable=False, server_default=""),
    instant("created_us"),
    instant("last_seen_us", index=True),  # for retention only, shown to nobody
)

# Who a learner is in the LMS. The value is sealed (readable only with the service's key), the
# digest is keyed: a database dump alone does not say who somebody is.
identity = Table(
    "identity",
    metadata,
    Column("platform_id", String(36), ForeignKey("platform.id"), primary_key=True),
    Column("kind", String(16), primary_key=True),  # sub | ident | username | mail | usr_id
    Column("digest", String(64), primary_key=True),
    tenant_fk(index=False),
    learner_fk(),
    Column("sealed", LargeBinary, nullable=False),
    Column("verified_by", String(16), nullable=False),
    instant("created_us"),
    # Whose statement is it? A page of activity asks for hundreds of them.
    Index("ix_identity_digest", "digest"),
    # Who came lately? Asked before every pull.
    Index("ix_identity_came", "tenant_id", "created_us"),
)

attempt = Table(
    "attempt",
    metadata,
    uuid_pk(),
    tenant_fk(),
    learner_fk(),
    Column("state", String(16), nullable=False),  # open | finished
    document("versions"),  # frozen pack and engine versions
    document("target"),
    Column("answered", Integer, nullable=False, default=0),
    instant("started_us"),
    instant("touched_us", index=True),
    instant("finished_us", nullable=True),
    Column("unit", String(64)),  # of an exam; null: the assessment
)

question = Table(
    "question",
    metadata,
    Column(
        "attempt_id", String(36), ForeignKey("attempt.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("position", Integer, primary_key=True),
    tenant_fk(),
    learner_fk(),
    Column("item", String(64), nullable=False),
    document("order"),  # order of the options as shown
    document("reason"),  # the log "why this question"
    document("response", nullable=True),  # what was answered; deleted after the answers' retention
    Column("category", Integer),
    Column("shown", String(16)),  # wording that was answered: parameters hold for one wording
    instant("asked_us"),
    instant("answered_us", nullable=True),
    instant("put_off_us", nullable=True),  # a task for later
    # The purge looks for answers that are still there, not for all that ever were.
    only_where("ix_question_answers", "answered_us", where="response IS NOT NULL"),
)

person_attribute = Table(  # what tells a person at several platforms: its keyed digest only
    "person_attribute",
    metadata,
    tenant_fk(index=False, primary_key=True),
    Column("digest", String(64), primary_key=True),
    learner_fk(),
)

pairing = Table(  # a code that joins a person of two learning portals, for some minutes
    "pairing",
    metadata,
    Column("digest", String(64), primary_key=True),
    learner_fk(),
    instant("expires_us", index=True),
)

reflection = Table(  # K.1: private, never scored
    "reflection",
    metadata,
    Column(
        "attempt_id", String(36), ForeignKey("attempt.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("item", String(64), primary_key=True),
    tenant_fk(),
    learner_fk(),
    document("response"),
    instant("answered_us", index=True),
)

evidence = Table(
    "evidence",
    metadata,
    uuid_pk(),
    tenant_fk(index=False),  # the unique key begins with it
    learner_fk(),
    Column("source", String(16), nullable=False),  # a Source, or launch
    Column("statement_id", String(36)),  # of the LRS statement; "" never
    Column("rule_id", String(120), nullable=False),
    Column("competency", String(16)),  # null: only the completion of a unit
    Column("unit", String(64)),
    Column("activity", Text),
    Column("kind", String(24), nullable=False),
    Column("level", Integer, nullable=False, default=0),
    Column("a", Float, nullable=False, default=0.0),
    document("b"),
    Column("category", Integer, nullable=False, default=0),
    Column("self_report", Boolean, nullable=False, default=False),
    Column("group_key", String(64), index=True),
    instant("eff_us", index=True),
    instant("stored_us", nullable=True),
    instant("arrival_us"),
    Column("revoked_by", String(80)),  # statement id or "learner"
    Column("counter_statement", Text),  # the learner's own words
    document(
        "origin", nullable=True
    ),  # of a result of another test: `competency.external.origin_of`
    instant("until_us", nullable=True),  # counts no more from then on
    UniqueConstraint("tenant_id", "statement_id", "rule_id"),
)

profile = Table(
    "profile",
    metadata,
    Column(
        "learner_id", String(36), ForeignKey("learner.id", ondelete="CASCADE"), primary_key=True
    ),
    tenant_fk(),
    document("document"),
    document("covariance"),
    instant("computed_us", index=True),
)

recommendation = Table(  # the log of every plan, kept at least six months (law L34)
    "recommendation",
    metadata,
    uuid_pk(),
    tenant_fk(),
    learner_fk(),
    Column("input_hash", String(64), nullable=False),
    document("versions"),
    Column("value", Float, nullable=False),
    Column("bound", Float, nullable=False),
    Column("solver", String(80), nullable=False),
    Column("ms", Float, nullable=False),
    document("output"),
    instant("made_us", index=True),
)

path = Table(
    "path",
    metadata,
    uuid_pk(),  # also the assignment UUID and the registration of its statements
    tenant_fk(),
    learner_fk(),
    Column("revision", Integer, nullable=False),
    Column("state", String(16), nullable=False),  # draft | accepted | withdrawn
    Column("recommendation_id", String(36)),
    document("document"),
    instant("made_us", index=True),
    instant("accepted_us", nullable=True),
    UniqueConstraint("learner_id", "revision"),
)

outbox = Table(
    "outbox",
    metadata,
    uuid_pk(),
    tenant_fk(),
    learner_fk(nullable=True),
    Column("kind", String(24), nullable=False),  # see ports.Delivery
    Column("target_id", String(36), nullable=False),  # lrs or platform
    Column("dedupe", String(120), nullable=False, unique=True),
    document("body"),
    Column("state", String(16), nullable=False),  # pending | delivered | dead
    Column("attempts", Integer, nullable=False, default=0),
    instant("next_us"),
    Column("last_error", Text),
    instant("created_us"),
    instant("delivered_us", nullable=True, index=True),
    Index("ix_outbox_due", "state", "next_us"),
)

job = Table(
    "job",
    metadata,
    uuid_pk(),
    Column("name", String(40), nullable=False),
    Column("key", String(120), nullable=False),
    document("payload"),
    Column("state", String(16), nullable=False),  # waiting | running | failed
    instant("run_after_us"),
    Column("attempts", Integer, nullable=False, default=0),
    Column("lease_owner", String(64)),
    instant("lease_until_us", nullable=True),
    Column("last_error", Text),
    instant("created_us"),
    UniqueConstraint("name", "key"),
    Index("ix_job_due", "state", "run_after_us"),
)

audit = Table(
    "audit",
    metadata,
    uuid_pk(),
    Column("tenant_id", String(36), index=True),
    Column("actor", String(80), nullable=False),  # cli, system, learner:<id>
    Column("action", String(60), nullable=False),
    document("detail"),
    instant("at_us", index=True),
)

share = Table(  # what a learner shared on purpose, per recipient; revocable
    "share",
    metadata,
    uuid_pk(),
    tenant_fk(),
    learner_fk(),
    Column("recipient", String(24), nullable=False),  # lrs | person
    document("document"),  # what, with whom, and exactly what was said; see lti_tool.ports.Share
    # A person opens it by a code that the learner passes on herself.
    Column("code_digest", String(64), unique=True),
    Column("code_sealed", LargeBinary),
    instant("shared_us"),
    instant("until_us", index=True),
)
