"""The three kinds of transaction, each carrying who asks; the only file that commits.

- Writing: an SQLModel `AsyncSession`, one per request, committed before the answer leaves.
- Reading: asyncpg on the primary, one statement that also writes what was read into the read-audit.
- Reporting: a read-only, repeatable-read snapshot, possibly on a replica.

The API logs in as a role that owns nothing and inherits nothing. The first statement of each transaction
calls `identify`, which refuses a disabled caller or a role not held, and becomes that role's database role.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

import asyncpg
from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.actor import Actor, Role
from app.core.errors import ReplicaGone
from app.core.identity import (
    OFFSET,
    IdentifiedConnection,
    IdentifiedSession,
    NotCommitted,
    Origin,
    beginning,
    connected,
    follow_clock,
    origin,
    pass_over_what_was_lost,
)
from app.settings import Settings

AS_OF = """SELECT CASE WHEN pg_is_in_recovery() THEN least(app_now(),
  coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time()) + (app_now() - clock_timestamp()))
  ELSE app_now() END"""
"""A replica's picture is as old as the last change it has replayed; the worker changes something every 10 s."""

_UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.TooManyConnectionsError,
)
_BECOME = "SELECT set_config('app.reason', $1, true), set_config('role', $2, true)"
POOL_PATIENCE = 5.0
"""Seconds a request waits for a connection before it is told to come back."""


class Reader:
    """One open transaction of an actor on a plain asyncpg connection; whoever opened it ends it."""

    def __init__(self, pool: Any, connection: Any, actor: Actor, info: dict[str, Any]) -> None:
        self.pool = pool
        self.connection = connection
        self.actor = actor
        self.info = info

    async def fetch(self, sql: str, *values: Any) -> list[Any]:
        """The rows of one statement."""
        rows: list[Any] = await self.connection.fetch(sql, *values)
        return rows

    async def end(self, how: Literal["COMMIT", "ROLLBACK"]) -> None:
        """Commit (the read-audit is written) or roll back, and give the connection back."""
        try:
            done = await self.connection.execute(how)
        finally:
            await self.pool.release(self.connection)
        if done != how:
            raise NotCommitted("PostgreSQL undid everything instead")


Db = AsyncSession | Reader


async def fetch(db: Db, sql: str, *values: Any) -> list[Any]:
    """The rows of one SQL statement with `$n` parameters, after flushing what is pending, in either transaction."""
    if isinstance(db, Reader):
        return await db.fetch(sql, *values)
    if db.new or db.dirty or db.deleted:
        await db.flush()
    rows: list[Any] = await (await driver_of(db)).fetch(sql, *values)
    return rows


async def driver_of(db: AsyncSession) -> Any:
    """The connection beneath a writing transaction, which has begun."""
    driver = db.info.get("driver")
    if driver is None or not driver.is_in_transaction():
        # SQLAlchemy begins with its own first statement, and only there notices a connection that was lost
        await (await db.connection()).exec_driver_sql("SELECT 1")
        driver = db.info["driver"]
    return driver


def actor_of(db: Db) -> Actor:
    """Who asks in this transaction."""
    actor: Actor = db.actor if isinstance(db, Reader) else db.info["actor"]
    return actor


@asynccontextmanager
async def as_service(db: AsyncSession, reason: str) -> AsyncIterator[None]:
    """Do what the caller's rows do not reach (withdraw rival offers, look for an open referral elsewhere).

    The same transaction acts as `pm_service`, and as the caller again afterwards. What fails inside undoes the
    whole transaction: no savepoint is kept for it. The audit keeps the true actor and the reason.
    """
    own = db.info["role_prefix"] + actor_of(db).role.value
    service = db.info["role_prefix"] + Role.SERVICE.value
    await db.flush()
    await _become(db, service, reason)
    db.info["as_service"] = True
    try:
        yield
        await db.flush()
    except BaseException:
        driver = db.info.get("driver")
        if driver is not None and driver.is_in_transaction():
            # after an error of the database nothing but a rollback is possible, which gives the role back
            with suppress(asyncpg.InFailedSQLTransactionError):
                await driver.fetch(_BECOME, "", own)
        raise
    finally:
        del db.info["as_service"]
    await _become(db, own, "")


async def _become(db: AsyncSession, role: str, reason: str) -> None:
    await (await driver_of(db)).fetch(_BECOME, reason, role)


class Database:
    """The pools of one process, and the transactions made from them."""

    def __init__(self, settings: Settings, login_url: str, read_url: str | None = None) -> None:
        self._settings = settings
        self._login_url = login_url
        self._read_url = read_url
        # behind a pooler no statement may be kept: the next transaction meets another server process
        kept: dict[str, Any] = {"prepared_statement_cache_size": 0, "prepared_statement_name_func": lambda: ""}
        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            connect_args={"async_creator_fn": self._connect} | (kept if settings.transaction_pooling else {}),
            pool_size=settings.writing_pool,
            max_overflow=0,
            pool_timeout=POOL_PATIENCE,
            pool_use_lifo=True,
            hide_parameters=True,  # an error's text must not carry what was sent
        )
        event.listen(self._engine.sync_engine, "checkout", pass_over_what_was_lost)
        self._reading: Any = None
        self._reporting: Any = None

    async def _connect(self, **_: Any) -> Any:
        return await connected(self._login_url, **self._options())

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"connection_class": IdentifiedConnection, "timeout": POOL_PATIENCE}
        if self._settings.transaction_pooling:
            return options | {"statement_cache_size": 0}
        server = {
            "TimeZone": "UTC",
            "application_name": "peer-support",
            "statement_timeout": str(self._settings.statement_timeout_ms),
            "idle_in_transaction_session_timeout": "60000",
            "jit": "off",
        }
        return options | {"server_settings": server}

    async def open(self) -> None:
        """Make the reading pools; each connects as it is used, so that a process may start while PostgreSQL does."""
        options = self._options() | {"reset": _nothing_to_reset, "min_size": 0, "connect": connected}
        sizes = self._settings.reading_pool, self._settings.reporting_pool
        self._reading = await asyncpg.create_pool(self._login_url, max_size=sizes[0], **options)
        self._reporting = await asyncpg.create_pool(self._read_url or self._login_url, max_size=sizes[1], **options)

    async def close(self) -> None:
        """Close every pool."""
        for pool in (self._reading, self._reporting):
            if pool is not None:
                await pool.close()
        await self._engine.dispose()

    def _beginning(self, actor: Actor, source: Origin, *, waits: bool, begin: str = "BEGIN") -> str:
        return beginning(actor, source, self._settings, waits=waits, begin=begin)

    def session(self, actor: Actor, source: Origin) -> AsyncSession:
        """A writing transaction that begins with its first statement; who holds it must end it."""
        return AsyncSession(
            self._engine,
            sync_session_class=IdentifiedSession,
            expire_on_commit=False,
            info={
                "actor": actor,
                "beginning": self._beginning(actor, source, waits=True),
                "role_prefix": self._settings.role_prefix,
                "request_id": source.request_id,
                "follows_clock": self._settings.clock_movable,
            },
        )

    @asynccontextmanager
    async def writing(self, actor: Actor, source: Origin | None = None) -> AsyncIterator[AsyncSession]:
        """A writing transaction, committed at the end of the block, rolled back when it raises."""
        async with self.session(actor, source or origin()) as db:
            yield db
            await db.commit()

    async def _open(self, pool: Any, actor: Actor, beginning: str) -> Reader:
        connection = await pool.acquire(timeout=POOL_PATIENCE)
        try:
            await connection.begin(beginning)
            if self._settings.clock_movable:
                follow_clock(await connection.fetchval(OFFSET))
        except BaseException:
            await pool.release(connection)
            raise
        return Reader(pool, connection, actor, {})

    async def read(self, actor: Actor, source: Origin) -> Reader:
        """A reading transaction on the primary; who holds it must end it: COMMIT writes the read-audit."""
        return await self._open(
            self._reading, actor, self._beginning(actor, source, waits=self._settings.read_audit_waits)
        )

    async def report(self, actor: Actor, source: Origin) -> Reader:
        """One unchanging picture of the data, read only; `info["as_of"]` says of when.

        From the replica where there is one. When it does not answer: from the primary, or `ReplicaGone`, as
        the settings say.
        """
        snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        beginning = self._beginning(actor, source, waits=True, begin=snapshot)
        if self._read_url is not None:
            # the replica may not have heard yet that somebody may no more: the primary is asked first
            await (await self._open(self._reading, actor, beginning)).end("ROLLBACK")
        try:
            db = await self._open(self._reporting, actor, beginning)
        except Exception as error:
            if self._read_url is None or not self._cannot_say(error):
                raise
            if self._settings.replica_gone == "refuse":
                raise ReplicaGone(headers={"Retry-After": "30"}) from error
            db = await self._open(self._reading, actor, beginning)
        try:
            db.info["as_of"] = await db.connection.fetchval(AS_OF)
        except BaseException:
            await db.end("ROLLBACK")
            raise
        return db

    def _cannot_say(self, error: Exception) -> bool:
        """Whether the replica does not answer, or has not heard yet of somebody whom the primary has let in."""
        if isinstance(error, TimeoutError) and self._reporting.get_size() >= self._settings.reporting_pool:
            return False  # it is busy with other reports, not gone
        return isinstance(error, _UNREACHABLE) or getattr(error, "sqlstate", None) == "PS401"

    @asynccontextmanager
    async def reading(self, actor: Actor, source: Origin | None = None) -> AsyncIterator[Reader]:
        """`read` as a block."""
        async with _ended(await self.read(actor, source or origin())) as db:
            yield db

    @asynccontextmanager
    async def reporting(self, actor: Actor, source: Origin | None = None) -> AsyncIterator[Reader]:
        """`report` as a block."""
        async with _ended(await self.report(actor, source or origin())) as db:
            yield db

    async def ready(self) -> None:
        """Raise unless the database answers."""
        async with self._reading.acquire(timeout=POOL_PATIENCE) as connection:
            await connection.fetchval("SELECT 1")


@asynccontextmanager
async def _ended(db: Reader) -> AsyncIterator[Reader]:
    try:
        yield db
    except BaseException:
        await db.end("ROLLBACK")
        raise
    await db.end("COMMIT")


async def _nothing_to_reset(_: Any) -> None:
    """Every setting of ours is local to its transaction, so a returned connection is clean already."""
