"""People's records: read, corrected, found, and kept apart from whoever has no business with them."""

from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from app.core.actor import Actor, Kind, Role
from app.core.database import Database
from app.people.models import Agreement
from app.people.service import may_be_one_person
from app.people.shapes import CandidatePublic, PersonFound, PersonPublic
from tests.factories import Caller, World, body_of, nhs_number, person

pytestmark = pytest.mark.anyio


async def test_a_coordinator_reads_a_person_with_what_identifies_them(world: World) -> None:
    someone = person(address_lines=["1 The Street", "Bristol"], email="sam@example.org")
    mentee = await world.enrol(**someone)
    answer = await world.coordinator.get(f"/v1/people/{mentee['person_id']}")
    seen = body_of(answer)
    PersonPublic.model_validate(seen, strict=False)
    assert answer.headers["etag"] == '"v1"'
    assert (seen["nhs_number"], seen["birth_date"]) == (someone["nhs_number"], someone["birth_date"])
    assert seen["address_lines"] == ["1 The Street", "Bristol"]


async def test_nobody_else_reads_a_person(world: World, elsewhere: World) -> None:
    mentee = await world.enrol()
    path = f"/v1/people/{mentee['person_id']}"
    assert (await elsewhere.coordinator.get(path)).status_code == 404
    assert (await elsewhere.coordinator.get(f"{path}/candidates")).status_code == 404
    assert (await world.referrer.get(path)).status_code == 403
    mentor = await mentor_of(world, mentee)
    assert (await mentor.get(path)).status_code == 403
    assert (await mentor.post("/v1/people/search", {"name": mentee["family_name"]})).status_code == 403


async def test_no_other_role_reaches_people_by_bare_sql(app: FastAPI, world: World) -> None:
    mentee = await world.enrol()
    mentor = await mentor_of(world, mentee)
    analyst = await world.caller(Role.ANALYST)
    for caller in (mentor, world.referrer, analyst):
        for table in ("people", "people_identifiers", "people_candidates"):
            with pytest.raises(Exception, match="permission denied"):
                await rows_of(app, caller, f"SELECT * FROM {table}")
        sql = "SELECT * FROM people_alike(jsonb_build_object('name', $1::text))"
        assert await rows_of(app, caller, sql, mentee["family_name"]) == []
    assert await rows_of(app, world.coordinator, sql, mentee["family_name"])


async def test_what_is_read_of_a_person_is_noted(world: World) -> None:
    mentee = await world.enrol()
    body_of(await world.coordinator.get(f"/v1/people/{mentee['person_id']}"))
    body_of(await world.coordinator.post("/v1/people/search", {"name": mentee["family_name"]}))
    noted = await world.owner.fetch(
        "SELECT shape FROM audit_reads WHERE actor_id = $1 AND $2 = ANY (ids)",
        world.coordinator.id,
        UUID(mentee["person_id"]),
    )
    assert {row["shape"] for row in noted} == {"PersonPublic", "PersonFound"}


async def test_a_correction_needs_the_version_that_was_read(world: World) -> None:
    mentee = await world.enrol()
    path = f"/v1/people/{mentee['person_id']}"
    assert (await world.coordinator.patch(path, {"postcode": "BS1 4DJ"}, None)).status_code == 428
    changed = await world.coordinator.patch(path, {"postcode": "bs14dj"}, '"v1"')
    assert (body_of(changed)["postcode"], changed.headers["etag"]) == ("BS1 4DJ", '"v2"')
    stale = await world.coordinator.patch(path, {"known_as": "Sam"}, '"v1"')
    assert stale.status_code == 412
    assert (await world.coordinator.get(path)).headers["etag"] == '"v2"'


async def test_a_birth_date_and_a_number_are_corrected_and_the_old_ones_kept_in_the_history(world: World) -> None:
    mentee = await world.enrol(nhs_number_status="01")
    path = f"/v1/people/{mentee['person_id']}"
    number = nhs_number()
    sent = {"birth_date": "1970-01-02", "nhs_number": number}
    changed = body_of(await world.coordinator.patch(path, sent, '"v1"'))
    assert (changed["birth_date"], changed["nhs_number"], changed["nhs_number_status"]) == ("1970-01-02", number, "02")
    old = await world.owner.fetchval(
        "SELECT h.old_values ->> 'birth_date' FROM history h JOIN people_identifiers i ON i.id = h.row_id "
        "WHERE i.person_id = $1",
        UUID(mentee["person_id"]),
    )
    assert old == "1968-04-12"


async def test_a_correction_leaves_out_what_was_not_sent_and_empties_what_may_be_empty(world: World) -> None:
    someone = person(email="sam@example.org", communication_needs=["braille"])
    mentee = await world.enrol(**someone)
    path = f"/v1/people/{mentee['person_id']}"
    sent = {"email": None, "nhs_number": None, "given_name": None, "birth_date": None, "communication_needs": None}
    changed = body_of(await world.coordinator.patch(path, sent, '"v1"'))
    assert (changed["email"], changed["nhs_number"], changed["nhs_number_status"]) == (None, None, None)
    kept = ("given_name", "birth_date", "communication_needs", "phone")
    assert [changed[name] for name in kept[:3]] == [someone[name] for name in kept[:3]]
    assert changed["phone"] == "+447700900123"


async def test_nobody_is_corrected_into_a_child(world: World) -> None:
    mentee = await world.enrol()
    refused = await world.coordinator.patch(f"/v1/people/{mentee['person_id']}", {"birth_date": "2020-01-01"}, '"v1"')
    assert body_of(refused, 422)["errors"][0]["field"] == "/birth_date"


async def test_number_and_birth_date_of_another_record_are_refused_alike_wherever_it_is(
    world: World, elsewhere: World
) -> None:
    here, there = person(), person()
    third = await world.enrol()
    await world.enrol(**here)
    await elsewhere.enrol(**there)
    path = f"/v1/people/{third['person_id']}"
    refusals = []
    for other in (here, there):
        sent = {"nhs_number": other["nhs_number"], "birth_date": other["birth_date"]}
        problem = body_of(await world.coordinator.patch(path, sent, '"v1"'), 409)
        refusals.append({k: v for k, v in problem.items() if k != "request_id"})
    assert refusals[0] == refusals[1]
    assert refusals[0]["type"] == "/problems/person-known"
    assert body_of(await world.coordinator.get(path))["version"] == 1


async def test_somebody_is_found_by_number_by_a_name_with_a_slip_and_by_phone(world: World) -> None:
    someone = person(given_name="Olufunmilayo", family_name="Adeyemi-Brown", phone="07700 900456")
    mentee = await world.enrol(**someone)
    for known, same in (
        ({"nhs_number": someone["nhs_number"]}, ["nhs_number"]),
        ({"name": "Olufunmilayo Adeyemi-Brown"}, ["name"]),
        ({"name": "adeyemi"}, ["similar_name"]),
        ({"name": "Olufunmilajo Adeyemi"}, ["similar_name"]),
        ({"phone": "07700 900456", "birth_date": "1968-04-12"}, ["birth_date", "phone"]),
        ({"nhs_number": someone["nhs_number"], "postcode": "BS5 6XX"}, ["nhs_number", "postcode"]),
    ):
        found = body_of(await world.coordinator.post("/v1/people/search", known))["items"]
        PersonFound.model_validate(found[0], strict=False)
        assert (found[0]["id"], found[0]["same"]) == (mentee["person_id"], same)


async def test_a_search_shows_who_agrees_most_first_page_by_page(world: World) -> None:
    wanted = {"name": "Zebedee Quillfeather", "birth_date": "1951-09-09", "limit": 1}
    only_date = await world.enrol(birth_date="1951-09-09")
    both = await world.enrol(given_name="Zebedee", family_name="Quillfeather", birth_date="1951-09-09")
    first = body_of(await world.coordinator.post("/v1/people/search", wanted))
    second = body_of(await world.coordinator.post("/v1/people/search", wanted | {"cursor": first["next"]}))
    assert [first["items"][0]["id"], second["items"][0]["id"]] == [both["person_id"], only_date["person_id"]]
    assert second["next"] is None
    moved = await world.coordinator.post("/v1/people/search", {"name": "Somebody Else", "cursor": first["next"]})
    assert body_of(moved, 400)["type"] == "/problems/cursor-not-valid"


async def test_a_search_stays_within_the_coordinators_programmes(world: World, elsewhere: World) -> None:
    someone = person()
    await elsewhere.enrol(**someone)
    wanted = {"nhs_number": someone["nhs_number"], "name": someone["family_name"]}
    assert body_of(await world.coordinator.post("/v1/people/search", wanted))["items"] == []


async def test_no_fixed_abode_is_nobodys_common_address(world: World) -> None:
    await world.enrol(postcode="ZZ99 3VZ")
    assert body_of(await world.coordinator.post("/v1/people/search", {"postcode": "ZZ99 3VZ"}))["items"] == []


async def test_a_search_for_nothing_is_refused(world: World) -> None:
    problem = body_of(await world.coordinator.post("/v1/people/search", {"limit": 10}), 422)
    assert problem["errors"][0]["code"] == "search_empty"


async def test_candidates_are_seen_from_both_records_and_named_in_the_read_audit(world: World) -> None:
    someone = person()
    first = await world.enrol(**someone)
    second = await world.enrol(**(someone | {"nhs_number": nhs_number()}))
    for one, other in ((first, second), (second, first)):
        found = body_of(await world.coordinator.get(f"/v1/people/{one['person_id']}/candidates"))["items"]
        CandidatePublic.model_validate(found[0], strict=False)
        assert [c["id"] for c in found] == [other["person_id"]]
        assert found[0]["same"] == ["name", "birth_date", "postcode", "phone"]
    noted = await world.owner.fetchval(
        "SELECT count(*) FROM audit_reads WHERE shape = 'CandidatePublic' AND $1 = ANY (ids)",
        UUID(first["person_id"]),
    )
    assert noted == 1


async def test_two_of_one_household_are_no_candidates(world: World) -> None:
    first = await world.enrol(birth_date="1950-01-01")
    await world.enrol(birth_date="1952-02-02")
    assert body_of(await world.coordinator.get(f"/v1/people/{first['person_id']}"))["candidate_count"] == 0


A = Agreement


@pytest.mark.parametrize(
    ("same", "enough"),
    [
        ([A.NHS_NUMBER], True),
        ([A.NAME, A.BIRTH_DATE], True),
        ([A.NAME, A.POSTCODE], True),
        ([A.BIRTH_DATE, A.PHONE], True),
        ([A.POSTCODE, A.PHONE], False),
        ([A.NAME], False),
        ([A.BIRTH_DATE], False),
        ([A.SIMILAR_NAME, A.POSTCODE], False),
    ],
)
def test_records_agree_in_enough_for_somebody_to_look(same: list[Agreement], enough: bool) -> None:
    assert may_be_one_person(same) is enough


async def mentor_of(world: World, mentee: dict[str, Any]) -> Caller:
    """A mentor on whose present caseload this episode is."""
    mentor = await world.caller(Role.MENTOR)
    await world.insert(
        "access_caseloads",
        {
            "account_id": mentor.id,
            "person_id": UUID(mentee["person_id"]),
            "mentee_id": UUID(mentee["id"]),
            "source_id": mentor.id,
            "until": await world.owner.fetchval("SELECT now() + interval '1 day'"),
        },
    )
    return mentor


async def rows_of(app: FastAPI, caller: Caller, sql: str, *values: Any) -> list[Any]:
    """What this caller's database role gets from bare SQL."""
    database: Database = app.state.database
    actor = Actor(Kind.ACCOUNT, caller.role, caller.id, sign_in_id=caller.sign_in_id)
    async with database.reading(actor) as db:
        return await db.fetch(sql, *values)
