"""shared devices

A launch may say that it is on a tablet that others use next.
"""

import sqlalchemy as sa
from alembic import op

revision = '7b20c5e8f1d6'
down_revision = '6e91d4b7a0c3'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('launch') as batch_op:
        batch_op.add_column(sa.Column('shared', sa.Boolean(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('launch') as batch_op:
        batch_op.drop_column('shared')
