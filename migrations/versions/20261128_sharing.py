"""sharing

What a learner shares ends on a day, and a person she chose opens it by a code. What is taken back is
deleted, so nothing has to say that it was.
"""

import sqlalchemy as sa
from alembic import op

revision = '9d2e61b7f0a4'
down_revision = '1d612ec0ce3c'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sa.text('DELETE FROM share'))  # no page ever wrote one
    with op.batch_alter_table('share', schema=None) as batch_op:
        batch_op.add_column(sa.Column('code_digest', sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column('code_sealed', sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column('until_us', sa.BigInteger(), nullable=False))
        batch_op.create_unique_constraint(batch_op.f('uq_share_code_digest'), ['code_digest'])
        batch_op.create_index(batch_op.f('ix_share_until_us'), ['until_us'], unique=False)
        batch_op.drop_column('revoked_us')


def downgrade() -> None:
    with op.batch_alter_table('share', schema=None) as batch_op:
        batch_op.add_column(sa.Column('revoked_us', sa.BigInteger(), nullable=True))
        batch_op.drop_index(batch_op.f('ix_share_until_us'))
        batch_op.drop_constraint(batch_op.f('uq_share_code_digest'), type_='unique')
        batch_op.drop_column('until_us')
        batch_op.drop_column('code_sealed')
        batch_op.drop_column('code_digest')
