"""What a GP system gets back: its message with our numbers in it, a referral to read, and what we can do."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.core.codes import DeclineReason
from app.fhir.demographics import NHS_NUMBER
from app.fhir.inbound import VERSIONS
from app.referrals.models import ReferralStatus

FHIR_VERSION = "4.0.1"
MESSAGE_CATEGORIES = "https://fhir.nhs.uk/CodeSystem/message-category-servicerequest"
STATUS_REASON = "http://hl7.org/fhir/StructureDefinition/request-statusReason"
DEFINITIONS = "https://fhir.nhs.uk/MessageDefinition/bars-message-servicerequest-request"
ENCOUNTER_PROFILE = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Encounter"
# When what is stated in the CapabilityStatement last changed.
STATED_ON = date(2026, 11, 22)

STATUSES: Mapping[ReferralStatus, str] = {
    ReferralStatus.RECEIVED: "active",
    ReferralStatus.ACCEPTED: "active",
    ReferralStatus.DECLINED: "revoked",
    ReferralStatus.WITHDRAWN: "revoked",
}


def reference_system(base_url: str) -> str:
    """The naming system of the reference that the practice gives the person."""
    return f"{base_url}/Id/referral-reference"


def answer(message: Mapping[str, Any], *, referral_id: UUID, bundle_id: UUID, at: datetime) -> dict[str, Any]:
    """The message as it came, with our id on its request; `message` was read without faults before."""
    entries = [_with_id(entry, referral_id) for entry in message["entry"]]
    meta = {**message["meta"], "lastUpdated": at.isoformat()}
    return {**message, "id": str(bundle_id), "meta": meta, "timestamp": at.isoformat(), "entry": entries}


def answer_to_referral(
    message: Mapping[str, Any],
    *,
    base_url: str,
    referral_id: UUID,
    reference: str,
    bundle_id: UUID,
    encounter_id: UUID,
    at: datetime,
) -> dict[str, Any]:
    """The same with a second, planned Encounter: what is to come here, under the reference for the person."""
    answered = answer(message, referral_id=referral_id, bundle_id=bundle_id, at=at)
    entries: list[dict[str, Any]] = answered["entry"]
    position = next(i for i, entry in enumerate(entries) if _type_of(entry) == "Encounter")
    first = entries[position]["resource"]
    coded_class = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
    kept = {name: first[name] for name in ("class", "subject", "episodeOfCare") if first.get(name)}
    planned = {
        "resourceType": "Encounter",
        "id": str(encounter_id),
        "meta": {"lastUpdated": at.isoformat(), "profile": [ENCOUNTER_PROFILE]},
        "identifier": [{"system": reference_system(base_url), "value": reference}],
        "status": "planned",
        "class": coded_class,
        "period": {"start": at.isoformat()},
    } | kept
    entries.insert(position + 1, {"fullUrl": f"urn:uuid:{encounter_id}", "resource": planned})
    return answered


def _with_id(entry: Any, referral_id: UUID) -> Any:
    if _type_of(entry) != "ServiceRequest":
        return entry
    return {**entry, "resource": {**entry["resource"], "id": str(referral_id)}}


def _type_of(entry: Any) -> str | None:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    return resource.get("resourceType") if isinstance(resource, dict) else None


def service_request(
    *,
    base_url: str,
    referral_id: UUID,
    version: int,
    updated_at: datetime,
    reference: str,
    status: ReferralStatus,
    made_on: date,
    nhs_number: str | None = None,
    decline_reason: DeclineReason | None = None,
) -> dict[str, Any]:
    """A referral as its sender reads it: where it stands, under both sides' numbers, and no more of the person."""
    subject: dict[str, Any] = {"type": "Patient", "display": "The person who was referred"}
    if nhs_number is not None:
        subject = {"type": "Patient", "identifier": {"system": NHS_NUMBER, "value": nhs_number}}
    own = {"system": reference_system(base_url), "value": reference}
    stands = {"url": f"{base_url}/StructureDefinition/referral-status", "valueCode": status.value}
    extensions: list[dict[str, Any]] = [stands]
    if decline_reason is not None:
        extensions.append({"url": STATUS_REASON, "valueCodeableConcept": {"text": decline_reason.nhs_label}})
    codings = [
        {"system": MESSAGE_CATEGORIES, "code": "referral", "display": "Transfer of Care"},
        {"system": f"{base_url}/CodeSystem/usecases", "code": "peer-support", "display": "Peer support"},
    ]
    return {
        "resourceType": "ServiceRequest",
        "id": str(referral_id),
        "meta": {"versionId": str(version), "lastUpdated": updated_at.isoformat()},
        "extension": extensions,
        "identifier": [own],
        "status": STATUSES[status],
        "intent": "plan",
        "category": [{"coding": codings}],
        "subject": subject,
        "authoredOn": made_on.isoformat(),
    }


def capability_statement(*, base_url: str, software_version: str) -> dict[str, Any]:
    """What this door does, and nothing that it does not."""
    fhir_url = f"{base_url}/fhir/R4"
    received = [{"mode": "receiver", "definition": f"{DEFINITIONS}-{kind}"} for kind in ("referral", "cancelled")]
    return {
        "resourceType": "CapabilityStatement",
        "id": "peer-support",
        "url": f"{fhir_url}/metadata",
        "name": "PeerSupport",
        "title": "Peer support: referrals in",
        "status": "active",
        "date": STATED_ON.isoformat(),
        "kind": "instance",
        "software": {"name": "Peer support API", "version": software_version},
        "implementation": {"description": "Peer support service", "url": fhir_url},
        "fhirVersion": FHIR_VERSION,
        "format": ["application/fhir+json", "json"],
        "rest": [_rest(base_url)],
        "messaging": [{"supportedMessage": received}],
    }


def _rest(base_url: str) -> dict[str, Any]:
    oauth = {
        "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
        "extension": [{"url": "token", "valueUri": f"{base_url}/oauth2/token"}],
    }
    service = {
        "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
        "code": "SMART-on-FHIR",
    }
    operation = {
        "name": "process-message",
        "definition": "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message",
        "documentation": "Takes new referrals and cancellations. Bundle.meta.versionId is one of "
        + ", ".join(sorted(VERSIONS)),
    }
    return {
        "mode": "server",
        "security": {"extension": [oauth], "cors": True, "service": [{"coding": [service]}]},
        "resource": [{"type": "ServiceRequest", "interaction": [{"code": "read"}]}],
        "operation": [operation],
    }
