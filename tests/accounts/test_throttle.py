"""Guessing passwords: after some failed tries, signing in waits."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.accounts import throttle
from app.core.actor import Role
from tests.accounts.people import person, sign_in, somebody
from tests.factories import World, body_of

pytestmark = pytest.mark.anyio

WRONG = "not the right one at all"


def from_address(app: FastAPI, address: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, client=(address, 40_000))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")


async def test_too_many_failed_tries_wait_alike_for_known_and_unknown_accounts(
    world: World, http: httpx.AsyncClient
) -> None:
    mentor = await person(world, Role.MENTOR)
    limit = world.app.state.settings.sign_in_tries
    for email in (mentor.email, somebody()):
        statuses = [(await sign_in(http, email, WRONG)).status_code for _ in range(limit)]
        assert statuses == [401] * limit
        refused = await sign_in(http, email)
        assert (refused.status_code, refused.json()["type"]) == (429, "/problems/too-many-requests")
        assert 0 < int(refused.headers["retry-after"]) <= 15 * 60
        assert email not in refused.text


async def test_tries_in_parallel_are_counted_too(world: World, http: httpx.AsyncClient) -> None:
    limit = world.app.state.settings.sign_in_tries
    email = somebody()
    answers = await asyncio.gather(*(sign_in(http, email, WRONG) for _ in range(limit + 5)))
    statuses = [a.status_code for a in answers]
    assert (statuses.count(401), statuses.count(429)) == (limit, 5)


async def test_the_case_of_the_address_is_no_way_round(world: World, http: httpx.AsyncClient) -> None:
    email = somebody()
    limit = world.app.state.settings.sign_in_tries
    for n in range(limit):
        await sign_in(http, email.upper() if n % 2 else email, WRONG)
    assert (await sign_in(http, email.title(), WRONG)).status_code == 429


async def test_successful_sign_ins_are_not_counted(world: World, http: httpx.AsyncClient) -> None:
    mentor = await person(world, Role.MENTOR)
    for _ in range(world.app.state.settings.sign_in_tries + 2):
        body_of(await sign_in(http, mentor.email))


async def test_a_stranger_elsewhere_does_not_lock_the_owner_out_but_is_not_let_guess_on(
    world: World, app: FastAPI, http: httpx.AsyncClient
) -> None:
    mentor = await person(world, Role.MENTOR)
    limit = app.state.settings.sign_in_tries
    for n in range(throttle.SPREAD):
        async with from_address(app, f"192.0.2.{n}") as stranger:
            if n:
                body_of(await sign_in(http, mentor.email))
            for _ in range(limit):
                assert (await sign_in(stranger, mentor.email, WRONG)).status_code == 401
    async with from_address(app, "192.0.2.99") as stranger:
        assert (await sign_in(stranger, mentor.email, WRONG)).status_code == 429


async def test_the_wait_ends_and_old_counts_are_swept_away(world: World, http: httpx.AsyncClient, owner: Any) -> None:
    mentor = await person(world, Role.MENTOR)
    for _ in range(world.app.state.settings.sign_in_tries):
        await sign_in(http, mentor.email, WRONG)
    assert (await sign_in(http, mentor.email)).status_code == 429
    await owner.execute("UPDATE access_tries SET window_at = window_at - interval '31 minutes'")
    body_of(await sign_in(http, mentor.email))
    old = "SELECT count(*) FROM access_tries WHERE window_at < clock_timestamp() - interval '30 minutes'"
    for _ in range(3):
        await sign_in(http, somebody(), WRONG)
    assert await owner.fetchval(old) == 0


async def test_what_is_counted_names_nobody(world: World, http: httpx.AsyncClient, owner: Any) -> None:
    email = somebody()
    await sign_in(http, email, WRONG)
    rows = await owner.fetch("SELECT t::text AS row FROM access_tries t")
    assert rows
    assert all(email not in row["row"] and "127.0.0.1" not in row["row"] for row in rows)
