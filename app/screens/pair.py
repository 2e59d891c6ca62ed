"""One pair on one screen: the match, the briefing, sessions, goals with their confidence, and what is due."""

from dataclasses import replace
from typing import Any

from app.core.actor import Actor, Role
from app.core.reading import Source
from app.core.steps import Steps
from app.goals.service import STEPS as GOAL_STEPS
from app.matches.service import STEPS
from app.mentees.service import STEPS as MENTEE_STEPS
from app.mentees.shapes import BriefingPublic
from app.screens.pair_shapes import PairForCoordinator, PairForMentor
from app.screens.pam_due import PAM_DUE
from app.screens.today import SESSION_DAY
from app.sessions.service import STEPS as SESSION_STEPS

_MENTEE = (
    "CASE WHEN m.id IS NOT NULL THEN json_build_object('id', m.id, 'status', m.status, "
    "'coordinator_name', coordinator_name(m.id), "
    "'first_held_on', m.first_held_on, 'planned_end_on', m.planned_end_on, 'ended_on', m.ended_on, "
    "'week', CASE WHEN m.ended_on IS NULL THEN (app_today() - m.first_held_on) / 7 + 1 END) END"
)
_BRIEFING = (
    f"(SELECT row_to_json(x) FROM (SELECT {', '.join(f'b.{name}' for name in BriefingPublic.model_fields)} "
    "FROM mentees_briefings b WHERE b.mentee_id = t.mentee_id) x)"
)
_SESSIONS = (
    "(SELECT coalesce(json_agg(row_to_json(x)), '[]') FROM (SELECT s.id, s.status, s.planned_starts_at, s.held_on, "
    "s.minutes, s.mode, s.place, s.topics, s.cancelled_by, n.text AS note, {actions} AS actions, s.version "
    "FROM sessions s LEFT JOIN sessions_notes n "
    f"ON n.session_id = s.id WHERE s.match_id = t.id ORDER BY {SESSION_DAY} DESC NULLS LAST, s.id DESC LIMIT 20) x)"
)
_COUNTS = (
    "(SELECT json_build_object('held', count(*) FILTER (WHERE s.status = 'held'), "
    "'did_not_attend', count(*) FILTER (WHERE s.status = 'did_not_attend'), "
    "'cancelled', count(*) FILTER (WHERE s.status = 'cancelled'), "
    f"'did_not_attend_in_a_row', count(*) FILTER (WHERE s.status = 'did_not_attend' AND {SESSION_DAY} > "
    "coalesce((SELECT max(h.held_on) FROM sessions h WHERE h.match_id = t.id AND h.status = 'held'), '-infinity')), "
    "'last_held_on', max(s.held_on) FILTER (WHERE s.status = 'held'), "
    "'next_starts_at', min(s.planned_starts_at) FILTER "
    "(WHERE s.status = 'booked' AND s.planned_starts_at > app_now())) FROM sessions s WHERE s.match_id = t.id)"
)
_POINTS = (
    "(SELECT json_agg(json_build_object('on', y.on_day, 'confidence', y.confidence, 'progress', y.progress) "
    "ORDER BY y.place, y.on_day, y.id) FROM (SELECT 0 AS place, g.set_on AS on_day, g.confidence, "
    "NULL AS progress, g.id UNION ALL SELECT 1, s.held_on, r.confidence, r.progress, r.id FROM sessions_goal_reviews r "
    "JOIN sessions s ON s.id = r.session_id WHERE r.goal_id = g.id AND s.status = 'held') y)"
)
_GOALS = (
    "(SELECT coalesce(json_agg(row_to_json(x) ORDER BY x.id), '[]') FROM (SELECT g.id, g.area, g.statement, "
    f"g.importance, g.status, {_POINTS} AS points, {{actions}} AS actions, g.version "
    "FROM goals g WHERE g.mentee_id = t.mentee_id) x)"
)
_FOR_BOTH = {
    "mentee": _MENTEE,
    "briefing": _BRIEFING,
    "session_counts": _COUNTS,
}


def _pam(occasion: str) -> str:
    return (
        "(SELECT json_build_object('opens_on', d.opens_on, 'closes_on', d.closes_on, 'prompt', d.prompt) "
        f"FROM ({PAM_DUE}) d WHERE d.mentee_id = t.mentee_id AND d.occasion = '{occasion}')"
    )


OWN_PAIR = Source(PairForMentor, "matches t LEFT JOIN mentees m ON m.id = t.mentee_id", fields=_FOR_BOTH, steps=STEPS)
PAIR = Source(
    PairForCoordinator,
    "matches t JOIN mentees m ON m.id = t.mentee_id JOIN people p ON p.id = m.person_id "
    "JOIN mentors o ON o.id = t.mentor_id",
    fields=_FOR_BOTH
    | {
        "mentee_name": "p.given_name || ' ' || p.family_name",
        "mentor": "json_build_object('id', o.id, 'name', o.name, 'known_as', o.known_as)",
        "pam_baseline": _pam("baseline"),
        "pam_follow_up": _pam("follow_up"),
    },
    steps=STEPS,
)


def source_for(actor: Actor) -> Source[Any]:
    """What this caller may see of a pair: of PAM, names and NHS record a mentor sees nothing."""

    def actions(steps: Steps, column: str) -> str:
        return replace(steps, column=column).actions_sql(actor.permissions)

    source: Source[Any] = OWN_PAIR if actor.role is Role.MENTOR else PAIR
    possible = {
        "sessions": _SESSIONS.format(actions=actions(SESSION_STEPS, "s.status")),
        "goals": _GOALS.format(actions=actions(GOAL_STEPS, "g.status")),
        "mentee_actions": actions(MENTEE_STEPS, "m.status"),
    }
    return replace(source, fields={**source.fields, **possible})
