"""What holds for any assessments whatever: one place for each, one of a kind counts, order is nothing."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from app.pam_assessments.levels import Form, Occasion
from app.pam_assessments.windows import Assessment, EpisodeDates, Placement, place
from tests.pam_assessments.episodes import PLANNED_END, RULES, START, TODAY, assessment, place_all

one_assessment = st.builds(
    assessment,
    number=st.integers(1, 10**6),
    days=st.integers(-40, 180),
    occasion=st.sampled_from(Occasion),
    form=st.just(Form.PAM_13),
    items_answered=st.integers(8, 13),
    is_straight_line=st.booleans(),
)
some_assessments = st.lists(one_assessment, max_size=12, unique_by=lambda each: each.id)
endings = st.none() | st.integers(0, 200).map(lambda days: START + timedelta(days=days))
todays = st.integers(-30, 250).map(lambda days: START + timedelta(days=days))


@given(some_assessments, endings, todays)
def test_every_assessment_has_one_place_and_at_most_one_of_each_kind_counts(
    taken: list[Assessment], ended_on: date | None, today: date
) -> None:
    result = place_all(*taken, ended_on=ended_on, today=today)
    assert result.placed.keys() == {each.id for each in taken}
    counting = [each for each in taken if result.placed[each.id] is Placement.COUNTS]
    assert sorted(counting, key=str) == sorted(filter(None, (result.baseline, result.follow_up)), key=str)
    assert max(Counter(each.occasion for each in counting).values(), default=0) <= 1


@given(some_assessments, endings, todays, st.randoms(use_true_random=False))
def test_the_order_of_entry_does_not_matter(
    taken: list[Assessment], ended_on: date | None, today: date, order: Random
) -> None:
    shuffled = list(taken)
    order.shuffle(shuffled)
    assert place_all(*taken, ended_on=ended_on, today=today) == place_all(*shuffled, ended_on=ended_on, today=today)


@given(some_assessments, endings)
def test_what_counts_is_usable_in_its_window_and_the_nearest_of_those(
    taken: list[Assessment], ended_on: date | None
) -> None:
    result = place_all(*taken, ended_on=ended_on)
    end = min(PLANNED_END, ended_on or PLANNED_END)
    for counted, due, centre in (
        (result.baseline, result.baseline_due, START),
        (result.follow_up, result.follow_up_due, end),
    ):
        if counted is None:
            continue
        assert counted.items_answered >= 10
        assert not counted.is_straight_line
        assert due.opens_on is not None
        assert counted.assessed_on >= due.opens_on
        rivals = [
            each
            for each in taken
            if each.occasion is counted.occasion and result.placed[each.id] is Placement.IN_WINDOW_NOT_NEAREST
        ]
        assert all(abs(each.assessed_on - centre) >= abs(counted.assessed_on - centre) for each in rivals)
    if result.baseline and result.follow_up:
        assert result.baseline.assessed_on < result.follow_up.assessed_on


@given(some_assessments, endings, st.integers(-400, 400).map(lambda days: timedelta(days=days)))
def test_only_distances_matter_not_the_calendar(
    taken: list[Assessment], ended_on: date | None, shift: timedelta
) -> None:
    moved = [replace(each, assessed_on=each.assessed_on + shift) for each in taken]
    episode = EpisodeDates(START + shift, ended_on + shift if ended_on else None)
    here = place_all(*taken, ended_on=ended_on)
    assert place(episode, moved, RULES, TODAY + shift).placed == here.placed
