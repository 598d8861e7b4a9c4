"""statements are not looked for by municipality

A database has one, or few: the index was written for each statement, and never used.
"""

from alembic import op

revision = 'b58730a577a4'
down_revision = '7a1c5e9d4b32'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index('ix_statement_tenant_id', 'statement')


def downgrade() -> None:
    op.create_index('ix_statement_tenant_id', 'statement', ['tenant_id'], unique=False)
