"""A mentor's first look at the phone: the next meeting, offers, what is not written up, and the caseload."""

from dataclasses import replace

from app.core.database import Reader
from app.matches.service import STEPS
from app.screens.shapes import MentorHomeScreen
from app.screens.showing import show
from app.screens.today import NOT_WRITTEN_UP, UNWRITTEN_SINCE
from app.sessions.service import STEPS as SESSION_STEPS

# Row security keeps every part to the mentor's own matches and caseload.
_PARTS = f"""
next_session AS MATERIALIZED (
  SELECT s.id, s.match_id, s.mentee_id, b.known_as, s.planned_starts_at, s.planned_ends_at, s.mode, s.place,
    b.contact_route, b.access_needs, b.communication_needs, b.language, b.is_interpreter_needed, b.safety_note,
    {{of_session}} AS actions, s.version
  FROM sessions s JOIN mentees_briefings b ON b.mentee_id = s.mentee_id
  WHERE s.status = 'booked' AND coalesce(s.planned_ends_at, s.planned_starts_at) >= app_now()
  ORDER BY s.planned_starts_at, s.id LIMIT 1),
offers AS MATERIALIZED (
  SELECT t.id, t.offer, t.proposed_at, {{of_offer}} AS actions, t.version FROM matches t WHERE t.status = 'proposed'),
not_written_up AS MATERIALIZED (
  SELECT s.id, s.match_id, s.mentee_id, b.known_as, s.status, {UNWRITTEN_SINCE} AS since_on,
    {{of_session}} AS actions, s.version
  FROM sessions s JOIN mentees_briefings b ON b.mentee_id = s.mentee_id WHERE {NOT_WRITTEN_UP}),
caseload AS MATERIALIZED (
  SELECT c.id AS match_id, c.mentee_id, b.known_as, m.status, coordinator_name(m.id) AS coordinator_name,
    m.first_held_on, m.planned_end_on, met.*, {{of_match}} AS actions, c.version
  FROM matches c JOIN mentees m ON m.id = c.mentee_id JOIN mentees_briefings b ON b.mentee_id = c.mentee_id
  CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE s.status = 'held') AS held,
    max(s.held_on) FILTER (WHERE s.status = 'held') AS last_held_on,
    min(s.planned_starts_at) FILTER (WHERE s.status = 'booked' AND s.planned_starts_at > app_now()) AS next_starts_at
    FROM sessions s WHERE s.match_id = c.id) met
  WHERE c.status = 'active'),
answer AS MATERIALIZED (
  SELECT json_build_object(
    'next_session', (SELECT row_to_json(x) FROM next_session x),
    'offers', (SELECT coalesce(json_agg(row_to_json(x) ORDER BY x.proposed_at, x.id), '[]') FROM offers x),
    'not_written_up', (SELECT coalesce(json_agg(row_to_json(x) ORDER BY x.since_on, x.id), '[]') FROM not_written_up x),
    'caseload', (SELECT coalesce(json_agg(row_to_json(x) ORDER BY x.known_as, x.match_id), '[]') FROM caseload x)
    ) AS body,
    ARRAY(SELECT id FROM next_session UNION SELECT id FROM offers UNION SELECT id FROM not_written_up
      UNION SELECT mentee_id FROM caseload) AS ids)
"""


async def mentor_home(db: Reader) -> bytes:
    """The home screen of the mentor who asks."""
    permissions = db.actor.permissions
    parts = _PARTS.format(
        of_offer=STEPS.actions_sql(permissions),
        of_match=replace(STEPS, column="c.status").actions_sql(permissions),
        of_session=replace(SESSION_STEPS, column="s.status").actions_sql(permissions),
    )
    return await show(db, MentorHomeScreen, parts)
