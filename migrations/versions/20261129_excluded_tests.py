"""a test of another provider can be left out of every path

The learner's wish outlasts the plan: it is kept beside her other wishes.
"""

import sqlalchemy as sa
from alembic import op

revision = '7a1c5e9d4b32'
down_revision = '4be8a7f2d913'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('learner', schema=None) as batch_op:
        batch_op.add_column(sa.Column('excluded_tests', sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('learner', schema=None) as batch_op:
        batch_op.drop_column('excluded_tests')
