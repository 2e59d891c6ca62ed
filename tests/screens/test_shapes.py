"""What each screen sends is what the document promises, name by name."""

from typing import Any

import pytest
from pydantic import BaseModel

from app.core import clock
from app.screens.pair_shapes import PairForCoordinator, PairForMentor
from app.screens.shapes import (
    MentorHomeScreen,
    OurReferral,
    TodayScreen,
    TriageScreen,
    WaitingMentee,
)
from tests.factories import Caller, World, body_of, person
from tests.screens.pairs import pair, session, starts

pytestmark = pytest.mark.anyio


def names(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: names(each) for name, each in value.items()}
    return [names(each) for each in value] if isinstance(value, list) else None


async def fits(shape: type[BaseModel], caller: Caller, path: str) -> None:
    shown = body_of(await caller.get(path))
    for one in shown["items"] if "next" in shown else [shown]:
        read = shape.model_validate(one)
        # codes, dates and numbers are as declared, and nothing is there that is not declared, or the other way
        assert names(read.model_dump(mode="json", exclude_unset=shape is TriageScreen)) == names(one)


async def test_every_screen_is_of_its_shape(world: World) -> None:
    someone = person(practice_ods_code=world.ods_code)
    await world.enrol(**(someone | {"nhs_number": None}))
    referred = await world.refer(person=someone)
    other_id, _ = await world.organisation()
    await world.refer(await world.caller(world.referrer.role, organisation_id=other_id), person=someone)
    made = await pair(world)
    await starts(world, made, clock.today())
    goal = {"mentee_id": made.mentee_id, "area": "food", "statement": "Cook", "importance": 8, "confidence": 4}
    body_of(await made.mentor.post("/v1/goals", goal), 201)
    for status, days_ago in (("held", 7), ("booked", 1), ("booked", -1), ("cancelled", 3), ("did_not_attend", 4)):
        await session(world, made, status, days_ago=days_ago)
    _, profile = await world.mentor()
    await world.offer((await world.enrol())["id"], profile["id"])
    await fits(TodayScreen, world.coordinator, "/v1/screens/today")
    await fits(TriageScreen, world.coordinator, f"/v1/screens/triage/{referred['id']}")
    await fits(WaitingMentee, world.coordinator, "/v1/screens/waiting-list")
    await fits(PairForCoordinator, world.coordinator, f"/v1/screens/pair/{made.match_id}")
    await fits(PairForMentor, made.mentor, f"/v1/screens/pair/{made.match_id}")
    await fits(MentorHomeScreen, made.mentor, "/v1/screens/mentor-home")
    await fits(OurReferral, world.referrer, "/v1/screens/our-referrals")
