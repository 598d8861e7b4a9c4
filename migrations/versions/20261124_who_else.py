"""who else a person is

Attributes that tell people at several platforms, and LTI 1.1 consumers of platforms.
"""

import sqlalchemy as sa
from alembic import op

revision = 'a1370f6c2e58'
down_revision = '9d26e5b1f43a'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('person_attribute',
    sa.Column('tenant_id', sa.String(length=36), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('learner_id', sa.String(length=36), nullable=False),
    sa.ForeignKeyConstraint(['learner_id'], ['learner.id'], name=op.f('fk_person_attribute_learner_id_learner'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenant.id'], name=op.f('fk_person_attribute_tenant_id_tenant')),
    sa.PrimaryKeyConstraint('tenant_id', 'digest', name=op.f('pk_person_attribute'))
    )
    with op.batch_alter_table('person_attribute') as batch_op:
        batch_op.create_index(batch_op.f('ix_person_attribute_learner_id'), ['learner_id'], unique=False)
    with op.batch_alter_table('platform') as batch_op:
        batch_op.add_column(sa.Column('trusted', sa.String(length=80), nullable=True))
        batch_op.add_column(sa.Column('former_key', sa.String(length=255), nullable=True))
        batch_op.add_column(sa.Column('former_secret', sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('platform') as batch_op:
        batch_op.drop_column('former_secret')
        batch_op.drop_column('former_key')
        batch_op.drop_column('trusted')
    op.drop_table('person_attribute')
