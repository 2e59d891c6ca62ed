"""A match: offered to a mentor, answered, confirmed by a coordinator, ended with a reason."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import RootModel
from sqlmodel import Field

from app.access.models import FOREVER
from app.core.codes import Code, CommunicationNeed, EndingReason
from app.core.fields import LongText
from app.core.models import Inbound, Outbound, Row, coded, document, instant, needed_instant


class MatchStatus(Code):
    """Where a match stands."""

    PROPOSED = "proposed", "Offered to the mentor", "Allocation proposed"
    ACCEPTED = "accepted", "Accepted by the mentor", "Allocation accepted"
    DECLINED = "declined", "Declined by the mentor", "Allocation declined"
    WITHDRAWN = "withdrawn", "Offer withdrawn", "Allocation withdrawn"
    ACTIVE = "active", "Meeting", "Active"
    ENDED = "ended", "Ended", "Ended"


class OfferAnswer(Code):
    """Why a mentor declines an offer."""

    NO_TIME = "no_time", "No time at present"
    TOO_FAR = "too_far", "Too far away"
    KNOWN_TO_EACH_OTHER = "known_to_each_other", "We know each other"
    NOT_A_GOOD_FIT = "not_a_good_fit", "Not a good fit"
    OTHER = "other", "Another reason"


class Match(Row, table=True):
    """One mentor for one episode. The database holds one active per mentee, and the mentor's capacity."""

    __tablename__ = "matches"
    __table_args__ = (
        sa.Index(
            "uq_matches_one_active_per_mentee",
            "mentee_id",
            unique=True,
            postgresql_where=sa.text("status = 'active'"),
        ),
        sa.Index(
            "uq_matches_one_open_offer",
            "mentee_id",
            "mentor_id",
            unique=True,
            postgresql_where=sa.text("status IN ('proposed', 'accepted', 'active')"),
        ),
        sa.Index("ix_matches_programme_id_id", "programme_id", "id"),
        sa.Index("ix_matches_mentee_id", "mentee_id"),
        sa.Index("ix_matches_mentor_id", "mentor_id", "status"),
        sa.Index("ix_matches_mentor_account_id", "mentor_account_id", "id"),
        sa.CheckConstraint("(status IN ('active', 'ended')) = (confirmed_at IS NOT NULL)", name="confirmed"),
        sa.CheckConstraint("(status = 'ended') = (ended_on IS NOT NULL)", name="ended"),
        sa.CheckConstraint("(status IN ('declined', 'withdrawn')) = (offer IS NULL)", name="offer"),
        sa.CheckConstraint("(status = 'declined') = (decline_reason IS NOT NULL)", name="declined"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    mentee_id: UUID = Field(foreign_key="mentees.id")
    mentor_id: UUID = Field(foreign_key="mentors.id")
    mentor_account_id: UUID = Field(foreign_key="accounts.id")
    status: MatchStatus = coded(MatchStatus, "status", default=MatchStatus.PROPOSED)
    offer: dict[str, Any] | None = document()
    """What the mentor sees of the briefing before answering (`Offer`): a copy, so that no more is reachable, and
    taken away again when nothing comes of it."""
    proposed_at: datetime = needed_instant()
    answered_at: datetime | None = instant()
    decline_reason: OfferAnswer | None = coded(OfferAnswer, "decline_reason", default=None, nullable=True)
    confirmed_at: datetime | None = instant()
    ended_on: date | None = None
    is_planned_ending: bool | None = None
    visible_until: datetime = needed_instant(default=FOREVER)
    """Until when the mentor sees this match: the end plus the programme's days of grace."""


class MatchNotes(Row, table=True):
    """What the coordinators decided about a match and why; no mentor has a way here."""

    __tablename__ = "matches_notes"
    __table_args__ = (
        sa.UniqueConstraint("match_id"),
        sa.CheckConstraint("(ended_by IS NULL) = (ending_reason IS NULL)", name="ending_pair"),
        sa.Index("ix_matches_notes_programme_id", "programme_id"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    match_id: UUID = Field(foreign_key="matches.id")
    proposed_by: UUID
    proposal_reason: str | None = Field(default=None, max_length=4000)
    confirmed_by: UUID | None = None
    introduced_by: UUID | None = Field(default=None, foreign_key="accounts.id")
    ended_by: UUID | None = None
    ending_reason: EndingReason | None = coded(EndingReason, "ending_reason", default=None, nullable=True)
    ending_note: str | None = Field(default=None, max_length=4000)


class MatchWeights(Row, table=True):
    """One version of a programme's weights for suggestions; older ones stay, so that an old choice explains itself."""

    __tablename__ = "matches_weights"
    __table_args__ = (sa.UniqueConstraint("programme_id", "number"),)

    programme_id: UUID = Field(foreign_key="programmes.id")
    number: int
    weights: dict[str, int] = document(nullable=False)


class Offer(Outbound):
    """The part of the briefing that a mentor sees before answering: no way to reach the person, no safety note."""

    known_as: str
    language: str | None
    needs: str | None
    access_needs: str | None
    communication_needs: list[CommunicationNeed]
    is_interpreter_needed: bool


class MatchCreate(Inbound):
    """An offer: this mentor for this mentee, and why."""

    mentee_id: UUID
    mentor_id: UUID
    reason: LongText | None = None


class MatchDecline(Inbound):
    """Why a mentor declines."""

    reason: OfferAnswer


class MatchConfirm(Inbound):
    """The coordinator's decision for a pair."""

    introduced_by: UUID | None = None
    """The account of whoever is present when the two first meet."""
    extra_place_reason: LongText | None = None
    """Needed where the contract year's places are taken, or no contract year covers today; else not kept."""


class MatchPublic(Outbound):
    """A match as the coordinators of its programme see it."""

    id: UUID
    programme_id: UUID
    mentee_id: UUID
    mentee_known_as: str | None
    mentor_id: UUID
    mentor_known_as: str
    status: MatchStatus
    offer: Offer | None
    """What the mentor was shown; taken back once declined or withdrawn."""
    proposed_at: datetime
    proposed_by: UUID
    proposal_reason: str | None
    answered_at: datetime | None
    decline_reason: OfferAnswer | None
    confirmed_at: datetime | None
    confirmed_by: UUID | None
    introduced_by: UUID | None
    ended_on: date | None
    ended_by: UUID | None
    ending_reason: EndingReason | None
    ending_note: str | None
    is_planned_ending: bool | None
    visible_until: datetime | None
    """When the mentor's access ends; empty while no end is set."""
    actions: list[str]
    version: int


class MatchForMentor(Outbound):
    """A match as its mentor sees it; of the reasons written by coordinators nothing."""

    id: UUID
    programme_id: UUID
    mentee_id: UUID
    mentor_id: UUID
    status: MatchStatus
    offer: Offer | None
    proposed_at: datetime
    answered_at: datetime | None
    decline_reason: OfferAnswer | None
    confirmed_at: datetime | None
    ended_on: date | None
    is_planned_ending: bool | None
    visible_until: datetime | None
    """When this access ends; empty while no end is set."""
    actions: list[str]
    version: int


class MatchAsSeen(RootModel[MatchPublic | MatchForMentor]):
    """A match, as much of it as the caller's role sees."""
