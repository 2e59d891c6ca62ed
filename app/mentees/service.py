"""An episode of support: enrolled, waiting, matched, paused, resumed; its preferences and its briefing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.access.permissions import Permission
from app.core import clock
from app.core.actor import Actor, Role
from app.core.codes import Barrier
from app.core.database import as_service, fetch
from app.core.errors import Conflict, NotFound, invalid
from app.core.models import Inbound, Outbound
from app.core.reading import BY_PROGRAMME, Found, Key, Source, one
from app.core.rows import get, refused_as, target
from app.core.steps import Step, Steps
from app.events import service as events
from app.mentees.models import Briefing, Mentee, MenteeStatus, Pause, Preferences
from app.mentees.shapes import (
    BriefingPublic,
    BriefingUpdate,
    MenteeForMentor,
    MenteePause,
    MenteePerson,
    MenteePublic,
    MenteeUpdate,
    PausePublic,
    PreferencesPublic,
    PreferencesUpdate,
)
from app.mentees.waiting import band_sql
from app.people.models import Person

STEPS = Steps(
    {
        "pause": Step(("waiting", "matched"), "paused", Permission.MANAGE_MENTEES),
        # back to waiting or matched, whichever it is by then
        "resume": Step(("paused",), None, Permission.MANAGE_MENTEES),
        "end": Step(("waiting", "matched", "paused"), "ended", Permission.MANAGE_MENTEES),
    }
)


def _columns(shape: type[Outbound], alias: str) -> str:
    return ", ".join(f"{alias}.{name}" for name in shape.model_fields)


_DAYS_WAITING = "greatest(0, coalesce(t.first_confirmed_on, t.ended_on, app_today()) - t.received_on)"
_BRIEFING = (
    f"SELECT row_to_json(x) FROM (SELECT {_columns(BriefingPublic, 'b')} FROM mentees_briefings b "
    "WHERE b.mentee_id = t.id) x"
)
_PREFERENCES = (
    f"SELECT row_to_json(x) FROM (SELECT {_columns(PreferencesPublic, 'f')} FROM mentees_preferences f "
    "WHERE f.mentee_id = t.id) x"
)
_PERSON = (
    "SELECT row_to_json(x) FROM (SELECT "
    + _columns(MenteePerson, "p").replace("p.postcode", "i.postcode").replace("p.birth_date", "i.birth_date")
    + " FROM people_identifiers i WHERE i.person_id = p.id) x"
)
_PAUSES = (
    f"SELECT coalesce(json_agg(row_to_json(x)), '[]') FROM (SELECT {_columns(PausePublic, 'u')} "
    "FROM mentees_pauses u WHERE u.mentee_id = t.id ORDER BY u.id) x"
)
_ROWS = "mentees t JOIN people p ON p.id = t.person_id LEFT JOIN accounts a ON a.id = t.coordinator_id"
_FIELDS = {
    "given_name": "p.given_name",
    "family_name": "p.family_name",
    "known_as": "p.known_as",
    "coordinator_name": "a.name",
    "days_waiting": _DAYS_WAITING,
    "waiting_band": band_sql(_DAYS_WAITING),
    "flags": "coalesce((SELECT r.flags FROM referrals r WHERE r.id = t.referral_id), '[]')",
}
_INCLUDES = {"briefing": _BRIEFING, "preferences": _PREFERENCES, "person": _PERSON, "pauses": _PAUSES}

MENTEES = Source(MenteePublic, _ROWS, fields=_FIELDS, includes=_INCLUDES, steps=STEPS, walks=BY_PROGRAMME)
WAITING_LIST = Source(
    MenteePublic,
    _ROWS,
    fields=_FIELDS,
    includes=_INCLUDES,
    keys=(Key("t.waiting_since", "timestamptz"), Key("t.id", "uuid")),
    newest_first=False,
    steps=STEPS,
    walks=BY_PROGRAMME,
)
OWN_MENTEES = Source(
    MenteeForMentor,
    "mentees t JOIN mentees_briefings o ON o.mentee_id = t.id",
    fields={"known_as": "o.known_as", "coordinator_name": "coordinator_name(t.id)"},
    includes={"briefing": _BRIEFING},
    steps=STEPS,
)
PREFERENCES = Source(PreferencesPublic, "mentees_preferences t")
BRIEFINGS = Source(BriefingPublic, "mentees_briefings t")


class EpisodeOpen(Conflict):
    """This person has an open episode in this programme already; `link` leads to it."""


@dataclass(frozen=True)
class Arrival:
    """What a referral brings into an episode; `received_on` is the day on which the wait began."""

    programme_id: UUID
    referral_id: UUID
    received_on: date
    coordinator_id: UUID
    barriers: Sequence[Barrier] = field(default_factory=list)
    needs: str | None = None


def source_for(actor: Actor) -> Source[Any]:
    """What this caller may see of an episode."""
    return OWN_MENTEES if actor.role is Role.MENTOR else MENTEES


async def enrol(db: AsyncSession, person: Person, arrival: Arrival) -> Mentee:
    """The person waits for a mentor: a new episode with empty preferences and a first draft of the briefing.

    The draft holds no more than first name, language, communication needs and the needs told at referral, and
    leads through the coordinator. Refuses a second open episode in the programme (`EpisodeOpen`, with its link)
    and a named coordinator from elsewhere.
    """
    await _check_coordinator(db, arrival.programme_id, arrival.coordinator_id)
    mentee = Mentee(
        programme_id=arrival.programme_id,
        person_id=person.id,
        referral_id=arrival.referral_id,
        coordinator_id=arrival.coordinator_id,
        received_on=arrival.received_on,
        waiting_since=clock.now(),
        barriers=list(arrival.barriers),
    )
    try:
        async with (
            as_service(db, "an episode opens a person's record, so no role may make one by itself"),
            refused_as(db, {"uq_mentees_open_episode": EpisodeOpen()}),
        ):
            db.add(mentee)
    except EpisodeOpen as refusal:
        refusal.facts["link"] = await _open_episode(db, person.id, arrival.programme_id)
        raise
    db.add(Preferences(programme_id=mentee.programme_id, mentee_id=mentee.id))
    db.add(
        Briefing(
            programme_id=mentee.programme_id,
            mentee_id=mentee.id,
            known_as=person.known_as or person.given_name,
            needs=arrival.needs,
            communication_needs=list(person.communication_needs),
            language=person.language,
            is_interpreter_needed=person.is_interpreter_needed,
        )
    )
    await events.record(db, "mentee.enrolled", mentee)
    return mentee


async def change(db: AsyncSession, mentee_id: UUID, changes: MenteeUpdate) -> Found:
    """The episode has the named coordinator and barriers sent."""
    row = await target(db, Mentee, mentee_id)
    if changes.coordinator_id is not None:
        await _check_coordinator(db, row.programme_id, changes.coordinator_id)
    row.sqlmodel_update(changes.model_dump(exclude_unset=True, exclude_none=True))
    await events.record(db, "mentee.changed", row)
    return await one(db, MENTEES, "t.id = $1", row.id)


async def change_preferences(db: AsyncSession, mentee_id: UUID, changes: PreferencesUpdate) -> Found:
    """The preferences are as sent; what was not sent stays."""
    row = await target(db, Preferences, await _part_of(db, Preferences, mentee_id))
    await _check_mentors(db, row.programme_id, changes.excluded_mentor_ids or [])
    row.sqlmodel_update(_given(changes, Preferences))
    return await one(db, PREFERENCES, "t.id = $1", row.id)


async def change_briefing(db: AsyncSession, mentee_id: UUID, changes: BriefingUpdate) -> Found:
    """The briefing is as sent; what was not sent stays. A mentor of the episode sees it at once."""
    row = await target(db, Briefing, await _part_of(db, Briefing, mentee_id))
    row.sqlmodel_update(_given(changes, Briefing))
    return await one(db, BRIEFINGS, "t.id = $1", row.id)


async def pause(db: AsyncSession, mentee_id: UUID, wish: MenteePause) -> Found:
    """The episode rests; the days waited go on, with the pause shown beside them."""
    row = await target(db, Mentee, mentee_id)
    STEPS.check(row.status, "pause")
    row.status = MenteeStatus.PAUSED
    db.add(Pause(programme_id=row.programme_id, mentee_id=row.id, reason=wish.reason, paused_at=clock.now()))
    await events.record(db, "mentee.paused", row)
    return await one(db, MENTEES, "t.id = $1", row.id)


async def resume(db: AsyncSession, mentee_id: UUID) -> Found:
    """The episode goes on: with its mentor where there is still a match, else waiting for one."""
    row = await target(db, Mentee, mentee_id)
    STEPS.check(row.status, "resume")
    matches = await fetch(db, "SELECT FROM matches WHERE mentee_id = $1 AND status = 'active'", row.id)
    row.status = MenteeStatus.MATCHED if matches else MenteeStatus.WAITING
    await close_pause(db, row.id)
    await events.record(db, "mentee.resumed", row)
    return await one(db, MENTEES, "t.id = $1", row.id)


async def close_pause(db: AsyncSession, mentee_id: UUID) -> None:
    """The episode's open pause, if there is one, ends now."""
    still = select(Pause).where(col(Pause.mentee_id) == mentee_id, col(Pause.resumed_at).is_(None))
    for open_pause in await db.exec(still):
        open_pause.resumed_at = clock.now()


def _given(changes: Inbound, table: type[Preferences] | type[Briefing]) -> dict[str, Any]:
    """What was sent; null only for columns that may be empty."""
    columns = table.__table__.columns  # type: ignore[union-attr]  # SQLModel does not declare it
    sent = changes.model_dump(exclude_unset=True)
    return {name: value for name, value in sent.items() if value is not None or columns[name].nullable}


async def _part_of(db: AsyncSession, table: type[Preferences] | type[Briefing], mentee_id: UUID) -> UUID:
    await get(db, Mentee, mentee_id)
    found = (await db.exec(select(table.id).where(col(table.mentee_id) == mentee_id))).one_or_none()
    if found is None:
        raise NotFound()
    return found


async def _check_coordinator(db: AsyncSession, programme_id: UUID, account_id: UUID) -> None:
    known = await fetch(
        db,
        "SELECT FROM access_memberships WHERE account_id = $1 AND programme_id = $2 AND role = 'coordinator'",
        account_id,
        programme_id,
    )
    if not known:
        raise invalid("/coordinator_id", "coordinator_unknown", "Nobody with this id coordinates the programme.")


async def _check_mentors(db: AsyncSession, programme_id: UUID, mentor_ids: Sequence[UUID]) -> None:
    sql = "SELECT id FROM mentors WHERE programme_id = $1 AND id = ANY ($2)"
    known = {row[0] for row in await fetch(db, sql, programme_id, mentor_ids)} if mentor_ids else set()
    for position, mentor_id in enumerate(mentor_ids):
        if mentor_id not in known:
            words = "There is no such mentor in this programme."
            raise invalid(f"/excluded_mentor_ids/{position}", "mentor_unknown", words)


async def _open_episode(db: AsyncSession, person_id: UUID, programme_id: UUID) -> str | None:
    found = await fetch(
        db,
        "SELECT id FROM mentees WHERE person_id = $1 AND programme_id = $2 AND status <> 'ended'",
        person_id,
        programme_id,
    )
    return f"/v1/mentees/{found[0][0]}" if found else None
