"""A volunteer's profile in one programme, training with dates, and the own condition with own consent."""

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.core.codes import Circumstance, Code, MeetingMode, StatedGender, TrainingModule, Treatment
from app.core.models import Row, added_documents, added_texts, coded, codes, texts
from app.programmes.models import Condition


class MentorStatus(Code):
    """Whether a mentor takes part at present."""

    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    LEFT = "left", "Has left"


class Mentor(Row, table=True):
    """A volunteer in one programme. Matchable when active and trained in all seven modules."""

    __tablename__ = "mentors"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "programme_id"),
        sa.CheckConstraint("capacity BETWEEN 0 AND 3", name="capacity"),
        sa.CheckConstraint("(status = 'left') = (left_on IS NOT NULL)", name="left"),
        codes(MeetingMode, "modes"),
        codes(Circumstance, "circumstances"),
        sa.Index("ix_mentors_programme_id", "programme_id", "id"),
        sa.Index("ix_mentors_name", "name", "id"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    account_id: UUID = Field(foreign_key="accounts.id")
    name: str = Field(max_length=100)
    known_as: str = Field(max_length=100)
    status: MentorStatus = coded(MentorStatus, "status", default=MentorStatus.ACTIVE)
    capacity: int = 2
    """How many mentees at once; 2 unless set, never more than 3."""
    gender: StatedGender | None = coded(StatedGender, "gender", default=None, nullable=True)
    birth_year: int | None = None
    languages: list[str] = texts()
    modes: list[MeetingMode] = texts()
    interests: list[str] = texts()
    postcode_district: str | None = Field(default=None, max_length=4)
    travel_km: int | None = None
    availability: str | None = Field(default=None, max_length=4000)
    left_on: date | None = None
    slots: list[dict[str, Any]] = added_documents()
    """When the mentor can meet in a usual week (`Slot`)."""
    circumstances: list[Circumstance] = added_texts()


class MentorCondition(Row, table=True):
    """A mentor's own condition and treatment, kept only with the mentor's own consent."""

    __tablename__ = "mentors_conditions"
    __table_args__ = (
        sa.UniqueConstraint("mentor_id"),
        codes(Treatment, "treatments"),
        sa.Index("ix_mentors_conditions_programme_id", "programme_id"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    mentor_id: UUID = Field(foreign_key="mentors.id")
    condition: Condition = coded(Condition, "condition")
    treatments: list[Treatment] = texts()
    diagnosed_year: int | None = None
    consent_given_on: date
    consent_wording_version: str = Field(max_length=40)


class Training(Row, table=True):
    """A training module completed on a day."""

    __tablename__ = "mentors_training"
    __table_args__ = (
        sa.UniqueConstraint("mentor_id", "module"),
        sa.Index("ix_mentors_training_programme_id", "programme_id"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    mentor_id: UUID = Field(foreign_key="mentors.id")
    module: TrainingModule = coded(TrainingModule, "module")
    completed_on: date


class Leaving(Row, table=True):
    """A mentor left on a day, with the reason as the coordinator wrote it; no mentor has a way here."""

    __tablename__ = "mentors_leavings"
    __table_args__ = (
        sa.Index("ix_mentors_leavings_programme_id", "programme_id"),
        sa.Index("ix_mentors_leavings_mentor_id", "mentor_id"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    mentor_id: UUID = Field(foreign_key="mentors.id")
    left_on: date
    reason: str | None = Field(default=None, max_length=4000)
