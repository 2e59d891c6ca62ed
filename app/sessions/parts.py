"""The parts of a session that lie in tables of their own: who came, what was noted, how the goals went."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.codes import AttendanceCode
from app.core.database import fetch
from app.core.errors import FieldError, NotValid
from app.sessions.models import Attendance, GoalReview, MentoringSession, SessionNote
from app.sessions.shapes import GoalReviewGiven


async def keep_attendance(db: AsyncSession, row: MentoringSession, outcome: AttendanceCode) -> None:
    """The mentee's attendance is this code, in place of any before."""
    kept = (await db.exec(select(Attendance).where(col(Attendance.session_id) == row.id))).one_or_none()
    if kept is None:
        kept = Attendance(programme_id=row.programme_id, session_id=row.id, mentee_id=row.mentee_id, outcome=outcome)
    kept.outcome = outcome
    db.add(kept)


async def keep_note(db: AsyncSession, row: MentoringSession, text: str | None) -> None:
    """The session's note is this text, in place of any before; None leaves what is there."""
    if text is None:
        return
    kept = (await db.exec(select(SessionNote).where(col(SessionNote.session_id) == row.id))).one_or_none()
    if kept is None:
        kept = SessionNote(programme_id=row.programme_id, session_id=row.id, mentee_id=row.mentee_id, text=text)
    kept.text = text
    db.add(kept)


async def keep_reviews(db: AsyncSession, row: MentoringSession, reviews: Sequence[GoalReviewGiven] | None) -> set[UUID]:
    """The session's reviews are these, in place of any before; None leaves what is there.

    Gives the goals that are reviewed no more. Refuses a goal named twice, and one that is not this mentee's.
    """
    if reviews is None:
        return set()
    await _check_goals(db, row, reviews)
    known = await db.exec(select(GoalReview).where(col(GoalReview.session_id) == row.id))
    kept = {review.goal_id: review for review in known}
    for given in reviews:
        review = kept.pop(given.goal_id, None)
        if review is None:
            whose = {"programme_id": row.programme_id, "session_id": row.id, "mentee_id": row.mentee_id}
            review = GoalReview.model_validate(given, update=whose)
        review.sqlmodel_update(given.model_dump())
        db.add(review)
    for dropped in kept.values():
        await db.delete(dropped)
    return set(kept)


async def _check_goals(db: AsyncSession, row: MentoringSession, reviews: Sequence[GoalReviewGiven]) -> None:
    named = [review.goal_id for review in reviews]
    found = await fetch(db, "SELECT id FROM goals WHERE mentee_id = $1 AND id = ANY ($2)", row.mentee_id, named)
    known = {goal["id"] for goal in found}
    faults = []
    for position, goal_id in enumerate(named):
        pointer = f"/goal_reviews/{position}/goal_id"
        if goal_id not in known:
            faults.append(FieldError(pointer, "goal_unknown", "There is no such goal of this mentee."))
        elif goal_id in named[:position]:
            faults.append(FieldError(pointer, "goal_twice", "Each goal is looked at once in a session."))
    if faults:
        raise NotValid(errors=faults)
