"""A referral as it was sent, what the rules said of it, and what was decided."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field as Shape
from sqlmodel import Field

from app.consents.models import ConsentMethod
from app.core.codes import Barrier, Code, DeclineReason, ReferralReason, ReferralSource
from app.core.fields import BirthDate, Email, LongText, PastDate, PersonName, Phone, Text
from app.core.models import (
    Inbound,
    Outbound,
    Row,
    coded,
    codes,
    document,
    instant,
    needed_instant,
    texts,
)
from app.people.models import PersonDetails
from app.programmes.models import Condition
from app.programmes.shapes import RuleResult


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
            postgresql_where=sa.text("status = 'received' AND subject_key IS NOT NULL"),
        ),
        sa.Index("ix_referrals_programme_id_id", "programme_id", "id"),
        sa.Index("ix_referrals_status_id", "status", "id"),
        sa.Index("ix_referrals_organisation_id_id", "organisation_id", "id"),
        sa.Index("ix_referrals_subject_key", "programme_id", "subject_key"),
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


class Referrer(Inbound):
    """Who refers; name and role are kept with the referral."""

    name: PersonName | None = None
    role: Text | None = None
    phone: Phone | None = None
    email: Email | None = None


class ConsentToRefer(Inbound):
    """The person's agreement to be referred and contacted; without it no referral is taken."""

    is_given: Literal[True]
    given_on: PastDate
    method: ConsentMethod


class Flag(Inbound):
    """Something those who meet the person must know."""

    kind: FlagKind
    code: Text | None = None
    note: LongText | None = None


class EligibilityFacts(Inbound):
    """What is known for the programme's rules; left out what is not known."""

    condition: Condition | None = None
    diagnosed_on: PastDate | None = None


class ReferralCreate(Inbound):
    """A referral: the person, why, and with whose agreement."""

    programme_id: UUID | None = None
    service_id: Text | None = None
    """Instead of the programme's id: one of its service identifiers."""
    organisation_id: UUID | None = None
    """For an account that serves several practices: on behalf of which."""
    source: ReferralSource
    source_system: Text | None = None
    source_reference: Text | None = None
    referrer: Referrer = Referrer()
    made_on: PastDate
    reasons: Annotated[list[ReferralReason], Shape(min_length=1, max_length=10)]
    clinical_reason: LongText | None = None
    needs: LongText | None = None
    barriers: Annotated[list[Barrier], Shape(max_length=20)] = []
    consent: ConsentToRefer
    person: PersonDetails
    flags: Annotated[list[Flag], Shape(max_length=20)] = []
    facts: EligibilityFacts = EligibilityFacts()


class ReferralAccept(Inbound):
    """Taking a person on: what was missing may be added, and a rule that is not met needs a reason."""

    override_reason: LongText | None = None
    person_id: UUID | None = None
    """A known person to link to, chosen by the coordinator among the candidates."""
    birth_date: BirthDate | None = None
    """Where the referral had none: it is needed by acceptance."""
    coordinator_id: UUID | None = None
    """The named coordinator; empty: whoever accepts."""


class ReferralDecline(Inbound):
    """Why a referral is not taken on, and where else the person may turn."""

    reason: DeclineReason
    note: LongText | None = None
    elsewhere: LongText | None = None


class ReferralWithdraw(Inbound):
    """Why a referral is taken back."""

    reason: LongText | None = None


class ReferralPublic(Outbound):
    """A referral as a coordinator of its programme sees it."""

    id: UUID
    reference: str
    status: ReferralStatus
    programme_id: UUID
    organisation_id: UUID | None
    organisation_name: str | None
    source: ReferralSource
    source_system: str | None
    source_reference: str | None
    referrer: dict[str, str | None]
    made_on: date
    received_at: datetime
    days_waiting: int
    reasons: list[ReferralReason]
    clinical_reason: str | None
    needs: str | None
    barriers: list[Barrier]
    consent_given_on: date
    consent_method: ConsentMethod
    person: PersonDetails
    flags: list[Flag]
    facts: EligibilityFacts
    eligibility: list[RuleResult]
    eligibility_version: int | None
    override_reason: str | None
    decided_at: datetime | None
    decline_reason: DeclineReason | None
    decline_note: str | None
    elsewhere: str | None
    withdrawal_reason: str | None
    mentee_id: UUID | None
    """The episode that this referral began."""
    linked: list[UUID]
    """Other open referrals of the same person, from other organisations."""
    actions: list[str]
    version: int


class ReferralForReferrer(Outbound):
    """A referral as the organisation that sent it sees it: what it sent, and where it stands."""

    id: UUID
    reference: str
    status: ReferralStatus
    status_words: str
    programme_id: UUID
    organisation_id: UUID
    source: ReferralSource
    source_system: str | None
    source_reference: str | None
    made_on: date
    received_at: datetime
    person: PersonDetails
    reasons: list[ReferralReason]
    clinical_reason: str | None
    needs: str | None
    decided_at: datetime | None
    decline_reason: DeclineReason | None
    elsewhere: str | None
    actions: list[str]
    version: int
