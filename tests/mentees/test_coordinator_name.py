"""A mentor is told whom to turn to, and of no other mentee who looks after it."""

import pytest
from fastapi import FastAPI

from app.core.actor import Actor, Kind, Role
from app.core.database import Database
from tests.factories import Caller, World
from tests.screens.pairs import pair

pytestmark = pytest.mark.anyio


async def told(app: FastAPI, caller: Caller, mentee_id: str) -> str | None:
    actor = Actor(Kind.ACCOUNT, caller.role, caller.id, sign_in_id=caller.sign_in_id)
    database: Database = app.state.database
    async with database.reading(actor) as db:
        name: str | None = (await db.fetch("SELECT coordinator_name($1)", mentee_id))[0][0]
    return name


async def test_the_name_of_a_mentees_coordinator_is_for_its_mentor_and_its_programme(
    app: FastAPI, world: World, elsewhere: World
) -> None:
    made, other = await pair(world), await pair(world)
    for caller in (made.mentor, world.coordinator):
        assert await told(app, caller, made.mentee_id) == "A coordinator"
    analyst = await world.caller(Role.ANALYST)
    for caller in (other.mentor, elsewhere.coordinator, world.referrer, analyst):
        assert await told(app, caller, made.mentee_id) is None


async def test_a_mentee_without_a_coordinator_has_no_name_to_tell(app: FastAPI, world: World) -> None:
    made = await pair(world)
    await world.owner.execute("UPDATE mentees SET coordinator_id = NULL WHERE id = $1", made.mentee_id)
    assert await told(app, made.mentor, made.mentee_id) is None
