"""A referral arrives: once, with its reference, for those who may see it."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.factories import World, body_of, nhs_number, person, referral

pytestmark = pytest.mark.anyio


async def test_a_practice_refers_a_person_and_gets_a_human_reference_at_once(world: World) -> None:
    sent = referral(world.programme_id)
    answer = await world.referrer.post("/v1/referrals", sent)
    made = body_of(answer, 201)
    assert made["reference"].startswith("PM-")
    assert made["status"] == "received"
    assert made["actions"] == ["withdraw"]
    assert made["person"]["nhs_number"] == sent["person"]["nhs_number"]
    assert answer.headers["location"] == f"/v1/referrals/{made['id']}"
    assert answer.headers["etag"] == '"v1"'


async def test_the_coordinator_sees_what_the_rules_say_and_the_referrer_does_not(world: World) -> None:
    made = await world.refer()
    seen = body_of(await world.coordinator.get(f"/v1/referrals/{made['id']}"))
    assert {r["result"] for r in seen["eligibility"]} == {"met"}
    assert seen["actions"] == ["accept", "decline", "withdraw"]
    own = body_of(await world.referrer.get(f"/v1/referrals/{made['id']}"))
    assert not {"eligibility", "linked", "decline_note", "mentee_id"} & own.keys()


async def test_the_same_source_reference_gives_the_first_referral_back(world: World) -> None:
    sent = referral(world.programme_id, source_system="broker", source_reference="A-1")
    first = body_of(await world.referrer.post("/v1/referrals", sent), 201)
    corrected = sent["person"] | {"phone": "07700 900456"}
    again = await world.referrer.post("/v1/referrals", sent | {"person": corrected})
    assert body_of(again, 200)["id"] == first["id"]


async def test_a_source_reference_used_for_somebody_else_is_refused_with_a_link_to_the_first(world: World) -> None:
    sent = referral(world.programme_id, source_system="broker", source_reference="A-1")
    first = body_of(await world.referrer.post("/v1/referrals", sent), 201)
    namesake = sent["person"] | {"nhs_number": nhs_number()}
    for someone in (person(), namesake):
        problem = body_of(await world.referrer.post("/v1/referrals", sent | {"person": someone}), 409)
        assert problem["type"] == "/problems/source-reference-used"
        assert problem["link"] == f"/v1/referrals/{first['id']}"


async def test_a_source_reference_used_for_another_programme_is_refused_with_a_link(
    world: World, elsewhere: World
) -> None:
    sent = referral(world.programme_id, source_system="broker", source_reference="A-1")
    first = body_of(await world.referrer.post("/v1/referrals", sent), 201)
    again = sent | {"programme_id": str(elsewhere.programme_id)}
    problem = body_of(await world.referrer.post("/v1/referrals", again), 409)
    assert (problem["type"], problem["link"]) == ("/problems/source-reference-used", f"/v1/referrals/{first['id']}")


async def test_a_person_of_whom_little_is_known_is_the_same_when_everything_sent_is(world: World) -> None:
    someone = person(nhs_number=None, birth_date=None)
    sent = referral(world.programme_id, source_system="broker", source_reference="A-1", person=someone)
    first = body_of(await world.referrer.post("/v1/referrals", sent), 201)
    assert body_of(await world.referrer.post("/v1/referrals", sent), 200)["id"] == first["id"]
    changed = sent | {"person": someone | {"given_name": "Another"}}
    body_of(await world.referrer.post("/v1/referrals", changed), 409)


async def test_a_source_reference_of_a_referral_that_one_no_longer_sees_is_called_used_and_not_open(
    world: World, owner: Any
) -> None:
    await world.refer(source_system="broker", source_reference="A-1")
    elsewhere, _ = await world.organisation()
    moved = "UPDATE access_memberships SET organisation_id = $2 WHERE account_id = $1"
    await owner.execute(moved, world.referrer.id, elsewhere)
    sent = referral(world.programme_id, source_system="broker", source_reference="A-1", person=person())
    refused = body_of(await world.referrer.post("/v1/referrals", sent), 409)
    assert refused["type"] == "/problems/source-reference-used"
    assert "link" not in refused


async def test_a_coordinator_who_names_an_unknown_organisation_is_told_the_field(world: World) -> None:
    sent = referral(world.programme_id, organisation_id=str(uuid4()))
    refused = body_of(await world.coordinator.post("/v1/referrals", sent), 422)
    assert refused["errors"][0]["field"] == "/organisation_id"


async def test_ten_parallel_copies_under_one_source_reference_are_one_referral(world: World) -> None:
    sent = referral(world.programme_id, source_system="broker", source_reference="A-1")
    answers = await asyncio.gather(*(world.referrer.post("/v1/referrals", sent) for _ in range(10)))
    assert sorted(a.status_code for a in answers) == [200] * 9 + [201]


async def test_a_second_open_referral_of_a_person_from_the_same_practice_is_refused_with_a_link(
    world: World,
) -> None:
    sent = referral(world.programme_id)
    first = body_of(await world.referrer.post("/v1/referrals", sent), 201)
    refused = await world.referrer.post("/v1/referrals", sent)
    problem = body_of(refused, 409)
    assert problem["type"] == "/problems/referral-open"
    assert problem["link"] == f"/v1/referrals/{first['id']}"


@pytest.mark.parametrize("first_has_number", [True, False])
async def test_a_person_sent_once_with_and_once_without_nhs_number_is_refused_with_a_link(
    world: World, first_has_number: bool
) -> None:
    known = person()
    unknown = {name: value for name, value in known.items() if name != "nhs_number"}
    unknown["family_name"] = unknown["family_name"].upper()
    one, other = (known, unknown) if first_has_number else (unknown, known)
    first = await world.refer(person=one)
    problem = body_of(await world.referrer.post("/v1/referrals", referral(world.programme_id, person=other)), 409)
    assert (problem["type"], problem["link"]) == ("/problems/referral-open", f"/v1/referrals/{first['id']}")


async def test_two_people_of_one_name_birth_date_and_postcode_are_told_apart_by_their_nhs_numbers(
    world: World,
) -> None:
    someone = person()
    await world.refer(person=someone)
    await world.refer(person=someone | {"nhs_number": nhs_number()})


async def test_ten_parallel_referrals_of_a_person_with_and_without_nhs_number_end_as_one(world: World) -> None:
    known = person()
    unknown = {name: value for name, value in known.items() if name != "nhs_number"}
    people = [known, unknown] * 5
    answers = await asyncio.gather(
        *(world.referrer.post("/v1/referrals", referral(world.programme_id, person=someone)) for someone in people)
    )
    assert sorted(a.status_code for a in answers) == [201] + [409] * 9


async def test_a_referral_from_elsewhere_without_nhs_number_is_linked_too(world: World) -> None:
    someone = person()
    first = await world.refer(person=someone)
    other_id, _ = await world.organisation()
    other = await world.caller(world.referrer.role, organisation_id=other_id)
    unknown = {name: value for name, value in someone.items() if name != "nhs_number"}
    second = await world.refer(other, person=unknown)
    seen = body_of(await world.coordinator.get(f"/v1/referrals/{second['id']}"))
    assert seen["linked"] == [first["id"]]


async def test_a_practice_sees_that_everything_it_sent_has_arrived(world: World) -> None:
    flags = [{"kind": "risk", "code": None, "note": "A dog in the house."}]
    made = await world.refer(flags=flags)
    wish = {"reason": "Moved away."}
    body_of(await world.referrer.post(f"/v1/referrals/{made['id']}/withdraw", wish))
    seen = body_of(await world.referrer.get(f"/v1/referrals/{made['id']}"))
    assert (seen["flags"], seen["barriers"]) == (flags, ["food_knowledge"])
    assert seen["facts"]["condition"] == "type_2_diabetes"
    assert (seen["consent_method"], seen["consent_given_on"]) == ("in_person", made["made_on"])
    assert (seen["referrer"]["name"], seen["referrer"]["role"]) == ("Pat Nurse", "Practice nurse")
    assert seen["withdrawal_reason"] == "Moved away."


async def test_a_referral_from_another_practice_is_received_and_linked_for_the_coordinator_alone(
    world: World,
) -> None:
    someone = person()
    first = await world.refer(person=someone)
    other_id, _ = await world.organisation()
    other = await world.caller(world.referrer.role, organisation_id=other_id)
    second = await world.refer(other, person=someone)
    assert "linked" not in second
    seen = body_of(await world.coordinator.get(f"/v1/referrals/{second['id']}"))
    assert seen["linked"] == [first["id"]]
    assert (await other.get(f"/v1/referrals/{first['id']}")).status_code == 404


async def test_twenty_parallel_copies_of_one_referral_end_as_one(world: World) -> None:
    sent = referral(world.programme_id)
    answers = await asyncio.gather(*(world.referrer.post("/v1/referrals", sent) for _ in range(20)))
    assert sorted(a.status_code for a in answers) == [201] + [409] * 19
    count = await world.owner.fetchval("SELECT count(*) FROM referrals WHERE programme_id = $1", world.programme_id)
    assert count == 1


async def test_an_idempotency_key_gives_the_first_answer_back(world: World) -> None:
    sent = referral(world.programme_id)
    key = {"Idempotency-Key": "phone-1"}
    first = await world.referrer.post("/v1/referrals", sent, headers=key)
    again = await world.referrer.post("/v1/referrals", sent, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.content == first.content
    other = await world.referrer.post("/v1/referrals", referral(world.programme_id), headers=key)
    assert body_of(other, 422)["type"] == "/problems/key-reused"


async def test_a_refusal_is_replayed_too(world: World) -> None:
    sent = referral(world.programme_id)
    await world.referrer.post("/v1/referrals", sent)
    key = {"Idempotency-Key": "phone-2"}
    first = await world.referrer.post("/v1/referrals", sent, headers=key)
    again = await world.referrer.post("/v1/referrals", sent, headers=key)
    assert (first.status_code, again.status_code) == (409, 409)
    assert again.headers["idempotent-replayed"] == "true"


async def test_another_programmes_coordinator_sees_no_referral_of_this_one(world: World, elsewhere: World) -> None:
    made = await world.refer()
    assert (await elsewhere.coordinator.get(f"/v1/referrals/{made['id']}")).status_code == 404
    assert body_of(await elsewhere.coordinator.get("/v1/referrals"))["items"] == []


async def test_a_list_of_referrals_is_read_page_by_page_and_each_page_is_noted(world: World) -> None:
    made = [(await world.refer())["id"] for _ in range(5)]
    seen: list[str] = []
    path: str | None = "/v1/referrals?limit=2&include=total"
    while path:
        answer = await world.coordinator.get(path)
        page = body_of(answer)
        assert page["total"] == 5
        seen += [item["id"] for item in page["items"]]
        path = answer.links["next"]["url"] if "next" in answer.links else None
    assert seen == made[::-1]
    noted = await world.owner.fetch(
        "SELECT unnest(ids)::text AS id FROM audit_reads WHERE actor_id = $1 AND shape = 'ReferralPublic'",
        world.coordinator.id,
    )
    assert sorted(row["id"] for row in noted) == sorted(made)


async def test_a_person_under_eighteen_is_not_taken(world: World) -> None:
    refused = await world.referrer.post(
        "/v1/referrals", referral(world.programme_id, person=person(birth_date="2015-01-01"))
    )
    assert body_of(refused, 422)["errors"][0]["field"] == "/person/birth_date"


async def test_a_declined_referral_says_why_and_where_else_to_turn(world: World) -> None:
    made = await world.refer()
    decision = {
        "reason": "not_eligible",
        "note": "For us only.",
        "elsewhere": "The structured education course.",
    }
    body_of(await world.coordinator.post(f"/v1/referrals/{made['id']}/decline", decision))
    own = body_of(await world.referrer.get(f"/v1/referrals/{made['id']}"))
    assert (own["status"], own["decline_reason"]) == ("declined", "not_eligible")
    assert own["elsewhere"] == "The structured education course."
    assert "For us only" not in str(own)
    again = await world.coordinator.post(f"/v1/referrals/{made['id']}/decline", decision)
    assert body_of(again, 409)["type"] == "/problems/step-not-possible"


async def test_a_withdrawn_referral_may_be_sent_again(world: World) -> None:
    sent = referral(world.programme_id)
    made = body_of(await world.referrer.post("/v1/referrals", sent), 201)
    body_of(await world.referrer.post(f"/v1/referrals/{made['id']}/withdraw", {"reason": "Sent in error"}))
    body_of(await world.referrer.post("/v1/referrals", sent), 201)


async def test_what_was_done_is_audited_and_told_as_events(world: World) -> None:
    made = await world.refer()
    entry = await world.owner.fetchrow(
        "SELECT actor_id, role, operation, verb FROM audit_entries WHERE row_id = $1 AND table_name = 'referrals'",
        UUID(made["id"]),
    )
    assert (entry["actor_id"], entry["role"], entry["verb"]) == (world.referrer.id, "referrer", "insert")
    assert entry["operation"] == "receive_referral"
    types = await world.owner.fetch("SELECT type FROM events WHERE programme_id = $1", world.programme_id)
    assert [row["type"] for row in types] == ["referral.received"]


async def test_a_closed_programme_takes_no_referral(world: World) -> None:
    await world.owner.execute("UPDATE programmes SET is_open = false WHERE id = $1", world.programme_id)
    refused = await world.referrer.post("/v1/referrals", referral(world.programme_id))
    assert body_of(refused, 409)["type"] == "/problems/programme-closed"


async def test_an_account_of_two_practices_says_for_which_it_refers(world: World) -> None:
    other_id, _ = await world.organisation()
    await world.membership(world.referrer.id, world.referrer.role, organisation_id=other_id)
    refused = await world.referrer.post("/v1/referrals", referral(world.programme_id))
    assert body_of(refused, 422)["errors"][0]["field"] == "/organisation_id"
    made = await world.refer(organisation_id=str(other_id))
    assert made["organisation_id"] == str(other_id)
    foreign, _ = await world.organisation()
    sent = referral(world.programme_id, organisation_id=str(foreign))
    assert (await world.referrer.post("/v1/referrals", sent)).status_code == 403


async def test_a_client_refers_for_its_own_organisation_within_its_scopes(world: World) -> None:
    system = await world.client()
    made = await world.refer(system)
    assert made["organisation_id"] == str(world.practice_id)
    reads_only = await world.client(scopes=frozenset({"referrals.read"}))
    refused = await reads_only.post("/v1/referrals", referral(world.programme_id))
    assert body_of(refused, 403)["type"] == "/problems/not-allowed"
    assert (await reads_only.get(f"/v1/referrals/{made['id']}")).status_code == 200


async def test_a_coordinator_does_not_write_the_same_person_down_twice(world: World) -> None:
    sent = referral(world.programme_id)
    first = body_of(await world.coordinator.post("/v1/referrals", sent), 201)
    refused = await world.coordinator.post("/v1/referrals", sent)
    assert body_of(refused, 409)["link"] == f"/v1/referrals/{first['id']}"


async def test_a_decided_referral_stays_decided_whoever_writes_to_the_table(world: World) -> None:
    made = await world.refer()
    body_of(await world.coordinator.post(f"/v1/referrals/{made['id']}/decline", {"reason": "other"}))
    with pytest.raises(asyncpg.CheckViolationError):
        await world.owner.execute("UPDATE referrals SET status = 'withdrawn' WHERE id = $1", made["id"])
