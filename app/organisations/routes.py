"""/v1/organisations and /v1/agreements."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.access.guards import CursorSecret, Pages, Reading, Writing, allow
from app.access.permissions import Permission
from app.core.documents import created, found, listed
from app.core.door import Door
from app.core.etags import answer, list_answer
from app.core.fields import OdsCode
from app.core.reading import one, page
from app.organisations import service
from app.organisations.models import (
    AgreementCreate,
    AgreementPublic,
    OrganisationCreate,
    OrganisationPublic,
    OrganisationUpdate,
)

router = APIRouter(prefix="/v1", tags=["organisations"], route_class=Door)


@router.post(
    "/organisations",
    summary="Add an organisation",
    dependencies=[allow(Permission.MANAGE_ORGANISATIONS)],
    **created(OrganisationPublic, service.OrganisationKnown),
)
async def add_organisation(organisation: OrganisationCreate, db: Writing) -> Response:
    """Adds a GP practice, charity, provider or commissioner to the directory, by its ODS code."""
    made = await service.add(db, organisation)
    shown = await one(db, service.ORGANISATIONS, "t.id = $1", made.id)
    return answer(shown, 201, f"/v1/organisations/{made.id}")


@router.get(
    "/organisations",
    summary="List organisations",
    dependencies=[allow(Permission.READ_ORGANISATIONS)],
    **listed(OrganisationPublic),
)
async def list_organisations(
    request: Request,
    db: Reading,
    pages: Pages,
    secret: CursorSecret,
    ods_code: Annotated[OdsCode | None, Query(description="Only the one with this ODS code.")] = None,
) -> Response:
    """The directory, by name."""
    where = [("t.ods_code = {}", ods_code)] if ods_code else []
    return list_answer(request, await page(db, service.ORGANISATIONS, where, pages, secret=secret))


@router.get(
    "/organisations/{organisation_id}",
    summary="Read an organisation",
    dependencies=[allow(Permission.READ_ORGANISATIONS)],
    **found(OrganisationPublic),
)
async def read_organisation(organisation_id: UUID, db: Reading) -> Response:
    """One organisation of the directory."""
    return answer(await one(db, service.ORGANISATIONS, "t.id = $1", organisation_id))


@router.patch(
    "/organisations/{organisation_id}",
    summary="Correct an organisation",
    dependencies=[allow(Permission.MANAGE_ORGANISATIONS)],
    **found(OrganisationPublic),
)
async def correct_organisation(organisation_id: UUID, changes: OrganisationUpdate, db: Writing) -> Response:
    """Corrects name or kind; the ODS code stays."""
    return answer(await service.correct(db, organisation_id, changes))


@router.post(
    "/agreements",
    summary="Register an information sharing agreement",
    dependencies=[allow(Permission.MANAGE_PROGRAMMES)],
    **created(AgreementPublic),
)
async def register_agreement(agreement: AgreementCreate, db: Writing) -> Response:
    """Registers who may share what with whom in a programme, for which purpose, from when to when."""
    made = await service.agree(db, agreement)
    shown = await one(db, service.AGREEMENTS, "t.id = $1", made.id)
    return answer(shown, 201, f"/v1/agreements/{made.id}")


@router.get(
    "/agreements",
    summary="List agreements",
    dependencies=[allow(Permission.MANAGE_PROGRAMMES)],
    **listed(AgreementPublic),
)
async def list_agreements(
    request: Request,
    db: Reading,
    pages: Pages,
    secret: CursorSecret,
    programme_id: Annotated[UUID | None, Query(description="Only of this programme.")] = None,
) -> Response:
    """The agreements of your programmes, newest first."""
    where = [("t.programme_id = {}", programme_id)] if programme_id else []
    return list_answer(request, await page(db, service.AGREEMENTS, where, pages, secret=secret))


@router.get(
    "/agreements/{agreement_id}",
    summary="Read an agreement",
    dependencies=[allow(Permission.MANAGE_PROGRAMMES)],
    **found(AgreementPublic),
)
async def read_agreement(agreement_id: UUID, db: Reading) -> Response:
    """One agreement, and whether it is in force today."""
    return answer(await one(db, service.AGREEMENTS, "t.id = $1", agreement_id))
