"""Alembic's entry: runs the migrations on the connection that `migrate` hands over."""

from alembic import context

from service.store.schema import metadata

with_connection = context.config.attributes["connection"]
context.configure(connection=with_connection, target_metadata=metadata, render_as_batch=True)
context.run_migrations()
