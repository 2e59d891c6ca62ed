"""A referral is accepted: one record for one person, one open episode, and rules that explain themselves."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.core import clock
from tests.factories import World, body_of, person, referral

pytestmark = pytest.mark.anyio


async def test_an_accepted_person_waits_for_a_mentor_with_a_draft_of_the_briefing(world: World) -> None:
    someone = person(
        given_name="Siân",
        known_as="Shan",
        language="cy",
        is_interpreter_needed=True,
        communication_needs=["large_print"],
        practice_ods_code="L81023",
    )
    made = await world.refer(person=someone, needs="Would like company at the gym.")
    answer = await world.coordinator.post(f"/v1/referrals/{made['id']}/accept")
    accepted = body_of(answer)
    assert (accepted["status"], accepted["actions"]) == ("accepted", [])
    mentee = body_of(
        await world.coordinator.get(f"/v1/mentees/{accepted['mentee_id']}?include=briefing,preferences,person")
    )
    assert (mentee["status"], mentee["referral_id"]) == ("waiting", made["id"])
    assert mentee["coordinator_id"] == str(world.coordinator.id)
    assert mentee["barriers"] == ["food_knowledge"]
    briefing = mentee["briefing"]
    assert (briefing["known_as"], briefing["language"], briefing["is_interpreter_needed"]) == ("Shan", "cy", True)
    assert briefing["communication_needs"] == ["large_print"]
    assert briefing["needs"] == "Would like company at the gym."
    assert briefing["contact_route"] is None
    assert mentee["preferences"]["modes"] == []
    kept = body_of(await world.coordinator.get(f"/v1/people/{mentee['person_id']}"))
    assert (kept["practice_ods_code"], kept["nhs_number"]) == ("L81023", someone["nhs_number"])
    assert kept["nhs_number_status"] == "02"


async def test_the_briefing_says_the_given_name_where_there_is_no_other_and_no_clinical_reason(world: World) -> None:
    mentee = await world.enrol(given_name="Amina", known_as=None)
    briefing = await world.coordinator.get(f"/v1/mentees/{mentee['id']}/briefing")
    assert body_of(briefing)["known_as"] == "Amina"
    assert "HbA1c" not in briefing.text


async def test_acceptance_notes_the_consent_that_came_with_the_referral(world: World) -> None:
    mentee = await world.enrol()
    consents = body_of(await world.coordinator.get(f"/v1/consents?person_id={mentee['person_id']}"))["items"]
    assert [(c["purpose"], c["decision"], c["wording_version"]) for c in consents] == [("referral", "given", "as-sent")]
    assert consents[0]["decided_on"] == str(clock.today() - timedelta(days=1))
    assert (consents[0]["is_given"], consents[0]["recorded_by"]) == (True, str(world.coordinator.id))


async def test_acceptance_is_told_as_events(world: World) -> None:
    mentee = await world.enrol()
    told = await world.owner.fetch(
        "SELECT type, subject_id FROM events WHERE programme_id = $1 ORDER BY id", world.programme_id
    )
    assert {row["type"] for row in told} == {
        "referral.received",
        "mentee.enrolled",
        "consent.given",
        "referral.accepted",
    }
    assert UUID(mentee["id"]) in {row["subject_id"] for row in told if row["type"] == "mentee.enrolled"}


async def test_a_referral_decided_on_is_not_accepted(world: World) -> None:
    made = await world.refer()
    await world.accept(made["id"])
    again = body_of(await world.coordinator.post(f"/v1/referrals/{made['id']}/accept"), 409)
    assert (again["type"], again["current"]) == ("/problems/step-not-possible", "accepted")


async def test_only_coordinators_of_the_programme_accept(world: World, elsewhere: World) -> None:
    made = await world.refer()
    path = f"/v1/referrals/{made['id']}/accept"
    assert (await world.referrer.post(path)).status_code == 403
    assert (await elsewhere.coordinator.post(path)).status_code == 404
    body_of(await world.coordinator.post(path))


async def test_a_person_without_a_birth_date_is_accepted_once_it_is_known(world: World) -> None:
    made = await world.refer(person=person(birth_date=None))
    path = f"/v1/referrals/{made['id']}/accept"
    refused = body_of(await world.coordinator.post(path), 422)
    assert [e["field"] for e in refused["errors"]] == ["/birth_date"]
    young = str(clock.today() - timedelta(days=17 * 365))
    too_young = body_of(await world.coordinator.post(path, {"birth_date": young}), 422)
    assert too_young["errors"][0]["code"] == "too_young"
    mentee = await world.accept(made["id"], birth_date="1970-02-03")
    kept = body_of(await world.coordinator.get(f"/v1/people/{mentee['person_id']}"))
    assert kept["birth_date"] == "1970-02-03"


async def test_a_birth_date_other_than_the_referrals_is_refused(world: World) -> None:
    made = await world.refer()
    refused = await world.coordinator.post(f"/v1/referrals/{made['id']}/accept", {"birth_date": "1950-01-01"})
    assert body_of(refused, 422)["errors"][0]["code"] == "birth_date_differs"


async def test_a_rule_not_met_is_overridden_only_with_a_reason(world: World) -> None:
    made = await world.refer(facts={"condition": "long_covid"})
    path = f"/v1/referrals/{made['id']}/accept"
    refused = body_of(await world.coordinator.post(path), 409)
    assert refused["type"] == "/problems/not-eligible"
    assert [rule["kind"] for rule in refused["rules"]] == ["condition"]
    accepted = body_of(await world.coordinator.post(path, {"override_reason": "Has both conditions."}))
    assert accepted["override_reason"] == "Has both conditions."


async def test_the_rules_in_force_at_acceptance_count(world: World) -> None:
    made = await world.refer()
    rules = '[{"kind": "postcode_area", "number": null, "values": ["BA"]}]'
    await world.insert(
        "programmes_eligibility_rules", {"programme_id": world.programme_id, "number": 2, "rules": rules}
    )
    path = f"/v1/referrals/{made['id']}/accept"
    refused = body_of(await world.coordinator.post(path), 409)
    assert [rule["kind"] for rule in refused["rules"]] == ["postcode_area"]
    accepted = body_of(await world.coordinator.post(path, {"override_reason": "Moves there next week."}))
    assert accepted["eligibility_version"] == 2
    assert [rule["result"] for rule in accepted["eligibility"]] == ["not_met"]


async def test_a_rule_that_is_unknown_needs_no_reason(world: World) -> None:
    made = await world.refer(facts={})
    accepted = body_of(
        await world.coordinator.post(f"/v1/referrals/{made['id']}/accept", {"override_reason": "Not needed."})
    )
    assert accepted["override_reason"] is None


async def test_somebody_else_may_be_the_named_coordinator_but_nobody_from_elsewhere(
    world: World, elsewhere: World
) -> None:
    colleague = await world.caller(world.coordinator.role)
    made = await world.refer()
    path = f"/v1/referrals/{made['id']}/accept"
    refused = await world.coordinator.post(path, {"coordinator_id": str(elsewhere.coordinator.id)})
    assert body_of(refused, 422)["errors"][0]["field"] == "/coordinator_id"
    mentee = await world.accept(made["id"], coordinator_id=str(colleague.id))
    assert mentee["coordinator_id"] == str(colleague.id)
    assert mentee["coordinator_name"] == "A coordinator"


async def test_a_second_open_episode_is_refused_with_a_link_to_the_first(world: World) -> None:
    someone = person()
    first = await world.refer(person=someone)
    mentee = await world.accept(first["id"])
    again = await world.refer(person=someone)
    refused = body_of(await world.coordinator.post(f"/v1/referrals/{again['id']}/accept"), 409)
    assert (refused["type"], refused["link"]) == ("/problems/episode-open", f"/v1/mentees/{mentee['id']}")
    seen = body_of(await world.coordinator.get(f"/v1/referrals/{again['id']}"))
    assert seen["status"] == "received"


async def test_the_database_itself_holds_one_open_episode(world: World) -> None:
    mentee = await world.enrol()
    row = dict(await world.owner.fetchrow("SELECT * FROM mentees WHERE id = $1", UUID(mentee["id"])))
    copy = {name: row[name] for name in ("programme_id", "person_id", "referral_id", "status")}
    columns = {"received_on": row["received_on"], "waiting_since": row["waiting_since"]}
    with pytest.raises(Exception, match="uq_mentees_open_episode"):
        await world.insert("mentees", copy | columns | {"barriers": [], "barriers_at_end": []})


async def test_a_return_after_an_ending_is_a_new_episode_of_the_same_person(world: World) -> None:
    someone = person()
    first = await world.accept((await world.refer(person=someone))["id"])
    await end(world, first)
    second = await world.accept((await world.refer(person=someone))["id"])
    assert second["person_id"] == first["person_id"]
    assert second["id"] != first["id"]


async def test_twenty_people_at_the_button_accept_a_referral_once(world: World) -> None:
    made = await world.refer()
    path = f"/v1/referrals/{made['id']}/accept"
    answers = await asyncio.gather(*(world.coordinator.post(path) for _ in range(20)))
    assert sorted(a.status_code for a in answers) == [200] + [409] * 19
    assert await count(world, "mentees") == 1


async def test_parallel_acceptances_of_one_person_from_many_practices_make_one_person_and_one_episode(
    world: World,
) -> None:
    someone = person()
    paths = []
    for _ in range(8):
        practice_id, _ = await world.organisation()
        sender = await world.caller(world.referrer.role, organisation_id=practice_id)
        made = await world.refer(sender, person=someone)
        paths.append(f"/v1/referrals/{made['id']}/accept")
    answers = await asyncio.gather(*(world.coordinator.post(path) for path in paths))
    assert sorted(a.status_code for a in answers) == [200] + [409] * 7
    refused = [a.json() for a in answers if a.status_code == 409]
    mentee_id = next(a.json()["mentee_id"] for a in answers if a.status_code == 200)
    assert {(r["type"], r["link"]) for r in refused} == {("/problems/episode-open", f"/v1/mentees/{mentee_id}")}
    people = await world.owner.fetchval(
        "SELECT count(*) FROM people_identifiers WHERE nhs_number = $1", someone["nhs_number"]
    )
    assert people == 1


async def test_a_refused_acceptance_leaves_nothing_behind(world: World) -> None:
    someone = person()
    made = await world.refer(person=someone)
    wrong = {"coordinator_id": str(world.practice_id)}
    body_of(await world.coordinator.post(f"/v1/referrals/{made['id']}/accept", wrong), 422)
    kept = await world.owner.fetchval(
        "SELECT count(*) FROM people_identifiers WHERE nhs_number = $1", someone["nhs_number"]
    )
    assert (kept, await count(world, "mentees")) == (0, 0)


async def test_the_same_number_with_another_birth_date_is_a_new_person_and_a_candidate(world: World) -> None:
    someone = person()
    first = await world.enrol(**someone)
    second = await world.enrol(**(someone | {"birth_date": "1969-12-04"}))
    assert second["person_id"] != first["person_id"]
    kept = body_of(await world.coordinator.get(f"/v1/people/{first['person_id']}"))
    assert (kept["birth_date"], kept["candidate_count"]) == (someone["birth_date"], 1)
    found = body_of(await world.coordinator.get(f"/v1/people/{second['person_id']}/candidates"))["items"]
    assert [c["id"] for c in found] == [first["person_id"]]
    assert {"nhs_number", "name"} <= set(found[0]["same"])


async def test_a_known_person_keeps_what_is_known_and_gains_what_was_missing(world: World) -> None:
    someone = person(phone="07700 900111", email=None, communication_needs=[])
    first = await world.enrol(**someone)
    await end(world, first)
    later = someone | {
        "phone": "07700 900222",
        "email": "sam@example.org",
        "family_name": "Otherwise",
        "communication_needs": ["easy_read"],
    }
    second = await world.enrol(**later)
    assert second["person_id"] == first["person_id"]
    kept = body_of(await world.coordinator.get(f"/v1/people/{first['person_id']}"))
    assert (kept["phone"], kept["family_name"]) == ("+447700900111", someone["family_name"])
    assert (kept["email"], kept["communication_needs"]) == ("sam@example.org", ["easy_read"])


async def test_a_person_of_another_programme_is_linked_by_number_and_birth_date_and_that_episode_stays_unseen(
    world: World, elsewhere: World
) -> None:
    someone = person()
    there = await elsewhere.enrol(**someone)
    here = await world.enrol(**someone)
    assert here["person_id"] == there["person_id"]
    own = body_of(await world.coordinator.get("/v1/mentees?include=total"))
    assert (own["total"], own["items"][0]["id"]) == (1, here["id"])
    assert (await world.coordinator.get(f"/v1/mentees/{there['id']}")).status_code == 404


async def test_people_of_another_programme_are_no_candidates(world: World, elsewhere: World) -> None:
    someone = person()
    await elsewhere.enrol(**someone)
    here = await world.enrol(**(someone | {"birth_date": "1969-12-04"}))
    found = body_of(await world.coordinator.get(f"/v1/people/{here['person_id']}/candidates"))
    assert found["items"] == []


async def test_who_coordinates_two_programmes_mixes_no_candidates_between_them(world: World, elsewhere: World) -> None:
    someone = person()
    there = await elsewhere.enrol(**someone)
    await world.membership(world.coordinator.id, world.coordinator.role, programme_id=elsewhere.programme_id)
    here = await world.enrol(**(someone | {"birth_date": "1969-12-04"}))
    noted = await world.owner.fetchval(
        "SELECT count(*) FROM people_candidates WHERE person_id = ANY ($1)",
        [UUID(here["person_id"]), UUID(there["person_id"])],
    )
    assert noted == 0


async def test_a_coordinator_links_to_a_record_it_chose(world: World) -> None:
    someone = person()
    first = await world.enrol(**(someone | {"nhs_number": None}))
    await end(world, first)
    made = await world.refer(person=someone)
    second = await world.accept(made["id"], person_id=first["person_id"])
    assert second["person_id"] == first["person_id"]
    kept = body_of(await world.coordinator.get(f"/v1/people/{first['person_id']}"))
    assert (kept["nhs_number"], kept["nhs_number_status"]) == (someone["nhs_number"], "02")


async def test_a_chosen_record_that_is_not_seen_or_has_another_number_is_refused(
    world: World, elsewhere: World
) -> None:
    unseen = await elsewhere.enrol()
    other = await world.enrol()
    made = await world.refer()
    path = f"/v1/referrals/{made['id']}/accept"
    refused = await world.coordinator.post(path, {"person_id": unseen["person_id"]})
    assert body_of(refused, 422)["errors"][0]["field"] == "/person_id"
    differs = await world.coordinator.post(path, {"person_id": other["person_id"]})
    assert body_of(differs, 409)["type"] == "/problems/person-differs"


async def test_a_referral_of_the_same_person_from_elsewhere_stays_received_and_linked(world: World) -> None:
    someone = person()
    first = await world.refer(person=someone)
    practice_id, _ = await world.organisation()
    sender = await world.caller(world.referrer.role, organisation_id=practice_id)
    second = await world.refer(sender, person=someone)
    await world.accept(first["id"])
    seen = body_of(await world.coordinator.get(f"/v1/referrals/{second['id']}"))
    assert (seen["status"], seen["linked"], seen["mentee_id"]) == ("received", [first["id"]], None)


async def test_the_practice_sees_that_its_referral_was_accepted_and_nothing_of_the_episode(world: World) -> None:
    made = await world.refer()
    await world.accept(made["id"])
    own = body_of(await world.referrer.get(f"/v1/referrals/{made['id']}"))
    assert (own["status"], own["status_words"]) == ("accepted", "Accepted")
    assert "mentee_id" not in own


async def test_acceptance_is_done_once_under_one_idempotency_key(world: World) -> None:
    made = await world.refer()
    path = f"/v1/referrals/{made['id']}/accept"
    first = await world.coordinator.post(path, headers={"Idempotency-Key": "desk-1"})
    again = await world.coordinator.post(path, headers={"Idempotency-Key": "desk-1"})
    assert body_of(first) == body_of(again)
    refused = await world.coordinator.post(path, headers={"Idempotency-Key": "desk-2"})
    assert refused.status_code == 409


async def test_a_stale_version_is_not_accepted(world: World) -> None:
    made = await world.refer()
    stale = await world.coordinator.post(f"/v1/referrals/{made['id']}/accept", headers={"If-Match": '"v9"'})
    assert stale.status_code == 412


async def test_a_number_taken_leniently_at_another_door_is_no_obstacle(world: World) -> None:
    made = body_of(await world.referrer.post("/v1/referrals", referral(world.programme_id)), 201)
    await world.owner.execute(
        """UPDATE referrals SET person = jsonb_set(person, '{nhs_number}', '"9449305552"') WHERE id = $1""",
        UUID(made["id"]),
    )
    mentee = await world.accept(made["id"])
    kept = body_of(await world.coordinator.get(f"/v1/people/{mentee['person_id']}"))
    assert kept["nhs_number"] == "9449305552"


async def end(world: World, mentee: dict[str, Any]) -> None:
    """The episode has ended; taken as given here."""
    await world.owner.execute(
        "UPDATE mentees SET status = 'ended', ended_on = $2, ending_reason = 'completed_planned' WHERE id = $1",
        UUID(mentee["id"]),
        clock.today(),
    )


async def count(world: World, table: str) -> int:
    """How many rows of the programme there are, seen as the owner."""
    found: int = await world.owner.fetchval(f"SELECT count(*) FROM {table} WHERE programme_id = $1", world.programme_id)
    return found


async def test_a_referral_accepted_already_is_refused_with_a_link_to_the_episode(world: World) -> None:
    mentee = await world.enrol()
    again = await world.coordinator.post(f"/v1/referrals/{mentee['referral_id']}/accept")
    problem = body_of(again, 409)
    assert (problem["type"], problem["current"]) == ("/problems/step-not-possible", "accepted")
    assert problem["link"] == f"/v1/mentees/{mentee['id']}"
