"""Booking sessions ahead and moving them: the mentor's time is taken once, and only while the episode goes on."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import Range
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.errors import Conflict, invalid
from app.core.reading import Found, link_to
from app.core.rows import refused_as
from app.events import service as events
from app.mentees.models import Mentee, MenteeStatus
from app.sessions.models import MentoringSession, SessionMentor
from app.sessions.pairs import MatchNotActive, held_pair, held_session, mentors_part
from app.sessions.service import STEPS, shown
from app.sessions.shapes import SessionBook, SessionMove

AHEAD = timedelta(days=366)
"""How far ahead a session may be planned: a year, so that a slip in the year is caught."""
_OVERLAP = "ex_sessions_mentors_overlap"


class MentorBusy(Conflict):
    """The mentor has another session planned at that time; `link` leads to it."""


class EpisodePaused(Conflict):
    """The episode rests, so nothing is booked; `link` leads to it, and its coordinator can resume it."""


async def book(db: AsyncSession, given: SessionBook) -> MentoringSession:
    """The session is planned and the mentor's time is taken.

    Refuses a time that has passed or is more than 366 days ahead, a match that is not active, an episode that
    rests, and a time that overlaps another session of the mentor's.
    """
    _check_time(given.starts_at)
    pair, mentee = await held_pair(db, given.match_id)
    planned = _planned(given.starts_at, timedelta(minutes=given.minutes or pair["session_minutes"]))
    row = MentoringSession(
        programme_id=pair["programme_id"],
        mentee_id=pair["mentee_id"],
        match_id=given.match_id,
        planned_starts_at=planned.lower,
        planned_ends_at=planned.upper,
        mode=given.mode,
        place=given.place,
    )
    _check_goes_on(row.match_id, pair["ended_on"] is not None, mentee)
    refusals = {_OVERLAP: MentorBusy(), "sessions_match_active": MatchNotActive(link=f"/v1/matches/{given.match_id}")}
    try:
        async with refused_as(db, refusals):
            db.add(row)
            await db.flush()
            db.add(mentors_part(row, pair["mentor_id"], planned))
    except MentorBusy as refusal:
        refusal.facts["link"] = await _link_to_overlap(db, pair["mentor_id"], planned)
        raise
    await events.record(db, "session.booked", row)
    return row


async def move(db: AsyncSession, session_id: UUID, given: SessionMove) -> Found:
    """The booked session is planned for another time; the mentor's time is free there and taken here.

    Refuses what booking refuses, and a session that is no longer booked. Without a length it keeps the one it had.
    """
    row, pair, mentee = await held_session(db, session_id)
    STEPS.check(row.status, "move")
    _check_time(given.starts_at)
    _check_goes_on(row.match_id, pair["ended_on"] is not None, mentee)
    assert row.planned_starts_at is not None
    assert row.planned_ends_at is not None
    length = timedelta(minutes=given.minutes) if given.minutes else row.planned_ends_at - row.planned_starts_at
    planned = _planned(given.starts_at, length)
    try:
        async with refused_as(db, {_OVERLAP: MentorBusy()}):
            row.planned_starts_at, row.planned_ends_at = planned.lower, planned.upper
            row.held_on = None  # a day noted before says nothing of a session still to come
            row.sqlmodel_update(given.model_dump(include={"mode", "place"}, exclude_none=True))
            for part in await db.exec(select(SessionMentor).where(col(SessionMentor.session_id) == session_id)):
                part.planned = planned
    except MentorBusy as refusal:
        refusal.facts["link"] = await _link_to_overlap(db, pair["mentor_id"], planned, session_id)
        raise
    await events.record(db, "session.moved", row)
    return await shown(db, row)


def _check_time(starts_at: datetime) -> None:
    if starts_at <= clock.now():
        raise invalid("/starts_at", "in_past", "A session is booked ahead; record one that has taken place.")
    if starts_at > clock.now() + AHEAD:
        raise invalid("/starts_at", "too_far_ahead", "A session is booked at most 366 days ahead.")


def _check_goes_on(match_id: UUID, has_ended: bool, mentee: Mentee) -> None:
    if has_ended:
        raise MatchNotActive(link=f"/v1/matches/{match_id}")
    if mentee.status is MenteeStatus.PAUSED:
        raise EpisodePaused(link=f"/v1/mentees/{mentee.id}")


def _planned(starts_at: datetime, length: timedelta) -> Range[datetime]:
    return Range(starts_at, starts_at + length)


async def _link_to_overlap(
    db: AsyncSession, mentor_id: UUID, planned: Range[datetime], but: UUID | None = None
) -> str | None:
    other = await link_to(
        db,
        "SELECT session_id FROM sessions_mentors WHERE mentor_id = $1 AND planned && tstzrange($2, $3) "
        "AND NOT is_cancelled AND session_id IS DISTINCT FROM $4 LIMIT 1",
        mentor_id,
        planned.lower,
        planned.upper,
        but,
    )
    return f"/v1/sessions/{other}" if other else None
