"""exams

A run through questions may be the exam of a unit, and a launch says what its link stands for.
"""

import sqlalchemy as sa
from alembic import op

revision = 'e4a90b7c2d13'
down_revision = '6a1d0c94be27'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('attempt') as batch_op:
        batch_op.add_column(sa.Column('unit', sa.String(length=64), nullable=True))
    with op.batch_alter_table('launch') as batch_op:
        batch_op.add_column(sa.Column('page', sa.Text(), nullable=True))


def downgrade() -> None:
    # The program before this one would take them for the assessment's, or not know them at all.
    op.execute("DELETE FROM evidence WHERE source IN ('exam', 'launch')")
    op.execute(
        "DELETE FROM question WHERE attempt_id IN (SELECT id FROM attempt WHERE unit IS NOT NULL)"
    )
    op.execute("DELETE FROM attempt WHERE unit IS NOT NULL")
    with op.batch_alter_table('launch') as batch_op:
        batch_op.drop_column('page')
    with op.batch_alter_table('attempt') as batch_op:
        batch_op.drop_column('unit')
