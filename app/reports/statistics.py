"""The arithmetic of the outcome report: how much people changed, and how sure one may be of it.

Pure functions on numbers already chosen, each with how often it occurs, so that a million people cost no more than
the few thousand different results they have. Results are unrounded, rounding is the caller's. None of it says that
the service caused a change: there is no comparison group.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import Final, TypeVar

from scipy.special import ndtri, stdtr, stdtrit

DEFAULT_THRESHOLD: Final = Decimal("4.0")
"""Points called meaningful for a group (Turner and others 2015, Patient Educ Couns 98:213)."""

DEFAULT_RELIABLE_CHANGE: Final = Decimal("14.6")
"""Points beyond measurement error for one person: 1.96·√2·SEM, SEM = 13.6·√(1 − 0.85) with the reliability
of the PAM-13 (Hibbard and others 2005, PMC1361231) and the SD of a group with a long-term condition."""

_UPPER_TAIL: Final = 0.975

Value = TypeVar("Value")


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


def tally(counted: Iterable[tuple[Value, int]]) -> Counter[Value]:
    """How many of each value, where one value may come several times."""
    counts: Counter[Value] = Counter()
    for value, count in counted:
        counts[value] += count
    return counts


def moments(values: Counter[Decimal]) -> Moments:
    """Size, mean and sample SD of the values."""
    numbers = [(float(value), count) for value, count in values.items()]
    if not numbers:
        return _NOBODY
    n = values.total()
    lowest, highest = min(numbers)[0], max(numbers)[0]
    # where all are alike a rounded mean would leave a tiny SD, and from it an enormous t
    mean = lowest if lowest == highest else math.fsum(number * count for number, count in numbers) / n
    return _from_squares(n, mean, math.fsum(count * (number - mean) ** 2 for number, count in numbers))


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


def quartiles(values: Counter[Decimal]) -> Quartiles | None:
    """Median and quartiles by linear interpolation between the ordered values; None where there are none."""
    if not values:
        return None
    ordered = sorted(values)
    ends = list(accumulate(values[value] for value in ordered))
    last = ends[-1] - 1

    def nth(position: int) -> float:
        return float(ordered[bisect_right(ends, min(position, last))])

    def at(fraction: float) -> float:
        position = fraction * last
        below = math.floor(position)
        return nth(below) + (position - below) * (nth(below + 1) - nth(below))

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


def share_at_least(changes: Counter[Decimal], threshold: Decimal = DEFAULT_THRESHOLD) -> Share:
    """How many of the changes are a rise of `threshold` points or more; for groups, never for a person."""
    return share(sum(count for change, count in changes.items() if change >= threshold), changes.total())


def paired_change(scores: Counter[tuple[Decimal, Decimal]]) -> PairedChange:
    """Summarise the (baseline, follow-up) scores of the same people."""
    before = moments(tally((first, count) for (first, _), count in scores.items()))
    after = moments(tally((second, count) for (_, second), count in scores.items()))
    changes = tally((second - first, count) for (first, second), count in scores.items())
    change = moments(changes)
    dz = d_av = None
    if change.mean is not None and before.sd is not None and after.sd is not None:
        dz = change.mean / change.sd if change.sd else None
        average_sd = math.sqrt((before.sd**2 + after.sd**2) / 2)
        d_av = change.mean / average_sd if average_sd else None
    interval, test = mean_interval(change), t_test(change)
    return PairedChange(before, after, change, interval, test, quartiles(changes), dz, d_av)
