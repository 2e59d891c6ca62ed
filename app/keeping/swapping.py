"""A database that is filled beside the present one and takes its place when it is whole; the old one is kept."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg

from app import installation
from app.core import clock
from app.keeping.connecting import is_in_use
from app.keeping.failures import KeepingFailed
from app.keeping.programs import on_database
from app.settings import Settings

OUR_FUNCTIONS = (
    "SELECT p.oid::regprocedure::text AS name FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner "
    "WHERE p.pronamespace = 'public'::regnamespace AND r.rolname = current_user AND NOT EXISTS "
    "(SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
)


@dataclass
class Place:
    """Where to fill a database, as its owner."""

    url: str
    kept_aside: str | None = None
    """The name the old database has when the new one has taken its place."""


@contextmanager
def new_database(settings: Settings, owner_url: str, *, is_empty: bool) -> Iterator[Place]:
    """An empty database to fill; after the block it is the one the address names, if the block raised nothing.

    Where nobody here may make databases it is the empty one that is there. KeepingFailed where that has data, or
    somebody is using it.
    """
    with _administrator(settings, owner_url) as admin_url:
        name = unquote(urlsplit(owner_url).path.removeprefix("/"))
        owner = unquote(urlsplit(owner_url).username or "")
        if not asyncio.run(_may_create(admin_url)):
            if not is_empty:
                raise KeepingFailed(_for_an_administrator(name, owner))
            asyncio.run(_mark(owner_url))
            try:
                yield Place(owner_url)
            except BaseException:
                asyncio.run(make_empty(owner_url))
                raise
            return
        draft = f"{name}_restoring"
        asyncio.run(_make(admin_url, name, draft, owner))
        place = Place(on_database(owner_url, draft))
        try:
            yield place
            place.kept_aside = asyncio.run(_swap(admin_url, name, draft, is_empty=is_empty))
        except BaseException:
            asyncio.run(_drop(admin_url, draft))
            raise


@contextmanager
def _administrator(settings: Settings, owner_url: str) -> Iterator[str]:
    """The address of whoever may make databases: of our own server its superuser, else perhaps the owner."""
    if settings.database_url:
        yield on_database(owner_url, "postgres")
        return
    with installation.embedded_server(settings) as server:
        yield server.dsn("postgres", "postgres")


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def _may_create(url: str) -> bool:
    sql = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
    try:
        async with _connection(url) as connection:
            return bool(await connection.fetchval(sql))
    except (OSError, asyncpg.PostgresError):
        return False


async def _make(url: str, name: str, draft: str, owner: str) -> None:
    async with _connection(url) as connection:
        if await is_in_use(connection, name):
            raise KeepingFailed("The database is in use. Stop the service and its worker, and try again.")
        await connection.execute(f'DROP DATABASE IF EXISTS "{draft}" WITH (FORCE)')  # of a restore that was killed
        await connection.execute(f'CREATE DATABASE "{draft}" OWNER "{owner}"')


async def _swap(url: str, name: str, draft: str, *, is_empty: bool) -> str | None:
    """Both names change in one transaction, so that there is a database of that name at every moment."""
    aside = f"{name}_until_{clock.true_now():%Y%m%dT%H%M%S}"
    async with _connection(url) as connection:
        try:
            async with connection.transaction():
                await connection.execute(f'ALTER DATABASE "{name}" RENAME TO "{aside}"')
                await connection.execute(f'ALTER DATABASE "{draft}" RENAME TO "{name}"')
        except asyncpg.ObjectInUseError:
            raise KeepingFailed(
                "The database is in use again, so the backup did not take its place. "
                "Stop the service and its worker, and try again."
            ) from None
        if is_empty:
            await connection.execute(f'DROP DATABASE "{aside}"')
    return None if is_empty else aside


async def _drop(url: str, draft: str) -> None:
    with contextlib.suppress(OSError, asyncpg.PostgresError):
        async with _connection(url) as connection:
            await connection.execute(f'DROP DATABASE IF EXISTS "{draft}" WITH (FORCE)')


async def _mark(url: str) -> None:
    """Committed before anything else is there, so that half of a restore that is killed is not taken for a whole."""
    async with _connection(url) as connection:
        await connection.execute(f"CREATE TABLE {installation.RESTORING} ()")


async def make_empty(url: str) -> None:
    """The database has no tables and functions again, as before a restore; all at once."""
    async with _connection(url) as connection, connection.transaction():
        for table in await connection.fetch("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"):
            await connection.execute(f'DROP TABLE public."{table["name"]}" CASCADE')
        for function in await connection.fetch(OUR_FUNCTIONS):
            await connection.execute(f"DROP FUNCTION {function['name']} CASCADE")


def _for_an_administrator(name: str, owner: str) -> str:
    return (
        "The owner may not make databases on this server. An administrator runs this once, then restore again "
        "without --replace:\n\n"
        f'ALTER DATABASE "{name}" RENAME TO "{name}_before";\nCREATE DATABASE "{name}" OWNER "{owner}";'
    )
