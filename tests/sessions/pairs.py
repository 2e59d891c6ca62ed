"""A mentor and a mentee who have been meeting for a while, and the days on which things are done."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from app.core import clock
from tests.factories import Caller, World, body_of

MATCHED = 100
"""How many days ago the pairs of these tests were confirmed."""


@contextmanager
def days_ago(days: int) -> Iterator[None]:
    """What is done inside is done so many days ago."""
    before = clock.offset()
    clock.move(timedelta(days=-days))
    yield
    clock.move(before)


def day(ago: int) -> date:
    """The London day so many days ago."""
    return clock.today() - timedelta(days=ago)


def at(days: int, hour: int = 12) -> datetime:
    """An hour (UTC) so many days from now."""
    return (clock.true_now() + timedelta(days=days)).replace(hour=hour, minute=0, second=0, microsecond=0)


@dataclass
class Pair:
    """One match: its mentor signed in, and whose episode it is."""

    world: World
    mentor: Caller
    mentor_id: str
    mentee_id: str
    match_id: str

    async def book(self, starts_at: datetime, caller: Caller | None = None, **changes: Any) -> dict[str, Any]:
        """A session booked."""
        body = {"match_id": self.match_id, "starts_at": starts_at.isoformat(), "mode": "face_to_face"} | changes
        made: dict[str, Any] = body_of(await (caller or self.mentor).post("/v1/sessions", body), 201)
        return made

    async def booked(self, ago: int, **changes: Any) -> dict[str, Any]:
        """A session that was booked for midday so many days ago."""
        with days_ago(ago + 3):
            return await self.book(at(-ago), **changes)

    async def record(self, ago: int, **changes: Any) -> dict[str, Any]:
        """A session that took place so many days ago, entered without having been booked."""
        made: dict[str, Any] = body_of(
            await self.mentor.post("/v1/sessions/record", self.recorded(ago, **changes)), 201
        )
        return made

    def recorded(self, ago: int, **changes: Any) -> dict[str, Any]:
        """The body of a record."""
        body = {"match_id": self.match_id, "outcome": "held", "held_on": str(day(ago)), "minutes": 60}
        return body | {"mode": "face_to_face"} | changes

    async def goal(self, **changes: Any) -> dict[str, Any]:
        """A goal set by the mentor."""
        body = {"mentee_id": self.mentee_id, "area": "food", "statement": "Cook at home", "importance": 8}
        made: dict[str, Any] = body_of(await self.mentor.post("/v1/goals", body | {"confidence": 4} | changes), 201)
        return made

    async def episode(self) -> Any:
        """The episode's row, as it really is."""
        return await self.world.owner.fetchrow("SELECT * FROM mentees WHERE id = $1", self.mentee_id)


async def paired(world: World, ago: int = MATCHED, mentee_id: str | None = None) -> Pair:
    """A pair confirmed so many days ago; with `mentee_id`, another mentor for somebody known."""
    with days_ago(ago):
        mentee_id = mentee_id or (await world.enrol())["id"]
        mentor, profile = await world.mentor()
        match = await world.pair(mentee_id, mentor, profile["id"])
    return Pair(world, mentor, profile["id"], mentee_id, match["id"])
