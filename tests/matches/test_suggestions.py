"""A coordinator asks who suits a waiting mentee, and is told who, why, and why not the others."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.core import clock
from app.core.actor import Role
from app.matches.factors import START_WEIGHTS
from app.matches.suggestion_shapes import Suggestions
from tests.factories import World, body_of, nhs_number, person
from tests.matches.waiting import ready_mentor

pytestmark = pytest.mark.anyio

TUESDAY = {"weekday": "tuesday", "starts_at": "14:00", "ends_at": "16:00"}
WISHES: dict[str, Any] = {
    "slots": [TUESDAY],
    "treatments": ["insulin"],
    "interests": ["Gardening"],
    "circumstances": ["works"],
    "culture": "Would like to talk about fasting",
}
CONDITION = {
    "condition": "type_2_diabetes",
    "treatments": ["insulin"],
    "consent_given_on": "2026-01-05",
    "consent_wording_version": "2026-1",
}


async def _wish(world: World, mentee_id: str, **wishes: Any) -> dict[str, Any]:
    path = f"/v1/mentees/{mentee_id}/preferences"
    version = body_of(await world.coordinator.get(f"/v1/mentees/{mentee_id}?include=preferences"))["preferences"][
        "version"
    ]
    changed: dict[str, Any] = body_of(await world.coordinator.patch(path, wishes, f'"v{version}"'))
    return changed


async def _suggested(world: World, mentee_id: str | UUID, query: str = "") -> dict[str, Any]:
    shown: dict[str, Any] = body_of(await world.coordinator.get(f"/v1/mentees/{mentee_id}/suggestions{query}"))
    Suggestions.model_validate(shown)
    assert set(shown) == set(Suggestions.model_fields)
    return shown


def _rules(shown: dict[str, Any]) -> dict[str, list[str]]:
    return {one["mentor_id"]: [rule["rule"] for rule in one["rules"]] for one in shown["excluded"]}


async def test_mentors_are_ranked_with_each_factor_in_words_and_what_was_left_out(world: World) -> None:
    mentee = await world.enrol()
    await _wish(world, mentee["id"], **WISHES)
    _, stranger = await world.mentor(name="Ann Stranger", known_as="Ann", interests=["Chess"])
    _, alike = await world.mentor(
        slots=[TUESDAY], interests=["gardening"], circumstances=["works"], birth_year=1970, condition=CONDITION
    )
    shown = await _suggested(world, mentee["id"])
    assert [one["mentor_id"] for one in shown["suggestions"]] == [alike["id"], stranger["id"]]
    assert (shown["suggestion_count"], shown["excluded_count"], shown["weights_number"]) == (2, 0, 0)
    best = shown["suggestions"][0]
    assert (best["known_as"], best["score"], best["active_match_count"], best["capacity"]) == ("Sam", 98.9, 0, 2)
    assert {one["factor"]: one["words"] for one in best["factors"]} == {
        "slots": "overlap Tuesday 14:00-16:00",
        "treatment": "both manage with insulin",
        "circumstances": "alike: in work",
        "age": "about 2 years apart",
        "interests": "both like Gardening",
    }
    assert {one["factor"] for one in shown["left_out"]} == {"distance", "culture", "gender"}
    assert shown["culture"] == WISHES["culture"]


async def test_mentors_who_cannot_be_offered_are_told_with_the_rules_that_exclude_them(world: World) -> None:
    mentee = await world.enrol(language="so")
    _, untrained = await world.mentor(trained=False, languages=["so"])
    _, paused = await world.mentor(languages=["so"])
    body_of(await world.coordinator.post(f"/v1/mentors/{paused['id']}/pause"))
    _, english = await world.mentor()
    _, named = await world.mentor(languages=["so"])
    _, fits = await world.mentor(languages=["so", "en"])
    _, left = await world.mentor(languages=["so"])
    body_of(await world.coordinator.post(f"/v1/mentors/{left['id']}/leave", {"reason": "Moved"}))
    await _wish(world, mentee["id"], excluded_mentor_ids=[named["id"]])
    shown = await _suggested(world, mentee["id"])
    assert [one["mentor_id"] for one in shown["suggestions"]] == [fits["id"]]
    assert _rules(shown) == {
        untrained["id"]: ["not_trained"],
        paused["id"]: ["not_active"],
        english["id"]: ["language"],
        named["id"]: ["excluded_pair"],
    }
    assert {one["rule"]: one["mentor_count"] for one in shown["excluded_by"]} == {
        "not_trained": 1,
        "not_active": 1,
        "language": 1,
        "excluded_pair": 1,
    }


async def test_a_pair_that_was_excluded_is_not_offered_either(world: World) -> None:
    mentee = await world.enrol()
    _, named = await world.mentor()
    await _wish(world, mentee["id"], excluded_mentor_ids=[named["id"]])
    refused = await world.coordinator.post("/v1/matches", {"mentee_id": mentee["id"], "mentor_id": named["id"]})
    assert body_of(refused, 409)["type"] == "/problems/pair-excluded"


async def test_only_mentors_of_the_programme_can_be_excluded(world: World) -> None:
    mentee = await world.enrol()
    path = f"/v1/mentees/{mentee['id']}/preferences"
    refused = await world.coordinator.patch(path, {"excluded_mentor_ids": [str(uuid4())]}, '"v1"')
    (error,) = body_of(refused, 422)["errors"]
    assert (error["field"], error["code"]) == ("/excluded_mentor_ids/0", "mentor_unknown")


async def test_what_was_between_two_people_before_excludes_or_is_flagged(world: World) -> None:
    mentee = await world.enrol()
    offered_mentor, offered = await world.mentor()
    await world.offer(mentee["id"], offered["id"])
    knows, known = await world.mentor()
    busy, declined = await world.mentor()
    for caller, profile, reason in ((knows, known, "known_to_each_other"), (busy, declined, "no_time")):
        offer = await world.offer(mentee["id"], profile["id"])
        body_of(await caller.post(f"/v1/matches/{offer['id']}/decline", {"reason": reason}))
    former, mismatched = await world.mentor()
    match = await world.pair(mentee["id"], former, mismatched["id"])
    body_of(await world.coordinator.post(f"/v1/matches/{match['id']}/end", {"reason": "mismatch", "is_planned": False}))
    again = await world.offer(mentee["id"], offered["id"])  # the confirmation of another had withdrawn the first
    assert again["status"] == "proposed"
    shown = await _suggested(world, mentee["id"])
    assert _rules(shown) == {
        offered["id"]: ["offered"],
        known["id"]: ["excluded_pair"],
        mismatched["id"]: ["excluded_pair"],
    }
    (still,) = shown["suggestions"]
    assert (still["mentor_id"], still["flags"]) == (declined["id"], ["Declined before: no time at present"])
    assert offered_mentor.role is Role.MENTOR


async def test_what_went_wrong_in_an_earlier_episode_holds_in_the_next(world: World) -> None:
    who = {"nhs_number": nhs_number(), "given_name": "Amina", "family_name": "Yusuf"}
    first = await world.enrol(**who)
    mentor, profile = await world.mentor()
    match = await world.pair(first["id"], mentor, profile["id"])
    wrong = {"reason": "mismatch", "is_planned": False}
    body_of(await world.coordinator.post(f"/v1/matches/{match['id']}/end", wrong))
    body_of(
        await world.coordinator.post(f"/v1/mentees/{first['id']}/end", {"reason": "moved_away", "is_planned": False})
    )
    again = await world.accept((await world.refer(person=person(**who)))["id"], person_id=first["person_id"])
    assert again["id"] != first["id"]
    assert _rules(await _suggested(world, again["id"])) == {profile["id"]: ["excluded_pair"]}
    refused = await world.coordinator.post("/v1/matches", {"mentee_id": again["id"], "mentor_id": profile["id"]})
    assert body_of(refused, 409)["type"] == "/problems/pair-excluded"


async def test_nobody_is_suggested_to_themselves(world: World) -> None:
    caller, profile = await world.mentor()
    mentee = await world.enrol(email=caller.email.upper())
    assert _rules(await _suggested(world, mentee["id"])) == {profile["id"]: ["excluded_pair"]}


async def test_a_programme_without_mentors_answers_with_nobody(world: World) -> None:
    shown = await _suggested(world, (await world.enrol())["id"])
    assert (shown["suggestions"], shown["excluded"], shown["suggestion_count"]) == ([], [], 0)


async def test_waiting_is_shown_as_points_and_changes_no_score(world: World) -> None:
    mentee = await world.enrol()
    await world.owner.execute(
        "UPDATE mentees SET received_on = $1 WHERE id = $2", clock.today() - timedelta(days=42), UUID(mentee["id"])
    )
    assert (await _suggested(world, mentee["id"]))["waiting_bonus"] == 10.0


async def test_as_many_are_shown_as_asked_and_all_are_counted(world: World) -> None:
    mentee = await world.enrol()
    for _ in range(3):
        await ready_mentor(world, capacity=1)
    await world.owner.execute("UPDATE mentors SET languages = '{en}' WHERE programme_id = $1", world.programme_id)
    shown = await _suggested(world, mentee["id"], "?limit=2")
    assert (len(shown["suggestions"]), shown["suggestion_count"]) == (2, 3)
    ids = [one["mentor_id"] for one in shown["suggestions"]]
    assert ids == sorted(ids), "who suits alike comes in the same order each time"
    refused = await world.coordinator.get(f"/v1/mentees/{mentee['id']}/suggestions?limit=51")
    assert body_of(refused, 422)["errors"][0]["field"] == "query:limit"


async def test_a_programme_weighs_as_it_says_and_keeps_what_it_said_before(world: World) -> None:
    mentee = await world.enrol()
    await _wish(world, mentee["id"], interests=["Gardening"], treatments=["insulin"])
    _, gardener = await world.mentor(interests=["gardening"], condition=CONDITION | {"treatments": ["tablets"]})
    _, injects = await world.mentor(interests=["chess"], condition=CONDITION)
    assert [one["mentor_id"] for one in (await _suggested(world, mentee["id"]))["suggestions"]] == [
        injects["id"],
        gardener["id"],
    ]
    path = f"/v1/programmes/{world.programme_id}/match-weights"
    weights = dict.fromkeys(START_WEIGHTS, 0) | {"interests": 90, "treatment": 10}
    made = body_of(await world.coordinator.post(path, {"weights": weights}), 201)
    assert (made["number"], made["weights"]) == (1, {str(name): weight for name, weight in weights.items()})
    shown = await _suggested(world, mentee["id"])
    assert shown["weights_number"] == 1
    assert [one["mentor_id"] for one in shown["suggestions"]] == [gardener["id"], injects["id"]]
    body_of(await world.coordinator.post(path, {"weights": {str(f): w for f, w in START_WEIGHTS.items()}}), 201)
    listed = body_of(await world.coordinator.get(path))
    assert [one["number"] for one in listed["items"]] == [2, 1]


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"age": 11}, "weights_sum"), ({"age": None}, "weights_factors"), ({"age": -1}, "greater_than_equal")],
)
async def test_weights_that_are_not_whole_are_refused(world: World, changes: dict[str, Any], code: str) -> None:
    weights = {
        name: w for name, w in ({str(f): w for f, w in START_WEIGHTS.items()} | changes).items() if w is not None
    }
    refused = await world.coordinator.post(f"/v1/programmes/{world.programme_id}/match-weights", {"weights": weights})
    assert [error["code"] for error in body_of(refused, 422)["errors"]] == [code]


async def test_two_who_set_weights_at_once_make_two_versions(world: World) -> None:
    path = f"/v1/programmes/{world.programme_id}/match-weights"
    body = {"weights": {str(f): w for f, w in START_WEIGHTS.items()}}
    made = await asyncio.gather(*(world.coordinator.post(path, body) for _ in range(4)))
    assert sorted(body_of(one, 201)["number"] for one in made) == [1, 2, 3, 4]


async def test_who_was_shown_is_noted_as_read(world: World) -> None:
    mentee = await world.enrol()
    _, profile = await world.mentor()
    await _suggested(world, mentee["id"])
    noted = await world.owner.fetchval(
        "SELECT ids FROM audit_reads WHERE shape = 'Suggestions' AND actor_id = $1", world.coordinator.id
    )
    assert noted == [UUID(mentee["id"]), UUID(profile["id"])]


async def test_nobody_but_the_programmes_coordinators_asks(world: World) -> None:
    mentee = await world.enrol()
    mentor, _ = await world.mentor()
    path = f"/v1/mentees/{mentee['id']}/suggestions"
    for caller in (mentor, world.referrer):
        body_of(await caller.get(path), 403)
    elsewhere = await World.make(world.app, world.http, world.owner)
    body_of(await elsewhere.coordinator.get(path), 404)
