"""the admin's door

Staff rights, one-time links, staff sessions, the last test of the connections, and when each job ran.
"""

import sqlalchemy as sa
from alembic import op

revision = '4c1d9be07a52'
down_revision = '8feda6723ebe'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('job_run',
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('runs', sa.Integer(), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('ran_us', sa.BigInteger(), nullable=True),
    sa.Column('failed_us', sa.BigInteger(), nullable=True),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_job_run'))
    )
    op.create_table('connection_check',
    sa.Column('tenant_id', sa.String(length=36), nullable=False),
    sa.Column('started_us', sa.BigInteger(), nullable=False),
    sa.Column('finished_us', sa.BigInteger(), nullable=True),
    sa.Column('results', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenant.id'], name=op.f('fk_connection_check_tenant_id_tenant')),
    sa.PrimaryKeyConstraint('tenant_id', name=op.f('pk_connection_check'))
    )
    op.create_table('staff_link',
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('tenant_id', sa.String(length=36), nullable=False),
    sa.Column('made_us', sa.BigInteger(), nullable=False),
    sa.Column('expires_us', sa.BigInteger(), nullable=False),
    sa.Column('used_us', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenant.id'], name=op.f('fk_staff_link_tenant_id_tenant')),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_staff_link'))
    )
    with op.batch_alter_table('staff_link', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_staff_link_expires_us'), ['expires_us'], unique=False)
        batch_op.create_index(batch_op.f('ix_staff_link_tenant_id'), ['tenant_id'], unique=False)

    op.create_table('staff_grant',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('tenant_id', sa.String(length=36), nullable=False),
    sa.Column('learner_id', sa.String(length=36), nullable=False),
    sa.Column('role', sa.String(length=24), nullable=False),
    sa.Column('granted_by', sa.String(length=80), nullable=False),
    sa.Column('granted_us', sa.BigInteger(), nullable=False),
    sa.Column('revoked_by', sa.String(length=80), nullable=True),
    sa.Column('revoked_us', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['learner_id'], ['learner.id'], name=op.f('fk_staff_grant_learner_id_learner'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenant.id'], name=op.f('fk_staff_grant_tenant_id_tenant')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_staff_grant'))
    )
    with op.batch_alter_table('staff_grant', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_staff_grant_learner_id'), ['learner_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_staff_grant_tenant_id'), ['tenant_id'], unique=False)

    op.create_table('staff_session',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('tenant_id', sa.String(length=36), nullable=False),
    sa.Column('learner_id', sa.String(length=36), nullable=True),
    sa.Column('platform_id', sa.String(length=36), nullable=True),
    sa.Column('secret_hash', sa.String(length=64), nullable=False),
    sa.Column('language', sa.String(length=8), nullable=False),
    sa.Column('created_us', sa.BigInteger(), nullable=False),
    sa.Column('seen_us', sa.BigInteger(), nullable=False),
    sa.Column('ended_us', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['learner_id'], ['learner.id'], name=op.f('fk_staff_session_learner_id_learner'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['platform_id'], ['platform.id'], name=op.f('fk_staff_session_platform_id_platform')),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenant.id'], name=op.f('fk_staff_session_tenant_id_tenant')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_staff_session'))
    )
    with op.batch_alter_table('staff_session', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_staff_session_created_us'), ['created_us'], unique=False)
        batch_op.create_index(batch_op.f('ix_staff_session_learner_id'), ['learner_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_staff_session_tenant_id'), ['tenant_id'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('staff_session', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_staff_session_tenant_id'))
        batch_op.drop_index(batch_op.f('ix_staff_session_learner_id'))
        batch_op.drop_index(batch_op.f('ix_staff_session_created_us'))

    op.drop_table('staff_session')
    with op.batch_alter_table('staff_grant', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_staff_grant_tenant_id'))
        batch_op.drop_index(batch_op.f('ix_staff_grant_learner_id'))

    op.drop_table('staff_grant')
    with op.batch_alter_table('staff_link', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_staff_link_tenant_id'))
        batch_op.drop_index(batch_op.f('ix_staff_link_expires_us'))

    op.drop_table('staff_link')
    op.drop_table('connection_check')
    op.drop_table('job_run')
