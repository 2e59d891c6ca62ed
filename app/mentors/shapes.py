"""What is sent about a mentor, and what the mentor and the coordinators see."""

import re
from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, StrictInt
from pydantic import Field as Shape
from pydantic_core import PydanticCustomError

from app.core import clock
from app.core.codes import Circumstance, MeetingMode, StatedGender, TrainingModule, Treatment
from app.core.fields import LanguageTag, LongText, PastDate, PersonName, Text
from app.core.models import Inbound, Outbound
from app.core.slots import SlotPublic, Slots
from app.mentors.models import MentorStatus
from app.programmes.models import Condition

ADULT = 18
_DISTRICT = re.compile("[A-Z]{1,2}[0-9][A-Z0-9]?")


def _district(value: str) -> str:
    district = value.upper()
    if _DISTRICT.fullmatch(district) is None:
        raise PydanticCustomError("postcode_district_form", "The first part of a postcode, such as BS5.")
    return district


def _past_year(value: int) -> int:
    if value > clock.today().year:
        raise PydanticCustomError("year_in_future", "A year that has begun.")
    return value


def _adult_year(value: int) -> int:
    if value > clock.today().year - ADULT:
        raise PydanticCustomError("too_young", "Mentors are adults of 18 and over.")
    return value


PostcodeDistrict = Annotated[Text, Shape(max_length=4), AfterValidator(_district)]
PastYear = Annotated[StrictInt, Shape(ge=1900), AfterValidator(_past_year)]
BirthYear = Annotated[StrictInt, Shape(ge=1900), AfterValidator(_adult_year)]
Capacity = Annotated[StrictInt, Shape(ge=0, le=3)]
Kilometres = Annotated[StrictInt, Shape(ge=0, le=200)]
Languages = Annotated[list[LanguageTag], Shape(max_length=20)]
Modes = Annotated[list[MeetingMode], Shape(max_length=10)]
Interests = Annotated[list[Text], Shape(max_length=30)]
Circumstances = Annotated[list[Circumstance], Shape(max_length=20)]


class MentorCondition(Inbound):
    """A mentor's own condition and treatment, with the mentor's consent to keep and use them for matching."""

    condition: Condition
    treatments: Annotated[list[Treatment], Shape(max_length=10)] = []
    diagnosed_year: PastYear | None = None
    consent_given_on: PastDate
    consent_wording_version: Annotated[Text, Shape(max_length=40)]


class MentorCreate(Inbound):
    """A volunteer's profile in one programme; the account already holds the role of mentor there."""

    account_id: UUID
    programme_id: UUID
    name: PersonName
    known_as: PersonName
    capacity: Capacity = 2
    """How many mentees at once."""
    gender: StatedGender | None = None
    birth_year: BirthYear | None = None
    languages: Languages = []
    modes: Modes = []
    interests: Interests = []
    postcode_district: PostcodeDistrict | None = None
    travel_km: Kilometres | None = None
    """How far the mentor travels, in kilometres."""
    availability: LongText | None = None
    slots: Slots = []
    """When the mentor can meet in a usual week."""
    circumstances: Circumstances = []
    condition: MentorCondition | None = None


class MentorUpdate(Inbound):
    """What changes in a profile; what is not sent stays. Null empties what may be empty."""

    name: PersonName | None = None
    known_as: PersonName | None = None
    capacity: Capacity | None = None
    gender: StatedGender | None = None
    birth_year: BirthYear | None = None
    languages: Languages | None = None
    modes: Modes | None = None
    interests: Interests | None = None
    postcode_district: PostcodeDistrict | None = None
    travel_km: Kilometres | None = None
    availability: LongText | None = None
    slots: Slots | None = None
    circumstances: Circumstances | None = None


class TrainingDone(Inbound):
    """A training module and the day it was completed; sent again, the day is replaced."""

    module: TrainingModule
    completed_on: PastDate


class TrainingEventCreate(Inbound):
    """A module that several mentors of a programme completed on the same day."""

    programme_id: UUID
    module: TrainingModule
    completed_on: PastDate
    mentor_ids: Annotated[list[UUID], Shape(min_length=1, max_length=200)]


class TrainedMentor(Outbound):
    """A mentor of a training event, and what is still to do."""

    mentor_id: UUID
    known_as: str
    missing_modules: list[TrainingModule]


class TrainingEventPublic(Outbound):
    """A module noted for each of these mentors, in the order in which they were sent."""

    programme_id: UUID
    module: TrainingModule
    completed_on: date
    mentors: list[TrainedMentor]


class TrainingPublic(Outbound):
    """A training module completed on a day."""

    module: TrainingModule
    completed_on: date


class MentorConditionPublic(Outbound):
    """A mentor's own condition and treatment, and the consent by which they are kept."""

    condition: Condition
    treatments: list[Treatment]
    diagnosed_year: int | None
    consent_given_on: date
    consent_wording_version: str


class MentorPublic(Outbound):
    """A mentor as the coordinators of the programme and the mentor see it."""

    id: UUID
    programme_id: UUID
    account_id: UUID
    name: str
    known_as: str
    status: MentorStatus
    left_on: date | None
    capacity: int
    active_match_count: int
    gender: StatedGender | None
    birth_year: int | None
    languages: list[str]
    modes: list[MeetingMode]
    interests: list[str]
    postcode_district: str | None
    travel_km: int | None
    availability: str | None
    slots: list[SlotPublic]
    circumstances: list[Circumstance]
    condition: MentorConditionPublic | None
    """Empty where the mentor has not consented to keep it."""
    training: list[TrainingPublic]
    missing_modules: list[TrainingModule]
    is_matchable: bool
    """Active and trained in all seven modules; whether there is room is `active_match_count` against `capacity`."""
    actions: list[str]
    version: int
