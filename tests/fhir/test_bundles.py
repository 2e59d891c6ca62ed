"""What is sent back; every resource is read by an independent FHIR library."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.servicerequest import ServiceRequest

from app.core.codes import DeclineReason
from app.fhir.bundles import answer, answer_to_referral, capability_statement, service_request
from app.referrals.models import ReferralStatus
from tests.fhir.messages import cancellation, referral
from tests.fhir.reading import refused

BASE = "https://peer.example"
OURS = UUID("0198c1f0-0000-7000-8000-000000000001")
BUNDLE = UUID("0198c1f0-0000-7000-8000-000000000002")
PLANNED = UUID("0198c1f0-0000-7000-8000-000000000003")
AT = datetime(2024, 3, 4, 9, 30, tzinfo=UTC)


def answered(message: dict[str, Any]) -> dict[str, Any]:
    """The answer to a new referral."""
    return answer_to_referral(
        message,
        base_url=BASE,
        referral_id=OURS,
        reference="PM-7K3Q-97",
        bundle_id=BUNDLE,
        encounter_id=PLANNED,
        at=AT,
    )


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The resources of a type."""
    return [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind]


def test_the_answer_is_the_message_with_our_id_and_the_reference_to_give_the_person() -> None:
    message = referral()
    sent = answered(message)
    assert resources(sent, "ServiceRequest")[0]["id"] == str(OURS)
    first, planned = resources(sent, "Encounter")
    assert (first["status"], planned["status"]) == ("finished", "planned")
    assert planned["identifier"] == [{"system": f"{BASE}/Id/referral-reference", "value": "PM-7K3Q-97"}]
    assert planned["class"] == first["class"]
    assert len(sent["entry"]) == len(message["entry"]) + 1
    assert sent["id"] == str(BUNDLE)
    assert message == referral()


def test_a_planned_encounter_has_a_class_even_where_the_sent_one_had_none() -> None:
    message = referral()
    del resources(message, "Encounter")[0]["class"]
    assert resources(answered(message), "Encounter")[1]["class"]["code"] == "AMB"


def test_a_cancellation_is_answered_with_our_id_and_nothing_planned() -> None:
    sent = answer(cancellation(), referral_id=OURS, bundle_id=BUNDLE, at=AT)
    assert resources(sent, "ServiceRequest")[0] | {"id": str(OURS)} == resources(sent, "ServiceRequest")[0]
    assert resources(sent, "Encounter") == []


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (ReferralStatus.RECEIVED, "active"),
        (ReferralStatus.ACCEPTED, "active"),
        (ReferralStatus.DECLINED, "revoked"),
        (ReferralStatus.WITHDRAWN, "revoked"),
    ],
)
def test_a_referral_can_be_read_as_a_service_request(status: ReferralStatus, shown: str) -> None:
    declined = DeclineReason.NOT_ELIGIBLE if status is ReferralStatus.DECLINED else None
    read = service_request(
        base_url=BASE,
        referral_id=OURS,
        version=2,
        updated_at=AT,
        reference="PM-7K3Q-97",
        status=status,
        made_on=date(2024, 3, 2),
        nhs_number="9990000018",
        decline_reason=declined,
    )
    ServiceRequest.model_validate(read)
    assert read["status"] == shown
    assert read["extension"][0]["valueCode"] == status.value
    assert [i["value"] for i in read["identifier"]] == ["PM-7K3Q-97"]
    assert read["subject"]["identifier"]["value"] == "9990000018"
    assert ("Not eligible" in str(read["extension"])) == (declined is not None)


def test_a_referral_without_nhs_number_names_nobody() -> None:
    read = service_request(
        base_url=BASE,
        referral_id=OURS,
        version=1,
        updated_at=AT,
        reference="PM-7K3Q-97",
        status=ReferralStatus.RECEIVED,
        made_on=date(2024, 3, 2),
    )
    ServiceRequest.model_validate(read)
    assert "identifier" not in read["subject"]


def test_the_capability_statement_lists_what_works() -> None:
    stated = capability_statement(base_url=BASE, software_version="0.1.0")
    CapabilityStatement.model_validate(stated)
    assert stated["fhirVersion"] == "4.0.1"
    rest = stated["rest"][0]
    assert [o["name"] for o in rest["operation"]] == ["process-message"]
    assert [r["type"] for r in rest["resource"]] == ["ServiceRequest"]


def test_another_fhir_library_reads_our_answers_and_our_refusals() -> None:
    Bundle.model_validate(answered(referral()))
    Bundle.model_validate(answer(cancellation(), referral_id=OURS, bundle_id=BUNDLE, at=AT))
    OperationOutcome.model_validate(refused(referral(plan_status="active", version="1.0.0")).as_json())
