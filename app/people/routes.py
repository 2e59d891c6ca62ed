"""/v1/people: reading, correcting and finding."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.access.guards import CursorSecret, Pages, Reading, Writing, allow
from app.access.permissions import Permission
from app.core.documents import found, listed
from app.core.door import Door
from app.core.errors import NotFound
from app.core.etags import answer, list_answer
from app.core.reading import one
from app.people import service
from app.people.shapes import CandidatePublic, PersonFound, PersonPublic, PersonSearch, PersonUpdate

router = APIRouter(prefix="/v1/people", tags=["people"], route_class=Door)


@router.post(
    "/search",
    summary="Find people",
    dependencies=[allow(Permission.READ_PEOPLE)],
    **listed(PersonFound),
)
async def search_people(wanted: PersonSearch, db: Reading, secret: CursorSecret) -> Response:
    """People of your programmes who agree with what is known in anything, most agreement first, and in what.

    `limit` and `cursor` stand in the body, so that nothing personal is ever part of an address.
    """
    return Response((await service.search(db, wanted, secret=secret)).body, media_type="application/json")


@router.get(
    "/{person_id}",
    summary="Read a person",
    dependencies=[allow(Permission.READ_PEOPLE)],
    **found(PersonPublic),
)
async def read_person(person_id: UUID, db: Reading) -> Response:
    """A person's record with what identifies them; for coordinators of a programme the person is or was in."""
    return answer(await one(db, service.PEOPLE, "t.id = $1", person_id))


@router.patch(
    "/{person_id}",
    summary="Correct a person",
    dependencies=[allow(Permission.EDIT_PEOPLE)],
    **found(PersonPublic, service.PersonKnown),
)
async def correct_person(person_id: UUID, changes: PersonUpdate, db: Writing) -> Response:
    """Corrects what is wrong or has changed; the old values are kept in the history."""
    return answer(await service.correct(db, person_id, changes))


@router.get(
    "/{person_id}/candidates",
    summary="List records that may be the same person",
    dependencies=[allow(Permission.READ_PEOPLE)],
    **listed(CandidatePublic, NotFound),
)
async def list_candidates(
    person_id: UUID, request: Request, db: Reading, pages: Pages, secret: CursorSecret
) -> Response:
    """Other records of your programmes that agree in enough to be looked at; nothing is merged by itself."""
    return list_answer(request, await service.candidates(db, person_id, pages, secret=secret))
