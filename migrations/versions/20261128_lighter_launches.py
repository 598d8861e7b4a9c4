"""a launch writes fewer pages

Indexes that only the hourly purge looked at go; consumed nonces lie in their key alone.
"""

import sqlalchemy as sa
from alembic import op

revision = '6a1d0c94be27'
down_revision = 'db5e9f6b89b8'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('launch') as batch_op:
        batch_op.drop_index('ix_launch_created_us')
        batch_op.drop_index('ix_launch_tenant_id')
    _nonces(indexed=False)


def downgrade() -> None:
    _nonces(indexed=True)
    with op.batch_alter_table('launch') as batch_op:
        batch_op.create_index('ix_launch_tenant_id', ['tenant_id'], unique=False)
        batch_op.create_index('ix_launch_created_us', ['created_us'], unique=False)


def _nonces(*, indexed: bool) -> None:
    """Copy the nonces into a new table: SQLite cannot change how a table is stored."""
    if not indexed:
        op.drop_index('ix_nonce_expires_us', 'nonce')
    if op.get_bind().dialect.name == 'sqlite':
        op.rename_table('nonce', 'nonce_before')
        op.create_table('nonce',
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('expires_us', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('digest', name=op.f('pk_nonce')),
        sqlite_with_rowid=indexed
        )
        op.execute('INSERT INTO nonce SELECT digest, expires_us FROM nonce_before')
        op.drop_table('nonce_before')
    if indexed:
        op.create_index('ix_nonce_expires_us', 'nonce', ['expires_us'], unique=False)
