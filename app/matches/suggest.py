"""Which mentor suits a mentee, and why: hard rules that exclude, soft factors that count, each told in words.

Pure: facts in, suggestions out. What the factors count is told in `factors`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from app.core.codes import Code, TrainingModule
from app.core.slots import overlap
from app.matches.factors import Candidate, Factor, Mentee, Part, left_out, part

BONUS_POINTS = 20.0
BONUS_WEEKS = 12


class Rule(Code):
    """What excludes a mentor for a mentee."""

    NOT_ACTIVE = "not_active", "Does not take part at present"
    NOT_TRAINED = "not_trained", "Training is missing"
    NO_ACCOUNT = "no_account", "Cannot sign in"
    FULL = "full", "Holds as many mentees as agreed"
    LANGUAGE = "language", "No language in common"
    GENDER = "gender", "The mentee needs another gender"
    EXCLUDED_PAIR = "excluded_pair", "These two must not be matched"
    OFFERED = "offered", "Has an open offer or a match with this mentee"
    MODE = "mode", "No way of meeting in common"
    SLOTS = "slots", "No time in common that is long enough"


@dataclass(frozen=True)
class Broken:
    """A hard rule that excludes, and why."""

    rule: Rule
    words: str


@dataclass(frozen=True)
class Judged:
    """One mentor: excluded by rules, or with a score of 0 to 100."""

    id: str
    score: float = 0.0
    parts: Sequence[Part] = ()
    broken: Sequence[Broken] = ()


@dataclass(frozen=True)
class Suggested:
    """All mentors, the best first; those excluded, by fewest rules first; and what could not be counted."""

    ranked: Sequence[Judged]
    excluded: Sequence[Judged]
    left_out: Mapping[Factor, str] = field(default_factory=dict)


def suggest(mentee: Mentee, candidates: Sequence[Candidate], weights: Mapping[Factor, int]) -> Suggested:
    """Every candidate judged; who suits alike comes in the order of matches held, then of the id.

    A factor of which nothing is known for the mentee is left out for everybody, and the score is out of what is
    left; where all is left out the score is 0.
    """
    missing = left_out(mentee)
    counted = [(factor, weight) for factor, weight in weights.items() if factor not in missing and weight]
    ranked: list[tuple[float, int, Judged]] = []
    excluded: list[Judged] = []
    for candidate in candidates:
        broken = _broken(mentee, candidate)
        if broken:
            excluded.append(Judged(candidate.id, broken=broken))
            continue
        parts = [part(factor, weight, mentee, candidate) for factor, weight in counted]
        total = sum(weight for _, weight in counted)
        score = round(100 * sum(one.points for one in parts) / total, 1) if total else 0.0
        ranked.append((-score, candidate.active_match_count, Judged(candidate.id, score, parts)))
    ranked.sort(key=lambda one: (one[0], one[1], one[2].id))
    excluded.sort(key=lambda one: (len(one.broken), one.id))
    return Suggested([judged for _, _, judged in ranked], excluded, missing)


def waiting_bonus(days: int) -> float:
    """Points by which waiting counts where several people want the same mentor: 20 after 12 weeks, a line up to it."""
    return round(min(BONUS_POINTS, BONUS_POINTS * max(0, days) / (7 * BONUS_WEEKS)), 1)


def _broken(mentee: Mentee, mentor: Candidate) -> list[Broken]:
    found = [(rule, says(mentee, mentor)) for rule, says in _RULES.items()]
    return [Broken(rule, words) for rule, words in found if words is not None]


def _not_trained(_: Mentee, mentor: Candidate) -> str | None:
    missing = ", ".join(TrainingModule(code).label for code in mentor.missing_modules)
    return f"Still to do: {missing}" if missing else None


def _full(_: Mentee, mentor: Candidate) -> str | None:
    is_full = mentor.active_match_count >= mentor.capacity
    return f"Holds {mentor.active_match_count} of {mentor.capacity}" if is_full else None


def _language(mentee: Mentee, mentor: Candidate) -> str | None:
    if mentee.is_interpreter_needed or not mentee.languages or set(mentee.languages) & set(mentor.languages):
        return None
    return f"Speaks {', '.join(mentor.languages) or 'nothing that is recorded'}; needed: {', '.join(mentee.languages)}"


def _other_gender(mentee: Mentee, mentor: Candidate) -> str | None:
    if not mentee.is_mentor_gender_required or mentee.mentor_gender in (None, mentor.gender):
        return None
    return "Not the gender needed" if mentor.gender else "The mentor's gender is not recorded"


def _mode(mentee: Mentee, mentor: Candidate) -> str | None:
    is_unknown = not mentee.modes or not mentor.modes
    return None if is_unknown or set(mentee.modes) & set(mentor.modes) else "No way of meeting in common"


def _no_slot(mentee: Mentee, mentor: Candidate) -> str | None:
    if not mentee.slots or not mentor.slots:
        return None
    longest = max((shared.minutes for shared in overlap(mentee.slots, mentor.slots)), default=0)
    if longest >= mentee.session_minutes:
        return None
    return f"Longest time in common {longest} minutes; a session lasts {mentee.session_minutes}"


_RULES: Mapping[Rule, Callable[[Mentee, Candidate], str | None]] = {
    Rule.NOT_ACTIVE: lambda _, mentor: None if mentor.is_active else "Paused",
    Rule.NOT_TRAINED: _not_trained,
    Rule.NO_ACCOUNT: lambda _, mentor: None if mentor.is_account_usable else "The account is disabled or has no role",
    Rule.FULL: _full,
    Rule.LANGUAGE: _language,
    Rule.GENDER: _other_gender,
    Rule.EXCLUDED_PAIR: lambda _, mentor: "These two must not be matched" if mentor.is_excluded else None,
    Rule.OFFERED: lambda _, mentor: "Has an open offer or a match with this mentee" if mentor.is_offered else None,
    Rule.MODE: _mode,
    Rule.SLOTS: _no_slot,
}
