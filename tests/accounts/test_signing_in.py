"""Signing in with an e-mail address and a password."""

from typing import Any

import httpx
import pytest

from app.access.keys import unverified_parts
from app.core.actor import Role
from tests.accounts.people import PASSWORD, invited, person, sign_in, somebody
from tests.factories import World, body_of

pytestmark = pytest.mark.anyio


async def test_a_mentor_signs_in_and_asks_who_they_are(world: World, http: httpx.AsyncClient) -> None:
    mentor = await person(world, Role.MENTOR)
    assert mentor.tokens["token_type"] == "Bearer"
    assert mentor.tokens["expires_in"] == 15 * 60
    me = body_of(await mentor.caller(http).get("/v1/me"))
    assert (me["kind"], me["email"], me["role"], me["roles"]) == ("account", mentor.email, "mentor", ["mentor"])
    assert [m["programme_id"] for m in me["memberships"]] == [str(world.programme_id)]
    assert "sessions:write" in me["permissions"]
    assert "people:read" not in me["permissions"]


async def test_the_e_mail_address_is_taken_in_any_case(world: World, http: httpx.AsyncClient) -> None:
    mentor = await person(world, Role.MENTOR)
    body_of(await sign_in(http, f" {mentor.email.upper()} "))


async def test_who_holds_several_roles_and_asks_for_none_gets_the_first_of_the_order(
    world: World, http: httpx.AsyncClient
) -> None:
    both = await person(world, Role.ANALYST, Role.MENTOR)
    assert both.tokens["role"] == "mentor"
    assert both.tokens["roles"] == ["mentor", "analyst"]
    assert body_of(await sign_in(http, both.email, role="analyst"))["role"] == "analyst"


async def test_a_token_of_one_role_does_not_act_in_another(world: World, http: httpx.AsyncClient) -> None:
    both = await person(world, Role.COORDINATOR, Role.MENTOR)
    tokens = body_of(await sign_in(http, both.email, role="mentor"))
    both.tokens = tokens
    assert (await both.caller(http).get("/v1/accounts")).status_code == 403


def without_request_id(answer: httpx.Response) -> dict[str, Any]:
    said: dict[str, Any] = answer.json()
    return {k: v for k, v in said.items() if k != "request_id"}


async def test_every_refused_sign_in_looks_alike(world: World, http: httpx.AsyncClient) -> None:
    mentor = await person(world, Role.MENTOR)
    not_yet = await invited(world, Role.MENTOR)
    refusals = [
        await sign_in(http, somebody()),
        await sign_in(http, mentor.email, "another password altogether"),
        await sign_in(http, mentor.email, role="coordinator"),
        await sign_in(http, mentor.email, role="service"),
        await sign_in(http, not_yet["account"]["email"]),
        await sign_in(http, "nobody\x00@example.org"),
    ]
    assert {r.status_code for r in refusals} == {401}
    assert all(without_request_id(r) == without_request_id(refusals[0]) for r in refusals)
    assert refusals[0].json()["type"] == "/problems/sign-in-refused"
    assert refusals[0].headers["www-authenticate"].startswith("Bearer")


async def test_a_disabled_account_cannot_sign_in_and_its_live_token_is_refused_at_once(
    world: World, http: httpx.AsyncClient
) -> None:
    mentor = await person(world, Role.MENTOR)
    body_of(await world.coordinator.post(f"/v1/accounts/{mentor.id}/disable"))
    assert (await mentor.caller(http).get("/v1/me")).status_code == 401
    assert (await sign_in(http, mentor.email)).json()["type"] == "/problems/sign-in-refused"


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "/grant_type"),
        ({"grant_type": "implicit"}, "/grant_type"),
        ({"grant_type": "password", "password": "x"}, "/username"),
        ({"grant_type": "password", "username": "x"}, "/password"),
        ({"grant_type": "refresh_token"}, "/refresh_token"),
        ({"grant_type": "password", "username": "x", "password": "x", "role": "king"}, "/role"),
    ],
)
async def test_an_incomplete_form_names_the_field(http: httpx.AsyncClient, form: dict[str, str], field: str) -> None:
    answer = await http.post("/v1/auth/token", data=form)
    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == [field]


async def test_no_refusal_repeats_what_was_typed(http: httpx.AsyncClient) -> None:
    for form in (
        {"grant_type": "password", "username": "secret@example.org", "password": "secret"},
        {"grant_type": "password", "username": "secret" * 60, "password": "secret"},
        {"grant_type": "refresh_token", "refresh_token": "secret" * 60},
        {"grant_type": "secret"},
    ):
        answer = await http.post("/v1/auth/token", data=form)
        assert answer.status_code in (401, 422)
        assert "secret" not in answer.text


async def test_text_in_a_strange_character_set_is_refused_not_a_crash(http: httpx.AsyncClient) -> None:
    fields = (("grant_type", "password"), ("username", "+2AA-"), ("password", "+2AA-"))
    parts = "".join(f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields)
    answer = await http.post(
        "/v1/auth/token",
        content=parts + "--b--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=b; charset=utf-7"},
    )
    assert answer.status_code in (400, 401, 422)


async def test_a_password_hash_of_older_costs_is_made_anew_at_the_next_sign_in(
    world: World, http: httpx.AsyncClient, owner: Any
) -> None:
    mentor = await person(world, Role.MENTOR)
    cheap = type(world.app.state.passwords)(time_cost=2, memory_kib=16).hash_now(PASSWORD)
    sql = "UPDATE accounts_credentials SET password_hash = $2 WHERE account_id = $1"
    await owner.execute(sql, mentor.id, cheap)
    body_of(await sign_in(http, mentor.email))
    sql = "SELECT password_hash FROM accounts_credentials WHERE account_id = $1"
    assert "m=8,t=1," in await owner.fetchval(sql, mentor.id)
    body_of(await sign_in(http, mentor.email))


async def test_passwords_and_tokens_are_kept_as_hashes_only(world: World, http: httpx.AsyncClient, owner: Any) -> None:
    made = await invited(world, Role.MENTOR)
    mentor = await person(world, Role.MENTOR)
    for secret in (PASSWORD, made["password_link"]["token"], mentor.tokens["refresh_token"]):
        for table in ("accounts_credentials", "accounts_password_links", "access_refresh_tokens", "history"):
            sql = f"SELECT count(*) FROM {table} t WHERE t::text LIKE '%' || $1 || '%'"
            assert await owner.fetchval(sql, secret) == 0, table


async def test_the_signing_keys_are_published(world: World, http: httpx.AsyncClient) -> None:
    published = await http.get("/.well-known/jwks.json")
    header, claims = unverified_parts(world.coordinator.token)
    assert [key["kid"] for key in body_of(published)["keys"]] == [header["kid"]]
    assert all(set(key) <= {"kty", "kid", "n", "e", "alg", "use"} for key in published.json()["keys"])
    assert "max-age" in published.headers["cache-control"]
    assert claims["iss"] == "http://127.0.0.1:8000"
