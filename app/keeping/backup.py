"""Taking a backup while the service runs: one moment of the whole database, encrypted before it touches the disk."""

import asyncio
import hashlib
import os
import time
from pathlib import Path
from typing import IO, Any

import pyrage
from pyrage.x25519 import Recipient

from app import installation
from app.core import clock
from app.core.documents import VERSION
from app.installation import Addresses
from app.keeping import destructions, keys, pipes, programs, shelf
from app.keeping.connecting import connected, is_filled, major, row_counts
from app.keeping.failures import KeepingFailed
from app.keeping.programs import Programs
from app.keeping.shelf import Backup, Manifest
from app.settings import Settings

LOCK = 7_203_114_407
DAY_SECONDS = 86_400


def back_up(settings: Settings, addresses: Addresses, *, out: Path | None = None) -> Backup:
    """A new backup lies whole in `out`, else in the directory of the settings; KeepingFailed when it does not.

    It is one moment of the whole database, taken while others write. Blocks until it is done.
    """
    closed_for = keys.recipients(settings)
    where = shelf.opened(out or shelf.directory(settings))
    destructions.keep_destructions(settings, addresses)
    return asyncio.run(_back_up(settings, addresses.owner, where, closed_for))


async def _back_up(settings: Settings, url: str, where: Path, closed_for: list[Recipient]) -> Backup:
    async with connected(url) as connection:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
            raise KeepingFailed("Another backup of this database is being taken. Wait until it is done.")
        if not await is_filled(connection):
            raise KeepingFailed("There is nothing to back up: this database has no tables of ours yet.")
        tools = programs.for_writing(major(connection))
        _clear_away_halves(where)
        backup = await asyncio.to_thread(_next_place, where)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            known = await _known(connection, settings, backup, tools)
            snapshot: str = await connection.fetchval("SELECT pg_export_snapshot()")
            await asyncio.to_thread(_write, tools, url, snapshot, backup, closed_for, known)
    return backup


async def _known(connection: Any, settings: Settings, backup: Backup, tools: Programs) -> dict[str, Any]:
    """What the note says of the backup, as far as it is known before it is written."""
    return {
        "taken_at": backup.taken_at,
        "product": VERSION,
        "revision": await connection.fetchval("SELECT version_num FROM alembic_version"),
        "postgresql": major(connection),
        "programs": tools.major,
        "role_prefix": settings.role_prefix,
        "sealing_keys": installation.sealer(settings).key_ids(),
        "rows": await row_counts(connection),
        "database": await connection.fetchval(destructions.DATABASE),
    }


def _next_place(where: Path) -> Backup:
    """A name tells the second; who comes twice in one waits for the next."""
    while (backup := shelf.place(where, clock.true_now())).path.exists():
        time.sleep(0.05)
    return backup


def _clear_away_halves(where: Path) -> None:
    """What a backup that was killed left behind; a day old, so that it is nobody's any more."""
    for half in where.glob(f".peer-support-*{shelf.PART}"):
        if half.stat().st_mtime < time.time() - DAY_SECONDS:
            half.unlink(missing_ok=True)


class _Measured:
    """Passes bytes on to a file and knows how many they were and their checksum."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.count = 0
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.count += len(data)
        self.sha256.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def _write(
    tools: Programs, url: str, snapshot: str, backup: Backup, closed_for: list[Recipient], known: dict[str, Any]
) -> None:
    """The encrypted file and its note are on the disk, under their names only when whole."""
    part = backup.path.with_name(f".{backup.path.name}{shelf.PART}")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            measured = _Measured(file)
            pipes.flow_out(
                tools, url, lambda out: pyrage.encrypt_io(out, measured, closed_for), f"--snapshot={snapshot}"
            )
            file.flush()
            os.fsync(descriptor)
        manifest = Manifest(**known, bytes=measured.count, sha256=measured.sha256.hexdigest())
        shelf.write(backup.note, manifest.model_dump_json(indent=1) + "\n")
        shelf.finish(part, backup.path)
    except (OSError, pyrage.EncryptError) as error:
        raise KeepingFailed(f"The backup could not be written to {backup.path.parent}: {error}.") from None
    finally:
        part.unlink(missing_ok=True)
