"""The dictionary between the charity and the NHS."""

import re
from enum import StrEnum

import pytest

from app.core import codes
from app.core.terms import CodeList, terms

LISTS = [
    found
    for found in vars(codes).values()
    if isinstance(found, type) and issubclass(found, StrEnum) and len(found) and found.__module__ == codes.__name__
]


def codes_of(key: str) -> dict[str, str | None]:
    [found] = [entry for entry in terms().code_lists if entry.key == key]
    return {term.code: term.nhs_code for term in found.codes}


@pytest.mark.parametrize("enum", LISTS, ids=lambda enum: enum.__name__)
def test_every_coded_list_is_explained_code_by_code_in_both_words(enum: type[codes.Code]) -> None:
    key = re.sub(r"(?<!^)(?=[A-Z])", "_", enum.__name__).lower()
    found: list[CodeList] = [entry for entry in terms().code_lists if entry.key == key]
    assert len(found) == 1
    assert found[0].description
    assert [term.code for term in found[0].codes] == [entry.value for entry in enum]
    for term in found[0].codes:
        assert term.label.strip()
        assert term.nhs_label.strip()
        assert len(term.code) <= 40, "coded columns hold forty characters"
    assert len({term.label for term in found[0].codes}) == len(enum), "no two codes look the same in a form"


def test_there_are_lists_to_explain_and_nothing_else_is_listed() -> None:
    assert len(LISTS) == 19
    assert len(terms().code_lists) == len(LISTS)


def test_all_forty_concepts_have_both_labels_and_a_note() -> None:
    concepts = terms().concepts
    assert len({concept.key for concept in concepts}) == 40
    for concept in concepts:
        assert re.fullmatch(r"[a-z_]+", concept.key)
        assert concept.label
        assert concept.nhs_label
        assert concept.note.endswith(".")


def test_the_words_differ_where_the_two_worlds_speak_differently() -> None:
    words = {concept.key: (concept.label, concept.nhs_label) for concept in terms().concepts}
    assert words["no_show"] == ("No-show", "DNA (did not attend)")
    assert words["level"] == ("Level", "PAM level")


def test_the_states_of_a_higher_slice_are_explained_when_it_hands_them_in() -> None:
    class PairState(codes.Code):
        """Where a pair stands."""

        OFFERED = "offered", "Asked", "Allocation proposed"

    added = terms(PairState).code_lists[-1]
    assert (added.key, added.description, added.codes[0].nhs_label) == (
        "pair_state",
        "Where a pair stands.",
        "Allocation proposed",
    )


def test_the_national_lists_have_the_codes_of_the_data_dictionary() -> None:
    assert "".join(codes_of("ethnic_category")) == "ABCDEFGHJKLMNPRSZ99"
    assert list(codes_of("nhs_number_status")) == [f"0{number}" for number in range(1, 9)]
    assert set(codes_of("gender_identity")) == set("1234XZ")
    assert set(codes_of("stated_gender")) == set("129X")
    assert list(codes_of("attendance_code")) == ["5", "6", "7", "2", "3", "4", "0"]
    mechanisms = ["01", "02", "04", "05", "09", "10", "11", "12", "13", "98"]
    assert list(codes_of("consultation_mechanism")) == mechanisms
    assert list(codes_of("disability_code")) == [f"{number:02}" for number in range(1, 11)] + [
        "XX",
        "NN",
        "ZZ",
    ]


def test_our_own_codes_are_mapped_to_national_ones_that_exist() -> None:
    modes = codes_of("meeting_mode")
    assert modes == {"face_to_face": "01", "telephone": "02", "video": "11", "text": "09"}
    assert set(modes.values()) <= set(codes_of("consultation_mechanism"))
    declined = codes_of("decline_reason")
    assert (declined["duplicate"], declined["inappropriate"], declined["incomplete"]) == ("01", "02", "03")
    assert declined["declined_by_person"] is None


def test_a_mentor_has_seven_modules_to_learn() -> None:
    assert len(codes_of("training_module")) == 7


def test_a_communication_need_belongs_to_one_of_the_four_groups_of_the_standard() -> None:
    groups = {need.nhs_label.partition(":")[0] for need in codes.CommunicationNeed}
    assert groups == {
        "Contact method",
        "Information format",
        "Communication professional",
        "Communication support",
    }
