"""Setting a password by a single-use link."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.core import clock
from app.core.actor import Role
from tests.accounts.people import PASSWORD, body_of_204, invited, person, renew, set_password, sign_in
from tests.factories import World, body_of

pytestmark = pytest.mark.anyio

OTHER_PASSWORD = "brisk violet harbour nineteen"


async def test_a_link_makes_the_account_usable_and_works_once(world: World, http: httpx.AsyncClient) -> None:
    made = await invited(world, Role.MENTOR)
    assert made["account"]["status"] == "invited"
    link = made["password_link"]
    assert link["url"] == f"http://127.0.0.1:8000/set-password#token={link['token']}"
    body_of_204(await set_password(http, link["token"]))
    account = body_of(await world.coordinator.get(f"/v1/accounts/{made['account']['id']}"))
    assert account["status"] == "active"
    again = await set_password(http, link["token"], OTHER_PASSWORD)
    assert (again.status_code, again.json()["type"]) == (410, "/problems/link-used")
    body_of(await sign_in(http, account["email"]))


async def test_of_parallel_uses_of_one_link_one_succeeds(world: World, http: httpx.AsyncClient) -> None:
    token = (await invited(world, Role.MENTOR))["password_link"]["token"]
    answers = await asyncio.gather(*(set_password(http, token) for _ in range(4)))
    assert sorted(a.status_code for a in answers) == [204, 410, 410, 410]


async def test_a_link_expires_after_three_days(world: World, http: httpx.AsyncClient, owner: Any) -> None:
    made = await invited(world, Role.MENTOR)
    expires_at = await owner.fetchval(
        "SELECT expires_at - created_at FROM accounts_password_links l WHERE account_id = $1::text::uuid",
        made["account"]["id"],
    )
    assert abs(expires_at - timedelta(hours=72)) < timedelta(seconds=5)
    await owner.execute(
        "UPDATE accounts_password_links SET expires_at = $2 WHERE account_id = $1::text::uuid",
        made["account"]["id"],
        clock.true_now() - timedelta(seconds=1),
    )
    assert (await set_password(http, made["password_link"]["token"])).status_code == 410


async def test_an_unknown_link_looks_like_a_used_one(http: httpx.AsyncClient) -> None:
    assert (await set_password(http, "x" * 43)).json()["type"] == "/problems/link-used"


@pytest.mark.parametrize("weak", ["tooshort12", "password1234", "robin okafor", "a" * 129])
async def test_a_weak_password_is_refused_by_name_and_the_link_stays(
    world: World, http: httpx.AsyncClient, weak: str
) -> None:
    made = await invited(world, Role.MENTOR)
    token = made["password_link"]["token"]
    refused = await set_password(http, token, weak)
    assert refused.status_code == 422
    assert [e["field"] for e in refused.json()["errors"]] == ["/password"]
    assert weak not in refused.text
    body_of_204(await set_password(http, token))


async def test_a_new_link_ends_the_older_one_and_a_new_password_every_sign_in(
    world: World, http: httpx.AsyncClient
) -> None:
    mentor = await person(world, Role.MENTOR)
    path = f"/v1/accounts/{mentor.id}/password-link"
    first = body_of(await world.coordinator.post(path), 201)
    second = body_of(await world.coordinator.post(path), 201)
    assert (await set_password(http, first["token"], OTHER_PASSWORD)).status_code == 410
    body_of(await mentor.caller(http).get("/v1/me"))
    body_of_204(await set_password(http, second["token"], OTHER_PASSWORD))
    assert (await mentor.caller(http).get("/v1/me")).status_code == 401
    assert (await renew(http, mentor.tokens)).status_code == 401
    assert (await sign_in(http, mentor.email, PASSWORD)).status_code == 401
    body_of(await sign_in(http, mentor.email, OTHER_PASSWORD))


async def test_a_disabled_accounts_link_opens_nothing(world: World, http: httpx.AsyncClient) -> None:
    made = await invited(world, Role.MENTOR)
    path = f"/v1/accounts/{made['account']['id']}"
    body_of(await world.coordinator.post(f"{path}/disable"))
    assert (await set_password(http, made["password_link"]["token"])).status_code == 410
    refused = await world.coordinator.post(f"{path}/password-link")
    assert (refused.status_code, refused.json()["possible"]) == (409, ["enable"])
    assert body_of(await world.coordinator.post(f"{path}/enable"))["status"] == "invited"
    assert (await set_password(http, made["password_link"]["token"])).status_code == 410
    fresh = body_of(await world.coordinator.post(f"{path}/password-link"), 201)
    body_of_204(await set_password(http, fresh["token"]))


async def test_no_link_reopens_a_disabled_account_however_it_was_disabled(
    world: World, http: httpx.AsyncClient, owner: Any
) -> None:
    made = await invited(world, Role.MENTOR)
    await owner.execute("UPDATE accounts SET status = 'disabled' WHERE id = $1::text::uuid", made["account"]["id"])
    assert (await set_password(http, made["password_link"]["token"])).status_code == 410
