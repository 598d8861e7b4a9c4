"""grade book columns and course sizes

Line items that were found or made, with the lock for that; and how many learners a course has.
"""

import sqlalchemy as sa
from alembic import op

revision = '9d26e5b1f43a'
down_revision = 'c3f1a96d2e08'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('line_item',
    sa.Column('platform_id', sa.String(length=36), nullable=False),
    sa.Column('context_id', sa.String(length=255), nullable=False),
    sa.Column('link_id', sa.String(length=255), nullable=False),
    sa.Column('url', sa.Text(), nullable=True),
    sa.Column('made', sa.Integer(), nullable=False),
    sa.Column('claimed_until_us', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['platform_id'], ['platform.id'], name=op.f('fk_line_item_platform_id_platform'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('platform_id', 'context_id', 'link_id', name=op.f('pk_line_item'))
    )
    op.create_table('course_size',
    sa.Column('platform_id', sa.String(length=36), nullable=False),
    sa.Column('context_id', sa.String(length=255), nullable=False),
    sa.Column('learners', sa.Integer(), nullable=True),
    sa.Column('asked_us', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['platform_id'], ['platform.id'], name=op.f('fk_course_size_platform_id_platform'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('platform_id', 'context_id', name=op.f('pk_course_size'))
    )


def downgrade() -> None:
    op.drop_table('course_size')
    op.drop_table('line_item')
