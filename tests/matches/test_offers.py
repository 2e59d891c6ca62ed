"""A mentor is offered a mentee and answers; nobody else does, and nobody else sees it."""

from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.core.actor import Actor, Kind, Role
from tests.factories import Caller, World, body_of
from tests.matches.waiting import waiting

pytestmark = pytest.mark.anyio


async def test_an_offer_tells_the_mentor_what_is_needed_and_neither_contact_nor_safety_note(world: World) -> None:
    mentor, profile = await world.mentor()
    offer = await world.offer(await waiting(world), profile["id"], reason="Same languages")
    assert (offer["status"], offer["mentee_known_as"], offer["mentor_known_as"]) == ("proposed", "Ade", "Sam")
    assert offer["actions"] == ["withdraw"]
    seen = body_of(await mentor.get(f"/v1/matches/{offer['id']}"))
    assert seen["offer"] == {
        "known_as": "Ade",
        "language": "en",
        "needs": "Would like to walk more.",
        "access_needs": "No stairs",
        "communication_needs": ["more_time"],
        "is_interpreter_needed": False,
    }
    assert seen["actions"] == ["accept", "decline"]
    assert not {"proposal_reason", "ending_reason", "ending_note", "proposed_by"} & seen.keys()


async def test_a_mentor_who_is_not_trained_is_refused_and_told_what_is_missing(world: World) -> None:
    _, profile = await world.mentor(trained=False)
    body_of(
        await world.coordinator.post(
            f"/v1/mentors/{profile['id']}/training", {"module": "mentoring", "completed_on": "2026-01-01"}
        )
    )
    pair = {"mentee_id": str(await waiting(world)), "mentor_id": profile["id"]}
    refused = body_of(await world.coordinator.post("/v1/matches", pair), 409)
    assert refused["type"] == "/problems/mentor-not-ready"
    assert refused["missing"] == [
        "motivational_interviewing",
        "goal_setting",
        "action_planning",
        "boundaries",
        "confidentiality",
        "safeguarding",
    ]


async def test_a_paused_mentor_gets_no_new_match(world: World) -> None:
    mentor, profile = await world.mentor()
    offer = await world.offer(await waiting(world), profile["id"])
    body_of(await mentor.post(f"/v1/matches/{offer['id']}/accept"))
    body_of(await world.coordinator.post(f"/v1/mentors/{profile['id']}/pause"))
    pair = {"mentee_id": str(await waiting(world)), "mentor_id": profile["id"]}
    proposed = body_of(await world.coordinator.post("/v1/matches", pair), 409)
    confirmed = body_of(await world.coordinator.post(f"/v1/matches/{offer['id']}/confirm"), 409)
    for refused in (proposed, confirmed):
        assert (refused["type"], refused["current"]) == ("/problems/mentor-not-ready", "paused")


async def test_a_mentor_with_no_place_left_is_offered_nobody(world: World) -> None:
    mentor, profile = await world.mentor(capacity=1)
    await world.pair(await waiting(world), mentor, profile["id"])
    pair = {"mentee_id": str(await waiting(world)), "mentor_id": profile["id"]}
    refused = body_of(await world.coordinator.post("/v1/matches", pair), 409)
    assert refused["type"] == "/problems/mentor-is-full"
    assert body_of(await world.coordinator.get(f"/v1/mentors/{profile['id']}"))["active_match_count"] == 1


async def test_somebody_who_has_a_mentor_is_offered_to_no_other(world: World) -> None:
    mentor, profile = await world.mentor()
    _, other = await world.mentor()
    mentee_id = await waiting(world)
    await world.pair(mentee_id, mentor, profile["id"])
    pair = {"mentee_id": str(mentee_id), "mentor_id": other["id"]}
    refused = body_of(await world.coordinator.post("/v1/matches", pair), 409)
    assert (refused["type"], refused["current"]) == ("/problems/mentee-not-waiting", "matched")


async def test_a_second_open_offer_to_the_same_mentor_is_refused_with_a_link(world: World) -> None:
    _, profile = await world.mentor()
    mentee_id = await waiting(world)
    offer = await world.offer(mentee_id, profile["id"])
    pair = {"mentee_id": str(mentee_id), "mentor_id": profile["id"]}
    refused = body_of(await world.coordinator.post("/v1/matches", pair), 409)
    assert (refused["type"], refused["link"]) == ("/problems/offer-open", f"/v1/matches/{offer['id']}")


async def test_nobody_is_offered_their_own_episode(world: World) -> None:
    mentor, profile = await world.mentor()
    mentee_id = await waiting(world, email=mentor.email.upper())
    pair = {"mentee_id": str(mentee_id), "mentor_id": profile["id"]}
    assert body_of(await world.coordinator.post("/v1/matches", pair), 409)["type"] == "/problems/own-mentor"


async def test_two_programmes_are_not_matched_across(world: World, elsewhere: World) -> None:
    _, profile = await elsewhere.mentor()
    mentee_id = await waiting(world)
    pair = {"mentee_id": str(mentee_id), "mentor_id": profile["id"]}
    unknown = body_of(await world.coordinator.post("/v1/matches", pair), 422)
    assert unknown["errors"][0]["code"] == "mentor_unknown"
    await world.membership(world.coordinator.id, Role.COORDINATOR, programme_id=elsewhere.programme_id)
    differs = body_of(await world.coordinator.post("/v1/matches", pair), 422)
    assert differs["errors"][0]["code"] == "programme_differs"


async def test_a_decline_leaves_the_mentee_waiting_and_takes_back_what_the_offer_told(world: World) -> None:
    mentor, profile = await world.mentor()
    mentee_id = await waiting(world)
    offer = await world.offer(mentee_id, profile["id"])
    path = f"/v1/matches/{offer['id']}"
    declined = body_of(await mentor.post(f"{path}/decline", {"reason": "too_far"}))
    assert (declined["status"], declined["decline_reason"], declined["offer"]) == ("declined", "too_far", None)
    assert await world.owner.fetchval("SELECT status FROM mentees WHERE id = $1", mentee_id) == "waiting"
    again = body_of(await mentor.post(f"{path}/accept"), 409)
    assert (again["type"], again["possible"]) == ("/problems/step-not-possible", [])
    body_of(await world.coordinator.post(f"{path}/confirm"), 409)
    await world.offer(mentee_id, profile["id"])


async def test_only_the_mentor_who_was_asked_answers(world: World) -> None:
    mentor, profile = await world.mentor()
    stranger, _ = await world.mentor(trained=False)
    offer = await world.offer(await waiting(world), profile["id"])
    path = f"/v1/matches/{offer['id']}"
    for verb, body in (("accept", {}), ("decline", {"reason": "other"})):
        body_of(await stranger.post(f"{path}/{verb}", body), 404)
        body_of(await world.coordinator.post(f"{path}/{verb}", body), 403)
    body_of(await stranger.get(path), 404)
    assert body_of(await stranger.get("/v1/matches"))["items"] == []
    for verb in ("confirm", "withdraw"):
        body_of(await mentor.post(f"{path}/{verb}"), 403)
    body_of(await world.referrer.get(path), 403)


async def test_another_programmes_coordinator_finds_no_match_here(world: World, elsewhere: World) -> None:
    _, profile = await world.mentor()
    offer = await world.offer(await waiting(world), profile["id"])
    path = f"/v1/matches/{offer['id']}"
    body_of(await elsewhere.coordinator.get(path), 404)
    body_of(await elsewhere.coordinator.post(f"{path}/withdraw"), 404)
    assert body_of(await elsewhere.coordinator.get("/v1/matches"))["items"] == []


async def test_an_accepted_offer_can_still_be_withdrawn_and_a_pair_cannot(world: World) -> None:
    mentor, profile = await world.mentor()
    offer = await world.offer(await waiting(world), profile["id"])
    path = f"/v1/matches/{offer['id']}"
    body_of(await mentor.post(f"{path}/accept"))
    withdrawn = body_of(await world.coordinator.post(f"{path}/withdraw"))
    assert (withdrawn["status"], withdrawn["offer"], withdrawn["actions"]) == ("withdrawn", None, [])
    assert body_of(await mentor.get(path))["offer"] is None
    pair = await world.pair(await waiting(world), mentor, profile["id"])
    refused = body_of(await world.coordinator.post(f"/v1/matches/{pair['id']}/withdraw"), 409)
    assert (refused["current"], refused["possible"]) == ("active", ["end"])


async def test_the_database_lets_a_mentor_answer_the_own_open_offer_and_change_nothing_else(world: World) -> None:
    mentor, profile = await world.mentor()
    stranger, _ = await world.mentor(trained=False)
    pair = await world.pair(await waiting(world), mentor, profile["id"])
    withdrawn = await world.offer(await waiting(world), profile["id"])
    body_of(await world.coordinator.post(f"/v1/matches/{withdrawn['id']}/withdraw"))
    offer = await world.offer(await waiting(world), profile["id"])
    accept = "UPDATE matches SET status = 'accepted' WHERE id = $1 RETURNING id"
    for match_id in (pair["id"], withdrawn["id"]):
        assert await as_mentor(world, mentor, accept, match_id) == []
    assert await as_mentor(world, stranger, accept, offer["id"]) == []
    for forbidden in (
        "UPDATE matches SET mentor_account_id = mentor_account_id WHERE id = $1",
        "SELECT ending_reason FROM matches_notes WHERE match_id = $1",
        "SELECT reason FROM mentors_leavings WHERE mentor_id = $1",
        "DELETE FROM matches WHERE id = $1",
        "UPDATE matches SET status = 'active', confirmed_at = now() WHERE id = $1",
        "UPDATE matches SET status = 'withdrawn', offer = NULL WHERE id = $1",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await as_mentor(world, mentor, forbidden, offer["id"])
    assert len(await as_mentor(world, mentor, accept, offer["id"])) == 1


async def as_mentor(world: World, mentor: Caller, sql: str, value: str) -> list[Any]:
    """One statement as the database sees this mentor."""
    actor = Actor(Kind.ACCOUNT, Role.MENTOR, mentor.id, sign_in_id=mentor.sign_in_id)
    async with world.app.state.database.reading(actor) as db:
        rows: list[Any] = await db.fetch(sql, UUID(value))
    return rows


async def test_the_list_is_filtered_by_state_mentee_and_mentor(world: World) -> None:
    mentor, profile = await world.mentor()
    mentee_id = await waiting(world)
    pair = await world.pair(mentee_id, mentor, profile["id"])
    offer = await world.offer(await waiting(world), profile["id"])
    for query, expected in (
        ("status=active", [pair["id"]]),
        (f"mentee_id={mentee_id}", [pair["id"]]),
        (f"mentor_id={profile['id']}", [offer["id"], pair["id"]]),
        (f"programme_id={world.programme_id}", [offer["id"], pair["id"]]),
    ):
        for caller in (world.coordinator, mentor):
            found = body_of(await caller.get(f"/v1/matches?{query}"))
            assert [m["id"] for m in found["items"]] == expected, query
