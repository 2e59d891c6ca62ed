"""Where an installation keeps what it needs to start: its database's addresses and, in development, its keys."""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError

from app.access.keys import SigningKeys, new_private_pem
from app.core import connections, embedded, schema
from app.core.sealing import Sealer
from app.settings import Settings

ROOT = Path(__file__).parent.parent
MIGRATIONS = ROOT / "migrations"
DATABASE = "peer_support"


MIGRATION_TRIES = 60
MIGRATION_PAUSE = 1.0
"""Seconds between tries, in which the service goes on."""
RESTORING = "restoring"
"""A table that is there while a restore fills the database; where it is and nobody restores, one was broken off."""


class DatabaseBusy(Exception):
    """The database could not be brought up to date: something long runs in it. Nothing was changed; try again."""


class HalfRestored(Exception):
    """A restore into this database was broken off, so what is in it is not whole. Run `peer-support restore` again."""


class NotReachable(Exception):
    """The database named by DATABASE_URL does not answer; check that it runs and that the address is right."""


@dataclass(frozen=True)
class Addresses:
    """The three logins: the owner migrates, the API serves, reports may read a replica."""

    owner: str
    login: str
    read: str | None = None


@contextmanager
def database(settings: Settings) -> Iterator[Addresses]:
    """The database's addresses: those of the environment, or of the PostgreSQL that comes with the package."""
    if settings.database_url:
        yield Addresses(
            settings.database_owner_url or settings.database_url,
            settings.database_url,
            settings.database_read_url,
        )
        return
    with embedded_server(settings) as server:
        asyncio.run(_make_owner_and_database(server, settings.role_prefix))
        prefix = settings.role_prefix
        yield Addresses(server.dsn(f"{prefix}owner", DATABASE), server.dsn(f"{prefix}api", DATABASE))


def embedded_server(settings: Settings) -> embedded.Embedded:
    """The PostgreSQL that comes with the package, running, with its data where the settings say."""
    return embedded.start(
        settings.data_dir, postgres_user=settings.postgres_user, max_connections=connections.to_ask_for(settings)
    )


async def drop_database(server: embedded.Embedded) -> None:
    """Throw away everything an embedded server keeps; for the demo, which starts from nothing."""
    connection = await asyncpg.connect(server.dsn("postgres", "postgres"))
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{DATABASE}" WITH (FORCE)')
    finally:
        await connection.close()


async def _make_owner_and_database(server: embedded.Embedded, prefix: str) -> None:
    """The owner is no superuser here either, so that what works embedded works on a managed server."""
    connection = await asyncpg.connect(server.dsn("postgres", "postgres"))
    owner = f"{prefix}owner"
    try:
        await connection.execute(f"SELECT pg_advisory_lock({schema.LOCK})")  # two commands may come at once
        if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", owner):
            await connection.execute(f'CREATE ROLE "{owner}" LOGIN CREATEROLE NOCREATEDB NOSUPERUSER')
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f'CREATE DATABASE "{DATABASE}" OWNER "{owner}"')
    finally:
        await connection.close()


def migrate(owner_url: str, prefix: str, migrations: Path = MIGRATIONS, *, is_restoring: bool = False) -> None:
    """Bring roles, tables, functions and policies to what this version needs; safe to run again.

    The service may go on meanwhile: a lock that is not had at once is given up, and the step tried again later.
    Raises `DatabaseBusy` where that lasts, and then, as at any failure, nothing of the failed step has happened.
    Raises `HalfRestored`, unless who calls is the restore.
    """
    if not is_restoring:
        asyncio.run(refuse_half_restored(owner_url))
    asyncio.run(_roles(owner_url, prefix))
    config = Config(str(ROOT / "alembic.ini"))
    config.set_main_option("script_location", str(migrations))
    config.attributes["owner_url"] = owner_url
    config.attributes["role_prefix"] = prefix
    for left in reversed(range(MIGRATION_TRIES)):
        try:
            command.upgrade(config, "head")
        except (DBAPIError, asyncpg.PostgresError) as error:
            if not _is_locked_out(error):
                raise
            if not left:
                raise DatabaseBusy(DatabaseBusy.__doc__) from error
            time.sleep(MIGRATION_PAUSE)
        else:
            return


def _is_locked_out(error: DBAPIError | asyncpg.PostgresError) -> bool:
    cause = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else error
    return isinstance(cause, asyncpg.LockNotAvailableError | asyncpg.DeadlockDetectedError)


async def _roles(owner_url: str, prefix: str) -> None:
    async with _connected(owner_url) as connection:
        await schema.ensure_roles(connection, prefix)


async def refuse_half_restored(url: str) -> None:
    """Refuse to go on with a database that a restore left half filled: `HalfRestored`."""
    async with _connected(url) as connection:
        if await is_half_restored(connection):
            raise HalfRestored(HalfRestored.__doc__)


async def is_half_restored(connection: Any) -> bool:
    """Whether a restore has begun to fill this database and has not ended; asked as anybody."""
    sql = "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public' AND tablename = $1)"
    return bool(await connection.fetchval(sql, RESTORING))


async def refuse_powerful_login(login_url: str, prefix: str) -> None:
    """Refuse to serve with a login that row security would not hold: `schema.LoginTooPowerful`."""
    async with _connected(login_url) as connection:
        await schema.refuse_powerful_login(connection, prefix)


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Any]:
    try:
        # nothing is kept prepared, so that this works behind a pooler too
        connection = await asyncpg.connect(url, statement_cache_size=0)
    except (OSError, asyncpg.PostgresError) as error:
        raise NotReachable(NotReachable.__doc__) from error
    try:
        yield connection
    finally:
        await connection.close()


def signing_keys(settings: Settings) -> SigningKeys:
    """The keys of the settings; in development one made once and kept in the data directory."""
    if settings.signing_keys:
        return SigningKeys.from_pem([key.get_secret_value() for key in settings.signing_keys])
    return SigningKeys.from_pem([kept(settings.data_dir / "signing-key.pem", new_private_pem)])


def sealer(settings: Settings) -> Sealer:
    """The sealing keys of the settings; in development one made once and kept in the data directory."""
    if settings.sealing_keys:
        return Sealer.from_hex(tuple(key.get_secret_value() for key in settings.sealing_keys))
    return Sealer.from_hex((kept(settings.data_dir / "sealing-key", lambda: secrets.token_hex(32)),))


def kept(path: Path, make: Callable[[], str]) -> str:
    """What the file says; made once, readable to nobody else, where it was not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.touch(mode=0o600)
        temporary.write_text(make())
        with suppress(FileExistsError):  # of processes that come at once, all keep what the first one made
            path.hardlink_to(temporary)
        temporary.unlink()
    return path.read_text()
