"""Which assessment counts as baseline and which as follow-up, and when the next is due."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from app.pam_assessments.levels import Form
from app.pam_assessments.windows import (
    Assessment,
    Due,
    EpisodeDates,
    PamRules,
    Placement,
    Prompt,
    place,
    planned_end_on,
)
from tests.pam_assessments.episodes import (
    BASELINE,
    FOLLOW_UP,
    INTERIM,
    PLANNED_END,
    RULES,
    START,
    TODAY,
    assessment,
    place_all,
    placement,
)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (-15, Placement.EARLY),
        (-14, Placement.COUNTS),
        (0, Placement.COUNTS),
        (14, Placement.COUNTS),
        (15, Placement.LATE),
    ],
)
def test_a_baseline_counts_within_a_fortnight_of_the_first_held_session(days: int, expected: Placement) -> None:
    assert placement(place_all(assessment(1, days)), 1) is expected


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (83, Placement.EARLY),
        (84, Placement.COUNTS),
        (112, Placement.COUNTS),
        (140, Placement.COUNTS),
        (141, Placement.LATE),
    ],
)
def test_a_follow_up_counts_within_four_weeks_of_the_planned_end(days: int, expected: Placement) -> None:
    assert placement(place_all(assessment(1, days, FOLLOW_UP)), 1) is expected


def test_the_planned_end_is_sixteen_weeks_after_the_first_held_session() -> None:
    assert planned_end_on(START, RULES) == PLANNED_END


@pytest.mark.parametrize(("days", "expected"), [(27, Placement.EARLY), (28, Placement.COUNTS), (85, Placement.LATE)])
def test_an_episode_with_a_planned_end_of_its_own_is_followed_up_around_that_day(
    days: int, expected: Placement
) -> None:
    episode = EpisodeDates(START, planned_end_on=START + timedelta(weeks=8))
    assert placement(place(episode, [assessment(1, days, FOLLOW_UP)], RULES, TODAY), 1) is expected


def test_an_early_baseline_is_kept_and_a_new_one_asked_for() -> None:
    result = place_all(assessment(1, -20), today=START + timedelta(days=3))
    assert placement(result, 1) is Placement.EARLY
    assert result.baseline is None
    assert result.baseline_due == Due(START - timedelta(days=14), START + timedelta(days=14), Prompt.WANTED)


def test_a_new_baseline_beside_an_early_one_counts() -> None:
    result = place_all(assessment(1, -20), assessment(2, 10))
    assert (placement(result, 1), placement(result, 2)) == (Placement.EARLY, Placement.COUNTS)
    assert result.baseline == assessment(2, 10)
    assert result.baseline_due.prompt is Prompt.COUNTED


def test_of_several_in_the_window_the_nearest_counts() -> None:
    result = place_all(assessment(1, -9), assessment(2, 5), assessment(3, 8))
    assert result.baseline == assessment(2, 5)
    assert placement(result, 1) is placement(result, 3) is Placement.IN_WINDOW_NOT_NEAREST


def test_equally_near_ones_leave_the_earlier_day() -> None:
    assert place_all(assessment(1, 5), assessment(2, -5)).baseline == assessment(2, -5)


def test_two_of_one_day_leave_the_one_entered_first() -> None:
    assert place_all(assessment(2, 5), assessment(1, 5)).baseline == assessment(1, 5)


def test_the_follow_up_nearest_to_the_planned_end_counts() -> None:
    result = place_all(assessment(1, 90, FOLLOW_UP), assessment(2, 120, FOLLOW_UP))
    assert result.follow_up == assessment(2, 120, FOLLOW_UP)


def test_an_early_ending_moves_the_follow_up_window() -> None:
    follow_up = assessment(1, 50, FOLLOW_UP)
    assert placement(place_all(follow_up), 1) is Placement.EARLY
    ended = place_all(follow_up, ended_on=START + timedelta(days=60))
    assert ended.follow_up == follow_up
    assert ended.follow_up_due == Due(START + timedelta(days=32), START + timedelta(days=88), Prompt.COUNTED)


def test_after_an_early_ending_nearest_means_nearest_to_the_ending() -> None:
    result = place_all(assessment(1, 58, FOLLOW_UP), assessment(2, 80, FOLLOW_UP), ended_on=START + timedelta(days=60))
    assert result.follow_up == assessment(1, 58, FOLLOW_UP)


def test_an_ending_later_than_planned_does_not_move_the_follow_up_window() -> None:
    assert place_all(ended_on=PLANNED_END + timedelta(days=30)).follow_up_due == place_all().follow_up_due


def test_a_very_early_ending_never_takes_a_follow_up_from_before_the_baseline() -> None:
    baseline, same_day, after = assessment(1, 2), assessment(2, 2, FOLLOW_UP), assessment(3, 9, FOLLOW_UP)
    result = place_all(baseline, same_day, after, ended_on=START + timedelta(days=3))
    assert placement(result, 2) is Placement.EARLY
    assert (result.baseline, result.follow_up) == (baseline, after)


def test_a_very_early_ending_never_takes_a_follow_up_from_before_the_first_session() -> None:
    result = place_all(assessment(1, -1, FOLLOW_UP), ended_on=START + timedelta(days=3))
    assert placement(result, 1) is Placement.EARLY


def test_a_follow_up_is_never_taken_for_a_baseline() -> None:
    result = place_all(assessment(1, 0, FOLLOW_UP), assessment(2, 112, BASELINE))
    assert (result.baseline, result.follow_up) == (None, None)
    assert (placement(result, 1), placement(result, 2)) == (Placement.EARLY, Placement.LATE)


def test_an_interim_assessment_is_kept_and_never_counts() -> None:
    result = place_all(assessment(1, 0, INTERIM), assessment(2, 112, INTERIM))
    assert (result.baseline, result.follow_up) == (None, None)
    assert set(result.placed.values()) == {Placement.INTERIM}


@pytest.mark.parametrize(("form", "enough"), [(Form.PAM_22, 17), (Form.PAM_13, 10), (Form.PAM_10, 8)], ids=str)
def test_too_few_answers_are_set_aside_and_named(form: Form, enough: int) -> None:
    thin = assessment(1, 0, form=form, items_answered=enough - 1)
    full = assessment(2, 9, form=form, items_answered=enough)
    result = place_all(thin, full)
    assert placement(result, 1) is Placement.EXCLUDED_ITEMS
    assert result.baseline == full


def test_the_same_answer_to_everything_is_set_aside_and_named() -> None:
    flat = assessment(1, 112, FOLLOW_UP, is_straight_line=True)
    result = place_all(flat)
    assert placement(result, 1) is Placement.EXCLUDED_STRAIGHT_LINE
    assert result.follow_up is None


def test_a_programme_may_let_straight_lines_count() -> None:
    flat = assessment(1, 112, FOLLOW_UP, is_straight_line=True)
    assert place_all(flat, rules=PamRules(exclude_straight_line=False)).follow_up == flat


def test_a_programme_may_set_its_own_windows() -> None:
    rules = PamRules(
        baseline_before_days=0, baseline_after_days=1, follow_up_days=2, length_weeks=2,
        min_items={Form.PAM_13: 13},
    )  # fmt: skip
    result = place_all(
        assessment(1, -1), assessment(2, 1), assessment(3, 16, FOLLOW_UP), assessment(4, 17, FOLLOW_UP),
        rules=rules,
    )  # fmt: skip
    assert [placement(result, number) for number in (1, 2, 3, 4)] == [
        Placement.EARLY, Placement.COUNTS, Placement.COUNTS, Placement.LATE,
    ]  # fmt: skip


def test_baseline_and_follow_up_make_a_pair_with_its_change() -> None:
    pair = place_all(assessment(1, 0, score="47.4"), assessment(2, 112, FOLLOW_UP, score="51.4")).pair
    assert pair is not None
    assert pair.change == Decimal("4.0")
    assert place_all(assessment(1, 0)).pair is None
    assert place_all(assessment(2, 112, FOLLOW_UP)).pair is None


def test_before_the_first_held_session_nothing_counts() -> None:
    episode = EpisodeDates(first_held_on=None, matched_on=START)
    result = place(episode, [assessment(1, 0), assessment(2, 1, FOLLOW_UP)], RULES, START)
    assert (result.baseline, result.follow_up) == (None, None)
    assert set(result.placed.values()) == {Placement.NO_ANCHOR}
    assert result.follow_up_due == Due(None, None, Prompt.NOT_YET)


def baseline_prompt_before_the_start(
    *assessments: Assessment, days: int, is_matched: bool = True, ended_on: date | None = None
) -> Prompt:
    episode = EpisodeDates(first_held_on=None, matched_on=START if is_matched else None, ended_on=ended_on)
    return place(episode, assessments, RULES, START + timedelta(days=days)).baseline_due.prompt


def test_a_baseline_is_wanted_from_the_day_of_the_match() -> None:
    assert baseline_prompt_before_the_start(days=-1) is Prompt.NOT_YET
    assert baseline_prompt_before_the_start(days=0) is Prompt.WANTED
    assert baseline_prompt_before_the_start(days=0, is_matched=False) is Prompt.NOT_YET


def test_a_baseline_gone_stale_before_the_first_session_is_wanted_again() -> None:
    taken = assessment(1, 0)
    assert baseline_prompt_before_the_start(taken, days=14) is Prompt.NOT_YET
    assert baseline_prompt_before_the_start(taken, days=15) is Prompt.WANTED


def test_an_unusable_baseline_leaves_one_wanted() -> None:
    flat = assessment(1, 0, is_straight_line=True)
    assert baseline_prompt_before_the_start(flat, assessment(2, 0, FOLLOW_UP), days=1) is Prompt.WANTED


def test_nobody_is_asked_after_an_episode_that_never_started() -> None:
    episode = EpisodeDates(first_held_on=None, ended_on=START, matched_on=START)
    result = place(episode, [], RULES, TODAY)
    assert result.baseline_due.prompt is result.follow_up_due.prompt is Prompt.NOT_NEEDED


@pytest.mark.parametrize(
    ("days", "baseline", "follow_up"),
    [
        (0, Prompt.WANTED, Prompt.NOT_YET),
        (14, Prompt.WANTED, Prompt.NOT_YET),
        (15, Prompt.MISSED, Prompt.NOT_YET),
        (83, Prompt.MISSED, Prompt.NOT_YET),
        (84, Prompt.MISSED, Prompt.WANTED),
        (140, Prompt.MISSED, Prompt.WANTED),
        (141, Prompt.MISSED, Prompt.MISSED),
    ],
)
def test_the_coordinator_is_asked_in_the_window_and_told_when_it_has_passed(
    days: int, baseline: Prompt, follow_up: Prompt
) -> None:
    result = place_all(today=START + timedelta(days=days))
    assert (result.baseline_due.prompt, result.follow_up_due.prompt) == (baseline, follow_up)


def test_no_baseline_is_asked_for_after_the_ending() -> None:
    ended_on = START + timedelta(days=4)
    assert place_all(ended_on=ended_on, today=ended_on).baseline_due.prompt is Prompt.WANTED
    assert place_all(ended_on=ended_on, today=START + timedelta(days=5)).baseline_due.prompt is Prompt.MISSED


def test_a_rematch_moves_nothing() -> None:
    taken = [assessment(1, 0), assessment(2, 112, FOLLOW_UP)]
    first = place(EpisodeDates(START, matched_on=START), taken, RULES, TODAY)
    rematched = place(EpisodeDates(START, matched_on=START + timedelta(days=60)), taken, RULES, TODAY)
    assert first == rematched
