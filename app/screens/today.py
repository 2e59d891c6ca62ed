"""What is due or late, each kind defined once: a coordinator's morning, and what a mentor has not written up."""

from types import MappingProxyType
from typing import Final
from uuid import UUID

from app.core.database import Reader
from app.core.reading import Key, Source
from app.screens.pam_due import PAM_DUE
from app.screens.shapes import DueItem, DueKind, TodayScreen
from app.screens.showing import show

QUIET_DAYS: Final = 21
SHOWN_PER_KIND: Final = 5

SESSION_DAY: Final = "coalesce(s.held_on, (s.planned_starts_at AT TIME ZONE 'Europe/London')::date)"
NOT_WRITTEN_UP: Final = (
    "(s.status = 'draft' OR s.status = 'booked' "
    "AND coalesce(s.planned_ends_at, s.planned_starts_at) < (SELECT app_now()))"
)
UNWRITTEN_SINCE: Final = f"coalesce({SESSION_DAY}, (s.created_at AT TIME ZONE 'Europe/London')::date)"

_PAM_WANTED: Final = (
    "SELECT d.mentee_id, d.programme_id, d.mentee_id, NULL::uuid, d.opens_on "
    f"FROM ({PAM_DUE}) d WHERE d.prompt = 'wanted' "
    # no window stays open longer than a year after an ending, so older episodes need no look
    "AND (d.ended_on IS NULL OR d.ended_on >= (SELECT app_today()) - 365)"
)

# `(SELECT app_today())` is worked out once a statement, `app_today()` once a row.
# Each gives id, programme_id, mentee_id, mentor_id and the day since when it stands.
_DUE: Final = MappingProxyType(
    {
        DueKind.REFERRAL_UNDECIDED: "SELECT r.id, r.programme_id, NULL::uuid, NULL::uuid, "
        "(r.received_at AT TIME ZONE 'Europe/London')::date FROM referrals r WHERE r.status = 'received'",
        DueKind.OFFER_UNANSWERED: "SELECT c.id, c.programme_id, c.mentee_id, c.mentor_id, "
        "(c.proposed_at AT TIME ZONE 'Europe/London')::date FROM matches c WHERE c.status = 'proposed'",
        DueKind.MATCH_TO_CONFIRM: "SELECT c.id, c.programme_id, c.mentee_id, c.mentor_id, "
        "(c.answered_at AT TIME ZONE 'Europe/London')::date FROM matches c WHERE c.status = 'accepted'",
        DueKind.MENTEE_WAITING: "SELECT m.id, m.programme_id, m.id, NULL::uuid, "
        "(m.waiting_since AT TIME ZONE 'Europe/London')::date FROM mentees m WHERE m.status = 'waiting'",
        # a pair that rests is not quiet; one that never met is quiet since its confirmation
        DueKind.PAIR_QUIET: "SELECT c.id, c.programme_id, c.mentee_id, c.mentor_id, coalesce((SELECT max(s.held_on) "
        "FROM sessions s WHERE s.match_id = c.id AND s.status = 'held'), "
        "(c.confirmed_at AT TIME ZONE 'Europe/London')::date) "
        "FROM matches c JOIN mentees m ON m.id = c.mentee_id WHERE c.status = 'active' AND m.status = 'matched' "
        f"AND (c.confirmed_at AT TIME ZONE 'Europe/London')::date < (SELECT app_today()) - {QUIET_DAYS} "
        "AND NOT EXISTS (SELECT FROM sessions s WHERE s.match_id = c.id AND s.status = 'held' "
        f"AND s.held_on >= (SELECT app_today()) - {QUIET_DAYS})",
        DueKind.BASELINE_WANTED: f"{_PAM_WANTED} AND d.occasion = 'baseline'",
        DueKind.FOLLOW_UP_WANTED: f"{_PAM_WANTED} AND d.occasion = 'follow_up'",
        DueKind.SESSION_NOT_WRITTEN_UP: "SELECT s.id, s.programme_id, s.mentee_id, "
        f"(SELECT c.mentor_id FROM matches c WHERE c.id = s.match_id), {UNWRITTEN_SINCE} "
        f"FROM sessions s WHERE {NOT_WRITTEN_UP}",
        DueKind.PLANNED_END_PASSED: "SELECT m.id, m.programme_id, m.id, NULL::uuid, m.planned_end_on FROM mentees m "
        "WHERE m.status IN ('matched', 'paused') AND m.planned_end_on < (SELECT app_today())",
    }
)

_OPENS: Final = MappingProxyType(
    {
        DueKind.REFERRAL_UNDECIDED: "/v1/screens/triage/",
        DueKind.OFFER_UNANSWERED: "/v1/screens/pair/",
        DueKind.MATCH_TO_CONFIRM: "/v1/screens/pair/",
        DueKind.MENTEE_WAITING: "/v1/mentees/",
        DueKind.PAIR_QUIET: "/v1/screens/pair/",
        DueKind.BASELINE_WANTED: "/v1/mentees/",
        DueKind.FOLLOW_UP_WANTED: "/v1/mentees/",
        DueKind.SESSION_NOT_WRITTEN_UP: "/v1/sessions/",
        DueKind.PLANNED_END_PASSED: "/v1/mentees/",
    }
)


def _due(kind: DueKind) -> str:
    columns = "id, programme_id, mentee_id, mentor_id, since_on"
    return f"SELECT '{kind.value}'::text AS kind, x.* FROM ({_DUE[kind]}) x ({columns})"


_ALL_DUE = " UNION ALL ".join(_due(kind) for kind in _DUE)

# Names are looked up for the few that are shown, not for all that are counted.
_WHO = (
    "coalesce((SELECT coalesce(p.known_as, p.given_name) || ' ' || p.family_name FROM mentees m "
    "JOIN people p ON p.id = m.person_id WHERE m.id = t.mentee_id), "
    "(SELECT coalesce(r.person ->> 'known_as', r.person ->> 'given_name') || ' ' || (r.person ->> 'family_name') "
    "FROM referrals r WHERE r.id = t.id AND t.mentee_id IS NULL))"
)
_MENTOR = "(SELECT o.known_as FROM mentors o WHERE o.id = t.mentor_id)"
_PARTS = f"""
due AS ({_ALL_DUE}),
ranked AS (
  SELECT d.*, row_number() OVER (PARTITION BY kind ORDER BY since_on, id) AS place,
    count(*) OVER (PARTITION BY kind) AS total
  FROM due d WHERE $1::uuid IS NULL OR programme_id = $1),
shown AS MATERIALIZED (
  SELECT t.kind, t.total, t.place, t.id, t.since_on, {_MENTOR} AS mentor, {_WHO} AS who
  FROM ranked t WHERE t.place <= {SHOWN_PER_KIND}),
kinds AS (
  SELECT k.kind, k.label, coalesce(max(s.total), 0) AS count, $5::text || k.kind AS link,
    coalesce(json_agg(json_build_object(
      'id', s.id, 'who', s.who, 'mentor', s.mentor, 'since_on', s.since_on, 'days', app_today() - s.since_on,
      'link', k.opens || s.id) ORDER BY s.place) FILTER (WHERE s.id IS NOT NULL), '[]') AS items
  FROM unnest($2::text[], $3::text[], $4::text[]) WITH ORDINALITY k (kind, label, opens, place)
  LEFT JOIN shown s ON s.kind = k.kind GROUP BY k.kind, k.label, k.place ORDER BY k.place),
answer AS MATERIALIZED (
  SELECT json_build_object('today', app_today(), 'kinds', (SELECT json_agg(row_to_json(k)) FROM kinds k)) AS body,
    ARRAY(SELECT DISTINCT id FROM shown) AS ids)
"""


async def today(db: Reader, programme_id: UUID | None) -> bytes:
    """What is due in the caller's programmes, or in one of them: each kind counted, its longest standing named."""
    kinds = list(DueKind)
    labels, opens = [kind.label for kind in kinds], [_OPENS[kind] for kind in kinds]
    link = f"/v1/screens/today?{f'programme_id={programme_id}&' if programme_id else ''}kind="
    return await show(db, TodayScreen, _PARTS, programme_id, [kind.value for kind in kinds], labels, opens, link)


def due_of(kind: DueKind) -> Source[DueItem]:
    """All that is due of one kind, the longest standing first; `t.kind` is the kind."""
    return Source(
        DueItem,
        f"({_due(kind)}) t",
        fields={
            "who": _WHO,
            "mentor": _MENTOR,
            "days": "app_today() - t.since_on",
            "link": f"'{_OPENS[kind]}' || t.id",
        },
        keys=(Key("t.since_on", "date"), Key("t.id", "uuid")),
        newest_first=False,
    )
