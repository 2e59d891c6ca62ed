"""`kill -9` of API, worker and PostgreSQL while people work: nothing promised is lost, nothing is done twice."""

import asyncio
import os
import random
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from app import installation as installing
from app.installation import DATABASE
from tests.assure.installation import Whole, whole
from tests.assure.invariants import answers_astray, broken, differing, events_astray, not_audited
from tests.assure.persistence import Persistent
from tests.assure.stories import Promises, Story, play
from tests.factories import World

pytestmark = pytest.mark.anyio

VICTIMS = ("api", "worker", "postgresql")
TELLERS = 5
MENTORS = 3


async def _world(running: Whole, http: Persistent, owner: Any) -> World:
    """A programme whose requests go to the running service, signed with its own keys."""
    keys = FastAPI()
    keys.state.settings = running.settings
    keys.state.signing_keys = installing.signing_keys(running.settings)
    return await World.make(keys, cast(httpx.AsyncClient, http), owner)


async def _kill_now_and_then(running: Whole, kills: list[str], chance: random.Random, ended: asyncio.Event) -> None:
    for victim in kills:
        await asyncio.sleep(chance.uniform(0.2, 1.2))
        await asyncio.to_thread(running.kill, victim, chance.random())
        await asyncio.sleep(chance.uniform(0.0, 0.3))
        await asyncio.to_thread(running.revive)
    await asyncio.to_thread(running.await_ready)
    ended.set()


async def _work_under_kills(each: int) -> None:
    seed = int(os.environ.get("ASSURE_SEED") or secrets.randbelow(10**6))
    chance = random.Random(seed)
    kills = list(VICTIMS) * each
    chance.shuffle(kills)
    print(f"ASSURE_SEED={seed}: {', '.join(kills)}")
    with whole() as running:
        address = running.server.dsn(f"{running.settings.role_prefix}owner", DATABASE)
        http, promises = Persistent(running.url), Promises()
        try:
            async with connected(address) as owner:
                world = await _world(running, http, owner)
                mentors = [await world.mentor() for _ in range(MENTORS)]
            await _tell_while_killing(running, kills, chance, lambda r: Story(world, mentors, promises, r))
            print(f"answers {dict(http.answers)}, {http.unanswered_count} sent again without having had one")
            async with connected(address) as owner:
                await _hold(owner, world, http, promises)
        finally:
            await http.aclose()


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Any]:
    """A connection of its own; PostgreSQL may be killed between two of them."""
    connection = await asyncpg.connect(address)
    try:
        yield connection
    finally:
        await connection.close()


async def _tell_while_killing(
    running: Whole, kills: list[str], chance: random.Random, story: Callable[[random.Random], Story]
) -> None:
    ended = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(_kill_now_and_then(running, kills, chance, ended))
        group.create_task(play(lambda: story(random.Random(chance.random())), TELLERS, ended))


async def _hold(owner: Any, world: World, http: Persistent, promises: Promises) -> None:
    assert not [status for status in http.answers if status >= 500]
    assert http.answers[201] > 20, "too little was done to prove anything"
    assert await differing(owner, promises, world.programme_id) == []
    assert await events_astray(owner, promises, world.programme_id) == []
    assert await answers_astray(owner, http.kept) == []
    assert await not_audited(owner) == []
    assert await broken(owner) == []


async def test_what_was_promised_is_there_once_after_each_was_killed() -> None:
    await _work_under_kills(each=1)


@pytest.mark.long
async def test_what_was_promised_is_there_once_after_each_was_killed_seven_times() -> None:
    await _work_under_kills(each=7)
