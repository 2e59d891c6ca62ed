"""Mentors: who becomes one, what is missing before a match, and what the mentor sees."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.core import clock
from app.core.actor import Role
from app.core.codes import TrainingModule
from tests.factories import Caller, World, body_of

pytestmark = pytest.mark.anyio

CONDITION: dict[str, Any] = {
    "condition": "type_2_diabetes",
    "treatments": ["tablets"],
    "diagnosed_year": 2011,
    "consent_given_on": str(clock.today() - timedelta(days=3)),
    "consent_wording_version": "2026-01",
}


def profile(world: World, caller: Caller, **changes: Any) -> dict[str, Any]:
    """A body for POST /v1/mentors."""
    given = {
        "account_id": str(caller.id),
        "programme_id": str(world.programme_id),
        "name": "Sam Okafor",
        "known_as": "Sam",
    }
    return given | changes


async def test_a_new_mentor_takes_two_mentees_and_has_all_seven_modules_to_do(world: World) -> None:
    caller = await world.caller(Role.MENTOR)
    answer = await world.coordinator.post("/v1/mentors", profile(world, caller, postcode_district="bs5"))
    made = body_of(answer, 201)
    assert answer.headers["location"] == f"/v1/mentors/{made['id']}"
    assert (made["capacity"], made["active_match_count"], made["postcode_district"]) == (2, 0, "BS5")
    assert made["missing_modules"] == [module.value for module in TrainingModule]
    assert made["is_matchable"] is False
    assert made["condition"] is None
    assert made["actions"] == ["pause", "leave"]


async def test_a_mentor_is_matchable_after_the_seventh_module(world: World) -> None:
    _, mentor = await world.mentor(trained=False)
    for position, module in enumerate(TrainingModule):
        assert mentor["is_matchable"] is False, position
        done = {"module": module.value, "completed_on": "2026-01-10"}
        mentor = body_of(await world.coordinator.post(f"/v1/mentors/{mentor['id']}/training", done))
    assert mentor["is_matchable"] is True
    assert mentor["missing_modules"] == []
    assert len(mentor["training"]) == 7


async def test_a_module_noted_again_has_its_new_date_and_is_there_once(world: World) -> None:
    _, mentor = await world.mentor(trained=False)
    path = f"/v1/mentors/{mentor['id']}/training"
    sends = [world.coordinator.post(path, {"module": "boundaries", "completed_on": f"2026-01-0{n}"}) for n in (1, 2, 3)]
    assert {answer.status_code for answer in await asyncio.gather(*sends)} == {200}
    again = body_of(await world.coordinator.post(path, {"module": "boundaries", "completed_on": "2026-02-01"}))
    assert again["training"] == [{"module": "boundaries", "completed_on": "2026-02-01"}]


async def test_a_module_is_not_completed_in_the_future(world: World) -> None:
    _, mentor = await world.mentor(trained=False)
    done = {"module": "boundaries", "completed_on": str(clock.today() + timedelta(days=1))}
    refused = body_of(await world.coordinator.post(f"/v1/mentors/{mentor['id']}/training", done), 422)
    assert refused["errors"][0]["field"] == "/completed_on"


async def test_an_account_without_the_role_of_mentor_gets_no_profile(world: World, elsewhere: World) -> None:
    for stranger in (world.referrer, await elsewhere.caller(Role.MENTOR)):
        refused = body_of(await world.coordinator.post("/v1/mentors", profile(world, stranger)), 422)
        assert refused["errors"][0]["code"] == "not_a_mentor"


async def test_a_coordinator_adds_no_mentor_to_another_programme(world: World, elsewhere: World) -> None:
    caller = await elsewhere.caller(Role.MENTOR)
    refused = body_of(await world.coordinator.post("/v1/mentors", profile(elsewhere, caller)), 422)
    assert refused["errors"][0]["code"] == "programme_unknown"


async def test_a_second_profile_of_one_account_is_refused_with_a_link_to_the_first(world: World) -> None:
    caller, mentor = await world.mentor(trained=False)
    refused = body_of(await world.coordinator.post("/v1/mentors", profile(world, caller)), 409)
    assert refused["type"] == "/problems/mentor-known"
    assert refused["link"] == f"/v1/mentors/{mentor['id']}"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("capacity", 4),
        ("capacity", -1),
        ("postcode_district", "Bristol"),
        ("birth_year", clock.today().year - 10),
        ("languages", ["klingon"]),
        ("modes", ["by_post"]),
        ("surprise", 1),
    ],
)
async def test_a_profile_that_cannot_be_is_refused_by_field(world: World, field: str, value: object) -> None:
    caller = await world.caller(Role.MENTOR)
    answer = await world.coordinator.post("/v1/mentors", profile(world, caller, **{field: value}))
    assert body_of(answer, 422)["errors"][0]["field"].startswith(f"/{field}")


async def test_a_mentor_reads_the_own_profile_and_no_other_mentors(world: World) -> None:
    caller, mentor = await world.mentor(trained=False, condition=CONDITION)
    _, other = await world.mentor(trained=False)
    own = body_of(await caller.get(f"/v1/mentors/{mentor['id']}"))
    assert own["condition"]["treatments"] == ["tablets"]
    assert own["actions"] == []
    body_of(await caller.get(f"/v1/mentors/{other['id']}"), 404)
    assert [m["id"] for m in body_of(await caller.get("/v1/mentors"))["items"]] == [mentor["id"]]


async def test_a_mentor_changes_no_profile_and_notes_no_training(world: World) -> None:
    caller, mentor = await world.mentor(trained=False)
    path = f"/v1/mentors/{mentor['id']}"
    body_of(await caller.patch(path, {"capacity": 3}, '"v1"'), 403)
    body_of(await caller.post(f"{path}/training", {"module": "boundaries", "completed_on": "2026-01-01"}), 403)
    body_of(await world.referrer.get(path), 403)


async def test_another_programmes_coordinator_finds_no_mentor_here(world: World, elsewhere: World) -> None:
    _, mentor = await world.mentor(trained=False)
    body_of(await elsewhere.coordinator.get(f"/v1/mentors/{mentor['id']}"), 404)
    body_of(await elsewhere.coordinator.post(f"/v1/mentors/{mentor['id']}/pause"), 404)
    assert body_of(await elsewhere.coordinator.get("/v1/mentors"))["items"] == []


async def test_a_profile_is_changed_by_whoever_read_it_last(world: World) -> None:
    _, mentor = await world.mentor(trained=False, travel_km=5)
    path = f"/v1/mentors/{mentor['id']}"
    body_of(await world.coordinator.patch(path, {"capacity": 3}, None), 428)
    changed = body_of(await world.coordinator.patch(path, {"capacity": 3, "travel_km": None, "name": None}, '"v1"'))
    assert (changed["capacity"], changed["travel_km"], changed["name"]) == (3, None, mentor["name"])
    body_of(await world.coordinator.patch(path, {"capacity": 1}, '"v1"'), 412)


async def test_a_paused_mentor_is_not_matchable_until_resumed(world: World) -> None:
    _, mentor = await world.mentor()
    path = f"/v1/mentors/{mentor['id']}"
    paused = body_of(await world.coordinator.post(f"{path}/pause"))
    assert (paused["status"], paused["is_matchable"], paused["actions"]) == ("paused", False, ["resume", "leave"])
    again = body_of(await world.coordinator.post(f"{path}/pause"), 409)
    assert (again["current"], again["possible"]) == ("paused", ["resume", "leave"])
    assert body_of(await world.coordinator.post(f"{path}/resume"))["is_matchable"] is True


async def test_a_condition_is_kept_with_consent_replaced_and_gone_once_consent_is_withdrawn(world: World) -> None:
    _, mentor = await world.mentor(trained=False, condition=CONDITION)
    path = f"/v1/mentors/{mentor['id']}/condition"
    assert mentor["condition"] == CONDITION
    put = await world.coordinator.send("PUT", path, json=CONDITION | {"treatments": ["insulin"]})
    assert body_of(put)["condition"]["treatments"] == ["insulin"]
    assert body_of(await world.coordinator.send("DELETE", path))["condition"] is None
    assert await world.owner.fetchval("SELECT count(*) FROM mentors_conditions WHERE mentor_id = $1", mentor["id"]) == 0
    body_of(await world.coordinator.send("DELETE", path), 404)
    put = await world.coordinator.send("PUT", path, json=CONDITION)
    assert body_of(put)["condition"] == CONDITION


async def test_a_condition_without_the_mentors_consent_is_refused(world: World) -> None:
    _, mentor = await world.mentor(trained=False)
    without = {name: value for name, value in CONDITION.items() if name != "consent_given_on"}
    answer = await world.coordinator.send("PUT", f"/v1/mentors/{mentor['id']}/condition", json=without)
    assert body_of(answer, 422)["errors"][0]["field"] == "/consent_given_on"


async def test_more_mentors_than_the_contract_pays_for_are_taken_and_noted(world: World) -> None:
    await world.owner.execute(
        "UPDATE programmes_contract_years SET mentor_places = 1 WHERE programme_id = $1", world.programme_id
    )
    _, first = await world.mentor(trained=False)
    _, second = await world.mentor(trained=False)
    noted = await world.owner.fetch(
        "SELECT subject_id FROM events WHERE type = 'mentor.added_beyond_places' AND programme_id = $1",
        world.programme_id,
    )
    assert [str(row[0]) for row in noted] == [second["id"]]
    assert first["id"] != second["id"]


async def test_the_list_is_filtered_by_state(world: World) -> None:
    _, mentor = await world.mentor(trained=False)
    _, paused = await world.mentor(trained=False)
    body_of(await world.coordinator.post(f"/v1/mentors/{paused['id']}/pause"))
    active = body_of(await world.coordinator.get("/v1/mentors?status=active"))
    assert [m["id"] for m in active["items"]] == [mentor["id"]]
    none = await world.coordinator.get(f"/v1/mentors?programme_id={uuid4()}")
    assert body_of(none)["items"] == []
