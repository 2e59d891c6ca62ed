"""A match: offered to a mentor, answered, confirmed by a coordinator, ended with a reason."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.access.models import FOREVER
from app.core.codes import Code, EndingReason
from app.core.models import Row, coded, document, instant, needed_instant


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
        sa.CheckConstraint("(ended_on IS NULL) = (ending_reason IS NULL)", name="ending_pair"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    mentee_id: UUID = Field(foreign_key="mentees.id")
    mentor_id: UUID = Field(foreign_key="mentors.id")
    mentor_account_id: UUID = Field(foreign_key="accounts.id")
    status: MatchStatus = coded(MatchStatus, "status", default=MatchStatus.PROPOSED)
    offer: dict[str, Any] = document(nullable=False)
    """The part of the briefing that the mentor sees before answering; a copy, so that no more is reachable."""
    proposed_at: datetime = needed_instant()
    proposed_by: UUID
    proposal_reason: str | None = Field(default=None, max_length=4000)
    answered_at: datetime | None = instant()
    decline_reason: OfferAnswer | None = coded(OfferAnswer, "decline_reason", default=None, nullable=True)
    confirmed_at: datetime | None = instant()
    confirmed_by: UUID | None = None
    introduced_by: UUID | None = None
    ended_on: date | None = None
    ended_by: UUID | None = None
    ending_reason: EndingReason | None = coded(EndingReason, "ending_reason", default=None, nullable=True)
    ending_note: str | None = Field(default=None, max_length=4000)
    is_planned_ending: bool | None = None
    visible_until: datetime = needed_instant(default=FOREVER)
    """Until when the mentor sees this match: the end plus the programme's days of grace."""
