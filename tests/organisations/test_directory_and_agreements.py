"""The directory of organisations, and the register of who may share what with whom."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.core import clock
from app.core.actor import Role
from tests.factories import World, body_of

pytestmark = pytest.mark.anyio


def ods_code() -> str:
    return uuid4().hex[:9].upper()


def practice(**changes: Any) -> dict[str, Any]:
    return {"ods_code": ods_code(), "name": "The Lanes Surgery", "kind": "gp_practice"} | changes


async def agreement(world: World, **changes: Any) -> dict[str, Any]:
    other, _ = await world.organisation("charity")
    given: dict[str, Any] = {
        "programme_id": str(world.programme_id),
        "reference": "ISA 7",
        "purpose": "Peer support for people with type 2 diabetes",
        "legal_basis": "Consent of the person",
        "party_ids": [str(world.practice_id), str(other)],
        "items": ["demographics", "risks"],
        "starts_on": str(clock.today() - timedelta(days=10)),
        "ends_on": str(clock.today() + timedelta(days=10)),
    }
    return given | changes


async def test_a_coordinator_adds_a_practice_and_a_referrer_finds_it_by_its_ods_code(world: World) -> None:
    new = practice()
    answer = await world.coordinator.post("/v1/organisations", new | {"ods_code": new["ods_code"].lower()})
    made = body_of(answer, 201)
    assert made == new | {"id": made["id"], "version": 1}
    assert answer.headers["location"] == f"/v1/organisations/{made['id']}"
    found = body_of(await world.referrer.get("/v1/organisations", params={"ods_code": new["ods_code"]}))
    assert found == {"items": [made], "next": None}


async def test_an_ods_code_is_in_the_directory_once(world: World) -> None:
    new = practice()
    body_of(await world.coordinator.post("/v1/organisations", new), 201)
    refusal = body_of(await world.coordinator.post("/v1/organisations", new | {"name": "Another"}), 409)
    assert refusal["type"] == "/problems/organisation-known"


async def test_the_directory_is_read_page_by_page_in_the_order_of_names(world: World) -> None:
    mark = uuid4().hex
    for letter in "CAB":
        body_of(await world.coordinator.post("/v1/organisations", practice(name=f"{mark} {letter}")), 201)
    names: list[str] = []
    path: str | None = "/v1/organisations?limit=2"
    while path:
        answer = await world.coordinator.get(path)
        names += [item["name"] for item in body_of(answer)["items"]]
        path = answer.links["next"]["url"] if answer.links else None
    assert [name for name in names if mark in name] == [f"{mark} {letter}" for letter in "ABC"]


async def test_a_referrer_cannot_add_or_correct_an_organisation(world: World) -> None:
    body_of(await world.referrer.post("/v1/organisations", practice()), 403)
    body_of(await world.referrer.patch(f"/v1/organisations/{world.practice_id}", {"name": "X"}, '"v1"'), 403)


async def test_a_mentor_does_not_read_the_directory(world: World) -> None:
    mentor = await world.caller(Role.MENTOR)
    body_of(await mentor.get("/v1/organisations"), 403)


async def test_a_name_is_corrected_by_whoever_read_the_present_version(world: World) -> None:
    path = f"/v1/organisations/{world.practice_id}"
    etag = (await world.coordinator.get(path)).headers["etag"]
    changed = await world.coordinator.patch(path, {"name": "The New Surgery"}, etag)
    assert body_of(changed)["name"] == "The New Surgery"
    assert changed.headers["etag"] != etag
    body_of(await world.coordinator.patch(path, {"name": "Another"}, etag), 412)
    body_of(await world.coordinator.patch(path, {"name": "Another"}, None), 428)
    assert body_of(await world.coordinator.get(path))["name"] == "The New Surgery"


@pytest.mark.parametrize("field", ["ods_code", "id", "version"])
async def test_an_organisation_keeps_its_ods_code_and_what_the_service_sets(world: World, field: str) -> None:
    path = f"/v1/organisations/{world.practice_id}"
    refusal = body_of(await world.coordinator.patch(path, {field: "T1"}, '"v1"'), 422)
    assert refusal["errors"] == [
        {"field": f"/{field}", "code": "extra_forbidden", "message": "This field is not known here."}
    ]


async def test_an_organisation_nobody_added_is_not_found(world: World) -> None:
    body_of(await world.coordinator.get(f"/v1/organisations/{uuid4()}"), 404)


async def test_an_agreement_is_in_force_between_its_dates(world: World) -> None:
    today = clock.today()
    answer = await world.coordinator.post("/v1/agreements", await agreement(world))
    current = body_of(answer, 201)
    assert answer.headers["location"] == f"/v1/agreements/{current['id']}"
    assert current["is_in_force"] is True
    assert current["items"] == ["demographics", "risks"]
    over = await agreement(world, ends_on=str(today - timedelta(days=1)))
    assert body_of(await world.coordinator.post("/v1/agreements", over), 201)["is_in_force"] is False
    last_day = await agreement(world, ends_on=str(today))
    assert body_of(await world.coordinator.post("/v1/agreements", last_day), 201)["is_in_force"] is True


async def test_an_agreement_is_seen_by_the_coordinators_of_its_programme_alone(world: World, elsewhere: World) -> None:
    made = body_of(await world.coordinator.post("/v1/agreements", await agreement(world)), 201)
    path = f"/v1/agreements/{made['id']}"
    assert body_of(await world.coordinator.get(path)) == made
    mine = {"programme_id": str(world.programme_id)}
    assert body_of(await world.coordinator.get("/v1/agreements", params=mine))["items"] == [made]
    body_of(await elsewhere.coordinator.get(path), 404)
    assert body_of(await elsewhere.coordinator.get("/v1/agreements", params=mine))["items"] == []
    body_of(await world.referrer.get(path), 403)


async def test_an_agreement_cannot_be_registered_with_another_coordinators_programme(
    world: World, elsewhere: World
) -> None:
    refusal = body_of(await elsewhere.coordinator.post("/v1/agreements", await agreement(world)), 422)
    assert [error["field"] for error in refusal["errors"]] == ["/programme_id"]


async def test_an_agreement_ends_after_it_starts(world: World) -> None:
    today = str(clock.today())
    same_day = await agreement(world, starts_on=today, ends_on=today)
    refusal = body_of(await world.coordinator.post("/v1/agreements", same_day), 422)
    assert [(error["field"], error["code"]) for error in refusal["errors"]] == [("/ends_on", "dates_order")]


async def test_an_agreement_needs_two_organisations_of_the_directory(world: World) -> None:
    one = str(world.practice_id)
    for parties in ([one, one], [one, str(uuid4())]):
        body = await agreement(world, party_ids=parties)
        refusal = body_of(await world.coordinator.post("/v1/agreements", body), 422)
        assert [error["code"] for error in refusal["errors"]] == ["parties_unknown"]
