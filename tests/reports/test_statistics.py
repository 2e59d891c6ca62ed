"""The arithmetic of the outcome report against published figures and against other statistics libraries."""

import json
import math
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.api import DescrStatsW
from statsmodels.stats.proportion import proportion_confint

from app.reports.statistics import (
    DEFAULT_RELIABLE_CHANGE,
    DEFAULT_THRESHOLD,
    Interval,
    Moments,
    mean_interval,
    moments,
    paired_change,
    pool,
    quartiles,
    share,
    share_at_least,
    t_test,
    wilson,
)

FACTS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "outcomes.json").read_text("utf-8"))
HEALTH_WORKERS = FACTS["health_workers"]
PAIRS = [(Decimal(before), Decimal(after)) for before, after in HEALTH_WORKERS["pairs"]]

scores = st.integers(0, 1000).map(lambda tenths: Decimal(tenths) / 10)
score_pairs = st.lists(st.tuples(scores, scores), min_size=2, max_size=60)
often = st.integers(1, 30)
counted_scores = st.dictionaries(scores, often, min_size=1, max_size=12)
counted_pairs = st.dictionaries(st.tuples(scores, scores), often, min_size=1, max_size=12)


def rounded(interval: Interval | None, places: int, scale: int = 1) -> list[float]:
    assert interval is not None
    return [round(interval.low * scale, places), round(interval.high * scale, places)]


# Published figures


@pytest.mark.parametrize("occasion", ["baseline", "follow_up"])
def test_the_coaching_study_has_its_published_intervals(occasion: str) -> None:
    facts = FACTS["coaching"][occasion]
    interval = mean_interval(Moments(FACTS["coaching"]["n"], facts["mean"], facts["sd"]))
    low, high = facts["interval"]
    # 68.02 is known to two places, the others as printed
    assert rounded(interval, 2 if low == 68.02 else 1)[0] == low
    assert rounded(interval, 1)[1] == high


def rebuilt_pairs(correlation: float) -> Counter[tuple[Decimal, Decimal]]:
    """Synthetic scores with exactly the published moments: two made orthogonal, then mixed."""
    facts = FACTS["coaching"]
    draw = np.random.default_rng(110)
    one, other = (stats.zscore(draw.normal(size=facts["n"]), ddof=1) for _ in range(2))
    other = stats.zscore(other - one * (one @ other) / (one @ one), ddof=1)
    mixed = correlation * one + math.sqrt(1 - correlation**2) * other
    before, after = (
        [Decimal(float(facts[occasion]["mean"] + facts[occasion]["sd"] * z)) for z in shape]
        for occasion, shape in (("baseline", one), ("follow_up", mixed))
    )
    return Counter(zip(before, after, strict=True))


@pytest.mark.parametrize("correlation", FACTS["coaching"]["change"]["interval_by_correlation"])
def test_the_coaching_study_has_the_change_interval_its_correlation_implies(correlation: str) -> None:
    expected = FACTS["coaching"]["change"]
    result = paired_change(rebuilt_pairs(float(correlation)))
    assert (round(result.change.mean or 0, 1), round(result.d_av or 0, 2)) == (
        expected["mean"],
        expected["d_av"],
    )
    assert rounded(result.interval, 1) == expected["interval_by_correlation"][correlation]


@pytest.mark.parametrize("facts", FACTS["coaching"]["shares"].values(), ids=FACTS["coaching"]["shares"])
def test_the_coaching_study_has_its_published_shares(facts: dict[str, Any]) -> None:
    assert round(100 * (share(facts["count"], facts["n"]).fraction or 0), 1) == facts["percent"]


def test_the_health_worker_pairs_give_the_published_change() -> None:
    result = paired_change(Counter(PAIRS))
    expected = HEALTH_WORKERS["change"]
    for found, facts in (
        (result.baseline, HEALTH_WORKERS["baseline"]),
        (result.follow_up, HEALTH_WORKERS["follow_up"]),
        (result.change, expected),
    ):
        assert found.n == HEALTH_WORKERS["n"]
        assert (round(found.mean or 0, 2), round(found.sd or 0, 2)) == (facts["mean"], facts["sd"])
    assert rounded(result.interval, 2) == expected["interval"]
    assert result.t_test is not None
    assert (round(result.t_test.t, 4), result.t_test.df) == (expected["t"], expected["df"])
    assert round(result.t_test.p, 4) == expected["p"]
    assert round(result.dz or 0, 2) == expected["dz"]


def test_the_health_worker_pairs_have_the_published_correlation_and_range() -> None:
    result = paired_change(Counter(PAIRS))
    before, after, change = (each.sd or 0 for each in (result.baseline, result.follow_up, result.change))
    correlation = (before**2 + after**2 - change**2) / (2 * before * after)
    assert round(correlation, 4) == HEALTH_WORKERS["change"]["correlation"]
    everything = [float(score) for pair in PAIRS for score in pair]
    assert [round(min(everything), 2), round(max(everything), 2)] == HEALTH_WORKERS["range"]


def test_twelve_of_the_health_worker_pairs_rise_four_points() -> None:
    changes = Counter(after - before for before, after in PAIRS)
    assert share_at_least(changes).count == HEALTH_WORKERS["at_least_4"]


@pytest.mark.parametrize("which", ["two_or_fewer", "three_or_more", "all"])
def test_the_groups_by_baseline_level_pool_to_the_whole(which: str) -> None:
    facts = FACTS["screenings"]
    groups = [*facts["two_or_fewer"], *facts["three_or_more"]] if which == "all" else facts[which]
    whole = pool(Moments(group["n"], group["mean"], group["sd"]) for group in groups)
    expected = facts["pooled"][which]
    assert (round(whole.mean or 0, 2), round(whole.sd or 0, 2)) == (expected["mean"], expected["sd"])
    assert rounded(mean_interval(whole), 2) == expected["interval"]
    improved = sum(round(group["n"] * group["percent_improved"] / 100) for group in groups)
    result = share(improved, whole.n)
    assert (result.count, result.n) == (expected["improved"]["count"], expected["improved"]["n"])
    assert rounded(result.interval, 1, scale=100) == expected["improved"]["percent_interval"]


def test_the_education_study_has_its_shares_of_five_points_and_of_any_rise() -> None:
    facts = FACTS["education"]
    changes = Counter(
        {
            Decimal(-5): facts["down_5"],
            Decimal("-4.9"): facts["down"],
            Decimal(0): facts["same"],
            Decimal("4.9"): facts["up"],
            Decimal(5): facts["up_5"],
        }
    )
    five = share_at_least(changes, Decimal(5))
    any_rise = share_at_least(changes, Decimal("0.1"))
    assert (five.count, five.n) == (facts["up_5"], facts["n"])
    assert rounded(five.interval, 1, scale=100) == facts["at_least_5_percent_interval"]
    assert rounded(any_rise.interval, 1, scale=100) == facts["any_rise_percent_interval"]


def test_the_islington_observations_have_their_published_shares_by_level() -> None:
    counts = FACTS["islington"]["levels"]
    shares = [share(count, sum(counts)).fraction or 0 for count in counts]
    assert [round(100 * fraction, 1) for fraction in shares] == FACTS["islington"]["percent"]


def test_the_reliable_change_follows_from_sd_and_reliability() -> None:
    measurement_error = 13.6 * math.sqrt(1 - 0.85)
    assert round(1.96 * math.sqrt(2) * measurement_error, 1) == float(DEFAULT_RELIABLE_CHANGE)


# Other libraries as a second opinion


@given(score_pairs)
def test_the_paired_t_interval_agrees_with_scipy_and_statsmodels(rows: list[tuple[Decimal, Decimal]]) -> None:
    before, after = [row[0] for row in rows], [row[1] for row in rows]
    assume(len({second - first for first, second in rows}) > 1)
    result = paired_change(Counter(rows))
    assert result.interval is not None
    assert result.t_test is not None
    oracle = stats.ttest_rel([float(each) for each in after], [float(each) for each in before])
    low, high = oracle.confidence_interval(0.95)
    assert (result.interval.low, result.interval.high) == pytest.approx((low, high), rel=1e-9, abs=1e-9)
    assert result.t_test.t == pytest.approx(oracle.statistic, rel=1e-9, abs=1e-9)
    assert result.t_test.df == oracle.df
    assert result.t_test.p == pytest.approx(oracle.pvalue, rel=1e-9, abs=1e-12)
    described = DescrStatsW([float(second - first) for first, second in rows])
    interval = (result.interval.low, result.interval.high)
    assert interval == pytest.approx(described.tconfint_mean(0.05), rel=1e-9, abs=1e-9)


@given(st.integers(0, 3000), st.integers(1, 3000))
def test_the_wilson_interval_agrees_with_scipy_and_statsmodels(count: int, n: int) -> None:
    assume(count <= n)
    interval = wilson(count, n)
    assert interval is not None
    oracle = stats.binomtest(count, n).proportion_ci(0.95, method="wilson")
    found = (interval.low, interval.high)
    assert found == pytest.approx((oracle.low, oracle.high), abs=1e-10)
    assert found == pytest.approx(proportion_confint(count, n, 0.05, method="wilson"), abs=1e-10)
    assert 0 <= interval.low <= count / n <= interval.high <= 1


@given(st.lists(scores, min_size=1, max_size=60))
def test_the_quartiles_agree_with_scipy(values: list[Decimal]) -> None:
    result = quartiles(Counter(values))
    assert result is not None
    oracle = stats.mstats.mquantiles([float(each) for each in values], [0.25, 0.5, 0.75], alphap=1, betap=1)
    assert (result.q1, result.median, result.q3) == pytest.approx(tuple(oracle), abs=1e-9)


@given(st.lists(st.lists(scores, max_size=12), max_size=6))
def test_pooling_groups_is_the_same_as_never_having_divided_them(groups: list[list[Decimal]]) -> None:
    pooled = pool(moments(Counter(group)) for group in groups)
    whole = moments(Counter(value for group in groups for value in group))
    assert pooled.n == whole.n
    assert pooled.mean == pytest.approx(whole.mean, abs=1e-9)
    assert pooled.sd == pytest.approx(whole.sd, abs=1e-6)


# Counted alike, and each alone


def each_alone(counts: dict[Decimal, int]) -> list[float]:
    return [float(value) for value, count in counts.items() for _ in range(count)]


@given(counted_scores)
def test_people_of_the_same_score_counted_together_are_as_if_each_stood_alone(counts: dict[Decimal, int]) -> None:
    alone = each_alone(counts)
    result = moments(Counter(counts))
    assert result.n == len(alone)
    assert result.mean == pytest.approx(np.mean(alone), rel=1e-12, abs=1e-12)
    assert result.sd == (None if len(alone) == 1 else pytest.approx(np.std(alone, ddof=1), rel=1e-9, abs=1e-9))
    middle = quartiles(Counter(counts))
    assert middle is not None
    assert (middle.q1, middle.median, middle.q3) == pytest.approx(tuple(np.percentile(alone, [25, 50, 75])), abs=1e-9)
    reached = share_at_least(Counter(counts), Decimal("14.6"))
    assert (reached.count, reached.n) == (sum(value >= 14.6 for value in alone), len(alone))


@given(counted_pairs)
def test_pairs_alike_counted_together_are_as_if_each_stood_alone(counts: dict[tuple[Decimal, Decimal], int]) -> None:
    rows = [pair for pair, count in counts.items() for _ in range(count)]
    assume(len({after - before for before, after in rows}) > 1)
    before, after = (np.array([float(row[which]) for row in rows]) for which in (0, 1))
    result, oracle = paired_change(Counter(counts)), stats.ttest_rel(after, before)
    assert result.t_test is not None
    assert (result.t_test.t, result.t_test.df) == pytest.approx((oracle.statistic, oracle.df), rel=1e-9, abs=1e-9)
    assert result.t_test.p == pytest.approx(oracle.pvalue, rel=1e-9, abs=1e-12)
    assert result.dz == pytest.approx(np.mean(after - before) / np.std(after - before, ddof=1), rel=1e-9, abs=1e-9)
    both = np.sqrt((np.var(before, ddof=1) + np.var(after, ddof=1)) / 2)
    assert result.d_av == pytest.approx(np.mean(after - before) / both, rel=1e-9, abs=1e-9)


def test_a_million_people_are_two_counted_scores() -> None:
    result = moments(Counter({Decimal("50.0"): 600_000, Decimal("60.0"): 400_000}))
    assert (result.n, result.mean) == (1_000_000, 54.0)
    assert result.sd == pytest.approx(math.sqrt(24 * 1_000_000 / 999_999), rel=1e-12)


# Small and odd groups


def test_nobody_and_everybody_reach_the_very_ends_of_the_scale() -> None:
    for n in range(1, 200):
        nobody, everybody = wilson(0, n), wilson(n, n)
        assert nobody is not None
        assert everybody is not None
        assert (nobody.low, everybody.high) == (0.0, 1.0)


def test_nobody_gives_no_mean_no_share_and_no_interval() -> None:
    result = paired_change(Counter())
    assert result.change == Moments(0, None, None)
    assert (result.interval, result.t_test, result.quartiles, result.dz, result.d_av) == (None,) * 5
    nobody = share_at_least(Counter())
    assert (nobody.n, nobody.fraction, nobody.interval) == (0, None, None)


def test_one_pair_has_a_mean_and_no_interval() -> None:
    result = paired_change(Counter([(Decimal("50.0"), Decimal("54.3"))]))
    assert result.change.mean == pytest.approx(4.3)
    assert (result.change.n, result.change.sd) == (1, None)
    assert (result.interval, result.t_test, result.dz, result.d_av) == (None,) * 4


def test_the_same_change_for_everybody_gives_no_t_and_no_dz() -> None:
    before = [Decimal("40.0"), Decimal("50.1"), Decimal("60.2")]
    result = paired_change(Counter((each, each + Decimal("0.1")) for each in before))
    assert result.change.sd == 0.0
    assert (result.t_test, result.dz) == (None, None)
    assert result.d_av == pytest.approx(0.1 / 10.1)


def test_scores_that_never_vary_give_no_effect_size() -> None:
    result = paired_change(Counter({(Decimal("50.0"), Decimal("60.0")): 3}))
    assert (result.change.mean, result.t_test, result.dz, result.d_av) == (10.0, None, None, None)


@pytest.mark.parametrize(("count", "n"), [(-1, 5), (6, 5), (0, -1)])
def test_an_impossible_share_is_refused(count: int, n: int) -> None:
    with pytest.raises(ValueError, match="share"):
        share(count, n)


def test_a_rise_of_exactly_four_points_reaches_four_points() -> None:
    assert 67.6 - 63.6 < 4
    assert share_at_least(Counter([Decimal("67.6") - Decimal("63.6")]), DEFAULT_THRESHOLD).count == 1
    assert share_at_least(Counter([Decimal("67.5") - Decimal("63.6")]), DEFAULT_THRESHOLD).count == 0


def test_a_mean_of_nought_is_not_significant() -> None:
    result = t_test(moments(Counter([Decimal(-1), Decimal(1)])))
    assert result is not None
    assert (result.t, result.df, result.p) == (0.0, 1, 1.0)
