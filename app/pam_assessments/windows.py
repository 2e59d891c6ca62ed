"""Which assessment of an episode counts as its baseline, which as its follow-up, and when the next is due.

Everything is measured from the first held session of the episode, the anchor. A rematch does not move it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from app.core.codes import Code
from app.pam_assessments.levels import DEFAULT_MIN_ITEMS, CutSet, Form, Measured, Occasion, Pair


@dataclass(frozen=True)
class PamRules:
    """A programme's settings: windows in days, length in weeks, and which answers are too thin to count.

    `follow_up_days` is allowed on either side of the end of the programme; `length_weeks` is for an episode
    that has no planned end of its own yet.
    """

    baseline_before_days: int = 14
    baseline_after_days: int = 14
    follow_up_days: int = 28
    length_weeks: int = 16
    min_items: Mapping[Form, int] = field(default_factory=lambda: dict(DEFAULT_MIN_ITEMS))
    exclude_straight_line: bool = True


@dataclass(frozen=True)
class EpisodeDates:
    """The dates of one episode; `matched_on` is the day of its first confirmed match.

    `planned_end_on` was set when its sessions began and stays when the programme's length changes.
    """

    first_held_on: date | None
    ended_on: date | None = None
    matched_on: date | None = None
    planned_end_on: date | None = None


@dataclass(frozen=True)
class Assessment:
    """What the windows need to know of one recorded assessment."""

    id: UUID
    occasion: Occasion
    assessed_on: date
    form: Form
    score: Decimal
    level: int
    cut_set: CutSet
    items_answered: int
    is_straight_line: bool

    @property
    def measured(self) -> Measured:
        """The score and level alone."""
        return Measured(score=self.score, level=self.level, cut_set=self.cut_set)


class Placement(Code):
    """What became of one assessment; each recorded one has exactly one placement and all are kept."""

    COUNTS = "counts", "Counts"
    EARLY = "early", "Taken too early", "Before the window"
    LATE = "late", "Taken too late", "After the window"
    IN_WINDOW_NOT_NEAREST = "in_window_not_nearest", "Another one is nearer", "In window, not nearest"
    EXCLUDED_ITEMS = "excluded_items", "Too few answers", "Excluded: items missing"
    EXCLUDED_STRAIGHT_LINE = "excluded_straight_line", "The same answer throughout", "Excluded: straight line"
    INTERIM = "interim", "Taken in between", "Interim"
    NO_ANCHOR = "no_anchor", "Sessions have not begun", "No first contact yet"


class Prompt(Code):
    """Whether the coordinator is asked for an assessment today."""

    NOT_YET = "not_yet", "Not yet", "Not due"
    WANTED = "wanted", "Please take it now", "Due"
    COUNTED = "counted", "Done", "Complete"
    MISSED = "missed", "Too late now", "Missed"
    NOT_NEEDED = "not_needed", "Not needed", "Not required"


@dataclass(frozen=True)
class Window:
    """Both days belong to the window; of several assessments in it the one nearest to `centre_on` counts."""

    opens_on: date
    centre_on: date
    closes_on: date


@dataclass(frozen=True)
class Due:
    """When an assessment is due (None: not known yet, or open-ended) and what is asked today."""

    opens_on: date | None
    closes_on: date | None
    prompt: Prompt


@dataclass(frozen=True)
class EpisodePam:
    """The assessments of one episode put in their places."""

    baseline: Assessment | None
    follow_up: Assessment | None
    placed: Mapping[UUID, Placement]
    baseline_due: Due
    follow_up_due: Due

    @property
    def pair(self) -> Pair | None:
        """Baseline and follow-up where both count; their cut sets may differ (see `Pair.cut_set`)."""
        if self.baseline is None or self.follow_up is None:
            return None
        return Pair(baseline=self.baseline.measured, follow_up=self.follow_up.measured)


def place(episode: EpisodeDates, assessments: Iterable[Assessment], rules: PamRules, today: date) -> EpisodePam:
    """Put every assessment of an episode in its place and say what is due as of `today`.

    The order of `assessments` does not matter. At most one baseline and one follow-up count.
    """
    placed: dict[UUID, Placement] = {}
    usable: list[Assessment] = []
    for assessment in assessments:
        reason = _set_aside(assessment, rules)
        if reason is None:
            usable.append(assessment)
        else:
            placed[assessment.id] = reason
    if episode.first_held_on is None:
        return _place_before_the_start(episode, usable, placed, rules, today)
    return _place_around(episode, episode.first_held_on, usable, placed, rules, today)


def baseline_window_of(first_held_on: date, rules: PamRules) -> Window:
    """The days around the first held session on which a baseline counts."""
    return Window(
        opens_on=first_held_on - timedelta(days=rules.baseline_before_days),
        centre_on=first_held_on,
        closes_on=first_held_on + timedelta(days=rules.baseline_after_days),
    )


def planned_end_on(first_held_on: date, rules: PamRules) -> date:
    """The day the programme ends for somebody who stays the whole length."""
    return first_held_on + timedelta(weeks=rules.length_weeks)


def follow_up_window_of(
    episode: EpisodeDates, first_held_on: date, baseline_on: date | None, rules: PamRules
) -> Window:
    """The days around the end on which a follow-up counts: the planned end, or the actual one if earlier.

    The planned end is the episode's own, so that another length of the programme moves no episode that runs.
    After a very early ending these days would reach back to the baseline; the window therefore opens no
    sooner than the first held session and no sooner than the day after the baseline that counts.
    An ending later than planned moves nothing.
    """
    planned_on = episode.planned_end_on or planned_end_on(first_held_on, rules)
    centre_on = min(planned_on, episode.ended_on) if episode.ended_on else planned_on
    days = timedelta(days=rules.follow_up_days)
    opens_on = max(centre_on - days, first_held_on)
    if baseline_on is not None:
        opens_on = max(opens_on, baseline_on + timedelta(days=1))
    return Window(opens_on=opens_on, centre_on=centre_on, closes_on=centre_on + days)


def _place_around(
    episode: EpisodeDates,
    first_held_on: date,
    usable: list[Assessment],
    placed: dict[UUID, Placement],
    rules: PamRules,
    today: date,
) -> EpisodePam:
    window = baseline_window_of(first_held_on, rules)
    baseline = _choose(Occasion.BASELINE, usable, window, placed)
    # a baseline taken after the ending would measure the end, so none is asked for
    last_on = min(window.closes_on, episode.ended_on) if episode.ended_on else window.closes_on
    baseline_due = _due(baseline, window.opens_on, last_on, today)
    window = follow_up_window_of(episode, first_held_on, baseline.assessed_on if baseline else None, rules)
    follow_up = _choose(Occasion.FOLLOW_UP, usable, window, placed)
    follow_up_due = _due(follow_up, window.opens_on, window.closes_on, today)
    return EpisodePam(baseline, follow_up, placed, baseline_due, follow_up_due)


def _place_before_the_start(
    episode: EpisodeDates,
    usable: list[Assessment],
    placed: dict[UUID, Placement],
    rules: PamRules,
    today: date,
) -> EpisodePam:
    """From the match on a baseline is wanted, unless one is fresh enough to count if sessions began today."""
    placed |= {each.id: Placement.NO_ANCHOR for each in usable}
    if episode.ended_on is not None:
        not_needed = Due(None, None, Prompt.NOT_NEEDED)
        return EpisodePam(None, None, placed, not_needed, not_needed)
    oldest_fresh_on = today - timedelta(days=rules.baseline_before_days)
    has_fresh_one = any(each.occasion is Occasion.BASELINE and each.assessed_on >= oldest_fresh_on for each in usable)
    is_matched = episode.matched_on is not None and episode.matched_on <= today
    prompt = Prompt.WANTED if is_matched and not has_fresh_one else Prompt.NOT_YET
    baseline_due = Due(opens_on=episode.matched_on, closes_on=None, prompt=prompt)
    return EpisodePam(None, None, placed, baseline_due, Due(None, None, Prompt.NOT_YET))


def _set_aside(assessment: Assessment, rules: PamRules) -> Placement | None:
    """Why an assessment can never count, whatever its date; None where it can."""
    if assessment.occasion is Occasion.INTERIM:
        return Placement.INTERIM
    if assessment.items_answered < rules.min_items[assessment.form]:
        return Placement.EXCLUDED_ITEMS
    if assessment.is_straight_line and rules.exclude_straight_line:
        return Placement.EXCLUDED_STRAIGHT_LINE
    return None


def _choose(
    occasion: Occasion, usable: list[Assessment], window: Window, placed: dict[UUID, Placement]
) -> Assessment | None:
    """The one nearest to the centre, ties the earlier; writes the placement of each into `placed`."""
    inside: list[Assessment] = []
    for each in usable:
        if each.occasion is not occasion:
            continue
        if each.assessed_on < window.opens_on:
            placed[each.id] = Placement.EARLY
        elif each.assessed_on > window.closes_on:
            placed[each.id] = Placement.LATE
        else:
            placed[each.id] = Placement.IN_WINDOW_NOT_NEAREST
            inside.append(each)
    if not inside:
        return None
    nearest = min(inside, key=lambda one: (abs(one.assessed_on - window.centre_on), one.assessed_on, one.id))
    placed[nearest.id] = Placement.COUNTS
    return nearest


def _due(counted: Assessment | None, opens_on: date, closes_on: date, today: date) -> Due:
    if counted is not None:
        prompt = Prompt.COUNTED
    elif today < opens_on:
        prompt = Prompt.NOT_YET
    elif today <= closes_on:
        prompt = Prompt.WANTED
    else:
        prompt = Prompt.MISSED
    return Due(opens_on=opens_on, closes_on=closes_on, prompt=prompt)
