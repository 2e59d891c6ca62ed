"""From the resources of a message to the referral that any other door would have brought."""

from datetime import date

from app.consents.models import ConsentMethod
from app.core import clock
from app.core.codes import ReferralReason, ReferralSource
from app.fhir.contents import Contents, Found
from app.fhir.demographics import read_person
from app.fhir.elements import CodeableConcept, ContactPoint
from app.fhir.findings import EMAIL, NAME, PHONE, Findings, Kind, is_partial_date
from app.fhir.messages import (
    CarePlan,
    Condition,
    Consent,
    Organization,
    Patient,
    Practitioner,
    PractitionerRole,
    ServiceRequest,
    Task,
)
from app.fhir.needs import read_flags
from app.fhir.words import codes_of, of_concept, of_name, paragraphs, plain
from app.programmes.models import Condition as ProgrammeCondition
from app.referrals.shapes import ConsentToRefer, EligibilityFacts, ReferralCreate, Referrer

# SNOMED CT: type 2 diabetes mellitus; post-COVID-19 syndrome (UK and international).
CONDITIONS = {
    "44054006": ProgrammeCondition.TYPE_2_DIABETES,
    "1325161000000102": ProgrammeCondition.LONG_COVID,
    "1119304009": ProgrammeCondition.LONG_COVID,
}
REASON_LIST = "/CodeSystem/referral-reasons"
REASONS: dict[str | None, ReferralReason] = {str(reason): reason for reason in ReferralReason}
_NEW_DIAGNOSIS = ("newly diagnosed", "new diagnosis", "recently diagnosed")
_NOT_GIVEN = ("rejected", "inactive", "entered-in-error", "draft", "proposed")


def read_referral(
    request: Found[ServiceRequest],
    patient: Found[Patient],
    contents: Contents,
    findings: Findings,
    *,
    lenient_nhs_numbers: bool,
) -> ReferralCreate | None:
    """The referral, or nothing when there are faults; gaps become notes."""
    person = read_person(patient, contents, findings, lenient_nhs_numbers=lenient_nhs_numbers)
    made_on = _made_on(request, contents, findings)
    consent_on = _consent_day(contents, made_on, findings)
    if findings.faults or person is None:
        return None
    codes = codes_of(_asked_about(contents))
    return ReferralCreate(
        source=ReferralSource.GP,
        referrer=_referrer(request, contents, findings),
        made_on=made_on,
        reasons=_reasons(request.resource, contents),
        clinical_reason=_clinical_reason(request.resource, contents),
        needs=_needs(request.resource, contents),
        consent=ConsentToRefer(is_given=True, given_on=consent_on, method=ConsentMethod.ELECTRONIC),
        person=person,
        flags=read_flags(contents, findings),
        facts=EligibilityFacts(condition=next((c for s, c in CONDITIONS.items() if s in codes), None)),
    )


def _made_on(request: Found[ServiceRequest], contents: Contents, findings: Findings) -> date:
    """The day the referral was written, else the day the message was."""
    path = f"{request.path}.authoredOn"
    written = findings.day(request.resource.authored_on, path, "/made_on")
    if written is not None:
        return written
    findings.notes.append("The day on which the referral was made was not sent in full; the message's day stands.")
    sent = Findings().day(contents.head.timestamp, "Bundle.timestamp", "/made_on")
    return sent or clock.today()


def _consent_day(contents: Contents, made_on: date, findings: Findings) -> date:
    """When the person agreed: the date of consent, else the day of referral; a fault if none holds."""
    listed = contents.all(Consent)
    given = [c for c in listed if c.resource.status not in _NOT_GIVEN and not _denies(c.resource)]
    if listed and not given:
        words = "No Consent in force: the person must agree to be referred."
        findings.missing(f"{listed[0].path}.status", words)
    for consent in given[:1]:
        path = f"{consent.path}.dateTime"
        if is_partial_date(consent.resource.date_time):
            findings.notes.append("Only a part of the date of consent was sent; the day of the referral stands.")
        return findings.day(consent.resource.date_time, path, "/consent/given_on") or made_on
    return made_on


def _denies(consent: Consent) -> bool:
    return consent.provision is not None and consent.provision.type == "deny"


def _referrer(request: Found[ServiceRequest], contents: Contents, findings: Findings) -> Referrer:
    """Who asks: the requester, reached directly or through their role, else the organisation's name."""
    pointer = request.resource.requester
    role = contents.pointed_at(pointer, PractitionerRole)
    somebody = contents.pointed_at(role.resource.practitioner if role else pointer, Practitioner)
    if somebody is None:
        organisation = contents.pointed_at(pointer, Organization)
        return Referrer(name=plain(organisation.resource.name, 100) or None if organisation else None)
    if role is None:
        roles = contents.all(PractitionerRole)
        held = (r for r in roles if contents.pointed_at(r.resource.practitioner, Practitioner) == somebody)
        role = next(held, None)
    name = next(filter(None, map(of_name, somebody.resource.name)), None)
    words = [of_concept(code) for code in (role.resource.code if role else [])]
    return Referrer(
        name=_usable(NAME, name),
        role=plain("; ".join(filter(None, words)), 200) or None,
        phone=_point(somebody.resource.telecom, "phone", PHONE, findings),
        email=_point(somebody.resource.telecom, "email", EMAIL, findings),
    )


def _usable(kind: Kind[str], value: str | None) -> str | None:
    return Findings().usable(kind, value, "", "", "")


def _point(points: list[ContactPoint], system: str, kind: Kind[str], findings: Findings) -> str | None:
    sent = [point.value for point in points if point.system == system and point.value]
    usable = next(filter(None, (_usable(kind, value) for value in sent)), None)
    if sent and usable is None:
        findings.notes.append(f"The referrer's {system} was not sent in a form that can be used.")
    return usable


def _asked_about(contents: Contents) -> list[CodeableConcept | None]:
    conditions = [found.resource.code for found in contents.all(Condition)]
    return conditions + [c for found in contents.all(ServiceRequest) for c in found.resource.reason_code]


def _reasons(request: ServiceRequest, contents: Contents) -> list[ReferralReason]:
    """Reasons sent from our own list; without any, newly diagnosed where the words say so, else other."""
    ours = [
        REASONS[coding.code]
        for concept in request.reason_code
        for coding in concept.coding
        if (coding.system or "").endswith(REASON_LIST) and coding.code in REASONS
    ]
    if ours:
        return list(dict.fromkeys(ours))
    tasks = [text for t in contents.all(Task) for text in (of_concept(t.resource.code), t.resource.description)]
    said = " ".join(filter(None, [*map(of_concept, _asked_about(contents)), *tasks])).lower()
    is_new = any(words in said for words in _NEW_DIAGNOSIS)
    return [ReferralReason.NEWLY_DIAGNOSED if is_new else ReferralReason.OTHER]


def _clinical_reason(request: ServiceRequest, contents: Contents) -> str | None:
    conditions = [of_concept(found.resource.code) for found in contents.all(Condition)]
    return paragraphs([*conditions, *map(of_concept, request.reason_code)])


def _needs(request: ServiceRequest, contents: Contents) -> str | None:
    """What the sender wrote: the plan's outcome, what is asked of the service, remarks."""
    texts: list[str | None] = []
    for plan in contents.all(CarePlan):
        texts.append(plan.resource.description)
        for activity in plan.resource.activity:
            texts += map(of_concept, activity.outcome_codeable_concept)
    texts += [found.resource.description for found in contents.all(Task)]
    texts += [note.text for note in request.note]
    return paragraphs(texts)
