"""Giving back what was kept: a backup becomes the database again, and what was destroyed since stays destroyed."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyrage
from alembic.util import CommandError
from pyrage.x25519 import Identity

from app import installation
from app.core import schema
from app.events import epochs
from app.keeping import destructions, keys, pipes, programs, shelf, swapping
from app.keeping.connecting import connected, forget_grants, is_empty, is_in_use, major, row_counts
from app.keeping.failures import KeepingFailed
from app.keeping.pipes import Into
from app.keeping.shelf import Backup, Manifest
from app.settings import Settings

NUMBERED = """
SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname = 'changed_xid' ORDER BY 1
"""
CUT_SHORT = "{} is damaged or was cut short. Take another backup."


@dataclass(frozen=True)
class Restored:
    """What became true."""

    taken_at: datetime
    destroyed_again: int
    """Rows that the backup brought back and that had been destroyed since."""
    epoch: int
    kept_aside: str | None
    """The name of the database that was there before."""
    missing_keys: list[str]
    """Ids of sealing keys that what is sealed in the backup needs, and this installation does not have."""
    is_journal_missing: bool
    """No journal here knows what was destroyed after the backup, so that all of it came back."""


@dataclass(frozen=True)
class _Source:
    """The file to restore, with everything that is needed to read it."""

    path: Path
    manifest: Manifest | None
    identities: Sequence[Identity]

    def pour(self, into: Into) -> None:
        """The whole backup decrypted into a program; KeepingFailed where it is not whole or not for this key."""
        try:
            with self.path.open("rb") as file:
                pyrage.decrypt_io(file, into, self.identities)
        except pyrage.DecryptError as error:
            if "No matching keys" in str(error):
                raise KeepingFailed(f"This private key does not open {self.path.name}.") from None
            raise KeepingFailed(f"{self.path.name} is no backup of ours, or it is damaged.") from None
        except OSError:
            raise KeepingFailed(CUT_SHORT.format(self.path.name)) from None


def restore(
    settings: Settings, file: Path, *, identity: Path | None = None, replace: bool = False, is_trial: bool = False
) -> Restored:
    """The database is what it was when the backup was taken, brought up to this version, less what was destroyed.

    Refuses a database that has data, or with `replace` keeps it under another name. When it raises KeepingFailed,
    what was there is there still. Nobody may be using the database. Its new epoch is noted in the journals, unless
    it `is_trial`. Blocks until it is done.
    """
    if not file.is_file():
        raise KeepingFailed(f"There is no file {file}.")
    refuse_cut_short(shelf.named(file))
    manifest = shelf.named(file).manifest()
    source = _Source(file, manifest, keys.identities(identity or keys.identity_file(settings)))
    if manifest and manifest.role_prefix != settings.role_prefix:
        raise KeepingFailed(
            f"The backup is of an installation whose roles begin with {manifest.role_prefix}: "
            "set PEER_SUPPORT_ROLE_PREFIX to that."
        )
    journals = [file.parent / destructions.JOURNAL, shelf.directory(settings) / destructions.JOURNAL]
    epoch_told = destructions.highest_epoch(journals)  # a damaged journal is noticed before anything is begun
    with installation.database(settings) as addresses:
        empty, before = asyncio.run(_present(addresses.owner))
        if not empty:
            if not replace:
                raise KeepingFailed("This database has data. With --replace it is kept under another name.")
            destructions.keep_destructions(settings, addresses)
        with swapping.new_database(settings, addresses.owner, is_empty=empty) as place:
            again, epoch = _fill(settings, place.url, source, journals, max(before, epoch_told))
        is_unknown = not destructions.knows(journals, manifest.database if manifest else None)
        if not is_trial:
            asyncio.run(_note_epoch(addresses.owner, journals))
        missing = _missing_keys(settings, manifest)
        return Restored(shelf.named(file).taken_at, again, epoch, place.kept_aside, missing, is_unknown)


def _missing_keys(settings: Settings, manifest: Manifest | None) -> list[str]:
    here = installation.sealer(settings).key_ids()
    return [key for key in manifest.sealing_keys if key not in here] if manifest else []


async def _note_epoch(url: str, journals: Sequence[Path]) -> None:
    """A later restore elsewhere goes above it. The database is whole already, so that a journal may be out of reach."""
    for journal in {*journals}:
        if journal.parent.is_dir():
            with contextlib.suppress(KeepingFailed, OSError):
                await destructions.keep_in(journal, url)


def refuse_cut_short(backup: Backup) -> None:
    """What can be seen without a key, and before anything is begun: KeepingFailed where the file is not whole."""
    if backup.is_cut_short():
        raise KeepingFailed(CUT_SHORT.format(backup.path.name))


async def _present(url: str) -> tuple[bool, int]:
    """Whether the database that is there is empty, and its epoch; what a killed restore left is removed."""
    async with connected(url) as connection:
        if await installation.is_half_restored(connection):
            if await is_in_use(connection, await connection.fetchval("SELECT current_database()")):
                raise KeepingFailed("The database is in use, perhaps by another restore. Stop that, and try again.")
            await swapping.make_empty(url)
        return await is_empty(connection), await epochs.present(connection)


def _fill(settings: Settings, url: str, source: _Source, journals: Sequence[Path], told: int) -> tuple[int, int]:
    """Rows destroyed again, and the epoch; roles, data, this version's tables, and what happened since."""
    server = asyncio.run(_prepare(url, settings.role_prefix))
    tools = programs.for_reading(source.manifest.programs if source.manifest else server, server)
    pipes.flow_in(tools, url, source.pour)
    asyncio.run(_check(url, source.manifest))
    try:
        installation.migrate(url, settings.role_prefix, is_restoring=True)
    except CommandError:
        raise KeepingFailed(
            "The backup is of a newer version of the service than this one. Install that version and try again."
        ) from None
    return asyncio.run(settle(url, journals, told))


async def _prepare(url: str, prefix: str) -> int:
    """The roles are there, which a backup does not hold; returns the server's major version."""
    async with connected(url) as connection:
        await schema.ensure_roles(connection, prefix)
        return major(connection)


async def _check(url: str, manifest: Manifest | None) -> None:
    """Every table has as many rows as were backed up, and migrating will say afresh who may do what."""
    async with connected(url) as connection:
        if manifest and await row_counts(connection) != manifest.rows:
            raise KeepingFailed("Not every row came back. Take another backup, and keep this one for looking into it.")
        await forget_grants(connection)


async def settle(url: str, journals: Sequence[Path] = (), told: int = 0) -> tuple[int, int]:
    """A database from elsewhere or earlier is safe to go on with: rows destroyed again, and its new epoch.

    `told` is the highest epoch that anybody has been told of.
    """
    async with connected(url) as connection:
        async with connection.transaction():
            await _renumber(connection)
            epoch = await epochs.raise_epoch(connection, above=told)
            again = await destructions.replay(connection, journals)
            await connection.execute(f"DROP TABLE IF EXISTS {installation.RESTORING}")
        await connection.execute("ANALYZE")  # else the first questions are planned without knowing the tables
    return again, epoch


async def _renumber(connection: Any) -> None:
    """Rows that another cluster numbered higher than this one has counted would be told of only years later."""
    for row in await connection.fetch(NUMBERED):
        table = f'public."{row["name"]}"'
        ahead = "changed_xid >= pg_current_xact_id()"
        if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {table} WHERE {ahead})"):
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            await connection.execute(f"UPDATE {table} SET changed_xid = pg_current_xact_id() WHERE {ahead}")
            await connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
