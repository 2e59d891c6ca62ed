"""A programme with all its settings, the service ids that find it, its contract years and eligibility rules."""

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.core.codes import Code
from app.core.models import Row, coded, document, texts


class Condition(Code):
    """The long-term condition a programme is for."""

    TYPE_2_DIABETES = "type_2_diabetes", "Type 2 diabetes"
    LONG_COVID = "long_covid", "Long Covid"
    HIV = "hiv", "HIV"
    OTHER = "other", "Other long-term condition"


class Delivery(Code):
    """How support is given."""

    ONE_TO_ONE = "one_to_one", "One to one"
    GROUP = "group", "Group"


class RuleKind(Code):
    """What a rule of eligibility looks at."""

    MINIMUM_AGE = "minimum_age", "At least this old (years)"
    CONDITION = "condition", "Lives with this condition"
    POSTCODE_AREA = "postcode_area", "Lives in one of these postcode areas"
    DIAGNOSED_WITHIN_MONTHS = "diagnosed_within_months", "Diagnosed within so many months"


class Programme(Row, table=True):
    """One service for one condition; the numbers below are its settings, with the defaults of the pilot."""

    __tablename__ = "programmes"
    __table_args__ = (
        sa.CheckConstraint("pam_cut_set IN ('older', 'current')", name="pam_cut_set"),
        sa.CheckConstraint("length_weeks BETWEEN 1 AND 104", name="length_weeks"),
    )

    name: str = Field(max_length=200)
    condition: Condition = coded(Condition, "condition")
    delivery: Delivery = coded(Delivery, "delivery", default=Delivery.ONE_TO_ONE)
    footprint: str = Field(max_length=200)
    postcode_areas: list[str] = texts()
    is_open: bool = True
    length_weeks: int = 16
    extension_weeks: int = 4
    session_minutes: int = 60
    days_between_sessions: int = 7
    grace_days: int = 14
    pam_cut_set: str = "current"
    pam_baseline_before_days: int = 14
    pam_baseline_after_days: int = 14
    pam_follow_up_days: int = 28
    pam_min_items_pam_13: int = 10
    pam_min_items_pam_10: int = 8
    pam_exclude_straight_line: bool = True
    pam_meaningful_change: float = 4.0
    pam_reliable_change: float = 14.6


class ServiceId(Row, table=True):
    """An identifier by which a referral message finds its programme; unique over all programmes."""

    __tablename__ = "programmes_service_ids"
    __table_args__ = (
        sa.Index("uq_programmes_service_ids_value", sa.text("lower(system)"), "value", unique=True),
        sa.Index("ix_programmes_service_ids_programme_id", "programme_id"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    system: str = Field(max_length=200)
    value: str = Field(max_length=100)


class ContractYear(Row, table=True):
    """A year's contract: how many mentors and mentees it pays for. Years of one programme do not overlap."""

    __tablename__ = "programmes_contract_years"
    __table_args__ = (
        sa.CheckConstraint("ends_on > starts_on", name="dates"),
        sa.CheckConstraint("mentor_places > 0 AND mentee_places > 0", name="places"),
        sa.Index("ix_programmes_contract_years_programme_id", "programme_id", "starts_on"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    starts_on: date
    ends_on: date
    mentor_places: int = 20
    mentee_places: int = 40
    price_pence: int | None = Field(default=None, sa_type=sa.BigInteger)
    commissioner_id: UUID | None = Field(default=None, foreign_key="organisations.id")


class EligibilityRules(Row, table=True):
    """One version of a programme's eligibility rules; older versions stay, so that an old decision explains itself."""

    __tablename__ = "programmes_eligibility_rules"
    __table_args__ = (sa.UniqueConstraint("programme_id", "number"),)

    programme_id: UUID = Field(foreign_key="programmes.id")
    number: int
    rules: list[dict[str, Any]] = document(nullable=False)
