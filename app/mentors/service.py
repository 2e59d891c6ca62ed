"""Keeping mentors: profile, training, pauses, and the own condition with the mentor's consent."""

from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.access.permissions import Permission
from app.core import clock
from app.core.actor import Role
from app.core.codes import TrainingModule
from app.core.database import fetch
from app.core.errors import Conflict, NotFound, invalid
from app.core.reading import Found, Key, Source, link_to, one
from app.core.rows import refused_as, target, touch
from app.core.steps import Step, Steps
from app.events import service as events
from app.mentors import shapes
from app.mentors.models import Mentor, MentorCondition, MentorStatus, Training
from app.mentors.shapes import (
    MentorCreate,
    MentorPublic,
    MentorUpdate,
    TrainedMentor,
    TrainingDone,
    TrainingEventCreate,
    TrainingEventPublic,
)
from app.programmes import service as programmes

STEPS = Steps(
    {
        "pause": Step(("active",), "paused", Permission.MANAGE_MENTORS),
        "resume": Step(("paused", "left"), "active", Permission.MANAGE_MENTORS),
        "leave": Step(("active", "paused"), "left", Permission.MANAGE_MENTORS),
    }
)
EMPTIABLE = frozenset({"gender", "birth_year", "postcode_district", "travel_km", "availability"})

MISSING_MODULES = (
    f"ARRAY(SELECT m.code FROM unnest(ARRAY[{', '.join(repr(m.value) for m in TrainingModule)}]) "
    "WITH ORDINALITY m(code, place) WHERE NOT EXISTS (SELECT FROM mentors_training d "
    "WHERE d.mentor_id = t.id AND d.module = m.code) ORDER BY m.place)"
)
# A mentor whose account was disabled, or whose role was taken, could not answer an offer.
CAN_SIGN_IN = (
    "EXISTS (SELECT FROM accounts a JOIN access_memberships r ON r.account_id = a.id AND r.role = 'mentor' "
    "WHERE a.id = t.account_id AND a.status <> 'disabled' AND r.programme_id = t.programme_id)"
)
MENTORS = Source(
    MentorPublic,
    "mentors t",
    fields={
        "active_match_count": "(SELECT count(*) FROM matches a WHERE a.mentor_id = t.id AND a.status = 'active')",
        "condition": "(SELECT json_build_object('condition', c.condition, 'treatments', c.treatments, "
        "'diagnosed_year', c.diagnosed_year, 'consent_given_on', c.consent_given_on, "
        "'consent_wording_version', c.consent_wording_version) FROM mentors_conditions c WHERE c.mentor_id = t.id)",
        "training": "(SELECT coalesce(json_agg(json_build_object('module', d.module, 'completed_on', d.completed_on) "
        "ORDER BY d.completed_on, d.module), '[]') FROM mentors_training d WHERE d.mentor_id = t.id)",
        "missing_modules": MISSING_MODULES,
        "is_matchable": f"(t.status = 'active' AND cardinality({MISSING_MODULES}) = 0 AND {CAN_SIGN_IN})",
    },
    keys=(Key("t.name", "text"), Key("t.id", "uuid")),
    newest_first=False,
    steps=STEPS,
)


class MentorKnown(Conflict):
    """This account has a mentor's profile in this programme already; `link` leads to it."""


class MentorNotReady(Conflict):
    """This mentor cannot be matched: `missing` names modules still to do, or the account; `current` is the state."""


async def add(db: AsyncSession, given: MentorCreate) -> Mentor:
    """The volunteer has a profile in the programme, with no training done yet.

    Refuses an account without the role of mentor in this programme, and a second profile of one account. More
    mentors than the contract year pays for are not refused; that is noted as an event.
    """
    await _check_account(db, given)
    row = Mentor.model_validate(given.model_dump(exclude={"condition"}))
    known = MentorKnown()
    try:
        async with refused_as(db, {"uq_mentors_account_id_programme_id": known}):
            db.add(row)
    except MentorKnown:
        sql = "SELECT id FROM mentors WHERE account_id = $1 AND programme_id = $2"
        known.facts["link"] = f"/v1/mentors/{await link_to(db, sql, given.account_id, given.programme_id)}"
        raise
    if given.condition is not None:
        db.add(_condition(row, given.condition))
    await events.record(db, "mentor.added", row)
    await _note_places(db, row)
    return row


async def change(db: AsyncSession, mentor_id: UUID, changes: MentorUpdate) -> Found:
    """The profile is as sent; what was not sent stays. A lower capacity ends no match."""
    row = await target(db, Mentor, mentor_id)
    sent = changes.model_dump(exclude_unset=True)
    row.sqlmodel_update({name: value for name, value in sent.items() if value is not None or name in EMPTIABLE})
    return await one(db, MENTORS, "t.id = $1", row.id)


async def complete(db: AsyncSession, mentor_id: UUID, done: TrainingDone) -> Found:
    """The module is completed on that day; a day noted before is replaced."""
    mentor = await target(db, Mentor, mentor_id)
    await _note_module(db, mentor, done)
    return await one(db, MENTORS, "t.id = $1", mentor.id)


async def train(db: AsyncSession, event: TrainingEventCreate) -> TrainingEventPublic:
    """Each of the mentors has completed the module on that day, all of them or none.

    Refuses a mentor who is not of the programme, and one named twice. A day noted before is replaced.
    """
    mentors = await _cohort(db, event)
    done = TrainingDone(module=event.module, completed_on=event.completed_on)
    for mentor in sorted(mentors.values(), key=lambda row: row.id):
        await _note_module(db, mentor, done)
    trained = [
        TrainedMentor(
            mentor_id=mentor_id,
            known_as=mentors[mentor_id].known_as,
            missing_modules=[TrainingModule(code) for code in await missing_modules(db, mentor_id)],
        )
        for mentor_id in event.mentor_ids
    ]
    return TrainingEventPublic(
        programme_id=event.programme_id, module=event.module, completed_on=event.completed_on, mentors=trained
    )


async def _cohort(db: AsyncSession, event: TrainingEventCreate) -> dict[UUID, Mentor]:
    """The mentors of the event by id, locked in the order of their ids, as whoever locks several does."""
    wanted = select(Mentor).where(col(Mentor.programme_id) == event.programme_id, col(Mentor.id).in_(event.mentor_ids))
    locked = wanted.order_by(col(Mentor.id)).with_for_update(key_share=True)
    found = {row.id: row for row in (await db.exec(locked)).all()}
    for position, mentor_id in enumerate(event.mentor_ids):
        if mentor_id not in found:
            words = "There is no such mentor in this programme."
            raise invalid(f"/mentor_ids/{position}", "mentor_unknown", words)
        if mentor_id in event.mentor_ids[:position]:
            raise invalid(f"/mentor_ids/{position}", "mentor_repeated", "Once is enough.")
    return found


async def _note_module(db: AsyncSession, mentor: Mentor, done: TrainingDone) -> None:
    same = select(Training).where(col(Training.mentor_id) == mentor.id, col(Training.module) == done.module)
    row = (await db.exec(same)).one_or_none()
    if row is None:
        row = Training(
            programme_id=mentor.programme_id,
            mentor_id=mentor.id,
            module=done.module,
            completed_on=done.completed_on,
        )
        db.add(row)
        await events.record(db, "mentor.trained", mentor)
    row.completed_on = done.completed_on
    touch(mentor)


async def pause(db: AsyncSession, mentor_id: UUID) -> Found:
    """The mentor gets no new matches until resumed; present ones go on."""
    return await _step(db, mentor_id, "pause", MentorStatus.PAUSED)


async def resume(db: AsyncSession, mentor_id: UUID) -> Found:
    """The mentor takes part again, after a pause or after having left."""
    return await _step(db, mentor_id, "resume", MentorStatus.ACTIVE)


async def keep_condition(db: AsyncSession, mentor_id: UUID, given: shapes.MentorCondition) -> Found:
    """The mentor's own condition is kept as sent, in place of what was kept before, with this consent."""
    mentor = await target(db, Mentor, mentor_id)
    row = await _kept_condition(db, mentor.id)
    if row is None:
        db.add(_condition(mentor, given))
    else:
        row.sqlmodel_update(given.model_dump())
    touch(mentor)
    return await one(db, MENTORS, "t.id = $1", mentor.id)


async def forget_condition(db: AsyncSession, mentor_id: UUID) -> Found:
    """The consent is withdrawn: nothing of the mentor's own condition is kept in the profile any more."""
    mentor = await target(db, Mentor, mentor_id)
    row = await _kept_condition(db, mentor.id)
    if row is None:
        raise NotFound()
    await db.delete(row)
    touch(mentor)
    await events.record(db, "mentor.condition_withdrawn", mentor)
    return await one(db, MENTORS, "t.id = $1", mentor.id)


async def missing_modules(db: AsyncSession, mentor_id: UUID) -> list[str]:
    """The modules still to be completed, in the order of the training."""
    rows = await fetch(db, "SELECT module FROM mentors_training WHERE mentor_id = $1", mentor_id)
    done = {row[0] for row in rows}
    return [module.value for module in TrainingModule if module.value not in done]


async def check_ready(db: AsyncSession, mentor: Mentor) -> None:
    """`MentorNotReady`, which names what is missing, unless active, fully trained and able to sign in as a mentor."""
    missing = await missing_modules(db, mentor.id)
    if not await fetch(db, f"SELECT FROM mentors t WHERE t.id = $1 AND {CAN_SIGN_IN}", mentor.id):
        missing = [*missing, "account"]
    if missing or mentor.status is not MentorStatus.ACTIVE:
        raise MentorNotReady(missing=missing, current=mentor.status.value, link=f"/v1/mentors/{mentor.id}")


async def _step(db: AsyncSession, mentor_id: UUID, verb: str, status: MentorStatus) -> Found:
    row = await target(db, Mentor, mentor_id)
    STEPS.check(row.status, verb)
    row.status = status
    row.left_on = None
    await events.record(db, f"mentor.{verb}d", row)
    return await one(db, MENTORS, "t.id = $1", row.id)


async def _check_account(db: AsyncSession, given: MentorCreate) -> None:
    if not await fetch(db, "SELECT FROM programmes WHERE id = $1", given.programme_id):
        raise invalid("/programme_id", "programme_unknown", "There is no such programme among yours.")
    held = "SELECT FROM access_memberships WHERE account_id = $1 AND role = $2 AND programme_id = $3"
    if not await fetch(db, held, given.account_id, Role.MENTOR.value, given.programme_id):
        words = "The account does not hold the role of mentor in this programme; give it first."
        raise invalid("/account_id", "not_a_mentor", words)


async def _note_places(db: AsyncSession, mentor: Mentor) -> None:
    year = await programmes.contract_year_on(db, mentor.programme_id, clock.today())
    sql = "SELECT count(*) FROM mentors WHERE programme_id = $1 AND status <> 'left'"
    if year is not None and (await fetch(db, sql, mentor.programme_id))[0][0] > year.mentor_places:
        await events.record(db, "mentor.added_beyond_places", mentor)


async def _kept_condition(db: AsyncSession, mentor_id: UUID) -> MentorCondition | None:
    return (await db.exec(select(MentorCondition).where(col(MentorCondition.mentor_id) == mentor_id))).one_or_none()


def _condition(mentor: Mentor, given: shapes.MentorCondition) -> MentorCondition:
    return MentorCondition(programme_id=mentor.programme_id, mentor_id=mentor.id, **given.model_dump())
