"""soll versions

Versions of what a role asks for, and roles of a municipality's own. What a municipality had confirmed
(`tenant set --confirm-role`) becomes version 1 of the role, as the pack proposed it then. A person may
name a desired role.
"""

import json
import time
import uuid
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = 'db5e9f6b89b8'
down_revision = 'c3f08a51d7e4'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('soll_role',
    sa.Column('tenant_id', sa.String(length=36), nullable=False),
    sa.Column('key', sa.String(length=24), nullable=False),
    sa.Column('title', sa.String(length=120), nullable=False),
    sa.Column('hint', sa.Text(), nullable=False),
    sa.Column('workplace', sa.String(length=12), nullable=False),
    sa.Column('additional', sa.Boolean(), nullable=False),
    sa.Column('alike', sa.String(length=24), nullable=False),
    sa.Column('made_by', sa.String(length=80), nullable=False),
    sa.Column('made_us', sa.BigInteger(), nullable=False),
    sa.Column('retired_us', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenant.id'], name=op.f('fk_soll_role_tenant_id_tenant')),
    sa.PrimaryKeyConstraint('tenant_id', 'key', name=op.f('pk_soll_role'))
    )
    op.create_table('soll_version',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('tenant_id', sa.String(length=36), nullable=False),
    sa.Column('role', sa.String(length=24), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('granularity', sa.String(length=12), nullable=False),
    sa.Column('scale', sa.Integer(), nullable=False),
    sa.Column('steps', sa.JSON(), nullable=False),
    sa.Column('reasons', sa.JSON(), nullable=False),
    sa.Column('framework', sa.String(length=80), nullable=False),
    sa.Column('source', sa.String(length=12), nullable=False),
    sa.Column('workshop_id', sa.String(length=36), nullable=True),
    sa.Column('made_by', sa.String(length=80), nullable=False),
    sa.Column('made_us', sa.BigInteger(), nullable=False),
    sa.Column('submitted_by', sa.String(length=80), nullable=True),
    sa.Column('submitted_us', sa.BigInteger(), nullable=True),
    sa.Column('council_on', sa.String(length=10), nullable=True),
    sa.Column('approved_by', sa.String(length=80), nullable=True),
    sa.Column('approved_us', sa.BigInteger(), nullable=True),
    sa.Column('approved_as', sa.String(length=120), nullable=False),
    sa.Column('valid_from', sa.String(length=10), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenant.id'], name=op.f('fk_soll_version_tenant_id_tenant')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_soll_version')),
    sa.UniqueConstraint('tenant_id', 'role', 'number', name=op.f('uq_soll_version_tenant_id_role_number'))
    )
    with op.batch_alter_table('learner', schema=None) as batch_op:
        batch_op.add_column(sa.Column('desired_role', sa.String(length=24), server_default='', nullable=False))
    _keep_what_was_confirmed(op.get_bind())


def downgrade() -> None:
    with op.batch_alter_table('learner', schema=None) as batch_op:
        batch_op.drop_column('desired_role')

    op.drop_table('soll_version')
    op.drop_table('soll_role')

def _keep_what_was_confirmed(connection) -> None:
    """Write version 1 of every confirmed role. Only the first roles pack could be confirmed."""
    # A released pack never changes; this is what the page showed when it was confirmed.
    pack = Path(__file__).resolve().parents[2] / 'content' / 'roles' / 'kommunal-1.0' / 'roles.json'
    known = {role['key']: role for role in json.loads(pack.read_text(encoding='utf-8'))}
    tenants = sa.table('tenant', sa.column('id', sa.String), sa.column('settings', sa.JSON))
    for tenant_id, settings in connection.execute(sa.select(tenants.c.id, tenants.c.settings)).all():
        confirmed = settings.pop('confirmed_roles', [])
        for key in confirmed:
            if key in known:
                connection.execute(sa.insert(_versions()).values(_version(tenant_id, known[key])))
        changed = sa.update(tenants).where(tenants.c.id == tenant_id).values(settings=settings)
        connection.execute(changed)


def _version(tenant_id, role):
    now_us = int(time.time() * 1_000_000)
    today = time.strftime('%Y-%m-%d', time.gmtime())
    levels = {code: n for code, n in role['levels'].items() if code != 'K.1'}  # private: no Soll
    return {
        'id': str(uuid.uuid4()), 'tenant_id': tenant_id, 'role': role['key'], 'number': 1,
        'state': 'approved', 'granularity': 'competence', 'scale': 4,
        'steps': {code: max(0, 2 * level - 1) for code, level in levels.items()}, 'reasons': {},
        'framework': 'digcomp-kommunal-1.0', 'source': 'earlier', 'workshop_id': None,
        'made_by': 'cli', 'made_us': now_us, 'submitted_by': 'cli', 'submitted_us': now_us,
        'council_on': None, 'approved_by': 'cli', 'approved_us': now_us,
        'approved_as': 'früher bestätigt', 'valid_from': today,
    }


def _versions():
    texts = ('id', 'tenant_id', 'role', 'state', 'granularity', 'framework', 'source', 'workshop_id')
    texts += ('made_by', 'submitted_by', 'council_on', 'approved_by', 'approved_as', 'valid_from')
    numbers = ('number', 'scale', 'made_us', 'submitted_us', 'approved_us')
    return sa.table(
        'soll_version',
        *(sa.column(name, sa.String) for name in texts),
        *(sa.column(name, sa.BigInteger) for name in numbers),
        sa.column('steps', sa.JSON),
        sa.column('reasons', sa.JSON),
    )
