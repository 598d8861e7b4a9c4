"""how questions are asked

A person may want them in Einfache Sprache; an answer says which wording it was given to, and a task
may be put off.
"""

import sqlalchemy as sa
from alembic import op

revision = 'c3f08a51d7e4'
down_revision = 'a1370f6c2e58'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('learner') as batch_op:
        batch_op.add_column(sa.Column('plain', sa.Boolean(), nullable=True))
    with op.batch_alter_table('question') as batch_op:
        batch_op.add_column(sa.Column('shown', sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column('put_off_us', sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('question') as batch_op:
        batch_op.drop_column('put_off_us')
        batch_op.drop_column('shown')
    with op.batch_alter_table('learner') as batch_op:
        batch_op.drop_column('plain')
