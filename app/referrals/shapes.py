"""What is sent and shown of a referral."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, RootModel
from pydantic import Field as Shape
from pydantic.config import JsonDict

from app.consents.models import ConsentMethod
from app.core.codes import Barrier, DeclineReason, ReferralReason, ReferralSource
from app.core.fields import BirthDate, Email, LongText, PastDate, PersonName, Phone, Text
from app.core.models import Inbound, Outbound
from app.people.models import PersonDetails
from app.programmes.models import Condition
from app.programmes.shapes import RuleResult
from app.referrals.models import FlagKind, ReferralStatus


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


EXAMPLE: JsonDict = {
    "service_id": "2000099001",
    "source": "nurse",
    "source_system": "broker",
    "source_reference": "R-1042",
    "referrer": {"name": "Robin Okafor", "role": "Practice nurse"},
    "made_on": "2026-03-02",
    "reasons": ["newly_diagnosed"],
    "clinical_reason": "Diagnosed in January; finds the advice on food hard to follow.",
    "barriers": ["food_knowledge"],
    "consent": {"is_given": True, "given_on": "2026-03-02", "method": "in_person"},
    "person": {
        "given_name": "Siân",
        "family_name": "O’Neill-Nwosu",
        "nhs_number": "9990000018",
        "birth_date": "1961-04-09",
        "postcode": "BS1 4DJ",
        "phone": "07700 900123",
        "communication_needs": ["large_print"],
    },
    "facts": {"condition": "type_2_diabetes"},
}


class ReferralCreate(Inbound):
    """A referral: the person, why, and with whose agreement."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

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
    referrer: dict[str, str | None]
    made_on: date
    received_at: datetime
    person: PersonDetails
    reasons: list[ReferralReason]
    clinical_reason: str | None
    needs: str | None
    barriers: list[Barrier]
    consent_given_on: date
    consent_method: ConsentMethod
    flags: list[Flag]
    facts: EligibilityFacts
    decided_at: datetime | None
    decline_reason: DeclineReason | None
    elsewhere: str | None
    withdrawal_reason: str | None
    actions: list[str]
    version: int


class ReferralAsSeen(RootModel[ReferralPublic | ReferralForReferrer]):
    """A referral as the caller's role sees it."""
