"""dynamic registration

Addresses that wait for approval, and where a platform lets us change our registration.
"""

import sqlalchemy as sa
from alembic import op

revision = '5d2a70c1e9b4'
down_revision = '4c1d9be07a52'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('platform') as batch_op:
        batch_op.add_column(sa.Column('proposed', sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column('manage_url', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('manage_token', sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('platform') as batch_op:
        batch_op.drop_column('manage_token')
        batch_op.drop_column('manage_url')
        batch_op.drop_column('proposed')
