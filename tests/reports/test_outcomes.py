"""The outcome report of a year with known answers, every figure against another computation."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from tests.factories import World
from tests.reports.year import CURRENT, OLDER, PAIRS, PERIOD, Aside, Told, Year, report

pytestmark = pytest.mark.anyio

HIGH_IN_THE_OLDER_SET = Decimal("70.0")


def paired(before: Decimal | str, after: Decimal | str, **told: Any) -> Told:
    return Told(baseline=(Decimal(before), CURRENT), follow_up=(Decimal(after), CURRENT), **told)


async def with_pairs(world: World) -> Year:
    """The twenty-three pairs of the published diabetes arm, all ended in the year, five of them unplanned."""
    year = Year(world)
    for number, (before, after) in enumerate(PAIRS):
        await year.episode(paired(before, after, is_planned=number >= 5))
    return year


def table() -> pd.DataFrame:
    frame = pd.DataFrame({"before": [float(b) for b, _ in PAIRS], "after": [float(a) for _, a in PAIRS]})
    # one decimal each, so that 4.0 is 4.0
    frame["change"] = (frame.after - frame.before).round(1)
    frame["level_before"] = pd.cut(frame.before, [-1, 47.0, 55.1, 72.4, 100], labels=[1, 2, 3, 4]).astype(int)
    frame["level_after"] = pd.cut(frame.after, [-1, 47.0, 55.1, 72.4, 100], labels=[1, 2, 3, 4]).astype(int)
    return frame


def mean_of(values: "pd.Series[float]") -> dict[str, Any]:
    n = len(values)
    low, high = (
        stats.t.interval(0.95, n - 1, values.mean(), stats.sem(values)) if n > 1 else (float("nan"), float("nan"))
    )
    told = {"mean": values.mean(), "sd": values.std(), "low": low, "high": high}
    return {"n": n} | {k: None if pd.isna(v) else pytest.approx(v, abs=5.1e-5) for k, v in told.items()}


def share_of(count: int, n: int) -> dict[str, Any]:
    if n == 0:
        return {"count": 0, "n": 0, "percent": None, "low": None, "high": None}
    low, high = proportion_confint(count, n, method="wilson")
    told = {"percent": count / n, "low": low, "high": high}
    return {"count": count, "n": n} | {k: pytest.approx(100 * v, abs=0.051) for k, v in told.items()}


async def test_the_change_in_the_pairs_is_that_of_other_statistics_libraries(world: World) -> None:
    await with_pairs(world)
    frame = table()
    change = (await report(world))["pam"]["change"]
    assert change["baseline"] == mean_of(frame.before)
    assert change["follow_up"] == mean_of(frame.after)
    assert change["change"] == mean_of(frame.change)
    test = stats.ttest_rel(frame.after, frame.before)
    assert change["t_test"] == {
        "t": pytest.approx(test.statistic, abs=5.1e-5),
        "df": 22,
        "p": pytest.approx(test.pvalue, rel=1e-3),
    }
    quartiles = [change[name] for name in ("lower_quartile", "median", "upper_quartile")]
    assert quartiles == [pytest.approx(value, abs=5.1e-5) for value in frame.change.quantile([0.25, 0.5, 0.75])]
    assert change["dz"] == pytest.approx(frame.change.mean() / frame.change.std(), abs=5.1e-5)
    both = ((frame.before.var() + frame.after.var()) / 2) ** 0.5
    assert change["d_av"] == pytest.approx(frame.change.mean() / both, abs=5.1e-5)
    # as published, to the decimals that scores of one decimal leave
    assert round(change["change"]["mean"], 1) == 8.6
    assert (round(change["t_test"]["t"], 2), round(change["t_test"]["p"], 3)) == (2.93, 0.008)


async def test_the_shares_are_those_of_another_statistics_library(world: World) -> None:
    await with_pairs(world)
    frame = table()
    shown = await report(world)
    pam = shown["pam"]
    assert pam["meaningful"] == {"points": 4.0, "share": share_of(int((frame.change >= 4).sum()), 23)}
    assert pam["reliable"] == {"points": 14.6, "share": share_of(int((frame.change >= 14.6).sum()), 23)}
    assert shown["cohort"]["planned"] == share_of(18, 23)
    assert shown["cohort"]["paired"] == share_of(23, 23)


async def test_the_thresholds_are_the_programmes_own(world: World) -> None:
    await world.owner.execute(
        "UPDATE programmes SET pam_meaningful_change = 5, pam_reliable_change = 10.5 WHERE id = $1", world.programme_id
    )
    year = Year(world)
    await year.episode(paired("50.0", "60.4"))
    await year.episode(paired("50.0", "60.5"))
    await year.episode(paired("50.0", "54.9"))
    pam = (await report(world))["pam"]
    assert (pam["meaningful"]["points"], pam["meaningful"]["share"]["count"]) == (5.0, 2)
    assert (pam["reliable"]["points"], pam["reliable"]["share"]["count"]) == (10.5, 1)


async def test_the_levels_are_those_of_another_computation(world: World) -> None:
    await with_pairs(world)
    frame = table()
    (levels,) = (await report(world))["pam"]["levels"]
    crossed = pd.crosstab(frame.level_before, frame.level_after).reindex(
        index=[1, 2, 3, 4], columns=[1, 2, 3, 4], fill_value=0
    )
    assert levels["matrix"] == crossed.to_numpy().tolist()
    assert levels["baseline_totals"] == crossed.sum(axis=1).tolist()
    assert levels["follow_up_totals"] == crossed.sum(axis=0).tolist()
    assert (levels["cut_set"], levels["is_relevelled"], levels["n"]) == ("current", False, 23)
    up = frame.level_after > frame.level_before
    room = frame.level_before < 4
    assert levels["up"] == share_of(int(up.sum()), 23)
    assert levels["up_with_room"] == share_of(int(up.sum()), int(room.sum()))
    assert levels["no_room"] == int((~room).sum())
    assert levels["same"] == int((frame.level_after == frame.level_before).sum())
    assert levels["down"] == int((frame.level_after < frame.level_before).sum())
    for start, group in zip([1, 2, 3, 4], levels["by_baseline_level"], strict=True):
        alike = frame[frame.level_before == start]
        assert group == {
            "level": start,
            "change": mean_of(alike.change),
            "improved": share_of(int((alike.change > 0).sum()), len(alike)),
            "up": share_of(int((alike.level_after > start).sum()), len(alike)),
        }


async def test_pairs_of_two_cut_sets_stand_in_two_matrices_and_mixed_ones_in_none(world: World) -> None:
    year = Year(world)
    high = HIGH_IN_THE_OLDER_SET
    await year.episode(paired("50.0", high))
    await year.episode(Told(baseline=(Decimal("50.0"), OLDER), follow_up=(high, OLDER)))
    await year.episode(Told(baseline=(Decimal("50.0"), OLDER), follow_up=(high, CURRENT)))
    pam = (await report(world))["pam"]
    current, older = pam["levels"]
    assert (current["cut_set"], current["n"], current["matrix"][1]) == ("current", 1, [0, 0, 1, 0])
    assert (older["cut_set"], older["n"], older["matrix"][1]) == ("older", 1, [0, 0, 0, 1])
    assert pam["mixed_cut_sets"] == 1
    # the change in points needs no level
    assert pam["change"]["change"]["n"] == 3


@pytest.mark.parametrize(("cut_set", "row"), [("current", [0, 0, 3, 0]), ("older", [0, 0, 0, 3])])
async def test_asked_for_one_cut_set_all_pairs_are_relevelled_and_the_report_says_so(
    world: World, cut_set: str, row: list[int]
) -> None:
    year = Year(world)
    high = HIGH_IN_THE_OLDER_SET
    for one, other in ((CURRENT, CURRENT), (OLDER, OLDER), (OLDER, CURRENT)):
        await year.episode(Told(baseline=(Decimal("50.0"), one), follow_up=(high, other)))
    shown = await report(world, f"{PERIOD}&cut_set={cut_set}")
    (levels,) = shown["pam"]["levels"]
    assert (levels["cut_set"], levels["is_relevelled"], levels["matrix"][1]) == (cut_set, True, row)
    assert shown["pam"]["mixed_cut_sets"] == 0
    assert "worked out afresh" in shown["caveats"][-1]


async def test_each_ended_episode_without_a_pair_says_why(world: World) -> None:
    year = Year(world)
    fifty = (Decimal("50.0"), CURRENT)
    await year.episode(paired("50.0", "60.0", aside=[Aside("baseline", "early")]))
    await year.episode(Told(baseline=fifty, aside=[Aside("follow_up", "late"), Aside("interim", "interim")]))
    # a baseline counts in the next one, a follow-up in the one after: a second one set aside explains nothing
    await year.episode(
        Told(baseline=(Decimal("41.0"), CURRENT), aside=[Aside("follow_up", "late"), Aside("baseline", "early")])
    )
    await year.episode(Told(follow_up=fifty, aside=[Aside("baseline", "early"), Aside("follow_up", "late")]))
    await year.episode(Told(aside=[Aside("baseline", "excluded_items"), Aside("follow_up", "excluded_straight_line")]))
    await year.episode(Told(aside=[Aside("baseline", None)]))
    await year.episode(Told(first_held_on=None, is_planned=False, aside=[Aside("baseline", "no_anchor")]))
    shown = await report(world)
    cohort = shown["cohort"]
    assert (cohort["ended"], cohort["started"]) == (7, 6)
    assert [cohort[name]["count"] for name in ("planned", "with_baseline", "with_follow_up", "paired")] == [6, 3, 2, 1]
    set_aside = cohort["unpaired"].pop("set_aside")
    assert cohort["unpaired"] == {
        "no_session": 1,
        "no_baseline_nor_follow_up": 2,
        "no_baseline": 1,
        "no_follow_up": 2,
    }
    assert [(each["occasion"], each["reason"], each["count"]) for each in set_aside] == [
        ("baseline", "early", 1),
        ("baseline", "excluded_items", 1),
        ("baseline", "no_anchor", 1),
        ("baseline", "withdrawn", 1),
        ("follow_up", "excluded_straight_line", 1),
        ("follow_up", "late", 2),
    ]
    assert shown["pam"]["baseline_without_follow_up"]["n"] == 2
    assert shown["pam"]["baseline_without_follow_up"]["mean"] == 45.5


async def test_outcomes_go_by_the_day_of_ending_and_activity_by_its_own_day(world: World) -> None:
    year = Year(world)
    first, last = date(2025, 4, 1), date(2026, 3, 31)
    before, after = first - timedelta(days=1), last + timedelta(days=1)
    for ended_on in (before, first, last, after):
        await year.episode(paired("50.0", "60.0", first_held_on=date(2025, 1, 6), ended_on=ended_on))
    for first_held_on in (before, first, last, after):
        await year.episode(Told(first_held_on=first_held_on, ended_on=None, first_confirmed_on=first_held_on))
    shown = await report(world)
    assert (shown["cohort"]["ended"], shown["cohort"]["paired"]["count"]) == (2, 2)
    activity = shown["activity"]
    assert (activity["ended"], activity["started"], activity["confirmed"]) == (2, 2, 6)
    # the one that ended the day after, and four that go on, of which one starts the day after
    assert (activity["open_at_end"], activity["open_and_started_at_end"]) == (5, 4)


async def test_somebody_taken_on_after_the_period_is_not_open_at_its_end(world: World) -> None:
    year = Year(world)
    later = datetime(2026, 4, 1, 9, tzinfo=UTC)
    nobody: dict[str, Any] = {"first_held_on": None, "first_confirmed_on": None, "ended_on": None}
    await year.episode(Told(waiting_since=later, **nobody))
    # waits again since April, after a match of last year
    await year.episode(Told(waiting_since=later, ended_on=None))
    # ten minutes before midnight in London, which is summer time
    await year.episode(Told(waiting_since=datetime(2026, 3, 31, 22, 50, tzinfo=UTC), **nobody))
    assert (await report(world))["activity"]["open_at_end"] == 2


async def test_referrals_are_counted_on_london_days(world: World) -> None:
    year = Year(world)
    long_ago, inside = datetime(2024, 5, 1, tzinfo=UTC), datetime(2025, 8, 1, tzinfo=UTC)
    first_minute, minute_before = datetime(2025, 3, 31, 23, 0, tzinfo=UTC), datetime(2025, 3, 31, 22, 59, tzinfo=UTC)
    last_minute, minute_after = datetime(2026, 3, 31, 22, 59, tzinfo=UTC), datetime(2026, 3, 31, 23, 0, tzinfo=UTC)
    for received_at in (minute_before, first_minute, last_minute, minute_after):
        await year.referred(received_at)
    for decided_at in (minute_before, first_minute, last_minute, minute_after):
        await year.referred(long_ago, "accepted", decided_at)
    for status in ("declined", "withdrawn", "withdrawn", "withdrawn"):
        await year.referred(long_ago, status, inside)
    activity = (await report(world))["activity"]
    assert activity["referrals_received"] == 2
    assert (activity["referrals_accepted"], activity["referrals_declined"], activity["referrals_withdrawn"]) == (
        2,
        1,
        3,
    )
    assert activity["acceptance"] == share_of(2, 3)


async def test_one_pair_has_a_change_and_no_interval_and_nobody_has_neither(world: World) -> None:
    empty = (await report(world))["pam"]
    assert empty["change"]["change"] == {"n": 0, "mean": None, "sd": None, "low": None, "high": None}
    assert (empty["levels"], empty["meaningful"]["share"]["percent"]) == ([], None)
    await Year(world).episode(paired("50.0", "60.0"))
    change = (await report(world))["pam"]["change"]
    assert change["change"] == {"n": 1, "mean": 10.0, "sd": None, "low": None, "high": None}
    assert change["t_test"] is None


async def test_the_report_says_what_it_counts_what_it_does_not_show_and_as_of_when(world: World) -> None:
    shown = await report(world)
    assert "ended in the period" in shown["cohort_rule"]
    caveats = " ".join(shown["caveats"])
    for words in ("no comparison group", "regression to the mean", "nothing about one person", "follow-up"):
        assert words in caveats
    assert datetime.fromisoformat(shown["as_of"]).tzinfo is not None
    assert shown["programme"] == {
        "id": str(world.programme_id),
        "name": "Diabetes peer support",
        "condition": "type_2_diabetes",
    }
    for figure in shown["definitions"]:
        found: Any = shown
        for name in figure.split("."):
            if isinstance(found, list):
                break
            found = found[name]


async def test_alike_episodes_are_counted_together_and_each_counts(world: World) -> None:
    year = Year(world)
    for _ in range(3):
        await year.episode(paired("51.0", "60.6"))
    await year.episode(paired("51.0", "57.0"))
    pam = (await report(world))["pam"]
    assert (pam["change"]["change"]["n"], pam["change"]["change"]["mean"]) == (4, 8.7)
    assert pam["levels"][0]["matrix"][1] == [0, 0, 4, 0]
