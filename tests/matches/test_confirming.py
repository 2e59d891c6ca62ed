"""The coordinator confirms a pair: what becomes true, and what it takes."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.core import clock
from app.core.actor import Role
from tests.factories import World, body_of
from tests.matches.waiting import waiting

pytestmark = pytest.mark.anyio


async def test_an_offer_is_confirmed_only_after_the_mentor_accepted(world: World) -> None:
    _, profile = await world.mentor()
    offer = await world.offer(await waiting(world), profile["id"])
    refused = body_of(await world.coordinator.post(f"/v1/matches/{offer['id']}/confirm"), 409)
    assert (refused["current"], refused["possible"]) == ("proposed", ["accept", "decline", "withdraw"])


async def test_confirming_one_mentor_withdraws_the_other_offers(world: World) -> None:
    mentee_id = await waiting(world)
    bystander = await waiting(world)
    chosen, chosen_profile = await world.mentor()
    rival, rival_profile = await world.mentor()
    _, silent_profile = await world.mentor()
    accepted = await world.offer(mentee_id, rival_profile["id"])
    body_of(await rival.post(f"/v1/matches/{accepted['id']}/accept"))
    unanswered = await world.offer(mentee_id, silent_profile["id"])
    other = await world.offer(bystander, rival_profile["id"])
    pair = await world.pair(mentee_id, chosen, chosen_profile["id"])
    standing = {m["id"]: m["status"] for m in body_of(await world.coordinator.get("/v1/matches"))["items"]}
    assert standing == {
        pair["id"]: "active",
        accepted["id"]: "withdrawn",
        unanswered["id"]: "withdrawn",
        other["id"]: "proposed",
    }
    told = await events_of(world, "match.withdrawn")
    assert {str(subject) for subject in told} == {accepted["id"], unanswered["id"]}
    assert await events_of(world, "match.confirmed") == [UUID(pair["id"])]
    body_of(await rival.get(f"/v1/mentees/{mentee_id}"), 404)


async def test_the_first_confirmation_takes_a_place_of_the_contract_year_and_a_rematch_none(world: World) -> None:
    mentee_id = await waiting(world)
    mentor, profile = await world.mentor()
    pair = await world.pair(mentee_id, mentor, profile["id"])
    first = await episode(world, mentee_id)
    assert first["first_confirmed_on"] == clock.today()
    assert first["contract_year_id"] is not None
    ended = {"reason": "mismatch", "is_planned": False}
    body_of(await world.coordinator.post(f"/v1/matches/{pair['id']}/end", ended))
    await world.owner.execute(
        "UPDATE mentees SET first_confirmed_on = first_confirmed_on - 30 WHERE id = $1", mentee_id
    )
    await world.owner.execute(
        "UPDATE programmes_contract_years SET mentee_places = 1 WHERE programme_id = $1", world.programme_id
    )
    other, other_profile = await world.mentor()
    await world.pair(mentee_id, other, other_profile["id"])
    assert (await episode(world, mentee_id))["first_confirmed_on"] == clock.today() - timedelta(days=30)


async def test_a_place_beyond_the_contract_needs_a_reason(world: World) -> None:
    await world.owner.execute(
        "UPDATE programmes_contract_years SET mentee_places = 1 WHERE programme_id = $1", world.programme_id
    )
    mentor, profile = await world.mentor()
    within = await waiting(world)
    beyond = await waiting(world)
    offers = [await world.offer(mentee_id, profile["id"]) for mentee_id in (within, beyond)]
    for offer in offers:
        body_of(await mentor.post(f"/v1/matches/{offer['id']}/accept"))
    reason = {"extra_place_reason": "Agreed with the commissioner"}
    body_of(await world.coordinator.post(f"/v1/matches/{offers[0]['id']}/confirm", reason))
    assert (await episode(world, within))["extra_place_reason"] is None
    path = f"/v1/matches/{offers[1]['id']}/confirm"
    refused = body_of(await world.coordinator.post(path), 409)
    assert refused["type"] == "/problems/places-taken"
    assert (await episode(world, beyond))["status"] == "waiting"
    assert body_of(await world.coordinator.post(path, reason))["status"] == "active"
    taken = await episode(world, beyond)
    assert (taken["extra_place_reason"], taken["status"]) == ("Agreed with the commissioner", "matched")
    assert taken["contract_year_id"] == (await episode(world, within))["contract_year_id"]


async def test_between_contract_years_a_confirmation_needs_a_reason(world: World) -> None:
    await world.owner.execute("DELETE FROM programmes_contract_years WHERE programme_id = $1", world.programme_id)
    mentor, profile = await world.mentor()
    mentee_id = await waiting(world)
    offer = await world.offer(mentee_id, profile["id"])
    body_of(await mentor.post(f"/v1/matches/{offer['id']}/accept"))
    path = f"/v1/matches/{offer['id']}/confirm"
    assert body_of(await world.coordinator.post(path), 409)["type"] == "/problems/no-contract-year"
    body_of(await world.coordinator.post(path, {"extra_place_reason": "The new contract is being signed"}))
    made = await episode(world, mentee_id)
    assert (made["contract_year_id"], made["first_confirmed_on"]) == (None, clock.today())


async def test_who_introduced_the_two_is_somebody_of_the_programme(world: World, elsewhere: World) -> None:
    mentor, profile = await world.mentor()
    offer = await world.offer(await waiting(world), profile["id"])
    body_of(await mentor.post(f"/v1/matches/{offer['id']}/accept"))
    path = f"/v1/matches/{offer['id']}/confirm"
    stranger = {"introduced_by": str(elsewhere.coordinator.id)}
    assert body_of(await world.coordinator.post(path, stranger), 422)["errors"][0]["code"] == "account_unknown"
    colleague = await world.caller(Role.COORDINATOR)
    made = body_of(await world.coordinator.post(path, {"introduced_by": str(colleague.id)}))
    assert made["introduced_by"] == str(colleague.id)


async def test_a_verb_with_an_old_etag_changes_nothing(world: World) -> None:
    mentor, profile = await world.mentor()
    offer = await world.offer(await waiting(world), profile["id"])
    path = f"/v1/matches/{offer['id']}"
    body_of(await mentor.post(f"{path}/accept"))
    stale = await world.coordinator.post(f"{path}/confirm", headers={"If-Match": '"v1"'})
    assert body_of(stale, 412)["type"] == "/problems/version-changed"


async def test_before_confirmation_a_mentor_does_not_reach_the_mentee(world: World) -> None:
    mentor, profile = await world.mentor()
    mentee_id = await waiting(world)
    offer = await world.offer(mentee_id, profile["id"])
    body_of(await mentor.post(f"/v1/matches/{offer['id']}/accept"))
    body_of(await mentor.get(f"/v1/mentees/{mentee_id}"), 404)
    confirmed = body_of(await world.coordinator.post(f"/v1/matches/{offer['id']}/confirm"))
    assert (confirmed["status"], confirmed["confirmed_by"]) == ("active", str(world.coordinator.id))
    briefing = body_of(await mentor.get(f"/v1/mentees/{mentee_id}/briefing"))
    assert briefing["safety_note"] == "A large dog at home"


async def episode(world: World, mentee_id: UUID) -> Any:
    """An episode as it is stored."""
    return await world.owner.fetchrow("SELECT * FROM mentees WHERE id = $1", mentee_id)


async def events_of(world: World, kind: str) -> list[UUID]:
    """Whom events of one type in this programme are about."""
    rows = await world.owner.fetch(
        "SELECT subject_id FROM events WHERE type = $1 AND programme_id = $2 ORDER BY id", kind, world.programme_id
    )
    return [row[0] for row in rows]
