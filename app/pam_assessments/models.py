"""A PAM assessment as the licensed calculator gave it, and the pair that counts for each episode."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.core.models import Row, coded, typed
from app.pam_assessments.levels import CutSet, Form, Mode, Occasion


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
        sa.Index("ix_pam_assessments_mentee_id", "mentee_id", "assessed_on", "id"),
        sa.Index("ix_pam_assessments_programme_id", "programme_id", "id"),
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
