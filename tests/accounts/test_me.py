"""Who am I: every role one holds, with the names of the programme and the organisation it is held in."""

from typing import Any

import pytest

from app.core.actor import Role
from tests.factories import Caller, World, body_of

pytestmark = pytest.mark.anyio


async def memberships(caller: Caller) -> dict[str, dict[str, Any]]:
    return {one["role"]: one for one in body_of(await caller.get("/v1/me"))["memberships"]}


@pytest.mark.parametrize("role", [Role.MENTOR, Role.ANALYST, Role.COORDINATOR, Role.GOVERNANCE])
async def test_i_read_the_name_of_the_programme_i_work_in(world: World, role: Role) -> None:
    mine = (await memberships(await world.caller(role)))[role.value]
    assert (mine["programme_id"], mine["programme_name"]) == (str(world.programme_id), "Diabetes peer support")
    assert (mine["organisation_id"], mine["organisation_name"]) == (None, None)


async def test_a_referrer_reads_the_name_of_its_practice(world: World) -> None:
    mine = (await memberships(world.referrer))["referrer"]
    name = await world.owner.fetchval("SELECT name FROM organisations WHERE id = $1", world.practice_id)
    assert (mine["organisation_id"], mine["organisation_name"]) == (str(world.practice_id), name)


async def test_i_read_names_of_what_only_another_role_of_mine_reaches(world: World, elsewhere: World) -> None:
    mentor = await world.caller(Role.MENTOR)
    await elsewhere.membership(mentor.id, Role.ANALYST)
    name = await world.owner.fetchval("SELECT name FROM programmes WHERE id = $1", elsewhere.programme_id)
    mine = await memberships(mentor)
    assert set(mine) == {"mentor", "analyst"}
    assert (mine["analyst"]["programme_id"], mine["analyst"]["programme_name"]) == (str(elsewhere.programme_id), name)
