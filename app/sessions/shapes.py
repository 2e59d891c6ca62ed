"""What a phone sends to book, write up or call off a session, and what it gets to see of one."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field as Shape

from app.core.codes import AttendanceCode, Code, CommunicationNeed, MeetingMode
from app.core.fields import Confidence, Instant, LongText, Minutes, PastDate, Text
from app.core.models import Inbound, Outbound
from app.sessions.models import CancelledBy, Progress, SessionStatus, Topic


class Outcome(Code):
    """Whether a session took place."""

    HELD = "held", "Held", "Attended"
    DID_NOT_ATTEND = "did_not_attend", "Did not come", "DNA"


class SessionBook(Inbound):
    """A meeting ahead."""

    match_id: UUID
    starts_at: Instant
    minutes: Minutes | None = None
    """How long it is planned for; empty: the programme's usual length."""
    mode: MeetingMode
    place: Text | None = None


class SessionMove(Inbound):
    """Another time for a booked session; what is not sent, or is null, stays as it was booked."""

    starts_at: Instant
    minutes: Minutes | None = None
    """How long it is planned for; empty: as long as before."""
    mode: MeetingMode | None = None
    place: Text | None = None


class GoalReviewGiven(Inbound):
    """How a goal went since the last time, and the new confidence."""

    goal_id: UUID
    progress: Progress
    confidence: Confidence
    note: LongText | None = None


class WriteUp(Inbound):
    """What is written about a session; what is not sent, or is null, stays as it is."""

    held_on: PastDate | None = None
    """The true day, however late it is entered; empty: the day it was booked for."""
    minutes: Minutes | None = None
    mode: MeetingMode | None = None
    place: Text | None = None
    topics: Annotated[list[Topic], Shape(max_length=12)] | None = None
    needs_met: bool | None = None
    """Whether the communication and access needs were met."""
    note: LongText | None = None
    goal_reviews: Annotated[list[GoalReviewGiven], Shape(max_length=20)] | None = None
    """All goals looked at; sent again, they take the place of those sent before."""


class SessionHold(WriteUp):
    """The write-up of a session that took place."""

    is_late: bool = False
    """The mentee came late, and the session was held."""


class SessionRecord(WriteUp):
    """A session that was never booked, entered afterwards."""

    match_id: UUID
    outcome: Outcome
    held_on: PastDate
    """The true day it took place or was missed, however late it is entered."""
    is_late: bool = False
    """Held: the mentee came late. Not held: the mentee came, but too late."""
    is_another: bool = False
    """The pair met, or was to meet, more than once that day: this is not the session already written up."""


class SessionMiss(Inbound):
    """The mentee did not come."""

    held_on: PastDate | None = None
    """The day it was missed; empty: the day it was booked for."""
    is_late: bool = False
    """The mentee came, but too late for the session."""
    note: LongText | None = None


class SessionCancel(Inbound):
    """Who called the session off, and why."""

    by: CancelledBy
    note: LongText | None = None


class SessionCorrect(WriteUp):
    """What was written up wrongly."""

    outcome: Outcome | None = None
    """Held or not after all; empty: as it was."""


class GoalReviewPublic(Outbound):
    """A goal as it was looked at in this session."""

    goal_id: UUID
    progress: Progress
    confidence: int
    note: str | None


class AttendancePublic(Outbound):
    """Whether the mentee came, by the NHS attendance code."""

    mentee_id: UUID
    outcome: AttendanceCode


class SessionPublic(Outbound):
    """A session, with what matters when meeting this mentee."""

    id: UUID
    programme_id: UUID
    mentee_id: UUID
    match_id: UUID
    status: SessionStatus
    known_as: str | None
    """What the mentee likes to be called."""
    communication_needs: list[CommunicationNeed] | None
    access_needs: str | None
    language: str | None
    is_interpreter_needed: bool | None
    planned_starts_at: datetime | None
    planned_ends_at: datetime | None
    held_on: date | None
    takes_place_on: date | None
    """The true day, else the planned one."""
    minutes: int | None
    mode: MeetingMode | None
    place: str | None
    topics: list[Topic]
    needs_met: bool | None
    was_booked: bool
    cancelled_by: CancelledBy | None
    cancelled_at: datetime | None
    cancel_note: str | None
    written_up_at: datetime | None
    note: str | None = None
    """With `include=note`."""
    goal_reviews: list[GoalReviewPublic] | None = None
    """With `include=goal_reviews`."""
    attendances: list[AttendancePublic] | None = None
    """With `include=attendances`; empty until it is known whether the mentee came."""
    actions: list[str]
    version: int
