"""Registering machine clients, changing their keys, and shutting them out."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.core.actor import Role
from tests.accounts.people import System, ask_token, client_body, registered
from tests.factories import Caller, World, body_of

pytestmark = pytest.mark.anyio


async def faults(world: World, **changes: Any) -> list[tuple[str, str]]:
    answer = await world.coordinator.post("/v1/clients", client_body(world, System.make(), **changes))
    assert answer.status_code == 422, answer.text
    return [(e["field"], e["code"]) for e in answer.json()["errors"]]


async def test_a_practices_system_is_registered_for_its_organisation_and_programmes(world: World) -> None:
    system = System.make()
    made = body_of(await world.coordinator.post("/v1/clients", client_body(world, system)), 201)
    assert (made["role"], made["status"], made["actions"]) == ("referrer", "active", ["keys", "revoke"])
    assert made["scopes"] == ["referrals.read", "referrals.write"]
    held = [(m["role"], m["programme_id"], m["organisation_id"]) for m in made["memberships"]]
    assert held == [("referrer", str(world.programme_id), str(world.practice_id))]
    assert [key["kid"] for key in made["jwks"]["keys"]] == [system.kid]
    assert body_of(await world.coordinator.get(f"/v1/clients/{made['id']}")) == made


async def test_an_analysts_system_reads_reports_of_a_programme_not_of_an_organisation(world: World) -> None:
    body = client_body(world, System.make(), role="analyst", scopes=["reports.read"])
    made = body_of(await world.coordinator.post("/v1/clients", body), 201)
    assert [(m["programme_id"], m["organisation_id"]) for m in made["memberships"]] == [(str(world.programme_id), None)]


async def test_roles_and_scopes_of_people_are_not_for_machines(world: World) -> None:
    for role in ("coordinator", "mentor", "governance", "service"):
        assert await faults(world, role=role) == [("/role", "role_of_clients")]
    scopes = ["referrals.read", "reports.read"]
    assert await faults(world, scopes=scopes) == [("/scopes/1", "scope_of_role")]
    assert await faults(world, scopes=["system/*.cruds"]) == [("/scopes/0", "scope_of_role")]


async def test_a_coordinator_registers_only_for_its_own_programmes_and_known_organisations(
    world: World, elsewhere: World
) -> None:
    programmes = [str(world.programme_id), str(elsewhere.programme_id)]
    assert await faults(world, programme_ids=programmes) == [("/programme_ids/1", "programme_not_yours")]
    assert await faults(world, organisation_id=str(uuid4())) == [("/organisation_id", "organisation_unknown")]


async def test_a_secret_or_unknown_kind_of_key_is_refused_by_its_place(world: World) -> None:
    secret = System.make().jwks()["keys"][0] | {"d": "c2VjcmV0"}
    assert await faults(world, jwks={"keys": [secret]}) == [("/jwks/keys/0/d", "key_refused")]
    assert await faults(world, jwks={"keys": []}) == [("/jwks/keys", "key_refused")]


async def test_another_programmes_clients_are_not_there(world: World, elsewhere: World) -> None:
    system = await registered(elsewhere)
    assert (await world.coordinator.get(f"/v1/clients/{system.id}")).status_code == 404
    assert (await world.coordinator.post(f"/v1/clients/{system.id}/revoke")).status_code == 404
    mine = await registered(world)
    listed = body_of(await world.coordinator.get("/v1/clients"))["items"]
    assert [item["id"] for item in listed] == [mine.id]
    path = f"/v1/clients?programme_id={elsewhere.programme_id}"
    assert body_of(await world.coordinator.get(path))["items"] == []


async def test_a_client_shared_with_another_programme_is_not_changed_by_one_coordinator(
    world: World, elsewhere: World
) -> None:
    system = await registered(world)
    await elsewhere.membership(UUID(system.id), Role.REFERRER, organisation_id=world.practice_id)
    keys = {"jwks": System.make().jwks()}
    for verb, body in (("keys", keys), ("revoke", None)):
        refused = await world.coordinator.post(f"/v1/clients/{system.id}/{verb}", body)
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/shared-beyond-you")


async def test_new_keys_count_at_once_and_the_old_no_longer(world: World, http: httpx.AsyncClient) -> None:
    old = await registered(world)
    new = System.make()
    new.id = old.id
    body_of(await world.coordinator.post(f"/v1/clients/{old.id}/keys", {"jwks": new.jwks()}))
    assert (await ask_token(http, old.assertion())).status_code == 401
    body_of(await ask_token(http, new.assertion()))


async def test_a_revoked_client_gets_no_token_and_its_live_one_is_refused_at_once(
    world: World, http: httpx.AsyncClient
) -> None:
    system = await registered(world)
    token = body_of(await ask_token(http, system.assertion()))["access_token"]
    caller = Caller(http, UUID(system.id), Role.REFERRER, token)
    body_of(await caller.get("/v1/me"))
    revoked = body_of(await world.coordinator.post(f"/v1/clients/{system.id}/revoke"))
    assert (revoked["status"], revoked["actions"]) == ("revoked", [])
    assert (await caller.get("/v1/me")).status_code == 401
    assert (await ask_token(http, system.assertion())).json()["error"] == "invalid_client"
    again = await world.coordinator.post(f"/v1/clients/{system.id}/revoke")
    assert (again.status_code, again.json()["possible"]) == (409, [])
