"""Which of the four activation levels a PAM score means, under each of the two published sets of cut-offs."""

from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from app.core.codes import Code

LOWEST_SCORE: Final = Decimal("0.0")
HIGHEST_SCORE: Final = Decimal("100.0")
HIGHEST_LEVEL: Final = 4
LEVELS: Final = (1, 2, 3, 4)
_ONE_PLACE: Final = Decimal("0.1")


class CutSet(Code):
    """Which published cut-offs turned a score into a level; kept with every assessment.

    The two differ only for scores from 67.1 to 72.4: level 4 in the older set, level 3 in the current one.
    The date of the change is not published, so it is never guessed from the date of an assessment.
    """

    OLDER = "older", "Older cut-offs", "Level 4 from 67.1"
    CURRENT = "current", "Current cut-offs", "Level 4 from 72.5"


class Form(Code):
    """The length of the questionnaire."""

    PAM_22 = "pam_22", "22 questions", "PAM-22"
    PAM_13 = "pam_13", "13 questions", "PAM-13"
    PAM_10 = "pam_10", "10 questions", "PAM-10"


class Occasion(Code):
    """What an assessment was taken for.

    Whether a baseline was taken early, late or in time is not an occasion: it follows from the dates of
    the episode (see windows.py) and changes when they do.
    """

    BASELINE = "baseline", "At the start", "Baseline"
    FOLLOW_UP = "follow_up", "At the end", "Follow-up"
    INTERIM = "interim", "In between", "Interim"


class Mode(Code):
    """How the questions were answered: alone, asked face to face or by phone, or through an interpreter."""

    SELF = "self", "Filled in alone", "Self-completed"
    INTERVIEW = "interview", "Asked face to face", "Interview"
    PHONE = "phone", "Asked by telephone", "Telephone interview"
    INTERPRETED = "interpreted", "Through an interpreter", "Interpreted"


ITEM_COUNT: Final = MappingProxyType({Form.PAM_22: 22, Form.PAM_13: 13, Form.PAM_10: 10})

DEFAULT_MIN_ITEMS: Final = MappingProxyType({Form.PAM_22: 17, Form.PAM_13: 10, Form.PAM_10: 8})
"""Fewest answered items for an assessment to count. All three are defaults to be set by the programme, none
is confirmed by the licence holder: 10 of 13 and 8 of 10 are customs, 17 of 22 is 10 of 13 in proportion."""

LEVEL_UPPER_BOUNDS: Final = MappingProxyType(
    {
        CutSet.OLDER: (Decimal("47.0"), Decimal("55.1"), Decimal("67.0")),
        CutSet.CURRENT: (Decimal("47.0"), Decimal("55.1"), Decimal("72.4")),
    }
)
"""The highest score of levels 1, 2 and 3, inclusive; above the last is level 4.

Older: Frosch and others 2010 (PMC2955177) and Barker and others 2018 (PMC6288702).
Current: Insignia's, as given by the Shirley Ryan AbilityLab
(sralab.org/rehabilitation-measures/patient-activation-measure).
"""


def level(score: Decimal, cut_set: CutSet) -> int:
    """The level, 1 to 4, of a score from 0.0 to 100.0 with at most one decimal place; else ValueError."""
    # finite first: comparing a signalling NaN, or quantising an infinity, raises another kind of error
    if not (score.is_finite() and LOWEST_SCORE <= score <= HIGHEST_SCORE):
        raise ValueError("a PAM score is a number from 0.0 to 100.0")
    if score != score.quantize(_ONE_PLACE):
        raise ValueError("a PAM score has one decimal place")
    return 1 + sum(score > bound for bound in LEVEL_UPPER_BOUNDS[cut_set])


@dataclass(frozen=True)
class Measured:
    """One score (0–100) with the level it was given and the cut-offs that gave it."""

    score: Decimal
    level: int
    cut_set: CutSet


@dataclass(frozen=True)
class Pair:
    """The baseline and the follow-up of one episode."""

    baseline: Measured
    follow_up: Measured

    @property
    def change(self) -> Decimal:
        """Follow-up minus baseline in points, exact: a rise of 4.0 is 4.0 and not 3.9999."""
        return self.follow_up.score - self.baseline.score

    @property
    def cut_set(self) -> CutSet | None:
        """The cut-offs of both levels; None where the two differ, so that the levels cannot be compared."""
        return self.baseline.cut_set if self.baseline.cut_set is self.follow_up.cut_set else None


def relevel(pair: Pair, cut_set: CutSet) -> Pair:
    """The same two scores with both levels worked out afresh under one cut set.

    Nothing recorded changes. A report that uses this must say so, and under which set.
    """
    return Pair(_measured(pair.baseline.score, cut_set), _measured(pair.follow_up.score, cut_set))


def _measured(score: Decimal, cut_set: CutSet) -> Measured:
    return Measured(score=score, level=level(score, cut_set), cut_set=cut_set)
