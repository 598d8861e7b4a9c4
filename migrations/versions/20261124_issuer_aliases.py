"""issuer aliases

An LMS that answers to two host names is two issuers and one platform.
"""

import sqlalchemy as sa
from alembic import op

revision = 'c3f1a96d2e08'
down_revision = '8c15d4a0e329'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('platform') as batch_op:
        batch_op.add_column(sa.Column('aliases', sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('platform') as batch_op:
        batch_op.drop_column('aliases')
