"""Whether the newest backup really can be restored: it is tried, on a server of its own that is then thrown away."""

import asyncio
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
from pydantic import BaseModel, ValidationError

from app import installation
from app.core import clock
from app.core.actor import job
from app.core.database import Database
from app.core.embedded import EmbeddedFailed
from app.installation import Addresses
from app.keeping import keys, shelf
from app.keeping.connecting import connected
from app.keeping.failures import KeepingFailed
from app.keeping.restore import refuse_cut_short, restore
from app.keeping.shelf import Backup
from app.settings import Settings

NOTE = "drill.json"
LOCK = 7_203_114_409
ADDRESSES = ("database_url", "database_owner_url", "database_read_url")
ROOM = 2
"""Times the size of the database that must be free on the disk."""


class CannotTry(KeepingFailed):
    """It is not known whether the backup can be restored; the message says why it could not be tried."""


class Drilled(BaseModel):
    """How the last drill went."""

    at: datetime
    backup: str | None
    """The file that was tried."""
    restored: bool | None
    """None: it could not be tried."""
    words: str


def last(settings: Settings) -> Drilled | None:
    """What the last drill noted."""
    try:
        return Drilled.model_validate_json((shelf.directory(settings) / NOTE).read_bytes())
    except (OSError, ValidationError):
        return None


def drill(settings: Settings, addresses: Addresses) -> Drilled:
    """The newest backup was restored, brought up to date and asked; noted beside it, also when it could not be."""
    newest = shelf.newest(shelf.directory(settings))
    try:
        return _noted(settings, newest, True, asyncio.run(_drill(settings, addresses.owner, newest)))
    except (CannotTry, EmbeddedFailed) as error:
        return _noted(settings, newest, None, str(error))
    except KeepingFailed as error:
        return _noted(settings, newest, False, str(error))


async def _drill(settings: Settings, url: str, backup: Backup | None) -> str:
    async with connected(url) as connection:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
            raise CannotTry("Another drill is under way. Wait until it is done.")
        shutil.rmtree(_home(settings), ignore_errors=True)  # of a drill that was killed: a database in the open
        if backup is None:
            raise CannotTry("There is no backup yet.")
        identity = _identity(settings)
        refuse_cut_short(backup)
        needed = ROOM * await connection.fetchval("SELECT pg_database_size(current_database())")
        if shutil.disk_usage(_nearest(settings.data_dir)).free < needed:
            raise CannotTry(f"A drill needs {needed // 1_000_000 + 1} MB free in {settings.data_dir}.")
        return await asyncio.to_thread(_restored_elsewhere, settings, backup, identity)


def _identity(settings: Settings) -> Path:
    try:
        file = keys.identity_file(settings)
        keys.identities(file)
    except KeepingFailed as error:
        raise CannotTry(str(error)) from None
    return file


def _noted(settings: Settings, backup: Backup | None, restored: bool | None, words: str) -> Drilled:
    done = Drilled(at=clock.true_now(), backup=backup.path.name if backup else None, restored=restored, words=words)
    shelf.write(shelf.opened(shelf.directory(settings)) / NOTE, done.model_dump_json(indent=1) + "\n")
    return done


def _home(settings: Settings) -> Path:
    return settings.data_dir / "drill"


def _nearest(path: Path) -> Path:
    return next(there for there in (path, *path.absolute().parents) if there.exists())


def _restored_elsewhere(settings: Settings, backup: Backup, identity: Path) -> str:
    """In a place of its own, always the same: what a drill left that was killed goes with the next."""
    home = _home(settings)
    changes: dict[str, Any] = {"data_dir": home, "backup_dir": shelf.directory(settings)}
    scratch = settings.model_copy(update=changes | dict.fromkeys(ADDRESSES))
    used = {home}
    try:
        with installation.embedded_server(scratch) as server:
            used.add(server.home)
            asyncio.run(installation.drop_database(server))
            done = restore(scratch, backup.path, identity=identity, is_trial=True)
            with installation.database(scratch) as addresses:
                asyncio.run(_ask(scratch, addresses.login))
    finally:
        for place in used:
            shutil.rmtree(place, ignore_errors=True)
    return f"Restored whole; {done.destroyed_again} rows that were destroyed since were removed again."


async def _ask(settings: Settings, login: str) -> None:
    """The service could go on with it: its login, a role and that role's rows are in place."""
    database = Database(settings, login)
    await database.open()
    try:
        async with database.reading(job("drill")) as db:
            await db.fetch("SELECT name FROM jobs")
    except asyncpg.PostgresError as error:
        raise KeepingFailed(f"The service could not use what was restored: {type(error).__name__}.") from None
    finally:
        await database.close()
