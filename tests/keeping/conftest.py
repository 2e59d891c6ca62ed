"""Databases to back up and to restore into, each of its own, on the cluster of all tests."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from app.core import embedded
from app.installation import Addresses
from app.keeping.backup import back_up
from app.settings import Settings
from tests.conftest import PREFIX, fresh_database, make_settings


@dataclass(frozen=True)
class Kept:
    """One installation: its settings and its database."""

    settings: Settings
    addresses: Addresses

    def sql(self, *statements: str) -> Any:
        """The rows of the last statement, as the owner, in one transaction."""
        return sql(self.addresses.owner, *statements)

    @contextmanager
    def open_transaction(self, *statements: str) -> Iterator[None]:
        """The statements done and, within the block, not yet committed."""
        with asyncio.Runner() as runner:
            connection = runner.run(_begun(self.addresses.owner, statements))
            yield
            runner.run(connection.execute("COMMIT"))
            runner.run(_decided(connection))
            runner.run(connection.close())


async def _decided(connection: Any) -> None:
    """Whatever was going on has ended, in other tests' databases too: a moment's wait, for they do not last."""
    last = await connection.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
    for _ in range(100):
        if await connection.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8", last):
            return
        await asyncio.sleep(0.02)


async def _begun(url: str, statements: Sequence[str]) -> Any:
    connection = await asyncpg.connect(url)
    await connection.execute("BEGIN")
    for statement in statements:
        await connection.execute(statement)
    return connection


def sql(url: str, *statements: str) -> Any:
    """The rows of the last statement, in one transaction."""

    async def ask() -> Any:
        connection = await asyncpg.connect(url)
        try:
            async with connection.transaction():
                rows = [[tuple(row) for row in await connection.fetch(statement)] for statement in statements][-1]
            await _decided(connection)
            return rows
        finally:
            await connection.close()

    return asyncio.run(ask())


PRACTICE = (
    "INSERT INTO organisations (id, created_at, ods_code, name, kind) "
    "VALUES (gen_random_uuid(), now(), 'Q1', 'Plainly Readable Surgery', 'gp_practice')"
)
Make = Callable[..., Kept]


@pytest.fixture(scope="module")
def sample(
    cluster: embedded.Embedded, template: str, signing_key: str, tmp_path_factory: pytest.TempPathFactory
) -> Kept:
    """An installation with one practice and one backup, for tests that only read it."""
    place = tmp_path_factory.mktemp("sample")
    addresses = fresh_database(cluster, template, f"kept_{uuid4().hex[:12]}")
    kept = Kept(_settings(signing_key, addresses, place), addresses)
    kept.sql(PRACTICE)
    back_up(kept.settings, kept.addresses)
    return kept


def _settings(signing_key: str, addresses: Addresses, place: Path, **changes: Any) -> Settings:
    given: dict[str, Any] = {
        "database_url": addresses.login,
        "database_owner_url": addresses.owner,
        "data_dir": place / "data",
        "backup_dir": place / "backups",
    }
    return make_settings(signing_key, **(given | changes))


@pytest.fixture
def install(cluster: embedded.Embedded, template: str, signing_key: str, tmp_path: Path) -> Iterator[Make]:
    """Makes installations: with tables or, for restoring into, with an empty database. All share the backups."""
    made: list[str] = []

    def make(*, is_empty: bool = False, **changes: Any) -> Kept:
        name = f"kept_{uuid4().hex[:12]}"
        made.append(name)
        if is_empty:
            administer(template, f'CREATE DATABASE "{name}" OWNER {PREFIX}owner')
            owner, login = cluster.dsn(f"{PREFIX}owner", name), cluster.dsn(f"{PREFIX}api", name)
            addresses = Addresses(owner, login)
        else:
            addresses = fresh_database(cluster, template, name)
        return Kept(_settings(signing_key, addresses, tmp_path, **changes), addresses)

    yield make
    administer(template, *(f'DROP DATABASE "{name}" WITH (FORCE)' for name in made))


def administer(superuser: str, *statements: str) -> None:
    async def do() -> None:
        connection = await asyncpg.connect(superuser)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(do())


@pytest.fixture
def nothing(install: Make) -> Kept:
    """An installation whose database is empty."""
    return install(is_empty=True)


FINGERPRINT = """SELECT count(*), md5(string_agg(md5(to_jsonb(t)::text), '' ORDER BY md5(to_jsonb(t)::text)))
FROM public."{table}" t WHERE NOT to_jsonb(t) @> '{{"table_name": "change_epochs"}}'"""


def fingerprints(url: str) -> dict[str, Any]:
    """Every table's rows as one number, column for column; less what a restore itself notes: its new epoch."""
    names = sql(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    tables = [name for (name,) in names if name not in ("change_epochs", "schema_state")]
    return {table: sql(url, FINGERPRINT.format(table=table)) for table in tables}
