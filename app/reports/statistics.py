"""The arithmetic of the outcome report: how much people changed, and how sure one may be of it.

Pure functions on numbers already chosen; results are unrounded, rounding is the caller's. None of it says
that the service caused a change: there is no comparison group.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from scipy.special import ndtri, stdtr, stdtrit

from app.pam_assessments.levels import HIGHEST_LEVEL, LEVELS, CutSet, Pair

DEFAULT_THRESHOLD: Final = Decimal("4.0")
"""Points called meaningful for a group (Turner and others 2015, Patient Educ Couns 98:213)."""

DEFAULT_RELIABLE_CHANGE: Final = Decimal("14.6")
"""Points beyond measurement error for one person: 1.96·√2·SEM, SEM = 13.6·√(1 − 0.85) with the reliability
of the PAM-13 (Hibbard and others 2005, PMC1361231) and the SD of a group with a long-term condition."""

_UPPER_TAIL: Final = 0.975


class MixedCutSets(ValueError):
    """Levels given by different cut-offs cannot stand in one table; work them out afresh under one set."""


@dataclass(frozen=True)
class Interval:
    """A 95 % confidence interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Moments:
    """Size, mean and sample SD (n − 1) of a group; no mean without members, no SD below two."""

    n: int
    mean: float | None
    sd: float | None


_NOBODY: Final = Moments(n=0, mean=None, sd=None)


@dataclass(frozen=True)
class TTest:
    """Two-sided one-sample t test of a mean against 0."""

    t: float
    df: int
    p: float


@dataclass(frozen=True)
class Quartiles:
    """Lower quartile, median, upper quartile."""

    q1: float
    median: float
    q3: float


@dataclass(frozen=True)
class Share:
    """`count` of `n` as a fraction 0–1 with its Wilson interval; both None where n is 0."""

    count: int
    n: int
    fraction: float | None
    interval: Interval | None


@dataclass(frozen=True)
class PairedChange:
    """Baseline, follow-up and their difference in the same people.

    `interval` needs two pairs, `t_test` and `dz` also a change that varies; `dz` is the mean change over
    the SD of the change, `d_av` over the root mean square of the SDs at baseline and follow-up.
    """

    baseline: Moments
    follow_up: Moments
    change: Moments
    interval: Interval | None
    t_test: TTest | None
    quartiles: Quartiles | None
    dz: float | None
    d_av: float | None


def moments(values: Sequence[Decimal]) -> Moments:
    """Size, mean and sample SD of the values."""
    numbers = [float(value) for value in values]
    if not numbers:
        return _NOBODY
    # where all are alike a rounded mean would leave a tiny SD, and from it an enormous t
    all_alike = min(numbers) == max(numbers)
    mean = numbers[0] if all_alike else math.fsum(numbers) / len(numbers)
    return _from_squares(len(numbers), mean, math.fsum((number - mean) ** 2 for number in numbers))


def pool(groups: Iterable[Moments]) -> Moments:
    """The moments of several groups taken as one: squares within the groups plus squares between them."""
    filled = [(group.n, group.mean, group.sd or 0.0) for group in groups if group.mean is not None]
    if not filled:
        return _NOBODY
    n = sum(size for size, _, _ in filled)
    mean = math.fsum(size * group_mean for size, group_mean, _ in filled) / n
    within = math.fsum((size - 1) * sd**2 for size, _, sd in filled)
    between = math.fsum(size * (group_mean - mean) ** 2 for size, group_mean, _ in filled)
    return _from_squares(n, mean, within + between)


def _from_squares(n: int, mean: float, squares: float) -> Moments:
    return Moments(n=n, mean=mean, sd=math.sqrt(squares / (n - 1)) if n > 1 else None)


def mean_interval(group: Moments) -> Interval | None:
    """Mean ± t(0.975, n − 1) · SD / √n; None below two members."""
    if group.mean is None or group.sd is None:
        return None
    half = float(stdtrit(group.n - 1, _UPPER_TAIL)) * group.sd / math.sqrt(group.n)
    return Interval(low=group.mean - half, high=group.mean + half)


def t_test(group: Moments) -> TTest | None:
    """Whether a mean differs from 0; None below two members or where all are alike."""
    if group.mean is None or not group.sd:
        return None
    df = group.n - 1
    t = group.mean / (group.sd / math.sqrt(group.n))
    return TTest(t=t, df=df, p=2 * float(stdtr(df, -abs(t))))


def quartiles(values: Sequence[Decimal]) -> Quartiles | None:
    """Median and quartiles by linear interpolation between the ordered values; None where there are none."""
    if not values:
        return None
    ordered = sorted(float(value) for value in values)

    def at(fraction: float) -> float:
        position = fraction * (len(ordered) - 1)
        below = math.floor(position)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (position - below) * (ordered[above] - ordered[below])

    return Quartiles(q1=at(0.25), median=at(0.5), q3=at(0.75))


def wilson(successes: int, n: int) -> Interval | None:
    """The Wilson score interval of a share, 0–1; None where n is 0, ValueError for impossible counts."""
    if not 0 <= successes <= n:
        raise ValueError("a share needs 0 <= successes <= n")
    if n == 0:
        return None
    z = float(ndtri(_UPPER_TAIL))
    fraction = successes / n
    scale = 1 + z**2 / n
    centre = (fraction + z**2 / (2 * n)) / scale
    half = z / scale * math.sqrt(fraction * (1 - fraction) / n + z**2 / (4 * n**2))
    # nobody and everybody reach the very end of the scale, which floats miss by a hair
    return Interval(
        low=0.0 if successes == 0 else centre - half,
        high=1.0 if successes == n else centre + half,
    )


def share(count: int, n: int) -> Share:
    """`count` of `n` with its interval."""
    return Share(count=count, n=n, fraction=count / n if n else None, interval=wilson(count, n))


def share_at_least(changes: Sequence[Decimal], threshold: Decimal = DEFAULT_THRESHOLD) -> Share:
    """How many of the changes are a rise of `threshold` points or more; for groups, never for a person."""
    return share(sum(change >= threshold for change in changes), len(changes))


def paired_change(baseline: Sequence[Decimal], follow_up: Sequence[Decimal]) -> PairedChange:
    """Summarise scores of the same people in the same order; ValueError where the two differ in length."""
    changes = [after - before for before, after in zip(baseline, follow_up, strict=True)]
    before, after, change = moments(baseline), moments(follow_up), moments(changes)
    dz = d_av = None
    if change.mean is not None and before.sd is not None and after.sd is not None:
        dz = change.mean / change.sd if change.sd else None
        average_sd = math.sqrt((before.sd**2 + after.sd**2) / 2)
        d_av = change.mean / average_sd if average_sd else None
    interval, test = mean_interval(change), t_test(change)
    return PairedChange(before, after, change, interval, test, quartiles(changes), dz, d_av)


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


def level_matrix(pairs: Iterable[Pair], cut_set: CutSet) -> LevelMatrix:
    """Count the pairs by both levels; MixedCutSets where any level was given by another cut set."""
    counts = [[0] * HIGHEST_LEVEL for _ in LEVELS]
    for pair in _all_under(cut_set, pairs):
        counts[pair.baseline.level - 1][pair.follow_up.level - 1] += 1
    return LevelMatrix(rows=tuple(tuple(row) for row in counts))


def change_by_baseline_level(pairs: Iterable[Pair], cut_set: CutSet) -> tuple[BaselineLevelChange, ...]:
    """One entry for each of the four levels, empty ones too; MixedCutSets as for the matrix.

    Those who begin low tend to rise and those who begin high to fall whatever is done (regression to the
    mean; Linden 2013, BMC Med Res Methodol 13:119): the entries show it, they do not correct for it.
    """
    groups: dict[int, list[Pair]] = {start: [] for start in LEVELS}
    for pair in _all_under(cut_set, pairs):
        groups[pair.baseline.level].append(pair)
    return tuple(_level_change(start, group) for start, group in groups.items())


def by_cut_set(pairs: Iterable[Pair]) -> Mapping[CutSet | None, list[Pair]]:
    """The pairs by the cut set of both their levels; under None those whose two levels differ in it."""
    groups: dict[CutSet | None, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(pair.cut_set, []).append(pair)
    return groups


def _level_change(start: int, pairs: Sequence[Pair]) -> BaselineLevelChange:
    changes = [pair.change for pair in pairs]
    change = moments(changes)
    improved = share(sum(each > 0 for each in changes), len(pairs))
    up = share(sum(pair.follow_up.level > start for pair in pairs), len(pairs))
    return BaselineLevelChange(start, change, mean_interval(change), improved, up)


def _all_under(cut_set: CutSet, pairs: Iterable[Pair]) -> Iterable[Pair]:
    for pair in pairs:
        if pair.cut_set is not cut_set:
            raise MixedCutSets("work the levels out afresh under one cut set")
        yield pair
