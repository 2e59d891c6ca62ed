"""Moves between levels: the matrix, those with no room to rise, and two cut sets never in one table."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pam_assessments.levels import CutSet, Measured, Pair, level, relevel
from app.reports.level_matrix import (
    LevelMatrix,
    MixedCutSets,
    by_cut_set,
    change_by_baseline_level,
    level_matrix,
)
from app.reports.statistics import paired_change, pool

FACTS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "outcomes.json").read_text("utf-8"))

scores = st.integers(0, 1000).map(lambda tenths: Decimal(tenths) / 10)
score_pairs = st.lists(st.tuples(scores, scores), min_size=2, max_size=60)


def pair(before: str, after: str, cut_set: CutSet = CutSet.OLDER, later: CutSet | None = None) -> Pair:
    sets = (cut_set, later or cut_set)
    first, second = (
        Measured(Decimal(score), level(Decimal(score), under), under)
        for score, under in zip((before, after), sets, strict=True)
    )
    return Pair(baseline=first, follow_up=second)


def test_the_zuni_study_has_its_share_up_a_level() -> None:
    facts = FACTS["zuni"]
    pairs = [
        *[pair("50.0", "60.0")] * facts["up"],
        *[pair("50.0", "52.0")] * facts["same"],
        *[pair("50.0", "40.0")] * facts["down"],
    ]
    matrix = level_matrix(Counter(pairs), CutSet.OLDER)
    assert (matrix.n, matrix.up, matrix.same, matrix.down) == (
        facts["n"], facts["up"], facts["same"], facts["down"],
    )  # fmt: skip
    assert round(100 * (matrix.share_up.fraction or 0), 1) == facts["up_percent"]
    interval = matrix.share_up.interval
    assert interval is not None
    assert [round(100 * interval.low, 1), round(100 * interval.high, 1)] == facts["up_percent_interval"]


def test_a_full_published_matrix_has_its_margins_and_moves() -> None:
    facts = FACTS["full_matrix"]
    middle = ("40.0", "50.0", "60.0", "80.0")
    pairs = [
        pair(middle[row], middle[column])
        for row, counts in enumerate(facts["rows"])
        for column, count in enumerate(counts)
        for _ in range(count)
    ]
    matrix = level_matrix(Counter(pairs), CutSet.OLDER)
    assert [list(row) for row in matrix.rows] == facts["rows"]
    assert list(matrix.row_totals) == facts["row_totals"]
    assert list(matrix.column_totals) == facts["column_totals"]
    # of these categories the higher is the worse
    assert (matrix.n, matrix.down, matrix.same, matrix.up) == (
        facts["n"], facts["better"], facts["same"], facts["worse"],
    )  # fmt: skip


def test_those_with_no_room_to_rise_are_shown_apart() -> None:
    pairs = [pair("50.0", "60.0"), pair("50.0", "50.0"), pair("80.0", "90.0"), pair("80.0", "60.0")]
    matrix = level_matrix(Counter(pairs), CutSet.OLDER)
    assert matrix.no_room == 2
    assert (matrix.share_up.count, matrix.share_up.n) == (1, 4)
    assert (matrix.share_up_with_room.count, matrix.share_up_with_room.n) == (1, 2)
    assert matrix.down == 1


def test_an_empty_matrix_has_no_share() -> None:
    matrix = level_matrix(Counter(), CutSet.CURRENT)
    assert matrix == LevelMatrix(rows=((0, 0, 0, 0),) * 4)
    assert matrix.share_up.fraction is None


MIXTURES = [
    [pair("50.0", "60.0", CutSet.OLDER), pair("50.0", "60.0", CutSet.CURRENT)],
    [pair("50.0", "70.0", CutSet.OLDER, later=CutSet.CURRENT)],
    [pair("50.0", "70.0", CutSet.CURRENT, later=CutSet.OLDER)],
]


@pytest.mark.parametrize("pairs", MIXTURES)
@pytest.mark.parametrize("cut_set", CutSet)
def test_two_cut_sets_never_share_a_matrix(pairs: list[Pair], cut_set: CutSet) -> None:
    with pytest.raises(MixedCutSets):
        level_matrix(Counter(pairs), cut_set)
    with pytest.raises(MixedCutSets):
        change_by_baseline_level(Counter(pairs), cut_set)


def test_pairs_worked_out_afresh_under_one_set_share_a_matrix() -> None:
    pairs = [relevel(each, CutSet.CURRENT) for mixture in MIXTURES for each in mixture]
    assert level_matrix(Counter(pairs), CutSet.CURRENT).rows[1] == (0, 0, 4, 0)


def test_pairs_are_sorted_by_cut_set_and_crossing_ones_kept_apart() -> None:
    older, current = MIXTURES[0]
    (crossing,) = MIXTURES[1]
    assert by_cut_set(Counter([older, crossing, current, older])) == {
        CutSet.OLDER: Counter([older, older]),
        CutSet.CURRENT: Counter([current]),
        None: Counter([crossing]),
    }


def test_change_is_shown_for_each_baseline_level_even_where_nobody_began() -> None:
    pairs = [pair("50.0", "60.0"), pair("52.0", "54.0"), pair("54.0", "54.0"), pair("80.0", "85.0")]
    first, second, third, fourth = change_by_baseline_level(Counter(pairs), CutSet.OLDER)
    assert [entry.level for entry in (first, second, third, fourth)] == [1, 2, 3, 4]
    assert first.change.n == third.change.n == 0
    assert second.change.n == 3
    assert second.change.mean == 4.0
    assert second.interval is not None
    assert (second.improved.count, second.up.count) == (2, 1)
    assert (fourth.change.mean, fourth.interval, fourth.improved.count, fourth.up.count) == (5.0, None, 1, 0)


@given(score_pairs, st.sampled_from(CutSet))
def test_the_baseline_levels_add_up_to_the_matrix_and_to_the_whole_change(
    rows: list[tuple[Decimal, Decimal]], cut_set: CutSet
) -> None:
    pairs = [pair(str(before), str(after), cut_set) for before, after in rows]
    matrix, entries = level_matrix(Counter(pairs), cut_set), change_by_baseline_level(Counter(pairs), cut_set)
    assert tuple(entry.change.n for entry in entries) == matrix.row_totals
    assert sum(entry.up.count for entry in entries) == matrix.up
    assert matrix.up + matrix.same + matrix.down == matrix.n == len(pairs)
    whole = paired_change(Counter(rows)).change
    assert pool(entry.change for entry in entries).mean == pytest.approx(whole.mean, abs=1e-9)


counted_pairs = st.dictionaries(st.tuples(scores, scores), st.integers(1, 30), max_size=12)


@given(counted_pairs, st.sampled_from(CutSet))
def test_pairs_alike_counted_together_move_as_if_each_stood_alone(
    counts: dict[tuple[Decimal, Decimal], int], cut_set: CutSet
) -> None:
    counted = Counter({pair(str(before), str(after), cut_set): count for (before, after), count in counts.items()})
    alone = [(each.baseline.level, each.follow_up.level, float(each.change)) for each in counted.elements()]
    matrix = level_matrix(counted, cut_set)
    for start, row in enumerate(matrix.rows, 1):
        for end, count in enumerate(row, 1):
            assert count == sum((first, second) == (start, end) for first, second, _ in alone)
    for entry in change_by_baseline_level(counted, cut_set):
        changes = [change for first, _, change in alone if first == entry.level]
        assert (entry.change.n, entry.improved.count) == (len(changes), sum(change > 0 for change in changes))
        assert entry.up.count == sum(second > first for first, second, _ in alone if first == entry.level)
        assert entry.change.mean == (pytest.approx(sum(changes) / len(changes), abs=1e-9) if changes else None)
