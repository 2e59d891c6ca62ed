"""The person in a message, as a referral holds them; gaps are noted for the coordinator, not refused.

Refused are only an NHS number or a birth date that cannot be right, and a person without a name.
"""

import re
from collections.abc import Iterable

from app.core.codes import EthnicCategory, NhsNumberStatus, StatedGender
from app.core.fields import LenientNhsNumber, NhsNumber
from app.fhir.contacts import contact_person, reachable, ways_to
from app.fhir.contents import Contents, Found
from app.fhir.elements import HumanName
from app.fhir.findings import (
    BIRTH_DATE,
    EMAIL,
    LANGUAGE,
    NAME,
    ODS_CODE,
    PHONE,
    POSTCODE,
    Findings,
    Kind,
    is_partial_date,
)
from app.fhir.messages import (
    Organization,
    Patient,
    PractitionerRole,
)
from app.fhir.needs import communication_needs, interpreter_is_flagged
from app.fhir.words import codes_of, extension, plain, same_system, value_of
from app.people.models import PersonDetails

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
ODS_ORGANISATION = "https://fhir.nhs.uk/Id/ods-organization-code"
ETHNIC_LISTS = (
    same_system("https://fhir.hl7.org.uk/CodeSystem/UKCore-EthnicCategory"),
    same_system("https://fhir.hl7.org.uk/CodeSystem/UKCore-EthnicCategoryEngland"),
)
ETHNIC_CATEGORIES = {str(category): category for category in EthnicCategory}
# UK Core's words for the NHS number statuses of the Data Dictionary.
VERIFICATION = {
    "number-present-and-verified": NhsNumberStatus.VERIFIED,
    "number-present-but-not-traced": NhsNumberStatus.NOT_TRACED,
    "trace-required": NhsNumberStatus.TRACE_REQUIRED,
    "trace-attempted-no-match-or-multiple-match-found": NhsNumberStatus.NO_SINGLE_MATCH,
    "trace-needs-to-be-resolved": NhsNumberStatus.CONFLICT,
    "trace-in-progress": NhsNumberStatus.IN_PROGRESS,
    "number-not-present-and-trace-not-required": NhsNumberStatus.NOT_REQUIRED,
    "trace-postponed": NhsNumberStatus.POSTPONED,
} | {str(status): status for status in NhsNumberStatus}
GENDERS = {
    "male": StatedGender.MALE,
    "female": StatedGender.FEMALE,
    "other": StatedGender.INDETERMINATE,
    "unknown": StatedGender.NOT_KNOWN,
}
_STRICT: Kind[str] = Kind(NhsNumber)
_LENIENT: Kind[str] = Kind(LenientNhsNumber)
_NAME_ORDER = ("official", "usual", None, "temp", "anonymous", "nickname")
# In UK Core's list of languages British Sign Language has a code of its own.
_SIGN_LANGUAGE = {"q4": "bfi"}


def read_person(
    found: Found[Patient], contents: Contents, findings: Findings, *, lenient_nhs_numbers: bool
) -> PersonDetails | None:
    """The person, or nothing when a name is missing or wrong; `lenient` leaves the check digit untested."""
    sent, path = found.resource, found.path
    given, family, known_as = _names(found, findings)
    number = nhs_number(found, findings, lenient=lenient_nhs_numbers)
    birth_date = None
    if is_partial_date(sent.birth_date):
        findings.notes.append("Only a part of the birth date was sent.")
    elif sent.birth_date is not None:
        birth_date = findings.needed(BIRTH_DATE, sent.birth_date, f"{path}.birthDate", "/person/birth_date")
    if given is None or family is None:
        return None
    language, needs_interpreter = _language(sent, findings, path)
    lines, postcode = _address(found, findings)
    ways = ways_to(found)
    person = PersonDetails(
        given_name=given,
        family_name=family,
        known_as=known_as,
        nhs_number_status=_number_status(sent),
        birth_date=birth_date,
        stated_gender=_gender(sent, findings),
        ethnic_category=_ethnic_category(sent, findings),
        language=language,
        is_interpreter_needed=needs_interpreter or interpreter_is_flagged(contents),
        address_lines=lines,
        postcode=postcode,
        phone=reachable(ways, ("phone", "sms"), PHONE, "phone", findings),
        email=reachable(ways, ("email",), EMAIL, "email", findings),
        practice_ods_code=_practice(found, contents, findings),
        communication_needs=communication_needs(contents),
        communication_note=contact_person(sent),
    )
    # Put in afterwards: the shape's own check is the strict one.
    return person.model_copy(update={"nhs_number": number})


def nhs_number(found: Found[Patient], findings: Findings, *, lenient: bool) -> str | None:
    """The person's NHS number; a fault when it cannot be one, or when two differ."""
    taken: str | None = None
    for index, identifier in enumerate(found.resource.identifier):
        if same_system(identifier.system) != same_system(NHS_NUMBER) or identifier.value is None:
            continue
        path = f"{found.path}.identifier[{index}].value"
        kind = _LENIENT if lenient else _STRICT
        number = findings.needed(kind, identifier.value, path, "/person/nhs_number")
        if taken is not None and number is not None and number != taken:
            findings.missing(path, "The person has two different NHS numbers in this message.")
        taken = taken or number
    return taken


def _number_status(sent: Patient) -> NhsNumberStatus | None:
    for identifier in sent.identifier:
        said = extension(identifier.extension, "Extension-UKCore-NHSNumberVerificationStatus")
        for code in codes_of([said.value_codeable_concept] if said else []):
            if code in VERIFICATION:
                return VERIFICATION[code]
    return None


def _names(found: Found[Patient], findings: Findings) -> tuple[str | None, str | None, str | None]:
    """Given name, family name and the name used daily; the official name counts before the usual one."""
    in_use = [(i, n) for i, n in enumerate(found.resource.name) if n.use in _NAME_ORDER]
    full = [pair for pair in in_use if pair[1].family and pair[1].given]
    candidates = sorted(full or in_use, key=lambda pair: _NAME_ORDER.index(pair[1].use))
    if not candidates:
        findings.missing(f"{found.path}.name", "Patient.name is needed, with family and given.")
        return None, None, None
    index, name = candidates[0]
    path = f"{found.path}.name[{index}]"
    given = _name_part(name.given, f"{path}.given", "/person/given_name", findings)
    family = _name_part([name.family or ""], f"{path}.family", "/person/family_name", findings)
    return given, family, _known_as(found.resource.name, given)


def _name_part(parts: Iterable[str], path: str, pointer: str, findings: Findings) -> str | None:
    written = " ".join(parts).strip()
    if not written:
        findings.missing(path, f"Patient.name.{path.rpartition('.')[2]} is needed.")
        return None
    return findings.needed(NAME, written, path, pointer)


def _known_as(names: list[HumanName], given: str | None) -> str | None:
    for use in ("nickname", "usual"):
        for name in names:
            said = plain(" ".join(name.given), 100)
            if name.use == use and said and said != given:
                return said
    return None


def _gender(sent: Patient, findings: Findings) -> StatedGender | None:
    if sent.gender is not None and sent.gender not in GENDERS:
        findings.notes.append("The gender was sent in a form that is not FHIR's.")
    return GENDERS.get(sent.gender or "")


def _ethnic_category(sent: Patient, findings: Findings) -> EthnicCategory | None:
    """The national letter; a finer code of the older list (CA, PB) counts as its letter."""
    said = extension(sent.extension, "Extension-UKCore-EthnicCategory")
    if said is None or said.value_codeable_concept is None:
        return None
    for coding in said.value_codeable_concept.coding:
        code = coding.code or ""
        letter = code[:1] if re.fullmatch("[A-Z][A-Z0-9]", code) else code
        if same_system(coding.system) in ETHNIC_LISTS and letter in ETHNIC_CATEGORIES:
            return ETHNIC_CATEGORIES[letter]
    findings.notes.append("The ethnic category sent is not on the list for England.")
    return None


def _language(sent: Patient, findings: Findings, path: str) -> tuple[str | None, bool]:
    """The preferred language and whether an interpreter is needed, in either of UK Core's two ways."""
    spoken = sorted(sent.communication, key=lambda c: not c.preferred)
    held = [sent.extension, *(c.extension for c in spoken)]
    said = [e for e in (extension(h, "Extension-UKCore-NHSCommunication") for h in held) if e is not None]
    flat = [e for group in (*held, *(s.extension for s in said)) for e in group]
    needs_interpreter = any(
        e.value_boolean is True for e in flat if (e.url or "").lower().endswith("interpreterrequired")
    )
    parts = [extension(s.extension, "language") for s in said]
    concepts = [c.language for c in spoken] + [p.value_codeable_concept for p in parts if p is not None]
    codes = [coding.code for concept in concepts if concept for coding in concept.coding if coding.code]
    if not codes:
        return None, needs_interpreter
    code = _SIGN_LANGUAGE.get(codes[0].lower(), codes[0].split("-")[0])
    note = "The language was sent with a code that is not known here."
    return (
        findings.usable(LANGUAGE, code, f"{path}.communication", "/person/language", note),
        needs_interpreter,
    )


def _address(found: Found[Patient], findings: Findings) -> tuple[list[str], str | None]:
    listed = [(i, a) for i, a in enumerate(found.resource.address) if a.use != "old"]
    if not listed:
        return [], None
    index, address = min(listed, key=lambda pair: pair[1].use != "home")
    path = f"{found.path}.address[{index}]"
    parts = [*address.line, address.city or "", address.district or ""]
    lines = [line for line in (plain(part, 200) for part in parts) if line]
    if not lines and address.text:
        lines = [plain(address.text, 200)]
    if len(lines) > 5:
        lines = [*lines[:4], plain(", ".join(lines[4:]), 200)]
    postcode = findings.usable(
        POSTCODE,
        address.postal_code,
        f"{path}.postalCode",
        "/person/postcode",
        "The postcode sent has not the form of a postcode.",
    )
    return [line for line in lines if line], postcode


def _practice(found: Found[Patient], contents: Contents, findings: Findings) -> str | None:
    """The ODS code of the person's practice."""
    for index, reference in enumerate(found.resource.general_practitioner):
        role = contents.pointed_at(reference, PractitionerRole)
        pointer = role.resource.organization if role and role.resource.organization else reference
        practice = contents.pointed_at(pointer, Organization)
        named = [pointer.identifier] if pointer.identifier else []
        listed = [*(practice.resource.identifier if practice else []), *named]
        code = value_of(listed, ODS_ORGANISATION)
        if code is not None:
            path = f"{found.path}.generalPractitioner[{index}]"
            note = "The practice was sent with a code that is not an ODS code."
            return findings.usable(ODS_CODE, code, path, "/person/practice_ods_code", note)
    return None
