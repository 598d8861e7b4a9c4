"""Alembic's entry: runs on the connection that `lti_tool.store.migrations` hands over."""

from alembic import context
from sqlalchemy import create_engine

from lti_tool.settings import load
from lti_tool.store.schema import metadata


def run(connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


handed_over = context.config.attributes.get("connection")
if handed_over is not None:
    run(handed_over)
else:
    with create_engine(load().database.url).connect() as connection:
        run(connection)
