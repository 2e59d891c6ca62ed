"""Moves between activation levels: who rose, who fell, who had no room to rise; two cut sets never in one table.

Pure, and of pairs counted alike, as the statistics are.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.pam_assessments.levels import HIGHEST_LEVEL, LEVELS, CutSet, Pair
from app.reports.statistics import Interval, Moments, Share, mean_interval, moments, share, tally


class MixedCutSets(ValueError):
    """Levels given by different cut-offs cannot stand in one table; work them out afresh under one set."""


@dataclass(frozen=True)
class LevelMatrix:
    """People by level at baseline (rows 1–4) and at follow-up (columns 1–4), all under one cut set."""

    rows: tuple[tuple[int, ...], ...]

    @property
    def n(self) -> int:
        """Everybody in the table."""
        return sum(self.row_totals)

    @property
    def row_totals(self) -> tuple[int, ...]:
        """People at each level at baseline."""
        return tuple(sum(row) for row in self.rows)

    @property
    def column_totals(self) -> tuple[int, ...]:
        """People at each level at follow-up."""
        return tuple(sum(column) for column in zip(*self.rows, strict=True))

    @property
    def up(self) -> int:
        """People at a higher level at follow-up."""
        return sum(sum(row[start + 1 :]) for start, row in enumerate(self.rows))

    @property
    def same(self) -> int:
        """People at the same level at both."""
        return sum(row[start] for start, row in enumerate(self.rows))

    @property
    def down(self) -> int:
        """People at a lower level at follow-up."""
        return self.n - self.up - self.same

    @property
    def no_room(self) -> int:
        """People already at the highest level at baseline, who cannot rise one."""
        return self.row_totals[-1]

    @property
    def share_up(self) -> Share:
        """Up at least one level, of everybody."""
        return share(self.up, self.n)

    @property
    def share_up_with_room(self) -> Share:
        """Up at least one level, of those who could rise."""
        return share(self.up, self.n - self.no_room)


@dataclass(frozen=True)
class BaselineLevelChange:
    """Change among those who began at one level; `improved` is any rise in score, `up` a rise in level."""

    level: int
    change: Moments
    interval: Interval | None
    improved: Share
    up: Share


def level_matrix(pairs: Counter[Pair], cut_set: CutSet) -> LevelMatrix:
    """Count the pairs by both levels; MixedCutSets where any level was given by another cut set."""
    counts = [[0] * HIGHEST_LEVEL for _ in LEVELS]
    for pair, count in _all_under(cut_set, pairs):
        counts[pair.baseline.level - 1][pair.follow_up.level - 1] += count
    return LevelMatrix(rows=tuple(tuple(row) for row in counts))


def change_by_baseline_level(pairs: Counter[Pair], cut_set: CutSet) -> tuple[BaselineLevelChange, ...]:
    """One entry for each of the four levels, empty ones too; MixedCutSets as for the matrix.

    Those who begin low tend to rise and those who begin high to fall whatever is done (regression to the
    mean; Linden 2013, BMC Med Res Methodol 13:119): the entries show it, they do not correct for it.
    """
    groups: dict[int, Counter[Pair]] = {start: Counter() for start in LEVELS}
    for pair, count in _all_under(cut_set, pairs):
        groups[pair.baseline.level][pair] = count
    return tuple(_level_change(start, group) for start, group in groups.items())


def by_cut_set(pairs: Counter[Pair]) -> Mapping[CutSet | None, Counter[Pair]]:
    """The pairs by the cut set of both their levels; under None those whose two levels differ in it."""
    groups: dict[CutSet | None, Counter[Pair]] = {}
    for pair, count in pairs.items():
        groups.setdefault(pair.cut_set, Counter())[pair] = count
    return groups


def _level_change(start: int, pairs: Counter[Pair]) -> BaselineLevelChange:
    n = pairs.total()
    change = moments(tally((pair.change, count) for pair, count in pairs.items()))
    improved = share(sum(count for pair, count in pairs.items() if pair.change > 0), n)
    up = share(sum(count for pair, count in pairs.items() if pair.follow_up.level > start), n)
    return BaselineLevelChange(start, change, mean_interval(change), improved, up)


def _all_under(cut_set: CutSet, pairs: Counter[Pair]) -> Iterable[tuple[Pair, int]]:
    for pair, count in pairs.items():
        if pair.cut_set is not cut_set:
            raise MixedCutSets("work the levels out afresh under one cut set")
        yield pair, count
