"""Platforms, deployments, logins, launches, keys and tokens."""

from sqlalchemy import (
    JSON,
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
)

from lti_tool.store.schema.base import document, instant, learner_fk, metadata, tenant_fk, uuid_pk

platform = Table(
    "platform",
    metadata,
    uuid_pk(),
    tenant_fk(),
    Column("kind", String(16), nullable=False),  # moodle | ilias | generic
    Column("name", String(200), nullable=False, default=""),
    Column("issuer", String(512), nullable=False),
    Column("client_id", String(255), nullable=False),
    Column("auth_url", Text, nullable=False),
    Column("token_url", Text, nullable=False),
    Column("jwks_url", Text, nullable=False),
    Column("state", String(16), nullable=False),  # active | pending | blocked
    # Optional connector to the LMS's learning-plan web service; the token is sealed.
    Column("plan_url", Text),
    Column("plan_token", LargeBinary),
    # Addresses that the platform gave anew: in use only after somebody approved them.
    Column("proposed", JSON),
    # Other issuers it speaks as. Few have any, so they are looked through, not looked up.
    Column("aliases", JSON(none_as_null=True)),
    # What tells its people at other platforms, too; and its LTI 1.1 consumer, the secret sealed.
    Column("trusted", String(80)),
    Column("former_key", String(255)),
    Column("former_secret", LargeBinary),
    # Where it lets us change our registration (Dynamic Registration); the token is sealed.
    Column("manage_url", Text),
    Column("manage_token", LargeBinary),
    document("settings"),
    instant("created_us"),
    UniqueConstraint("issuer", "client_id"),
)

deployment = Table(
    "deployment",
    metadata,
    uuid_pk(),
    tenant_fk(),
    Column(
        "platform_id", String(36), ForeignKey("platform.id", ondelete="CASCADE"), nullable=False
    ),
    Column("deployment_id", String(255), nullable=False),
    Column("state", String(16), nullable=False),  # active | pending | blocked
    instant("created_us"),
    UniqueConstraint("platform_id", "deployment_id"),
)

# Every launch writes into these two, and each index of theirs costs SQLite another page to write:
# what only the hourly purge looks for has none. A nonce is kept for an hour.
nonce = Table(  # consumed nonces: one insert wins, for every process
    "nonce",
    metadata,
    Column("digest", String(64), primary_key=True),
    instant("expires_us"),
    sqlite_with_rowid=False,
)

launch = Table(
    "launch",
    metadata,
    Column("id", String(43), primary_key=True),
    tenant_fk(index=False),
    learner_fk(),
    Column("platform_id", String(36), ForeignKey("platform.id"), nullable=False),
    Column("deployment_id", String(255), nullable=False),
    Column("secret_hash", String(64), nullable=False),
    Column("message_type", String(40), nullable=False),
    Column("context_id", String(255)),
    Column("context_title", String(255)),
    Column("link_id", String(255)),
    Column("instructor", Boolean, nullable=False, default=False),
    Column("locale", String(8), nullable=False),
    Column("role", String(64)),  # custom parameter `role`
    Column("target", Text, nullable=False),
    Column("page", Text),  # which page of ours the link stands for; null: the start, or not known
    document("services"),  # AGS and NRPS addresses and scopes of this link
    Column("shared", Boolean),  # custom parameter `tablet`; null: as the municipality has it
    instant("created_us"),
    instant("seen_us"),
    instant("ended_us", nullable=True),
)

placing_request = Table(  # Deep Linking: the return address carries a session key, so sealed
    "placing_request",
    metadata,
    Column("launch_id", String(43), ForeignKey("launch.id", ondelete="CASCADE"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    instant("expires_us", index=True),
)

platform_keys = Table(  # last good key set per address, shared by all workers
    "platform_keys",
    metadata,
    Column("jwks_url", String(512), primary_key=True),
    document("keys"),
    instant("fetched_us"),
    instant("tried_us"),
)

tool_key = Table(
    "tool_key",
    metadata,
    Column("kid", String(64), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    document("public"),
    Column("state", String(16), nullable=False),  # next | active | retiring
    instant("created_us"),
    instant("last_used_us", nullable=True),
)

line_item = Table(  # a column of a grade book that we found or made, and who is about to
    "line_item",
    metadata,
    Column(
        "platform_id", String(36), ForeignKey("platform.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("context_id", String(255), primary_key=True),
    Column("link_id", String(255), primary_key=True),
    Column("url", Text),
    Column("made", Integer, nullable=False),
    instant("claimed_until_us"),
)

course_size = Table(  # how many learners a course has: a number, nobody's name
    "course_size",
    metadata,
    Column(
        "platform_id", String(36), ForeignKey("platform.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("context_id", String(255), primary_key=True),
    Column("learners", Integer),
    instant("asked_us"),
)

access_token = Table(
    "access_token",
    metadata,
    Column(
        "platform_id", String(36), ForeignKey("platform.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("scopes", String(512), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    instant("expires_us"),
)

refusal = Table(  # counts per code and day, no person
    "refusal",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("code", String(40), primary_key=True),
    Column("platform_id", String(36), primary_key=True, default=""),
    Column("count", Integer, nullable=False),
    Column("skew_s", Float),
)
