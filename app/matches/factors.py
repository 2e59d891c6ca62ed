"""What counts for a mentor, softly: each factor's share of its weight, told in words a coordinator reads.

The factors and start weights are a recommendation for this kind of service, which no study has measured; so each
programme sets its own. A person's need and activation are no part of it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.codes import Circumstance, Code, StatedGender, Treatment
from app.core.slots import overlap


class Factor(Code):
    """What counts for a mentor, by the programme's weights."""

    DISTANCE = "distance", "How far apart"
    SLOTS = "slots", "Times both have"
    TREATMENT = "treatment", "Treatment"
    CIRCUMSTANCES = "circumstances", "Life circumstances"
    AGE = "age", "Age"
    INTERESTS = "interests", "Interests"
    CULTURE = "culture", "Culture"
    GENDER = "gender", "Wish for a man or a woman"


START_WEIGHTS: Mapping[Factor, int] = {
    Factor.DISTANCE: 20,
    Factor.SLOTS: 15,
    Factor.TREATMENT: 15,
    Factor.CIRCUMSTANCES: 10,
    Factor.AGE: 10,
    Factor.INTERESTS: 10,
    Factor.CULTURE: 10,
    Factor.GENDER: 10,
}
NOT_KNOWN = 0.5
"""What a factor counts where nothing is known of the mentor: neither for nor against."""
AGE_SPAN = 30
"""So many years apart count nothing any more."""


@dataclass(frozen=True)
class Mentee:
    """What is known of who waits, and what matters to them in a mentor. Empty: not known, or no wish."""

    languages: Sequence[str] = ()
    is_interpreter_needed: bool = False
    mentor_gender: StatedGender | None = None
    is_mentor_gender_required: bool = False
    modes: Sequence[str] = ()
    slots: Sequence[dict[str, Any]] = ()
    treatments: Sequence[str] = ()
    circumstances: Sequence[str] = ()
    interests: Sequence[str] = ()
    birth_year: int | None = None
    session_minutes: int = 60


@dataclass(frozen=True)
class Candidate:
    """What is known of a mentor; `id` also orders those who suit alike."""

    id: str
    is_active: bool = True
    is_account_usable: bool = True
    missing_modules: Sequence[str] = ()
    capacity: int = 2
    active_match_count: int = 0
    languages: Sequence[str] = ()
    gender: StatedGender | None = None
    modes: Sequence[str] = ()
    slots: Sequence[dict[str, Any]] = ()
    treatments: Sequence[str] | None = None
    """None: without the mentor's consent nothing is known of it."""
    circumstances: Sequence[str] = ()
    interests: Sequence[str] = ()
    birth_year: int | None = None
    is_excluded: bool = False
    is_offered: bool = False


@dataclass(frozen=True)
class Part:
    """What one factor counts for one mentor: `points` of its weight, and why."""

    factor: Factor
    weight: int
    points: float
    words: str


def left_out(mentee: Mentee) -> dict[Factor, str]:
    """The factors that can be counted for nobody, and why."""
    reasons = {
        Factor.DISTANCE: "No distances: there are no coordinates of postcodes here.",
        Factor.CULTURE: "The wish is in words, for you to read.",
    }
    known: Mapping[Factor, tuple[object, str]] = {
        Factor.SLOTS: (mentee.slots, "The mentee's times are not known."),
        Factor.TREATMENT: (mentee.treatments, "The mentee has no wish for a treatment."),
        Factor.CIRCUMSTANCES: (mentee.circumstances, "The mentee's circumstances are not known."),
        Factor.AGE: (mentee.birth_year, "The mentee's date of birth is not known."),
        Factor.INTERESTS: (mentee.interests, "The mentee's interests are not known."),
        Factor.GENDER: (mentee.mentor_gender, "The mentee has no wish for a man or a woman."),
    }
    return reasons | {factor: words for factor, (value, words) in known.items() if not value}


def part(factor: Factor, weight: int, mentee: Mentee, mentor: Candidate) -> Part:
    """What a factor counts for this mentor; one that is known for the mentee (`left_out` names the others)."""
    share, words = _SHARES[factor](mentee, mentor)
    return Part(factor, weight, round(weight * share, 2), words)


def _slots(mentee: Mentee, mentor: Candidate) -> tuple[float, str]:
    """Two sessions' worth of time in common counts in full."""
    if not mentor.slots:
        return NOT_KNOWN, "the mentor's times are not known"
    shared = overlap(mentee.slots, mentor.slots)
    minutes = sum(one.minutes for one in shared)
    return min(1.0, minutes / (2 * mentee.session_minutes)), f"overlap {', '.join(one.words for one in shared[:3])}"


def _treatment(mentee: Mentee, mentor: Candidate) -> tuple[float, str]:
    if mentor.treatments is None:
        return NOT_KNOWN, "the mentor's own treatment is not known"
    both = [t for t in mentee.treatments if t in mentor.treatments]
    if not both:
        return 0.0, "another treatment"
    return len(both) / len(mentee.treatments), f"both manage with {_listed(Treatment(t).label for t in both)}"


def _circumstances(mentee: Mentee, mentor: Candidate) -> tuple[float, str]:
    if not mentor.circumstances:
        return NOT_KNOWN, "the mentor's circumstances are not known"
    both = [c for c in mentee.circumstances if c in mentor.circumstances]
    words = f"alike: {_listed(Circumstance(c).label for c in both)}" if both else "other circumstances"
    return len(both) / len(mentee.circumstances), words


def _age(mentee: Mentee, mentor: Candidate) -> tuple[float, str]:
    if mentor.birth_year is None or mentee.birth_year is None:
        return NOT_KNOWN, "the mentor's year of birth is not known"
    years = abs(mentor.birth_year - mentee.birth_year)
    apart = "of an age" if years == 0 else f"about {years} year{'s' if years > 1 else ''} apart"
    return max(0.0, 1 - years / AGE_SPAN), apart


def _interests(mentee: Mentee, mentor: Candidate) -> tuple[float, str]:
    """Two interests in common count in full."""
    if not mentor.interests:
        return NOT_KNOWN, "the mentor's interests are not known"
    theirs = {interest.casefold() for interest in mentor.interests}
    both = [interest for interest in mentee.interests if interest.casefold() in theirs]
    words = f"both like {' and '.join(both)}" if both else "other interests"
    return min(1.0, len(both) / min(2, len(mentee.interests))), words


def _gender(mentee: Mentee, mentor: Candidate) -> tuple[float, str]:
    if mentor.gender is None:
        return NOT_KNOWN, "the mentor's gender is not recorded"
    return (1.0, "as wished") if mentor.gender == mentee.mentor_gender else (0.0, "not as wished")


_SHARES: Mapping[Factor, Callable[[Mentee, Candidate], tuple[float, str]]] = {
    Factor.SLOTS: _slots,
    Factor.TREATMENT: _treatment,
    Factor.CIRCUMSTANCES: _circumstances,
    Factor.AGE: _age,
    Factor.INTERESTS: _interests,
    Factor.GENDER: _gender,
}


def _listed(labels: Iterable[str]) -> str:
    """Labels of codes within a sentence."""
    return " and ".join(label[0].lower() + label[1:] for label in labels)
