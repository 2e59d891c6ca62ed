"""A person's record: what is called upon daily, and apart from it what identifies them."""

from datetime import date
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field as Shape
from pydantic import StrictBool
from sqlmodel import Field

from app.core.codes import Code, CommunicationNeed, EthnicCategory, GenderIdentity, NhsNumberStatus, StatedGender
from app.core.fields import (
    BirthDate,
    Email,
    LanguageTag,
    LenientNhsNumber,
    LongText,
    NhsNumber,
    OdsCode,
    PersonName,
    Phone,
    Postcode,
    Text,
)
from app.core.models import Inbound, Row, coded, codes, texts


class Agreement(Code):
    """In what two records agree, or a record with what was looked for."""

    NHS_NUMBER = "nhs_number", "NHS number"
    NAME = "name", "Name"
    SIMILAR_NAME = "similar_name", "Similar name"
    BIRTH_DATE = "birth_date", "Date of birth"
    POSTCODE = "postcode", "Postcode"
    PHONE = "phone", "Phone number"


class Person(Row, table=True):
    """Somebody who was accepted into a programme; names are kept as sent, never split or cased."""

    __tablename__ = "people"
    __table_args__ = (
        codes(CommunicationNeed, "communication_needs"),
        sa.Index(
            "ix_people_name",
            sa.literal_column("lower((given_name || ' ') || family_name)").label("name"),
            postgresql_using="gin",
            postgresql_ops={"name": "gin_trgm_ops"},
        ),
        sa.Index("ix_people_phone", "phone"),
    )

    given_name: str = Field(max_length=100)
    family_name: str = Field(max_length=100)
    known_as: str | None = Field(default=None, max_length=100)
    stated_gender: StatedGender | None = coded(StatedGender, "stated_gender", default=None, nullable=True)
    gender_identity: GenderIdentity | None = coded(GenderIdentity, "gender_identity", default=None, nullable=True)
    ethnic_category: EthnicCategory | None = coded(EthnicCategory, "ethnic_category", default=None, nullable=True)
    language: str | None = Field(default=None, max_length=3)
    is_interpreter_needed: bool = False
    communication_needs: list[CommunicationNeed] = texts()
    communication_note: str | None = Field(default=None, max_length=4000)
    phone: str | None = Field(default=None, max_length=20)
    email: str | None = Field(default=None, max_length=254)


class Identifiers(Row, table=True):
    """What identifies a person; mentors have no way to this table."""

    __tablename__ = "people_identifiers"
    __table_args__ = (
        sa.UniqueConstraint("person_id"),
        sa.UniqueConstraint("nhs_number", "birth_date"),
        sa.Index("ix_people_identifiers_birth_date", "birth_date"),
        sa.Index("ix_people_identifiers_postcode", "postcode"),
    )

    person_id: UUID = Field(foreign_key="people.id")
    nhs_number: str | None = Field(default=None, max_length=10)
    nhs_number_status: NhsNumberStatus | None = coded(NhsNumberStatus, "nhs_number_status", default=None, nullable=True)
    birth_date: date | None = None
    address_lines: list[str] = texts()
    postcode: str | None = Field(default=None, max_length=8)
    practice_ods_code: str | None = Field(default=None, max_length=9)


class Candidate(Row, table=True):
    """Two records that may be one person, for a coordinator of the programme to look at; nothing merges by itself."""

    __tablename__ = "people_candidates"
    __table_args__ = (
        sa.UniqueConstraint("person_id", "other_person_id", "programme_id"),
        sa.CheckConstraint("person_id <> other_person_id", name="two"),
        codes(Agreement, "same"),
        sa.Index("ix_people_candidates_programme_id", "programme_id"),
        sa.Index("ix_people_candidates_other_person_id", "other_person_id"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    person_id: UUID = Field(foreign_key="people.id")
    other_person_id: UUID = Field(foreign_key="people.id")
    same: list[Agreement] = texts()
    """What agrees (`Agreement`)."""


class PersonDetails(Inbound):
    """A person as a referral names them. Only a name is needed to receive; the birth date by acceptance."""

    given_name: PersonName
    family_name: PersonName
    known_as: PersonName | None = None
    nhs_number: NhsNumber | None = None
    nhs_number_status: NhsNumberStatus | None = None
    birth_date: BirthDate | None = None
    stated_gender: StatedGender | None = None
    gender_identity: GenderIdentity | None = None
    ethnic_category: EthnicCategory | None = None
    language: LanguageTag | None = None
    is_interpreter_needed: StrictBool = False
    address_lines: Annotated[list[Text], Shape(max_length=5)] = []
    postcode: Postcode | None = None
    phone: Phone | None = None
    email: Email | None = None
    practice_ods_code: OdsCode | None = None
    communication_needs: Annotated[list[CommunicationNeed], Shape(max_length=20)] = []
    communication_note: LongText | None = None


class KeptDetails(PersonDetails):
    """Details as a referral keeps them: what was taken once is not tested again."""

    nhs_number: LenientNhsNumber | None = None
