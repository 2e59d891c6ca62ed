"""Moving an installation to this version: a backup first, then the tables, and data that an older server wrote."""

import asyncio
import contextlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from app import installation
from app.core import embedded, embedded_guardian, schema
from app.core.embedded import Embedded, OtherMajorVersion
from app.installation import Addresses
from app.keeping import pipes, programs
from app.keeping.backup import back_up
from app.keeping.connecting import connected, forget_grants, is_filled, is_in_use, major
from app.keeping.failures import KeepingFailed
from app.keeping.restore import settle
from app.keeping.shelf import Backup
from app.settings import Settings

if sys.platform != "win32":  # there no PostgreSQL is embedded
    import pwd

STILL_RUNNING = "The old service is still running. Stop it and its worker, and try again."


@dataclass(frozen=True)
class Upgraded:
    """What became true."""

    backup: Backup | None
    """Taken before anything was changed; None where there was nothing yet."""
    old_data: Path | None = None
    """Where the data of another major version lie, untouched."""


def upgrade(settings: Settings, old_programs: Path | None = None) -> Upgraded:
    """The database is what this version needs, and a backup of before exists; KeepingFailed leaves it as it was.

    `old_programs`: where the programs of the PostgreSQL lie that wrote the included server's data, if they do not
    lie where Debian puts them. Nobody may be using the service. Blocks until it is done.
    """
    try:
        with installation.database(settings) as addresses:
            backup = back_up(settings, addresses) if asyncio.run(_is_filled(addresses.owner)) else None
            installation.migrate(addresses.owner, settings.role_prefix)
            return Upgraded(backup)
    except OtherMajorVersion as other:
        return _move(settings, other, old_programs or programs.OF_THE_SYSTEM / str(other.theirs) / "bin")


async def _is_filled(url: str) -> bool:
    async with connected(url) as connection:
        return await is_filled(connection)


def _move(settings: Settings, other: OtherMajorVersion, old_programs: Path) -> Upgraded:
    """The old server's data flow into a new one beside it, which then takes its place."""
    aside, draft = other.home / f"server-{other.theirs}", other.home / "upgrading"
    if aside.exists():
        raise KeepingFailed(f"{aside} is there already, from an upgrade before. Put it elsewhere, and try again.")
    if not (old_programs / "pg_ctl").exists():
        raise KeepingFailed(
            f"The data were written by PostgreSQL {other.theirs}, whose programs are needed to read them and are not "
            f"in {old_programs}. Install them (on Debian: apt install postgresql-{other.theirs}), or name their "
            "directory with --old-programs."
        )
    shutil.rmtree(draft, ignore_errors=True)  # of an upgrade that was killed
    try:
        with contextlib.ExitStack() as held:
            with embedded.start(settings.data_dir, postgres_user=settings.postgres_user, programs=old_programs) as old:
                addresses = _addresses(old, settings)
                if not held.enter_context(old.alone()):
                    raise KeepingFailed(STILL_RUNNING)
                asyncio.run(_refuse_others(addresses.owner))
                backup = back_up(settings, addresses)
                _copy(settings, addresses.owner, draft, _account_of(other.home / "server"))
                asyncio.run(_refuse_others(addresses.owner))
            _swap(other.home, draft, aside)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Upgraded(backup, aside)


def _addresses(server: Embedded, settings: Settings) -> Addresses:
    prefix = settings.role_prefix
    owner, login = (
        server.dsn(f"{prefix}owner", installation.DATABASE),
        server.dsn(f"{prefix}api", installation.DATABASE),
    )
    return Addresses(owner, login)


def _account_of(server: Path) -> str | None:
    """Who runs the old server runs the new one."""
    return pwd.getpwuid(server.stat().st_uid).pw_name if os.geteuid() == 0 else None


async def _refuse_others(url: str) -> None:
    async with connected(url) as connection:
        if await is_in_use(connection, installation.DATABASE):
            raise KeepingFailed(STILL_RUNNING)


def _copy(settings: Settings, old_url: str, home: Path, account: str | None) -> None:
    """Everything of the old database is in a new server in `home`, brought up to this version; it has stopped."""
    changes = {"data_dir": home, "postgres_user": account}
    with installation.database(settings.model_copy(update=changes)) as addresses:
        version = asyncio.run(_prepare(addresses.owner, settings.role_prefix))
        tools = programs.for_writing(version)
        pipes.flow_out(
            tools, old_url, lambda out: pipes.flow_in(tools, addresses.owner, lambda to: shutil.copyfileobj(out, to))
        )
        asyncio.run(_grants_afresh(addresses.owner))
        installation.migrate(addresses.owner, settings.role_prefix)
        asyncio.run(settle(addresses.owner))


async def _prepare(url: str, prefix: str) -> int:
    async with connected(url) as connection:
        await schema.ensure_roles(connection, prefix)
        return major(connection)


async def _grants_afresh(url: str) -> None:
    async with connected(url) as connection:
        await forget_grants(connection)


def _swap(home: Path, draft: Path, aside: Path) -> None:
    """Holding the lock under which a server is made or started, so that nobody finds none and makes an empty one."""
    with embedded_guardian.opened_lock(home / "server.lock") as lock:
        embedded_guardian.await_lock(lock)
        (home / "server").rename(aside)
        try:
            (draft / "server").rename(home / "server")
        except BaseException:
            aside.rename(home / "server")
            raise
