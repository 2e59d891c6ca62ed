"""Consent: what for, to whom, in which wording, given or withdrawn, when, how and before whom."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field as Shape
from sqlmodel import Field

from app.core.codes import Code
from app.core.fields import PastDate, Text
from app.core.models import Inbound, Outbound, Row, coded


class Purpose(Code):
    """What a consent is for."""

    REFERRAL = "referral", "To be referred and contacted", "Consent to refer"
    MATCHING = "matching", "To share a short briefing with a mentor", "Sharing with a volunteer"
    SHARE_STATUS = "share_status", "To tell the practice how it goes", "Feedback to referrer"
    SHARE_OUTCOME = "share_outcome", "To tell the practice the outcome", "Outcome to referrer"
    RESEARCH = "research", "To be asked about research", "Research contact"


class Decision(Code):
    """Given or withdrawn."""

    GIVEN = "given", "Given"
    WITHDRAWN = "withdrawn", "Withdrawn"


class ConsentMethod(Code):
    """How it was said."""

    IN_PERSON = "in_person", "Face to face"
    TELEPHONE = "telephone", "By phone"
    WRITTEN = "written", "In writing"
    ELECTRONIC = "electronic", "Electronically"


class Consent(Row, table=True):
    """One decision of a person; rows are only added, the latest per purpose and recipient counts."""

    __tablename__ = "consents"
    __table_args__ = (
        sa.Index("ix_consents_person_id", "person_id", "purpose"),
        sa.Index("ix_consents_programme_id", "programme_id"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    person_id: UUID = Field(foreign_key="people.id")
    purpose: Purpose = coded(Purpose, "purpose")
    recipient_id: UUID | None = Field(default=None, foreign_key="organisations.id")
    decision: Decision = coded(Decision, "decision")
    wording_version: str = Field(max_length=40)
    decided_on: date
    method: ConsentMethod = coded(ConsentMethod, "method")
    recorded_by: UUID | None = None
    """The account that wrote it down."""


class ConsentCreate(Inbound):
    """A person's decision, as it was told to a coordinator."""

    programme_id: UUID
    person_id: UUID
    purpose: Purpose
    recipient_id: UUID | None = None
    """The organisation that may be told; needed for sharing with a practice."""
    decision: Decision
    wording_version: Annotated[Text, Shape(max_length=40)]
    """Which wording the person was shown or read."""
    decided_on: PastDate
    method: ConsentMethod


class ConsentPublic(Outbound):
    """One decision; `is_given` where it is the latest of its purpose and recipient, and a yes."""

    id: UUID
    programme_id: UUID
    person_id: UUID
    purpose: Purpose
    recipient_id: UUID | None
    decision: Decision
    wording_version: str
    decided_on: date
    method: ConsentMethod
    recorded_by: UUID | None
    created_at: datetime
    is_given: bool
