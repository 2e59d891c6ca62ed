"""A module noted for a whole cohort at once: for all of them, or for none."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.core import clock
from app.core.codes import TrainingModule
from app.mentors.shapes import TrainingEventPublic
from tests.factories import World, body_of

pytestmark = pytest.mark.anyio

LAST_WEEK = str(clock.today() - timedelta(days=7))


def _event(world: World, *mentor_ids: str, module: str = "safeguarding") -> dict[str, Any]:
    return {
        "programme_id": str(world.programme_id),
        "module": module,
        "completed_on": LAST_WEEK,
        "mentor_ids": list(mentor_ids),
    }


async def _cohort(world: World, count: int = 3) -> list[str]:
    return [(await world.mentor(trained=False))[1]["id"] for _ in range(count)]


async def test_a_module_is_noted_for_each_of_the_cohort_in_the_order_sent(world: World) -> None:
    cohort = list(reversed(await _cohort(world)))
    held = body_of(await world.coordinator.post("/v1/training-events", _event(world, *cohort)))
    TrainingEventPublic.model_validate(held)
    assert [one["mentor_id"] for one in held["mentors"]] == cohort
    assert all("safeguarding" not in one["missing_modules"] for one in held["mentors"])
    for mentor_id in cohort:
        seen = body_of(await world.coordinator.get(f"/v1/mentors/{mentor_id}"))
        assert seen["training"] == [{"module": "safeguarding", "completed_on": LAST_WEEK}]


async def test_seven_events_make_a_cohort_matchable(world: World) -> None:
    cohort = await _cohort(world, 2)
    for module in TrainingModule:
        body_of(await world.coordinator.post("/v1/training-events", _event(world, *cohort, module=module.value)))
    seen = [body_of(await world.coordinator.get(f"/v1/mentors/{mentor_id}")) for mentor_id in cohort]
    assert [one["is_matchable"] for one in seen] == [True, True]


async def test_one_mentor_who_is_not_of_the_programme_and_nothing_is_noted_for_anybody(world: World) -> None:
    cohort = await _cohort(world, 1)
    elsewhere = await World.make(world.app, world.http, world.owner)
    _, stranger = await elsewhere.mentor(trained=False)
    for other in (stranger["id"], str(uuid4())):
        refused = await world.coordinator.post("/v1/training-events", _event(world, *cohort, other))
        (error,) = body_of(refused, 422)["errors"]
        assert (error["field"], error["code"]) == ("/mentor_ids/1", "mentor_unknown")
    assert body_of(await world.coordinator.get(f"/v1/mentors/{cohort[0]}"))["training"] == []


async def test_a_mentor_named_twice_and_a_cohort_of_nobody_are_refused(world: World) -> None:
    (mentor_id,) = await _cohort(world, 1)
    twice = await world.coordinator.post("/v1/training-events", _event(world, mentor_id, mentor_id))
    assert [(e["field"], e["code"]) for e in body_of(twice, 422)["errors"]] == [("/mentor_ids/1", "mentor_repeated")]
    nobody = await world.coordinator.post("/v1/training-events", _event(world))
    assert [e["field"] for e in body_of(nobody, 422)["errors"]] == ["/mentor_ids"]


async def test_a_later_event_replaces_the_day(world: World) -> None:
    cohort = await _cohort(world, 1)
    body_of(await world.coordinator.post("/v1/training-events", _event(world, *cohort)))
    today = _event(world, *cohort) | {"completed_on": str(clock.today())}
    body_of(await world.coordinator.post("/v1/training-events", today))
    seen = body_of(await world.coordinator.get(f"/v1/mentors/{cohort[0]}"))
    assert seen["training"] == [{"module": "safeguarding", "completed_on": str(clock.today())}]


async def test_only_coordinators_note_training(world: World) -> None:
    mentor, profile = await world.mentor(trained=False)
    for caller in (mentor, world.referrer):
        body_of(await caller.post("/v1/training-events", _event(world, profile["id"])), 403)
