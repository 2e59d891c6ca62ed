"""The outcome report of a programme and a period, all from one unchanging picture of the data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.core.database import Reader
from app.core.errors import NotFound, invalid
from app.pam_assessments.levels import CutSet, Measured, Occasion, level
from app.reports import outcomes, words
from app.reports.shapes import OutcomeReport, Period, ProgrammeNamed

# The programme and the period decide how the report is best read. From the sixth time on, PostgreSQL may keep one plan
# for any of them, which for a programme of a million assessments took a minute instead of a second.
_PLAN_AFRESH = "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)"

_MIDNIGHT_BEFORE = "$2::date::timestamp AT TIME ZONE 'Europe/London'"
_MIDNIGHT_AFTER = "($3::date + 1)::timestamp AT TIME ZONE 'Europe/London'"
_REFERRALS = f"""
SELECT count(*) FILTER (WHERE received_at >= {_MIDNIGHT_BEFORE} AND received_at < {_MIDNIGHT_AFTER}) AS received,
  count(*) FILTER (WHERE status = 'accepted' AND decided) AS accepted,
  count(*) FILTER (WHERE status = 'declined' AND decided) AS declined,
  count(*) FILTER (WHERE status = 'withdrawn' AND decided) AS withdrawn
FROM (SELECT status, received_at, decided_at >= {_MIDNIGHT_BEFORE} AND decided_at < {_MIDNIGHT_AFTER} AS decided
  FROM referrals WHERE programme_id = $1) r
"""

# Taken on by a day: the wait for a mentor had begun. A rematch may begin that wait again, so the first match and
# the first session tell it too.
_EPISODES = f"""
SELECT count(*) FILTER (WHERE first_confirmed_on BETWEEN $2 AND $3) AS confirmed,
  count(*) FILTER (WHERE first_held_on BETWEEN $2 AND $3) AS started,
  count(*) FILTER (WHERE ended_on BETWEEN $2 AND $3) AS ended,
  count(*) FILTER (WHERE is_open) AS open_at_end,
  count(*) FILTER (WHERE is_open AND first_held_on <= $3) AS open_and_started_at_end
FROM (SELECT first_confirmed_on, first_held_on, ended_on, (ended_on IS NULL OR ended_on > $3)
    AND (waiting_since < {_MIDNIGHT_AFTER} OR first_confirmed_on <= $3 OR first_held_on <= $3) AS is_open
  FROM mentees WHERE programme_id = $1) m
"""

# Alike episodes are counted here, so that a million of them leave as a few thousand rows and no person's id. Each
# join names the programme and the very condition of its index: so all four are read from indexes alone, in the order
# of the episodes, and nothing is looked up or sorted. The level follows from score and cut set, a constraint says so.
_SCORES = """
SELECT m.first_held_on IS NOT NULL AS has_started, coalesce(m.is_planned_ending, false) AS is_planned_ending,
  b.score AS baseline_score, b.cut_set AS baseline_cut_set, f.score AS follow_up_score, f.cut_set AS follow_up_cut_set,
  n.not_counted, count(*) AS count
FROM mentees m
LEFT JOIN pam_assessments b ON b.programme_id = $1 AND b.mentee_id = m.id
  AND b.placement = 'counts' AND b.occasion = 'baseline'
LEFT JOIN pam_assessments f ON f.programme_id = $1 AND f.mentee_id = m.id
  AND f.placement = 'counts' AND f.occasion = 'follow_up'
LEFT JOIN (
  SELECT mentee_id, string_agg(occasion || ' ' || coalesce(placement, 'withdrawn'), ',' ORDER BY occasion, placement)
    AS not_counted
  FROM pam_assessments
  WHERE programme_id = $1 AND placement IS DISTINCT FROM 'counts' AND occasion <> 'interim' GROUP BY mentee_id
) n ON n.mentee_id = m.id
WHERE m.programme_id = $1 AND m.ended_on BETWEEN $2 AND $3 GROUP BY 1, 2, 3, 4, 5, 6, 7
"""


@dataclass(frozen=True)
class Question:
    """What is asked: a programme, the first and last day, and the cut set to re-level under, if any."""

    programme_id: UUID
    starts_on: date
    ends_on: date
    cut_set: CutSet | None = None


async def report_outcomes(db: Reader, question: Question) -> OutcomeReport:
    """The report as of now. Refuses a programme not one's own (`NotFound`) and days in the wrong order."""
    if question.ends_on < question.starts_on:
        raise invalid("query:until", "dates_order", "The period ends on or after the day it starts.")
    programme = await _programme(db, question.programme_id)
    await db.fetch(_PLAN_AFRESH)
    values = (question.programme_id, question.starts_on, question.ends_on)
    referrals, mentees = (await db.fetch(_REFERRALS, *values))[0], (await db.fetch(_EPISODES, *values))[0]
    episodes = [_episodes(row) for row in await db.fetch(_SCORES, *values)]
    thresholds = outcomes.Thresholds(
        meaningful=Decimal(str(programme["pam_meaningful_change"])),
        reliable=Decimal(str(programme["pam_reliable_change"])),
    )
    return OutcomeReport(
        programme=ProgrammeNamed(id=programme["id"], name=programme["name"], condition=programme["condition"]),
        period=Period(starts_on=question.starts_on, ends_on=question.ends_on),
        as_of=db.info["as_of"],
        cohort_rule=words.COHORT_RULE,
        activity=outcomes.activity(outcomes.Happened(**dict(referrals), **dict(mentees))),
        cohort=outcomes.cohort(episodes),
        pam=outcomes.pam(episodes, thresholds, question.cut_set),
        definitions=dict(words.DEFINITIONS),
        caveats=[*words.CAVEATS, *([words.RELEVELLED] if question.cut_set else [])],
    )


async def _programme(db: Reader, programme_id: UUID) -> Mapping[str, Any]:
    rows = await db.fetch("SELECT * FROM programmes WHERE id = $1", programme_id)
    if not rows:
        raise NotFound()
    found: Mapping[str, Any] = rows[0]
    return found


def _episodes(row: Mapping[str, Any]) -> outcomes.Episodes:
    return outcomes.Episodes(
        count=row["count"],
        has_started=row["has_started"],
        is_planned_ending=row["is_planned_ending"],
        baseline=_measured(row, "baseline"),
        follow_up=_measured(row, "follow_up"),
        not_counted=_not_counted(row["not_counted"] or ""),
    )


def _measured(row: Mapping[str, Any], occasion: str) -> Measured | None:
    score = row[f"{occasion}_score"]
    if score is None:
        return None
    cut_set = CutSet(row[f"{occasion}_cut_set"])
    return Measured(score=score, level=level(score, cut_set), cut_set=cut_set)


def _not_counted(listed: str) -> tuple[tuple[Occasion, str], ...]:
    pairs = (each.split() for each in listed.split(",") if each)
    return tuple((Occasion(occasion), reason) for occasion, reason in pairs)
