"""Organisations by ODS code, and agreements: who shares what with whom, for what, from when to when."""

from datetime import date
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field as Shape
from sqlmodel import Field

from app.core.codes import AgreementItem, Code
from app.core.fields import Day, OdsCode, Text
from app.core.models import Inbound, Outbound, Row, coded, codes, texts, typed


class OrganisationKind(Code):
    """What an organisation is to the service."""

    GP_PRACTICE = "gp_practice", "GP practice"
    CHARITY = "charity", "Charity"
    PROVIDER = "provider", "NHS provider"
    COMMISSIONER = "commissioner", "Commissioner"
    OTHER = "other", "Other"


class Organisation(Row, table=True):
    """One organisation; its ODS code is how messages name it."""

    __tablename__ = "organisations"
    __table_args__ = (sa.UniqueConstraint("ods_code"),)

    ods_code: str = Field(max_length=9)
    name: str = Field(max_length=200)
    kind: OrganisationKind = coded(OrganisationKind, "kind")


class Agreement(Row, table=True):
    """An information sharing agreement: parties, purpose, items, dates; a flow outside it stops."""

    __tablename__ = "organisations_agreements"
    __table_args__ = (
        sa.CheckConstraint("ends_on > starts_on", name="dates"),
        sa.CheckConstraint("cardinality(party_ids) >= 2", name="parties"),
        codes(AgreementItem, "items"),
        sa.Index("ix_organisations_agreements_programme_id", "programme_id"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    reference: str = Field(max_length=200)
    purpose: str = Field(max_length=4000)
    legal_basis: str = Field(max_length=200)
    party_ids: list[UUID] = typed(sa_type=sa.ARRAY(sa.Uuid), nullable=False)
    items: list[AgreementItem] = texts()
    starts_on: date
    ends_on: date
    review_on: date | None = None


class OrganisationCreate(Inbound):
    """A new organisation."""

    ods_code: OdsCode
    name: Text
    kind: OrganisationKind


class OrganisationUpdate(Inbound):
    """What may be corrected; the ODS code stays."""

    name: Text | None = None
    kind: OrganisationKind | None = None


class OrganisationPublic(Outbound):
    """An organisation as the directory shows it."""

    id: UUID
    ods_code: str
    name: str
    kind: OrganisationKind
    version: int


PARTIES = ["0190f3c4-7c1e-7c3a-9d55-2f6a8f1f0b11", "0190f3c4-7c1e-7c3a-9d55-2f6a8f1f0b12"]


class AgreementCreate(Inbound):
    """A signed agreement."""

    programme_id: UUID
    reference: Text
    purpose: Text
    legal_basis: Text
    party_ids: Annotated[list[UUID], Shape(min_length=2, max_length=20, examples=[PARTIES])]
    items: Annotated[list[AgreementItem], Shape(min_length=1, max_length=40)]
    starts_on: Day
    ends_on: Day
    review_on: Day | None = None


class AgreementPublic(Outbound):
    """An agreement as its programme's coordinators see it."""

    id: UUID
    programme_id: UUID
    reference: str
    purpose: str
    legal_basis: str
    party_ids: list[UUID]
    items: list[AgreementItem]
    starts_on: date
    ends_on: date
    review_on: date | None
    is_in_force: bool
    version: int
