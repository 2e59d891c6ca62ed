"""Putting the outcome report together from counted episodes: who is in it, who is not and why, and the figures.

Pure: no database. Scores and changes are rounded to four decimals, percentages to one.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.pam_assessments.levels import CutSet, Measured, Occasion, Pair, relevel
from app.reports import level_matrix, statistics
from app.reports.shapes import (
    Activity,
    BaselineLevelShown,
    ChangeShown,
    Cohort,
    LevelsShown,
    MeanShown,
    Pam,
    SetAside,
    ShareShown,
    ThresholdShown,
    TTestShown,
    Unpaired,
)


@dataclass(frozen=True)
class Episodes:
    """So many ended episodes that are alike in all that the report looks at."""

    count: int
    has_started: bool
    is_planned_ending: bool
    baseline: Measured | None
    follow_up: Measured | None
    not_counted: tuple[tuple[Occasion, str], ...] = ()
    """What else is on record of each, baselines and follow-ups with the reason why they do not count."""


@dataclass(frozen=True)
class Happened:
    """What happened in the period, counted."""

    received: int
    accepted: int
    declined: int
    withdrawn: int
    confirmed: int
    started: int
    ended: int
    open_at_end: int
    open_and_started_at_end: int


@dataclass(frozen=True)
class Thresholds:
    """The points of rise that the programme calls meaningful for a group, and reliable."""

    meaningful: Decimal
    reliable: Decimal


def activity(happened: Happened) -> Activity:
    """What happened in the period."""
    return Activity(
        referrals_received=happened.received,
        referrals_accepted=happened.accepted,
        referrals_declined=happened.declined,
        referrals_withdrawn=happened.withdrawn,
        acceptance=_share(statistics.share(happened.accepted, happened.accepted + happened.declined)),
        confirmed=happened.confirmed,
        started=happened.started,
        ended=happened.ended,
        open_at_end=happened.open_at_end,
        open_and_started_at_end=happened.open_and_started_at_end,
    )


def cohort(episodes: Sequence[Episodes]) -> Cohort:
    """Who ended, who of them was measured, and why the others were not."""
    ended = sum(each.count for each in episodes)

    def of_ended(chosen: Iterable[Episodes]) -> ShareShown:
        return _share(statistics.share(sum(each.count for each in chosen), ended))

    return Cohort(
        ended=ended,
        started=sum(each.count for each in episodes if each.has_started),
        planned=of_ended(each for each in episodes if each.is_planned_ending),
        with_baseline=of_ended(each for each in episodes if each.baseline),
        with_follow_up=of_ended(each for each in episodes if each.follow_up),
        paired=of_ended(each for each in episodes if each.baseline and each.follow_up),
        unpaired=_unpaired(episodes),
    )


def _unpaired(episodes: Sequence[Episodes]) -> Unpaired:
    def started(*, has_baseline: bool, has_follow_up: bool) -> int:
        return sum(
            each.count
            for each in episodes
            if each.has_started
            and (each.baseline is not None) is has_baseline
            and (each.follow_up is not None) is has_follow_up
        )

    return Unpaired(
        no_session=sum(each.count for each in episodes if not each.has_started),
        no_baseline_nor_follow_up=started(has_baseline=False, has_follow_up=False),
        no_baseline=started(has_baseline=False, has_follow_up=True),
        no_follow_up=started(has_baseline=True, has_follow_up=False),
        set_aside=_set_aside(episodes),
    )


def _set_aside(episodes: Iterable[Episodes]) -> list[SetAside]:
    """Only where none counts: a second assessment set aside explains nothing that is missing."""
    counts = statistics.tally(
        (reason, each.count)
        for each in episodes
        for reason in each.not_counted
        if (each.baseline if reason[0] is Occasion.BASELINE else each.follow_up) is None
    )
    return [
        SetAside(occasion=occasion, reason=reason, count=count) for (occasion, reason), count in sorted(counts.items())
    ]


def pairs_of(episodes: Iterable[Episodes]) -> Counter[Pair]:
    """One pair for each episode that has both assessments, alike ones counted together."""
    return statistics.tally(
        (Pair(each.baseline, each.follow_up), each.count) for each in episodes if each.baseline and each.follow_up
    )


def pam(episodes: Sequence[Episodes], thresholds: Thresholds, cut_set: CutSet | None) -> Pam:
    """The change in the pairs; with a `cut_set`, every pair's levels worked out afresh under it."""
    pairs = pairs_of(episodes)
    changes = statistics.tally((pair.change, count) for pair, count in pairs.items())
    paired = statistics.paired_change(
        statistics.tally(((pair.baseline.score, pair.follow_up.score), count) for pair, count in pairs.items())
    )
    alone = statistics.tally(
        (each.baseline.score, each.count) for each in episodes if each.baseline and not each.follow_up
    )
    if cut_set:
        pairs = statistics.tally((relevel(pair, cut_set), count) for pair, count in pairs.items())
    groups = level_matrix.by_cut_set(pairs)
    return Pam(
        change=_change(paired),
        baseline_without_follow_up=_mean(statistics.moments(alone)),
        meaningful=_threshold(changes, thresholds.meaningful),
        reliable=_threshold(changes, thresholds.reliable),
        levels=[
            _levels(each, groups[each], is_relevelled=cut_set is not None)
            for each in (CutSet.CURRENT, CutSet.OLDER)
            if each in groups
        ],
        mixed_cut_sets=groups[None].total() if None in groups else 0,
    )


def _change(paired: statistics.PairedChange) -> ChangeShown:
    test, quartiles = paired.t_test, paired.quartiles
    return ChangeShown(
        baseline=_mean(paired.baseline),
        follow_up=_mean(paired.follow_up),
        change=_mean(paired.change),
        t_test=TTestShown(t=round(test.t, 4), df=test.df, p=float(f"{test.p:.4g}")) if test else None,
        median=_rounded(quartiles.median if quartiles else None),
        lower_quartile=_rounded(quartiles.q1 if quartiles else None),
        upper_quartile=_rounded(quartiles.q3 if quartiles else None),
        dz=_rounded(paired.dz),
        d_av=_rounded(paired.d_av),
    )


def _levels(cut_set: CutSet, pairs: Counter[Pair], *, is_relevelled: bool) -> LevelsShown:
    matrix = level_matrix.level_matrix(pairs, cut_set)
    return LevelsShown(
        cut_set=cut_set,
        is_relevelled=is_relevelled,
        n=matrix.n,
        matrix=[list(row) for row in matrix.rows],
        baseline_totals=list(matrix.row_totals),
        follow_up_totals=list(matrix.column_totals),
        same=matrix.same,
        down=matrix.down,
        no_room=matrix.no_room,
        up=_share(matrix.share_up),
        up_with_room=_share(matrix.share_up_with_room),
        by_baseline_level=[
            BaselineLevelShown(
                level=each.level,
                change=_mean(each.change),
                improved=_share(each.improved),
                up=_share(each.up),
            )
            for each in level_matrix.change_by_baseline_level(pairs, cut_set)
        ],
    )


def _threshold(changes: Counter[Decimal], points: Decimal) -> ThresholdShown:
    return ThresholdShown(points=float(points), share=_share(statistics.share_at_least(changes, points)))


def _mean(group: statistics.Moments) -> MeanShown:
    interval = statistics.mean_interval(group)
    return MeanShown(
        n=group.n,
        mean=_rounded(group.mean),
        sd=_rounded(group.sd),
        low=_rounded(interval.low if interval else None),
        high=_rounded(interval.high if interval else None),
    )


def _share(share: statistics.Share) -> ShareShown:
    interval = share.interval
    return ShareShown(
        count=share.count,
        n=share.n,
        percent=_percent(share.fraction),
        low=_percent(interval.low if interval else None),
        high=_percent(interval.high if interval else None),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else round(100 * fraction, 1)
