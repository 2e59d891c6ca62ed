"""What the rules say of a person: met, not met, or unknown, and never who the person is."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.core.fields import age_on
from app.programmes.eligibility import Facts, default_rules, evaluate, lies_in, months_before
from app.programmes.models import Condition, RuleKind
from app.programmes.shapes import EligibilityRule

TODAY = date(2026, 3, 31)
ADULTS = EligibilityRule(kind=RuleKind.MINIMUM_AGE, number=18)
DIABETES = EligibilityRule(kind=RuleKind.CONDITION, values=["type_2_diabetes"])
BRISTOL = EligibilityRule(kind=RuleKind.POSTCODE_AREA, values=["bs", "BA1"])
LATELY = EligibilityRule(kind=RuleKind.DIAGNOSED_WITHIN_MONTHS, number=12)


def said(rule: EligibilityRule, facts: Facts) -> tuple[str, str]:
    (result,) = evaluate([rule], facts)
    return result.result, result.words


@pytest.mark.parametrize(
    ("birth_date", "result"),
    [(date(2008, 3, 31), "met"), (date(2008, 4, 1), "not_met"), (date(1950, 1, 1), "met")],
)
def test_somebody_is_an_adult_from_the_eighteenth_birthday(birth_date: date, result: str) -> None:
    words = {"met": "met", "not_met": "not met"}[result]
    expected = (result, f"The programme is for adults of 18 and over: {words}.")
    assert said(ADULTS, Facts(on=TODAY, birth_date=birth_date)) == expected


def test_what_is_not_known_makes_a_rule_unknown_and_says_what_is_missing() -> None:
    nothing = Facts(on=TODAY)
    results = evaluate([ADULTS, DIABETES, BRISTOL, LATELY], nothing)
    assert [result.result for result in results] == ["unknown"] * 4
    assert [result.words for result in results] == [
        "The programme is for adults of 18 and over: unknown, no date of birth is given.",
        "The programme is for people living with Type 2 diabetes: unknown, no condition is given.",
        "The programme is for people living in BS or BA1: unknown, no postcode is given that says where.",
        "The programme is for people diagnosed within the last 12 months: unknown, no date of diagnosis is given.",
    ]


def test_a_younger_age_is_asked_of_people_rather_than_adults() -> None:
    rule = EligibilityRule(kind=RuleKind.MINIMUM_AGE, number=16)
    words = "The programme is for people of 16 and over: met."
    assert said(rule, Facts(on=TODAY, birth_date=date(2010, 3, 31))) == ("met", words)


def test_another_condition_does_not_meet_the_rule() -> None:
    assert said(DIABETES, Facts(on=TODAY, condition=Condition.TYPE_2_DIABETES))[0] == "met"
    assert said(DIABETES, Facts(on=TODAY, condition=Condition.HIV))[0] == "not_met"


@pytest.mark.parametrize(
    ("postcode", "result"),
    [
        ("BS1 4DJ", "met"),
        ("BS16 1QY", "met"),
        ("BA1 1AA", "met"),
        ("BA11 1AA", "not_met"),
        ("B1 1AA", "not_met"),
        ("ZZ99 3VZ", "unknown"),
    ],
)
def test_a_postcode_counts_by_its_area_or_its_whole_district(postcode: str, result: str) -> None:
    facts = Facts(on=TODAY, postcode=postcode)
    assert said(BRISTOL, facts)[0] == result
    assert postcode not in said(BRISTOL, facts)[1]


@pytest.mark.parametrize(
    ("outward", "area", "inside"),
    [
        ("EC1A", "EC1", True),
        ("EC1A", "EC", True),
        ("EC1A", "EC1A", True),
        ("EC1M", "EC1A", False),
        ("EC1A", "E", False),
        ("E14", "E1", False),
        ("M1", "M", True),
        ("ME1", "M", False),
    ],
)
def test_districts_and_areas_end_where_the_letters_or_digits_end(outward: str, area: str, inside: bool) -> None:
    assert lies_in(outward, area) is inside


@pytest.mark.parametrize(
    ("diagnosed_on", "result"),
    [(date(2025, 3, 31), "met"), (date(2025, 3, 30), "not_met"), (TODAY, "met")],
)
def test_a_diagnosis_counts_as_recent_until_its_anniversary(diagnosed_on: date, result: str) -> None:
    assert said(LATELY, Facts(on=TODAY, diagnosed_on=diagnosed_on))[0] == result


def test_a_month_before_the_31st_is_the_last_day_of_a_shorter_month() -> None:
    assert months_before(date(2026, 3, 31), 1) == date(2026, 2, 28)
    assert months_before(date(2026, 1, 15), 1) == date(2025, 12, 15)
    assert months_before(date(2024, 2, 29), 12) == date(2023, 2, 28)


@given(day=st.dates(date(2020, 1, 1), date(2199, 12, 31)), months=st.integers(0, 1200))
def test_months_before_is_never_later_and_never_skips_a_month(day: date, months: int) -> None:
    earlier = months_before(day, months)
    assert earlier <= day
    assert (day.year - earlier.year) * 12 + day.month - earlier.month == months


@given(birth_date=st.dates(date(1900, 1, 1), TODAY))
def test_results_never_repeat_a_date_of_birth(birth_date: date) -> None:
    result, words = said(ADULTS, Facts(on=TODAY, birth_date=birth_date))
    assert result == ("met" if age_on(birth_date, TODAY) >= 18 else "not_met")
    assert str(birth_date) not in words
    assert str(birth_date.year) not in words


def test_without_rules_of_its_own_a_programme_is_for_adults_with_its_condition() -> None:
    facts = Facts(on=TODAY, birth_date=date(1970, 1, 1), condition=Condition.LONG_COVID)
    assert [r.result for r in evaluate(default_rules(Condition.LONG_COVID), facts)] == ["met", "met"]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"kind": "minimum_age"}, "rule_number"),
        ({"kind": "minimum_age", "number": 18, "values": ["BS"]}, "rule_values"),
        ({"kind": "condition"}, "rule_values"),
        ({"kind": "condition", "number": 1, "values": ["hiv"]}, "rule_number"),
        ({"kind": "condition", "values": ["gout"]}, "rule_condition"),
        ({"kind": "postcode_area", "values": ["Bristol"]}, "postcode_area_form"),
        ({"kind": "postcode_area", "values": ["BS5 6"]}, "postcode_area_form"),
        ({"kind": "postcode_area", "values": ["ß1"]}, "postcode_area_form"),
    ],
)
def test_a_rule_that_cannot_be_evaluated_is_refused(rule: dict[str, object], code: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        EligibilityRule.model_validate(rule)
    assert [error["type"] for error in refusal.value.errors()] == [code]
