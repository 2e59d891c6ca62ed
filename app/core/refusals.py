"""What a refusal of the database means to the caller."""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.errors import NotFound, NotSignedIn, Problem, TookTooLong, Unavailable

UNREACHABLE = (OSError, TimeoutError, PoolTimeout, asyncpg.InternalClientError)
"""The last is what asyncpg says when the server's farewell came between two statements."""


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
    if state[:2] in ("08", "53", "57") or isinstance(cause, UNREACHABLE) or _is_cut_off(error):
        return Unavailable(headers={"Retry-After": "5"})
    return None


def _is_cut_off(error: BaseException) -> bool:
    """Whether the connection is gone: noticed by a statement that waited, or by the next one that was to be sent."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated
    return isinstance(error, asyncpg.InterfaceError) and "connection is closed" in str(error)


def constraint_of(error: DBAPIError) -> str:
    """The name of the constraint that refused a change."""
    cause = error.orig.__cause__ if error.orig else None
    return str(getattr(cause, "constraint_name", "") or "")
