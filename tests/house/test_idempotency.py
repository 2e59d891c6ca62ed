"""Stored answers are kept a day and then cleared away, so that their table does not grow for ever."""

import asyncio
import hashlib
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from app.core import clock
from tests.factories import World, body_of

pytestmark = pytest.mark.anyio


async def stored(world: World, actor_id: UUID, count: int, *, hours: int) -> None:
    """Answers as stored for earlier requests, to be kept so many hours more."""
    for _ in range(count):
        values = {"actor_id": actor_id, "key_hash": uuid4().hex, "fingerprint": "", "status": 200, "headers": "{}"}
        expires_at = clock.true_now() + timedelta(hours=hours)
        await world.insert("idempotent_answers", values | {"body": b"", "expires_at": expires_at})


async def left(world: World, actor_id: UUID) -> tuple[int, int]:
    """How many of the actor's answers are expired, and how many are not."""
    row = await world.owner.fetchrow(
        "SELECT count(*) FILTER (WHERE expires_at <= now()), count(*) FILTER (WHERE expires_at > now()) "
        "FROM idempotent_answers WHERE actor_id = $1",
        actor_id,
    )
    return row[0], row[1]


async def add_organisation(world: World, *, clears: bool = True) -> None:
    """A request with a key; one in sixteen keys also clears."""
    body = {"ods_code": f"M{uuid4().hex[:7].upper()}", "name": "A practice", "kind": "gp_practice"}
    keys = (str(uuid4()) for _ in range(1000))
    key = next(k for k in keys if (hashlib.sha256(k.encode()).hexdigest()[-1] == "0") is clears)
    body_of(await world.coordinator.post("/v1/organisations", body, headers={"Idempotency-Key": key}), 201)


async def test_a_request_with_a_key_clears_away_expired_answers_of_its_caller_now_and_then(world: World) -> None:
    me, somebody = world.coordinator.id, world.referrer.id
    await stored(world, me, 105, hours=-1)
    await stored(world, me, 3, hours=1)
    await stored(world, somebody, 2, hours=-1)
    await add_organisation(world, clears=False)
    assert await left(world, me) == (105, 4)
    await add_organisation(world)
    assert await left(world, me) == (5, 5)
    await add_organisation(world)
    assert await left(world, me) == (0, 6)
    assert await left(world, somebody) == (2, 0)


async def test_requests_of_one_caller_at_once_do_not_wait_for_each_others_clearing(world: World) -> None:
    await stored(world, world.coordinator.id, 160, hours=-1)
    async with world.owner.transaction():
        # another request of the same caller, which has cleared its hundred and is still at work
        await world.owner.fetch("SELECT * FROM idempotency_begin($1, 'another 0')", world.coordinator.id)
        await asyncio.wait_for(add_organisation(world), timeout=5)
    assert await left(world, world.coordinator.id) == (60, 1)
