"""Which messages are refused, with which answer, naming which element."""

from typing import Any

import pytest

from app.fhir.inbound import read_message, unknown_referral
from app.fhir.workflow import REFERRAL
from tests.fhir.messages import (
    PATIENT,
    SERVICE,
    SERVICE_VALUE,
    cancellation,
    doubled,
    identifier,
    patient,
    referral,
    without,
)
from tests.fhir.reading import cancelled, faults, refused, taken, target

HEADER = "Bundle.entry[0].resource"
REQUEST = "Bundle.entry[1].resource"


@pytest.mark.parametrize("version", ["1.0.0", "1.0.0-alpha", "1.0.0-beta", "1.1.0", "1.4.0"])
def test_the_versions_in_use_are_taken(version: str) -> None:
    taken(referral(version=version))


def test_a_message_must_say_its_version_and_it_must_be_one_we_know() -> None:
    assert faults(referral(version=None)) == [(400, "invariant", "Bundle.meta.versionId")]
    assert faults(referral(version="9.9.9")) == [(422, "not-supported", "Bundle.meta.versionId")]
    also_wrong = refused(referral(version="9.9.9", plan_status="active"))
    assert (also_wrong.status, also_wrong.faults[0].code) == (422, "REC_UNPROCESSABLE_ENTITY")


@pytest.mark.parametrize(
    ("message", "path"),
    [
        ([], "Bundle"),
        (None, "Bundle"),
        ({"resourceType": "Patient"}, "Bundle"),
        (referral() | {"type": "collection"}, "Bundle.type"),
        (referral() | {"entry": []}, HEADER),
        (referral() | {"entry": referral()["entry"][::-1]}, HEADER),
    ],
)
def test_a_body_that_is_no_message_is_refused(message: Any, path: str) -> None:
    assert faults(message) == [(400, "invariant", path)]


@pytest.mark.parametrize(
    "kind",
    [kind for kind in REFERRAL if kind != "MessageHeader"],
)
def test_a_referral_without_a_resource_that_its_definition_asks_for_is_refused(kind: str) -> None:
    found = refused(without(referral(), kind)).faults
    assert {(f.status, f.issue) for f in found} == {(400, "invariant")}
    assert any(f.diagnostics.startswith(f"{kind}:") and f.expression == ("Bundle.entry",) for f in found)


@pytest.mark.parametrize(
    "kind", ["MessageHeader", "ServiceRequest", "Patient", "Encounter", "CarePlan", "HealthcareService"]
)
def test_a_resource_that_may_come_once_is_refused_when_it_comes_twice(kind: str) -> None:
    assert faults(doubled(referral(), kind)) == [(400, "invariant", "Bundle.entry[13].resource")]


@pytest.mark.parametrize(
    ("message", "path"),
    [
        (referral(category="validation"), f"{REQUEST}.category"),
        (referral(plan_status="active"), "Bundle.entry[4].resource.status"),
        (referral(encounter_status="in-progress"), "Bundle.entry[3].resource.status"),
        (referral(reason="update"), f"{HEADER}.reason"),
        (referral(status="revoked"), f"{HEADER}.reason"),
        (referral(reason="delete"), f"{HEADER}.reason"),
        (referral(status="draft"), f"{HEADER}.reason"),
        (referral(event="patient-merge"), f"{HEADER}.eventCoding"),
        (cancellation(status="active"), f"{HEADER}.reason"),
        (cancellation(reason="new"), f"{HEADER}.reason"),
    ],
)
def test_steps_outside_the_table_of_workflows_are_refused(message: Any, path: str) -> None:
    assert faults(message) == [(400, "invariant", path)]


@pytest.mark.parametrize("status", ["triaged", "finished"])
def test_a_referral_follows_a_contact_that_was_triaged_or_finished(status: str) -> None:
    taken(referral(encounter_status=status))


def test_all_faults_are_told_at_once_each_with_its_place() -> None:
    message = referral(
        category="validation", plan_status="draft", encounter_status="planned", person=patient(nhs_number="1")
    )
    assert faults(message) == [
        (400, "invariant", f"{REQUEST}.category"),
        (400, "invariant", "Bundle.entry[4].resource.status"),
        (400, "invariant", "Bundle.entry[3].resource.status"),
        (400, "value", "Bundle.entry[2].resource.identifier[0].value"),
    ]


def test_a_message_for_another_service_is_refused() -> None:
    message = referral(destination=f"{SERVICE}|2000099002")
    assert faults(message) == [(400, "value", f"{HEADER}.destination[0].endpoint")]
    nowhere = referral(header_changes={"destination": []})
    assert faults(nowhere) == [(400, "invariant", f"{HEADER}.destination")]


def test_a_service_is_the_same_however_its_naming_system_is_spelt() -> None:
    spelt = f"HTTP://FHIR.nhs.uk/id/dos-service-id/|{SERVICE_VALUE}"
    taken(referral(destination=spelt))
    assert target(system="http://fhir.nhs.uk/Id/DOS-service-id") == target()


def test_a_focus_or_subject_that_points_nowhere_is_refused() -> None:
    lost = {"reference": "urn:uuid:nowhere"}
    focus = referral(header_changes={"focus": [lost]})
    subject = referral(request_changes={"subject": lost})
    assert faults(focus) == [(400, "invariant", f"{HEADER}.focus[0].reference")]
    assert faults(subject) == [(400, "invariant", f"{REQUEST}.subject.reference")]
    assert faults(referral(request_changes={"subject": None})) == [(400, "invariant", f"{REQUEST}.subject")]
    at_header = referral(header_changes={"focus": [{"reference": PATIENT}]})
    assert faults(at_header) == [(400, "invariant", f"{HEADER}.focus[0].reference")]


def test_references_may_be_written_as_type_and_id() -> None:
    message = referral(request_changes={"subject": {"reference": "Patient/p1"}})
    message["entry"][2]["resource"]["id"] = "p1"
    taken(message)


def test_elements_of_the_wrong_shape_are_named_and_nothing_else_is_blamed() -> None:
    message = referral()
    message["entry"][2]["resource"]["name"] = "Sam Nwosu"
    message["entry"][8]["resource"]["telecom"][0]["value"] = 1174960999
    assert faults(message) == [
        (400, "invalid", "Bundle.entry[2].resource.name"),
        (400, "invalid", "Bundle.entry[8].resource.telecom[0].value"),
    ]
    assert faults(referral() | {"entry": {}})[0] == (400, "invalid", "Bundle.entry")
    untyped = referral()
    untyped["entry"].append({"resource": {"resourceType": 7}})
    assert faults(untyped) == [(400, "invalid", "Bundle.entry[13].resource.resourceType")]


def test_bookings_are_not_taken() -> None:
    assert faults(referral(event="booking-request")) == [(400, "not-supported", f"{HEADER}.eventCoding")]


def test_a_response_must_name_a_message_and_none_was_sent_from_here() -> None:
    unnamed = referral(event="servicerequest-response")
    named = referral(event="servicerequest-response", header_changes={"response": {"identifier": "x"}})
    assert faults(unnamed) == [(400, "invariant", f"{HEADER}.response")]
    assert faults(named) == [(404, "not-found", f"{HEADER}.response.identifier")]


@pytest.mark.parametrize("reason", ["update", "delete"])
@pytest.mark.parametrize("status", ["revoked", "entered-in-error"])
def test_a_cancellation_may_be_spelt_in_four_ways(reason: str, status: str) -> None:
    read = cancelled(cancellation(reason=reason, status=status))
    assert read.nhs_number == "9990000018"
    assert read.referral_id is None
    assert read.reason.startswith("Revoked" if status == "revoked" else "Entered in error")


def test_a_cancellations_category_and_contacts_are_not_looked_at() -> None:
    message = cancellation(category="validation", person=patient(contact=None, name=None, birthDate="1961"))
    cancelled(message)


def test_a_cancellation_names_the_referral_by_our_id_or_by_an_identifier_never_by_full_url() -> None:
    ours = "0198c1f0-0000-7000-8000-000000000001"
    named = {"id": ours, "identifier": [identifier("https://quay.example/Id", "R-1")]}
    read = cancelled(cancellation(request_changes=named))
    assert str(read.referral_id) == ours
    assert [str(found) for found in read.identifiers] == ["quay.example/id|R-1"]
    assert cancelled(cancellation()).referral_id is None
    assert cancelled(cancellation(request_changes={"id": "not-ours"})).referral_id is None


@pytest.mark.parametrize("kind", ["ServiceRequest", "Patient", "Organization"])
def test_a_cancellation_without_a_resource_of_its_definition_is_refused(kind: str) -> None:
    found = refused(without(cancellation(), kind)).faults
    assert any(f.diagnostics.startswith(f"{kind}:") for f in found)


def test_a_cancellation_of_what_is_not_here_says_that_it_does_not_exist() -> None:
    refusal = unknown_referral(cancelled(cancellation()))
    assert refusal.status == 400
    assert "does not exist" in refusal.faults[0].diagnostics
    assert refusal.faults[0].expression == (REQUEST,)


def test_no_fault_repeats_what_was_sent() -> None:
    secret = "Zebedee"
    message = referral(
        category=secret,
        status=secret,
        version=secret,
        destination=secret,
        person=patient(nhs_number=secret, birthDate=secret, name=[{"family": secret + "\x00"}]),
    )
    for sent in (message, message | {"meta": {"versionId": "1.1.0"}}):
        assert secret not in str(refused(sent).as_json())
    assert secret not in str(read_message(referral(event=secret), target()))
