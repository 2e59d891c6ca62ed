"""An episode with its preferences for matching and the briefing that a mentor reads."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.core.codes import (
    Barrier,
    Circumstance,
    Code,
    CommunicationNeed,
    EndingReason,
    MeetingMode,
    StatedGender,
    Treatment,
)
from app.core.models import (
    Row,
    added_documents,
    added_ids,
    added_texts,
    coded,
    codes,
    instant,
    needed_instant,
    texts,
)


class MenteeStatus(Code):
    """Where an episode stands."""

    WAITING = "waiting", "Waiting for a mentor", "On waiting list"
    MATCHED = "matched", "With a mentor", "In service"
    PAUSED = "paused", "Paused", "Suspended"
    ENDED = "ended", "Ended", "Discharged"


class Mentee(Row, table=True):
    """One episode of one person in one programme; a return is a new row. At most one is open."""

    __tablename__ = "mentees"
    __table_args__ = (
        sa.Index(
            "uq_mentees_open_episode",
            "person_id",
            "programme_id",
            unique=True,
            postgresql_where=sa.text("status <> 'ended'"),
        ),
        # with all that the outcome report looks at, which so reads no row
        sa.Index(
            "ix_mentees_outcomes",
            "programme_id",
            "id",
            postgresql_include=[
                "waiting_since",
                "first_confirmed_on",
                "first_held_on",
                "ended_on",
                "is_planned_ending",
            ],
        ),
        sa.Index("ix_mentees_person_id", "person_id", "programme_id"),
        sa.Index("ix_mentees_waiting", "status", "waiting_since", "id"),
        sa.Index("ix_mentees_referral_id", "referral_id"),
        sa.Index("ix_mentees_contract_year_id", "contract_year_id"),
        sa.Index("ix_mentees_programme_id_ended_on", "programme_id", "ended_on"),
        sa.CheckConstraint("(status = 'ended') = (ended_on IS NOT NULL)", name="ended"),
        sa.CheckConstraint("(ended_on IS NULL) = (ending_reason IS NULL)", name="ending_pair"),
        codes(Barrier, "barriers"),
        codes(Barrier, "barriers_at_end"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    person_id: UUID = Field(foreign_key="people.id")
    referral_id: UUID = Field(foreign_key="referrals.id")
    coordinator_id: UUID | None = Field(default=None, foreign_key="accounts.id")
    status: MenteeStatus = coded(MenteeStatus, "status", default=MenteeStatus.WAITING)
    received_on: date
    """When the referral was received: the start of the wait."""
    waiting_since: datetime = needed_instant()
    barriers: list[Barrier] = texts()
    first_confirmed_on: date | None = None
    contract_year_id: UUID | None = Field(default=None, foreign_key="programmes_contract_years.id")
    extra_place_reason: str | None = Field(default=None, max_length=4000)
    """Why this episode was confirmed although the contract year's places were taken."""
    first_held_on: date | None = None
    """Day of the first session held; recomputed on late entry and correction. Anchor of every window."""
    planned_end_on: date | None = None
    ended_on: date | None = None
    ending_reason: EndingReason | None = coded(EndingReason, "ending_reason", default=None, nullable=True)
    is_planned_ending: bool | None = None
    ending_note: str | None = Field(default=None, max_length=4000)
    barriers_at_end: list[Barrier] = texts()


class Pause(Row, table=True):
    """A time in which an episode rested; it is shown beside the days waited, never taken from them."""

    __tablename__ = "mentees_pauses"
    __table_args__ = (
        sa.Index(
            "uq_mentees_pauses_open",
            "mentee_id",
            unique=True,
            postgresql_where=sa.text("resumed_at IS NULL"),
        ),
        sa.Index("ix_mentees_pauses_mentee_id", "mentee_id", "id"),
        sa.Index("ix_mentees_pauses_programme_id", "programme_id"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    mentee_id: UUID = Field(foreign_key="mentees.id")
    reason: str | None = Field(default=None, max_length=4000)
    paused_at: datetime = needed_instant()
    resumed_at: datetime | None = instant()


class Preferences(Row, table=True):
    """What matters to a mentee in a mentor; not for mentors to read."""

    __tablename__ = "mentees_preferences"
    __table_args__ = (
        sa.UniqueConstraint("mentee_id"),
        codes(MeetingMode, "modes"),
        codes(Treatment, "treatments"),
        codes(Circumstance, "circumstances"),
        sa.Index("ix_mentees_preferences_programme_id", "programme_id"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    mentee_id: UUID = Field(foreign_key="mentees.id")
    mentor_gender: StatedGender | None = coded(StatedGender, "mentor_gender", default=None, nullable=True)
    is_mentor_gender_required: bool = False
    languages: list[str] = texts()
    modes: list[MeetingMode] = texts()
    treatments: list[Treatment] = texts()
    interests: list[str] = texts()
    travel_km: int | None = None
    availability: str | None = Field(default=None, max_length=4000)
    culture: str | None = Field(default=None, max_length=4000)
    not_with: str | None = Field(default=None, max_length=4000)
    """Anybody the person must not be matched with, in words, for the coordinator."""
    slots: list[dict[str, Any]] = added_documents()
    """When the mentee can meet in a usual week (`Slot`)."""
    circumstances: list[Circumstance] = added_texts()
    excluded_mentor_ids: list[UUID] = added_ids()
    """Mentors who must not be offered this mentee: family, colleagues, neighbours, whoever either side names."""


class Briefing(Row, table=True):
    """What the mentor of an episode may know, written by the coordinator; nothing else reaches a mentor."""

    __tablename__ = "mentees_briefings"
    __table_args__ = (
        sa.UniqueConstraint("mentee_id"),
        codes(CommunicationNeed, "communication_needs"),
        sa.Index("ix_mentees_briefings_programme_id", "programme_id"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    mentee_id: UUID = Field(foreign_key="mentees.id")
    known_as: str = Field(max_length=100)
    contact_route: str | None = Field(default=None, max_length=200)
    """How the person agreed to be reached by the mentor; empty: through the coordinator."""
    needs: str | None = Field(default=None, max_length=4000)
    access_needs: str | None = Field(default=None, max_length=4000)
    communication_needs: list[CommunicationNeed] = texts()
    language: str | None = Field(default=None, max_length=3)
    is_interpreter_needed: bool = False
    safety_note: str | None = Field(default=None, max_length=4000)
