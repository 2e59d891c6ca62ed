"""What is sent about a person, and what a coordinator sees of one."""

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field as Shape
from pydantic import StrictBool, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from app.core.codes import CommunicationNeed, EthnicCategory, GenderIdentity, NhsNumberStatus, StatedGender
from app.core.fields import (
    BirthDate,
    Email,
    LanguageTag,
    LongText,
    NhsNumber,
    OdsCode,
    PersonName,
    Phone,
    Postcode,
    Text,
)
from app.core.models import Inbound, Outbound
from app.people.models import Agreement


class PersonUpdate(Inbound):
    """What is to be corrected; what is not sent stays. Null empties what may be empty; the rest it leaves alone."""

    given_name: PersonName | None = None
    family_name: PersonName | None = None
    known_as: PersonName | None = None
    nhs_number: NhsNumber | None = None
    nhs_number_status: NhsNumberStatus | None = None
    """Sent with the number; a number without it counts as not checked."""
    birth_date: BirthDate | None = None
    stated_gender: StatedGender | None = None
    gender_identity: GenderIdentity | None = None
    ethnic_category: EthnicCategory | None = None
    language: LanguageTag | None = None
    is_interpreter_needed: StrictBool | None = None
    address_lines: Annotated[list[Text], Shape(max_length=5)] | None = None
    postcode: Postcode | None = None
    phone: Phone | None = None
    email: Email | None = None
    practice_ods_code: OdsCode | None = None
    communication_needs: Annotated[list[CommunicationNeed], Shape(max_length=20)] | None = None
    communication_note: LongText | None = None


class PersonPublic(Outbound):
    """A person as the coordinators of its programmes see it."""

    id: UUID
    given_name: str
    family_name: str
    known_as: str | None
    nhs_number: str | None
    nhs_number_status: NhsNumberStatus | None
    birth_date: date | None
    stated_gender: StatedGender | None
    gender_identity: GenderIdentity | None
    ethnic_category: EthnicCategory | None
    language: str | None
    is_interpreter_needed: bool
    address_lines: list[str]
    postcode: str | None
    phone: str | None
    email: str | None
    practice_ods_code: str | None
    communication_needs: list[CommunicationNeed]
    communication_note: str | None
    candidate_count: int
    """How many records of your programmes may be the same person; see `/candidates`."""
    version: int


class PersonSearch(Inbound):
    """What is known of somebody; at least one of NHS number, name, birth date, postcode and phone."""

    nhs_number: NhsNumber | None = None
    name: PersonName | None = None
    """Given name, family name or both; a similar name is found too."""
    birth_date: BirthDate | None = None
    postcode: Postcode | None = None
    phone: Phone | None = None
    limit: Annotated[StrictInt, Shape(ge=1, le=200)] = 50
    cursor: Annotated[str, Shape(max_length=600, pattern="^[A-Za-z0-9_-]+$")] | None = None

    @model_validator(mode="after")
    def _looks_for_something(self) -> Self:
        """An empty search would be the list of everybody."""
        if not self.model_dump(exclude={"limit", "cursor"}, exclude_none=True):
            raise PydanticCustomError(
                "search_empty", "At least one of nhs_number, name, birth_date, postcode and phone is needed."
            )
        return self


class PersonFound(Outbound):
    """Somebody who agrees in something with what was looked for; most agreement first."""

    id: UUID
    given_name: str
    family_name: str
    known_as: str | None
    nhs_number: str | None
    birth_date: date | None
    postcode: str | None
    same: list[Agreement]
    """What agrees with what was looked for."""


class CandidatePublic(Outbound):
    """Another record that may be the same person."""

    id: UUID
    """The other person."""
    programme_id: UUID
    given_name: str
    family_name: str
    known_as: str | None
    nhs_number: str | None
    birth_date: date | None
    postcode: str | None
    same: list[Agreement]
    """What agrees in both records."""
