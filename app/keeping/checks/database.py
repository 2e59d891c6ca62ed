"""The database: that it answers, is of a kind we know, is up to date, and tells the same time as this machine."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from app import installation
from app.core import clock, connections
from app.core.connections import TooFewConnections
from app.core.schema import LoginTooPowerful
from app.events import epochs
from app.installation import Addresses, NotReachable
from app.keeping.connecting import asking, connected, is_filled, major
from app.keeping.failures import KeepingFailed
from app.keeping.findings import Finding, bad, look, ok
from app.keeping.programs import SUPPORTED
from app.settings import Settings

CLOCK_LOOK, CLOCK_BAD = timedelta(seconds=2), timedelta(seconds=60)
LAG_LOOK, LAG_BAD = 60.0, 900.0
UPGRADE = "Run `peer-support upgrade`."
REPLICA_AT = """
SELECT pg_is_in_recovery() AS follows,
  CASE WHEN pg_is_in_recovery() AND pg_last_wal_replay_lsn() < $1::text::pg_lsn
    THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float ELSE 0 END AS lag
"""


async def findings(settings: Settings, addresses: Addresses) -> list[Finding]:
    """Everything that can be asked of the database; one line when it does not answer."""
    try:
        async with connected(addresses.owner) as connection:
            found = [_version(connection), await _clock(connection), *await _tables(connection)]
            position = await connection.fetchval("SELECT pg_current_wal_lsn()::text")
    except (NotReachable, KeepingFailed) as error:
        return [bad("database", str(error), "")]
    found += [await _login(settings, addresses), await _connections(settings, addresses)]
    if addresses.read:
        found.append(await _replica(settings, addresses.read, position))
    return found


def _version(connection: Any) -> Finding:
    check, version = "database", major(connection)
    if version not in SUPPORTED:
        todo = f"Move to one from {SUPPORTED.start} to {SUPPORTED.stop - 1}."
        return bad(check, f"PostgreSQL {version}, which this service was not tried with", todo)
    return ok(check, f"PostgreSQL {version} answers")


async def _clock(connection: Any) -> Finding:
    before = clock.true_now()
    theirs: datetime = await connection.fetchval("SELECT clock_timestamp()")
    moved = timedelta(0)
    if await connection.fetchval("SELECT to_regclass('public.clock') IS NOT NULL"):
        moved = await connection.fetchval("SELECT coalesce(max(moved_by), interval '0') FROM clock")
    return clocks(theirs.astimezone(UTC) - before, moved)


def clocks(apart: timedelta, moved: timedelta) -> Finding:
    """How far the database's clock is from this machine's, and the service's from both."""
    check, words = "clock", f"{abs(apart).total_seconds():.0f} seconds between database and this machine"
    todo = "Set both by a time server (on Linux: systemd-timesyncd or chrony)."
    if abs(apart) > CLOCK_BAD:
        return bad(check, words, todo)
    if abs(apart) > CLOCK_LOOK:
        return look(check, words, todo)
    if moved:
        return look(check, f"the service lives {moved} from now", "Put it back with PUT /v1/clock, if this is in use.")
    return ok(check, "database and this machine agree")


async def _connections(settings: Settings, addresses: Addresses) -> Finding:
    check = "connections"
    try:
        async with asking(addresses.login) as connection:
            connections.check(settings, await connections.granted(connection))
    except (TooFewConnections, NotReachable) as error:
        return bad(check, str(error), "")
    return ok(check, f"at most {connections.needed(settings)}, and the server has room")


async def _tables(connection: Any) -> list[Finding]:
    if await installation.is_half_restored(connection):
        return [bad("tables", str(installation.HalfRestored.__doc__), "")]
    if not await is_filled(connection):
        return [bad("tables", "there are none yet", "Run `peer-support migrate`.")]
    head = _newest_revision()
    revision = await connection.fetchval("SELECT version_num FROM alembic_version")
    if revision != head:
        return [_other_revision(revision, head)]
    epoch = await epochs.present(connection)
    return [ok("tables", f"up to date ({revision}); restored {epoch} times" if epoch else f"up to date ({revision})")]


def _other_revision(revision: str, head: str) -> Finding:
    try:
        _scripts().get_revision(revision)
    except CommandError:
        words = f"of a newer version of the service ({revision}) than this one ({head})"
        return bad("tables", words, "Install the newer version again.")
    return bad("tables", f"of an older version ({revision}, this one has {head})", UPGRADE)


def _newest_revision() -> str:
    return str(_scripts().get_current_head())


def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(installation.ROOT / "migrations"))
    return ScriptDirectory.from_config(config)


async def _login(settings: Settings, addresses: Addresses) -> Finding:
    check = "login of the service"
    try:
        await installation.refuse_powerful_login(addresses.login, settings.role_prefix)
    except (LoginTooPowerful, NotReachable) as error:
        return bad(check, str(error), "")
    return ok(check, "reaches nothing until it says for whom")


async def _replica(settings: Settings, url: str, position: str) -> Finding:
    check = "replica"
    try:
        async with asking(url) as connection:
            row = await connection.fetchrow(REPLICA_AT, position)
    except (NotReachable, asyncpg.PostgresError):
        if settings.replica_gone == "primary":
            return look(check, "does not answer; reports are read from the primary", "Start it again.")
        return bad(check, "does not answer, and reports are refused", "Start it again.")
    return lag(follows=row["follows"], seconds=row["lag"])


def lag(*, follows: bool, seconds: float | None) -> Finding:
    """How far the replica is behind; None: it has not replayed anything yet."""
    check = "replica"
    if not follows:
        return look(check, "DATABASE_READ_URL names no replica", "Leave it out where there is none.")
    if seconds is None or seconds > LAG_BAD:
        return bad(check, "it stands still, and reports are old", "See whether it still reaches the primary.")
    words = f"{seconds:.0f} seconds behind"
    return look(check, words, "See whether it keeps up.") if seconds > LAG_LOOK else ok(check, words)
