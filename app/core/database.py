"""The three kinds of transaction, each carrying who asks; the only file that commits.

- Writing: an SQLModel `AsyncSession`, one per request, committed before the answer leaves.
- Reading: asyncpg on the primary, one statement that also writes what was read into the read-audit.
- Reporting: a read-only, repeatable-read snapshot, possibly on a replica.

The API logs in as a role that owns nothing and inherits nothing. The first statement of each transaction
calls `identify`, which refuses a disabled caller or a role not held, and becomes that role's database role.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.actor import Actor, Role
from app.core.errors import NotFound, NotSignedIn, Problem, TookTooLong, Unavailable
from app.settings import Settings

IDENTIFY = (
    "SELECT set_config('synchronous_commit', $7, true), "
    "set_config('role', identify($1, $2, $3, $4, $5, $6), true), current_setting('app.offset', true)"
)

POOL_PATIENCE = 5.0
"""Seconds a request waits for a connection before it is told to come back."""


@dataclass(frozen=True)
class Origin:
    """Where a transaction comes from: the request's id and the operation's name, both for the audit."""

    request_id: UUID
    operation: str = ""


def origin(operation: str = "") -> Origin:
    """A fresh origin for work that no request asked for."""
    return Origin(uuid4(), operation)


class IdentifiedSession(Session):
    """A session whose transaction begins by saying who asks."""


@event.listens_for(IdentifiedSession, "after_begin")
def _say_who_asks(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    if transaction.nested:
        return
    row = connection.exec_driver_sql(IDENTIFY, session.info["identity"]).one()
    _follow_clock(row[2])


def _follow_clock(offset: str | None) -> None:
    if offset:
        clock.move(timedelta(seconds=float(offset)))


class Reader:
    """One open transaction of an actor on a plain asyncpg connection."""

    def __init__(self, connection: Any, actor: Actor, info: dict[str, Any]) -> None:
        self.connection = connection
        self.actor = actor
        self.info = info

    async def fetch(self, sql: str, *values: Any) -> list[Any]:
        """The rows of one statement."""
        rows: list[Any] = await self.connection.fetch(sql, *values)
        return rows


Db = AsyncSession | Reader


async def fetch(db: Db, sql: str, *values: Any) -> list[Any]:
    """The rows of one SQL statement with `$n` parameters, in either kind of transaction.

    In a writing transaction what is pending is flushed first, so a verb reads its own change back.
    """
    if isinstance(db, Reader):
        return await db.fetch(sql, *values)
    await db.flush()
    raw = await (await db.connection()).get_raw_connection()
    connection: Any = raw.driver_connection
    rows: list[Any] = await connection.fetch(sql, *values)
    return rows


def actor_of(db: Db) -> Actor:
    """Who asks in this transaction."""
    actor: Actor = db.actor if isinstance(db, Reader) else db.info["actor"]
    return actor


@asynccontextmanager
async def as_service(db: AsyncSession, reason: str) -> AsyncIterator[None]:
    """Do what the caller's rows do not reach (withdraw rival offers, look for an open referral elsewhere).

    The same transaction acts as `pm_service` inside a savepoint, and as the caller again afterwards; on
    failure the savepoint's rollback gives the role back. The audit keeps the true actor and the reason.
    """
    own = db.info["role_prefix"] + actor_of(db).role.value
    service = db.info["role_prefix"] + Role.SERVICE.value
    async with db.begin_nested():
        await _become(db, service, reason)
        db.info["as_service"] = True
        try:
            yield
        finally:
            del db.info["as_service"]
        await db.flush()
        await _become(db, own, "")


async def _become(db: AsyncSession, role: str, reason: str) -> None:
    connection = await db.connection()
    await connection.exec_driver_sql(
        "SELECT set_config('app.reason', $1, true), set_config('role', $2, true)", (reason, role)
    )


class Database:
    """The pools of one process, and the transactions made from them."""

    def __init__(self, settings: Settings, login_url: str, read_url: str | None = None) -> None:
        self._settings = settings
        self._login_url = login_url
        self._read_url = read_url
        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            pool_size=settings.writing_pool,
            max_overflow=0,
            pool_timeout=POOL_PATIENCE,
            pool_use_lifo=True,
            hide_parameters=True,  # an error's text must not carry what was sent
        )
        self._reading: Any = None
        self._reporting: Any = None

    async def _connect(self) -> Any:
        return await asyncpg.connect(self._login_url, server_settings=self._server_settings())

    def _server_settings(self) -> dict[str, str]:
        return {
            "TimeZone": "UTC",
            "application_name": "peer-support",
            "statement_timeout": str(self._settings.statement_timeout_ms),
            "idle_in_transaction_session_timeout": "60000",
            "jit": "off",
        }

    async def open(self) -> None:
        """Open the reading pools; the writing pool opens as it is used."""
        options: dict[str, Any] = {
            "min_size": 1,
            "server_settings": self._server_settings(),
            "reset": _nothing_to_reset,
        }
        self._reading = await asyncpg.create_pool(self._login_url, max_size=self._settings.reading_pool, **options)
        self._reporting = await asyncpg.create_pool(
            self._read_url or self._login_url, max_size=self._settings.reporting_pool, **options
        )

    async def close(self) -> None:
        """Close every pool."""
        for pool in (self._reading, self._reporting):
            if pool is not None:
                await pool.close()
        await self._engine.dispose()

    def _identity(self, actor: Actor, source: Origin, *, waits: bool) -> tuple[Any, ...]:
        moved = None if self._settings.clock_movable else clock.true_now().isoformat()
        return (
            actor.kind.value,
            str(actor.id) if actor.id else actor.name,
            actor.role.value,
            str(actor.sign_in_id) if actor.sign_in_id else "",
            f"{source.request_id} {source.operation}",
            moved,
            "on" if waits else "off",
        )

    def session(self, actor: Actor, source: Origin) -> AsyncSession:
        """A writing transaction that begins with its first statement; who holds it must end it."""
        return AsyncSession(
            self._engine,
            sync_session_class=IdentifiedSession,
            expire_on_commit=False,
            info={
                "actor": actor,
                "identity": self._identity(actor, source, waits=True),
                "role_prefix": self._settings.role_prefix,
                "request_id": source.request_id,
            },
        )

    @asynccontextmanager
    async def writing(self, actor: Actor, source: Origin | None = None) -> AsyncIterator[AsyncSession]:
        """A writing transaction, committed at the end of the block, rolled back when it raises."""
        async with self.session(actor, source or origin()) as db:
            yield db
            await db.commit()

    @asynccontextmanager
    async def reading(self, actor: Actor, source: Origin | None = None) -> AsyncIterator[Reader]:
        """A reading transaction on the primary; it commits, since it writes the read-audit."""
        identity = self._identity(actor, source or origin(), waits=self._settings.read_audit_waits)
        async with self._reading.acquire(timeout=POOL_PATIENCE) as connection, _transaction(connection, "BEGIN"):
            await _identify(connection, identity)
            yield Reader(connection, actor, {})

    @asynccontextmanager
    async def reporting(self, actor: Actor, source: Origin | None = None) -> AsyncIterator[Reader]:
        """One unchanging picture of the data, read only; `info["as_of"]` says of when."""
        identity = self._identity(actor, source or origin(), waits=True)
        begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        async with self._reporting.acquire(timeout=POOL_PATIENCE) as connection, _transaction(connection, begin):
            await _identify(connection, identity)
            as_of: datetime = await connection.fetchval("SELECT app_now()")
            yield Reader(connection, actor, {"as_of": as_of})

    async def ready(self) -> None:
        """Raise unless the database answers."""
        async with self._reading.acquire(timeout=POOL_PATIENCE) as connection:
            await connection.fetchval("SELECT 1")


async def _identify(connection: Any, identity: tuple[Any, ...]) -> None:
    row = await connection.fetchrow(IDENTIFY, *identity)
    _follow_clock(row[2])


@asynccontextmanager
async def _transaction(connection: Any, begin: str) -> AsyncIterator[None]:
    await connection.execute(begin)
    try:
        yield
    except BaseException:
        await connection.execute("ROLLBACK")
        raise
    await connection.execute("COMMIT")


async def _nothing_to_reset(_: Any) -> None:
    """Every setting of ours is local to its transaction, so a returned connection is clean already."""


def problem_of(error: BaseException) -> Problem | None:
    """What a database error means to the caller, or None where it is a bug of ours."""
    cause = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else error
    state = getattr(cause, "sqlstate", None) or ""
    if state == "PS401":
        return NotSignedIn()
    if state == "PS404":
        return NotFound()
    if state == "57014":
        return TookTooLong()
    if state in ("40001", "40P01", "55P03"):
        return Unavailable(headers={"Retry-After": "1"})
    if state[:2] in ("08", "53", "57") or isinstance(cause, OSError | TimeoutError | PoolTimeout):
        return Unavailable(headers={"Retry-After": "5"})
    return None


def constraint_of(error: DBAPIError) -> str:
    """The name of the constraint that refused a change."""
    cause = error.orig.__cause__ if error.orig else None
    return str(getattr(cause, "constraint_name", "") or "")
