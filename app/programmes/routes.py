"""/v1/programmes with their service ids, contract years and eligibility rules."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.access.guards import CursorSecret, Pages, Reading, Writing, allow
from app.access.permissions import Permission
from app.core.documents import ALWAYS, created, found, listed, raises
from app.core.door import Door
from app.core.errors import KeyInUse, KeyReused, NotFound, VersionChanged
from app.core.etags import answer, list_answer
from app.programmes import service
from app.programmes.shapes import (
    ContractYearCreate,
    ContractYearPublic,
    EligibilityRulesCreate,
    EligibilityRulesPublic,
    ProgrammeAsSeen,
    ProgrammeCreate,
    ProgrammePublic,
    ProgrammeUpdate,
    ServiceIdGiven,
    ServiceIdPublic,
)

router = APIRouter(prefix="/v1", tags=["programmes"], route_class=Door)

EVERYTHING = "contract_years,eligibility_rules"


@router.post(
    "/programmes",
    summary="Make a programme",
    dependencies=[allow(Permission.MANAGE_PROGRAMMES)],
    **created(ProgrammePublic, service.ServiceIdTaken, service.ContractYearsOverlap),
)
async def make_programme(programme: ProgrammeCreate, db: Writing) -> Response:
    """Makes a programme whose coordinator you are, with its service ids, contract years and eligibility rules.

    Settings not sent take the pilot's values; without rules it is for adults who live with its condition.
    """
    made = await service.make(db, programme)
    return answer(await service.show(db, made.id, EVERYTHING), 201, f"/v1/programmes/{made.id}")


@router.get(
    "/programmes",
    summary="List programmes",
    dependencies=[allow(Permission.READ_PROGRAMMES)],
    **listed(ProgrammeAsSeen),
)
async def list_programmes(request: Request, db: Reading, pages: Pages, secret: CursorSecret) -> Response:
    """Your programmes, by name; if you refer, all that take referrals.

    Coordinators and analysts may `include` contract_years and eligibility_rules.
    """
    return list_answer(request, await service.list_seen(db, pages, secret=secret))


@router.get(
    "/programmes/{programme_id}",
    summary="Read a programme",
    dependencies=[allow(Permission.READ_PROGRAMMES)],
    **found(ProgrammeAsSeen),
)
async def read_programme(
    programme_id: UUID,
    db: Reading,
    include: Annotated[
        str | None,
        Query(max_length=200, description="For coordinators and analysts: contract_years, eligibility_rules."),
    ] = None,
) -> Response:
    """One programme, as much of it as your role sees."""
    return answer(await service.show(db, programme_id, include))


@router.patch(
    "/programmes/{programme_id}",
    summary="Change a programme's settings",
    dependencies=[allow(Permission.MANAGE_PROGRAMMES)],
    **found(ProgrammePublic),
)
async def change_programme(programme_id: UUID, changes: ProgrammeUpdate, db: Writing) -> Response:
    """Changes the settings sent; the condition stays, since the referrals taken so far were judged by it.

    Another length is for episodes that start from now on. PAM settings have `/v1/programmes/{programme_id}/pam-rules`.
    """
    return answer(await service.change(db, programme_id, changes))


@router.post(
    "/programmes/{programme_id}/service-ids",
    summary="Add a service id",
    dependencies=[allow(Permission.MANAGE_PROGRAMMES)],
    **created(ServiceIdPublic, service.ServiceIdTaken),
)
async def add_service_id(programme_id: UUID, service_id: ServiceIdGiven, db: Writing) -> Response:
    """Adds an identifier by which a referral message finds the programme."""
    return answer(await service.add_service_id(db, programme_id, service_id), 201)


@router.delete(
    "/programmes/{programme_id}/service-ids/{service_id_id}",
    summary="Remove a service id",
    dependencies=[allow(Permission.MANAGE_PROGRAMMES)],
    status_code=204,
    responses=raises(*ALWAYS, NotFound, VersionChanged, KeyInUse, KeyReused),
)
async def remove_service_id(programme_id: UUID, service_id_id: UUID, db: Writing) -> Response:
    """Removes an identifier, so that messages naming it find this programme no more."""
    await service.remove_service_id(db, programme_id, service_id_id)
    return Response(status_code=204)


@router.post(
    "/programmes/{programme_id}/contract-years",
    summary="Add a contract year",
    dependencies=[allow(Permission.MANAGE_PROGRAMMES)],
    **created(ContractYearPublic, service.ContractYearsOverlap),
)
async def add_contract_year(programme_id: UUID, year: ContractYearCreate, db: Writing) -> Response:
    """Adds a year's contract: its days, how many mentors and mentees it pays for, and what it costs."""
    return answer(await service.add_contract_year(db, programme_id, year), 201)


@router.post(
    "/programmes/{programme_id}/eligibility-rules",
    summary="Replace the eligibility rules",
    dependencies=[allow(Permission.MANAGE_PROGRAMMES)],
    **created(EligibilityRulesPublic),
)
async def replace_eligibility_rules(programme_id: UUID, new: EligibilityRulesCreate, db: Writing) -> Response:
    """Puts the next version of the rules in force, whole; older versions stay to explain older decisions."""
    return answer(await service.replace_rules(db, programme_id, new.rules), 201)


@router.get(
    "/programmes/{programme_id}/eligibility-rules",
    summary="List the versions of the eligibility rules",
    dependencies=[allow(Permission.MANAGE_PROGRAMMES)],
    **listed(EligibilityRulesPublic, NotFound),
)
async def list_eligibility_rules(
    programme_id: UUID, request: Request, db: Reading, pages: Pages, secret: CursorSecret
) -> Response:
    """Every version of the programme's rules, the one in force first."""
    return list_answer(request, await service.list_rules(db, programme_id, pages, secret=secret))
