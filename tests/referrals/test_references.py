"""The short reference: readable, and it notices a slip of the tongue or the finger."""

import re
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.referrals.references import ALPHABET, SPACE, new_reference, parse

numbers = st.integers(min_value=0, max_value=SPACE - 1)


def reference_of(number: int) -> str:
    return new_reference(lambda _: number)


def is_known(text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def test_a_new_reference_has_its_form_and_no_lookalikes_or_vowels() -> None:
    drawn = {new_reference() for _ in range(200)}
    assert len(drawn) > 190, "it is drawn at random"
    for reference in drawn:
        assert re.fullmatch(r"PM-[2-9CFHJKMNPQRTVWXY]{4}-[2-9CFHJKMNPQRTVWXY]{2}", reference)
        assert parse(reference) == reference


def test_the_number_space_is_what_is_said_and_no_two_numbers_share_a_reference() -> None:
    assert SPACE == 6_436_343
    assert reference_of(SPACE - 1) == new_reference(lambda below: below - 1)
    sample = range(0, SPACE, 641)
    assert len({reference_of(number) for number in sample}) == len(sample)
    assert len({reference_of(0), reference_of(SPACE - 1), reference_of(1), reference_of(23**4)}) == 4


@given(numbers)
def test_every_single_wrong_character_is_noticed(number: int) -> None:
    symbols = reference_of(number).removeprefix("PM-").replace("-", "")
    for place, right in enumerate(symbols):
        for wrong in set(ALPHABET) - {right}:
            assert not is_known(symbols[:place] + wrong + symbols[place + 1 :])


def test_every_swap_of_two_different_characters_is_noticed() -> None:
    # Whether a swap shows depends only on the two places and the two characters: try all of them.
    for first in range(6):
        for second in range(first + 1, 6):
            for one, other in permutations(ALPHABET, 2):
                known = next(filter(is_known, _with(first, one, second, other)))
                swapped = list(known)
                swapped[first], swapped[second] = other, one
                assert not is_known("".join(swapped))


def _with(first: int, one: str, second: int, other: str) -> list[str]:
    """All texts of six that have the two characters at their places and differ in one further place."""
    free = next(place for place in range(6) if place not in (first, second))
    texts = []
    for symbol in ALPHABET:
        text = ["7"] * 6
        text[first], text[second], text[free] = one, other, symbol
        texts.append("".join(text))
    return texts


@pytest.mark.parametrize(
    "typed",
    [
        "PM-7K3Q-97",
        "pm-7k3q-97",
        "PM7K3Q97",
        "7K3Q97",
        "7k3q 97",
        " PM 7K3Q 97 ",
        "pm–7k3q–97",
        "PM-7K3O-97",
        "PM-7K30-97",
        "PM-7K3D-97",
    ],
)
def test_a_reference_is_understood_however_it_is_typed(typed: str) -> None:
    assert parse(typed) == "PM-7K3Q-97"


@given(numbers)
def test_characters_that_look_alike_are_read_as_the_one_meant(number: int) -> None:
    reference = reference_of(number)
    body = reference.removeprefix("PM-")
    for meant, lookalikes in {"Q": "O0Dod", "2": "Zz", "5": "Ss", "6": "Gg", "8": "Bb", "V": "Uu"}.items():
        for lookalike in lookalikes:
            assert parse("PM-" + body.replace(meant, lookalike)) == reference


@pytest.mark.parametrize(
    "typed",
    ["", "PM-", "PM-2C4F-3", "PM-7K3Q-977", "XX-7K3Q-97", "PM-7K3Q-91", "PM-7K3Q-９7", "PM-7K3Q-9\x007"],
)
def test_what_is_no_reference_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="reference"):
        parse(typed)


@pytest.mark.parametrize("typed", ["PM-2C4F-22", "PM-2C4F-2", "PM-2C4F-２2"])
def test_a_refusal_does_not_repeat_what_was_typed(typed: str) -> None:
    with pytest.raises(ValueError) as refusal:
        parse(typed)
    assert "2C4F" not in str(refusal.value)
