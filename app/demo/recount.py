"""The report counted again, by other code, from the lists that the service gave over HTTP.

Nothing is shared with the service: the windows, the pairs and the statistics are written down here a second time.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import sqrt
from statistics import mean, stdev
from typing import Any
from zoneinfo import ZoneInfo

from scipy.special import stdtrit

LONDON = ZoneInfo("Europe/London")
Z = 1.959963984540054
BASELINE_DAYS = 14
FOLLOW_UP_DAYS = 28
LENGTH = timedelta(weeks=16)
FEWEST_ITEMS = 10
Assessment = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """One figure as the report has it and as it was counted again."""

    name: str
    reported: float | None
    counted: float | None

    @property
    def agrees(self) -> bool:
        """Equal to what the report rounds to."""
        if self.reported is None or self.counted is None:
            return self.reported is self.counted
        return (
            abs(self.reported - self.counted) < 0.06
            if isinstance(self.counted, float)
            else self.reported == self.counted
        )


def figures(report: dict[str, Any], answers: dict[str, list[Any]], starts_on: date, ends_on: date) -> list[Figure]:
    """Every figure of the report's page beside its recount."""
    told = _flat(report)
    counted = _activity(answers, starts_on, ends_on) | _outcome(answers, starts_on, ends_on)
    return [Figure(name, told.get(name), value) for name, value in counted.items()]


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {k: v for key, part in value.items() for k, v in _flat(part, f"{name}.{key}".lstrip(".")).items()}
    if isinstance(value, list):
        return {k: v for place, part in enumerate(value) for k, v in _flat(part, f"{name}.{place}").items()}
    return {name: value}


def _day(instant: str) -> date:
    return datetime.fromisoformat(instant).astimezone(LONDON).date()


def _activity(answers: dict[str, list[Any]], starts_on: date, ends_on: date) -> dict[str, float | None]:
    def within(day: date | None) -> bool:
        return day is not None and starts_on <= day <= ends_on

    referrals = answers["referrals"]
    first_held = _first_held(answers["sessions"])
    counts: dict[str, float | None] = {
        "activity.referrals_received": sum(within(_day(r["received_at"])) for r in referrals)
    }
    for status in ("accepted", "declined", "withdrawn"):
        decided = [r for r in referrals if r["status"] == status and within(_day(r["decided_at"]))]
        counts[f"activity.referrals_{status}"] = len(decided)
    counts["activity.started"] = sum(within(day) for day in first_held.values())
    ended = [m for m in answers["mentees"] if m["ended_on"] and within(date.fromisoformat(m["ended_on"]))]
    counts["activity.ended"] = counts["cohort.ended"] = len(ended)
    counts["activity.open_at_end"] = len(answers["mentees"]) - len(ended)
    return counts


def _first_held(sessions: list[Any]) -> dict[str, date]:
    found: dict[str, date] = {}
    for session in sessions:
        if session["status"] == "held":
            day = date.fromisoformat(session["held_on"])
            found[session["mentee_id"]] = min(day, found.get(session["mentee_id"], day))
    return found


def _outcome(answers: dict[str, list[Any]], starts_on: date, ends_on: date) -> dict[str, float | None]:
    first_held = _first_held(answers["sessions"])
    assessments: dict[str, list[Assessment]] = defaultdict(list)
    for assessment in answers["pam-assessments"]:
        if not assessment.get("is_withdrawn"):
            assessments[assessment["mentee_id"]].append(assessment)
    pairs: list[tuple[Assessment, Assessment]] = []
    baselines = follow_ups = started = 0
    for mentee in answers["mentees"]:
        if not mentee["ended_on"] or not starts_on <= date.fromisoformat(mentee["ended_on"]) <= ends_on:
            continue
        anchor = first_held.get(mentee["id"])
        started += anchor is not None
        baseline, follow_up = _pair(assessments[mentee["id"]], anchor, date.fromisoformat(mentee["ended_on"]))
        baselines += baseline is not None
        follow_ups += follow_up is not None
        if baseline is not None and follow_up is not None:
            pairs.append((baseline, follow_up))
    counted: dict[str, float | None] = {
        "cohort.started": started,
        "cohort.with_baseline.count": baselines,
        "cohort.with_follow_up.count": follow_ups,
        "cohort.paired.count": len(pairs),
    }
    return counted | _statistics(pairs)


def _pair(
    assessments: list[Assessment], first_held_on: date | None, ended_on: date
) -> tuple[Assessment | None, Assessment | None]:
    if first_held_on is None:
        return None, None
    usable = [a for a in assessments if a["items_answered"] >= FEWEST_ITEMS and not a["is_straight_line"]]
    width = timedelta(days=BASELINE_DAYS)
    baseline = _nearest(usable, "baseline", first_held_on - width, first_held_on + width, first_held_on)
    anchor = min(first_held_on + LENGTH, ended_on)
    width = timedelta(days=FOLLOW_UP_DAYS)
    opens_on = max(anchor - width, first_held_on)
    if baseline is not None:
        opens_on = max(opens_on, _assessed(baseline) + timedelta(days=1))
    return baseline, _nearest(usable, "follow_up", opens_on, anchor + width, anchor)


def _assessed(assessment: Assessment) -> date:
    return date.fromisoformat(assessment["assessed_on"])


def _nearest(usable: list[Assessment], occasion: str, first: date, last: date, anchor: date) -> Assessment | None:
    inside = [a for a in usable if a["occasion"] == occasion and first <= _assessed(a) <= last]
    return min(inside, key=lambda a: (abs(_assessed(a) - anchor), _assessed(a), a["id"]), default=None)


def _statistics(pairs: list[tuple[Assessment, Assessment]]) -> dict[str, float | None]:
    before = [float(baseline["score"]) for baseline, _ in pairs]
    after = [float(follow_up["score"]) for _, follow_up in pairs]
    change = [b - a for a, b in zip(before, after, strict=True)]
    counted: dict[str, float | None] = {}
    for name, values in (("baseline", before), ("follow_up", after), ("change", change)):
        low, high = _interval(values)
        counted |= {
            f"pam.change.{name}.{k}": v
            for k, v in {"mean": mean(values), "sd": stdev(values), "low": low, "high": high}.items()
        }
    counted["pam.change.t_test.t"] = mean(change) / (stdev(change) / sqrt(len(change)))
    counted["pam.meaningful.share.count"] = sum(c >= 4 - 1e-9 for c in change)
    counted["pam.reliable.share.count"] = sum(c >= 14.6 - 1e-9 for c in change)
    return counted | _levels(pairs)


def _interval(values: list[float]) -> tuple[float, float]:
    half = float(stdtrit(len(values) - 1, 0.975)) * stdev(values) / sqrt(len(values))
    return mean(values) - half, mean(values) + half


def _levels(pairs: list[tuple[Assessment, Assessment]]) -> dict[str, float | None]:
    n = len(pairs)
    up = sum(follow_up["level"] > baseline["level"] for baseline, follow_up in pairs)
    centre, spread = up / n + Z * Z / (2 * n), Z * sqrt(up / n * (1 - up / n) / n + Z * Z / (4 * n * n))
    counted: dict[str, float | None] = {
        "pam.levels.0.up.count": up,
        "pam.levels.0.up.percent": 100 * up / n,
        "pam.levels.0.up.low": 100 * (centre - spread) / (1 + Z * Z / n),
        "pam.levels.0.up.high": 100 * (centre + spread) / (1 + Z * Z / n),
    }
    for row in range(4):
        for column in range(4):
            cell = sum((b["level"], f["level"]) == (row + 1, column + 1) for b, f in pairs)
            counted[f"pam.levels.0.matrix.{row}.{column}"] = cell
    return counted
