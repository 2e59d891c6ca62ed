"""Entering assessments, taking mistaken ones back, and keeping straight which of an episode's assessments count."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.access.permissions import Permission
from app.core import clock
from app.core.database import Db, Reader, fetch
from app.core.errors import FieldError, NotValid, invalid
from app.core.reading import BY_PROGRAMME, Found, Key, Source, one
from app.core.rows import get, target
from app.core.steps import Step, Steps
from app.events import service as events
from app.mentees.models import Mentee
from app.pam_assessments.levels import DEFAULT_MIN_ITEMS, ITEM_COUNT, CutSet, Form, level
from app.pam_assessments.models import (
    CountedAssessment,
    DuePublic,
    EpisodePamFacts,
    EpisodePamPublic,
    PamAssessment,
    PamAssessmentCreate,
    PamAssessmentPublic,
    PamAssessmentWithdraw,
    PamPair,
    PamRulesUpdate,
)
from app.pam_assessments.windows import Assessment, Due, EpisodePam, place
from app.programmes import service as programmes
from app.programmes.models import Programme

STEPS = Steps(
    {"withdraw": Step(("recorded",), "withdrawn", Permission.ASSESS)},
    "(CASE WHEN t.is_withdrawn THEN 'withdrawn' ELSE 'recorded' END)",
)
PAM_ASSESSMENTS = Source(
    PamAssessmentPublic,
    "pam_assessments t",
    keys=(Key("t.assessed_on", "date"), Key("t.id", "uuid")),
    steps=STEPS,
    walks=BY_PROGRAMME,
)
EPISODES = Source(
    EpisodePamFacts,
    "mentees t JOIN programmes p ON p.id = t.programme_id",
    fields={
        "dates": "json_build_object('first_held_on', t.first_held_on, 'ended_on', t.ended_on, "
        "'matched_on', t.first_confirmed_on, 'planned_end_on', t.planned_end_on)",
        "rules": "json_build_object('baseline_before_days', p.pam_baseline_before_days, 'baseline_after_days', "
        "p.pam_baseline_after_days, 'follow_up_days', p.pam_follow_up_days, 'length_weeks', p.length_weeks, "
        "'exclude_straight_line', p.pam_exclude_straight_line, 'min_items', json_build_object("
        f"'pam_22', {DEFAULT_MIN_ITEMS[Form.PAM_22]}, 'pam_13', p.pam_min_items_pam_13, "
        "'pam_10', p.pam_min_items_pam_10))",
        "assessments": "(SELECT coalesce(json_agg(row_to_json(x)), '[]') FROM (SELECT a.id, a.occasion, a.assessed_on, "
        "a.form, a.score, a.level, a.cut_set, a.items_answered, a.is_straight_line "
        "FROM pam_assessments a WHERE a.mentee_id = t.id AND NOT a.is_withdrawn) x)",
    },
)


class PamLevelMismatch(NotValid):
    """The level does not follow from the score under this cut set; check both against the licensed tool."""


async def record(db: AsyncSession, given: PamAssessmentCreate) -> PamAssessment:
    """The assessment is kept, in its place among the windows of the episode, and the pair that counts is right.

    Refuses a mentee not of one's own programmes, a level other than level(score, cut set), and more items
    answered than the form has.
    """
    programme_id, cut_set = await _episode(db, given)
    _check(given, cut_set)
    row = PamAssessment.model_validate(
        given.model_dump()
        | {
            "programme_id": programme_id,
            "cut_set": cut_set,
            "match_id": await _match_on(db, given.mentee_id, given.assessed_on),
        }
    )
    await _put_in_place(db, given.mentee_id, row)
    await events.record(db, "pam_assessment.recorded", row)
    return row


async def withdraw(db: AsyncSession, assessment_id: UUID, wish: PamAssessmentWithdraw) -> Found:
    """The assessment is kept as entered by mistake and counts no more; a correction is another one, entered anew."""
    row = await target(db, PamAssessment, assessment_id)
    STEPS.check("withdrawn" if row.is_withdrawn else "recorded", "withdraw")
    row.is_withdrawn = True
    row.withdrawal_reason = wish.reason
    row.placement = None
    await recompute(db, row.mentee_id)
    await events.record(db, "pam_assessment.withdrawn", row)
    return await one(db, PAM_ASSESSMENTS, "t.id = $1", row.id)


async def recompute(db: AsyncSession, mentee_id: UUID) -> None:
    """Each assessment of the episode is in its place and the stored pair is the one that counts.

    To be called after whatever moves the dates of an episode, as a coordinator or inside `as_service`: no
    mentor reaches these tables.
    """
    await _put_in_place(db, mentee_id, None)


async def change_rules(db: AsyncSession, programme_id: UUID, changes: PamRulesUpdate) -> Found:
    """The PAM settings sent are as sent, and every episode of the programme, ended or not, is counted by them.

    So no report mixes pairs of older and newer rules. The length of the programme is not among them: each
    episode has the planned end that was set when it began, and keeps it. The answer is the programme.
    """
    programme = await target(db, Programme, programme_id)
    # held before looking who has assessments, in the order in which every verb locks episodes: whoever enters one
    # meanwhile has either entered it before, and is found, or enters it after, by the new rules
    episodes = select(Mentee.id).where(col(Mentee.programme_id) == programme_id).order_by(col(Mentee.id))
    await db.exec(episodes.with_for_update(key_share=True))
    programme.sqlmodel_update(changes.model_dump(exclude_unset=True, exclude_none=True))
    await events.record(db, "programme.pam_rules_changed", programme, programme.id)
    assessed = "SELECT DISTINCT mentee_id FROM pam_assessments WHERE programme_id = $1 ORDER BY mentee_id"
    for row in await fetch(db, assessed, programme_id):
        await recompute(db, row["mentee_id"])
    return await programmes.show(db, programme_id)


async def stand(db: Reader, mentee_id: UUID) -> EpisodePamPublic:
    """What counts, the change in points, and what is due when, as of today."""
    facts = await facts_of(db, mentee_id)
    placed = place(facts.dates, facts.assessments, facts.rules, clock.today())
    pair = placed.pair
    return EpisodePamPublic(
        mentee_id=facts.id,
        first_held_on=facts.dates.first_held_on,
        planned_end_on=facts.dates.planned_end_on,
        ended_on=facts.dates.ended_on,
        baseline=_counted(placed.baseline),
        follow_up=_counted(placed.follow_up),
        change=float(pair.change) if pair else None,
        baseline_due=_due(placed.baseline_due),
        follow_up_due=_due(placed.follow_up_due),
    )


async def facts_of(db: Db, mentee_id: UUID) -> EpisodePamFacts:
    """Dates, rules and assessments of one episode; `NotFound` for one not the caller's."""
    found = await one(db, EPISODES, "t.id = $1", mentee_id)
    return EpisodePamFacts.model_validate_json(found.body)


async def _episode(db: AsyncSession, given: PamAssessmentCreate) -> tuple[UUID, CutSet]:
    """The mentee's programme, and the cut set that the level is to be judged by."""
    found = await fetch(
        db,
        "SELECT m.programme_id, p.pam_cut_set FROM mentees m JOIN programmes p ON p.id = m.programme_id "
        "WHERE m.id = $1",
        given.mentee_id,
    )
    if not found:
        raise invalid("/mentee_id", "mentee_unknown", "There is no such mentee among yours.")
    return found[0]["programme_id"], given.cut_set or CutSet(found[0]["pam_cut_set"])


def _check(given: PamAssessmentCreate, cut_set: CutSet) -> None:
    if given.level != level(given.score, cut_set):
        words = "The level does not follow from the score under this cut set."
        raise PamLevelMismatch(errors=[FieldError("/level", "pam_level_mismatch", words)])
    if given.items_answered > ITEM_COUNT[given.form]:
        raise invalid("/items_answered", "pam_items_too_many", "The form has fewer items than that.")


async def _match_on(db: AsyncSession, mentee_id: UUID, day: date) -> UUID | None:
    """The match the mentee had on a day, where there was one."""
    found = await fetch(
        db,
        "SELECT id FROM matches WHERE mentee_id = $1 AND (confirmed_at AT TIME ZONE 'Europe/London')::date <= $2 "
        "AND coalesce(ended_on, 'infinity') >= $2 ORDER BY confirmed_at DESC LIMIT 1",
        mentee_id,
        day,
    )
    return found[0]["id"] if found else None


async def _put_in_place(db: AsyncSession, mentee_id: UUID, new: PamAssessment | None) -> None:
    # held first, so that of two changes at once the later one sees what the earlier one wrote
    await get(db, Mentee, mentee_id, lock=True)
    facts = await facts_of(db, mentee_id)
    kept = select(PamAssessment).where(col(PamAssessment.mentee_id) == mentee_id, ~col(PamAssessment.is_withdrawn))
    rows = list((await db.exec(kept)).all())
    measured = list(facts.assessments)
    if new is not None:
        rows.append(new)
        measured.append(_as_assessment(new))
    placed = place(facts.dates, measured, facts.rules, clock.today())
    _keep_placements(rows, placed)
    if new is not None:
        db.add(new)
        await db.flush()
    await _keep_pair(db, facts, placed)


def _keep_placements(rows: Sequence[PamAssessment], placed: EpisodePam) -> None:
    for row in rows:
        row.placement = placed.placed[row.id]


async def _keep_pair(db: AsyncSession, facts: EpisodePamFacts, placed: EpisodePam) -> None:
    known = await db.exec(select(PamPair).where(col(PamPair.mentee_id) == facts.id))
    pair = known.one_or_none() or PamPair(programme_id=facts.programme_id, mentee_id=facts.id)
    pair.baseline_id = placed.baseline.id if placed.baseline else None
    pair.follow_up_id = placed.follow_up.id if placed.follow_up else None
    db.add(pair)


def _as_assessment(row: PamAssessment) -> Assessment:
    return Assessment(
        id=row.id,
        occasion=row.occasion,
        assessed_on=row.assessed_on,
        form=row.form,
        score=row.score,
        level=row.level,
        cut_set=row.cut_set,
        items_answered=row.items_answered,
        is_straight_line=row.is_straight_line,
    )


def _counted(assessment: Assessment | None) -> CountedAssessment | None:
    if assessment is None:
        return None
    return CountedAssessment.model_validate(assessment, from_attributes=True)


def _due(due: Due) -> DuePublic:
    return DuePublic.model_validate(due, from_attributes=True)
