"""The clock's one row, for a sandbox whose time can be moved in every process at once."""

from datetime import timedelta

import sqlalchemy as sa
from sqlmodel import Field

from app.core.models import Row


class MovedClock(Row, table=True):
    """How far the service's clock is ahead of (or, negative, behind) the true one; at most one row."""

    __tablename__ = "clock"
    __table_args__ = (sa.Index("uq_clock_only_one", sa.text("(true)"), unique=True),)

    moved_by: timedelta = Field(sa_type=sa.Interval, nullable=False)
