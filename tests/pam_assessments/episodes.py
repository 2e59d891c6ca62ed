"""Assessments and episodes for the tests of the windows, dated from the first held session."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from app.pam_assessments.levels import CutSet, Form, Occasion
from app.pam_assessments.windows import Assessment, EpisodeDates, EpisodePam, PamRules, Placement, place

START = date(2026, 3, 2)
PLANNED_END = date(2026, 6, 22)
TODAY = date(2026, 12, 1)
RULES = PamRules()
BASELINE, FOLLOW_UP, INTERIM = Occasion.BASELINE, Occasion.FOLLOW_UP, Occasion.INTERIM


def assessment(
    number: int,
    days: int,
    occasion: Occasion = BASELINE,
    *,
    score: str = "51.0",
    form: Form = Form.PAM_13,
    items_answered: int = 13,
    is_straight_line: bool = False,
) -> Assessment:
    """One assessment, so many days after the first held session."""
    return Assessment(
        id=UUID(int=number),
        occasion=occasion,
        assessed_on=START + timedelta(days=days),
        form=form,
        score=Decimal(score),
        level=2,
        cut_set=CutSet.CURRENT,
        items_answered=items_answered,
        is_straight_line=is_straight_line,
    )


def place_all(
    *assessments: Assessment,
    ended_on: date | None = None,
    rules: PamRules = RULES,
    today: date = TODAY,
) -> EpisodePam:
    episode = EpisodeDates(first_held_on=START, ended_on=ended_on, matched_on=START - timedelta(days=7))
    return place(episode, assessments, rules, today)


def placement(result: EpisodePam, number: int) -> Placement:
    return result.placed[UUID(int=number)]
