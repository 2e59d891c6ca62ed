"""What a programme's rules say of one person: met, not met or unknown, in words and without personal values."""

import calendar
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.core.fields import age_on
from app.programmes.models import Condition, RuleKind
from app.programmes.shapes import EligibilityRule, RuleResult

ADULT = 18
# The NHS postcodes for "no fixed abode" and "address not known" lie in no area.
NOWHERE = "ZZ99"


@dataclass(frozen=True)
class Facts:
    """What is known of the person on the day of the decision; None where nothing is known.

    `postcode` is in capitals with one space before its inward part.
    """

    on: date
    birth_date: date | None = None
    condition: Condition | None = None
    diagnosed_on: date | None = None
    postcode: str | None = None


def default_rules(condition: Condition, postcode_areas: Sequence[str] = ()) -> list[EligibilityRule]:
    """The rules of a programme that was given none: adults who live with its condition, in its areas if it has any."""
    areas = [EligibilityRule(kind=RuleKind.POSTCODE_AREA, values=list(postcode_areas))] if postcode_areas else []
    return [
        EligibilityRule(kind=RuleKind.MINIMUM_AGE, number=ADULT),
        EligibilityRule(kind=RuleKind.CONDITION, values=[condition.value]),
        *areas,
    ]


def evaluate(rules: Sequence[EligibilityRule], facts: Facts) -> list[RuleResult]:
    """What each rule says, in the rules' order. A fact that is not known makes a rule unknown, never not met."""
    return [_evaluate(rule, facts) for rule in rules]


def _evaluate(rule: EligibilityRule, facts: Facts) -> RuleResult:
    says, missing = _RULES[rule.kind]
    is_met = says(rule, facts)
    sentence = f"The programme is for {_whom(rule)}"
    if is_met is None:
        return RuleResult(kind=rule.kind, result="unknown", words=f"{sentence}: unknown, {missing}.")
    if is_met:
        return RuleResult(kind=rule.kind, result="met", words=f"{sentence}: met.")
    return RuleResult(kind=rule.kind, result="not_met", words=f"{sentence}: not met.")


def _whom(rule: EligibilityRule) -> str:
    if rule.kind is RuleKind.MINIMUM_AGE:
        return f"{'adults' if (rule.number or 0) >= ADULT else 'people'} of {rule.number} and over"
    if rule.kind is RuleKind.DIAGNOSED_WITHIN_MONTHS:
        return f"people diagnosed within the last {rule.number} months"
    if rule.kind is RuleKind.CONDITION:
        return "people living with " + " or ".join(Condition(value).label for value in rule.values)
    return "people living in " + " or ".join(rule.values)


def _is_old_enough(rule: EligibilityRule, facts: Facts) -> bool | None:
    if facts.birth_date is None:
        return None
    return age_on(facts.birth_date, facts.on) >= (rule.number or 0)


def _has_condition(rule: EligibilityRule, facts: Facts) -> bool | None:
    return None if facts.condition is None else facts.condition.value in rule.values


def _lives_there(rule: EligibilityRule, facts: Facts) -> bool | None:
    outward = (facts.postcode or NOWHERE).split(" ")[0]
    if outward == NOWHERE:
        return None
    return any(lies_in(outward, area) for area in rule.values)


def _diagnosed_lately(rule: EligibilityRule, facts: Facts) -> bool | None:
    if facts.diagnosed_on is None:
        return None
    return facts.diagnosed_on >= months_before(facts.on, rule.number or 0)


_RULES: Mapping[RuleKind, tuple[Callable[[EligibilityRule, Facts], bool | None], str]] = {
    RuleKind.MINIMUM_AGE: (_is_old_enough, "no date of birth is given"),
    RuleKind.CONDITION: (_has_condition, "no condition is given"),
    RuleKind.POSTCODE_AREA: (_lives_there, "no postcode is given that says where"),
    RuleKind.DIAGNOSED_WITHIN_MONTHS: (_diagnosed_lately, "no date of diagnosis is given"),
}


def lies_in(outward: str, area: str) -> bool:
    """Whether an outward code lies in an area (BS) or district (BS5, EC1 with its parts EC1A and EC1M).

    BS1 does not lie in B, nor BS15 in BS1.
    """
    rest = outward.removeprefix(area)
    if rest == outward:
        return False
    return not rest or area[-1].isdigit() != rest[0].isdigit()


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier; the month's last day where it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
