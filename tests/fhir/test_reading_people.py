"""The person in a message: what is kept, what is noted as a gap, what is refused."""

from datetime import date
from typing import Any

import pytest

from app.core.codes import CommunicationNeed, EthnicCategory, NhsNumberStatus, StatedGender
from app.people.models import PersonDetails
from tests.fhir.messages import (
    HUMAN_LANGUAGE,
    UK_CORE,
    concept,
    flag,
    identifier,
    number,
    patient,
    rank,
    referral,
)
from tests.fhir.reading import faults, taken

ETHNIC = "https://fhir.hl7.org.uk/CodeSystem/UKCore-EthnicCategory"
WHO = "Bundle.entry[2].resource"


def person(**changes: Any) -> PersonDetails:
    """The person as read from a message with these changes."""
    return taken(referral(person=patient(**changes))).referral.person


def notes(**changes: Any) -> tuple[str, ...]:
    """What a coordinator is asked to complete."""
    return taken(referral(person=patient(**changes))).notes


def test_a_complete_person_is_read_whole() -> None:
    read = person()
    assert read.nhs_number_status is NhsNumberStatus.VERIFIED
    assert read.birth_date == date(1961, 4, 9)
    assert read.stated_gender is StatedGender.FEMALE
    assert (read.address_lines, read.postcode) == (["4 Quay Street", "Bristol"], "BS1 4DJ")
    assert (read.phone, read.email) == ("+447700900123", "sam@example.org")
    assert read.practice_ods_code == "L81023"


def test_a_person_without_nhs_number_is_taken() -> None:
    assert person(nhs_number=None).nhs_number is None


def test_an_nhs_number_with_a_wrong_check_digit_is_refused_without_repeating_it() -> None:
    message = referral(person=patient(nhs_number="3478526985"))
    assert faults(message) == [(400, "value", f"{WHO}.identifier[0].value")]
    read = taken(message, lenient=True)
    assert read.referral.person.nhs_number == "3478526985"


@pytest.mark.parametrize("sent", ["12345", "999 000 00", "９９９００００１８", "0000000000"])
def test_what_is_no_nhs_number_is_refused_even_when_lenient(sent: str) -> None:
    message = referral(person=patient(nhs_number=sent))
    assert faults(message) == [(400, "value", f"{WHO}.identifier[0].value")]


def test_two_nhs_numbers_in_one_message_are_refused() -> None:
    both = [number("9990000018"), number("9990000026")]
    path = f"{WHO}.identifier[1].value"
    assert faults(referral(person=patient(identifier=both))) == [(400, "invariant", path)]
    same = [number("9990000018"), identifier("http://fhir.nhs.uk/id/NHS-Number", "999 000 0018")]
    assert person(identifier=same).nhs_number == "9990000018"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("02", NhsNumberStatus.NOT_TRACED),
        ("number-present-but-not-traced", NhsNumberStatus.NOT_TRACED),
        ("nonsense", None),
    ],
)
def test_the_status_of_the_number_is_read_in_both_lists(sent: str, kept: NhsNumberStatus | None) -> None:
    assert person(identifier=[number("9990000018", sent)]).nhs_number_status == kept


def test_the_official_name_counts_and_the_usual_one_is_what_they_are_called() -> None:
    names = [
        {"use": "old", "family": "Smith", "given": ["Sam"]},
        {"use": "usual", "family": "Nwosu", "given": ["Sammy"]},
        {"use": "official", "family": "O’Neill-Nwosu", "given": ["Samantha", None, "Ada"]},
    ]
    read = person(name=names)
    assert (read.given_name, read.family_name) == ("Samantha Ada", "O’Neill-Nwosu")
    assert read.known_as == "Sammy"


@pytest.mark.parametrize(
    ("names", "paths"),
    [
        ([], [f"{WHO}.name"]),
        ([{"use": "old", "family": "Nwosu", "given": ["Sam"]}], [f"{WHO}.name"]),
        ([{"text": "Sam Nwosu"}], [f"{WHO}.name[0].given", f"{WHO}.name[0].family"]),
        ([{"family": "Nwosu"}], [f"{WHO}.name[0].given"]),
    ],
)
def test_a_person_without_a_name_is_refused(names: list[Any], paths: list[str]) -> None:
    assert faults(referral(person=patient(name=names))) == [(400, "invariant", path) for path in paths]


def test_a_name_with_control_characters_is_refused() -> None:
    message = referral(person=patient(name=[{"family": "Nwo\x00su", "given": ["Sam"]}]))
    assert faults(message) == [(400, "value", f"{WHO}.name[0].family")]


@pytest.mark.parametrize("sent", ["1961", "1961-04"])
def test_a_part_of_a_birth_date_is_noted_not_guessed(sent: str) -> None:
    assert person(birthDate=sent).birth_date is None
    assert notes(birthDate=sent) == ("Only a part of the birth date was sent.",)


@pytest.mark.parametrize("sent", ["2999-01-01", "1961-02-30", "09/04/1961", "1850-01-01"])
def test_a_birth_date_that_cannot_be_is_refused(sent: str) -> None:
    assert faults(referral(person=patient(birthDate=sent))) == [(400, "value", f"{WHO}.birthDate")]


@pytest.mark.parametrize(
    ("system", "code", "kept"),
    [
        (ETHNIC, "A", EthnicCategory.WHITE_BRITISH),
        (ETHNIC, "CA", EthnicCategory.WHITE_OTHER),
        (f"{ETHNIC}England", "Z", EthnicCategory.NOT_STATED),
        (f"{ETHNIC}England", "99", EthnicCategory.NOT_KNOWN),
        (f"{ETHNIC}Scotland", "1A", None),
        (ETHNIC, "Q", None),
    ],
)
def test_ethnic_categories_of_either_list_become_the_national_letter(
    system: str, code: str, kept: EthnicCategory | None
) -> None:
    said = {"url": f"{UK_CORE}/Extension-UKCore-EthnicCategory"}
    extension = [said | {"valueCodeableConcept": concept(code, system=system)}]
    assert person(extension=extension).ethnic_category == kept
    assert bool(notes(extension=extension)) == (kept is None)


def test_gaps_in_contact_data_are_noted_and_the_referral_is_taken() -> None:
    contact = [{"telecom": [{"system": "phone", "value": "ring the shop"}]}]
    address = [{"postalCode": "nowhere", "text": "4 Quay Street"}]
    read = person(contact=contact, address=address, gender="F", generalPractitioner=None)
    assert (read.phone, read.postcode, read.stated_gender, read.practice_ods_code) == (None,) * 4
    assert read.address_lines == ["4 Quay Street"]
    assert len(notes(contact=contact, address=address, gender="F")) == 3


def test_a_practice_may_be_named_by_its_code_alone() -> None:
    ods = "https://fhir.nhs.uk/Id/ods-organization-code"
    assert person(generalPractitioner=[{"identifier": identifier(ods, "l81023")}]).practice_ods_code == "L81023"
    assert notes(generalPractitioner=[{"identifier": identifier(ods, "the surgery")}])


def test_a_long_address_keeps_five_lines() -> None:
    lines = person(address=[{"line": ["1", "2", "3", "4", "5"], "city": "6", "district": "7"}]).address_lines
    assert lines == ["1", "2", "3", "4", "5, 6, 7"]


def test_somebody_else_ranked_first_is_named_in_a_note_not_taken_for_the_person() -> None:
    daughter = {
        "extension": [rank(1)],
        "relationship": [{"text": "Daughter"}],
        "name": {"given": ["Ife"], "family": "Nwosu"},
        "telecom": [{"system": "phone", "value": "07700 900456"}],
    }
    read = person(contact=[daughter], telecom=[{"system": "phone", "value": "07700 900789"}])
    assert read.phone == "+447700900789"
    assert read.communication_note == "Call first: Ife Nwosu, Daughter, 07700 900456"


def test_whom_to_call_first_may_have_no_name() -> None:
    carer = {"extension": [rank(1)], "relationship": [{"text": "Carer"}]}
    assert person(contact=[carer]).communication_note == "Call first: a contact person, Carer"


@pytest.mark.parametrize(("code", "kept"), [("so", "so"), ("en-GB", "en"), ("q4", "bfi"), ("x!", None)])
def test_the_preferred_language_is_kept(code: str, kept: str | None) -> None:
    spoken = [
        {"language": concept("fr", system=HUMAN_LANGUAGE)},
        {"language": concept(code, system=HUMAN_LANGUAGE), "preferred": True},
    ]
    assert person(communication=spoken).language == kept


@pytest.mark.parametrize("place", ["extension", "communication"])
def test_the_need_of_an_interpreter_is_read_wherever_it_stands(place: str) -> None:
    language = {"url": "language", "valueCodeableConcept": concept("so", system=HUMAN_LANGUAGE)}
    said = {
        "url": f"{UK_CORE}/Extension-UKCore-NHSCommunication",
        "extension": [language, {"url": "interpreterRequired", "valueBoolean": True}],
    }
    changes = {"extension": [said]} if place == "extension" else {"communication": [{"extension": [said]}]}
    read = person(**changes)
    assert (read.language, read.is_interpreter_needed) == ("so", True)


def test_interpreter_and_adjustments_are_read_from_flags_too() -> None:
    flags = [flag("RA", "britishsignlanguageinterpreterneeded"), flag("RA", "requiresinformationineasyread")]
    read = taken(referral(flags=flags)).referral.person
    assert read.is_interpreter_needed
    assert set(read.communication_needs) == {CommunicationNeed.BSL_INTERPRETER, CommunicationNeed.EASY_READ}
    in_words = [{"resourceType": "Flag", "code": {"text": "Somali interpreter needed"}}]
    assert taken(referral(flags=in_words)).referral.person.is_interpreter_needed
    assert not person().is_interpreter_needed
