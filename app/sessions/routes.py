"""/v1/sessions: booking, writing up, calling off."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.access.guards import CursorSecret, Pages, Reading, Writing, allow
from app.access.permissions import Permission
from app.core.documents import created, found, listed
from app.core.door import Door
from app.core.errors import StepNotPossible
from app.core.etags import answer, list_answer
from app.core.fields import Day
from app.core.reading import checked_include, one, page
from app.sessions import booking, service
from app.sessions.models import SessionStatus
from app.sessions.pairs import MatchNotActive
from app.sessions.shapes import (
    SessionBook,
    SessionCancel,
    SessionCorrect,
    SessionHold,
    SessionMiss,
    SessionMove,
    SessionPublic,
    SessionRecord,
    WriteUp,
)

router = APIRouter(prefix="/v1/sessions", tags=["sessions"], route_class=Door)
reads = [allow(Permission.READ_SESSIONS)]
writes = [allow(Permission.WRITE_SESSIONS)]
WRITTEN = ("note", "goal_reviews", "attendances")


@router.post(
    "",
    summary="Book a session",
    dependencies=writes,
    **created(SessionPublic, MatchNotActive, booking.EpisodePaused, booking.MentorBusy),
)
async def book_session(session: SessionBook, db: Writing) -> Response:
    """Plans a meeting of an active match, at most 366 days ahead; the mentor's planned sessions never overlap."""
    made = await booking.book(db, session)
    shown = await one(db, service.SESSIONS, "t.id = $1", made.id)
    return answer(shown, 201, f"/v1/sessions/{made.id}")


@router.post(
    "/record",
    summary="Record a session that was never booked",
    dependencies=writes,
    **created(SessionPublic, MatchNotActive, service.SessionThatDay),
)
async def record_session(session: SessionRecord, db: Writing) -> Response:
    """Writes up a session that took place, or was missed, without having been booked; late entry keeps its true day.

    A second one of the same match and day is refused unless `is_another` says that it is no repetition.
    """
    made = await service.record(db, session)
    shown = await one(db, service.SESSIONS, "t.id = $1", made.id, include=WRITTEN)
    return answer(shown, 201, f"/v1/sessions/{made.id}")


@router.get("", summary="List sessions", dependencies=reads, **listed(SessionPublic))
async def list_sessions(
    request: Request,
    db: Reading,
    pages: Pages,
    secret: CursorSecret,
    programme_id: Annotated[UUID | None, Query(description="Only of this programme.")] = None,
    match_id: Annotated[UUID | None, Query(description="Only of this match.")] = None,
    mentee_id: Annotated[UUID | None, Query(description="Only of this mentee.")] = None,
    status: Annotated[SessionStatus | None, Query(description="Only in this state.")] = None,
    starts_on: Annotated[Day | None, Query(alias="from", description="Only on or after this day.")] = None,
    ends_on: Annotated[Day | None, Query(alias="until", description="Only on or before this day.")] = None,
) -> Response:
    """The latest day first, of your matches or programmes. May `include` note, goal_reviews and attendances."""
    service.check_days(starts_on, ends_on)
    filters = (
        ("t.programme_id = {}", programme_id),
        ("t.match_id = {}", match_id),
        ("t.mentee_id = {}", mentee_id),
        ("t.status = {}", status),
        ("t.takes_place_on >= {}", starts_on),
        ("t.takes_place_on <= {}", ends_on),
    )
    where = [(condition, value) for condition, value in filters if value is not None]
    return list_answer(request, await page(db, service.SESSIONS, where, pages, secret=secret))


@router.get("/{session_id}", summary="Read a session", dependencies=reads, **found(SessionPublic))
async def read_session(
    session_id: UUID,
    db: Reading,
    include: Annotated[
        str | None, Query(max_length=200, description="note, goal_reviews, attendances; with commas.")
    ] = None,
) -> Response:
    """One session, with what matters when meeting this mentee."""
    parts = checked_include(service.SESSIONS, include)
    return answer(await one(db, service.SESSIONS, "t.id = $1", session_id, include=parts))


@router.patch(
    "/{session_id}",
    summary="Save a draft of the write-up",
    dependencies=writes,
    **found(SessionPublic, StepNotPossible),
)
async def save_session(session_id: UUID, write_up: WriteUp, db: Writing) -> Response:
    """Keeps what is written so far. Once the session should have begun it becomes a draft; before, it stays booked."""
    return answer(await service.save(db, session_id, write_up))


@router.post(
    "/{session_id}/hold",
    summary="Mark a session held",
    dependencies=writes,
    **found(SessionPublic, StepNotPossible),
)
async def hold_session(session_id: UUID, write_up: SessionHold, db: Writing) -> Response:
    """Writes up a session that took place, all in one request: minutes, mode, topics, note, goals."""
    return answer(await service.hold(db, session_id, write_up))


@router.post(
    "/{session_id}/finish",
    summary="Finish a draft",
    dependencies=writes,
    **found(SessionPublic, StepNotPossible),
)
async def finish_session(session_id: UUID, write_up: SessionHold, db: Writing) -> Response:
    """Marks a session held as its draft says, with what is sent on top."""
    return answer(await service.hold(db, session_id, write_up, "finish"))


@router.post(
    "/{session_id}/miss",
    summary="Mark a session missed",
    dependencies=writes,
    **found(SessionPublic, StepNotPossible),
)
async def miss_session(session_id: UUID, missed: SessionMiss, db: Writing) -> Response:
    """Says that the mentee did not come, or came too late."""
    return answer(await service.miss(db, session_id, missed))


@router.post(
    "/{session_id}/move",
    summary="Move a session to another time",
    dependencies=writes,
    **found(SessionPublic, StepNotPossible, MatchNotActive, booking.EpisodePaused, booking.MentorBusy),
)
async def move_session(session_id: UUID, moved: SessionMove, db: Writing) -> Response:
    """Plans a booked session for another time; it stays the same session, and nothing counts as called off."""
    return answer(await booking.move(db, session_id, moved))


@router.post(
    "/{session_id}/cancel",
    summary="Call a session off",
    dependencies=writes,
    **found(SessionPublic, StepNotPossible),
)
async def cancel_session(session_id: UUID, cancelled: SessionCancel, db: Writing) -> Response:
    """Calls a session off and says who did; the mentor's time is free again."""
    return answer(await service.cancel(db, session_id, cancelled))


@router.post(
    "/{session_id}/correct",
    summary="Correct a write-up",
    dependencies=writes,
    **found(SessionPublic, StepNotPossible),
)
async def correct_session(session_id: UUID, correction: SessionCorrect, db: Writing) -> Response:
    """Puts right what was written up wrongly; another true day or outcome may move the start of the episode."""
    return answer(await service.correct(db, session_id, correction))
