"""Mentoring sessions: when and where, who came, what was talked about, how the goals went."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint
from sqlmodel import Field

from app.core.codes import AttendanceCode, Code, MeetingMode
from app.core.models import Row, coded, codes, instant, texts, typed


class SessionStatus(Code):
    """Where a session stands."""

    BOOKED = "booked", "Booked", "Appointment booked"
    DRAFT = "draft", "Being written up", "Draft"
    HELD = "held", "Held", "Attended"
    DID_NOT_ATTEND = "did_not_attend", "Did not come", "DNA"
    CANCELLED = "cancelled", "Cancelled", "Cancelled"


class CancelledBy(Code):
    """Who cancelled."""

    MENTEE = "mentee", "The mentee", "Cancelled by patient"
    MENTOR = "mentor", "The mentor", "Cancelled by provider"
    SERVICE = "service", "The service", "Cancelled by provider"


class Topic(Code):
    """What was talked about."""

    FOOD = "food", "Food and drink"
    ACTIVITY = "activity", "Being active"
    MEDICATION = "medication", "Medication"
    BLOOD_SUGAR = "blood_sugar", "Blood sugar"
    APPOINTMENTS = "appointments", "Appointments and check-ups"
    FEELINGS = "feelings", "Feelings and stress"
    FAMILY = "family", "Family and friends"
    WORK_AND_MONEY = "work_and_money", "Work and money"
    GOALS = "goals", "Goals and steps"
    GETTING_STARTED = "getting_started", "Getting to know each other"
    ENDING = "ending", "Bringing it to an end"
    OTHER = "other", "Something else"


class MentoringSession(Row, table=True):
    """One meeting of a pair; booked ahead, or recorded afterwards with its true date."""

    __tablename__ = "sessions"
    __table_args__ = (
        codes(Topic, "topics"),
        sa.CheckConstraint("(status = 'cancelled') = (cancelled_by IS NOT NULL)", name="cancelled"),
        sa.CheckConstraint("status <> 'held' OR (held_on IS NOT NULL AND minutes IS NOT NULL)", name="held"),
        sa.CheckConstraint("minutes BETWEEN 1 AND 600", name="minutes"),
        sa.CheckConstraint("planned_ends_at > planned_starts_at", name="planned"),
        sa.CheckConstraint(
            "status NOT IN ('booked', 'did_not_attend') OR planned_starts_at IS NOT NULL OR held_on IS NOT NULL",
            name="has_a_day",
        ),
        sa.Index("ix_sessions_mentee_id", "mentee_id", "takes_place_on", "id"),
        sa.Index("ix_sessions_of_programme", "programme_id", "takes_place_on", "id"),
        sa.Index("ix_sessions_takes_place_on", "takes_place_on", "id"),
        sa.Index("ix_sessions_match_id", "match_id", "status"),
        # few of many: what is to come, and what nobody has written up
        sa.Index(
            "ix_sessions_open",
            "takes_place_on",
            "id",
            postgresql_where=sa.text("status IN ('draft', 'booked')"),
        ),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    mentee_id: UUID = Field(foreign_key="mentees.id")
    match_id: UUID = Field(foreign_key="matches.id")
    status: SessionStatus = coded(SessionStatus, "status", default=SessionStatus.BOOKED)
    planned_starts_at: datetime | None = instant()
    planned_ends_at: datetime | None = instant()
    held_on: date | None = None
    """The true day (Europe/London) it took place or was missed, however late it is entered."""
    takes_place_on: date | None = typed(
        default=None,
        sa_type=sa.Date,
        # worded as PostgreSQL gives it back, so that the comparison of model and schema finds them alike
        sa_column_args=(
            sa.Computed(
                "COALESCE(held_on, ((planned_starts_at AT TIME ZONE 'Europe/London'::text))::date)", persisted=True
            ),
        ),
    )
    """The day of its place in a list: the true one, else the planned one; kept by the database."""
    minutes: int | None = None
    mode: MeetingMode | None = coded(MeetingMode, "mode", default=None, nullable=True)
    place: str | None = Field(default=None, max_length=200)
    topics: list[Topic] = texts()
    was_booked: bool = True
    cancelled_by: CancelledBy | None = coded(CancelledBy, "cancelled_by", default=None, nullable=True)
    cancelled_at: datetime | None = instant()
    cancel_note: str | None = Field(default=None, max_length=4000)
    written_up_at: datetime | None = instant()
    needs_met: bool | None = None
    """Whether the communication and access needs were met; empty: not said."""


class SessionMentor(Row, table=True):
    """A mentor's part in a session; no two planned ranges of one mentor may overlap, cancelled ones free theirs."""

    __tablename__ = "sessions_mentors"
    __table_args__ = (
        sa.UniqueConstraint("session_id", "mentor_id"),
        ExcludeConstraint(
            ("mentor_id", "="),
            ("planned", "&&"),
            where=sa.text("NOT is_cancelled"),
            using="gist",
            name="ex_sessions_mentors_overlap",
        ),
        sa.Index("ix_sessions_mentors_mentor_id", "mentor_id"),
        sa.Index("ix_sessions_mentors_mentee_id", "mentee_id"),
        sa.Index("ix_sessions_mentors_programme_id", "programme_id"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    session_id: UUID = Field(foreign_key="sessions.id")
    mentee_id: UUID = Field(foreign_key="mentees.id")
    mentor_id: UUID = Field(foreign_key="mentors.id")
    planned: Any = typed(default=None, sa_type=TSTZRANGE, nullable=True)
    is_cancelled: bool = False


class Attendance(Row, table=True):
    """Whether a mentee came, by the NHS attendance code."""

    __tablename__ = "sessions_attendances"
    __table_args__ = (
        sa.UniqueConstraint("session_id", "mentee_id"),
        sa.Index("ix_sessions_attendances_mentee_id", "mentee_id"),
        sa.Index("ix_sessions_attendances_programme_id", "programme_id"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    session_id: UUID = Field(foreign_key="sessions.id")
    mentee_id: UUID = Field(foreign_key="mentees.id")
    outcome: AttendanceCode = coded(AttendanceCode, "outcome")


class SessionNote(Row, table=True):
    """What was written about a session."""

    __tablename__ = "sessions_notes"
    __table_args__ = (
        sa.UniqueConstraint("session_id"),
        sa.Index("ix_sessions_notes_mentee_id", "mentee_id"),
        sa.Index("ix_sessions_notes_programme_id", "programme_id"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    session_id: UUID = Field(foreign_key="sessions.id")
    mentee_id: UUID = Field(foreign_key="mentees.id")
    text: str = Field(max_length=4000)


class Progress(Code):
    """How a goal went since the last review."""

    WORSE = "worse", "Harder than before"
    SAME = "same", "About the same"
    BETTER = "better", "Getting there"
    ACHIEVED = "achieved", "Reached"


class GoalReview(Row, table=True):
    """A goal looked at in a session: progress and the new confidence, 0–10."""

    __tablename__ = "sessions_goal_reviews"
    __table_args__ = (
        sa.UniqueConstraint("session_id", "goal_id"),
        sa.CheckConstraint("confidence BETWEEN 0 AND 10", name="confidence"),
        sa.Index("ix_sessions_goal_reviews_goal_id", "goal_id"),
        sa.Index("ix_sessions_goal_reviews_mentee_id", "mentee_id"),
        sa.Index("ix_sessions_goal_reviews_programme_id", "programme_id"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    session_id: UUID = Field(foreign_key="sessions.id")
    goal_id: UUID = Field(foreign_key="goals.id")
    mentee_id: UUID = Field(foreign_key="mentees.id")
    progress: Progress = coded(Progress, "progress")
    confidence: int
    note: str | None = Field(default=None, max_length=4000)
