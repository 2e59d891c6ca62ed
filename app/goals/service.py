"""Setting goals with a mentee, planning small steps, and saying how they ended."""

from datetime import date
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.access.permissions import Permission
from app.core import clock
from app.core.database import fetch
from app.core.errors import Conflict, NotFound, StepNotPossible, invalid
from app.core.reading import BY_PROGRAMME, Found, Source, one
from app.core.rows import get, target
from app.core.steps import Step, Steps
from app.events import service as events
from app.goals.models import (
    ActionStatus,
    Goal,
    GoalAction,
    GoalActionCreate,
    GoalActionPublic,
    GoalActionUpdate,
    GoalCreate,
    GoalPublic,
    GoalStatus,
    GoalUpdate,
)

STEPS = Steps(
    {
        "achieve": Step(("active",), "achieved", Permission.WRITE_GOALS),
        "stop": Step(("active",), "stopped", Permission.WRITE_GOALS),
        "reopen": Step(("achieved", "stopped"), "active", Permission.WRITE_GOALS),
    }
)
ACTION_STEPS = Steps(
    {
        "done": Step(("planned",), "done", Permission.WRITE_GOALS),
        "drop": Step(("planned",), "dropped", Permission.WRITE_GOALS),
    }
)
HAPPENED = {"achieve": "goal.achieved", "stop": "goal.stopped", "reopen": "goal.reopened"}

GOALS = Source(
    GoalPublic,
    "goals t",
    includes={
        "action_plan": "SELECT coalesce(json_agg(row_to_json(step) ORDER BY step.id), '[]') FROM (SELECT a.id, a.what, "
        "a.when_where, a.barrier, a.plan, a.due_on, a.status, a.done_on, a.version "
        "FROM goals_actions a WHERE a.goal_id = t.id) step",
        "reviews": "SELECT coalesce(json_agg(row_to_json(review) ORDER BY review.held_on, review.session_id), '[]') "
        "FROM (SELECT r.session_id, s.held_on, r.progress, r.confidence, r.note FROM sessions_goal_reviews r "
        "JOIN sessions s ON s.id = r.session_id WHERE r.goal_id = t.id AND s.status = 'held') review",
    },
    steps=STEPS,
    walks=BY_PROGRAMME,
)
ACTIONS = Source(GoalActionPublic, "goals_actions t", steps=ACTION_STEPS)


class EpisodeEnded(Conflict):
    """This episode of support has ended; its goals stay as they are."""


class GoalClosed(Conflict):
    """This goal is closed; reopen it first."""


async def set_goal(db: AsyncSession, goal: GoalCreate) -> Goal:
    """The goal is the mentee's, with its first small steps.

    Refuses a mentee who is not the caller's to support, and an episode that has ended.
    """
    programme_id = await _open_episode(db, goal.mentee_id)
    row = Goal.model_validate(
        goal.model_dump(exclude={"actions"})
        | {
            "programme_id": programme_id,
            "latest_confidence": goal.confidence,
            "set_on": goal.set_on or clock.today(),
        }
    )
    db.add(row)
    await db.flush()
    for action in goal.actions:
        db.add(_planned(row, action))
    await events.record(db, "goal.set", row)
    return row


async def change(db: AsyncSession, goal_id: UUID, changes: GoalUpdate) -> Found:
    """Wording, area and importance are as sent. Refuses a closed goal and an ended episode."""
    row = await _active(db, goal_id)
    row.sqlmodel_update(changes.model_dump(exclude_unset=True, exclude_none=True))
    return await one(db, GOALS, "t.id = $1", row.id)


async def step(db: AsyncSession, goal_id: UUID, verb: str) -> Found:
    """The goal is achieved or let go as of today, or worked on again. Refuses an ended episode."""
    row = await target(db, Goal, goal_id)
    STEPS.check(row.status, verb)
    await _open_episode(db, row.mentee_id)
    row.status = GoalStatus(STEPS.verbs[verb].to or row.status)
    row.closed_on = None if row.status is GoalStatus.ACTIVE else clock.today()
    await events.record(db, HAPPENED[verb], row)
    return await one(db, GOALS, "t.id = $1", row.id)


async def reviewed(db: AsyncSession, goal_id: UUID, confidence: int | None, achieved_on: date | None) -> None:
    """The goal's latest confidence (0–10) is as given, or the first one again; it is achieved where a day is given."""
    row = await get(db, Goal, goal_id, lock=True)
    row.latest_confidence = row.confidence if confidence is None else confidence
    if achieved_on is not None and row.status is GoalStatus.ACTIVE:
        row.status = GoalStatus.ACHIEVED
        row.closed_on = achieved_on
        await events.record(db, "goal.achieved", row)


async def plan(db: AsyncSession, goal_id: UUID, action: GoalActionCreate) -> GoalAction:
    """The goal has one small step more. Refuses a closed goal and an ended episode."""
    goal = await _active(db, goal_id)
    row = _planned(goal, action)
    db.add(row)
    return row


async def change_action(db: AsyncSession, goal_id: UUID, action_id: UUID, changes: GoalActionUpdate) -> Found:
    """The step is worded and dated as sent. Refuses one that is done or dropped."""
    row = await _action(db, goal_id, action_id)
    if row.status is not ActionStatus.PLANNED:
        raise StepNotPossible(current=row.status, possible=ACTION_STEPS.possible(row.status))
    given = changes.model_dump(exclude_unset=True)
    if given.get("what") is None:
        given.pop("what", None)
    row.sqlmodel_update(given)
    return await one(db, ACTIONS, "t.id = $1", row.id)


async def step_action(db: AsyncSession, goal_id: UUID, action_id: UUID, verb: str) -> Found:
    """The step is done as of today, or dropped."""
    row = await _action(db, goal_id, action_id)
    ACTION_STEPS.check(row.status, verb)
    row.status = ActionStatus(ACTION_STEPS.verbs[verb].to or row.status)
    row.done_on = clock.today() if row.status is ActionStatus.DONE else None
    return await one(db, ACTIONS, "t.id = $1", row.id)


def _planned(goal: Goal, action: GoalActionCreate) -> GoalAction:
    whose = {"programme_id": goal.programme_id, "mentee_id": goal.mentee_id, "goal_id": goal.id}
    return GoalAction.model_validate(action, update=whose)


async def _open_episode(db: AsyncSession, mentee_id: UUID) -> UUID:
    """The programme of an episode that has not ended."""
    found = await fetch(db, "SELECT programme_id, status FROM mentees WHERE id = $1", mentee_id)
    if not found:
        raise invalid("/mentee_id", "mentee_unknown", "There is no such mentee among yours.")
    if found[0]["status"] == "ended":
        raise EpisodeEnded(link=f"/v1/mentees/{mentee_id}")
    programme_id: UUID = found[0]["programme_id"]
    return programme_id


async def _active(db: AsyncSession, goal_id: UUID) -> Goal:
    row = await target(db, Goal, goal_id)
    if row.status is not GoalStatus.ACTIVE:
        raise GoalClosed()
    await _open_episode(db, row.mentee_id)
    return row


async def _action(db: AsyncSession, goal_id: UUID, action_id: UUID) -> GoalAction:
    row = await target(db, GoalAction, action_id)
    if row.goal_id != goal_id:
        raise NotFound()
    await _open_episode(db, row.mentee_id)
    return row
