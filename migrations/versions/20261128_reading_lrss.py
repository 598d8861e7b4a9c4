"""reading LRSs

Sweeps and other rounds, what an LRS can do and what changed there, scopes, waiting when asked to.
"""

import sqlalchemy as sa
from alembic import op

revision = 'c213d9f6e56f'
down_revision = '9d2e61b7f0a4'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('lrs_round',
    sa.Column('lrs_id', sa.String(length=36), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('started_us', sa.BigInteger(), nullable=True),
    sa.Column('finished_us', sa.BigInteger(), nullable=True),
    sa.Column('more', sa.Text(), nullable=True),
    sa.Column('part', sa.Integer(), server_default='0', nullable=False),
    sa.Column('run_since_us', sa.BigInteger(), nullable=True),
    sa.Column('run_max_us', sa.BigInteger(), nullable=True),
    sa.Column('run_began_us', sa.BigInteger(), nullable=True),
    sa.Column('place', sa.String(length=36), nullable=True),
    sa.Column('seen', sa.Integer(), server_default='0', nullable=False),
    sa.Column('found', sa.Integer(), server_default='0', nullable=False),
    sa.Column('worst_s', sa.Float(), server_default='0', nullable=False),
    sa.Column('last_seen', sa.Integer(), server_default='0', nullable=False),
    sa.Column('last_found', sa.Integer(), server_default='0', nullable=False),
    sa.Column('raise_s', sa.Float(), server_default='0', nullable=False),
    sa.Column('note', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['lrs_id'], ['lrs.id'], name=op.f('fk_lrs_round_lrs_id_lrs'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('lrs_id', 'kind', name=op.f('pk_lrs_round'))
    )
    with op.batch_alter_table('lrs') as batch_op:
        batch_op.add_column(sa.Column('changes', sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column('probed_us', sa.BigInteger(), nullable=True))

    with op.batch_alter_table('lrs_cursor') as batch_op:
        batch_op.add_column(sa.Column('run_began_us', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('part', sa.Integer(), server_default='0', nullable=False))
        batch_op.add_column(sa.Column('forgotten_us', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('wait_until_us', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('failures', sa.Integer(), server_default='0', nullable=False))



def downgrade() -> None:
    with op.batch_alter_table('lrs_cursor') as batch_op:
        batch_op.drop_column('failures')
        batch_op.drop_column('wait_until_us')
        batch_op.drop_column('forgotten_us')
        batch_op.drop_column('part')
        batch_op.drop_column('run_began_us')

    with op.batch_alter_table('lrs') as batch_op:
        batch_op.drop_column('probed_us')
        batch_op.drop_column('changes')

    op.drop_table('lrs_round')
