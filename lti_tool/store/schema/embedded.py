"""The embedded LRS: what it was sent, verbatim, by what it is found, and who may send and read.

Whatever can be found is found by a digest: an identifier may be of any length. Not keyed: what it
stands for is in the same database in clear, because an LRS gives back what it was sent.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from lti_tool.store.schema.base import instant, metadata, only_where, tenant_fk, uuid_pk

DIGEST = 32  # hexadecimal digits: the first half of a SHA-256

xapi_statement = Table(
    "xapi_statement",
    metadata,
    tenant_fk(primary_key=True),
    Column("statement_id", String(36), primary_key=True),
    instant("stored_us"),  # strictly increasing in a tenant: also the key of a page
    Column("verb", String(DIGEST), nullable=False),
    Column("registration", String(36)),
    Column("target_id", String(36)),  # of a StatementRef object
    Column("voided_by", String(36)),
    Column("raw", LargeBinary, nullable=False),  # as sent; `stored` is added when it is read
    Index("ix_xapi_statement_stored", "tenant_id", "stored_us", unique=True),
    Index("ix_xapi_statement_verb", "tenant_id", "verb", "stored_us"),
    only_where(
        "ix_xapi_statement_registration",
        "tenant_id",
        "registration",
        "stored_us",
        where="registration IS NOT NULL",
    ),
    # Statements about statements are few: they are looked through apart.
    only_where(
        "ix_xapi_statement_target",
        "tenant_id",
        "target_id",
        "stored_us",
        where="target_id IS NOT NULL",
    ),
    only_where(
        "ix_xapi_statement_pointing", "tenant_id", "stored_us", where="target_id IS NOT NULL"
    ),
)

xapi_link = Table(  # by what a statement can be found
    "xapi_link",
    metadata,
    tenant_fk(primary_key=True),
    # agent | activity | file (an attachment we hold) | sender | target (of a StatementRef, and
    # what that one points to: its value is a statement's id)
    Column("kind", String(8), primary_key=True),
    Column("value", String(36), primary_key=True),
    Column("stored_us", BigInteger, primary_key=True, autoincrement=False),
    Column("direct", Boolean, nullable=False),  # as actor or object, not only around it
    Index("ix_xapi_link_stored", "tenant_id", "stored_us"),
    sqlite_with_rowid=False,
)

xapi_attachment = Table(
    "xapi_attachment",
    metadata,
    tenant_fk(primary_key=True),
    Column("file", String(DIGEST), primary_key=True),  # of its sha2: what links point to
    Column("sha2", String(128), nullable=False),
    Column("content_type", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
    instant("stored_us", index=True),
)

xapi_activity = Table(  # what statements have said an activity is, merged
    "xapi_activity",
    metadata,
    tenant_fk(primary_key=True),
    Column("activity", String(DIGEST), primary_key=True),
    Column("said", String(DIGEST), nullable=False),  # of the definition that came last
    Column("definition", LargeBinary, nullable=False),  # JSON
    instant("updated_us", index=True),
)

xapi_document = Table(  # state, activity profile and agent profile documents
    "xapi_document",
    metadata,
    tenant_fk(primary_key=True),
    Column("kind", String(8), primary_key=True),  # state | activity | agent
    Column("activity", String(DIGEST), primary_key=True),  # or ""
    Column("agent", String(DIGEST), primary_key=True),  # or ""
    Column("registration", String(36), primary_key=True),  # or ""
    Column("name", String(DIGEST), primary_key=True),
    Column("document_id", Text, nullable=False),  # stateId or profileId, as sent
    Column("content_type", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    instant("updated_us", index=True),
    Index("ix_xapi_document_agent", "tenant_id", "agent"),
)

xapi_credential = Table(
    "xapi_credential",
    metadata,
    uuid_pk(),
    tenant_fk(),
    Column("key", String(64), nullable=False, unique=True),
    Column("secret_hash", String(128), nullable=False),
    Column("scope", String(16), nullable=False),  # write | mine | read | all
    Column("name", String(120), nullable=False, server_default=""),  # what it is for, in words
    # The major version it spoke last: a request that names none is refused in that one.
    Column("speaks", String(1), nullable=False, server_default="1"),
    instant("created_us"),
    instant("used_us", nullable=True),  # the day of its last use
    instant("revoked_us", nullable=True),
)
