"""The days of the year, and what is to be done on each."""

import heapq
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from app.demo.caller import Caller, Sign


@dataclass
class Year:
    """The year as it was played: who can sign in to look, and what the service says of it."""

    starts_on: date
    ends_on: date
    programme_id: str = ""
    signs: list[Sign] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, list[Any]] = field(default_factory=dict)


Step = Callable[[], Awaitable[None]]


class Calendar:
    """Moves the service's clock from one day with something to do to the next."""

    def __init__(self, coordinator: Caller, year: Year, tick: Callable[[int], None]) -> None:
        self.year = year
        self.day = year.starts_on
        self._coordinator = coordinator
        self._tick = tick
        self._steps: list[tuple[date, int, Step]] = []
        self._numbers = itertools.count()

    def later(self, days: int, step: Step) -> None:
        """Do something so many days from now, if the year still has that day."""
        on = self.day + timedelta(days=days)
        if on <= self.year.ends_on:
            heapq.heappush(self._steps, (on, next(self._numbers), step))

    async def live(self) -> None:
        """Go through the year: on each day that has something to do, move the clock there and do it."""
        while self._steps:
            on, _, step = heapq.heappop(self._steps)
            if on != self.day:
                await self.go_to(on)
            await step()
        await self.go_to(self.year.ends_on)

    async def go_to(self, day: date) -> None:
        """It is the evening of this day."""
        self.day = day
        evening = datetime.combine(day, time(18), UTC)
        await self._coordinator.send("PUT", "/v1/clock", {"now": evening.isoformat()})
        self._tick((day - self.year.starts_on).days)
