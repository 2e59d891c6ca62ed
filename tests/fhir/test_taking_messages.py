"""Messages through the practice systems' door: taken once, answered, withdrawn, kept."""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from fhir.resources.R4B.bundle import Bundle

from app.core.actor import Role
from app.core.sealing import Sealer
from tests.conftest import SEALING_KEY
from tests.factories import World, body_of
from tests.fhir.messages import SERVICE, flag, identifier, patient
from tests.fhir.practices import DOOR, Practice, id_in, outcome_of
from tests.fhir.test_bundles import resources

pytestmark = pytest.mark.anyio


@pytest.fixture
async def practice(world: World) -> Practice:
    """A practice's system."""
    return await Practice.of(world)


async def test_a_message_brings_a_referral_like_any_other_door(practice: Practice) -> None:
    sent = practice.referral(flags=[flag("SG", "417430008", display="Vulnerable adult")])
    answer = await practice.send(sent)
    taken = body_of(answer)
    Bundle.model_validate(taken)
    planned = resources(taken, "Encounter")[1]
    seen = body_of(await practice.world.coordinator.get(f"/v1/referrals/{id_in(answer)}"))
    assert seen["reference"] == planned["identifier"][0]["value"]
    assert seen["person"]["family_name"] == "Nwosu"
    assert seen["flags"][0]["kind"] == "safeguarding"
    assert seen["organisation_name"] == "A practice"
    assert seen["status"] == "received"


async def test_gaps_are_left_to_the_coordinator_as_notes(practice: Practice) -> None:
    answer = await practice.send(practice.referral(person=patient(nhs_number=None, birthDate="1961")))
    seen = body_of(await practice.world.coordinator.get(f"/v1/referrals/{id_in(answer)}"))
    assert "To complete: Only a part of the birth date was sent." in seen["needs"]
    assert "birth_date" not in seen["person"]


async def test_a_death_in_the_message_is_told_before_any_contact(practice: Practice) -> None:
    person = patient(nhs_number=None, deceasedDateTime="2024-03-01")
    answer = await practice.send(practice.referral(person=person))
    seen = body_of(await practice.world.coordinator.get(f"/v1/referrals/{id_in(answer)}"))
    told = "The message says that this person has died; check before any contact."
    assert (seen["flags"][0]["kind"], seen["flags"][0]["note"]) == ("other", told)
    assert f"To complete: {told}" in seen["needs"]


async def test_both_ids_come_back_with_every_answer(practice: Practice) -> None:
    request_id, correlation_id = uuid4(), uuid4()
    ids = practice.headers(request_id, correlation_id)
    answers = [
        await practice.send(practice.referral(), ids=(request_id, correlation_id)),
        await practice.send({}, ids=(request_id, correlation_id)),
        await practice.client.get("/fhir/R4/metadata", headers=ids),
        await practice.client.get("/fhir/R4/Nothing/1", headers=ids),
        await practice.world.http.post(DOOR, headers=ids),
        await practice.client.send("POST", DOOR, headers=ids, content=b"x" * (5 * 1024 * 1024 + 1)),
        await practice.client.send("PUT", DOOR, headers=ids),
    ]
    assert [a.status_code for a in answers] == [200, 400, 200, 404, 401, 413, 405]
    for answer in answers:
        assert answer.headers["x-request-id"] == str(request_id)
        assert answer.headers["x-correlation-id"] == str(correlation_id)
    for answer in (answers[1], *answers[3:]):
        outcome_of(answer, answer.status_code)


async def test_a_message_taken_is_a_duplicate_when_sent_again(practice: Practice) -> None:
    ids = (uuid4(), uuid4())
    sent = practice.referral()
    body_of(await practice.send(sent, ids=ids))
    issue = outcome_of(await practice.send(sent, ids=ids), 409)[0]
    assert (issue["code"], issue["details"]["coding"][0]["code"]) == ("duplicate", "REC_CONFLICT")


async def test_a_refused_message_gets_the_same_refusal_again(practice: Practice) -> None:
    ids = (uuid4(), uuid4())
    sent = practice.referral(plan_status="active")
    first = await practice.send(sent, ids=ids)
    again = await practice.send(sent, ids=ids)
    outcome_of(first, 400)
    assert again.content == first.content


async def test_another_message_under_the_same_ids_is_refused(practice: Practice) -> None:
    ids = (uuid4(), uuid4())
    body_of(await practice.send(practice.referral(), ids=ids))
    issue = outcome_of(await practice.send(practice.referral(), ids=ids), 400)[0]
    assert (issue["code"], issue["expression"]) == ("value", ["http.X-Request-Id"])


async def test_ids_belong_to_the_client_that_sent_them(practice: Practice, elsewhere: World) -> None:
    ids = (uuid4(), uuid4())
    body_of(await practice.send(practice.referral(), ids=ids))
    other = await Practice.of(elsewhere)
    body_of(await other.send(other.referral(), ids=ids))


async def test_a_message_sent_many_times_at_once_is_taken_once(practice: Practice) -> None:
    ids = (uuid4(), uuid4())
    sent = practice.referral()
    answers = await asyncio.gather(*(practice.send(sent, ids=ids) for _ in range(6)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 409, 425}


async def test_a_first_try_that_still_runs_is_told_of_with_425(practice: Practice, owner: Any) -> None:
    ids = (uuid4(), uuid4())
    name = f"{practice.client.id} {ids[0]} {ids[1]}"
    await owner.execute("SELECT pg_advisory_lock(hashtextextended($1, 2))", name)
    try:
        answer = await practice.send(practice.referral(), ids=ids)
    finally:
        await owner.execute("SELECT pg_advisory_unlock(hashtextextended($1, 2))", name)
    assert outcome_of(answer, 425)[0]["details"]["coding"][0]["code"] == "REC_TOO_EARLY"
    assert answer.headers["retry-after"] == "1"
    body_of(await practice.send(practice.referral(), ids=ids))


async def test_a_second_open_referral_of_a_person_is_a_conflict(practice: Practice) -> None:
    sent = practice.referral()
    first = id_in(await practice.send(sent))
    issue = outcome_of(await practice.send(sent), 409)[0]
    assert (issue["code"], issue["expression"]) == ("conflict", ["Bundle.entry[1].resource"])
    assert issue["diagnostics"].endswith(f"already: ServiceRequest/{first}.")


async def test_a_minor_is_refused_where_the_birth_date_stands(practice: Practice) -> None:
    answer = await practice.send(practice.referral(person=patient(nhs_number=None, birthDate="2023-01-01")))
    assert outcome_of(answer, 400)[0]["expression"] == ["Bundle.entry[2].resource.birthDate"]


async def test_a_service_that_is_not_here_is_refused(practice: Practice) -> None:
    practice.service = "2999999999"
    practice.destination = f"{SERVICE}|2999999999"
    issue = outcome_of(await practice.send(practice.referral()), 400)[0]
    assert issue["expression"] == ["Bundle.entry[0].resource.destination[0].endpoint"]


async def test_a_referral_is_read_back_as_a_service_request(practice: Practice, elsewhere: World) -> None:
    answer = await practice.send(practice.referral())
    path = f"/fhir/R4/ServiceRequest/{id_in(answer)}"
    read = body_of(await practice.client.get(path))
    assert (read["resourceType"], read["status"]) == ("ServiceRequest", "active")
    outcome_of(await (await elsewhere.client()).get(path), 404)
    outcome_of(await practice.client.get(f"/fhir/R4/ServiceRequest/{uuid4()}"), 404)
    outcome_of(await practice.client.get("/fhir/R4/ServiceRequest/not-an-id"), 400)


async def test_reading_is_noted(practice: Practice, owner: Any) -> None:
    referral_id = id_in(await practice.send(practice.referral()))
    await practice.client.get(f"/fhir/R4/ServiceRequest/{referral_id}")
    query = "SELECT count(*) FROM audit_reads WHERE shape = 'ReferralForSender' AND $1 = ANY (ids)"
    assert await owner.fetchval(query, UUID(referral_id)) == 1


@pytest.mark.parametrize("status", ["revoked", "entered-in-error"])
async def test_a_cancellation_under_the_correlation_id_withdraws(practice: Practice, status: str) -> None:
    correlation_id, sent = uuid4(), practice.referral()
    referral_id = id_in(await practice.send(sent, correlation_id=correlation_id))
    answer = await practice.send(practice.cancellation(sent, status=status), correlation_id=correlation_id)
    assert id_in(answer) == referral_id
    read = body_of(await practice.client.get(f"/fhir/R4/ServiceRequest/{referral_id}"))
    assert read["status"] == "revoked"


async def test_a_cancellation_of_nothing_known_is_refused(practice: Practice, elsewhere: World) -> None:
    correlation_id, sent = uuid4(), practice.referral()
    body_of(await practice.send(sent, correlation_id=correlation_id))
    other_correlation = await practice.send(practice.cancellation(sent))
    other_person = await practice.send(practice.cancellation(practice.referral()), correlation_id=correlation_id)
    other = await Practice.of(elsewhere)
    other_client = await other.send(other.cancellation(sent), correlation_id=correlation_id)
    for answer in (other_correlation, other_person, other_client):
        assert "does not exist" in outcome_of(answer, 400)[0]["diagnostics"]


async def test_a_cancellation_finds_the_referral_by_our_id_our_reference_or_the_senders(practice: Practice) -> None:
    for name in ("id", "reference", "own"):
        own = identifier("https://quay.example/Id/request", f"R-{uuid4()}")
        sent = practice.referral(request_changes={"identifier": [own]})
        answer = await practice.send(sent)
        ours = resources(body_of(answer), "Encounter")[1]["identifier"]
        changes = {
            "id": {"id": id_in(answer)},
            "reference": {"identifier": ours},
            "own": {"identifier": [own | {"system": "HTTP://quay.example/id/request"}]},
        }[name]
        cancelled = await practice.send(practice.cancellation(sent, request_changes=changes))
        assert id_in(cancelled) == id_in(answer)


async def test_our_id_with_somebody_elses_nhs_number_withdraws_nothing(practice: Practice) -> None:
    answer = await practice.send(practice.referral())
    named = practice.cancellation(practice.referral(), request_changes={"id": id_in(answer)})
    outcome_of(await practice.send(named), 400)


async def test_what_was_cancelled_cannot_be_cancelled_again_and_may_be_referred_anew(practice: Practice) -> None:
    correlation_id, sent = uuid4(), practice.referral()
    first = id_in(await practice.send(sent, correlation_id=correlation_id))
    body_of(await practice.send(practice.cancellation(sent), correlation_id=correlation_id))
    again = await practice.send(practice.cancellation(sent), correlation_id=correlation_id)
    issue = outcome_of(again, 409)[0]
    assert (issue["code"], issue["expression"]) == ("conflict", ["Bundle.entry[1].resource"])
    assert issue["diagnostics"].endswith("the referral is withdrawn.")
    second = id_in(await practice.send(sent, correlation_id=correlation_id))
    third = await practice.send(practice.cancellation(sent), correlation_id=correlation_id)
    assert id_in(third) == second != first


async def test_a_cancellation_of_a_version_that_is_past_may_be_tried_again(practice: Practice) -> None:
    ids, sent = (uuid4(), uuid4()), practice.referral()
    body_of(await practice.send(sent, correlation_id=ids[1]))
    cancel = practice.cancellation(sent)
    outcome_of(await practice.send(cancel, ids=ids, headers={"If-Match": '"v9"'}), 400)
    body_of(await practice.send(cancel, ids=ids, headers={"If-Match": '"v1"'}))


async def test_the_message_is_kept_sealed_with_its_envelope(practice: Practice, owner: Any) -> None:
    request_id, sent = uuid4(), practice.referral()
    body_of(await practice.send(sent, ids=(request_id, uuid4())))
    row = await owner.fetchrow("SELECT * FROM fhir_messages WHERE message_request_id = $1", request_id)
    assert b"Nwosu" not in row["body"]
    sealer = Sealer.from_hex((SEALING_KEY,))
    envelope, message = sealer.open(row["body"], "fhir_messages", row["id"], "body").split(b"\n", 1)
    assert json.loads(message) == sent
    assert json.loads(envelope)["request_id"] == str(request_id)
    assert (row["state"], row["kind"], row["sender"]) == ("done", "new", "L81023")
    assert row["return_address"] == f"{SERVICE}|2000011147"


async def test_a_message_needs_its_envelope(practice: Practice) -> None:
    bare = await practice.client.send("POST", DOOR, content=b"{}")
    assert {issue["expression"][0] for issue in outcome_of(bare, 400)} == {
        "http.X-Request-Id",
        "http.X-Correlation-Id",
        "http.NHSD-Target-Identifier",
    }


@pytest.mark.parametrize("raw", [b"", b"{", b'{"a": NaN}', b'{"a": 1e400}', b"\xff", b'"\\ud800"', b"[" * 5000])
async def test_a_body_that_is_no_json_is_refused(practice: Practice, raw: bytes) -> None:
    outcome_of(await practice.send(raw), 400)


async def test_media_types_are_read_without_their_parameters(practice: Practice) -> None:
    wrong = {"Content-Type": "application/fhir+xml"}
    assert outcome_of(await practice.send(practice.referral(), headers=wrong), 415)[0]["code"] == "not-supported"
    xml = {"Accept": "application/fhir+xml"}
    issue = outcome_of(await practice.send(practice.referral(), headers=xml), 406)[0]
    assert issue["code"] == "processing"
    assert "ask for application/fhir+json" in issue["diagnostics"]
    plain = {"Content-Type": "application/json", "Accept": "text/html, */*;q=0.1"}
    body_of(await practice.send(practice.referral(), headers=plain))


async def test_only_practices_come_in_by_this_door(practice: Practice) -> None:
    world = practice.world
    for caller in (world.coordinator, await world.caller(Role.MENTOR), await world.caller(Role.ANALYST)):
        issue = outcome_of(await practice.send(practice.referral(), client=caller), 401)[0]
        assert (issue["code"], issue["details"]["coding"][0]["code"]) == ("forbidden", "REC_UNAUTHORIZED")
    reader = await world.client(scopes=frozenset({"referrals.read"}))
    outcome_of(await practice.send(practice.referral(), client=reader), 401)


async def test_anybody_may_ask_what_this_door_can_do(world: World) -> None:
    stated = body_of(await world.http.get("/fhir/R4/metadata"))
    assert stated["resourceType"] == "CapabilityStatement"
    assert stated["implementation"]["url"].endswith("/fhir/R4")
