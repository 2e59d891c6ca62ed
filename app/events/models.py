"""One row for everything that happened and matters to somebody outside; ids and types only."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.core.models import Row, needed_instant


class Event(Row, table=True):
    """Something became true about a subject; `type` is `<noun>.<verb past tense>`."""

    __tablename__ = "events"
    __table_args__ = (
        # a person's record and some roles are no single programme's
        sa.CheckConstraint(
            "programme_id IS NOT NULL OR subject_type IN ('people', 'access_memberships')", name="programme_named"
        ),
        sa.Index("ix_events_changed_xid_id", "changed_xid", "id"),
        sa.Index("ix_events_programme_id", "programme_id", "id"),
        sa.Index("ix_events_subject_id", "subject_id"),
    )

    type: str = Field(max_length=60)
    occurred_at: datetime = needed_instant()
    subject_type: str = Field(max_length=40)
    subject_id: UUID
    programme_id: UUID | None = Field(default=None, foreign_key="programmes.id")
    actor_id: UUID | None = Field(
        default=None,
        sa_column_kwargs={"server_default": sa.text("nullif(current_setting('app.account_id', true), '')::uuid")},
    )
