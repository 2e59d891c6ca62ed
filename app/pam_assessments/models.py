"""A PAM assessment as the licensed calculator gave it, and the pair that counts for each episode."""

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from annotated_types import Ge, Le
from pydantic import StrictInt
from sqlmodel import Field

from app.core.fields import LanguageTag, LongText, PamLevel, PamScore, PastDate, Text
from app.core.models import Inbound, Outbound, Row, coded, typed
from app.pam_assessments.levels import CutSet, Form, Mode, Occasion
from app.pam_assessments.windows import Assessment, EpisodeDates, PamRules, Placement, Prompt
from app.programmes.shapes import PamSettings


class PamAssessment(Row, table=True):
    """One measurement: score, level and the cut set that made it. No items, no conversion: both are licensed."""

    __tablename__ = "pam_assessments"
    __table_args__ = (
        sa.CheckConstraint("score BETWEEN 0 AND 100", name="score"),
        sa.CheckConstraint(
            "level = CASE WHEN score <= 47.0 THEN 1 WHEN score <= 55.1 THEN 2 "
            "WHEN score <= CASE cut_set WHEN 'older' THEN 67.0 ELSE 72.4 END THEN 3 ELSE 4 END",
            name="level",
        ),
        sa.CheckConstraint("items_answered BETWEEN 1 AND 22", name="items_answered"),
        sa.CheckConstraint("NOT (is_withdrawn AND placement IS NOT NULL)", name="withdrawn"),
        sa.Index("ix_pam_assessments_mentee_id", "mentee_id", "assessed_on", "id"),
        sa.Index("ix_pam_assessments_of_programme", "programme_id", "assessed_on", "id"),
        sa.Index("ix_pam_assessments_assessed_on", "assessed_on", "id"),
        # what the outcome report looks at, in the order of the episodes, so that it reads no row and sorts nothing
        *(
            sa.Index(
                f"ix_pam_assessments_{occasion}_counts",
                "programme_id",
                "mentee_id",
                postgresql_include=["score", "cut_set"],
                postgresql_where=sa.text(f"placement = 'counts' AND occasion = '{occasion}'"),
            )
            for occasion in ("baseline", "follow_up")
        ),
        sa.Index(
            "ix_pam_assessments_not_counted",
            "programme_id",
            "mentee_id",
            postgresql_include=["occasion", "placement"],
            postgresql_where=sa.text("placement IS DISTINCT FROM 'counts'"),
        ),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    mentee_id: UUID = Field(foreign_key="mentees.id")
    match_id: UUID | None = Field(default=None, foreign_key="matches.id")
    form: Form = coded(Form, "form")
    score: Decimal = typed(sa_type=sa.Numeric(4, 1), nullable=False)
    level: int
    cut_set: CutSet = coded(CutSet, "cut_set")
    occasion: Occasion = coded(Occasion, "occasion")
    assessed_on: date
    mode: Mode = coded(Mode, "mode")
    language: str | None = Field(default=None, max_length=3)
    items_answered: int
    is_straight_line: bool
    licence_reference: str | None = Field(default=None, max_length=200)
    placement: Placement | None = coded(Placement, "placement", default=None, nullable=True)
    """What became of it among the windows of its episode; worked out anew at every write that could change it."""
    is_withdrawn: bool = False
    """Entered by mistake; kept, never counted."""
    withdrawal_reason: str | None = Field(default=None, max_length=4000)


class PamPair(Row, table=True):
    """Which assessments count for one episode; recomputed at every write that could change it."""

    __tablename__ = "pam_assessments_pairs"
    __table_args__ = (
        sa.UniqueConstraint("mentee_id"),
        sa.Index("ix_pam_assessments_pairs_programme_id", "programme_id", "mentee_id"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    mentee_id: UUID = Field(foreign_key="mentees.id")
    baseline_id: UUID | None = Field(default=None, foreign_key="pam_assessments.id")
    follow_up_id: UUID | None = Field(default=None, foreign_key="pam_assessments.id")


class PamAssessmentCreate(Inbound):
    """What the licensed tool gave, and how the questions were answered."""

    mentee_id: UUID
    form: Form
    score: PamScore
    level: PamLevel
    cut_set: CutSet | None = None
    """Which cut-offs made the level; empty: the programme's."""
    occasion: Occasion
    assessed_on: PastDate
    mode: Mode
    language: LanguageTag | None = None
    items_answered: Annotated[StrictInt, Ge(1), Le(22)]
    is_straight_line: bool = False
    """Whether the licensed tool flagged the same answer throughout."""
    licence_reference: Text | None = None


class PamAssessmentWithdraw(Inbound):
    """Why an assessment was entered by mistake."""

    reason: LongText


class PamRulesUpdate(PamSettings):
    """Changes to a programme's PAM settings; what is not sent, or is null, stays.

    The cut set is for what is entered from now on: what is recorded keeps the one that made its level.
    """


class PamAssessmentPublic(Outbound):
    """One assessment, and what became of it among the windows of its episode."""

    id: UUID
    programme_id: UUID
    mentee_id: UUID
    match_id: UUID | None
    form: Form
    score: PamScore
    level: PamLevel
    cut_set: CutSet
    occasion: Occasion
    assessed_on: date
    mode: Mode
    language: str | None
    items_answered: int
    is_straight_line: bool
    licence_reference: str | None
    placement: Placement | None
    """Null where it was withdrawn."""
    is_withdrawn: bool
    withdrawal_reason: str | None
    actions: list[str]
    version: int


class CountedAssessment(Outbound):
    """An assessment that counts."""

    id: UUID
    assessed_on: date
    form: Form
    score: PamScore
    level: PamLevel
    cut_set: CutSet


class DuePublic(Outbound):
    """When an assessment is due, both days included, and what is asked today."""

    opens_on: date | None
    closes_on: date | None
    prompt: Prompt


class EpisodePamPublic(Outbound):
    """Where an episode stands with its two assessments."""

    mentee_id: UUID
    first_held_on: date | None
    """Day of the first held session, from which everything is measured."""
    planned_end_on: date | None
    ended_on: date | None
    baseline: CountedAssessment | None
    follow_up: CountedAssessment | None
    change: float | None
    """Follow-up minus baseline in points, where both count."""
    baseline_due: DuePublic
    follow_up_due: DuePublic


class EpisodePamFacts(Outbound):
    """What the windows of an episode are worked out from, as one read of the database."""

    id: UUID
    programme_id: UUID
    dates: EpisodeDates
    rules: PamRules
    assessments: list[Assessment]
