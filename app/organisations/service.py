"""Keeping the directory of organisations and the register of agreements."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import fetch
from app.core.errors import Conflict, invalid
from app.core.reading import Found, Key, Source, one
from app.core.rows import refused_as, target
from app.events import service as events
from app.organisations.models import (
    Agreement,
    AgreementCreate,
    AgreementPublic,
    Organisation,
    OrganisationCreate,
    OrganisationPublic,
    OrganisationUpdate,
)

ORGANISATIONS = Source(
    OrganisationPublic,
    "organisations t",
    personal=False,
    newest_first=False,
    keys=(Key("t.name", "text"), Key("t.id", "uuid")),
)
AGREEMENTS = Source(
    AgreementPublic,
    "organisations_agreements t",
    fields={"is_in_force": "app_today() BETWEEN t.starts_on AND t.ends_on"},
    personal=False,
)


class OrganisationKnown(Conflict):
    """An organisation with this ODS code is in the directory already; find it by `?ods_code=`."""


async def add(db: AsyncSession, organisation: OrganisationCreate) -> Organisation:
    """The organisation is in the directory. Refuses a second one with the same ODS code."""
    row = Organisation.model_validate(organisation)
    async with refused_as(db, {"uq_organisations_ods_code": OrganisationKnown()}):
        db.add(row)
    return row


async def correct(db: AsyncSession, organisation_id: UUID, changes: OrganisationUpdate) -> Found:
    """Name or kind are as sent; what was not sent stays."""
    row = await target(db, Organisation, organisation_id)
    row.sqlmodel_update(changes.model_dump(exclude_unset=True, exclude_none=True))
    return await one(db, ORGANISATIONS, "t.id = $1", row.id)


async def agree(db: AsyncSession, agreement: AgreementCreate) -> Agreement:
    """The agreement is registered with its programme.

    Refuses a programme not one's own, dates in the wrong order, and parties that are fewer than two or unknown.
    """
    if agreement.ends_on <= agreement.starts_on:
        raise invalid("/ends_on", "dates_order", "The agreement ends after it starts.")
    if not await fetch(db, "SELECT FROM programmes WHERE id = $1", agreement.programme_id):
        raise invalid("/programme_id", "programme_unknown", "There is no such programme among yours.")
    parties = set(agreement.party_ids)
    known = await fetch(db, "SELECT FROM organisations WHERE id = ANY ($1)", list(parties))
    if len(parties) < 2 or len(known) < len(parties):
        raise invalid("/party_ids", "parties_unknown", "At least two organisations of the directory.")
    row = Agreement.model_validate(agreement)
    db.add(row)
    await events.record(db, "agreement.registered", row)
    return row
