"""Runs migrations as the owner, then makes policies and triggers what the slices say, in one transaction."""

import asyncio
import os
from collections.abc import Collection
from typing import Any, Literal

import asyncpg
from alembic import context
from sqlalchemy import Connection, pool
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import await_only
from sqlmodel.sql.sqltypes import AutoString

from app.core import schema
from app.core.models import Xid8
from app.settings import Settings
from app.tables import SLICES, metadata

OWNED_BY_CODE = {"schema_state"}
PATIENCE = "SET lock_timeout = '1s'; SET statement_timeout = '15min'"
ischema_names["xid8"] = Xid8


def include_name(name: str | None, type_: str, parent_names: Any) -> bool:
    """What autogenerate compares: everything but the tables that code makes for itself."""
    del parent_names
    return not (type_ == "table" and name in OWNED_BY_CODE)


def render_item(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """SQLModel's own string type is SQLAlchemy's; a migration should not need SQLModel to be read."""
    if kind == "type" and isinstance(item, AutoString):
        return f"sa.String(length={item.length})" if item.length else "sa.String()"
    return False


def run(connection: Connection, prefix: str) -> None:
    """Upgrade, each revision in a transaction of its own; with the last one come functions and policies."""
    raw: Any = connection.connection.driver_connection
    applies = context.config.attributes.get("apply_policies", True)
    newest = set(context.script.get_heads())

    def with_the_last_one(ctx: Any, step: Any, heads: Collection[Any], run_args: Any) -> None:
        del ctx, step, run_args
        if applies and set(heads) == newest:
            await_only(schema.apply(raw, SLICES, prefix))

    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_name=include_name,
        render_item=render_item,
        transaction_per_migration=True,
        on_version_apply=with_the_last_one,
    )
    with context.begin_transaction():
        context.run_migrations()
    if applies and set(context.get_context().get_current_heads()) == newest:  # which has begun a transaction
        await_only(schema.apply(raw, SLICES, prefix))
        connection.commit()


async def connect(url: str) -> Any:
    """The owner's connection, alone in migrating; it would rather give up than make others wait behind it."""
    connection = await asyncpg.connect(url)
    await schema.take_turn(connection, "pg_try_advisory_lock")
    await connection.execute(PATIENCE)
    return connection


async def online() -> None:
    """Connect as the owner named in the settings (or handed over by the command line) and run."""
    settings = Settings()
    url = context.config.attributes.get("owner_url") or settings.database_owner_url or os.environ["DATABASE_OWNER_URL"]
    prefix = context.config.attributes.get("role_prefix") or settings.role_prefix
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: connect(url), poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run, prefix)
    await engine.dispose()


def offline() -> None:
    """`alembic upgrade --sql`, for linting: the statements in the transactions they would run in."""
    context.configure(
        dialect_name="postgresql", target_metadata=metadata, literal_binds=True, transaction_per_migration=True
    )
    context.execute(PATIENCE)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    offline()
else:
    asyncio.run(online())
