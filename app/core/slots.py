"""Times of the week at which somebody can meet: what is sent of them, and where two people's overlap.

A week is that of the clocks in England: a slot at 14:00 is at 14:00 in winter and in summer.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import AfterValidator, model_validator
from pydantic import Field as Shape
from pydantic_core import PydanticCustomError

from app.core.codes import Weekday
from app.core.fields import Text
from app.core.models import Inbound, Outbound

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")


def _clock_time(value: str) -> str:
    if _CLOCK.fullmatch(value) is None:
        raise PydanticCustomError("clock_time_form", "A time of day such as 14:00; the end of the day is 24:00.")
    return value


ClockTime = Annotated[Text, Shape(max_length=5), AfterValidator(_clock_time)]


class Slot(Inbound):
    """A time of the week; both ends as clocks in England show them."""

    weekday: Weekday
    starts_at: ClockTime
    ends_at: ClockTime

    @model_validator(mode="after")
    def _is_forward(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise PydanticCustomError("slot_order", "A slot ends after it starts, on the same day.")
        return self


class SlotPublic(Outbound):
    """A time of the week."""

    weekday: Weekday
    starts_at: str
    ends_at: str


Slots = Annotated[list[Slot], Shape(max_length=50)]


@dataclass(frozen=True, order=True)
class Shared:
    """A time of the week at which both can: minutes after midnight, of the weekday with this place (Monday 0)."""

    day: int
    start: int
    end: int

    @property
    def minutes(self) -> int:
        """How long it lasts."""
        return self.end - self.start

    @property
    def words(self) -> str:
        """`Tuesday 14:00-16:00`."""
        return f"{list(Weekday)[self.day].label} {_shown(self.start)}-{_shown(self.end)}"


def overlap(ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]]) -> list[Shared]:
    """The times at which both can, in the order of the week; slots that touch or overlap count as one."""
    mine, other = list(_joined(ours)), list(_joined(theirs))
    shared = [
        Shared(a.day, max(a.start, b.start), min(a.end, b.end))
        for a in mine
        for b in other
        if a.day == b.day and max(a.start, b.start) < min(a.end, b.end)
    ]
    return sorted(shared)


def _joined(slots: Sequence[dict[str, Any]]) -> Iterator[Shared]:
    days = {weekday.value: place for place, weekday in enumerate(Weekday)}
    ordered = sorted(Shared(days[s["weekday"]], _minutes(s["starts_at"]), _minutes(s["ends_at"])) for s in slots)
    last: Shared | None = None
    for slot in ordered:
        if last is not None and last.day == slot.day and slot.start <= last.end:
            last = Shared(last.day, last.start, max(last.end, slot.end))
        else:
            if last is not None:
                yield last
            last = slot
    if last is not None:
        yield last


def _minutes(clock_time: str) -> int:
    hours, minutes = clock_time.split(":")
    return int(hours) * 60 + int(minutes)


def _shown(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
