"""deep linking

What an instructor may place in a course, for an hour.
"""

import sqlalchemy as sa
from alembic import op

revision = '6e91d4b7a0c3'
down_revision = '5d2a70c1e9b4'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('placing_request',
    sa.Column('launch_id', sa.String(length=43), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.Column('expires_us', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['launch_id'], ['launch.id'], name=op.f('fk_placing_request_launch_id_launch'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('launch_id', name=op.f('pk_placing_request'))
    )
    with op.batch_alter_table('placing_request') as batch_op:
        batch_op.create_index(batch_op.f('ix_placing_request_expires_us'), ['expires_us'], unique=False)


def downgrade() -> None:
    op.drop_table('placing_request')
