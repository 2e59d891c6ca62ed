"""What is sent to set up a programme, and what the people of each role see of it."""

import re
from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, RootModel, StrictBool, StrictFloat, StrictInt, model_validator
from pydantic import Field as Shape
from pydantic_core import PydanticCustomError

from app.core.fields import Day, Text
from app.core.models import Inbound, Outbound
from app.programmes.models import Condition, Delivery, RuleKind

Weeks = Annotated[StrictInt, Shape(ge=1, le=104)]
Days = Annotated[StrictInt, Shape(ge=0, le=365)]
Points = Annotated[StrictFloat, Shape(gt=0, le=100)]

_AREA_OR_DISTRICT = re.compile("[A-Z]{1,2}([0-9][A-Z0-9]?)?")
_USES_NUMBER = frozenset({RuleKind.MINIMUM_AGE, RuleKind.DIAGNOSED_WITHIN_MONTHS})


def _postcode_area(value: str) -> str:
    area = value.upper()
    if not value.isascii() or _AREA_OR_DISTRICT.fullmatch(area) is None:
        raise PydanticCustomError("postcode_area_form", "A postcode area or district looks like BS or BS5.")
    return area


PostcodeArea = Annotated[Text, AfterValidator(_postcode_area)]


class EligibilityRule(Inbound):
    """One rule: `number` is years or months; `values` are conditions, or postcode areas (BS) and districts (BS5)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "minimum_age", "number": 18}]})

    kind: RuleKind
    number: Annotated[StrictInt, Shape(ge=0, le=1200)] | None = None
    values: Annotated[list[Text], Shape(max_length=200)] = []

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        """Each kind has what it compares with, and nothing else."""
        if (self.kind in _USES_NUMBER) != (self.number is not None):
            raise PydanticCustomError("rule_number", "A rule about age or months has a number, others have none.")
        if (self.kind in _USES_NUMBER) == bool(self.values):
            raise PydanticCustomError("rule_values", "A rule about condition or postcode has values, others have none.")
        if self.kind is RuleKind.CONDITION and not set(self.values) <= set(Condition):
            raise PydanticCustomError("rule_condition", "Each value is the code of a condition.")
        if self.kind is RuleKind.POSTCODE_AREA:
            self.values = [_postcode_area(value) for value in self.values]
        return self


class RuleResult(Outbound):
    """What one rule said of a referral, in words a coordinator reads; they repeat nothing of the person."""

    kind: RuleKind
    result: Literal["met", "not_met", "unknown"]
    words: str


class ServiceIdGiven(Inbound):
    """An identifier of the service, such as its id in the Directory of Services."""

    system: Text
    value: Annotated[Text, Shape(max_length=100)]


class ContractYearCreate(Inbound):
    """A contract year to add; both days are part of it."""

    starts_on: Day
    ends_on: Day
    mentor_places: Annotated[StrictInt, Shape(ge=1, le=10_000)] = 20
    mentee_places: Annotated[StrictInt, Shape(ge=1, le=100_000)] = 40
    price_pence: Annotated[StrictInt, Shape(ge=0, le=10**12)] | None = None
    commissioner_id: UUID | None = None


class ProgrammeSettings(Inbound):
    """How a programme runs; what is not sent stays, or takes the pilot's default."""

    name: Text | None = None
    footprint: Text | None = None
    """Where the programme works, in words."""
    postcode_areas: Annotated[list[PostcodeArea], Shape(max_length=200)] | None = None
    is_open: StrictBool | None = None
    """Whether it takes referrals."""
    length_weeks: Weeks | None = None
    """For episodes that start from now on; the planned end of one that has started stays."""
    extension_weeks: Annotated[StrictInt, Shape(ge=0, le=52)] | None = None
    session_minutes: Annotated[StrictInt, Shape(ge=15, le=480)] | None = None
    days_between_sessions: Annotated[StrictInt, Shape(ge=1, le=60)] | None = None
    grace_days: Days | None = None
    """How long a mentor still reaches the record after a match has ended."""


class PamSettings(Inbound):
    """Which PAM assessments count, and what a change in points means; the report says both."""

    pam_cut_set: Literal["older", "current"] | None = None
    pam_baseline_before_days: Days | None = None
    pam_baseline_after_days: Days | None = None
    pam_follow_up_days: Days | None = None
    pam_min_items_pam_13: Annotated[StrictInt, Shape(ge=1, le=13)] | None = None
    pam_min_items_pam_10: Annotated[StrictInt, Shape(ge=1, le=10)] | None = None
    pam_exclude_straight_line: StrictBool | None = None
    pam_meaningful_change: Points | None = None
    pam_reliable_change: Points | None = None


class ProgrammeCreate(ProgrammeSettings, PamSettings):
    """A new programme."""

    name: Text
    condition: Condition
    delivery: Delivery = Delivery.ONE_TO_ONE
    footprint: Text
    service_ids: Annotated[list[ServiceIdGiven], Shape(max_length=20)] = []
    contract_years: Annotated[list[ContractYearCreate], Shape(max_length=20)] = []
    eligibility_rules: Annotated[list[EligibilityRule], Shape(max_length=20)] | None = None
    """Not sent: people of 18 and over who live with the programme's condition, in its postcode areas if it has any."""


class ProgrammeUpdate(ProgrammeSettings):
    """Changes to how a programme runs; its PAM settings have `/pam-rules`, which counts every episode anew."""


class EligibilityRulesCreate(Inbound):
    """The next version of the eligibility rules, whole."""

    rules: Annotated[list[EligibilityRule], Shape(max_length=20)]


class ServiceIdPublic(Outbound):
    """An identifier of the service."""

    id: UUID
    system: str
    value: str


class ContractYearPublic(Outbound):
    """A contract year; `places_taken` counts episodes first confirmed in it."""

    id: UUID
    starts_on: date
    ends_on: date
    mentor_places: int
    mentee_places: int
    places_taken: int
    price_pence: int | None
    commissioner_id: UUID | None


class EligibilityRulesPublic(Outbound):
    """One version of the rules; the highest number is in force."""

    number: int
    rules: list[EligibilityRule]
    created_at: datetime


class ProgrammeForReferrer(Outbound):
    """A programme as those see it who may refer to it."""

    id: UUID
    name: str
    condition: Condition
    delivery: Delivery
    footprint: str
    postcode_areas: list[str]
    is_open: bool
    service_ids: list[ServiceIdPublic]
    version: int


class ProgrammeForMentor(ProgrammeForReferrer):
    """A programme as its mentors see it: with the rhythm of its meetings, without places, prices and PAM."""

    length_weeks: int
    extension_weeks: int
    session_minutes: int
    days_between_sessions: int
    grace_days: int


class ProgrammePublic(ProgrammeForMentor):
    """A programme with all its settings, as its coordinators and analysts see it."""

    pam_cut_set: Literal["older", "current"]
    pam_baseline_before_days: int
    pam_baseline_after_days: int
    pam_follow_up_days: int
    pam_min_items_pam_13: int
    pam_min_items_pam_10: int
    pam_exclude_straight_line: bool
    pam_meaningful_change: float
    pam_reliable_change: float
    contract_years: list[ContractYearPublic] | None = None
    """Only with `?include=contract_years`."""
    eligibility_rules: EligibilityRulesPublic | None = None
    """The version in force; only with `?include=eligibility_rules`."""


class ProgrammeAsSeen(RootModel[ProgrammePublic | ProgrammeForMentor | ProgrammeForReferrer]):
    """A programme, as much of it as the caller's role sees."""
