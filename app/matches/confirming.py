"""The coordinator makes two people a pair; nobody gets more mentees than agreed, no year more people than paid for."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.access.models import Caseload
from app.core import clock
from app.core.database import actor_of, as_service, fetch
from app.core.errors import Conflict, invalid
from app.core.reading import Found, one
from app.core.rows import get, refused_as
from app.events import service as events
from app.matches.models import Match, MatchConfirm, MatchStatus
from app.matches.service import MATCHES, STEPS, MenteeNotWaiting, MentorIsFull, notes_of, of_mentee, withdraw_offers
from app.mentees.models import Mentee, MenteeStatus
from app.mentors import service as mentors
from app.mentors.models import Mentor
from app.programmes import service as programmes


class MenteeMatched(Conflict):
    """This mentee has a mentor already."""


class PlacesTaken(Conflict):
    """All places of the contract year are taken; to confirm all the same, give `extra_place_reason`."""


class NoContractYear(Conflict):
    """No contract year of the programme covers today; to confirm all the same, give `extra_place_reason`."""


async def confirm(db: AsyncSession, match_id: UUID, decision: MatchConfirm) -> Found:
    """The two are a pair: the mentor reaches the briefing, the mentee's other offers are withdrawn.

    An episode's first confirmation takes a place of the contract year of that day; `PlacesTaken` and
    `NoContractYear` are overcome by `extra_place_reason`. The database holds the mentor's capacity
    (`MentorIsFull`), the year's places, and one active match per mentee (`MenteeMatched`).
    """
    mentee, row = await of_mentee(db, match_id)
    STEPS.check(row.status, "confirm")
    if mentee.status is not MenteeStatus.WAITING:
        raise MenteeNotWaiting(current=mentee.status.value, link=f"/v1/mentees/{mentee.id}")
    await mentors.check_ready(db, await get(db, Mentor, row.mentor_id, lock=True))
    await _activate(db, row)
    notes = await notes_of(db, row.id)
    notes.confirmed_by = actor_of(db).id
    notes.introduced_by = await _known_account(db, decision.introduced_by)
    if mentee.first_confirmed_on is None:
        await _take_place(db, mentee, decision.extra_place_reason)
        mentee.first_confirmed_on = clock.today()
    mentee.status = MenteeStatus.MATCHED
    await withdraw_offers(db, mentee.id)
    await _open_caseload(db, row, mentee)
    await events.record(db, "match.confirmed", row)
    return await one(db, MATCHES, "t.id = $1", row.id)


async def _known_account(db: AsyncSession, account_id: UUID | None) -> UUID | None:
    if account_id is not None and not await fetch(db, "SELECT FROM accounts WHERE id = $1", account_id):
        raise invalid("/introduced_by", "account_unknown", "There is no such account in this programme.")
    return account_id


async def _activate(db: AsyncSession, row: Match) -> None:
    refusals = {
        "matches_capacity": MentorIsFull(link=f"/v1/mentors/{row.mentor_id}"),
        "uq_matches_one_active_per_mentee": MenteeMatched(link=f"/v1/mentees/{row.mentee_id}"),
    }
    async with refused_as(db, refusals):
        row.status = MatchStatus.ACTIVE
        row.confirmed_at = clock.now()


async def _take_place(db: AsyncSession, mentee: Mentee, reason: str | None) -> None:
    """The episode counts to today's contract year; the reason is kept only where it was needed."""
    year = await programmes.contract_year_on(db, mentee.programme_id, clock.today())
    link = f"/v1/programmes/{mentee.programme_id}?include=contract_years"
    if year is None:
        if reason is None:
            raise NoContractYear(link=link)
        mentee.extra_place_reason = reason
        return
    try:
        async with refused_as(db, {"mentees_places": PlacesTaken(link=link)}):
            mentee.contract_year_id = year.id
    except PlacesTaken:
        if reason is None:
            raise
        await db.refresh(mentee)
        mentee.extra_place_reason = reason
        mentee.contract_year_id = year.id
        await db.flush()


async def _open_caseload(db: AsyncSession, row: Match, mentee: Mentee) -> None:
    async with as_service(db, "a confirmed match opens the episode to its mentor"):
        db.add(
            Caseload(
                account_id=row.mentor_account_id,
                person_id=mentee.person_id,
                mentee_id=mentee.id,
                source_id=row.id,
            )
        )
