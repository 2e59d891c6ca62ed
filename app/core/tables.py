"""Two small facts of the whole database: how far a sandbox moved the clock, and how often it was restored."""

from datetime import timedelta

import sqlalchemy as sa
from sqlmodel import Field

from app.core.models import Row


class MovedClock(Row, table=True):
    """How far the service's clock is ahead of (or, negative, behind) the true one; at most one row."""

    __tablename__ = "clock"
    __table_args__ = (sa.Index("uq_clock_only_one", sa.text("(true)"), unique=True),)

    moved_by: timedelta = Field(sa_type=sa.Interval, nullable=False)


class ChangeEpoch(Row, table=True):
    """The database was restored from a backup: transaction numbers count anew, and change feeds begin a new epoch.

    The highest `number` is the present epoch; no row at all is epoch 0.
    """

    __tablename__ = "change_epochs"
    __table_args__ = (sa.UniqueConstraint("number"),)

    number: int
