"""A mentor is offered a mentee and answers; the coordinator may take an offer back."""

from typing import Any
from uuid import UUID

import orjson
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.access.permissions import Permission
from app.core import clock
from app.core.actor import Actor, Role
from app.core.database import actor_of, fetch
from app.core.errors import Conflict, NotFound, invalid
from app.core.reading import BY_PROGRAMME, Found, Source, link_to, one
from app.core.rows import get, refused_as, target
from app.core.steps import Step, Steps
from app.events import service as events
from app.matches.models import (
    Match,
    MatchCreate,
    MatchDecline,
    MatchForMentor,
    MatchNotes,
    MatchPublic,
    MatchStatus,
)
from app.mentees.models import Mentee, MenteeStatus
from app.mentors import service as mentors
from app.mentors.models import Mentor

STEPS = Steps(
    {
        "accept": Step(("proposed",), "accepted", Permission.ANSWER_OFFERS),
        "decline": Step(("proposed",), "declined", Permission.ANSWER_OFFERS),
        "withdraw": Step(("proposed", "accepted"), "withdrawn", Permission.MANAGE_MATCHES),
        "confirm": Step(("accepted",), "active", Permission.MANAGE_MATCHES),
        "end": Step(("active",), "ended", Permission.MANAGE_MATCHES),
    }
)
OPEN = (MatchStatus.PROPOSED, MatchStatus.ACCEPTED)

_UNTIL = "CASE WHEN t.status = 'ended' THEN t.visible_until END"
_NOTES = (
    "proposed_by",
    "proposal_reason",
    "confirmed_by",
    "introduced_by",
    "ended_by",
    "ending_reason",
    "ending_note",
)
MATCHES = Source(
    MatchPublic,
    "matches t JOIN matches_notes n ON n.match_id = t.id JOIN mentors o ON o.id = t.mentor_id "
    "LEFT JOIN mentees_briefings b ON b.mentee_id = t.mentee_id",
    fields={name: f"n.{name}" for name in _NOTES}
    | {"mentee_known_as": "b.known_as", "mentor_known_as": "o.known_as", "visible_until": _UNTIL},
    steps=STEPS,
    walks=BY_PROGRAMME,
)
OWN_MATCHES = Source(MatchForMentor, "matches t", fields={"visible_until": _UNTIL}, steps=STEPS)

_BRIEFING = (
    "SELECT row_to_json(x)::text FROM (SELECT known_as, language, needs, access_needs, communication_needs, "
    "is_interpreter_needed FROM mentees_briefings WHERE mentee_id = $1) x"
)
# The episodes of one person in one programme: what was said in an earlier one holds in the next.
EPISODES = (
    "SELECT e.id FROM mentees e JOIN mentees o ON o.person_id = e.person_id AND o.programme_id = e.programme_id "
    "WHERE o.id = {}"
)
MUST_NOT_MEET = (
    "(EXISTS (SELECT FROM mentees_preferences f WHERE t.id = ANY (f.excluded_mentor_ids) "
    f"AND f.mentee_id IN ({EPISODES})) OR EXISTS (SELECT FROM matches h JOIN matches_notes n ON n.match_id = h.id "
    f"WHERE h.mentor_id = t.id AND h.mentee_id IN ({EPISODES}) "
    "AND (h.decline_reason = 'known_to_each_other' OR n.ending_reason IN ('mismatch', 'safeguarding'))))"
)
"""Of a mentor `t`, with the parameter of a mentee in both braces: these two are an excluded pair."""
_EXCLUDED = f"SELECT FROM mentors t WHERE t.id = $2 AND {MUST_NOT_MEET.format('$1', '$1')}"
_SAME_EMAIL = "SELECT FROM people p JOIN accounts a ON lower(a.email) = lower(p.email) WHERE p.id = $1 AND a.id = $2"


class MenteeNotWaiting(Conflict):
    """Only somebody who waits for a mentor can be matched; `current` says how the episode stands."""


class OfferOpen(Conflict):
    """This mentor has an open offer or a match with this mentee already; `link` leads to it."""


class PairExcluded(Conflict):
    """These two must not be matched: the preferences say so, they know each other, or it went wrong before."""


class OwnMentor(Conflict):
    """Nobody can be their own mentor: the mentor's account and the mentee have the same e-mail address."""


class MentorIsFull(Conflict):
    """This mentor holds as many matches as agreed; choose another, or raise the capacity with the mentor."""


def source_for(actor: Actor) -> Source[Any]:
    """What this caller may see of a match."""
    return OWN_MATCHES if actor.role is Role.MENTOR else MATCHES


async def propose(db: AsyncSession, given: MatchCreate) -> Match:
    """The mentor is offered a mentee, and sees the part of the briefing that goes with the offer.

    A mentee may have several open offers. Refuses a mentee who is not waiting, a mentor who is not ready
    (`MentorNotReady` names what is missing) or full, an excluded pair, the mentee's own account,
    two of different programmes, and a second open offer to the same mentor.
    """
    mentee, mentor = await _pair(db, given)
    if mentee.status is not MenteeStatus.WAITING:
        raise MenteeNotWaiting(current=mentee.status.value, link=f"/v1/mentees/{mentee.id}")
    await mentors.check_ready(db, mentor)
    if await fetch(db, _EXCLUDED, mentee.id, mentor.id):
        raise PairExcluded(link=f"/v1/mentees/{mentee.id}?include=preferences")
    if await fetch(db, _SAME_EMAIL, mentee.person_id, mentor.account_id):
        raise OwnMentor()
    if await _active_count(db, mentor.id) >= mentor.capacity:
        raise MentorIsFull(link=f"/v1/mentors/{mentor.id}")
    row = Match(
        programme_id=mentee.programme_id,
        mentee_id=mentee.id,
        mentor_id=mentor.id,
        mentor_account_id=mentor.account_id,
        offer=await _offer(db, mentee.id),
        proposed_at=clock.now(),
    )
    await _insert(db, row, given)
    await events.record(db, "match.proposed", row)
    return row


async def accept(db: AsyncSession, match_id: UUID) -> Found:
    """The mentor would support this mentee; the coordinator confirms."""
    row = await _offered(db, match_id, "accept")
    row.status = MatchStatus.ACCEPTED
    row.answered_at = clock.now()
    await events.record(db, "match.accepted", row)
    return await one(db, OWN_MATCHES, "t.id = $1", row.id)


async def decline(db: AsyncSession, match_id: UUID, answer: MatchDecline) -> Found:
    """The mentor says no, and what the offer told of the mentee is taken back; the mentee goes on waiting."""
    row = await _offered(db, match_id, "decline")
    row.status = MatchStatus.DECLINED
    row.answered_at = clock.now()
    row.decline_reason = answer.reason
    row.offer = None
    await events.record(db, "match.declined", row)
    return await one(db, OWN_MATCHES, "t.id = $1", row.id)


async def withdraw(db: AsyncSession, match_id: UUID) -> Found:
    """The offer no longer stands, and what it told of the mentee is taken back."""
    row = await target(db, Match, match_id)
    STEPS.check(row.status, "withdraw")
    await take_back(db, row)
    return await one(db, MATCHES, "t.id = $1", row.id)


async def of_mentee(db: AsyncSession, match_id: UUID) -> tuple[Mentee, Match]:
    """A match with its episode, both locked: the episode first, as every verb that touches several matches does.

    `NotFound` where the match is not the caller's to see, `VersionChanged` where If-Match names another version.
    """
    mentee = await get(db, Mentee, (await get(db, Match, match_id)).mentee_id, lock=True)
    return mentee, await target(db, Match, match_id)


async def withdraw_offers(db: AsyncSession, mentee_id: UUID) -> None:
    """No offer of this mentee is open any more."""
    rivals = select(Match).where(col(Match.mentee_id) == mentee_id, col(Match.status).in_(OPEN))
    locked = rivals.order_by(col(Match.id)).with_for_update(key_share=True).execution_options(populate_existing=True)
    for rival in (await db.exec(locked)).all():
        await take_back(db, rival)


async def notes_of(db: AsyncSession, match_id: UUID) -> MatchNotes:
    """What the coordinators wrote of a match."""
    return (await db.exec(select(MatchNotes).where(col(MatchNotes.match_id) == match_id))).one()


async def take_back(db: AsyncSession, row: Match) -> None:
    """The offer is withdrawn, and with it what it told of the mentee."""
    row.status = MatchStatus.WITHDRAWN
    row.offer = None
    await events.record(db, "match.withdrawn", row)


async def _pair(db: AsyncSession, given: MatchCreate) -> tuple[Mentee, Mentor]:
    try:
        mentee = await get(db, Mentee, given.mentee_id, lock=True)
    except NotFound as error:
        raise invalid("/mentee_id", "mentee_unknown", "There is no such mentee among yours.") from error
    try:
        mentor = await get(db, Mentor, given.mentor_id, lock=True)
    except NotFound as error:
        raise invalid("/mentor_id", "mentor_unknown", "There is no such mentor among yours.") from error
    if mentor.programme_id != mentee.programme_id:
        raise invalid("/mentor_id", "programme_differs", "The mentor belongs to another programme than the mentee.")
    return mentee, mentor


async def _offer(db: AsyncSession, mentee_id: UUID) -> dict[str, Any]:
    rows = await fetch(db, _BRIEFING, mentee_id)
    if not rows:
        raise invalid("/mentee_id", "briefing_missing", "Write the mentee's briefing first.")
    offer: dict[str, Any] = orjson.loads(rows[0][0])
    return offer


async def _insert(db: AsyncSession, row: Match, given: MatchCreate) -> None:
    proposed_by = actor_of(db).id
    assert proposed_by is not None
    refusal = OfferOpen()
    try:
        async with refused_as(db, {"uq_matches_one_open_offer": refusal}):
            db.add(row)
    except OfferOpen:
        sql = (
            "SELECT id FROM matches WHERE mentee_id = $1 AND mentor_id = $2 "
            "AND status IN ('proposed', 'accepted', 'active')"
        )
        refusal.facts["link"] = f"/v1/matches/{await link_to(db, sql, given.mentee_id, given.mentor_id)}"
        raise
    db.add(
        MatchNotes(
            programme_id=row.programme_id,
            match_id=row.id,
            proposed_by=proposed_by,
            proposal_reason=given.reason,
        )
    )


async def _offered(db: AsyncSession, match_id: UUID, verb: str) -> Match:
    """The offer, locked; a mentor can lock only an open one, so its state is looked at first."""
    STEPS.check((await get(db, Match, match_id)).status, verb)
    row = await target(db, Match, match_id)
    STEPS.check(row.status, verb)
    return row


async def _active_count(db: AsyncSession, mentor_id: UUID) -> int:
    sql = "SELECT count(*) FROM matches WHERE mentor_id = $1 AND status = 'active'"
    count: int = (await fetch(db, sql, mentor_id))[0][0]
    return count
