"""soll workshops

Workshops about what a role needs: invited by a code, voted blind in rounds, settled with reasons. A vote
belongs to a seat, and a seat to nobody.
"""

import sqlalchemy as sa
from alembic import op

revision = 'c72740c1e7f7'
down_revision = 'e4a90b7c2d13'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('soll_workshop',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('tenant_id', sa.String(length=36), nullable=False),
    sa.Column('role', sa.String(length=24), nullable=False),
    sa.Column('granularity', sa.String(length=12), nullable=False),
    sa.Column('scale', sa.Integer(), nullable=False),
    sa.Column('framework', sa.String(length=80), nullable=False),
    sa.Column('invited', sa.JSON(), nullable=False),
    sa.Column('agreed', sa.JSON(), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('code_digest', sa.String(length=64), nullable=True),
    sa.Column('code_sealed', sa.LargeBinary(), nullable=True),
    sa.Column('expires_us', sa.BigInteger(), nullable=True),
    sa.Column('version_id', sa.String(length=36), nullable=True),
    sa.Column('made_by', sa.String(length=80), nullable=False),
    sa.Column('made_us', sa.BigInteger(), nullable=False),
    sa.Column('ended_us', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenant.id'], name=op.f('fk_soll_workshop_tenant_id_tenant')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_soll_workshop')),
    sa.UniqueConstraint('code_digest', name=op.f('uq_soll_workshop_code_digest'))
    )
    with op.batch_alter_table('soll_workshop', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_soll_workshop_expires_us'), ['expires_us'], unique=False)
        batch_op.create_index(batch_op.f('ix_soll_workshop_tenant_id'), ['tenant_id'], unique=False)

    op.create_table('soll_round',
    sa.Column('workshop_id', sa.String(length=36), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('codes', sa.JSON(), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('tally', sa.JSON(), nullable=False),
    sa.Column('opened_us', sa.BigInteger(), nullable=False),
    sa.Column('closed_us', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['workshop_id'], ['soll_workshop.id'], name=op.f('fk_soll_round_workshop_id_soll_workshop'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('workshop_id', 'number', name=op.f('pk_soll_round'))
    )
    op.create_table('soll_seat',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('workshop_id', sa.String(length=36), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('group_name', sa.String(length=12), nullable=False),
    sa.ForeignKeyConstraint(['workshop_id'], ['soll_workshop.id'], name=op.f('fk_soll_seat_workshop_id_soll_workshop'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_soll_seat')),
    sa.UniqueConstraint('digest', name=op.f('uq_soll_seat_digest'))
    )
    with op.batch_alter_table('soll_seat', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_soll_seat_workshop_id'), ['workshop_id'], unique=False)

    op.create_table('soll_vote',
    sa.Column('seat_id', sa.String(length=36), nullable=False),
    sa.Column('round', sa.Integer(), nullable=False),
    sa.Column('code', sa.String(length=16), nullable=False),
    sa.Column('step', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['seat_id'], ['soll_seat.id'], name=op.f('fk_soll_vote_seat_id_soll_seat'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('seat_id', 'round', 'code', name=op.f('pk_soll_vote'))
    )


def downgrade() -> None:
    op.drop_table('soll_vote')
    with op.batch_alter_table('soll_seat', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_soll_seat_workshop_id'))

    op.drop_table('soll_seat')
    op.drop_table('soll_round')
    with op.batch_alter_table('soll_workshop', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_soll_workshop_tenant_id'))
        batch_op.drop_index(batch_op.f('ix_soll_workshop_expires_us'))

    op.drop_table('soll_workshop')
