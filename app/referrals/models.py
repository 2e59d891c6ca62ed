"""A referral as it was sent, what the rules said of it, and what was decided."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.consents.models import ConsentMethod
from app.core.codes import Barrier, Code, DeclineReason, ReferralReason, ReferralSource
from app.core.models import (
    Row,
    coded,
    codes,
    document,
    instant,
    needed_instant,
    texts,
)


class ReferralStatus(Code):
    """Where a referral stands."""

    RECEIVED = "received", "Received", "Referral received"
    ACCEPTED = "accepted", "Accepted", "Referral accepted"
    DECLINED = "declined", "Declined", "Referral rejected"
    WITHDRAWN = "withdrawn", "Withdrawn", "Referral cancelled"


class FlagKind(Code):
    """What a flag is about."""

    SAFEGUARDING = "safeguarding", "Keeping safe", "Safeguarding"
    RISK = "risk", "Something to be careful about", "Risk"
    REASONABLE_ADJUSTMENT = "reasonable_adjustment", "An adjustment to make", "Reasonable adjustment"
    OTHER = "other", "Other"


class Referral(Row, table=True):
    """One introduction of one person to one programme."""

    __tablename__ = "referrals"
    __table_args__ = (
        sa.UniqueConstraint("reference"),
        sa.UniqueConstraint("posted_by", "source_system", "source_reference"),
        sa.Index(
            "uq_referrals_open",
            "organisation_id",
            "programme_id",
            "subject_key",
            unique=True,
            postgresql_nulls_not_distinct=True,  # those written down by a coordinator come from no organisation
            postgresql_where=sa.text("status = 'received' AND subject_key IS NOT NULL"),
        ),
        # with all that the outcome report looks at, which so reads no row
        sa.Index(
            "ix_referrals_outcomes",
            "programme_id",
            "id",
            postgresql_include=["received_at", "decided_at", "status"],
        ),
        sa.Index("ix_referrals_status_id", "status", "id"),
        sa.Index("ix_referrals_organisation_id_id", "organisation_id", "id"),
        sa.Index("ix_referrals_subject_key", "programme_id", "subject_key"),
        sa.Index("ix_referrals_name_key", "programme_id", "name_key"),
        sa.CheckConstraint("(source_system IS NULL) = (source_reference IS NULL)", name="source_pair"),
        sa.CheckConstraint("(status = 'received') = (decided_at IS NULL)", name="decided"),
        sa.CheckConstraint("(status = 'declined') = (decline_reason IS NOT NULL)", name="declined"),
        codes(ReferralReason, "reasons"),
        codes(Barrier, "barriers"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    organisation_id: UUID | None = Field(default=None, foreign_key="organisations.id")
    posted_by: UUID
    """The account or client that sent it."""
    reference: str = Field(max_length=12)
    """What the practice gives the person, like PM-7K3Q-92."""
    status: ReferralStatus = coded(ReferralStatus, "status", default=ReferralStatus.RECEIVED)
    source: ReferralSource = coded(ReferralSource, "source")
    source_system: str | None = Field(default=None, max_length=200)
    source_reference: str | None = Field(default=None, max_length=200)
    referrer_name: str | None = Field(default=None, max_length=100)
    referrer_role: str | None = Field(default=None, max_length=200)
    referrer_phone: str | None = Field(default=None, max_length=20)
    referrer_email: str | None = Field(default=None, max_length=254)
    made_on: date
    received_at: datetime = needed_instant()
    reasons: list[ReferralReason] = texts()
    clinical_reason: str | None = Field(default=None, max_length=4000)
    needs: str | None = Field(default=None, max_length=4000)
    barriers: list[Barrier] = texts()
    consent_given_on: date
    consent_method: ConsentMethod = coded(ConsentMethod, "consent_method")
    person: dict[str, Any] = document(nullable=False)
    """The demographics as sent (`PersonDetails`)."""
    subject_key: str | None = Field(default=None, max_length=64)
    """SHA-256 of the NHS number, else of names, birth date and postcode, case-folded; none when too little is known."""
    name_key: str | None = Field(default=None, max_length=64)
    """SHA-256 of names, birth date and postcode, case-folded; finds the person where one NHS number is not known."""
    flags: list[dict[str, Any]] = document(nullable=False)
    facts: dict[str, Any] = document(nullable=False)
    """The answers the eligibility rules look at (`EligibilityFacts`)."""
    decided_at: datetime | None = instant()
    decline_reason: DeclineReason | None = coded(DeclineReason, "decline_reason", default=None, nullable=True)
    elsewhere: str | None = Field(default=None, max_length=4000)
    """Where else the person may turn, said with a decline."""
    withdrawal_reason: str | None = Field(default=None, max_length=4000)


class Triage(Row, table=True):
    """What the coordinators of the programme see of a referral beside what was sent; no referrer has a way here."""

    __tablename__ = "referrals_triage"
    __table_args__ = (
        sa.UniqueConstraint("referral_id"),
        sa.Index("ix_referrals_triage_programme_id", "programme_id"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    referral_id: UUID = Field(foreign_key="referrals.id")
    eligibility: list[dict[str, Any]] = document(nullable=False)
    """What each rule said, in words (`RuleResult`)."""
    eligibility_version: int
    override_reason: str | None = Field(default=None, max_length=4000)
    decided_by: UUID | None = None
    decline_note: str | None = Field(default=None, max_length=4000)


class ReferralLink(Row, table=True):
    """Two open referrals of one person from different organisations; for the programme's coordinators alone."""

    __tablename__ = "referrals_links"
    __table_args__ = (
        sa.UniqueConstraint("referral_id", "other_referral_id"),
        sa.Index("ix_referrals_links_other_referral_id", "other_referral_id"),
        sa.Index("ix_referrals_links_programme_id", "programme_id"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    referral_id: UUID = Field(foreign_key="referrals.id")
    other_referral_id: UUID = Field(foreign_key="referrals.id")
