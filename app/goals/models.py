"""A mentee's goal with importance and confidence, and its actions: when and where, barrier, plan, due."""

from datetime import date
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field as Shape
from sqlmodel import Field

from app.core.codes import Code
from app.core.fields import Confidence, Day, LongText, PastDate
from app.core.models import Inbound, Outbound, Row, coded


class GoalArea(Code):
    """What a goal is about."""

    FOOD = "food", "Food and drink", "Diet"
    ACTIVITY = "activity", "Being active", "Physical activity"
    MEDICATION = "medication", "Taking medication", "Medication adherence"
    MONITORING = "monitoring", "Checking blood sugar", "Self-monitoring"
    FEET_AND_EYES = "feet_and_eyes", "Feet, eyes and check-ups", "Care processes"
    SMOKING_AND_ALCOHOL = "smoking_and_alcohol", "Smoking and alcohol"
    SLEEP_AND_STRESS = "sleep_and_stress", "Sleep and stress", "Wellbeing"
    APPOINTMENTS = "appointments", "Getting the most of appointments", "Health care use"
    SOCIAL = "social", "People and places", "Social connection"
    OTHER = "other", "Something else", "Other"


class GoalStatus(Code):
    """How a goal stands."""

    ACTIVE = "active", "Working on it", "Active"
    ACHIEVED = "achieved", "Reached", "Achieved"
    STOPPED = "stopped", "Let go", "Discontinued"


class Goal(Row, table=True):
    """Something the mentee wants, in the mentee's words."""

    __tablename__ = "goals"
    __table_args__ = (
        sa.CheckConstraint("importance BETWEEN 0 AND 10", name="importance"),
        sa.CheckConstraint("confidence BETWEEN 0 AND 10", name="confidence"),
        sa.CheckConstraint("latest_confidence BETWEEN 0 AND 10", name="latest_confidence"),
        sa.CheckConstraint("(status = 'active') = (closed_on IS NULL)", name="closed"),
        sa.Index("ix_goals_mentee_id", "mentee_id", "id"),
        sa.Index("ix_goals_programme_id", "programme_id", "id"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    mentee_id: UUID = Field(foreign_key="mentees.id")
    area: GoalArea = coded(GoalArea, "area")
    statement: str = Field(max_length=4000)
    importance: int
    confidence: int
    """At the start, 0–10."""
    latest_confidence: int
    """At the latest review, 0–10."""
    set_on: date
    status: GoalStatus = coded(GoalStatus, "status", default=GoalStatus.ACTIVE)
    closed_on: date | None = None


class ActionStatus(Code):
    """How an action stands."""

    PLANNED = "planned", "Planned"
    DONE = "done", "Done", "Completed"
    DROPPED = "dropped", "Dropped", "Cancelled"


class GoalAction(Row, table=True):
    """One small step: what, when and where, what may get in the way, and the plan for that."""

    __tablename__ = "goals_actions"
    __table_args__ = (
        sa.Index("ix_goals_actions_goal_id", "goal_id", "id"),
        sa.Index("ix_goals_actions_mentee_id", "mentee_id"),
        sa.Index("ix_goals_actions_programme_id", "programme_id"),
        sa.CheckConstraint("(status = 'done') = (done_on IS NOT NULL)", name="done"),
    )

    programme_id: UUID = Field(foreign_key="programmes.id")
    mentee_id: UUID = Field(foreign_key="mentees.id")
    goal_id: UUID = Field(foreign_key="goals.id")
    what: str = Field(max_length=4000)
    when_where: str | None = Field(default=None, max_length=4000)
    barrier: str | None = Field(default=None, max_length=4000)
    plan: str | None = Field(default=None, max_length=4000)
    due_on: date | None = None
    status: ActionStatus = coded(ActionStatus, "status", default=ActionStatus.PLANNED)
    done_on: date | None = None


class GoalActionCreate(Inbound):
    """One small step."""

    what: LongText
    when_where: LongText | None = None
    barrier: LongText | None = None
    """What may get in the way."""
    plan: LongText | None = None
    """What to do then."""
    due_on: Day | None = None


class GoalActionUpdate(Inbound):
    """What of a step is worded or dated anew; what is not sent stays, and null empties it."""

    what: LongText | None = None
    """Never emptied: null leaves it as it is."""
    when_where: LongText | None = None
    barrier: LongText | None = None
    plan: LongText | None = None
    due_on: Day | None = None


class GoalActionPublic(Outbound):
    """One small step and how it stands."""

    id: UUID
    goal_id: UUID
    what: str
    when_where: str | None
    barrier: str | None
    plan: str | None
    due_on: date | None
    status: ActionStatus
    done_on: date | None
    actions: list[str]
    version: int


class GoalCreate(Inbound):
    """What a mentee wants, in the mentee's words."""

    mentee_id: UUID
    area: GoalArea
    statement: LongText
    importance: Confidence
    """How much it matters to the mentee, 0 to 10."""
    confidence: Confidence
    """How sure the mentee is of reaching it, 0 to 10."""
    set_on: PastDate | None = None
    """The day it was agreed; empty: today."""
    actions: Annotated[list[GoalActionCreate], Shape(max_length=20)] = []


class GoalUpdate(Inbound):
    """What of a goal is worded or weighed anew; what is not sent stays."""

    area: GoalArea | None = None
    statement: LongText | None = None
    importance: Confidence | None = None


class PlannedAction(Outbound):
    """One small step in a goal's plan."""

    id: UUID
    what: str
    when_where: str | None
    barrier: str | None
    plan: str | None
    due_on: date | None
    status: ActionStatus
    done_on: date | None
    version: int


class ReviewOfGoal(Outbound):
    """How a goal stood in one held session."""

    session_id: UUID
    held_on: date
    progress: str
    confidence: int
    note: str | None


class GoalPublic(Outbound):
    """A goal, and by `include` its plan and how it went from session to session."""

    id: UUID
    programme_id: UUID
    mentee_id: UUID
    area: GoalArea
    statement: str
    importance: int
    confidence: int
    latest_confidence: int
    set_on: date
    status: GoalStatus
    closed_on: date | None
    action_plan: list[PlannedAction] | None = None
    """The small steps, in the order in which they were planned; with `include=action_plan`."""
    reviews: list[ReviewOfGoal] | None = None
    """Oldest first, those you may see; with `include=reviews`."""
    actions: list[str]
    """What you may do with the goal now."""
    version: int
