"""/v1/goals and the small steps towards them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.access.guards import CursorSecret, Pages, Reading, Writing, allow
from app.access.permissions import Permission
from app.core.documents import created, found, listed
from app.core.door import Door
from app.core.errors import StepNotPossible
from app.core.etags import answer, list_answer
from app.core.reading import checked_include, one, page
from app.goals import service
from app.goals.models import (
    GoalActionCreate,
    GoalActionPublic,
    GoalActionUpdate,
    GoalCreate,
    GoalPublic,
    GoalStatus,
    GoalUpdate,
)

router = APIRouter(prefix="/v1/goals", tags=["goals"], route_class=Door)
reads = [allow(Permission.READ_GOALS)]
writes = [allow(Permission.WRITE_GOALS)]
WITH_PLAN = ("action_plan",)


@router.post("", summary="Set a goal", dependencies=writes, **created(GoalPublic, service.EpisodeEnded))
async def set_goal(goal: GoalCreate, db: Writing) -> Response:
    """Sets a goal with its importance, confidence and first small steps; by the pair's mentor or a coordinator."""
    made = await service.set_goal(db, goal)
    shown = await one(db, service.GOALS, "t.id = $1", made.id, include=WITH_PLAN)
    return answer(shown, 201, f"/v1/goals/{made.id}")


@router.get("", summary="List goals", dependencies=reads, **listed(GoalPublic))
async def list_goals(
    request: Request,
    db: Reading,
    pages: Pages,
    secret: CursorSecret,
    mentee_id: Annotated[UUID | None, Query(description="Only of this mentee.")] = None,
    status: Annotated[GoalStatus | None, Query(description="Only in this state.")] = None,
) -> Response:
    """Newest first, of your mentees or programmes. May `include` action_plan and reviews."""
    filters = {"mentee_id": mentee_id, "status": status}
    where = [(f"t.{name} = {{}}", value) for name, value in filters.items() if value is not None]
    return list_answer(request, await page(db, service.GOALS, where, pages, secret=secret))


@router.get("/{goal_id}", summary="Read a goal", dependencies=reads, **found(GoalPublic))
async def read_goal(
    goal_id: UUID,
    db: Reading,
    include: Annotated[str | None, Query(max_length=200, description="action_plan, reviews.")] = None,
) -> Response:
    """One goal; with reviews, how confidence went from session to session."""
    parts = checked_include(service.GOALS, include)
    return answer(await one(db, service.GOALS, "t.id = $1", goal_id, include=parts))


@router.patch(
    "/{goal_id}",
    summary="Change a goal",
    dependencies=writes,
    **found(GoalPublic, service.GoalClosed, service.EpisodeEnded),
)
async def change_goal(goal_id: UUID, changes: GoalUpdate, db: Writing) -> Response:
    """Words, area or importance; confidence changes with a review in a session."""
    return answer(await service.change(db, goal_id, changes))


@router.post(
    "/{goal_id}/achieve",
    summary="Mark a goal achieved",
    dependencies=writes,
    **found(GoalPublic, StepNotPossible, service.EpisodeEnded),
)
async def achieve_goal(goal_id: UUID, db: Writing) -> Response:
    """Marks a goal reached as of today."""
    return answer(await service.step(db, goal_id, "achieve"))


@router.post(
    "/{goal_id}/stop",
    summary="Let a goal go",
    dependencies=writes,
    **found(GoalPublic, StepNotPossible, service.EpisodeEnded),
)
async def stop_goal(goal_id: UUID, db: Writing) -> Response:
    """Marks a goal as no longer pursued, as of today."""
    return answer(await service.step(db, goal_id, "stop"))


@router.post(
    "/{goal_id}/reopen",
    summary="Take a goal up again",
    dependencies=writes,
    **found(GoalPublic, StepNotPossible, service.EpisodeEnded),
)
async def reopen_goal(goal_id: UUID, db: Writing) -> Response:
    """Takes up a goal that was reached or let go."""
    return answer(await service.step(db, goal_id, "reopen"))


@router.post(
    "/{goal_id}/actions",
    summary="Plan a small step",
    dependencies=writes,
    **created(GoalActionPublic, service.GoalClosed, service.EpisodeEnded),
)
async def plan_action(goal_id: UUID, action: GoalActionCreate, db: Writing) -> Response:
    """Adds a small step: what, when and where, what may get in the way, the plan for that, and by when."""
    made = await service.plan(db, goal_id, action)
    shown = await one(db, service.ACTIONS, "t.id = $1", made.id)
    return answer(shown, 201, f"/v1/goals/{goal_id}/actions/{made.id}")


@router.get(
    "/{goal_id}/actions/{action_id}", summary="Read a small step", dependencies=reads, **found(GoalActionPublic)
)
async def read_action(goal_id: UUID, action_id: UUID, db: Reading) -> Response:
    """One small step of a goal."""
    return answer(await one(db, service.ACTIONS, "t.id = $1 AND t.goal_id = $2", action_id, goal_id))


@router.patch(
    "/{goal_id}/actions/{action_id}",
    summary="Change a small step",
    dependencies=writes,
    **found(GoalActionPublic, StepNotPossible, service.EpisodeEnded),
)
async def change_action(goal_id: UUID, action_id: UUID, changes: GoalActionUpdate, db: Writing) -> Response:
    """Words or dates a step anew while it is planned."""
    return answer(await service.change_action(db, goal_id, action_id, changes))


@router.post(
    "/{goal_id}/actions/{action_id}/done",
    summary="Mark a small step done",
    dependencies=writes,
    **found(GoalActionPublic, StepNotPossible, service.EpisodeEnded),
)
async def do_action(goal_id: UUID, action_id: UUID, db: Writing) -> Response:
    """Marks a small step done as of today."""
    return answer(await service.step_action(db, goal_id, action_id, "done"))


@router.post(
    "/{goal_id}/actions/{action_id}/drop",
    summary="Drop a small step",
    dependencies=writes,
    **found(GoalActionPublic, StepNotPossible, service.EpisodeEnded),
)
async def drop_action(goal_id: UUID, action_id: UUID, db: Writing) -> Response:
    """Drops a small step that no longer helps."""
    return answer(await service.step_action(db, goal_id, action_id, "drop"))
