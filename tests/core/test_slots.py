"""Times of the week: what may be sent, and where two people's overlap."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.core.codes import Weekday
from app.core.slots import Slot, overlap


def slot(weekday: str, starts_at: str, ends_at: str) -> dict[str, Any]:
    return {"weekday": weekday, "starts_at": starts_at, "ends_at": ends_at}


def words(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[str]:
    return [shared.words for shared in overlap(ours, theirs)]


def test_two_people_share_what_both_have_in_the_order_of_the_week() -> None:
    ours = [slot("thursday", "09:00", "12:00"), slot("tuesday", "13:00", "16:00")]
    theirs = [slot("tuesday", "14:00", "18:30"), slot("thursday", "11:30", "24:00"), slot("friday", "09:00", "10:00")]
    assert words(ours, theirs) == ["Tuesday 14:00-16:00", "Thursday 11:30-12:00"]


def test_slots_that_touch_are_one_and_slots_that_only_meet_share_nothing() -> None:
    halves = [slot("monday", "10:00", "10:30"), slot("monday", "10:30", "11:00")]
    assert words(halves, [slot("monday", "09:00", "12:00")]) == ["Monday 10:00-11:00"]
    assert words(halves, [slot("monday", "11:00", "12:00")]) == []


@pytest.mark.parametrize(
    ("starts_at", "ends_at"), [("14:00", "14:00"), ("15:00", "14:00"), ("9:00", "10:00"), ("09:00", "24:01"), ("", "1")]
)
def test_a_slot_that_is_no_time_of_one_day_is_refused(starts_at: str, ends_at: str) -> None:
    with pytest.raises(ValidationError):
        Slot(weekday=Weekday.MONDAY, starts_at=starts_at, ends_at=ends_at)


@st.composite
def weeks(draw: st.DrawFn) -> list[dict[str, Any]]:
    slots = []
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, 47))
        end = draw(st.integers(start + 1, 48))
        shown = [f"{half // 2:02}:{half % 2 * 30:02}" for half in (start, end)]
        slots.append(slot(draw(st.sampled_from(["monday", "tuesday"])), *shown))
    return slots


def halves(slots: list[dict[str, Any]]) -> set[tuple[str, int]]:
    """Each half hour by itself, which nobody needs to be clever for."""
    found = set()
    for one in slots:
        first, last = (int(t[:2]) * 2 + int(t[3:]) // 30 for t in (one["starts_at"], one["ends_at"]))
        found |= {(one["weekday"], half) for half in range(first, last)}
    return found


@given(weeks(), weeks())
def test_what_is_shared_is_what_counting_half_hours_finds(
    ours: list[dict[str, Any]], theirs: list[dict[str, Any]]
) -> None:
    shared = overlap(ours, theirs)
    assert sum(one.minutes for one in shared) == 30 * len(halves(ours) & halves(theirs))
    assert shared == overlap(theirs, ours)
    assert all(one.minutes > 0 for one in shared)
