"""The outcome report as it leaves: every figure with its size, its spread and what it means."""

from datetime import date, datetime
from uuid import UUID

from app.core.models import Outbound
from app.pam_assessments.levels import CutSet, Occasion
from app.programmes.models import Condition


class ProgrammeNamed(Outbound):
    """Which programme is reported on."""

    id: UUID
    name: str
    condition: Condition


class Period(Outbound):
    """The days reported on, Europe/London, both included."""

    starts_on: date
    ends_on: date


class ShareShown(Outbound):
    """`count` of `n`, in percent with its 95 % Wilson interval; no percent of nobody."""

    count: int
    n: int
    percent: float | None
    low: float | None
    high: float | None


class MeanShown(Outbound):
    """Mean, sample SD (n − 1) and the 95 % t interval of the mean; neither SD nor interval below two."""

    n: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None


class TTestShown(Outbound):
    """Two-sided paired t test; p to four significant digits."""

    t: float
    df: int
    p: float


class ChangeShown(Outbound):
    """Baseline, follow-up and their difference in the same people, in PAM points."""

    baseline: MeanShown
    follow_up: MeanShown
    change: MeanShown
    t_test: TTestShown | None
    """None below two pairs, or where all changed alike."""
    median: float | None
    lower_quartile: float | None
    upper_quartile: float | None
    dz: float | None
    """Mean change over the SD of the change."""
    d_av: float | None
    """Mean change over the root mean square of both SDs."""


class ThresholdShown(Outbound):
    """How many rose by at least so many points."""

    points: float
    share: ShareShown


class BaselineLevelShown(Outbound):
    """Change among those who began at one level."""

    level: int
    change: MeanShown
    improved: ShareShown
    """Any rise in score."""
    up: ShareShown
    """A rise of at least one level."""


class LevelsShown(Outbound):
    """Levels before and after, all of one cut set."""

    cut_set: CutSet
    is_relevelled: bool
    """Whether the levels were worked out afresh from the scores for this report, as `cut_set` asked."""
    n: int
    matrix: list[list[int]]
    """Rows: level 1–4 at baseline; columns: level 1–4 at follow-up."""
    baseline_totals: list[int]
    follow_up_totals: list[int]
    same: int
    down: int
    no_room: int
    """At level 4 at baseline already, so that no rise is possible."""
    up: ShareShown
    up_with_room: ShareShown
    """The same, of those below level 4 at baseline."""
    by_baseline_level: list[BaselineLevelShown]


class Activity(Outbound):
    """What happened in the period, each by the day it happened."""

    referrals_received: int
    referrals_accepted: int
    referrals_declined: int
    referrals_withdrawn: int
    acceptance: ShareShown
    confirmed: int
    started: int
    ended: int
    open_at_end: int
    open_and_started_at_end: int


class SetAside(Outbound):
    """Assessments on record that do not count, of one occasion and for one reason."""

    occasion: Occasion
    reason: str
    """The placement of the assessment, such as `early` or `excluded_items`; or `withdrawn`: entered by mistake."""
    count: int


class Unpaired(Outbound):
    """Why ended episodes have no pair: each stands under exactly one of the first four."""

    no_session: int
    no_baseline_nor_follow_up: int
    no_baseline: int
    no_follow_up: int
    set_aside: list[SetAside]


class Cohort(Outbound):
    """The episodes that ended in the period."""

    ended: int
    started: int
    planned: ShareShown
    with_baseline: ShareShown
    with_follow_up: ShareShown
    paired: ShareShown
    unpaired: Unpaired


class Pam(Outbound):
    """Activation before and after, in the pairs of the cohort."""

    change: ChangeShown
    baseline_without_follow_up: MeanShown
    meaningful: ThresholdShown
    reliable: ThresholdShown
    levels: list[LevelsShown]
    """One entry per cut set in which pairs have both levels; one alone where `cut_set` was asked for."""
    mixed_cut_sets: int
    """Pairs in none of `levels`, because the two levels were given by different cut sets."""


class OutcomeReport(Outbound):
    """What a commissioner reads: how many, and how much they changed."""

    programme: ProgrammeNamed
    period: Period
    as_of: datetime
    """The one moment whose data all figures show."""
    cohort_rule: str
    activity: Activity
    cohort: Cohort
    pam: Pam
    definitions: dict[str, str]
    """What each figure counts, and of what."""
    caveats: list[str]
    """What these figures do not say."""
