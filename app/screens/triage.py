"""One referral laid out for the coordinator who decides on it."""

from uuid import UUID

from app.core.database import Reader
from app.core.reading import Source
from app.referrals.service import REFERRALS
from app.screens.shapes import TriageScreen
from app.screens.showing import show

_PRACTICE = (
    "(SELECT json_build_object('ods_code', k.code, 'name', "
    "(SELECT g.name FROM organisations g WHERE g.ods_code = k.code)) "
    "FROM (SELECT t.person ->> 'practice_ods_code' AS code) k WHERE k.code IS NOT NULL)"
)
_LINKED = (
    "(SELECT coalesce(json_agg(row_to_json(x) ORDER BY x.received_at, x.id), '[]') FROM (SELECT r.id, "
    "r.reference, r.status, g.name AS organisation_name, r.received_at FROM referrals_links l JOIN referrals r "
    "ON r.id IN (l.referral_id, l.other_referral_id) AND r.id <> t.id "
    "LEFT JOIN organisations g ON g.id = r.organisation_id WHERE t.id IN (l.referral_id, l.other_referral_id)) x)"
)
# A postcode, a phone or a similar name alone is no candidate; whom the referral was accepted as is none either.
_DUPLICATES = (
    "(SELECT coalesce(json_agg(row_to_json(x)), '[]') FROM (SELECT p.id, p.given_name, p.family_name, p.known_as, "
    "i.birth_date, i.nhs_number, i.postcode, f.same, (SELECT json_build_object('mentee_id', m.id, 'status', m.status, "
    "'ended_on', m.ended_on) FROM mentees m WHERE m.person_id = p.id AND m.programme_id = t.programme_id "
    "ORDER BY m.id DESC LIMIT 1) AS episode "
    "FROM people_alike(jsonb_strip_nulls(jsonb_build_object('nhs_number', t.person -> 'nhs_number', "
    "'birth_date', t.person -> 'birth_date', 'postcode', t.person -> 'postcode', 'phone', t.person -> 'phone', "
    "'name', (t.person ->> 'given_name') || ' ' || (t.person ->> 'family_name')))) f "
    "JOIN people p ON p.id = f.person_id JOIN people_identifiers i ON i.person_id = p.id "
    "WHERE ('nhs_number' = ANY (f.same) OR cardinality(f.same) > 1 "
    "AND f.same && ARRAY['name', 'similar_name', 'birth_date']) "
    "AND NOT EXISTS (SELECT FROM mentees m WHERE m.referral_id = t.id AND m.person_id = p.id) "
    "ORDER BY f.weight DESC, p.id LIMIT 10) x)"
)
TRIAGE = Source(
    TriageScreen,
    REFERRALS.rows,
    fields={
        **REFERRALS.fields,
        "practice": _PRACTICE,
        "linked_referrals": _LINKED,
        "possible_duplicates": _DUPLICATES,
    },
    steps=REFERRALS.steps,
)


async def triage(db: Reader, referral_id: UUID) -> bytes:
    """The referral with all that helps to decide; `NotFound` where it is not the caller's to see."""
    parts = (
        f"found AS MATERIALIZED (SELECT t.id, (SELECT row_to_json(x) FROM (SELECT {TRIAGE.columns(db, [])}) x) AS body "
        f"FROM {TRIAGE.rows} WHERE t.id = $1), "
        "answer AS MATERIALIZED (SELECT body, id || ARRAY(SELECT (shown ->> 'id')::uuid FROM ("
        "SELECT json_array_elements(body -> 'possible_duplicates') "
        "UNION ALL SELECT json_array_elements(body -> 'linked_referrals')) s (shown)) AS ids FROM found)"
    )
    return await show(db, TriageScreen, parts, referral_id)
