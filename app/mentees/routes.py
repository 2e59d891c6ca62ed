"""/v1/mentees: the waiting list, an episode, its preferences and its briefing."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.access.guards import CursorSecret, Pages, Reading, Writing, allow
from app.access.permissions import Permission
from app.core.actor import Actor, Role
from app.core.documents import found, listed
from app.core.door import Door
from app.core.errors import StepNotPossible
from app.core.etags import answer, list_answer
from app.core.reading import checked_include, one, page
from app.mentees import service
from app.mentees.models import MenteeStatus
from app.mentees.shapes import (
    BriefingPublic,
    BriefingUpdate,
    MenteeAsSeen,
    MenteePause,
    MenteePublic,
    MenteeUpdate,
    PreferencesPublic,
    PreferencesUpdate,
)

router = APIRouter(prefix="/v1/mentees", tags=["mentees"], route_class=Door)
Reader = Annotated[Actor, allow(Permission.READ_MENTEES)]
Include = Annotated[
    str | None,
    Query(max_length=200, description="briefing; for coordinators also preferences, person, pauses. With commas."),
]


@router.get("", summary="List mentees", **listed(MenteeAsSeen))
async def list_mentees(
    actor: Reader,
    request: Request,
    db: Reading,
    pages: Pages,
    secret: CursorSecret,
    status: Annotated[MenteeStatus | None, Query(description="Only in this state.")] = None,
    coordinator_id: Annotated[UUID | None, Query(description="Only this coordinator's.")] = None,
    programme_id: Annotated[UUID | None, Query(description="Only of this programme.")] = None,
) -> Response:
    """Newest first; with `status=waiting` the waiting list, whoever waits longest first. A mentor sees its own."""
    filters = {"status": status, "coordinator_id": coordinator_id, "programme_id": programme_id}
    where = [(f"t.{name} = {{}}", value) for name, value in filters.items() if value is not None]
    source = service.source_for(actor)
    if status is MenteeStatus.WAITING and actor.role is Role.COORDINATOR:
        source = service.WAITING_LIST
    return list_answer(request, await page(db, source, where, pages, secret=secret))


@router.get("/{mentee_id}", summary="Read a mentee", **found(MenteeAsSeen))
async def read_mentee(actor: Reader, mentee_id: UUID, db: Reading, include: Include = None) -> Response:
    """One episode; a mentor sees what runs it and the first name, and reads the rest in the briefing."""
    source = service.source_for(actor)
    return answer(await one(db, source, "t.id = $1", mentee_id, include=checked_include(source, include)))


@router.patch(
    "/{mentee_id}",
    summary="Change a mentee",
    dependencies=[allow(Permission.MANAGE_MENTEES)],
    **found(MenteePublic),
)
async def change_mentee(mentee_id: UUID, changes: MenteeUpdate, db: Writing) -> Response:
    """Names another coordinator or the barriers; the state changes by verbs alone."""
    return answer(await service.change(db, mentee_id, changes))


@router.get(
    "/{mentee_id}/preferences",
    summary="Read preferences",
    dependencies=[allow(Permission.MANAGE_MENTEES)],
    **found(PreferencesPublic),
)
async def read_preferences(mentee_id: UUID, db: Reading) -> Response:
    """What matters to the person in a mentor; not for mentors to read."""
    return answer(await one(db, service.PREFERENCES, "t.mentee_id = $1", mentee_id))


@router.patch(
    "/{mentee_id}/preferences",
    summary="Change preferences",
    dependencies=[allow(Permission.MANAGE_MENTEES)],
    **found(PreferencesPublic),
)
async def change_preferences(mentee_id: UUID, changes: PreferencesUpdate, db: Writing) -> Response:
    """Changes what matters in a mentor; If-Match is the ETag of the preferences."""
    return answer(await service.change_preferences(db, mentee_id, changes))


@router.get(
    "/{mentee_id}/briefing",
    summary="Read the briefing",
    dependencies=[allow(Permission.READ_MENTEES)],
    **found(BriefingPublic),
)
async def read_briefing(mentee_id: UUID, db: Reading) -> Response:
    """What the mentor of this episode may know."""
    return answer(await one(db, service.BRIEFINGS, "t.mentee_id = $1", mentee_id))


@router.patch(
    "/{mentee_id}/briefing",
    summary="Change the briefing",
    dependencies=[allow(Permission.MANAGE_MENTEES)],
    **found(BriefingPublic),
)
async def change_briefing(mentee_id: UUID, changes: BriefingUpdate, db: Writing) -> Response:
    """Changes what the mentor may know; If-Match is the ETag of the briefing."""
    return answer(await service.change_briefing(db, mentee_id, changes))


@router.post(
    "/{mentee_id}/pause",
    summary="Pause an episode",
    dependencies=[allow(Permission.MANAGE_MENTEES)],
    **found(MenteePublic, StepNotPossible),
)
async def pause_mentee(mentee_id: UUID, wish: MenteePause, db: Writing) -> Response:
    """Lets the episode rest; the days waited are still counted, with the pause shown."""
    return answer(await service.pause(db, mentee_id, wish))


@router.post(
    "/{mentee_id}/resume",
    summary="Resume an episode",
    dependencies=[allow(Permission.MANAGE_MENTEES)],
    **found(MenteePublic, StepNotPossible),
)
async def resume_mentee(mentee_id: UUID, db: Writing) -> Response:
    """Goes on where the episode rested: with its mentor, or waiting for one."""
    return answer(await service.resume(db, mentee_id))
