"""A GP system's message read: a new referral, a cancellation, or why it is neither, fault by fault.

Pure: nothing is looked up. Refused is what the standard's message definitions, its table of workflows, the
destination and the version forbid, and what would be wrong to keep; not every element it wishes for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.fhir.contents import Contents, Found, open_bundle
from app.fhir.demographics import ODS_ORGANISATION, nhs_number
from app.fhir.findings import Findings
from app.fhir.mapping import read_referral
from app.fhir.messages import MessageHeader, Organization, Patient, ServiceRequest
from app.fhir.outcomes import Fault, Refusal
from app.fhir.words import Key, key, plain, value_of
from app.fhir.workflow import CANCELLATION, REFERRAL, Step, check_counts, check_referral, step_of
from app.referrals.shapes import ReferralCreate

VERSIONS = frozenset(
    {"1.0.0-alpha", "1.0.0-beta", "1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"},
)
"""`Bundle.meta.versionId` taken: the editions of the referral application that share these two messages."""

_HEADER = "Bundle.entry[0].resource"


@dataclass(frozen=True)
class Sender:
    """What a message says of where it comes from; kept, not compared."""

    name: str | None
    ods_code: str | None
    return_address: str | None


@dataclass(frozen=True)
class NewReferral:
    """A referral to receive; programme and organisation are still to be filled in."""

    referral: ReferralCreate
    destination: Key
    bundle_id: str | None
    identifiers: tuple[Key, ...]
    """The sender's identifiers of the request, by which a cancellation may name it."""
    sender: Sender
    notes: tuple[str, ...]
    """What a coordinator should complete or ask for; without anything that was sent."""
    origins: Mapping[str, str]
    """From which element each field was read: JSON pointer into the referral → FHIRPath."""
    path: str
    """FHIRPath of the request, for saying what stands against it."""


@dataclass(frozen=True)
class Cancellation:
    """A referral to withdraw, named by our id, an identifier, or correlation id with NHS number."""

    destination: Key
    bundle_id: str | None
    referral_id: UUID | None
    identifiers: tuple[Key, ...]
    nhs_number: str | None
    reason: str
    sender: Sender
    path: str
    """FHIRPath of the request, for saying what stands against it."""


def read_message(
    message: Any, target: Key, *, lenient_nhs_numbers: bool = False
) -> NewReferral | Cancellation | Refusal:
    """A parsed message, sent to the service in `target`; never raises, whatever the message is.

    `lenient_nhs_numbers` takes NHS numbers whose check digit is wrong, as in the national samples.
    """
    findings = Findings()
    if not isinstance(message, dict) or message.get("resourceType") != "Bundle":
        findings.missing("Bundle", "The body must be a Bundle.")
        return _refused(findings)
    contents = open_bundle(message, findings.faults)
    _check_version(contents, findings)
    header = _header(contents, findings)
    if header is None or not _is_request(header, findings):
        return _refused(findings)
    _check_destination(header, target, findings)
    _check_references(header, contents, findings)
    step = step_of(header, contents, findings.faults)
    if step is None:
        return _refused(findings)
    return _read_step(step, contents, header, target, findings, lenient_nhs_numbers)


def unknown_referral(cancellation: Cancellation) -> Refusal:
    """The answer to a cancellation of something that was never referred here, or not by this sender."""
    words = "The referral this request relates to does not exist."
    return Refusal((Fault(400, "invariant", words, (cancellation.path,)),))


def _refused(findings: Findings) -> Refusal:
    """All faults at once; but one of another status, such as a version not taken, stands alone."""
    alone = next((fault for fault in findings.faults if fault.status != 400), None)
    return Refusal((alone,) if alone else tuple(findings.faults))


def _check_version(contents: Contents, findings: Findings) -> None:
    version = contents.head.meta.version_id if contents.head.meta else None
    path = "Bundle.meta.versionId"
    if contents.head.type != "message":
        findings.missing("Bundle.type", "Bundle.type must be message.")
    if not version:
        findings.missing(path, "Bundle.meta.versionId is needed: the version of the referral application.")
    elif version not in VERSIONS:
        words = f"This version is not taken here; taken are {', '.join(sorted(VERSIONS))}."
        findings.faults.append(Fault(422, "not-supported", words, (path,)))


def _header(contents: Contents, findings: Findings) -> MessageHeader | None:
    if not contents.kinds or contents.kinds[0] != ("MessageHeader", _HEADER):
        findings.missing(_HEADER, "The first entry must be the MessageHeader.")
        return None
    found = contents.first(MessageHeader)
    return found.resource if found is not None and found.path == _HEADER else None


def _is_request(header: MessageHeader, findings: Findings) -> bool:
    """Only requests for service are taken: answers find nothing that we asked, bookings no diary."""
    event = header.event_coding.code if header.event_coding else None
    path = f"{_HEADER}.eventCoding"
    if event == "servicerequest-response":
        if header.response is None or not header.response.identifier:
            findings.missing(f"{_HEADER}.response", "A response must name the message it answers.")
        else:
            words = "No message with this identifier was sent from here."
            findings.faults.append(Fault(404, "not-found", words, (f"{_HEADER}.response.identifier",)))
    elif event in ("booking-request", "booking-response"):
        words = "Bookings are not taken here; send a servicerequest-request."
        findings.faults.append(Fault(400, "not-supported", words, (path,)))
    elif event != "servicerequest-request":
        findings.missing(path, "MessageHeader.eventCoding must be servicerequest-request.")
    return event == "servicerequest-request"


def _check_destination(header: MessageHeader, target: Key, findings: Findings) -> None:
    """One destination must be the service that the request's own header names."""
    if not header.destination:
        findings.missing(f"{_HEADER}.destination", "MessageHeader.destination is needed.")
        return
    named = []
    for destination in header.destination:
        system, _, value = (destination.endpoint or "").rpartition("|")
        named.append(key(system, value))
    if target not in named:
        words = "The destination is not the service named by NHSD-Target-Identifier."
        findings.faults.append(Fault(400, "value", words, (f"{_HEADER}.destination[0].endpoint",)))


def _check_references(header: MessageHeader, contents: Contents, findings: Findings) -> None:
    """What the message is about, and who is referred, must be in it."""
    for index, focus in enumerate(header.focus):
        if contents.is_dangling(focus, ServiceRequest):
            words = "MessageHeader.focus must point to the ServiceRequest of this message."
            findings.missing(f"{_HEADER}.focus[{index}].reference", words)
    for request in contents.all(ServiceRequest)[:1]:
        if request.resource.subject is None:
            findings.missing(f"{request.path}.subject", "ServiceRequest.subject is needed.")
        elif contents.is_dangling(request.resource.subject, Patient):
            words = "ServiceRequest.subject must point to the Patient of this message."
            findings.missing(f"{request.path}.subject.reference", words)


def _read_step(
    step: Step,
    contents: Contents,
    header: MessageHeader,
    target: Key,
    findings: Findings,
    lenient_nhs_numbers: bool,
) -> NewReferral | Cancellation | Refusal:
    is_referral = step is Step.REFER
    findings.faults += check_counts(contents, REFERRAL if is_referral else CANCELLATION)
    if is_referral:
        findings.faults += check_referral(contents)
    request, patient = contents.first(ServiceRequest), contents.first(Patient)
    if request is None or patient is None:
        return _refused(findings)
    sender = _sender(header, contents)
    bundle_id = plain(contents.head.id, 200) or None
    identifiers = _identifiers(request)
    if not is_referral:
        number = nhs_number(patient, findings, lenient=lenient_nhs_numbers)
        our_id, reason = _uuid(request.resource.id), _reason(request.resource)
        if findings.faults:
            return _refused(findings)
        return Cancellation(target, bundle_id, our_id, identifiers, number, reason, sender, request.path)
    referral = read_referral(request, patient, contents, findings, lenient_nhs_numbers=lenient_nhs_numbers)
    if referral is None or findings.faults:
        return _refused(findings)
    notes, origins = tuple(dict.fromkeys(findings.notes)), findings.origins
    return NewReferral(referral, target, bundle_id, identifiers, sender, notes, origins, request.path)


def _sender(header: MessageHeader, contents: Contents) -> Sender:
    organisation = contents.pointed_at(header.sender, Organization)
    source = header.source
    listed = organisation.resource.identifier if organisation else []
    return Sender(
        name=plain(source.name if source else None, 200) or None,
        ods_code=value_of(listed, ODS_ORGANISATION),
        return_address=plain(source.endpoint if source else None, 400) or None,
    )


def _identifiers(request: Found[ServiceRequest]) -> tuple[Key, ...]:
    listed = (key(i.system, i.value) for i in request.resource.identifier)
    return tuple(dict.fromkeys(found for found in listed if found is not None))


def _uuid(value: str | None) -> UUID | None:
    try:
        return UUID(value or "")
    except ValueError:
        return None


def _reason(request: ServiceRequest) -> str:
    if request.status == "entered-in-error":
        return "Entered in error by the sender."
    return "Revoked by the sender."
