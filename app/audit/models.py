"""The audit: who did or read what and when. Old values lie in `history`, which can be erased without it."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from app.core.models import JSON, TEXTS, TIMESTAMP, Xid8, typed


def _number() -> Any:
    """A running number that no caller can choose, and that needs no grant on a sequence."""
    return typed(default=None, primary_key=True, sa_type=sa.BigInteger, sa_column_args=[sa.Identity(always=True)])


def _told(setting: str, kind: str = "") -> Any:
    """A column that PostgreSQL fills from who asks, so that no caller can write it."""
    default = sa.text(f"nullif(current_setting('app.{setting}', true), ''){kind}")
    return {"server_default": default}


class _Noted(SQLModel):
    """Who, when and why, as every line of the audit has them; filled by PostgreSQL."""

    at: datetime | None = typed(
        default=None,
        sa_type=TIMESTAMP,
        nullable=False,
        sa_column_kwargs={"server_default": sa.text("clock_timestamp()")},
    )
    actor_kind: str | None = Field(default=None, sa_column_kwargs=_told("actor_kind"))
    actor_id: UUID | None = Field(default=None, sa_column_kwargs=_told("account_id", "::uuid"))
    actor_name: str | None = Field(default=None, sa_column_kwargs=_told("actor_name"))
    role: str | None = Field(default=None, sa_column_kwargs=_told("role"))
    operation: str | None = Field(default=None, sa_column_kwargs=_told("operation"))
    request_id: UUID | None = Field(default=None, sa_column_kwargs=_told("request_id", "::uuid"))
    reason: str | None = Field(default=None, sa_column_kwargs=_told("reason"))


class AuditEntry(_Noted, table=True):
    """One row was created, changed or deleted; the names of the changed columns, no values."""

    __tablename__ = "audit_entries"
    __table_args__ = (sa.Index("ix_audit_entries_row_id", "row_id"),)

    id: int | None = _number()
    verb: str = Field(max_length=10)
    table_name: str
    row_id: UUID
    columns: list[str] | None = typed(default=None, sa_type=TEXTS)
    programme_id: UUID | None = None
    """The row's own; empty where the row belongs to no single programme (a person, an account, the directory)."""
    changed_xid: int | None = Field(
        default=None, sa_type=Xid8, sa_column_kwargs={"server_default": sa.text("pg_current_xact_id()")}
    )


class AuditRead(_Noted, table=True):
    """Somebody was shown these rows in this shape; written by the statement that read them."""

    __tablename__ = "audit_reads"
    __table_args__ = (sa.Index("ix_audit_reads_ids", "ids", postgresql_using="gin"),)

    id: int | None = _number()
    shape: str
    ids: list[UUID] = typed(sa_type=ARRAY(sa.Uuid), nullable=False)


class History(SQLModel, table=True):
    """The values a row had before a change or deletion; may be erased, the audit entry stays."""

    __tablename__ = "history"
    __table_args__ = (sa.Index("ix_history_row_id", "row_id"),)

    id: int | None = _number()
    entry_id: int = Field(sa_type=sa.BigInteger, nullable=False)
    table_name: str
    row_id: UUID
    programme_id: UUID | None = None
    old_values: dict[str, Any] = typed(sa_type=JSON, nullable=False)


class Tombstone(SQLModel, table=True):
    """A row that is gone, so that a change feed can say so."""

    __tablename__ = "tombstones"

    id: int | None = _number()
    table_name: str
    row_id: UUID
    programme_id: UUID | None = None
    at: datetime | None = typed(
        default=None,
        sa_type=TIMESTAMP,
        nullable=False,
        sa_column_kwargs={"server_default": sa.text("clock_timestamp()")},
    )
    changed_xid: int | None = Field(
        default=None,
        sa_type=Xid8,
        nullable=False,
        index=True,
        sa_column_kwargs={"server_default": sa.text("pg_current_xact_id()")},
    )
