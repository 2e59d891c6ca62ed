"""What is sent about an episode, and what a coordinator and a mentor see of one."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field as Shape
from pydantic import RootModel, StrictBool, StrictInt

from app.core.codes import (
    Barrier,
    Circumstance,
    CommunicationNeed,
    EndingReason,
    EthnicCategory,
    MeetingMode,
    StatedGender,
    Treatment,
)
from app.core.fields import LanguageTag, LongText, PersonName, Text
from app.core.models import Inbound, Outbound
from app.core.slots import SlotPublic, Slots
from app.mentees.models import MenteeStatus
from app.mentees.waiting import WaitingBand

Kilometres = Annotated[StrictInt, Shape(ge=0, le=500)]


class MenteeUpdate(Inbound):
    """What may be changed of an episode; what is not sent, or is null, stays."""

    coordinator_id: UUID | None = None
    barriers: Annotated[list[Barrier], Shape(max_length=20)] | None = None


class PreferencesUpdate(Inbound):
    """What is to be changed; what is not sent stays. Null empties what may be empty; the rest it leaves alone."""

    mentor_gender: StatedGender | None = None
    is_mentor_gender_required: StrictBool | None = None
    languages: Annotated[list[LanguageTag], Shape(max_length=20)] | None = None
    modes: Annotated[list[MeetingMode], Shape(max_length=10)] | None = None
    treatments: Annotated[list[Treatment], Shape(max_length=10)] | None = None
    interests: Annotated[list[Text], Shape(max_length=30)] | None = None
    travel_km: Kilometres | None = None
    availability: LongText | None = None
    culture: LongText | None = None
    not_with: LongText | None = None
    slots: Slots | None = None
    """When the mentee can meet in a usual week."""
    circumstances: Annotated[list[Circumstance], Shape(max_length=20)] | None = None
    excluded_mentor_ids: Annotated[list[UUID], Shape(max_length=200)] | None = None
    """Mentors who must not be offered this mentee: family, colleagues, neighbours, whoever either side names."""


class BriefingUpdate(Inbound):
    """What is to be changed; what is not sent stays. Null empties what may be empty; the rest it leaves alone."""

    known_as: PersonName | None = None
    contact_route: Text | None = None
    """How the person agreed to be reached by the mentor; empty: through the coordinator."""
    needs: LongText | None = None
    access_needs: LongText | None = None
    communication_needs: Annotated[list[CommunicationNeed], Shape(max_length=20)] | None = None
    language: LanguageTag | None = None
    is_interpreter_needed: StrictBool | None = None
    safety_note: LongText | None = None


class MenteePause(Inbound):
    """Why an episode rests."""

    reason: LongText | None = None


class PreferencesPublic(Outbound):
    """What matters to a mentee in a mentor."""

    id: UUID
    mentee_id: UUID
    mentor_gender: StatedGender | None
    is_mentor_gender_required: bool
    languages: list[str]
    modes: list[MeetingMode]
    treatments: list[Treatment]
    interests: list[str]
    travel_km: int | None
    availability: str | None
    culture: str | None
    not_with: str | None
    slots: list[SlotPublic]
    circumstances: list[Circumstance]
    excluded_mentor_ids: list[UUID]
    version: int


class BriefingPublic(Outbound):
    """What the mentor of an episode may know."""

    id: UUID
    mentee_id: UUID
    known_as: str
    contact_route: str | None
    needs: str | None
    access_needs: str | None
    communication_needs: list[CommunicationNeed]
    language: str | None
    is_interpreter_needed: bool
    safety_note: str | None
    version: int


class PausePublic(Outbound):
    """A time in which an episode rested."""

    reason: str | None
    paused_at: datetime
    resumed_at: datetime | None


class MenteePerson(Outbound):
    """Who the mentee is; everything else is at `/v1/people/{id}`."""

    id: UUID
    given_name: str
    family_name: str
    known_as: str | None
    stated_gender: StatedGender | None
    ethnic_category: EthnicCategory | None
    language: str | None
    is_interpreter_needed: bool
    communication_needs: list[CommunicationNeed]
    communication_note: str | None
    phone: str | None
    email: str | None
    postcode: str | None
    birth_date: date | None


class MenteePublic(Outbound):
    """An episode as the coordinators of its programme see it."""

    id: UUID
    programme_id: UUID
    person_id: UUID
    referral_id: UUID
    given_name: str
    family_name: str
    known_as: str | None
    status: MenteeStatus
    coordinator_id: UUID | None
    coordinator_name: str | None
    received_on: date
    """When the referral was received: the start of the wait."""
    waiting_since: datetime
    """Since when a mentor is wanted: acceptance, or the end of the last match."""
    days_waiting: int
    """From receipt to the first confirmed match, the ending or today; pauses are not taken off."""
    waiting_band: WaitingBand
    barriers: list[Barrier]
    barriers_at_end: list[Barrier]
    flags: list[dict[str, Any]]
    """What the referral said those who meet the person must know."""
    first_confirmed_on: date | None
    extra_place_reason: str | None
    first_held_on: date | None
    planned_end_on: date | None
    ended_on: date | None
    ending_reason: EndingReason | None
    is_planned_ending: bool | None
    briefing: BriefingPublic | None = None
    """Only with `?include=briefing`."""
    preferences: PreferencesPublic | None = None
    """Only with `?include=preferences`."""
    person: MenteePerson | None = None
    """Only with `?include=person`."""
    pauses: list[PausePublic] | None = None
    """Only with `?include=pauses`."""
    actions: list[str]
    version: int


class MenteeForMentor(Outbound):
    """An episode as its mentor sees it: what runs it, and the briefing."""

    id: UUID
    programme_id: UUID
    known_as: str
    status: MenteeStatus
    coordinator_id: UUID | None
    coordinator_name: str | None
    first_held_on: date | None
    planned_end_on: date | None
    ended_on: date | None
    briefing: BriefingPublic | None = None
    """Only with `?include=briefing`."""
    actions: list[str]
    version: int


class MenteeAsSeen(RootModel[MenteePublic | MenteeForMentor]):
    """An episode as the caller's role sees it."""
