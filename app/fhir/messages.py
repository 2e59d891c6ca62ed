"""The resources of a referral message, with what we read of each."""

from typing import Any

from pydantic import Field

from app.fhir.elements import (
    Address,
    Annotation,
    CodeableConcept,
    Coding,
    ContactPoint,
    Element,
    Extended,
    HumanName,
    Identifier,
    Reference,
)


class Resource(Extended):
    """Any resource of the message."""

    id: str | None = None


class Destination(Element):
    """To which service the message goes."""

    endpoint: str | None = None
    receiver: Reference | None = None


class Source(Element):
    """From where the message comes, and where an answer would go."""

    name: str | None = None
    endpoint: str | None = None


class Response(Element):
    """Which earlier message this one answers."""

    identifier: str | None = None


class MessageHeader(Resource):
    """What the message is, from whom and to whom."""

    event_coding: Coding | None = None
    destination: list[Destination] = Field(default_factory=list)
    sender: Reference | None = None
    source: Source | None = None
    reason: CodeableConcept | None = None
    response: Response | None = None
    focus: list[Reference] = Field(default_factory=list)


class ServiceRequest(Resource):
    """The referral itself."""

    identifier: list[Identifier] = Field(default_factory=list)
    status: str | None = None
    category: list[CodeableConcept] = Field(default_factory=list)
    subject: Reference | None = None
    authored_on: str | None = None
    requester: Reference | None = None
    reason_code: list[CodeableConcept] = Field(default_factory=list)
    note: list[Annotation] = Field(default_factory=list)


class Communication(Extended):
    """A language somebody can be spoken to in."""

    language: CodeableConcept | None = None
    preferred: bool | None = None


class Contact(Extended):
    """Whom to call: the person under one of their numbers, or somebody close."""

    relationship: list[CodeableConcept] = Field(default_factory=list)
    name: HumanName | None = None
    telecom: list[ContactPoint] = Field(default_factory=list)


class Patient(Resource):
    """The person who is referred."""

    identifier: list[Identifier] = Field(default_factory=list)
    name: list[HumanName] = Field(default_factory=list)
    telecom: list[ContactPoint] = Field(default_factory=list)
    gender: str | None = None
    birth_date: str | None = None
    deceased_boolean: bool | None = None
    deceased_date_time: str | None = None
    address: list[Address] = Field(default_factory=list)
    contact: list[Contact] = Field(default_factory=list)
    communication: list[Communication] = Field(default_factory=list)
    general_practitioner: list[Reference] = Field(default_factory=list)


class Encounter(Resource):
    """The contact from which the referral came."""

    status: str | None = None


class CarePlanActivity(Element):
    """A step of the plan, with what came of it."""

    outcome_codeable_concept: list[CodeableConcept] = Field(default_factory=list)


class CarePlan(Resource):
    """What the sender found and planned."""

    status: str | None = None
    description: str | None = None
    activity: list[CarePlanActivity] = Field(default_factory=list)


class Task(Resource):
    """What is asked of the service."""

    code: CodeableConcept | None = None
    description: str | None = None


class Condition(Resource):
    """What the person lives with."""

    code: CodeableConcept | None = None


class Flag(Resource):
    """Something to know before meeting the person."""

    status: str | None = None
    category: list[CodeableConcept] = Field(default_factory=list)
    code: CodeableConcept | None = None


class Organization(Resource):
    """A practice, a provider."""

    identifier: list[Identifier] = Field(default_factory=list)
    name: str | None = None


class Practitioner(Resource):
    """Somebody at the practice."""

    name: list[HumanName] = Field(default_factory=list)
    telecom: list[ContactPoint] = Field(default_factory=list)


class PractitionerRole(Resource):
    """In which role somebody works where."""

    practitioner: Reference | None = None
    organization: Reference | None = None
    code: list[CodeableConcept] = Field(default_factory=list)


class HealthcareService(Resource):
    """The service that is asked."""


class Provision(Element):
    """What a consent permits or denies."""

    type: str | None = None


class Consent(Resource):
    """The person's agreement."""

    status: str | None = None
    date_time: str | None = None
    provision: Provision | None = None


class Meta(Element):
    """About the message itself."""

    version_id: str | None = None


class BundleHead(Element):
    """The message around its entries."""

    id: str | None = None
    type: str | None = None
    meta: Meta | None = None
    timestamp: str | None = None


class EntryHead(Element):
    """The envelope of one resource."""

    full_url: str | None = None
    resource: dict[str, Any] | None = None


RESOURCES: dict[str, type[Resource]] = {
    kind.__name__: kind
    for kind in (
        MessageHeader,
        ServiceRequest,
        Patient,
        Encounter,
        CarePlan,
        Task,
        Condition,
        Flag,
        Organization,
        Practitioner,
        PractitionerRole,
        HealthcareService,
        Consent,
    )
}
