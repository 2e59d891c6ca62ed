"""Writing sessions up, calling them off, and what a held one moves: the start of the episode and its goals."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm.attributes import flag_modified
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.access.permissions import Permission
from app.core import clock
from app.core.codes import AttendanceCode
from app.core.errors import Conflict, FieldError, NotValid, StepNotPossible, invalid
from app.core.reading import BY_PROGRAMME, Found, Key, Source, link_to, one
from app.core.rows import target
from app.core.steps import Step, Steps
from app.events import service as events
from app.sessions.episodes import settle
from app.sessions.models import CancelledBy, MentoringSession, SessionMentor, SessionStatus
from app.sessions.pairs import check_day, held_pair, held_session, mentors_part, pair_of
from app.sessions.parts import keep_attendance, keep_note, keep_reviews
from app.sessions.shapes import (
    SessionCancel,
    SessionCorrect,
    SessionHold,
    SessionMiss,
    SessionPublic,
    SessionRecord,
    WriteUp,
)

STEPS = Steps(
    {
        "hold": Step(("booked", "draft"), "held", Permission.WRITE_SESSIONS),
        "finish": Step(("draft",), "held", Permission.WRITE_SESSIONS),
        "miss": Step(("booked", "draft"), "did_not_attend", Permission.WRITE_SESSIONS),
        "move": Step(("booked",), None, Permission.WRITE_SESSIONS),
        "cancel": Step(("booked", "draft"), "cancelled", Permission.WRITE_SESSIONS),
        "correct": Step(("held", "did_not_attend"), None, Permission.WRITE_SESSIONS),
    }
)
WRITTEN = {"held_on", "minutes", "mode", "place", "topics", "needs_met"}
HAPPENED = {SessionStatus.HELD: "session.held", SessionStatus.DID_NOT_ATTEND: "session.missed"}

SESSIONS = Source(
    SessionPublic,
    "sessions t LEFT JOIN mentees_briefings b ON b.mentee_id = t.mentee_id",
    fields={
        name: f"b.{name}"
        for name in ("known_as", "communication_needs", "access_needs", "language", "is_interpreter_needed")
    },
    includes={
        "note": "SELECT n.text FROM sessions_notes n WHERE n.session_id = t.id",
        "goal_reviews": "SELECT coalesce(json_agg(json_build_object('goal_id', r.goal_id, 'progress', r.progress, "
        "'confidence', r.confidence, 'note', r.note) ORDER BY r.id), '[]') "
        "FROM sessions_goal_reviews r WHERE r.session_id = t.id",
        "attendances": "SELECT coalesce(json_agg(json_build_object('mentee_id', a.mentee_id, 'outcome', a.outcome)), "
        "'[]') FROM sessions_attendances a WHERE a.session_id = t.id",
    },
    keys=(Key("t.takes_place_on", "date"), Key("t.id", "uuid")),
    steps=STEPS,
    walks=BY_PROGRAMME,
)


class SessionThatDay(Conflict):
    """A session of this match on this day is written up already, at `link`; say so where this is another one."""


def check_days(starts_on: date | None, ends_on: date | None) -> None:
    """Refuse a list whose last day comes before its first."""
    if starts_on is not None and ends_on is not None and ends_on < starts_on:
        raise invalid("query:until", "dates_order", "The last day is on or after the first.")


async def record(db: AsyncSession, given: SessionRecord) -> MentoringSession:
    """A session that was never booked is written up, with its true day however late.

    Refuses a day outside the match, a held one without minutes or mode, and one more of the same match and day
    unless it is said to be another. The mentor's planned time is not asked: what took place is a fact.
    """
    pair, _ = await held_pair(db, given.match_id)
    row = MentoringSession(
        programme_id=pair["programme_id"],
        mentee_id=pair["mentee_id"],
        match_id=given.match_id,
        status=SessionStatus(given.outcome),
        was_booked=False,
    )
    _fill(row, given)
    _check(row, pair)
    if not given.is_another:
        await _refuse_twice(db, row)
    db.add(row)
    await db.flush()
    db.add(mentors_part(row, pair["mentor_id"], None))
    await _keep(db, row, given, is_late=given.is_late)
    return row


async def save(db: AsyncSession, session_id: UUID, given: WriteUp) -> Found:
    """What is written so far is kept; once the session should have begun, it is a draft to be finished.

    Refuses one that is written up or cancelled.
    """
    row = await target(db, MentoringSession, session_id)
    if row.status not in (SessionStatus.BOOKED, SessionStatus.DRAFT):
        raise StepNotPossible(current=row.status, possible=STEPS.possible(row.status))
    _fill(row, given)
    if row.held_on is not None:
        check_day(row.held_on, await pair_of(db, row.match_id))
    if row.planned_starts_at is not None and row.planned_starts_at <= clock.now():
        row.status = SessionStatus.DRAFT
    await keep_note(db, row, given.note)
    await keep_reviews(db, row, given.goal_reviews)
    return await one(db, SESSIONS, "t.id = $1", row.id, include=("note", "goal_reviews"))


async def hold(db: AsyncSession, session_id: UUID, given: SessionHold, verb: str = "hold") -> Found:
    """The session took place and is written up: with what is sent, over what the draft has.

    Refuses one without minutes or mode, a day outside the match, and a day that has not come.
    """
    row, pair, _ = await held_session(db, session_id)
    STEPS.check(row.status, verb)
    row.status = SessionStatus.HELD
    _fill(row, given)
    _check(row, pair)
    await _keep(db, row, given, is_late=given.is_late)
    return await shown(db, row)


async def miss(db: AsyncSession, session_id: UUID, given: SessionMiss) -> Found:
    """The mentee did not come, or came too late for the session. Refuses a day that has not come."""
    row, pair, _ = await held_session(db, session_id)
    STEPS.check(row.status, "miss")
    write_up = WriteUp(held_on=given.held_on, note=given.note)
    row.status = SessionStatus.DID_NOT_ATTEND
    _fill(row, write_up)
    _check(row, pair)
    await _keep(db, row, write_up, is_late=given.is_late)
    return await shown(db, row)


async def cancel(db: AsyncSession, session_id: UUID, given: SessionCancel) -> Found:
    """The session is called off, and the mentor's time is free again."""
    row = await target(db, MentoringSession, session_id)
    STEPS.check(row.status, "cancel")
    await _call_off(db, row, given.by, given.note)
    return await shown(db, row)


async def cancel_ahead(db: AsyncSession, match_id: UUID, after: datetime) -> int:
    """Whatever is booked on this match from a moment on is called off by the service; gives how many that were.

    What should have begun before stays, to be written up.
    """
    ahead = select(MentoringSession).where(
        col(MentoringSession.match_id) == match_id,
        col(MentoringSession.status) == SessionStatus.BOOKED,
        col(MentoringSession.planned_starts_at) >= after,
    )
    rows = (await db.exec(ahead.with_for_update(key_share=True))).all()
    for row in rows:
        await _call_off(db, row, CancelledBy.SERVICE, None)
    return len(rows)


async def correct(db: AsyncSession, session_id: UUID, given: SessionCorrect) -> Found:
    """What was written up wrongly is as sent, and what follows from it is worked out anew.

    Another true day, or another outcome, may move the start of the episode and every window with it.
    """
    row, pair, _ = await held_session(db, session_id)
    STEPS.check(row.status, "correct")
    before = row.status
    if given.outcome is not None:
        row.status = SessionStatus(given.outcome)
    _fill(row, given)
    _check(row, pair)
    if row.status is not before:
        await keep_attendance(db, row, _attendance(row.status, is_late=False))
    await keep_note(db, row, given.note)
    dropped = await keep_reviews(db, row, given.goal_reviews)
    await events.record(db, "session.corrected", row)
    await settle(db, row, dropped, achieves=given.goal_reviews is not None)
    return await shown(db, row)


async def _refuse_twice(db: AsyncSession, row: MentoringSession) -> None:
    first = await link_to(
        db,
        "SELECT id FROM sessions WHERE match_id = $1 AND held_on = $2 AND status = ANY ($3) ORDER BY id LIMIT 1",
        row.match_id,
        row.held_on,
        list(HAPPENED),
    )
    if first is not None:
        raise SessionThatDay(link=f"/v1/sessions/{first}")


def _fill(row: MentoringSession, given: WriteUp) -> None:
    """The columns as sent; whatever is over and has no true day yet took place when it was planned."""
    row.sqlmodel_update(given.model_dump(include=WRITTEN, exclude_none=True))
    # one ETag stands for the note and the reviews too
    flag_modified(row, "status")
    if row.held_on is None and row.status in HAPPENED and row.planned_starts_at is not None:
        row.held_on = clock.day_of(row.planned_starts_at)


def _check(row: MentoringSession, pair: Any) -> None:
    needed = ("minutes", "mode") if row.status is SessionStatus.HELD else ()
    missing = [FieldError(f"/{n}", "missing", "This field is needed.") for n in needed if getattr(row, n) is None]
    if missing:
        raise NotValid(errors=missing)
    assert row.held_on is not None
    check_day(row.held_on, pair)


async def _keep(db: AsyncSession, row: MentoringSession, given: WriteUp, *, is_late: bool) -> None:
    """All that belongs to a session that is over, held or not."""
    row.written_up_at = clock.now()
    if row.planned_starts_at is not None and row.planned_starts_at > row.written_up_at:
        await _free_time(db, row)
    await keep_attendance(db, row, _attendance(row.status, is_late=is_late))
    await keep_note(db, row, given.note)
    dropped = await keep_reviews(db, row, given.goal_reviews)
    await events.record(db, HAPPENED[row.status], row)
    if row.status is SessionStatus.HELD:
        await settle(db, row, dropped, achieves=True)


async def _free_time(db: AsyncSession, row: MentoringSession) -> None:
    """Held before its hour: the mentor's time that was planned for it is free again."""
    for part in await db.exec(select(SessionMentor).where(col(SessionMentor.session_id) == row.id)):
        part.planned = None


def _attendance(status: SessionStatus, *, is_late: bool) -> AttendanceCode:
    if status is SessionStatus.HELD:
        return AttendanceCode.LATE_SEEN if is_late else AttendanceCode.ON_TIME
    return AttendanceCode.LATE_NOT_SEEN if is_late else AttendanceCode.DID_NOT_ATTEND


async def _call_off(db: AsyncSession, row: MentoringSession, by: CancelledBy, note: str | None) -> None:
    row.status = SessionStatus.CANCELLED
    row.cancelled_by = by
    row.cancelled_at = clock.now()
    row.cancel_note = note
    for part in await db.exec(select(SessionMentor).where(col(SessionMentor.session_id) == row.id)):
        part.is_cancelled = True
    by_mentee = by is CancelledBy.MENTEE
    code = AttendanceCode.CANCELLED_BY_MENTEE if by_mentee else AttendanceCode.CANCELLED_BY_SERVICE
    await keep_attendance(db, row, code)
    await events.record(db, "session.cancelled", row)


async def shown(db: AsyncSession, row: MentoringSession) -> Found:
    """The session with all its parts, as the caller sees it."""
    return await one(db, SESSIONS, "t.id = $1", row.id, include=tuple(SESSIONS.includes))
