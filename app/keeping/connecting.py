"""A connection to look at the data or to keep them, and what kind of database it finds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from app import installation
from app.installation import NotReachable
from app.keeping.failures import KeepingFailed

WITHOUT_LIMIT = {"statement_timeout": "0", "TimeZone": "UTC"}
IN_USE = """SELECT EXISTS (SELECT FROM pg_stat_activity
  WHERE datname = $1 AND usesysid IS NOT NULL AND pid <> pg_backend_pid())"""


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    """As the owner, without a time limit; told in words where it cannot be had or may not do this."""
    try:
        async with asking(url, server_settings=WITHOUT_LIMIT) as connection:
            yield connection
    except asyncpg.InsufficientPrivilegeError:
        raise KeepingFailed("This login may not do this. Set DATABASE_OWNER_URL to the owner's login.") from None


@asynccontextmanager
async def asking(url: str, **options: Any) -> AsyncIterator[Any]:
    """As anybody, perhaps through a pooler, so nothing is kept prepared; `NotReachable` where it cannot be had."""
    try:
        connection = await asyncpg.connect(url, statement_cache_size=0, **options)
    except (OSError, asyncpg.PostgresError) as error:
        raise NotReachable(NotReachable.__doc__) from error
    try:
        yield connection
    finally:
        await connection.close()


async def is_in_use(connection: Any, database: str) -> bool:
    """Whether somebody else is connected to this database; autovacuum and its like are nobody.

    Told by whose session it is: of what kind another role's session is, only a superuser is told.
    """
    return bool(await connection.fetchval(IN_USE, database))


async def is_filled(connection: Any) -> bool:
    """Whether the database has tables of ours; KeepingFailed where a restore left it half filled."""
    if await installation.is_half_restored(connection):
        raise KeepingFailed(installation.HalfRestored.__doc__)
    return bool(await connection.fetchval("SELECT to_regclass('public.alembic_version') IS NOT NULL"))


async def is_empty(connection: Any) -> bool:
    """Whether the database has no tables at all, of ours or of anybody's."""
    return not await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema'))"
    )


def major(connection: Any) -> int:
    """The server's major version."""
    number: int = connection.get_server_version().major
    return number


async def forget_grants(connection: Any) -> None:
    """The next migration says afresh who may do what: grants are not in a backup, and what applied them was noted."""
    await connection.execute("DROP TABLE IF EXISTS schema_state")


async def row_counts(connection: Any) -> dict[str, int]:
    """How many rows every table has, in the transaction's snapshot; not of what only says how up to date it is."""
    tables = await connection.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' "
        "AND tablename NOT IN ('alembic_version', 'schema_state', 'restoring') ORDER BY 1"
    )
    names = [row["tablename"] for row in tables]
    return {name: await connection.fetchval(f'SELECT count(*) FROM public."{name}"') for name in names}
