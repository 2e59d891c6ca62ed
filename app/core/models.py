"""The columns every table has, and the few column kinds that tables share."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, SQLModel
from uuid6 import uuid7

from app.core import clock

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

TIMESTAMP = sa.DateTime(timezone=True)
TEXTS = ARRAY(sa.Text)
JSON = JSONB(none_as_null=True)


def typed(**options: Any) -> Any:
    """A column whose `sa_type` is an instance; SQLModel's own signature knows classes only."""
    return Field(**options)


def coded(values: type[StrEnum], name: str, **options: Any) -> Any:
    """A coded column with its CHECK; the column's name is the CHECK's."""
    return typed(sa_type=code(values, name), **({"nullable": False} | options))


def instant(**options: Any) -> Any:
    """An instant: timestamptz, UTC; may be empty unless `nullable=False` is given."""
    return typed(**({"default": None, "sa_type": TIMESTAMP} | options))


def needed_instant(**options: Any) -> Any:
    """An instant that is always there."""
    return typed(sa_type=TIMESTAMP, nullable=False, **options)


def texts() -> Any:
    """A text[] column, empty unless filled."""
    return typed(default_factory=list, sa_type=TEXTS, nullable=False)


def added_texts() -> Any:
    """A text[] column added later."""
    return _added(TEXTS, "'{}'")


def added_ids() -> Any:
    """A uuid[] column added later."""
    return _added(ARRAY(sa.Uuid), "'{}'")


def added_documents() -> Any:
    """A jsonb column of a list, added later."""
    return _added(JSON, "'[]'")


def _added(kind: Any, empty: str) -> Any:
    """A list that PostgreSQL fills in empty: the version before, which knows nothing of it, goes on inserting."""
    filled = {"server_default": sa.text(empty)}
    return typed(default_factory=list, sa_type=kind, nullable=False, sa_column_kwargs=filled)


def document(**options: Any) -> Any:
    """A jsonb column."""
    return typed(**({"default": None, "sa_type": JSON} | options))


class Xid8(UserDefinedType[Any]):
    """PostgreSQL's 64-bit transaction number, by which change feeds run in commit order."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in SQL."""
        return "xid8"


class Row(SQLModel):
    """A row of any table: who made it is in the audit, when and how often it changed is here.

    `version`, `updated_at` and `changed_xid` are kept by a trigger; Python never writes them.
    """

    __mapper_args__: ClassVar[dict[str, Any]] = {"eager_defaults": False}

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    created_at: datetime = typed(default_factory=clock.true_now, sa_type=TIMESTAMP, nullable=False)
    updated_at: datetime | None = typed(
        default=None,
        sa_type=TIMESTAMP,
        nullable=False,
        sa_column_kwargs={"server_default": sa.text("clock_timestamp()")},
    )
    version: int | None = Field(default=None, nullable=False, sa_column_kwargs={"server_default": sa.text("1")})
    changed_xid: int | None = Field(
        default=None,
        sa_type=Xid8,
        nullable=False,
        sa_column_kwargs={"server_default": sa.text("pg_current_xact_id()")},
    )


class Inbound(BaseModel):
    """What a caller sends; a field we do not know is refused, so that a misspelling is not lost."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Outbound(BaseModel):
    """What a caller gets; its JSON is built in PostgreSQL, this shape selects and documents it."""

    model_config = ConfigDict(use_attribute_docstrings=True)


def code(values: type[StrEnum], name: str) -> sa.Enum:
    """A coded column: text with a CHECK of the enum's values, named ck_<table>_<name>."""
    return sa.Enum(
        values,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=40,
        values_callable=lambda e: [m.value for m in e],
    )


def codes(values: type[StrEnum], column: str) -> sa.CheckConstraint:
    """The CHECK that every entry of an array column is one of the enum's values."""
    allowed = ",".join(f"'{m.value}'" for m in values)
    return sa.CheckConstraint(f"{column} <@ ARRAY[{allowed}]::text[]", name=column)
