"""What a held session moves beyond itself: the first day and planned end of the episode, PAM windows, goals."""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import as_service, fetch
from app.core.rows import get
from app.goals import service as goals
from app.mentees.models import Mentee
from app.pam_assessments import service as pam
from app.pam_assessments.windows import PamRules, planned_end_on
from app.sessions.models import GoalReview, MentoringSession, Progress, SessionStatus


async def settle(db: AsyncSession, row: MentoringSession, dropped: Collection[UUID], *, achieves: bool) -> None:
    """The episode's first held day, planned end and PAM windows, and the latest confidence of each goal, are right.

    `dropped` are goals this session reviewed before and does no more; with `achieves`, goals it calls reached
    become achieved on its day.
    """
    async with as_service(db, "a session moves the dates of its episode, which its mentor may not write"):
        await _keep_first_held(db, row.mentee_id)
        reviews = (await db.exec(select(GoalReview).where(col(GoalReview.session_id) == row.id))).all()
        reached = {review.goal_id for review in reviews if review.progress is Progress.ACHIEVED}
        if not achieves or row.status is not SessionStatus.HELD:
            reached = set()
        # always in one order, so that two sessions of the same goals never wait for each other
        touched = sorted({review.goal_id for review in reviews} | set(dropped))
        latest = await _latest_confidence(db, touched)
        for goal_id in touched:
            await goals.reviewed(db, goal_id, latest.get(goal_id), row.held_on if goal_id in reached else None)


async def _keep_first_held(db: AsyncSession, mentee_id: UUID) -> None:
    # held first, so that of two sessions written up at once the later one sees the earlier one's day
    mentee = await get(db, Mentee, mentee_id, lock=True)
    found = await fetch(
        db, "SELECT min(held_on) AS day FROM sessions WHERE mentee_id = $1 AND status = 'held'", mentee_id
    )
    first_held_on = found[0]["day"]
    if first_held_on == mentee.first_held_on:
        return
    rules = (await pam.facts_of(db, mentee_id)).rules
    mentee.planned_end_on = _planned_end_on(mentee, first_held_on, rules)
    mentee.first_held_on = first_held_on
    await pam.recompute(db, mentee_id)


def _planned_end_on(mentee: Mentee, first_held_on: date | None, rules: PamRules) -> date | None:
    """As long after the first day as the programme was when the episode began, whatever its length is now."""
    if first_held_on is None:
        return None
    if mentee.first_held_on is None or mentee.planned_end_on is None:
        return planned_end_on(first_held_on, rules)
    return first_held_on + (mentee.planned_end_on - mentee.first_held_on)


async def _latest_confidence(db: AsyncSession, goal_ids: Collection[UUID]) -> dict[UUID, int]:
    """By the true day of the sessions, not by when they were entered."""
    if not goal_ids:
        return {}
    found = await fetch(
        db,
        "SELECT DISTINCT ON (r.goal_id) r.goal_id, r.confidence FROM sessions_goal_reviews r "
        "JOIN sessions s ON s.id = r.session_id WHERE r.goal_id = ANY ($1) AND s.status = 'held' "
        "ORDER BY r.goal_id, s.held_on DESC, s.id DESC",
        list(goal_ids),
    )
    return {review["goal_id"]: review["confidence"] for review in found}
