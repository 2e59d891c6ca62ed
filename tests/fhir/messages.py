"""Referral messages as a practice's system makes them, written from the standard; every part can be varied."""

import copy
from typing import Any

Resource = dict[str, Any]

SERVICE = "https://fhir.nhs.uk/Id/dos-service-id"
SERVICE_VALUE = "2000099001"
NHS_NUMBER = "9990000018"
HUMAN_LANGUAGE = "https://fhir.hl7.org.uk/CodeSystem/UKCore-HumanLanguage"
UK_CORE = "https://fhir.hl7.org.uk/StructureDefinition"
PATIENT = "urn:uuid:0b8f7c52-8f0c-4a4e-9a10-3f1f6e1d0001"
REQUEST = "urn:uuid:0b8f7c52-8f0c-4a4e-9a10-3f1f6e1d0002"
ENCOUNTER = "urn:uuid:0b8f7c52-8f0c-4a4e-9a10-3f1f6e1d0003"
PLAN = "urn:uuid:0b8f7c52-8f0c-4a4e-9a10-3f1f6e1d0004"
SENDER = "urn:uuid:0b8f7c52-8f0c-4a4e-9a10-3f1f6e1d0005"
RECEIVER = "urn:uuid:0b8f7c52-8f0c-4a4e-9a10-3f1f6e1d0006"
DOCTOR = "urn:uuid:0b8f7c52-8f0c-4a4e-9a10-3f1f6e1d0007"
ROLE = "urn:uuid:0b8f7c52-8f0c-4a4e-9a10-3f1f6e1d0008"
OFFERED = "urn:uuid:0b8f7c52-8f0c-4a4e-9a10-3f1f6e1d0009"
AGREED = "urn:uuid:0b8f7c52-8f0c-4a4e-9a10-3f1f6e1d0010"
TASK = "urn:uuid:0b8f7c52-8f0c-4a4e-9a10-3f1f6e1d0011"
DIABETES = "urn:uuid:0b8f7c52-8f0c-4a4e-9a10-3f1f6e1d0012"
HEADER = "urn:uuid:0b8f7c52-8f0c-4a4e-9a10-3f1f6e1d0013"


def concept(code: str, *, system: str = "http://snomed.info/sct", display: str | None = None) -> Resource:
    """A concept of one code."""
    return {"coding": [{"system": system, "code": code} | ({"display": display} if display else {})]}


def identifier(system: str, value: str) -> Resource:
    """A number under a naming system."""
    return {"system": system, "value": value}


def number(value: str, status: str = "number-present-and-verified") -> Resource:
    """An NHS number with its verification status."""
    verified = {
        "url": f"{UK_CORE}/Extension-UKCore-NHSNumberVerificationStatus",
        "valueCodeableConcept": concept(status, system="https://fhir.hl7.org.uk/CodeSystem/x"),
    }
    return {"extension": [verified], **identifier("https://fhir.nhs.uk/Id/nhs-number", value)}


def patient(*, nhs_number: str | None = NHS_NUMBER, **changes: Any) -> Resource:
    """The person; a change of None leaves the element out."""
    own = {
        "extension": [rank(1)],
        "relationship": [concept("ONESELF", system="http://terminology.hl7.org/CodeSystem/v3-RoleCode")],
        "telecom": [
            {"system": "phone", "value": "0117 496 0123", "use": "home", "rank": 2},
            {"system": "phone", "value": "07700 900123", "use": "mobile", "rank": 1},
            {"system": "email", "value": "sam@example.org", "rank": 3},
        ],
    }
    sent = {
        "resourceType": "Patient",
        "identifier": [number(nhs_number)] if nhs_number else None,
        "name": [{"use": "official", "family": "Nwosu", "given": ["Sam", "Ada"], "prefix": ["Mx"]}],
        "gender": "female",
        "birthDate": "1961-04-09",
        "address": [{"use": "home", "line": ["4 Quay Street"], "city": "Bristol", "postalCode": "bs14dj"}],
        "contact": [own],
        "generalPractitioner": [{"reference": SENDER}],
    } | changes
    return {name: value for name, value in sent.items() if value is not None}


def rank(value: int) -> Resource:
    """The extension that says whom to call first."""
    return {"url": f"{UK_CORE}/Extension-UKCore-ContactRank", "valuePositiveInt": value}


def flag(category: str, code: str, *, display: str | None = None, status: str = "active") -> Resource:
    """Something to know beforehand, by the standard's category."""
    return {
        "resourceType": "Flag",
        "status": status,
        "category": [concept(category, system="https://fhir.nhs.uk/CodeSystem/flag-categories-bars")],
        "code": concept(code, system="https://fhir.nhs.uk/CodeSystem/codes-bars", display=display),
        "subject": {"reference": PATIENT},
    }


def header(*, event: str, reason: str, destination: str) -> Resource:
    """The first resource of every message."""
    return {
        "resourceType": "MessageHeader",
        "eventCoding": {"system": "https://fhir.nhs.uk/CodeSystem/message-events-bars", "code": event},
        "destination": [{"endpoint": destination, "receiver": {"reference": RECEIVER}}],
        "sender": {"reference": SENDER},
        "source": {"name": "Quay Surgery system", "endpoint": f"{SERVICE}|2000011147"},
        "reason": concept(reason, system="https://fhir.nhs.uk/CodeSystem/message-reason-bars"),
        "focus": [{"reference": REQUEST}],
    }


def request(*, status: str, category: str) -> Resource:
    """The request for service."""
    kinds = "https://fhir.nhs.uk/CodeSystem/message-category-servicerequest"
    return {
        "resourceType": "ServiceRequest",
        "status": status,
        "intent": "plan",
        "category": [concept(category, system=kinds)],
        "basedOn": [{"reference": PLAN}],
        "subject": {"reference": PATIENT},
        "encounter": {"reference": ENCOUNTER},
        "authoredOn": "2024-03-02T23:30:00.1234567+00:00",
        "requester": {"reference": DOCTOR},
        "performer": [{"reference": OFFERED}],
    }


def organisation(name: str, ods_code: str | None) -> Resource:
    """An organisation, in the spelling of the naming system that most senders use."""
    listed = [identifier("https://fhir.nhs.uk/id/ods-organization-code", ods_code)] if ods_code else []
    return {"resourceType": "Organization", "identifier": listed, "name": name}


def care_plan(status: str) -> Resource:
    """What the practice found, in its own words."""
    text = "Would like to talk with somebody who has been through it."
    step = {"outcomeCodeableConcept": [{"text": text}], "reference": {"reference": TASK}}
    about = {"intent": "plan", "subject": {"reference": PATIENT}}
    return {"resourceType": "CarePlan", "status": status, **about, "activity": [step]}


def direct_care() -> Resource:
    """The person's agreement to be referred."""
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": concept("patient-privacy", system="http://terminology.hl7.org/CodeSystem/consentscope"),
        "category": [concept("DRC", system="https://fhir.nhs.uk/CodeSystem/consent-categories-bars")],
        "patient": {"reference": PATIENT},
        "dateTime": "2024-03-01",
        "policyRule": concept("IMPLIED", system="http://terminology.hl7.org/CodeSystem/v3-ActCode"),
    }


def diabetes() -> Resource:
    """The condition the person lives with."""
    code = concept("44054006", display="Type 2 diabetes mellitus") | {"text": "Newly diagnosed"}
    return {"resourceType": "Condition", "code": code, "subject": {"reference": PATIENT}}


SURROUNDINGS: list[tuple[str, Resource]] = [
    (OFFERED, {"resourceType": "HealthcareService", "active": True, "name": "Peer support"}),
    (SENDER, organisation("Quay Surgery", "L81023")),
    (RECEIVER, organisation("Peer support charity", None)),
    (
        DOCTOR,
        {
            "resourceType": "Practitioner",
            "name": [{"family": "Okafor", "given": ["Ngozi"], "prefix": ["Dr"]}],
            "telecom": [{"system": "phone", "value": "0117 496 0999", "use": "work"}],
        },
    ),
    (
        ROLE,
        {
            "resourceType": "PractitionerRole",
            "practitioner": {"reference": DOCTOR},
            "code": [concept("62247001", display="General practitioner")],
        },
    ),
]


def bundle(entries: list[tuple[str, Resource]], version: str | None) -> Resource:
    """The resources as a message."""
    return {
        "resourceType": "Bundle",
        "id": "5f1b0e9c-4a52-4d6e-8f3d-1d2c3b4a5f60",
        "meta": {"versionId": version, "lastUpdated": "2024-03-03T09:00:00+00:00"},
        "type": "message",
        "timestamp": "2024-03-03T09:00:00+00:00",
        "entry": [{"fullUrl": url, "resource": resource} for url, resource in entries],
    }


def referral(
    *,
    event: str = "servicerequest-request",
    reason: str = "new",
    status: str = "active",
    category: str = "referral",
    plan_status: str = "completed",
    encounter_status: str = "finished",
    destination: str = f"{SERVICE}|{SERVICE_VALUE}",
    version: str | None = "1.1.0",
    person: Resource | None = None,
    header_changes: Resource | None = None,
    request_changes: Resource | None = None,
    consent: Resource | None = None,
    flags: list[Resource] | None = None,
) -> Resource:
    """A new referral for peer support, complete and right unless varied."""
    head = header(event=event, reason=reason, destination=destination) | (header_changes or {})
    asked = request(status=status, category=category) | (request_changes or {})
    agreed = consent or direct_care()
    entries: list[tuple[str, Resource]] = [
        (HEADER, head),
        (REQUEST, asked),
        (PATIENT, person or patient()),
        (ENCOUNTER, {"resourceType": "Encounter", "status": encounter_status, "class": {"code": "AMB"}}),
        (PLAN, care_plan(plan_status)),
        *SURROUNDINGS,
        (AGREED, agreed),
        (TASK, {"resourceType": "Task", "status": "requested", "intent": "order"}),
        (DIABETES, diabetes()),
    ]
    entries += [(f"urn:uuid:0b8f7c52-8f0c-4a4e-9a10-{n:012}", sent) for n, sent in enumerate(flags or [])]
    return copy.deepcopy(bundle(entries, version))


def cancellation(
    *,
    reason: str = "update",
    status: str = "revoked",
    category: str = "referral",
    destination: str = f"{SERVICE}|{SERVICE_VALUE}",
    version: str | None = "1.1.0",
    person: Resource | None = None,
    request_changes: Resource | None = None,
) -> Resource:
    """The message that takes a referral back."""
    head = header(event="servicerequest-request", reason=reason, destination=destination)
    asked = request(status=status, category=category) | (request_changes or {})
    entries: list[tuple[str, Resource]] = [
        (HEADER, head),
        (REQUEST, asked),
        (PATIENT, person or patient(contact=None)),
        (SENDER, organisation("Quay Surgery", "L81023")),
        (RECEIVER, organisation("Peer support charity", None)),
    ]
    return bundle(entries, version)


def without(message: Resource, kind: str) -> Resource:
    """The message less its resources of a type."""
    kept = [entry for entry in message["entry"] if entry["resource"]["resourceType"] != kind]
    return message | {"entry": kept}


def doubled(message: Resource, kind: str) -> Resource:
    """The message with its resource of a type sent twice."""
    twice = next(entry for entry in message["entry"] if entry["resource"]["resourceType"] == kind)
    return message | {"entry": [*message["entry"], {**twice, "fullUrl": "urn:uuid:second"}]}
