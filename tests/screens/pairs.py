"""Pairs and their sessions, as the owner puts them where a screen needs a past."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from app.core import clock
from tests.factories import Caller, World


@dataclass(frozen=True)
class Pair:
    """A mentee with a mentor."""

    mentee: dict[str, Any]
    mentor: Caller
    mentor_id: str
    match_id: str

    @property
    def mentee_id(self) -> str:
        """The episode."""
        return str(self.mentee["id"])


async def pair(world: World, *, confirmed_days_ago: int = 0, **changes: Any) -> Pair:
    """Somebody enrolled and matched through the doors; the confirmation is moved into the past where asked."""
    mentor, profile = await world.mentor()
    mentee = await world.enrol(**changes)
    match = await world.pair(mentee["id"], mentor, profile["id"])
    if confirmed_days_ago:
        await world.owner.execute(
            "UPDATE matches SET confirmed_at = confirmed_at - make_interval(days => $2) WHERE id = $1",
            match["id"],
            confirmed_days_ago,
        )
    return Pair(mentee, mentor, profile["id"], match["id"])


async def session(world: World, of: Pair, status: str, *, days_ago: int, **changes: Any) -> UUID:
    """A session of the pair so many days ago (negative: ahead), held or not."""
    day = clock.today() - timedelta(days=days_ago)
    starts_at = clock.now() - timedelta(days=days_ago)
    given: dict[str, Any] = {
        "programme_id": world.programme_id,
        "mentee_id": of.mentee_id,
        "match_id": of.match_id,
        "status": status,
        "planned_starts_at": starts_at,
        "planned_ends_at": starts_at + timedelta(hours=1),
        "held_on": day if status in ("held", "did_not_attend") else None,
        "minutes": 60 if status == "held" else None,
        "mode": "face_to_face",
        "place": "A café",
        "topics": ["food"],
        "was_booked": True,
        "cancelled_by": "mentee" if status == "cancelled" else None,
    }
    return await world.insert("sessions", given | changes)


async def starts(world: World, of: Pair, first_held_on: date) -> None:
    """The episode's first session was held on a day."""
    await world.owner.execute(
        "UPDATE mentees SET first_held_on = $2::date, planned_end_on = $2::date + 112 WHERE id = $1",
        of.mentee_id,
        first_held_on,
    )


async def noted(world: World, caller: Caller, shape: str) -> set[str]:
    """The ids that the read-audit says this caller was shown in a shape."""
    rows = await world.owner.fetch(
        "SELECT unnest(ids)::text AS id FROM audit_reads WHERE actor_id = $1 AND shape = $2", caller.id, shape
    )
    return {row["id"] for row in rows}
