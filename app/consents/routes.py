"""/v1/consents: noting and reading; nothing here is ever changed."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.access.guards import CursorSecret, Pages, Reading, Writing, allow
from app.access.permissions import Permission
from app.consents import service
from app.consents.models import ConsentCreate, ConsentPublic, Purpose
from app.core.documents import created, found, listed
from app.core.door import Door
from app.core.etags import answer, list_answer
from app.core.reading import one, page

router = APIRouter(prefix="/v1/consents", tags=["consents"], route_class=Door)


@router.post(
    "",
    summary="Note a consent or its withdrawal",
    dependencies=[allow(Permission.MANAGE_CONSENTS)],
    **created(ConsentPublic),
)
async def record_consent(consent: ConsentCreate, db: Writing) -> Response:
    """Adds a decision: what for, to whom, in which wording, given or withdrawn, when and how it was said."""
    made = await service.record(db, consent)
    return answer(await one(db, service.CONSENTS, "t.id = $1", made.id), 201, f"/v1/consents/{made.id}")


@router.get(
    "",
    summary="List a person's consents",
    dependencies=[allow(Permission.MANAGE_CONSENTS)],
    **listed(ConsentPublic),
)
async def list_consents(
    request: Request,
    db: Reading,
    pages: Pages,
    secret: CursorSecret,
    person_id: Annotated[UUID, Query(description="Whose.")],
    purpose: Annotated[Purpose | None, Query(description="Only for this purpose.")] = None,
) -> Response:
    """Every decision of a person in your programmes, the one noted last first."""
    where: list[tuple[str, object]] = [("t.person_id = {}", person_id)]
    if purpose is not None:
        where.append(("t.purpose = {}", purpose.value))
    return list_answer(request, await page(db, service.CONSENTS, where, pages, secret=secret))


@router.get(
    "/{consent_id}",
    summary="Read a consent",
    dependencies=[allow(Permission.MANAGE_CONSENTS)],
    **found(ConsentPublic),
)
async def read_consent(consent_id: UUID, db: Reading) -> Response:
    """One decision, and whether it still counts."""
    return answer(await one(db, service.CONSENTS, "t.id = $1", consent_id))
