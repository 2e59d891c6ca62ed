"""Contract years, service ids and eligibility rules of a programme, and finding it by them."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.actor import Actor, Kind, job
from app.core.database import Database
from app.core.errors import NotAllowed, NotValid
from app.programmes import service
from app.programmes.models import Condition
from app.programmes.shapes import ProgrammeCreate
from tests.factories import Caller, World, body_of

pytestmark = pytest.mark.anyio


def year(starts_on: str, ends_on: str, **changes: Any) -> dict[str, Any]:
    return {"starts_on": starts_on, "ends_on": ends_on} | changes


def service_id(value: str | None = None, system: str = "https://example.org/dos") -> dict[str, str]:
    return {"system": system, "value": value or uuid4().hex}


async def included(caller: Caller, programme_id: UUID) -> Any:
    include = {"include": "contract_years,eligibility_rules"}
    return body_of(await caller.get(f"/v1/programmes/{programme_id}", params=include))


@pytest.fixture
async def coordinating(app: FastAPI, world: World) -> AsyncIterator[AsyncSession]:
    """A writing transaction of the world's coordinator, as the verbs of higher slices have one."""
    who = world.coordinator
    database: Database = app.state.database
    async with database.writing(Actor(Kind.ACCOUNT, who.role, who.id, sign_in_id=who.sign_in_id)) as db:
        yield db


@pytest.fixture
async def referring(app: FastAPI, world: World) -> AsyncIterator[AsyncSession]:
    """A writing transaction of the world's referrer, as a referral's is."""
    who = world.referrer
    database: Database = app.state.database
    async with database.writing(Actor(Kind.ACCOUNT, who.role, who.id, sign_in_id=who.sign_in_id)) as db:
        yield db


async def test_contract_years_follow_one_another(world: World) -> None:
    path = f"/v1/programmes/{world.programme_id}/contract-years"
    last_day = clock.today() + timedelta(days=184)
    after = str(last_day + timedelta(days=365))
    overlapping = await world.coordinator.post(path, year(str(last_day), after))
    assert body_of(overlapping, 409)["type"] == "/problems/contract-years-overlap"
    practice = str(world.practice_id)
    next_year = year(str(last_day + timedelta(days=1)), after, price_pence=5_000_000, commissioner_id=practice)
    made = body_of(await world.coordinator.post(path, next_year), 201)
    seen = (await included(world.coordinator, world.programme_id))["contract_years"]
    assert seen[1] == made
    assert made == next_year | {
        "id": made["id"],
        "mentor_places": 20,
        "mentee_places": 40,
        "places_taken": 0,
    }


async def test_a_place_is_taken_by_an_episode_first_confirmed_in_the_year(world: World) -> None:
    (current,) = (await included(world.coordinator, world.programme_id))["contract_years"]
    referral = await world.refer()
    person_id = await world.insert(
        "people",
        {"given_name": "A", "family_name": "B", "is_interpreter_needed": False, "communication_needs": []},
    )
    await world.insert(
        "mentees",
        {
            "programme_id": world.programme_id,
            "person_id": person_id,
            "referral_id": UUID(referral["id"]),
            "status": "waiting",
            "received_on": clock.today(),
            "waiting_since": clock.now(),
            "barriers": [],
            "barriers_at_end": [],
            "contract_year_id": UUID(current["id"]),
        },
    )
    (after,) = (await included(world.coordinator, world.programme_id))["contract_years"]
    assert after == current | {"places_taken": 1}


async def test_years_of_different_programmes_may_overlap(world: World, elsewhere: World) -> None:
    same = year("2030-04-01", "2031-03-31")
    for each in (world, elsewhere):
        body_of(await each.coordinator.post(f"/v1/programmes/{each.programme_id}/contract-years", same), 201)


@pytest.mark.parametrize("ends_on", ["2030-04-01", "2030-03-31"])
async def test_a_contract_year_ends_after_it_starts(world: World, ends_on: str) -> None:
    path = f"/v1/programmes/{world.programme_id}/contract-years"
    refusal = body_of(await world.coordinator.post(path, year("2030-04-01", ends_on)), 422)
    assert [(e["field"], e["code"]) for e in refusal["errors"]] == [("/ends_on", "dates_order")]


async def test_a_contract_year_names_a_commissioner_of_the_directory(world: World) -> None:
    path = f"/v1/programmes/{world.programme_id}/contract-years"
    unknown = year("2030-04-01", "2031-03-31", commissioner_id=str(uuid4()))
    refusal = body_of(await world.coordinator.post(path, unknown), 422)
    assert [(e["field"], e["code"]) for e in refusal["errors"]] == [("/commissioner_id", "organisation_unknown")]


async def test_a_contract_year_has_places_for_somebody(world: World) -> None:
    path = f"/v1/programmes/{world.programme_id}/contract-years"
    none = year("2030-04-01", "2031-03-31", mentee_places=0, mentor_places=0)
    refusal = body_of(await world.coordinator.post(path, none), 422)
    assert {e["field"] for e in refusal["errors"]} == {"/mentee_places", "/mentor_places"}


async def test_a_service_id_leads_to_one_programme_whoever_has_it(world: World, elsewhere: World) -> None:
    path = f"/v1/programmes/{world.programme_id}/service-ids"
    taken = service_id()
    made = body_of(await world.coordinator.post(path, taken), 201)
    assert made == taken | {"id": made["id"]}
    own = body_of(await world.coordinator.post(path, taken | {"system": taken["system"].upper()}), 409)
    others = body_of(
        await elsewhere.coordinator.post(f"/v1/programmes/{elsewhere.programme_id}/service-ids", taken), 409
    )
    assert own | {"request_id": ""} == others | {"request_id": ""}
    assert own["type"] == "/problems/service-id-taken"


async def test_a_removed_service_id_can_be_taken_by_another_programme(world: World, elsewhere: World) -> None:
    given = service_id()
    mine = f"/v1/programmes/{world.programme_id}/service-ids"
    theirs = f"/v1/programmes/{elsewhere.programme_id}/service-ids"
    made = body_of(await world.coordinator.post(mine, given), 201)
    for path in (f"{mine}/{made['id']}", f"{theirs}/{made['id']}"):
        assert (await elsewhere.coordinator.send("DELETE", path)).status_code == 404
    assert (await world.coordinator.send("DELETE", f"{mine}/{made['id']}")).status_code == 204
    assert (await included(world.coordinator, world.programme_id))["service_ids"] == []
    body_of(await elsewhere.coordinator.post(theirs, given), 201)


async def test_a_service_id_is_removed_through_its_own_programme(world: World) -> None:
    body = {"name": "Second", "condition": "hiv", "footprint": "Bath", "service_ids": [service_id()]}
    second = body_of(await world.coordinator.post("/v1/programmes", body), 201)
    path = f"/v1/programmes/{world.programme_id}/service-ids/{second['service_ids'][0]['id']}"
    assert (await world.coordinator.send("DELETE", path)).status_code == 404


async def test_new_rules_are_the_next_version_and_older_ones_stay(world: World) -> None:
    path = f"/v1/programmes/{world.programme_id}/eligibility-rules"
    rules = [{"kind": "postcode_area", "number": None, "values": ["BS5"]}]
    second = body_of(await world.coordinator.post(path, {"rules": rules}), 201)
    assert (second["number"], second["rules"]) == (2, rules)
    third = body_of(await world.coordinator.post(path, {"rules": []}), 201)
    versions = body_of(await world.coordinator.get(path))["items"]
    assert versions[:2] == [third, second]
    assert [version["number"] for version in versions] == [3, 2, 1]
    assert (await included(world.coordinator, world.programme_id))["eligibility_rules"] == third


async def test_a_rule_that_cannot_be_evaluated_is_named(world: World) -> None:
    path = f"/v1/programmes/{world.programme_id}/eligibility-rules"
    rules = [{"kind": "minimum_age", "number": 18}, {"kind": "condition", "values": ["gout"]}]
    refusal = body_of(await world.coordinator.post(path, {"rules": rules}), 422)
    assert [(e["field"], e["code"]) for e in refusal["errors"]] == [("/rules/1", "rule_condition")]
    assert "gout" not in str(refusal)


async def test_rules_are_not_replaced_by_somebody_who_read_an_older_programme(world: World) -> None:
    path = f"/v1/programmes/{world.programme_id}/eligibility-rules"
    stale = await world.coordinator.post(path, {"rules": []}, headers={"If-Match": '"v9"'})
    body_of(stale, 412)


async def test_a_referral_finds_its_programme_and_the_rules_in_force(world: World, referring: AsyncSession) -> None:
    given = service_id()
    path = f"/v1/programmes/{world.programme_id}"
    body_of(await world.coordinator.post(f"{path}/service-ids", given), 201)
    body_of(await world.coordinator.post(f"{path}/eligibility-rules", {"rules": []}), 201)
    named = f"{given['system'].upper()}|{given['value']}"
    for found in (
        await service.find(referring, programme_id=world.programme_id),
        await service.find(referring, service_id=given["value"]),
        await service.find(referring, service_id=named),
    ):
        assert found.id == world.programme_id
    assert await service.current_rules(referring, world.programme_id) == (2, [])


async def test_a_service_id_of_several_programmes_needs_its_system(
    world: World, elsewhere: World, referring: AsyncSession
) -> None:
    value = uuid4().hex
    for each, system in ((world, "https://example.org/a"), (elsewhere, "https://example.org/b")):
        path = f"/v1/programmes/{each.programme_id}/service-ids"
        body_of(await each.coordinator.post(path, service_id(value, system)), 201)
    with pytest.raises(NotValid) as refusal:
        await service.find(referring, service_id=value)
    assert [error.code for error in refusal.value.errors] == ["service_ambiguous"]
    assert (await service.find(referring, service_id=f"https://example.org/b|{value}")).id == elsewhere.programme_id


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ({}, "programme_needed"),
        ({"programme_id": uuid4(), "service_id": "1"}, "programme_needed"),
        ({"programme_id": uuid4()}, "programme_unknown"),
        ({"service_id": uuid4().hex}, "service_unknown"),
    ],
)
async def test_a_referral_that_names_no_one_programme_is_refused(
    referring: AsyncSession, named: dict[str, Any], code: str
) -> None:
    with pytest.raises(NotValid) as refusal:
        await service.find(referring, **named)
    assert [error.code for error in refusal.value.errors] == [code]


async def test_a_day_belongs_to_one_contract_year_or_to_none(world: World, coordinating: AsyncSession) -> None:
    first, last = date(2030, 4, 1), date(2031, 3, 31)
    path = f"/v1/programmes/{world.programme_id}/contract-years"
    made = body_of(await world.coordinator.post(path, year(str(first), str(last))), 201)
    for day in (first, last):
        found = await service.contract_year_on(coordinating, world.programme_id, day)
        assert found is not None
        assert str(found.id) == made["id"]
    for day in (first - timedelta(days=1), last + timedelta(days=1)):
        assert await service.contract_year_on(coordinating, world.programme_id, day) is None


async def test_a_job_of_ours_makes_no_programme_since_nobody_would_coordinate_it(app: FastAPI) -> None:
    given = ProgrammeCreate(name="Nobody's", condition=Condition.HIV, footprint="Bath")
    database: Database = app.state.database
    with pytest.raises(NotAllowed):
        async with database.writing(job("programmes")) as db:
            await service.make(db, given)
