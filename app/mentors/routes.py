"""/v1/mentors: profiles, training, pauses; /v1/training-events: a module for a whole cohort."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.access.guards import CursorSecret, Pages, Reading, Writing, allow
from app.access.permissions import Permission
from app.core.documents import created, found, listed
from app.core.door import Door
from app.core.errors import StepNotPossible
from app.core.etags import answer, list_answer
from app.core.reading import one, page
from app.mentors import service
from app.mentors.models import MentorStatus
from app.mentors.shapes import (
    MentorCondition,
    MentorCreate,
    MentorPublic,
    MentorUpdate,
    TrainingDone,
    TrainingEventCreate,
    TrainingEventPublic,
)

router = APIRouter(prefix="/v1", tags=["mentors"], route_class=Door)
MANAGES = [allow(Permission.MANAGE_MENTORS)]
READS = [allow(Permission.READ_MENTORS)]


@router.post("/mentors", summary="Add a mentor", dependencies=MANAGES, **created(MentorPublic, service.MentorKnown))
async def add_mentor(mentor: MentorCreate, db: Writing) -> Response:
    """Adds a volunteer's profile to a programme in which the account holds the role of mentor."""
    made = await service.add(db, mentor)
    shown = await one(db, service.MENTORS, "t.id = $1", made.id)
    return answer(shown, 201, f"/v1/mentors/{made.id}")


@router.get("/mentors", summary="List mentors", dependencies=READS, **listed(MentorPublic))
async def list_mentors(
    request: Request,
    db: Reading,
    pages: Pages,
    secret: CursorSecret,
    programme_id: Annotated[UUID | None, Query(description="Only of this programme.")] = None,
    status: Annotated[MentorStatus | None, Query(description="Only in this state.")] = None,
) -> Response:
    """By name: a coordinator sees the mentors of its programmes, a mentor the own profiles."""
    filters = {"programme_id": programme_id, "status": status}
    where: list[tuple[str, object]] = [(f"t.{name} = {{}}", value) for name, value in filters.items() if value]
    return list_answer(request, await page(db, service.MENTORS, where, pages, secret=secret))


@router.get("/mentors/{mentor_id}", summary="Read a mentor", dependencies=READS, **found(MentorPublic))
async def read_mentor(mentor_id: UUID, db: Reading) -> Response:
    """A mentor's profile, the training done and missing, and how many matches it holds."""
    return answer(await one(db, service.MENTORS, "t.id = $1", mentor_id))


@router.patch("/mentors/{mentor_id}", summary="Change a mentor's profile", dependencies=MANAGES, **found(MentorPublic))
async def change_mentor(mentor_id: UUID, changes: MentorUpdate, db: Writing) -> Response:
    """Changes what is sent. A lower capacity ends no match, it only allows no new one."""
    return answer(await service.change(db, mentor_id, changes))


@router.post(
    "/mentors/{mentor_id}/training", summary="Note a completed module", dependencies=MANAGES, **found(MentorPublic)
)
async def complete_module(mentor_id: UUID, done: TrainingDone, db: Writing) -> Response:
    """Notes the day on which a module was completed; sent again, the day is replaced."""
    return answer(await service.complete(db, mentor_id, done))


@router.post(
    "/training-events",
    summary="Note a module for a whole cohort",
    dependencies=MANAGES,
    **found(TrainingEventPublic),
)
async def hold_training_event(event: TrainingEventCreate, db: Writing) -> TrainingEventPublic:
    """Notes the day on which several mentors completed a module, for all of them or none."""
    return await service.train(db, event)


@router.put(
    "/mentors/{mentor_id}/condition",
    summary="Keep a mentor's own condition",
    dependencies=MANAGES,
    **found(MentorPublic),
)
async def keep_condition(mentor_id: UUID, condition: MentorCondition, db: Writing) -> Response:
    """Keeps the mentor's own condition and treatment, with the mentor's consent, in place of what was kept before."""
    return answer(await service.keep_condition(db, mentor_id, condition))


@router.delete(
    "/mentors/{mentor_id}/condition",
    summary="Withdraw consent to keep a condition",
    dependencies=MANAGES,
    **found(MentorPublic),
)
async def forget_condition(mentor_id: UUID, db: Writing) -> Response:
    """The mentor withdrew the consent: the condition and treatment leave the profile."""
    return answer(await service.forget_condition(db, mentor_id))


@router.post(
    "/mentors/{mentor_id}/pause", summary="Pause a mentor", dependencies=MANAGES, **found(MentorPublic, StepNotPossible)
)
async def pause_mentor(mentor_id: UUID, db: Writing) -> Response:
    """No new matches until resumed; present ones go on."""
    return answer(await service.pause(db, mentor_id))


@router.post(
    "/mentors/{mentor_id}/resume",
    summary="Resume a mentor",
    dependencies=MANAGES,
    **found(MentorPublic, StepNotPossible),
)
async def resume_mentor(mentor_id: UUID, db: Writing) -> Response:
    """Takes part again, after a pause or after having left."""
    return answer(await service.resume(db, mentor_id))
