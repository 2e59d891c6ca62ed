"""What an end sets off: access runs out, sessions are cancelled, and whoever still needs a mentor waits again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.access.models import Caseload
from app.core import clock
from app.core.codes import EndingReason
from app.core.database import actor_of, as_service, fetch
from app.core.errors import invalid
from app.core.reading import Found, one
from app.core.rows import get, target
from app.endings.shapes import MatchEnd, MenteeEnd, MentorLeave
from app.events import service as events
from app.matches import service as matches
from app.matches.models import Match, MatchStatus
from app.mentees import service as mentees
from app.mentees.models import Mentee, MenteeStatus
from app.mentors import service as mentors
from app.mentors.models import Leaving, Mentor, MentorStatus
from app.pam_assessments import service as pam_assessments
from app.programmes.models import Programme
from app.sessions import service as sessions

LIVE = (*matches.OPEN, MatchStatus.ACTIVE)


@dataclass(frozen=True)
class Ending:
    """Why, how and when something ended; `pointer` is the field of the body that gave the day."""

    reason: EndingReason
    is_planned: bool
    on: date
    note: str | None = None
    pointer: str = "/ended_on"


async def end_match(db: AsyncSession, match_id: UUID, given: MatchEnd) -> Found:
    """The match is over and its mentee waits for another mentor, from now.

    Sessions booked for later are cancelled; the mentor reaches the record until the programme's days of grace
    are over. Refuses a day before the confirmation or before a session held, and a death, which ends the episode.
    """
    mentee, row = await matches.of_mentee(db, match_id)
    matches.STEPS.check(row.status, "end")
    if given.reason is EndingReason.DIED:
        raise invalid("/reason", "ends_the_episode", "After a death the whole episode ends; end the mentee's episode.")
    ending = Ending(given.reason, given.is_planned, given.ended_on or clock.today(), given.note)
    await _close(db, row, ending)
    await _wait_again(db, mentee)
    return await one(db, matches.MATCHES, "t.id = $1", row.id)


async def end_episode(db: AsyncSession, mentee_id: UUID, given: MenteeEnd) -> Found:
    """The episode is over, and with it its match, its offers and its booked sessions.

    Refuses an episode that has ended, and a day before it began or before a session held.
    """
    mentee = await target(db, Mentee, mentee_id)
    mentees.STEPS.check(mentee.status, "end")
    ending = Ending(given.reason, given.is_planned, given.ended_on or clock.today(), given.note)
    if ending.on < mentee.received_on:
        raise invalid("/ended_on", "before_referral", "An episode does not end before its referral was received.")
    for row in await _live(db, col(Match.mentee_id) == mentee.id, MatchStatus.ACTIVE):
        await _close(db, row, ending)
    await matches.withdraw_offers(db, mentee.id)
    await mentees.close_pause(db, mentee.id)
    mentee.status = MenteeStatus.ENDED
    mentee.ended_on = ending.on
    mentee.ending_reason = given.reason
    mentee.is_planned_ending = given.is_planned
    mentee.ending_note = given.note
    mentee.barriers_at_end = given.barriers_at_end
    await events.record(db, "mentee.ended", mentee)
    await pam_assessments.recompute(db, mentee.id)
    return await one(db, mentees.MENTEES, "t.id = $1", mentee.id)


async def leave(db: AsyncSession, mentor_id: UUID, given: MentorLeave) -> Found:
    """The mentor has left: matches are ended, offers withdrawn, and the mentees wait for another mentor.

    Refuses a day before the confirmation of one of the matches or before a session held in it.
    """
    # episodes first, then matches, then the mentor: the order in which every verb locks them
    await _lock_episodes_of(db, mentor_id)
    await _live(db, col(Match.mentor_id) == mentor_id, *LIVE)
    mentor = await target(db, Mentor, mentor_id)
    mentors.STEPS.check(mentor.status, "leave")
    left_on = given.left_on or clock.today()
    ending = Ending(EndingReason.MENTOR_LEFT, False, left_on, pointer="/left_on")
    for row in await _live(db, col(Match.mentor_id) == mentor_id, *LIVE):
        if row.status is MatchStatus.ACTIVE:
            await _close(db, row, ending)
            await _wait_again(db, await get(db, Mentee, row.mentee_id, lock=True))
        else:
            await matches.take_back(db, row)
    mentor.status = MentorStatus.LEFT
    mentor.left_on = left_on
    db.add(Leaving(programme_id=mentor.programme_id, mentor_id=mentor.id, left_on=left_on, reason=given.reason))
    await events.record(db, "mentor.left", mentor)
    return await one(db, mentors.MENTORS, "t.id = $1", mentor.id)


def end_of_day(day: date) -> datetime:
    """The first instant after a Europe/London day."""
    return datetime.combine(day + timedelta(days=1), time.min, clock.LONDON).astimezone(UTC)


async def _wait_again(db: AsyncSession, mentee: Mentee) -> None:
    """The mentee waits from now; a paused episode rests on, and will wait once it is resumed."""
    mentee.waiting_since = clock.now()
    if mentee.status is MenteeStatus.MATCHED:
        mentee.status = MenteeStatus.WAITING
        await events.record(db, "mentee.waiting", mentee)


async def _close(db: AsyncSession, row: Match, ending: Ending) -> None:
    await _check_day(db, row, ending)
    programme = await get(db, Programme, row.programme_id)
    row.status = MatchStatus.ENDED
    row.ended_on = ending.on
    row.is_planned_ending = ending.is_planned
    # where somebody has to be kept safe, nothing stays open for writing up
    grace = clock.now() if ending.reason is EndingReason.SAFEGUARDING else None
    row.visible_until = grace or end_of_day(ending.on + timedelta(days=programme.grace_days))
    notes = await matches.notes_of(db, row.id)
    notes.ended_by = actor_of(db).id
    notes.ending_reason = ending.reason
    notes.ending_note = ending.note
    await sessions.cancel_ahead(db, row.id, min(clock.now(), end_of_day(ending.on)))
    await _limit_caseload(db, row)
    await events.record(db, "match.ended", row)


async def _check_day(db: AsyncSession, row: Match, ending: Ending) -> None:
    assert row.confirmed_at is not None
    if ending.on < clock.day_of(row.confirmed_at):
        raise invalid(ending.pointer, "before_confirmation", "A match does not end before it was confirmed.")
    later = "SELECT FROM sessions WHERE match_id = $1 AND status = 'held' AND held_on > $2 LIMIT 1"
    if await fetch(db, later, row.id, ending.on):
        raise invalid(ending.pointer, "session_held_later", "A session of this match was held after this day.")


async def _limit_caseload(db: AsyncSession, row: Match) -> None:
    async with as_service(db, "a match has ended: its mentor reaches the episode for the days of grace only"):
        caseload = (await db.exec(select(Caseload).where(col(Caseload.source_id) == row.id))).one()
        # a caseload closed before stays closed: its role was taken, or somebody had to be kept safe
        caseload.until = min(caseload.until, row.visible_until)


async def _live(db: AsyncSession, whose: ColumnElement[bool], *states: MatchStatus) -> Sequence[Match]:
    """The matches of somebody in these states, locked, in one order for all who lock several."""
    live = select(Match).where(whose, col(Match.status).in_(states)).order_by(col(Match.id))
    return (await db.exec(live.with_for_update(key_share=True).execution_options(populate_existing=True))).all()


async def _lock_episodes_of(db: AsyncSession, mentor_id: UUID) -> None:
    mentee_ids = select(Match.mentee_id).where(col(Match.mentor_id) == mentor_id, col(Match.status).in_(LIVE))
    episodes = select(Mentee).where(col(Mentee.id).in_(mentee_ids)).order_by(col(Mentee.id))
    await db.exec(episodes.with_for_update(key_share=True))
