"""Noting what happened, in the transaction in which it happened."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.models import Row
from app.core.rows import insert_values
from app.events.models import Event


async def record(db: AsyncSession, event_type: str, subject: Row, programme_id: UUID | None = None) -> None:
    """One event about a row, part of the same transaction: it is there exactly when the change is."""
    await insert_values(
        db,
        Event,
        type=event_type,
        occurred_at=clock.now(),
        subject_type=str(subject.__tablename__),
        subject_id=subject.id,
        programme_id=programme_id or getattr(subject, "programme_id", None),
    )
