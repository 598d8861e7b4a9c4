"""events that came before are found among those that count

The old index was never used: SQLite looked through everything that an LRS had sent, for each page.
"""

import sqlalchemy as sa
from alembic import op

revision = '4be8a7f2d913'
down_revision = 'c213d9f6e56f'
branch_labels = None
depends_on = None

MAPPED = sa.text('mapped')


def upgrade() -> None:
    op.drop_index('ix_statement_content_key', 'statement')
    op.create_index(
        'ix_statement_mapped',
        'statement',
        ['lrs_id', 'content_key'],
        sqlite_where=MAPPED,
        postgresql_where=MAPPED,
    )


def downgrade() -> None:
    op.drop_index('ix_statement_mapped', 'statement')
    op.create_index('ix_statement_content_key', 'statement', ['content_key'], unique=False)
