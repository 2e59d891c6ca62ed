"""What the screen of one pair shows, to its mentor and to its coordinator."""

from datetime import date, datetime
from uuid import UUID

from app.core.codes import MeetingMode
from app.core.models import Outbound
from app.goals.models import GoalArea, GoalStatus
from app.matches.models import MatchStatus, Offer
from app.mentees.models import MenteeStatus
from app.mentees.shapes import BriefingPublic
from app.pam_assessments.windows import Prompt
from app.sessions.models import CancelledBy, SessionStatus, Topic


class MenteeOfPair(Outbound):
    """The mentee's side of a pair."""

    id: UUID
    status: MenteeStatus
    coordinator_name: str | None
    first_held_on: date | None
    planned_end_on: date | None
    ended_on: date | None
    week: int | None
    """Which week since the first session it is, from 1; empty before it and after the end."""


class MentorOfPair(Outbound):
    """The mentor's side of a pair."""

    id: UUID
    name: str
    known_as: str


class SessionOfPair(Outbound):
    """One session of the pair."""

    id: UUID
    status: SessionStatus
    planned_starts_at: datetime | None
    held_on: date | None
    minutes: int | None
    mode: MeetingMode | None
    place: str | None
    topics: list[Topic]
    cancelled_by: CancelledBy | None
    note: str | None
    actions: list[str]
    version: int


class SessionCounts(Outbound):
    """The sessions of the pair so far."""

    held: int
    did_not_attend: int
    cancelled: int
    did_not_attend_in_a_row: int
    """Missed since the last session held; a cancellation neither counts nor interrupts."""
    last_held_on: date | None
    next_starts_at: datetime | None


class ConfidencePoint(Outbound):
    """How confident the mentee was on a day, 0–10."""

    on: date
    confidence: int
    progress: str | None
    """Empty at the start."""


class GoalOfPair(Outbound):
    """A goal and its confidence over time."""

    id: UUID
    area: GoalArea
    statement: str
    importance: int
    status: GoalStatus
    points: list[ConfidencePoint]
    actions: list[str]
    version: int


class PamDueOfPair(Outbound):
    """When an assessment is due, and what is asked today."""

    opens_on: date | None
    closes_on: date | None
    prompt: Prompt


class PairForMentor(Outbound):
    """A pair as its mentor sees it."""

    id: UUID
    programme_id: UUID
    status: MatchStatus
    offer: Offer | None
    proposed_at: datetime
    confirmed_at: datetime | None
    ended_on: date | None
    mentee: MenteeOfPair | None
    """Empty until the match is confirmed."""
    briefing: BriefingPublic | None
    session_counts: SessionCounts
    sessions: list[SessionOfPair]
    """The newest twenty."""
    goals: list[GoalOfPair]
    actions: list[str]
    version: int


class PairForCoordinator(PairForMentor):
    """A pair as its coordinator sees it."""

    mentee_name: str
    mentor: MentorOfPair
    pam_baseline: PamDueOfPair
    pam_follow_up: PamDueOfPair
    mentee_actions: list[str]
    """What may be done with the episode now."""
