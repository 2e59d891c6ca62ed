"""NHS numbers, ODS codes, postcodes, phone numbers, addresses and languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import fields
from app.core.fields import nhs_number_is_valid
from tests.core.taking import refusal, taken


@pytest.mark.parametrize("written", ["9434765919", "943 476 5919", "943-476-5919", " 943\u00a0476\u00a05919 "])
def test_an_nhs_number_is_kept_as_ten_digits(written: str) -> None:
    assert taken(fields.NhsNumber, written) == "9434765919"
    assert taken(fields.NhsNumber, "9434765870") == "9434765870"


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("9434765918", "nhs_number_check_digit"),
        ("4943765919", "nhs_number_check_digit"),
        ("3478526985", "nhs_number_check_digit"),
        ("943476591", "nhs_number_form"),
        ("94347659190", "nhs_number_form"),
        ("943476591X", "nhs_number_form"),
        ("９４３４７６５９１９", "nhs_number_form"),
        ("٩٤٣٤٧٦٥٩١٩", "nhs_number_form"),
        ("0000000000", "nhs_number_all_alike"),
        ("1111111111", "nhs_number_all_alike"),
        (9434765919, "text_type"),
    ],
)
def test_what_is_no_nhs_number_is_refused(written: object, code: str) -> None:
    assert refusal(fields.NhsNumber, written) == code


@given(st.integers(min_value=0, max_value=999_999_999))
def test_of_ten_check_digits_at_most_one_fits_and_none_where_it_would_be_ten(first_nine: int) -> None:
    front = f"{first_nine:09}"
    fitting = [digit for digit in "0123456789" if nhs_number_is_valid(front + digit)]
    remainder = sum(int(digit) * (10 - place) for place, digit in enumerate(front)) % 11
    if len(set(front)) > 1:
        assert fitting == ([] if remainder == 1 else [str((11 - remainder) % 11)])


def test_an_nhs_number_is_checked_as_typed_too() -> None:
    assert nhs_number_is_valid("9434765919")
    for wrong in ("0000000000", "943 476 5919", "９４３４７６５９１９", "943476591", "9434765919\n", ""):
        assert not nhs_number_is_valid(wrong)


def test_where_a_programme_is_lenient_only_the_check_digit_is_forgiven() -> None:
    assert taken(fields.LenientNhsNumber, "347 852 6985") == "3478526985"
    assert refusal(fields.LenientNhsNumber, "7777777777") == "nhs_number_all_alike"
    assert refusal(fields.LenientNhsNumber, "347852698") == "nhs_number_form"


def test_an_ods_code_is_kept_in_capitals() -> None:
    assert taken(fields.OdsCode, " l81023 ") == "L81023"
    for wrong in ("L 81023", "L81-023", "ß81023", "Ｌ81023"):
        assert refusal(fields.OdsCode, wrong) == "ods_code_form"
    assert refusal(fields.OdsCode, "L810230000") == "text_too_long"
    assert refusal(fields.OdsCode, "") == "text_empty"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("SW1A 1AA", "SW1A 1AA"),
        ("sw1a1aa", "SW1A 1AA"),
        ("LS14JL", "LS1 4JL"),
        ("PE8  5HZ", "PE8 5HZ"),
        ("gir0aa", "GIR 0AA"),
        ("ZZ993VZ", "ZZ99 3VZ"),
        ("ZZ99 3WZ", "ZZ99 3WZ"),
        ("BS1\u00a04DJ", "BS1 4DJ"),
        ("M1 1AE", "M1 1AE"),
    ],
)
def test_a_postcode_is_kept_with_one_space(written: str, kept: str) -> None:
    assert taken(fields.Postcode, written) == kept


@pytest.mark.parametrize(
    "written", ["CF10", "CF10 4D", "1BS 4DJ", "ＢＳ1 4DJ", "BS1-4DJ", "BS１ 4DJ", "90210", "ﬀ1 1AA"]
)
def test_what_is_no_postcode_is_refused(written: str) -> None:
    assert refusal(fields.Postcode, written) == "postcode_form"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("07700 900123", "+447700900123"),
        ("+44 (0)7700 900123", "+447700900123"),
        ("0044 7700 900123", "+447700900123"),
        ("(0117) 496-0123", "+441174960123"),
        ("\u202a07700\u00a0900123\u202c", "+447700900123"),
        ("+353 1 234 5678", "+35312345678"),
    ],
)
def test_a_phone_number_is_kept_so_that_it_can_be_called_from_anywhere(written: str, kept: str) -> None:
    assert taken(fields.Phone, written) == kept


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("496 0123", "phone_form"),
        ("0117 496 0123 ext 12", "phone_form"),
        ("0800 FLOWERS", "phone_form"),
        ("ring 07700 900123", "phone_form"),
        ("０７７００ ９００１２３", "phone_form"),
        ("0770", "phone_length"),
        ("07700 900123 456", "phone_length"),
        ("+999 1234 5678", "phone_unknown"),
        (7700900123, "text_type"),
    ],
)
def test_a_number_nobody_can_call_is_refused(written: object, code: str) -> None:
    assert refusal(fields.Phone, written) == code


def test_an_address_keeps_its_name_and_lower_cases_its_domain() -> None:
    assert taken(fields.Email, " Sam.Jones@EXAMPLE.org ") == "Sam.Jones@example.org"
    assert taken(fields.Email, "zoe\u0308@example.org") == "zo\u00eb@example.org"
    for wrong in (
        "sam",
        "sam@example",
        "Sam <sam@example.org>",
        "a b@example.org",
        "sam@localhost",
        "@nhs.uk",
    ):
        assert refusal(fields.Email, wrong) == "email_form"
    assert refusal(fields.Email, "a" * 250 + "@example.org") == "text_too_long"


def test_a_language_is_a_code_of_two_or_three_letters() -> None:
    assert [taken(fields.LanguageTag, tag) for tag in ("en", "bfi", "SO")] == ["en", "bfi", "so"]
    for wrong in ("e", "e1", "ёж", "İs"):
        assert refusal(fields.LanguageTag, wrong) == "language_form"
