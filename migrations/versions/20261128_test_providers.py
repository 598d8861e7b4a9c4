"""test providers

Results of other tests are evidence with an origin and a last day; people may have a code for them.
"""

import sqlalchemy as sa
from alembic import op

revision = '1d612ec0ce3c'
down_revision = '5d0c3f9b7e21'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('test_provider',
    sa.Column('tenant_id', sa.String(length=36), nullable=False),
    sa.Column('key', sa.String(length=32), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('document', sa.JSON(), nullable=False),
    sa.Column('made_by', sa.String(length=80), nullable=False),
    sa.Column('made_us', sa.BigInteger(), nullable=False),
    sa.Column('retired_us', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenant.id'], name=op.f('fk_test_provider_tenant_id_tenant')),
    sa.PrimaryKeyConstraint('tenant_id', 'key', name=op.f('pk_test_provider'))
    )
    op.create_table('test_code',
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('tenant_id', sa.String(length=36), nullable=False),
    sa.Column('learner_id', sa.String(length=36), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.Column('made_us', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['learner_id'], ['learner.id'], name=op.f('fk_test_code_learner_id_learner'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenant.id'], name=op.f('fk_test_code_tenant_id_tenant')),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_test_code'))
    )
    with op.batch_alter_table('test_code', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_test_code_learner_id'), ['learner_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_test_code_tenant_id'), ['tenant_id'], unique=False)

    with op.batch_alter_table('evidence', schema=None) as batch_op:
        batch_op.add_column(sa.Column('origin', sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column('until_us', sa.BigInteger(), nullable=True))


def downgrade() -> None:
    # The program before this one does not know this source.
    op.execute("DELETE FROM evidence WHERE source = 'external'")
    with op.batch_alter_table('evidence', schema=None) as batch_op:
        batch_op.drop_column('until_us')
        batch_op.drop_column('origin')

    with op.batch_alter_table('test_code', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_test_code_tenant_id'))
        batch_op.drop_index(batch_op.f('ix_test_code_learner_id'))

    op.drop_table('test_code')
    op.drop_table('test_provider')