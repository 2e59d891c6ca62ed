"""One referral laid out for the coordinator who decides on it."""

from typing import Any

import pytest

from tests.factories import World, body_of, person
from tests.screens.pairs import noted

pytestmark = pytest.mark.anyio


async def triage(world: World, referral_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = body_of(await world.coordinator.get(f"/v1/screens/triage/{referral_id}"))
    return shown


async def test_triage_shows_the_referral_as_sent_and_what_the_rules_say(world: World) -> None:
    flag = {"kind": "risk", "note": "A dog at home."}
    someone = person(practice_ods_code=world.ods_code)
    made = await world.refer(person=someone, flags=[flag])
    shown = await triage(world, made["id"])
    assert shown["person"]["nhs_number"] == someone["nhs_number"]
    assert {rule["result"] for rule in shown["eligibility"]} == {"met"}
    assert shown["flags"][0]["note"] == "A dog at home."
    assert shown["practice"] == {"ods_code": world.ods_code, "name": "A practice"}
    assert shown["actions"] == ["accept", "decline", "withdraw"]
    assert (shown["linked_referrals"], shown["possible_duplicates"]) == ([], [])
    assert await noted(world, world.coordinator, "TriageScreen") == {made["id"]}


async def test_triage_shows_the_same_persons_referral_from_another_practice(world: World) -> None:
    someone = person()
    first = await world.refer(person=someone)
    other_id, _ = await world.organisation()
    other = await world.caller(world.referrer.role, organisation_id=other_id)
    second = await world.refer(other, person=someone)
    (linked,) = (await triage(world, second["id"]))["linked_referrals"]
    assert (linked["id"], linked["reference"], linked["organisation_name"]) == (
        first["id"],
        first["reference"],
        "A practice",
    )
    (back,) = (await triage(world, first["id"]))["linked_referrals"]
    assert back["id"] == second["id"]
    assert await noted(world, world.coordinator, "TriageScreen") == {first["id"], second["id"]}


async def test_triage_names_who_may_be_the_same_person_and_why(world: World) -> None:
    known = await world.enrol(given_name="Adeola", family_name="Bello", birth_date="1970-01-02", postcode="BS1 4DJ")
    same_name = person(given_name="adeola", family_name="bello", birth_date="1970-01-02", phone=None, postcode=None)
    made = await world.refer(person=same_name)
    (found,) = (await triage(world, made["id"]))["possible_duplicates"]
    assert (found["id"], set(found["same"])) == (known["person_id"], {"name", "birth_date"})
    assert found["episode"] == {"mentee_id": known["id"], "status": "waiting", "ended_on": None}
    assert known["person_id"] in await noted(world, world.coordinator, "TriageScreen")


async def test_the_same_nhs_number_comes_first_and_a_shared_postcode_alone_is_nobody(world: World) -> None:
    at_home = {"postcode": "BS1 4DJ", "phone": None}
    await world.enrol(given_name="Quentin", family_name="Zysman", birth_date="1950-05-05", **at_home)
    someone = person(given_name="Adeola", family_name="Bello", birth_date="1970-01-02", **at_home)
    alike = await world.enrol(**(someone | {"nhs_number": None}))
    numbered = await world.enrol(**(someone | {"given_name": "Ola", "family_name": "Ade", "birth_date": "1971-01-02"}))
    made = await world.refer(person=someone)
    found = (await triage(world, made["id"]))["possible_duplicates"]
    assert [each["id"] for each in found] == [numbered["person_id"], alike["person_id"]]
    assert "nhs_number" in found[0]["same"]


async def test_whoever_was_accepted_is_no_duplicate_of_the_own_referral(world: World) -> None:
    made = await world.refer()
    await world.accept(made["id"])
    shown = await triage(world, made["id"])
    assert (shown["status"], shown["possible_duplicates"]) == ("accepted", [])


async def test_people_of_another_programme_are_never_named(world: World, elsewhere: World) -> None:
    someone = person()
    theirs = await elsewhere.refer(person=someone)
    await elsewhere.accept(theirs["id"])
    made = await world.refer(person=someone)
    assert (await triage(world, made["id"]))["possible_duplicates"] == []
    assert (await elsewhere.coordinator.get(f"/v1/screens/triage/{made['id']}")).status_code == 404


async def test_a_referrer_and_a_mentor_have_no_triage(world: World) -> None:
    made = await world.refer()
    mentor, _ = await world.mentor()
    for caller in (world.referrer, mentor):
        assert (await caller.get(f"/v1/screens/triage/{made['id']}")).status_code == 403
