"""Tokens for practices' and partners' systems."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.access.keys import unverified_parts
from app.core import clock
from app.core.actor import Role
from tests.accounts.people import JWT_BEARER, System, ask_token, registered
from tests.factories import Caller, World, body_of

pytestmark = pytest.mark.anyio


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    return answer.status_code, answer.json()["error"]


async def test_a_registered_system_gets_a_short_token_and_acts_with_it(world: World, http: httpx.AsyncClient) -> None:
    system = await registered(world)
    answer = await ask_token(http, system.assertion())
    given = body_of(answer)
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 300)
    assert given["scope"] == "referrals.read referrals.write"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    _, claims = unverified_parts(given["access_token"])
    assert (claims["kind"], claims["role"], claims["client_id"]) == ("client", "referrer", system.id)
    caller = Caller(http, UUID(system.id), Role.REFERRER, given["access_token"])
    assert body_of(await caller.get("/v1/me"))["kind"] == "client"


async def test_some_of_the_scopes_may_be_asked_for_and_no_others(world: World, http: httpx.AsyncClient) -> None:
    system = await registered(world)
    given = body_of(await ask_token(http, system.assertion(), scope="referrals.read"))
    assert given["scope"] == "referrals.read"
    caller = Caller(http, UUID(system.id), Role.REFERRER, given["access_token"])
    permissions = body_of(await caller.get("/v1/me"))["permissions"]
    assert "referrals:read" in permissions
    assert "referrals:receive" not in permissions
    for scope in ("referrals.read reports.read", "everything"):
        assert refusal(await ask_token(http, system.assertion(), scope=scope)) == (400, "invalid_scope")


async def test_an_assertion_is_taken_once_even_where_its_scope_was_refused(
    world: World, http: httpx.AsyncClient
) -> None:
    system = await registered(world)
    first, second = system.assertion(), system.assertion()
    body_of(await ask_token(http, first))
    assert refusal(await ask_token(http, first)) == (401, "invalid_client")
    assert refusal(await ask_token(http, second, scope="everything")) == (400, "invalid_scope")
    assert refusal(await ask_token(http, second)) == (401, "invalid_client")


async def test_of_parallel_uses_of_one_assertion_one_succeeds(world: World, http: httpx.AsyncClient) -> None:
    assertion = (await registered(world)).assertion()
    answers = await asyncio.gather(*(ask_token(http, assertion) for _ in range(5)))
    assert sorted(a.status_code for a in answers) == [200, 401, 401, 401, 401]


async def test_two_systems_may_use_the_same_jti(world: World, http: httpx.AsyncClient) -> None:
    for system in (await registered(world), await registered(world)):
        body_of(await ask_token(http, system.assertion(jti="one")))


async def test_used_assertions_are_forgotten_once_they_have_expired(
    world: World, http: httpx.AsyncClient, owner: Any
) -> None:
    system = await registered(world)
    body_of(await ask_token(http, system.assertion()))
    past = clock.true_now() - timedelta(seconds=1)
    await owner.execute("UPDATE access_used_jtis SET expires_at = $1", past)
    body_of(await ask_token(http, system.assertion()))
    assert await owner.fetchval("SELECT count(*) FROM access_used_jtis WHERE expires_at = $1", past) == 0


async def test_wrong_statements_are_refused_as_invalid_client(world: World, http: httpx.AsyncClient) -> None:
    system, other = await registered(world), await registered(world)
    now = int(clock.true_now().timestamp())
    wrong = [
        system.assertion(aud="https://elsewhere.example.org/token"),
        system.assertion(exp=now - 1),
        system.assertion(exp=now + 3600),
        system.assertion(iss=other.id),
        system.assertion(sub=other.id),
        system.assertion(sub="nobody"),
        system.assertion(jti=""),
        system.assertion()[:-6] + "AAAAAA",
        "not.a.jwt",
        "x" * 5000,
        "\x00",
    ]
    for assertion in wrong:
        assert refusal(await ask_token(http, assertion)) == (401, "invalid_client")
    body_of(await ask_token(http, system.assertion()))


async def test_an_unknown_client_and_a_wrong_key_are_refused_alike(world: World, http: httpx.AsyncClient) -> None:
    known = await registered(world)
    impostor, nobody = System.make(), System.make()
    impostor.id, nobody.id = known.id, str(uuid4())
    same_kid = System(impostor.key, known.kid, known.id)
    answers = [await ask_token(http, s.assertion()) for s in (impostor, nobody, same_kid)]
    assert [a.status_code for a in answers] == [401, 401, 401]
    assert len({a.text for a in answers}) == 1


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "invalid_client"),
        ({"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER}, "invalid_client"),
        (
            {"grant_type": "client_credentials", "client_assertion_type": "saml", "client_assertion": "x"},
            "invalid_client",
        ),
    ],
)
async def test_an_incomplete_request_is_refused_as_oauth_says(
    http: httpx.AsyncClient, form: dict[str, str], error: str
) -> None:
    assert refusal(await http.post("/oauth2/token", data=form))[1] == error


async def test_a_json_body_is_refused_as_oauth_says(http: httpx.AsyncClient) -> None:
    answer = await http.post("/oauth2/token", json={"grant_type": "client_credentials"})
    assert refusal(answer) == (400, "invalid_request")


async def test_where_to_ask_is_published(http: httpx.AsyncClient) -> None:
    said = body_of(await http.get("/.well-known/smart-configuration"))
    assert said["token_endpoint"] == "http://127.0.0.1:8000/oauth2/token"
    assert said["token_endpoint_auth_signing_alg_values_supported"] == ["ES384", "RS384", "RS512"]
    assert "system/ServiceRequest.cru" in said["scopes_supported"]
