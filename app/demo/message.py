"""A referral message as a practice's system would build it: shaped after the national one for community services."""

from typing import Any
from uuid import uuid4

SERVICE_SYSTEM = "https://fhir.nhs.uk/Id/dos-service-id"
UKCORE = "https://fhir.hl7.org.uk"
BARS = "https://fhir.nhs.uk/CodeSystem"


def referral(person: dict[str, Any], *, service: str, ods_code: str, made_at: str) -> dict[str, Any]:
    """A new referral of a person."""
    ids = {name: f"urn:uuid:{uuid4()}" for name in RESOURCES}
    parts = _parts(ids, person, service, ods_code, made_at)
    return _bundle(parts, ids, made_at, "new", service)


def cancellation(person: dict[str, Any], *, service: str, ods_code: str, made_at: str, our_id: str) -> dict[str, Any]:
    """The same referral taken back, named by the id it was given."""
    ids = {name: f"urn:uuid:{uuid4()}" for name in RESOURCES}
    parts = _parts(ids, person, service, ods_code, made_at)
    kept = {name: parts[name] for name in ("request", "patient", "practice", "charity")}
    kept["request"] = kept["request"] | {"status": "revoked", "id": our_id}
    return _bundle(kept, ids, made_at, "update", service)


RESOURCES = [
    "header",
    "request",
    "patient",
    "encounter",
    "plan",
    "condition",
    "task",
    "service",
    "practice",
    "charity",
    "nurse",
    "role",
    "consent",
]


def _ref(reference: str) -> dict[str, str]:
    return {"reference": reference}


def _code(system: str, code: str, display: str = "") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code} | ({"display": display} if display else {})]}


def _bundle(parts: dict[str, Any], ids: dict[str, str], made_at: str, reason: str, service: str) -> dict[str, Any]:
    header = {
        "resourceType": "MessageHeader",
        "eventCoding": {"system": f"{BARS}/message-events-bars", "code": "servicerequest-request"},
        "destination": [{"receiver": _ref(ids["charity"]), "endpoint": f"{SERVICE_SYSTEM}|{service}"}],
        "sender": _ref(ids["practice"]),
        "source": {"name": "Practice system", "endpoint": f"{SERVICE_SYSTEM}|practice"},
        "reason": _code(f"{BARS}/message-reason-bars", reason),
        "focus": [_ref(ids["request"])],
        "definition": "https://fhir.nhs.uk/MessageDefinition/bars-message-servicerequest-request-referral",
    }
    entries = [{"fullUrl": ids["header"], "resource": header}]
    entries += [{"fullUrl": ids[name], "resource": resource} for name, resource in parts.items()]
    return {
        "resourceType": "Bundle",
        "id": str(uuid4()),
        "meta": {
            "versionId": "1.2.0",
            "lastUpdated": made_at,
            "profile": ["https://fhir.nhs.uk/StructureDefinition/BARSBundleMessage"],
        },
        "type": "message",
        "timestamp": made_at,
        "entry": entries,
    }


def _parts(ids: dict[str, str], person: dict[str, Any], service: str, ods_code: str, made_at: str) -> dict[str, Any]:
    subject = {"subject": _ref(ids["patient"])}
    return {
        "request": _request(ids, made_at) | subject,
        "patient": _patient(person, ids["practice"]),
        **{name: part | subject for name, part in _findings(ids).items()},
        **_organisations(service, ods_code),
        **_around(ids),
        "consent": _consent(ids, made_at),
    }


def _request(ids: dict[str, str], made_at: str) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "plan",
        "category": [_code(f"{BARS}/message-category-servicerequest", "referral", "Transfer of Care")],
        "encounter": _ref(ids["encounter"]),
        "basedOn": [_ref(ids["plan"])],
        "requester": _ref(ids["nurse"]),
        "performer": [_ref(ids["service"])],
        "authoredOn": made_at,
    }


def _findings(ids: dict[str, str]) -> dict[str, dict[str, Any]]:
    return {
        "encounter": {
            "resourceType": "Encounter",
            "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        },
        "plan": {
            "resourceType": "CarePlan",
            "status": "completed",
            "intent": "plan",
            "addresses": [_ref(ids["condition"])],
            "activity": [
                {
                    "reference": _ref(ids["task"]),
                    "outcomeCodeableConcept": [{"text": "Would like to talk to somebody who lives with it."}],
                }
            ],
        },
        "condition": {
            "resourceType": "Condition",
            "category": [_code("http://snomed.info/sct", "33962009", "Chief complaint")],
            "code": _code("http://snomed.info/sct", "44054006", "Type 2 diabetes mellitus")
            | {"text": "Type 2 diabetes, finds change hard"},
        },
    }


def _organisations(service: str, ods_code: str) -> dict[str, dict[str, Any]]:
    return {
        "service": {
            "resourceType": "HealthcareService",
            "active": True,
            "identifier": [{"system": SERVICE_SYSTEM, "value": service}],
            "name": "Diabetes peer support",
        },
        "practice": {
            "resourceType": "Organization",
            "identifier": [{"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": ods_code}],
            "name": "The practice",
        },
        "charity": {
            "resourceType": "Organization",
            "identifier": [{"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "8HA01"}],
            "name": "The peer partnership",
        },
    }


def _around(ids: dict[str, str]) -> dict[str, dict[str, Any]]:
    return {
        "task": {
            "resourceType": "Task",
            "status": "requested",
            "intent": "order",
            "code": _code("http://snomed.info/sct", "871731000000106", "Referral to social prescribing service"),
        },
        "nurse": {"resourceType": "Practitioner", "name": [{"family": "Nurse", "given": ["Practice"]}]},
        "role": {
            "resourceType": "PractitionerRole",
            "practitioner": _ref(ids["nurse"]),
            "organization": _ref(ids["practice"]),
            "code": [{"text": "Practice nurse"}],
        },
    }


def _consent(ids: dict[str, str], made_at: str) -> dict[str, Any]:
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": _code("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [_code(f"{BARS}/consent-categories-bars", "DRC", "Direct care")],
        "patient": _ref(ids["patient"]),
        "dateTime": made_at,
        "policyRule": _code("http://terminology.hl7.org/CodeSystem/v3-ActCode", "IMPLIED"),
    }


def _patient(person: dict[str, Any], practice: str) -> dict[str, Any]:
    status = {
        "url": f"{UKCORE}/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
        "valueCodeableConcept": _code(
            f"{UKCORE}/CodeSystem/UKCore-NHSNumberVerificationStatus", "number-present-and-verified"
        ),
    }
    ethnic = {
        "url": f"{UKCORE}/StructureDefinition/Extension-UKCore-EthnicCategory",
        "valueCodeableConcept": _code(f"{UKCORE}/CodeSystem/UKCore-EthnicCategoryEngland", person["ethnic_category"]),
    }
    rank = {"url": f"{UKCORE}/StructureDefinition/Extension-UKCore-ContactRank", "valuePositiveInt": 1}
    phone = {"system": "phone", "value": person["phone"], "use": "mobile", "rank": 1}
    return {
        "resourceType": "Patient",
        "extension": [ethnic],
        "identifier": [
            {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": person["nhs_number"], "extension": [status]}
        ],
        "name": [{"use": "official", "family": person["family_name"], "given": [person["given_name"]]}],
        "gender": "female" if person["stated_gender"] == "2" else "male",
        "birthDate": person["birth_date"],
        "address": [{"postalCode": person["postcode"]}],
        "communication": [
            {"language": _code(f"{UKCORE}/CodeSystem/UKCore-HumanLanguage", person["language"]), "preferred": True}
        ],
        "contact": [
            {
                "extension": [rank],
                "relationship": [_code("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "ONESELF")],
                "telecom": [phone],
            }
        ],
        "generalPractitioner": [_ref(practice)],
    }
