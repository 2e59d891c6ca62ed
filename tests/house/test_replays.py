"""A stored answer is given again to whoever still may have it, and to nobody else."""

import pytest

from app.core.actor import Role
from tests.factories import World, body_of, referral

pytestmark = pytest.mark.anyio
KEY = {"Idempotency-Key": "from-the-phone"}


async def test_a_replay_is_noted_as_a_reading(world: World) -> None:
    sent = referral(world.programme_id)
    body_of(await world.referrer.post("/v1/referrals", sent, headers=KEY), 201)
    again = await world.referrer.post("/v1/referrals", sent, headers=KEY)
    assert again.headers["idempotent-replayed"] == "true"
    noted = "SELECT count(*) FROM audit_reads WHERE actor_id = $1 AND shape = 'StoredAnswer'"
    assert await world.owner.fetchval(noted, world.referrer.id) == 1


async def test_an_answer_is_not_shown_again_once_its_rights_are_lost(world: World, elsewhere: World) -> None:
    made = await world.refer()
    both = await world.caller(Role.COORDINATOR)
    await elsewhere.membership(both.id, Role.COORDINATOR)
    path = f"/v1/referrals/{made['id']}/decline"
    body_of(await both.post(path, {"reason": "other"}, headers=KEY))
    lost = "DELETE FROM access_memberships WHERE account_id = $1 AND programme_id = $2"
    await world.owner.execute(lost, both.id, world.programme_id)
    refused = await both.post(path, {"reason": "other"}, headers=KEY)
    assert body_of(refused, 403)["type"] == "/problems/answer-out-of-reach"
    assert made["person"]["nhs_number"] not in refused.text


async def test_an_answer_given_in_one_role_is_not_shown_to_another_role_of_the_account(world: World) -> None:
    sent = referral(world.programme_id)
    body_of(await world.coordinator.post("/v1/referrals", sent, headers=KEY), 201)
    await world.membership(world.coordinator.id, Role.REFERRER, organisation_id=world.practice_id)
    as_referrer = await world.signed_in(world.coordinator.id, Role.REFERRER)
    assert (await as_referrer.post("/v1/referrals", sent, headers=KEY)).status_code == 403


async def test_more_rights_than_before_do_not_stand_in_the_way(world: World, elsewhere: World) -> None:
    sent = referral(world.programme_id)
    body_of(await world.coordinator.post("/v1/referrals", sent, headers=KEY), 201)
    await elsewhere.membership(world.coordinator.id, Role.COORDINATOR)
    again = await world.coordinator.post("/v1/referrals", sent, headers=KEY)
    assert again.headers["idempotent-replayed"] == "true"


async def test_an_answer_given_by_a_verb_is_noted_as_read(world: World) -> None:
    made = await world.refer()
    read = "SELECT count(*) FROM audit_reads WHERE actor_id = $1 AND $2::uuid = ANY (ids)"
    assert await world.owner.fetchval(read, world.referrer.id, made["id"]) == 1
