"""How a transaction becomes somebody: one message begins it and says who asks, as which role, when and why.

`identify` refuses a disabled caller or a role not held, and names the database role to become. The request's id
stands in front as a comment, so that what the server shows or logs can be laid beside our own log.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy import Connection, event
from sqlalchemy.engine import AdaptedConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session

from app.core import clock
from app.core.actor import Actor
from app.settings import Settings

OFFSET = "SELECT current_setting('app.offset', true)"
_NAME = re.compile(r"[A-Za-z0-9_:-]*")
# behind a pooler what is set at connecting would be another's: it is set for each transaction
_POOLED = (
    "set_config('TimeZone', 'UTC', true), set_config('statement_timeout', '{}', true), "
    "set_config('idle_in_transaction_session_timeout', '60000', true), set_config('jit', 'off', true), "
)


@dataclass(frozen=True)
class Origin:
    """Where a transaction comes from: the request's id and the operation's name, both for the audit."""

    request_id: UUID
    operation: str = ""


def origin(operation: str = "") -> Origin:
    """A fresh origin for work that no request asked for."""
    return Origin(uuid4(), operation)


def beginning(actor: Actor, source: Origin, settings: Settings, *, waits: bool, begin: str = "BEGIN") -> str:
    """The text of that message, without parameters: parsed ids, known names and instants alone are written in.

    `waits`: whether its commit waits for the disk. Raises ValueError for a name that is none.
    """
    who = str(actor.id) if actor.id else actor.name
    sign_in = str(actor.sign_in_id) if actor.sign_in_id else ""
    if not (_NAME.fullmatch(who) and _NAME.fullmatch(source.operation)):
        raise ValueError("a caller or an operation has no such name")
    now = "NULL" if settings.clock_movable else f"'{clock.true_now().isoformat()}'"
    pooled = _POOLED.format(settings.statement_timeout_ms) if settings.transaction_pooling else ""
    return (
        f"/* request {source.request_id} */ {begin}; SELECT {pooled}"
        f"set_config('synchronous_commit', '{'on' if waits else 'off'}', true), "
        f"set_config('role', identify('{actor.kind.value}', '{who}', '{actor.role.value}', '{sign_in}', "
        f"'{source.request_id} {source.operation}', {now}), true)"
    )


class IdentifiedSession(Session):
    """A session whose transaction begins by saying who asks."""


@event.listens_for(IdentifiedSession, "after_begin")
def _say_who_asks(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    if not transaction.nested:
        driver: Any = connection.connection.driver_connection
        driver.beginning = session.info["beginning"]
        session.info["driver"] = driver
        if session.info["follows_clock"]:
            follow_clock(connection.exec_driver_sql(OFFSET).scalar_one())


@event.listens_for(IdentifiedSession, "after_transaction_end")
def _forget_the_driver(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop("driver", None)


def follow_clock(offset: str | None) -> None:
    """The service's clock stands where the database says."""
    if offset:
        clock.move(timedelta(seconds=float(offset)))


class NotCommitted(asyncpg.InFailedSQLTransactionError):  # type: ignore[misc]  # asyncpg has no types
    """A statement had failed and was passed over, so PostgreSQL answered the commit by undoing everything."""


class Beginning:
    """What SQLAlchemy takes for the driver's transaction: it begins by saying who asks."""

    def __init__(self, connection: "IdentifiedConnection") -> None:
        self.connection = connection

    async def start(self) -> None:
        """Begin; where that is refused nothing stays open."""
        await self.connection.begin(self.connection.beginning)

    async def commit(self) -> None:
        """Everything becomes true."""
        self.connection.beginning = "BEGIN"
        if await self.connection.execute("COMMIT") != "COMMIT":
            raise NotCommitted("PostgreSQL undid everything instead")

    async def rollback(self) -> None:
        """Nothing becomes true."""
        self.connection.beginning = "BEGIN"
        await self.connection.execute("ROLLBACK")


class IdentifiedConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A connection whose transactions begin, in one message, with who asks."""

    beginning = "BEGIN"

    def transaction(self, **_: Any) -> Beginning:
        """A transaction of an `AsyncSession`."""
        return Beginning(self)

    async def begin(self, beginning: str) -> None:
        """Begin as somebody; a caller that is refused leaves no transaction open."""
        try:
            await self.execute(beginning)
        except asyncpg.PostgresError:
            await self.execute("ROLLBACK")
            raise


async def connected(url: str, **options: Any) -> Any:
    """A new connection; ConnectionRefusedError where a server that starts again has not made its socket yet."""
    try:
        return await asyncpg.connect(url, **options)
    except FileNotFoundError as error:
        raise ConnectionRefusedError(error.errno, error.strerror) from error


def pass_over_what_was_lost(connection: AdaptedConnection, *_: object) -> None:
    """A connection of the pool that the server has ended meanwhile is made anew before anybody uses it."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError("ended by the server")
