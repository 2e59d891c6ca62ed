"""Getting at one row to change it, and adding one that the database may refuse."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast
from uuid import UUID

import orjson
from pydantic.fields import FieldInfo
from sqlalchemy import JSON
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.attributes import flag_modified
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import driver_of
from app.core.errors import NotFound, Problem, VersionChanged
from app.core.models import Row
from app.core.refusals import constraint_of

R = TypeVar("R", bound=Row)


async def get(db: AsyncSession, table: type[R], row_id: UUID, *, lock: bool = False) -> R:
    """The row with this id as the caller may see it, else `NotFound`; `lock` holds it until the commit."""
    query = select(table).where(col(table.id) == row_id)
    if lock:
        # "no key": whoever adds a child row holds its parent's key meanwhile, and ids never change
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    row = (await db.exec(query)).one_or_none()
    if row is None:
        raise NotFound()
    return row


async def target(db: AsyncSession, table: type[R], row_id: UUID) -> R:
    """The row a verb or PATCH is about, locked; `VersionChanged` when If-Match names another version."""
    row = await get(db, table, row_id, lock=True)
    wanted: int | None = db.info.get("if_match")
    if wanted is not None and wanted != row.version:
        raise VersionChanged()
    return row


async def insert(db: AsyncSession, row: Row) -> bool:
    """Add the row at once; False when a constraint against doubles refuses it, and the transaction goes on.

    For the rows of the busiest doors: a statement of its own beside the unit of work, and no savepoint. What the
    row points at must be in the database already.
    """
    return await _insert(db, type(row), {name: getattr(row, name) for name in type(row).model_fields})


async def insert_values(db: AsyncSession, table: type[Row], **values: Any) -> bool:
    """`insert` of a row that nobody needs as an object, which costs more than all the rest; not validated."""
    return await _insert(db, table, {c.name: c.default() for c in _columns(table)} | values)


@dataclass(frozen=True)
class _Column:
    name: str
    is_json: bool
    is_filled: bool
    """PostgreSQL fills it in when nothing is said."""
    default: Callable[[], Any]


@cache
def _columns(table: type[Row]) -> tuple[_Column, ...]:
    columns = table.__table__.columns  # type: ignore[attr-defined]  # what SQLModel gives a table's class
    fields = table.model_fields
    return tuple(
        _Column(c.name, isinstance(c.type, JSON), c.server_default is not None, _default_of(fields[c.name]))
        for c in columns
    )


def _default_of(field: FieldInfo) -> Callable[[], Any]:
    made: Any = field.default_factory
    if made is not None:
        return cast(Callable[[], Any], made)
    value = None if field.is_required() else field.default
    return lambda: value


async def _insert(db: AsyncSession, table: type[Row], values: dict[str, Any]) -> bool:
    given = [c for c in _columns(table) if not (c.is_filled and values[c.name] is None)]
    plain = [_plain(values[c.name], c.is_json) for c in given]
    marks = ", ".join(f"${n}" for n in range(1, len(plain) + 1))
    names = ", ".join(c.name for c in given)
    if db.new or db.dirty or db.deleted:
        await db.flush()
    sql = f"INSERT INTO {table.__tablename__} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING"
    done: str = await (await driver_of(db)).execute(sql, *plain)
    return done == "INSERT 0 1"


def _plain(value: Any, is_json: bool) -> Any:
    if is_json:
        return orjson.dumps(value).decode()
    return value.value if isinstance(value, Enum) else value


def touch(row: Row, column: str = "created_at") -> None:
    """Give the row a new version although only its parts changed, so that its ETag tells of it.

    `column` is one that the caller may write; its value stays.
    """
    flag_modified(row, column)


@asynccontextmanager
async def refused_as(db: AsyncSession, refusals: Mapping[str, Problem]) -> AsyncIterator[None]:
    """Flush what the block adds; a named constraint that refuses becomes the given problem.

    The savepoint keeps the transaction usable, so that the answer can still look up its link.
    """
    try:
        async with db.begin_nested():
            yield
            await db.flush()
    except IntegrityError as error:
        problem = refusals.get(constraint_of(error))
        if problem is None:
            raise
        raise problem from error
