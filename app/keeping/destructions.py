"""What was destroyed stays destroyed: a journal of it beside the backups, replayed over whatever they bring back."""

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
from pydantic import BaseModel, ValidationError

from app.core import clock
from app.events import epochs
from app.installation import Addresses
from app.keeping import shelf
from app.keeping.connecting import connected, is_filled
from app.keeping.failures import KeepingFailed
from app.settings import Settings

JOURNAL = "destructions.jsonl"
LOCK = 7_203_114_408
PATIENCE = "30s"

# Transactions below the oldest that still runs are all decided, so nothing can be added behind the last one noted.
# A version before this one, asked for its last backup, notes no programme.
NEW = """
SELECT changed_xid::text AS xid, min(at) AS at,
  json_agg(json_build_array(table_name, row_id, to_jsonb(t) ->> 'programme_id') ORDER BY id)::text AS rows
FROM tombstones t
WHERE changed_xid > $1::text::xid8 AND changed_xid < pg_snapshot_xmin(pg_current_snapshot())
GROUP BY changed_xid ORDER BY changed_xid
"""
# Transaction numbers count within one cluster and one epoch.
DATABASE = (
    "SELECT (SELECT system_identifier FROM pg_control_system()) || '.' || d.oid "
    "FROM pg_database d WHERE d.datname = current_database()"
)
REPLAYING = (
    "SELECT set_config('app.actor_kind', 'job', true), set_config('app.actor_name', 'restore', true), "
    "set_config('app.operation', 'replay-destructions', true), "
    "set_config('app.reason', 'destroyed before; a restored backup had it again', true)"
)
# Bookkeeping is cleared away unnoted; what of it came back hangs on rows that must go.
UNNOTED_CHILDREN = """
SELECT c.conrelid::regclass::text AS child, a.attname AS key FROM pg_constraint c
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
WHERE c.contype = 'f' AND c.confrelid = $1::text::regclass AND array_length(c.conkey, 1) = 1
  AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.conrelid AND t.tgname = 'z_audit')
"""
NOTE_AGAIN = """
INSERT INTO tombstones (table_name, row_id, programme_id, at)
SELECT d.* FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::timestamptz[]) d (table_name, row_id, programme_id, at)
WHERE NOT EXISTS (SELECT FROM tombstones t WHERE t.table_name = d.table_name AND t.row_id = d.row_id)
"""


class Line(BaseModel):
    """The destructions of one transaction; of rows only table, id and programme's id are told.

    One without rows says that from here on those of this database in this epoch are noted.
    """

    epoch: int
    database: str
    xid: str
    at: datetime
    rows: list[tuple[str, UUID, UUID | None]]


class Destroyed(NamedTuple):
    """One row that is gone for good: ids only."""

    table: str
    id: UUID
    programme_id: UUID | None
    at: datetime


def keep_destructions(settings: Settings, addresses: Addresses) -> int:
    """The journal knows every destruction that is committed; returns how many it did not know. Blocks shortly.

    It is there also where nothing was destroyed, and names the database and its epoch.
    """
    where = shelf.opened(shelf.directory(settings))
    return asyncio.run(keep_in(where / JOURNAL, addresses.owner))


async def keep_in(journal: Path, url: str) -> int:
    """As `keep_destructions`, in this journal."""
    async with connected(url) as connection:
        if not await is_filled(connection):
            return 0
        await _take_turn(connection)
        epoch, database = await epochs.present(connection), await connection.fetchval(DATABASE)
        last = _last(journal)
        goes_on = last is not None and (last.epoch, last.database) == (epoch, database)
        is_first = last is None or not goes_on or not last.rows
        known = {(row.table, row.id) for row in destroyed(journal)} if is_first else set()
        here = {"epoch": epoch, "database": database}
        lines = [] if goes_on else [Line(**here, xid="0", at=clock.true_now(), rows=[])]
        for row in await connection.fetch(NEW, last.xid if last and goes_on else "0"):
            told = here | {"xid": row["xid"], "at": row["at"]}
            line = Line.model_validate(told | {"rows": json.loads(row["rows"])})
            line.rows = [entry for entry in line.rows if entry[:2] not in known]
            lines.append(line)
        _append(journal, lines)
        return sum(len(line.rows) for line in lines)


async def _take_turn(connection: Any) -> None:
    try:
        await connection.execute(f"SET lock_timeout = '{PATIENCE}'")
        await connection.fetchval("SELECT pg_advisory_lock($1)", LOCK)
    except asyncpg.LockNotAvailableError:
        raise KeepingFailed(
            "Somebody else has been noting what was destroyed for too long. See what hangs, and try again."
        ) from None


def _append(journal: Path, lines: Sequence[Line]) -> None:
    """On the disk on return. A line that a crash cut short was never promised, and is taken away first."""
    if not lines:
        return
    descriptor = os.open(journal, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        whole = sum(len(line) for line in file if line.endswith(b"\n"))
        file.truncate(whole)
        file.seek(whole)
        file.write("".join(line.model_dump_json() + "\n" for line in lines).encode())
        file.flush()
        os.fsync(descriptor)


def _whole(journal: Path) -> Iterator[bytes]:
    if journal.exists():
        with journal.open("rb") as file:
            yield from (line for line in file if line.endswith(b"\n"))


def _read(journal: Path, line: bytes) -> Line:
    try:
        return Line.model_validate_json(line)
    except ValidationError:
        raise KeepingFailed(
            f"{journal} is damaged. What was destroyed would come back, so nothing is done until it is mended: "
            "take it from a copy of the backups, or remove the line that is no JSON of ours."
        ) from None


def _last(journal: Path) -> Line | None:
    """One transaction is one line, so what stands in the last is done with."""
    last = b""
    for line in _whole(journal):
        last = line
    return _read(journal, last) if last else None


def _lines(journals: Sequence[Path]) -> Iterator[Line]:
    return (_read(journal, line) for journal in journals for line in _whole(journal))


def destroyed(*journals: Path) -> Iterator[Destroyed]:
    """Everything the journals know to be gone."""
    return (Destroyed(*row, at=line.at) for line in _lines(journals) for row in line.rows)


def highest_epoch(journals: Sequence[Path]) -> int:
    """The highest epoch of the change feed in which anything was noted."""
    return max((line.epoch for line in _lines(journals)), default=0)


def knows(journals: Sequence[Path], database: str | None) -> bool:
    """Whether one of them has noted this database's destructions; of an unknown one, whether there is any."""
    if database is None:
        return any(journal.exists() for journal in journals)
    return any(line.database == database for line in _lines(journals))


async def replay(connection: Any, journals: Sequence[Path]) -> int:
    """Rows that were destroyed and are there again are gone; each has its tombstone, once. Returns how many were.

    As the owner; all or nothing. Raises KeepingFailed where rows that were never destroyed hang on some.
    """
    gone = {(row.table, row.id): row for row in destroyed(*journals)}
    if not gone:
        return 0
    async with connection.transaction():
        await connection.execute(REPLAYING)
        count = await _delete(connection, gone.values())
        rows = list(gone.values())
        columns = [[row[at] for row in rows] for at in range(4)]
        await connection.execute(NOTE_AGAIN, *columns)
    return count


async def _delete(connection: Any, gone: Any) -> int:
    """Children before parents is found by trying: each pass deletes the tables on which nothing hangs any more."""
    ids = await _known_tables(connection, gone)
    count = 0
    while ids:
        done = {table: number for table in ids if (number := await _tried(connection, table, ids[table])) is not None}
        if not done:
            raise KeepingFailed(
                f"Destroyed rows of {', '.join(sorted(ids))} cannot be removed again: others need them."
            )
        count += sum(done.values())
        ids = {table: rows for table, rows in ids.items() if table not in done}
    return count


async def _known_tables(connection: Any, gone: Any) -> dict[str, list[UUID]]:
    """What is to go, by table; a table that this version has no more has no rows either."""
    tables = {row[0] for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    ids: dict[str, list[UUID]] = defaultdict(list)
    for row in gone:
        if row.table in tables:
            ids[row.table].append(row.id)
    return ids


async def _tried(connection: Any, table: str, ids: list[UUID]) -> int | None:
    """How many rows went; None while others hang on them."""
    try:
        async with connection.transaction():
            for child in await connection.fetch(UNNOTED_CHILDREN, f'"{table}"'):
                await connection.execute(f'DELETE FROM {child["child"]} WHERE "{child["key"]}" = ANY($1)', ids)
            said = await connection.execute(f'DELETE FROM "{table}" WHERE id = ANY($1)', ids)
    except asyncpg.ForeignKeyViolationError:
        return None
    return int(said.split()[-1])
