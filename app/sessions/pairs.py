"""The pair that a session belongs to: which days it may take place on, and the mentor's part in it."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.database import as_service, fetch
from app.core.errors import Conflict, invalid
from app.core.rows import get, target
from app.mentees.models import Mentee
from app.sessions.models import MentoringSession, SessionMentor


class MatchNotActive(Conflict):
    """This match is not active, so nothing can be booked on it; a session that took place before can be recorded."""


async def pair_of(db: AsyncSession, match_id: UUID) -> Any:
    """A match that was confirmed, active or ended, with its programme's usual length of a session.

    Refuses one the caller does not see, and one that has not been confirmed.
    """
    found = await fetch(
        db,
        "SELECT m.programme_id, m.mentee_id, m.mentor_id, m.confirmed_at, m.ended_on, p.session_minutes "
        "FROM matches m JOIN programmes p ON p.id = m.programme_id WHERE m.id = $1",
        match_id,
    )
    if not found:
        raise invalid("/match_id", "match_unknown", "There is no such match among yours.")
    if found[0]["confirmed_at"] is None:
        raise MatchNotActive(link=f"/v1/matches/{match_id}")
    return found[0]


async def held_pair(db: AsyncSession, match_id: UUID) -> tuple[Any, Mentee]:
    """The pair, and its episode, held until the commit so that nothing ends, rests or is entered twice meanwhile.

    Refuses what `pair_of` refuses.
    """
    mentee_id = (await pair_of(db, match_id))["mentee_id"]
    async with as_service(db, "an episode is held while a session is entered, which its mentor may not do"):
        mentee = await get(db, Mentee, mentee_id, lock=True)
    # read again: what was waited for may have ended the match
    return await pair_of(db, match_id), mentee


async def held_session(db: AsyncSession, session_id: UUID) -> tuple[MentoringSession, Any, Mentee]:
    """A session to be changed with its pair and episode, held in the order in which an ending holds them.

    Refuses what `pair_of` refuses, and a session that another version is meant of.
    """
    match_id = (await get(db, MentoringSession, session_id)).match_id
    pair, mentee = await held_pair(db, match_id)
    return await target(db, MentoringSession, session_id), pair, mentee


def check_day(day: date, pair: Any) -> None:
    """Refuse a day that has not come, and one on which the pair was not matched."""
    if day > clock.today():
        raise invalid("/held_on", "date_in_future", "The session has not come yet.")
    if day < clock.day_of(pair["confirmed_at"]):
        raise invalid("/held_on", "before_match", "The match was confirmed after that day.")
    if pair["ended_on"] is not None and day > pair["ended_on"]:
        raise invalid("/held_on", "after_match", "The match had ended by that day.")


def mentors_part(row: MentoringSession, mentor_id: UUID, planned: Any) -> SessionMentor:
    """The mentor's part in a session, with the planned range of time where there is one."""
    return SessionMentor(
        programme_id=row.programme_id,
        session_id=row.id,
        mentee_id=row.mentee_id,
        mentor_id=mentor_id,
        planned=planned,
    )
