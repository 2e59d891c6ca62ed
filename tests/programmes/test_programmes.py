"""Making a programme, who sees how much of it, and changing its settings."""

from typing import Any
from uuid import uuid4

import pytest

from app.core.actor import Role
from tests.factories import World, body_of

pytestmark = pytest.mark.anyio

INCLUDE = {"include": "contract_years,eligibility_rules"}
SETTINGS = {
    "pam_cut_set",
    "pam_baseline_before_days",
    "pam_follow_up_days",
    "pam_meaningful_change",
    "contract_years",
    "eligibility_rules",
}


def programme(**changes: Any) -> dict[str, Any]:
    return {"name": "Diabetes peer support", "condition": "type_2_diabetes", "footprint": "Bristol"} | changes


def service_id(value: str | None = None, system: str = "https://example.org/dos") -> dict[str, str]:
    return {"system": system, "value": value or uuid4().hex}


YEAR = {"starts_on": "2026-04-01", "ends_on": "2027-03-31"}


async def test_whoever_makes_a_programme_coordinates_it(world: World) -> None:
    answer = await world.coordinator.post("/v1/programmes", programme())
    made = body_of(answer, 201)
    assert answer.headers["location"] == f"/v1/programmes/{made['id']}"
    read = await world.coordinator.get(answer.headers["location"], params=INCLUDE)
    assert body_of(read) == made
    assert read.headers["etag"] == answer.headers["etag"] == '"v1"'
    listed = body_of(await world.coordinator.get("/v1/programmes"))["items"]
    assert {item["id"] for item in listed} == {made["id"], str(world.programme_id)}


async def test_a_programme_starts_with_the_settings_of_the_pilot(world: World) -> None:
    made = body_of(await world.coordinator.post("/v1/programmes", programme(contract_years=[YEAR])), 201)
    for name, value in {
        "delivery": "one_to_one",
        "is_open": True,
        "length_weeks": 16,
        "days_between_sessions": 7,
        "session_minutes": 60,
        "grace_days": 14,
        "pam_cut_set": "current",
        "service_ids": [],
    }.items():
        assert made[name] == value, name
    (year,) = made["contract_years"]
    assert (year["mentor_places"], year["mentee_places"], year["places_taken"]) == (20, 40, 0)


async def test_a_programme_without_rules_is_for_adults_with_its_condition(world: World) -> None:
    made = body_of(await world.coordinator.post("/v1/programmes", programme(condition="hiv")), 201)
    assert made["eligibility_rules"]["number"] == 1
    assert made["eligibility_rules"]["rules"] == [
        {"kind": "minimum_age", "number": 18, "values": []},
        {"kind": "condition", "number": None, "values": ["hiv"]},
    ]


async def test_a_programme_with_postcode_areas_and_no_rules_is_for_people_who_live_there(world: World) -> None:
    body = programme(condition="hiv", postcode_areas=["bs", "BA1"])
    made = body_of(await world.coordinator.post("/v1/programmes", body), 201)
    rule = {"kind": "postcode_area", "number": None, "values": ["BS", "BA1"]}
    assert made["eligibility_rules"]["rules"][2:] == [rule]


async def test_a_programme_keeps_what_it_was_made_with(world: World) -> None:
    rules = [{"kind": "postcode_area", "number": None, "values": ["BS", "BA1"]}]
    ids = sorted([service_id(), service_id()], key=lambda given: given["value"])
    body = programme(service_ids=ids, contract_years=[YEAR], eligibility_rules=rules, length_weeks=12)
    made = body_of(await world.coordinator.post("/v1/programmes", body | {"postcode_areas": ["bs", "ba1"]}), 201)
    assert [{"system": i["system"], "value": i["value"]} for i in made["service_ids"]] == ids
    assert made["eligibility_rules"]["rules"] == rules
    assert made["contract_years"][0]["starts_on"] == YEAR["starts_on"]
    assert (made["length_weeks"], made["postcode_areas"]) == (12, ["BS", "BA1"])


async def test_a_refused_programme_leaves_nothing_behind(world: World) -> None:
    name = uuid4().hex
    backwards = {"starts_on": "2027-03-31", "ends_on": "2026-04-01"}
    refusal = body_of(
        await world.coordinator.post("/v1/programmes", programme(name=name, contract_years=[YEAR, backwards])), 422
    )
    assert [(e["field"], e["code"]) for e in refusal["errors"]] == [("/contract_years/1/ends_on", "dates_order")]
    assert await world.owner.fetchval("SELECT count(*) FROM programmes WHERE name = $1", name) == 0


async def test_the_log_keeps_who_made_a_programme_and_became_its_coordinator(world: World) -> None:
    made = body_of(await world.coordinator.post("/v1/programmes", programme()), 201)
    entries = await world.owner.fetch(
        "SELECT table_name, verb, actor_id FROM audit_entries WHERE row_id IN "
        "(SELECT id FROM access_memberships WHERE programme_id = $1 UNION SELECT $1) ORDER BY table_name",
        made["id"],
    )
    assert [tuple(entry) for entry in entries] == [
        ("access_memberships", "insert", world.coordinator.id),
        ("programmes", "insert", world.coordinator.id),
    ]


@pytest.mark.parametrize("role", [Role.MENTOR, Role.REFERRER, Role.ANALYST])
async def test_only_a_coordinator_makes_or_changes_a_programme(world: World, role: Role) -> None:
    caller = await world.caller(role)
    path = f"/v1/programmes/{world.programme_id}"
    body_of(await caller.post("/v1/programmes", programme()), 403)
    body_of(await caller.patch(path, {"name": "Mine"}, '"v1"'), 403)
    body_of(await caller.post(f"{path}/service-ids", service_id()), 403)
    body_of(await caller.post(f"{path}/contract-years", YEAR), 403)
    body_of(await caller.post(f"{path}/eligibility-rules", {"rules": []}), 403)
    body_of(await caller.get(f"{path}/eligibility-rules"), 403)


async def test_a_coordinator_of_another_programme_finds_nothing(world: World, elsewhere: World) -> None:
    path = f"/v1/programmes/{world.programme_id}"
    stranger = elsewhere.coordinator
    body_of(await stranger.get(path), 404)
    body_of(await stranger.patch(path, {"name": "Mine"}, '"v1"'), 404)
    body_of(await stranger.post(f"{path}/service-ids", service_id()), 404)
    body_of(await stranger.post(f"{path}/contract-years", YEAR), 404)
    body_of(await stranger.post(f"{path}/eligibility-rules", {"rules": []}), 404)
    body_of(await stranger.get(f"{path}/eligibility-rules"), 404)
    listed = body_of(await stranger.get("/v1/programmes"))["items"]
    assert [item["id"] for item in listed] == [str(elsewhere.programme_id)]


async def test_a_referrer_sees_what_to_refer_to_and_no_settings(world: World) -> None:
    path = f"/v1/programmes/{world.programme_id}"
    seen = body_of(await world.referrer.get(path))
    assert seen.keys() == {
        "id",
        "name",
        "condition",
        "delivery",
        "footprint",
        "postcode_areas",
        "is_open",
        "service_ids",
        "version",
    }
    refusal = body_of(await world.referrer.get(path, params=INCLUDE), 422)
    assert refusal["errors"][0]["code"] == "include_unknown"


async def test_a_referrers_list_leaves_out_programmes_that_take_no_referrals(world: World, elsewhere: World) -> None:
    path = f"/v1/programmes/{world.programme_id}"
    body_of(await world.coordinator.patch(path, {"is_open": False}, '"v1"'))
    seen: set[str] = set()
    page: str | None = "/v1/programmes?limit=200"
    while page:
        answer = await world.referrer.get(page)
        seen |= {item["id"] for item in body_of(answer)["items"]}
        page = answer.links["next"]["url"] if answer.links else None
    assert str(elsewhere.programme_id) in seen
    assert str(world.programme_id) not in seen
    assert body_of(await world.referrer.get(path))["is_open"] is False


async def test_a_mentor_sees_how_the_own_programme_runs_and_nothing_of_pam_or_contracts(
    world: World, elsewhere: World
) -> None:
    mentor = await world.caller(Role.MENTOR)
    (seen,) = body_of(await mentor.get("/v1/programmes"))["items"]
    assert seen == body_of(await mentor.get(f"/v1/programmes/{world.programme_id}"))
    assert (seen["session_minutes"], seen["length_weeks"]) == (60, 16)
    assert not SETTINGS & seen.keys()
    body_of(await mentor.get(f"/v1/programmes/{elsewhere.programme_id}"), 404)


async def test_an_analyst_sees_settings_contract_years_and_rules_of_the_own_programme(
    world: World, elsewhere: World
) -> None:
    analyst = await world.caller(Role.ANALYST)
    seen = body_of(await analyst.get(f"/v1/programmes/{world.programme_id}", params=INCLUDE))
    assert seen.keys() >= SETTINGS
    assert seen["contract_years"][0]["places_taken"] == 0
    body_of(await analyst.get(f"/v1/programmes/{elsewhere.programme_id}"), 404)


async def test_settings_are_changed_by_whoever_read_the_present_version(world: World) -> None:
    path = f"/v1/programmes/{world.programme_id}"
    etag = (await world.coordinator.get(path)).headers["etag"]
    changed = await world.coordinator.patch(path, {"length_weeks": 20, "grace_days": 7}, etag)
    assert (body_of(changed)["length_weeks"], changed.json()["grace_days"]) == (20, 7)
    assert changed.json()["session_minutes"] == 60
    body_of(await world.coordinator.patch(path, {"length_weeks": 8}, etag), 412)
    body_of(await world.coordinator.patch(path, {"length_weeks": 8}, None), 428)
    assert body_of(await world.coordinator.get(path))["length_weeks"] == 20


@pytest.mark.parametrize(
    "field", ["id", "version", "condition", "created_at", "service_ids", "programme_id", "pam_follow_up_days"]
)
async def test_what_is_not_a_setting_cannot_be_changed_with_the_settings(world: World, field: str) -> None:
    path = f"/v1/programmes/{world.programme_id}"
    refusal = body_of(await world.coordinator.patch(path, {field: "hiv"}, '"v1"'), 422)
    assert [(e["field"], e["code"]) for e in refusal["errors"]] == [(f"/{field}", "extra_forbidden")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("length_weeks", 0),
        ("length_weeks", "16"),
        ("is_open", "yes"),
        ("postcode_areas", ["Bristol"]),
        ("name", ""),
    ],
)
async def test_a_setting_out_of_its_range_is_refused_and_named(world: World, field: str, value: object) -> None:
    path = f"/v1/programmes/{world.programme_id}"
    refusal = body_of(await world.coordinator.patch(path, {field: value}, '"v1"'), 422)
    assert refusal["errors"][0]["field"].startswith(f"/{field}")
    assert "Bristol" not in str(refusal)


@pytest.mark.parametrize(("field", "value"), [("pam_cut_set", "newest"), ("pam_meaningful_change", True)])
async def test_a_new_programmes_pam_settings_are_checked_too(world: World, field: str, value: object) -> None:
    refusal = body_of(await world.coordinator.post("/v1/programmes", programme(**{field: value})), 422)
    assert [error["field"] for error in refusal["errors"]] == [f"/{field}"]


async def test_a_client_cannot_name_the_member_or_the_id_of_a_new_programme(world: World) -> None:
    body = programme(id=str(uuid4()), account_id=str(uuid4()))
    refusal = body_of(await world.coordinator.post("/v1/programmes", body), 422)
    assert {error["field"] for error in refusal["errors"]} == {"/id", "/account_id"}
