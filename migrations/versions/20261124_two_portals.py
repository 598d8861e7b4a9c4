"""two portals

A code that joins a person of two learning portals, for some minutes.
"""

import sqlalchemy as sa
from alembic import op

revision = '8c15d4a0e329'
down_revision = '7b20c5e8f1d6'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('pairing',
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('learner_id', sa.String(length=36), nullable=False),
    sa.Column('expires_us', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['learner_id'], ['learner.id'], name=op.f('fk_pairing_learner_id_learner'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_pairing'))
    )
    with op.batch_alter_table('pairing') as batch_op:
        batch_op.create_index(batch_op.f('ix_pairing_expires_us'), ['expires_us'], unique=False)
        batch_op.create_index(batch_op.f('ix_pairing_learner_id'), ['learner_id'], unique=False)


def downgrade() -> None:
    op.drop_table('pairing')
