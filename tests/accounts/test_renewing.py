"""Renewing a sign-in, signing out, and acting in another role."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.core import clock
from app.core.actor import Role
from tests.accounts.people import body_of_204, person, renew
from tests.factories import Caller, World, body_of

pytestmark = pytest.mark.anyio


async def sign_ins_of(owner: Any, account_id: Any) -> list[tuple[str, str | None]]:
    sql = "SELECT role, ended_because FROM access_sign_ins WHERE account_id = $1 ORDER BY created_at"
    return [tuple(row) for row in await owner.fetch(sql, account_id)]


async def test_a_refresh_token_gives_new_tokens_of_the_same_role(world: World, http: httpx.AsyncClient) -> None:
    both = await person(world, Role.COORDINATOR, Role.MENTOR)
    fresh = body_of(await renew(http, both.tokens))
    assert fresh["role"] == both.tokens["role"]
    assert fresh["refresh_token"] != both.tokens["refresh_token"]
    both.tokens = fresh
    body_of(await both.caller(http).get("/v1/me"))


async def test_a_refresh_token_used_twice_ends_the_whole_sign_in(
    world: World, http: httpx.AsyncClient, owner: Any
) -> None:
    mentor = await person(world, Role.MENTOR)
    fresh = body_of(await renew(http, mentor.tokens))
    refused = await renew(http, mentor.tokens)
    assert (refused.status_code, refused.json()["type"]) == (401, "/problems/refresh-refused")
    assert await sign_ins_of(owner, mentor.id) == [("mentor", "refresh_token_reused")]
    assert (await renew(http, fresh)).status_code == 401
    mentor.tokens = fresh
    assert (await mentor.caller(http).get("/v1/me")).status_code == 401


async def test_of_parallel_uses_of_one_refresh_token_exactly_one_is_answered_with_tokens(
    world: World, http: httpx.AsyncClient
) -> None:
    mentor = await person(world, Role.MENTOR)
    answers = await asyncio.gather(*(renew(http, mentor.tokens) for _ in range(6)))
    assert sorted(a.status_code for a in answers) == [200, 401, 401, 401, 401, 401]


async def test_an_expired_or_unknown_refresh_token_renews_nothing(
    world: World, http: httpx.AsyncClient, owner: Any
) -> None:
    mentor = await person(world, Role.MENTOR)
    await owner.execute(
        "UPDATE access_refresh_tokens SET expires_at = $2 WHERE sign_in_id = "
        "(SELECT id FROM access_sign_ins WHERE account_id = $1)",
        mentor.id,
        clock.true_now() - timedelta(seconds=1),
    )
    assert (await renew(http, mentor.tokens)).status_code == 401
    assert (await renew(http, {"refresh_token": "x" * 43})).status_code == 401
    assert await sign_ins_of(owner, mentor.id) == [("mentor", None)]


async def test_who_lost_the_role_cannot_renew_in_it(world: World, http: httpx.AsyncClient) -> None:
    both = await person(world, Role.MENTOR, Role.ANALYST)
    account = body_of(await world.coordinator.get(f"/v1/accounts/{both.id}"))
    gone = next(m["id"] for m in account["memberships"] if m["role"] == "mentor")
    body_of_204(await world.coordinator.send("DELETE", f"/v1/accounts/{both.id}/memberships/{gone}"))
    assert (await renew(http, both.tokens)).status_code == 401
    assert (await both.caller(http).get("/v1/me")).status_code == 401


async def test_signing_out_ends_access_and_refresh_tokens_at_once(
    world: World, http: httpx.AsyncClient, owner: Any
) -> None:
    mentor = await person(world, Role.MENTOR)
    caller = mentor.caller(http)
    body_of_204(await caller.post("/v1/auth/logout"))
    assert (await caller.get("/v1/me")).status_code == 401
    assert (await renew(http, mentor.tokens)).status_code == 401
    assert (await caller.post("/v1/auth/logout")).status_code == 401
    assert await sign_ins_of(owner, mentor.id) == [("mentor", "signed_out")]


async def test_switching_the_role_gives_new_tokens_and_ends_the_old(
    world: World, http: httpx.AsyncClient, owner: Any
) -> None:
    both = await person(world, Role.COORDINATOR, Role.MENTOR)
    before = both.caller(http)
    both.tokens = body_of(await before.post("/v1/auth/switch-role", {"role": "mentor"}))
    assert both.tokens["role"] == "mentor"
    assert body_of(await both.caller(http).get("/v1/me"))["role"] == "mentor"
    assert (await both.caller(http).get("/v1/accounts")).status_code == 403
    assert (await before.get("/v1/me")).status_code == 401
    assert await sign_ins_of(owner, both.id) == [("coordinator", "role_switched"), ("mentor", None)]


async def test_nobody_switches_to_a_role_they_do_not_hold(world: World, http: httpx.AsyncClient) -> None:
    mentor = await person(world, Role.MENTOR)
    caller = mentor.caller(http)
    for role in ("coordinator", "service", "gate"):
        refused = await caller.post("/v1/auth/switch-role", {"role": role})
        assert (refused.status_code, refused.json()["type"]) == (403, "/problems/role-not-held")
    body_of(await caller.get("/v1/me"))


async def test_a_disabled_account_neither_renews_nor_switches(world: World, http: httpx.AsyncClient) -> None:
    both = await person(world, Role.COORDINATOR, Role.MENTOR)
    body_of(await world.coordinator.post(f"/v1/accounts/{both.id}/disable"))
    assert (await renew(http, both.tokens)).status_code == 401
    answer = await both.caller(http).post("/v1/auth/switch-role", {"role": "mentor"})
    assert answer.status_code == 401


async def test_enabling_an_account_does_not_revive_its_old_sign_ins(world: World, http: httpx.AsyncClient) -> None:
    mentor = await person(world, Role.MENTOR)
    body_of(await world.coordinator.post(f"/v1/accounts/{mentor.id}/disable"))
    enabled = body_of(await world.coordinator.post(f"/v1/accounts/{mentor.id}/enable"))
    assert enabled["status"] == "active"
    assert (await mentor.caller(http).get("/v1/me")).status_code == 401
    assert (await renew(http, mentor.tokens)).status_code == 401


async def test_a_machine_client_has_no_sign_in_to_end_or_switch(world: World) -> None:
    system = await world.client()
    assert (await system.post("/v1/auth/logout")).status_code == 403
    assert (await system.post("/v1/auth/switch-role", {"role": "referrer"})).status_code == 403


async def test_signing_out_needs_a_token(http: httpx.AsyncClient, world: World) -> None:
    assert (await http.post("/v1/auth/logout")).status_code == 401
    stranger = Caller(http, world.coordinator.id, Role.COORDINATOR, world.coordinator.token[:-4] + "AAAA")
    assert (await stranger.post("/v1/auth/switch-role", {"role": "coordinator"})).status_code == 401
