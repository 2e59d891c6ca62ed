"""Inviting people, giving and taking their roles, and disabling accounts."""

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from app.core.actor import Actor, Kind, Role
from app.core.database import Database, fetch
from tests.accounts.people import (
    Person,
    body_of_204,
    invite,
    invited,
    person,
    role_in,
    sign_in,
    somebody,
)
from tests.factories import Caller, World, body_of

pytestmark = pytest.mark.anyio


def kind_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def faults(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return [(e["field"], e["code"]) for e in answer.json()["errors"]]


async def invite_as(world: World, *memberships: dict[str, Any]) -> httpx.Response:
    body = {"email": somebody(), "name": "Robin Okafor", "memberships": list(memberships)}
    return await world.coordinator.post("/v1/accounts", body)


async def give(world: World, account_id: Any, membership: dict[str, Any]) -> httpx.Response:
    return await world.coordinator.post(f"/v1/accounts/{account_id}/memberships", membership)


async def take(caller: Caller, account_id: Any, membership_id: Any) -> httpx.Response:
    return await caller.send("DELETE", f"/v1/accounts/{account_id}/memberships/{membership_id}")


async def shared_mentor(world: World, elsewhere: World) -> Person:
    """A mentor of one programme to whom another programme's role was given, too."""
    mentor = await person(world, Role.MENTOR)
    await elsewhere.membership(mentor.id, Role.MENTOR)
    return mentor


async def test_a_coordinator_invites_each_role_it_may_give(world: World) -> None:
    roles = [Role.COORDINATOR, Role.MENTOR, Role.REFERRER, Role.ANALYST]
    answer = await invite(world, *roles)
    made = body_of(answer, 201)
    account = made["account"]
    assert sorted(m["role"] for m in account["memberships"]) == sorted(r.value for r in roles)
    assert answer.headers["location"] == f"/v1/accounts/{account['id']}"
    assert account["actions"] == ["disable", "password-link"]
    read = await world.coordinator.get(answer.headers["location"])
    assert body_of(read) == account
    assert "token" not in read.text


@pytest.mark.parametrize("role", ["governance", "safeguarding", "exporter", "service", "worker", "gate"])
async def test_a_coordinator_cannot_give_roles_of_the_house(world: World, owner: Any, role: str) -> None:
    given = {"role": role, "programme_id": str(world.programme_id)}
    assert kind_of(await invite_as(world, given)) == (403, "role-not-yours")
    mentor = await invited(world, Role.MENTOR)
    assert kind_of(await give(world, mentor["account"]["id"], given)) == (403, "role-not-yours")
    sql = "SELECT count(*) FROM access_memberships WHERE programme_id = $1 AND role = $2"
    assert await owner.fetchval(sql, world.programme_id, role) == 0


async def test_a_coordinator_cannot_give_a_role_outside_its_programmes(world: World, elsewhere: World) -> None:
    not_mine = {"role": "mentor", "programme_id": str(elsewhere.programme_id)}
    nowhere = {"role": "mentor", "programme_id": str(uuid4())}
    everywhere = {"role": "coordinator"}
    for given in (not_mine, nowhere):
        wanted = [("/memberships/1/programme_id", "programme_not_yours")]
        assert faults(await invite_as(world, role_in(world, Role.MENTOR), given)) == wanted
    assert faults(await invite_as(world, everywhere)) == [("/memberships/0/programme_id", "programme_needed")]
    assert faults(await give(world, world.coordinator.id, not_mine)) == [("/programme_id", "programme_not_yours")]


@pytest.mark.parametrize("role", ["mentor", "governance"])
async def test_the_database_itself_refuses_a_role_outside_the_coordinators_programmes(
    world: World, elsewhere: World, role: str
) -> None:
    programme = elsewhere if role == "mentor" else world
    sql = (
        "INSERT INTO access_memberships (id, created_at, account_id, role, programme_id) VALUES ($1, now(), $2, $3, $4)"
    )
    me = world.coordinator
    actor = Actor(kind=Kind.ACCOUNT, role=me.role, id=me.id, sign_in_id=me.sign_in_id)
    database: Database = world.app.state.database
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with database.writing(actor) as db:
            await fetch(db, sql, uuid4(), me.id, role, programme.programme_id)


PREFIX = "pmt_"


async def test_a_referrer_needs_an_organisation_and_nobody_else_has_one(world: World) -> None:
    programme = {"programme_id": str(world.programme_id)}
    wanted = [("/memberships/0/organisation_id", "organisation_of_referrers")]
    assert faults(await invite_as(world, {"role": "referrer"} | programme)) == wanted
    mentor = {"role": "mentor", "organisation_id": str(world.practice_id)} | programme
    assert faults(await invite_as(world, mentor)) == wanted
    unknown = {"role": "referrer", "organisation_id": str(uuid4())} | programme
    assert faults(await invite_as(world, unknown)) == [("/memberships/0/organisation_id", "organisation_unknown")]


async def test_the_same_role_twice_in_an_invitation_is_given_once(world: World) -> None:
    made = body_of(await invite(world, Role.MENTOR, Role.MENTOR), 201)
    assert len(made["account"]["memberships"]) == 1


async def test_a_known_address_is_linked_where_seen_and_otherwise_tells_nothing(world: World, elsewhere: World) -> None:
    made = (await invited(world, Role.MENTOR))["account"]
    mine = await invite(world, Role.ANALYST, email=made["email"].upper())
    assert kind_of(mine) == (409, "account-known")
    assert mine.json()["link"] == f"/v1/accounts/{made['id']}"
    theirs = await invite(elsewhere, Role.ANALYST, email=made["email"])
    assert kind_of(theirs) == (409, "account-known")
    assert "link" not in theirs.json()
    assert made["id"] not in theirs.text
    assert (await elsewhere.coordinator.get(f"/v1/accounts/{made['id']}")).status_code == 404


async def test_only_coordinators_keep_accounts(world: World, http: httpx.AsyncClient) -> None:
    for caller in (world.referrer, await world.caller(Role.MENTOR), await world.caller(Role.ANALYST)):
        assert (await caller.get("/v1/accounts")).status_code == 403
        assert (await caller.get("/v1/clients")).status_code == 403
        assert (await caller.post("/v1/accounts", {})).status_code == 403
    assert (await http.get("/v1/accounts")).status_code == 401


async def test_a_list_shows_own_programmes_people_and_their_roles_there_alone(world: World, elsewhere: World) -> None:
    mentor = await shared_mentor(world, elsewhere)
    listed = body_of(await world.coordinator.get("/v1/accounts?include=total"))
    ids = {UUID(item["id"]) for item in listed["items"]}
    assert ids == {world.coordinator.id, world.referrer.id, mentor.id}
    assert listed["total"] == 3
    seen = next(item for item in listed["items"] if item["id"] == str(mentor.id))
    assert [m["programme_id"] for m in seen["memberships"]] == [str(world.programme_id)]


async def test_the_list_is_narrowed_by_role_and_programme_together(world: World, elsewhere: World) -> None:
    coordinator = world.coordinator
    await world.membership(coordinator.id, Role.COORDINATOR, programme_id=elsewhere.programme_id)
    mentor = (await invited(world, Role.MENTOR))["account"]["id"]
    await world.membership(UUID(mentor), Role.ANALYST, programme_id=elsewhere.programme_id)
    here, there = world.programme_id, elsewhere.programme_id

    async def found(query: str) -> list[str]:
        return [i["id"] for i in body_of(await coordinator.get(f"/v1/accounts?{query}"))["items"]]

    assert await found(f"role=mentor&programme_id={here}") == [mentor]
    assert await found(f"role=mentor&programme_id={there}") == []
    assert await found(f"role=analyst&programme_id={there}") == [mentor]
    assert await found(f"role=mentor&programme_id={uuid4()}") == []
    assert await found("role=analyst") == [mentor]


async def test_a_role_is_given_once_and_taken_again(world: World, http: httpx.AsyncClient) -> None:
    mentor = await person(world, Role.MENTOR)
    account = body_of(await give(world, mentor.id, role_in(world, Role.ANALYST)), 201)
    assert sorted(m["role"] for m in account["memberships"]) == ["analyst", "mentor"]
    assert kind_of(await give(world, mentor.id, role_in(world, Role.ANALYST))) == (409, "role-held")
    analyst = next(m["id"] for m in account["memberships"] if m["role"] == "analyst")
    assert body_of(await sign_in(http, mentor.email, role="analyst"))["role"] == "analyst"
    body_of_204(await take(world.coordinator, mentor.id, analyst))
    assert (await sign_in(http, mentor.email, role="analyst")).status_code == 401
    assert (await take(world.coordinator, mentor.id, analyst)).status_code == 404


async def test_an_accounts_last_role_is_not_taken(world: World) -> None:
    account = (await invited(world, Role.MENTOR))["account"]
    refused = await take(world.coordinator, account["id"], account["memberships"][0]["id"])
    assert kind_of(refused) == (409, "last-role")


async def test_a_coordinator_takes_its_own_programmes_role_of_somebody_shared(world: World, elsewhere: World) -> None:
    mentor = await shared_mentor(world, elsewhere)
    account = body_of(await world.coordinator.get(f"/v1/accounts/{mentor.id}"))
    membership = account["memberships"][0]["id"]
    assert (await take(elsewhere.coordinator, mentor.id, membership)).status_code == 404
    body_of_204(await take(world.coordinator, mentor.id, membership))
    assert (await world.coordinator.get(f"/v1/accounts/{mentor.id}")).status_code == 404
    body_of(await elsewhere.coordinator.get(f"/v1/accounts/{mentor.id}"))


async def test_a_membership_is_taken_only_from_the_account_it_belongs_to(world: World) -> None:
    one = (await invited(world, Role.MENTOR, Role.ANALYST))["account"]
    other = (await invited(world, Role.MENTOR))["account"]
    refused = await take(world.coordinator, other["id"], one["memberships"][0]["id"])
    assert refused.status_code == 404


@pytest.mark.parametrize("verb", ["disable", "password-link"])
async def test_who_also_works_elsewhere_is_not_changed_as_a_whole(world: World, elsewhere: World, verb: str) -> None:
    mentor = await shared_mentor(world, elsewhere)
    refused = await world.coordinator.post(f"/v1/accounts/{mentor.id}/{verb}")
    assert kind_of(refused) == (409, "shared-beyond-you")
    assert str(elsewhere.programme_id) not in refused.text


@pytest.mark.parametrize("role", [Role.GOVERNANCE, Role.SAFEGUARDING])
async def test_a_coordinator_cannot_become_its_safeguarding_lead_by_a_password_link(world: World, role: Role) -> None:
    mentor = await person(world, Role.MENTOR)
    await world.membership(mentor.id, role)
    for verb in ("password-link", "disable"):
        refused = await world.coordinator.post(f"/v1/accounts/{mentor.id}/{verb}")
        assert kind_of(refused) == (409, "shared-beyond-you")


async def test_a_coordinator_of_all_programmes_by_the_command_line_is_not_relinked(world: World, owner: Any) -> None:
    first = await world.caller(Role.COORDINATOR)
    sql = "INSERT INTO access_memberships (id, created_at, account_id, role) VALUES ($1, now(), $2, 'coordinator')"
    await owner.execute(sql, uuid4(), first.id)
    refused = await world.coordinator.post(f"/v1/accounts/{first.id}/password-link")
    assert kind_of(refused) == (409, "shared-beyond-you")


@pytest.mark.parametrize("verb", ["disable", "enable", "password-link", "memberships"])
async def test_another_programmes_account_is_not_there(world: World, elsewhere: World, verb: str) -> None:
    account = (await invited(elsewhere, Role.MENTOR))["account"]
    body = role_in(world, Role.MENTOR) if verb == "memberships" else {}
    answer = await world.coordinator.post(f"/v1/accounts/{account['id']}/{verb}", body)
    assert answer.status_code == 404


async def test_disabling_twice_says_what_is_possible(world: World) -> None:
    account = (await invited(world, Role.MENTOR))["account"]
    path = f"/v1/accounts/{account['id']}/disable"
    disabled = body_of(await world.coordinator.post(path))
    assert (disabled["status"], disabled["actions"]) == ("disabled", ["enable"])
    refused = await world.coordinator.post(path)
    assert kind_of(refused) == (409, "step-not-possible")
    assert refused.json()["possible"] == ["enable"]


async def test_a_stale_version_disables_nobody(world: World) -> None:
    account = (await invited(world, Role.MENTOR))["account"]
    path = f"/v1/accounts/{account['id']}/disable"
    refused = await world.coordinator.post(path, headers={"If-Match": '"v9"'})
    assert kind_of(refused) == (412, "version-changed")


async def test_an_invitation_sent_twice_with_one_key_gives_one_account_and_the_same_link(world: World) -> None:
    body = {"email": somebody(), "name": "Robin Okafor", "memberships": [role_in(world, Role.MENTOR)]}
    headers = {"Idempotency-Key": uuid4().hex}
    first = await world.coordinator.post("/v1/accounts", body, headers=headers)
    second = await world.coordinator.post("/v1/accounts", body, headers=headers)
    assert body_of(first, 201) == body_of(second, 201)
    assert second.headers["idempotent-replayed"] == "true"


async def test_no_signed_in_role_reads_a_password_hash_or_a_sign_in(world: World, owner: Any) -> None:
    sql = (
        "SELECT grantee, table_name FROM information_schema.column_privileges WHERE privilege_type = 'SELECT' AND "
        "table_name IN ('accounts_credentials', 'accounts_password_links', 'access_sign_ins', "
        "'access_refresh_tokens', 'access_tries', 'access_used_jtis') AND grantee LIKE 'pmt\\_%'"
    )
    found = {row["grantee"].removeprefix(PREFIX) for row in await owner.fetch(sql)}
    assert found <= {"owner", "gate", "service", "worker"}


async def test_me_of_a_machine_client_is_its_system(world: World) -> None:
    system = await world.client(scopes=frozenset({"referrals.read"}))
    me = body_of(await system.get("/v1/me"))
    assert (me["kind"], me["email"], me["organisation_id"]) == ("client", None, str(world.practice_id))
    assert (me["role"], me["roles"]) == ("referrer", ["referrer"])
    assert sorted(me["permissions"]) == ["me:read", "programmes:read", "referrals:read"]
    assert [m["organisation_id"] for m in me["memberships"]] == [str(world.practice_id)]


@pytest.mark.parametrize("role", [r for r in Role if r not in (Role.GATE, Role.WORKER, Role.SERVICE)])
async def test_everybody_who_signs_in_can_ask_who_they_are(world: World, elsewhere: World, role: Role) -> None:
    caller = await world.caller(role, organisation_id=world.practice_id if role is Role.REFERRER else None)
    await elsewhere.membership(caller.id, Role.MENTOR)
    me = body_of(await caller.get("/v1/me"))
    assert me["role"] == role.value
    assert set(me["roles"]) == {role.value, "mentor"}
