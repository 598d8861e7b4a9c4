"""embedded lrs: documents, attachments, activities, keys with a name

Digests by which statements are found become half as long, and statements are compared by what they
say when one comes again: the column `digest` goes. Downwards, statements from before are no longer
found by agent, verb or activity: the other half of their digests is gone.
"""

import sqlalchemy as sa
from alembic import op

revision = "5d0c3f9b7e21"
down_revision = "c72740c1e7f7"
branch_labels = None
depends_on = None

TENANT = ("tenant_id", sa.String(36))
NOT_NULL = {"nullable": False}


def upgrade() -> None:
    op.drop_index("ix_xapi_link_stored_us", table_name="xapi_link")
    for name in ("verb", "registration", "target_id"):
        op.drop_index(f"ix_xapi_statement_{name}", table_name="xapi_statement")
    op.execute("UPDATE xapi_statement SET verb = substr(verb, 1, 32)")
    op.execute("UPDATE xapi_link SET value = substr(value, 1, 32)")
    with op.batch_alter_table("xapi_statement") as table:
        table.drop_constraint("uq_xapi_statement_stored_us", type_="unique")
        table.drop_column("digest")
        table.alter_column("verb", existing_type=sa.String(64), type_=sa.String(32))
    with op.batch_alter_table("xapi_link", table_kwargs={"sqlite_with_rowid": False}) as table:
        table.alter_column("value", existing_type=sa.String(64), type_=sa.String(36))
    for index in INDEXES:
        _create_index(*index)
    # What a statement about a statement points to; chains of them are new.
    op.execute(
        "INSERT INTO xapi_link (tenant_id, kind, value, stored_us, direct) "
        "SELECT tenant_id, 'target', target_id, stored_us, true FROM xapi_statement "
        "WHERE target_id IS NOT NULL"
    )
    _create_tables()
    with op.batch_alter_table("xapi_credential") as table:
        table.add_column(sa.Column("name", sa.String(120), server_default="", **NOT_NULL))
        table.add_column(sa.Column("speaks", sa.String(1), server_default="1", **NOT_NULL))
        table.add_column(sa.Column("used_us", sa.BigInteger))
        table.add_column(sa.Column("revoked_us", sa.BigInteger))


def downgrade() -> None:
    with op.batch_alter_table("xapi_credential") as table:
        for name in ("revoked_us", "used_us", "speaks", "name"):
            table.drop_column(name)
    for name in ("xapi_document", "xapi_activity", "xapi_attachment"):
        op.drop_table(name)
    op.execute("DELETE FROM xapi_link WHERE kind NOT IN ('agent', 'activity')")
    for name, table_name, *_ in INDEXES:
        op.drop_index(name, table_name=table_name)
    with op.batch_alter_table("xapi_link", table_kwargs={"sqlite_with_rowid": True}) as table:
        table.alter_column("value", existing_type=sa.String(36), type_=sa.String(64))
    with op.batch_alter_table("xapi_statement") as table:
        table.alter_column("verb", existing_type=sa.String(32), type_=sa.String(64))
        table.add_column(sa.Column("digest", sa.String(64), server_default="", **NOT_NULL))
        table.create_unique_constraint("uq_xapi_statement_stored_us", ["stored_us"])
    with op.batch_alter_table("xapi_statement") as table:
        table.alter_column("digest", existing_type=sa.String(64), server_default=None)
    for name in ("verb", "registration", "target_id"):
        op.create_index(f"ix_xapi_statement_{name}", "xapi_statement", [name])
    op.create_index("ix_xapi_link_stored_us", "xapi_link", ["stored_us"])


INDEXES = (
    # name, table, columns, only where, unique
    ("ix_xapi_statement_stored", "xapi_statement", ("stored_us",), None, True),
    ("ix_xapi_statement_verb", "xapi_statement", ("verb", "stored_us"), None, False),
    (
        "ix_xapi_statement_registration",
        "xapi_statement",
        ("registration", "stored_us"),
        "registration IS NOT NULL",
        False,
    ),
    (
        "ix_xapi_statement_target",
        "xapi_statement",
        ("target_id", "stored_us"),
        "target_id IS NOT NULL",
        False,
    ),
    (
        "ix_xapi_statement_pointing",
        "xapi_statement",
        ("stored_us",),
        "target_id IS NOT NULL",
        False,
    ),
    ("ix_xapi_link_stored", "xapi_link", ("stored_us",), None, False),
)


def _create_index(name, table, columns, where, unique) -> None:
    only = sa.text(where) if where else None
    op.create_index(
        name,
        table,
        ["tenant_id", *columns],
        unique=unique,
        sqlite_where=only,
        postgresql_where=only,
    )


def _create_tables() -> None:
    _table(
        "xapi_attachment",
        ["file"],
        sa.Column("file", sa.String(32), **NOT_NULL),
        sa.Column("sha2", sa.String(128), **NOT_NULL),
        sa.Column("content_type", sa.Text, **NOT_NULL),
        sa.Column("size", sa.Integer, **NOT_NULL),
        sa.Column("content", sa.LargeBinary, **NOT_NULL),
        sa.Column("stored_us", sa.BigInteger, **NOT_NULL),
    )
    _table(
        "xapi_activity",
        ["activity"],
        sa.Column("activity", sa.String(32), **NOT_NULL),
        sa.Column("said", sa.String(32), **NOT_NULL),
        sa.Column("definition", sa.LargeBinary, **NOT_NULL),
        sa.Column("updated_us", sa.BigInteger, **NOT_NULL),
    )
    _table(
        "xapi_document",
        ["kind", "activity", "agent", "registration", "name"],
        sa.Column("kind", sa.String(8), **NOT_NULL),
        sa.Column("activity", sa.String(32), **NOT_NULL),
        sa.Column("agent", sa.String(32), **NOT_NULL),
        sa.Column("registration", sa.String(36), **NOT_NULL),
        sa.Column("name", sa.String(32), **NOT_NULL),
        sa.Column("document_id", sa.Text, **NOT_NULL),
        sa.Column("content_type", sa.Text, **NOT_NULL),
        sa.Column("content", sa.LargeBinary, **NOT_NULL),
        sa.Column("updated_us", sa.BigInteger, **NOT_NULL),
    )
    op.create_index("ix_xapi_document_agent", "xapi_document", ["tenant_id", "agent"])
    op.create_index("ix_xapi_attachment_stored_us", "xapi_attachment", ["stored_us"])
    for name in ("xapi_activity", "xapi_document"):
        op.create_index(f"ix_{name}_updated_us", name, ["updated_us"])


def _table(name, key, *columns) -> None:
    op.create_table(
        name,
        sa.Column(*TENANT, **NOT_NULL),
        *columns,
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=f"fk_{name}_tenant_id_tenant"),
        sa.PrimaryKeyConstraint("tenant_id", *key, name=f"pk_{name}"),
    )
