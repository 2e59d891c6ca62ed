"""The mentors of a programme ranked for one mentee, by the programme's own weights."""

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.codes import StatedGender
from app.core.database import Db, Reader, fetch
from app.core.errors import NotFound
from app.core.reading import Found, Key, Page, Paging, Source, one, page
from app.core.rows import get
from app.events import service as events
from app.matches.factors import START_WEIGHTS, Candidate, Factor, Mentee
from app.matches.models import MatchWeights, OfferAnswer
from app.matches.service import EPISODES, MUST_NOT_MEET
from app.matches.suggest import Judged, Suggested, suggest, waiting_bonus
from app.matches.suggestion_shapes import MatchWeightsCreate, MatchWeightsPublic, Suggestions
from app.mentors.service import CAN_SIGN_IN, MISSING_MODULES
from app.programmes.models import Programme

WEIGHTS = Source(MatchWeightsPublic, "matches_weights t", keys=(Key("t.number", "int"),), personal=False)
MOST_EXCLUDED = 200

_MENTEE = """SELECT json_build_object(
  'programme_id', m.programme_id, 'days_waiting', greatest(0, app_today() - m.received_on),
  'languages', CASE WHEN cardinality(f.languages) > 0 THEN f.languages ELSE array_remove(ARRAY[p.language], NULL) END,
  'is_interpreter_needed', p.is_interpreter_needed, 'mentor_gender', f.mentor_gender,
  'is_mentor_gender_required', f.is_mentor_gender_required, 'modes', f.modes, 'slots', f.slots,
  'treatments', f.treatments, 'circumstances', f.circumstances, 'interests', f.interests,
  'birth_year', extract(year FROM i.birth_date)::int, 'session_minutes', g.session_minutes,
  'culture', f.culture, 'not_with', f.not_with, 'availability', f.availability,
  'weights', (SELECT json_build_object('number', w.number, 'weights', w.weights) FROM matches_weights w
    WHERE w.programme_id = m.programme_id ORDER BY w.number DESC LIMIT 1))::text
FROM mentees m JOIN programmes g ON g.id = m.programme_id JOIN people p ON p.id = m.person_id
LEFT JOIN people_identifiers i ON i.person_id = p.id JOIN mentees_preferences f ON f.mentee_id = m.id WHERE m.id = $1"""
_MENTORS = f"""SELECT json_build_object(
  'id', t.id, 'name', t.name, 'known_as', t.known_as, 'is_active', t.status = 'active',
  'is_account_usable', {CAN_SIGN_IN}, 'missing_modules', {MISSING_MODULES}, 'capacity', t.capacity,
  'active_match_count', (SELECT count(*) FROM matches a WHERE a.mentor_id = t.id AND a.status = 'active'),
  'languages', t.languages, 'gender', t.gender, 'modes', t.modes, 'slots', t.slots, 'treatments', c.treatments,
  'circumstances', t.circumstances, 'interests', t.interests, 'birth_year', t.birth_year,
  'is_own', EXISTS (SELECT FROM accounts a WHERE a.id = t.account_id AND lower(a.email) = $3),
  'is_excluded', {MUST_NOT_MEET.format("$2", "$2")}, 'before', (SELECT coalesce(json_agg(
      json_build_object('status', h.status, 'answer', h.decline_reason) ORDER BY h.id), '[]')
    FROM matches h WHERE h.mentor_id = t.id AND h.mentee_id IN ({EPISODES.format("$2")})))::text
FROM mentors t LEFT JOIN mentors_conditions c ON c.mentor_id = t.id
WHERE t.programme_id = $1 AND t.status <> 'left'"""
_EMAIL = "SELECT lower(p.email) FROM people p JOIN mentees m ON m.person_id = p.id WHERE m.id = $1"
_NOTE = "INSERT INTO audit_reads (shape, ids) VALUES ($1, $2)"
_OPEN = frozenset({"proposed", "accepted", "active"})


async def suggestions(db: Reader, mentee_id: UUID, limit: int) -> bytes:
    """`Suggestions` as JSON; `NotFound` where the mentee is not the caller's to see. Nothing is changed."""
    found = await fetch(db, _MENTEE, mentee_id)
    if not found:
        raise NotFound()
    wanted = orjson.loads(found[0][0])
    email = (await fetch(db, _EMAIL, mentee_id))[0][0]
    rows = [orjson.loads(row[0]) for row in await fetch(db, _MENTORS, wanted["programme_id"], mentee_id, email)]
    number, weights = _weights(wanted["weights"])
    suggested = suggest(_mentee(wanted), [_candidate(row) for row in rows], weights)
    shown = _shown(suggested, {row["id"]: row for row in rows}, limit)
    await fetch(db, _NOTE, Suggestions.__name__, [mentee_id, *_ids(shown)])
    return orjson.dumps(
        shown
        | {
            "mentee_id": mentee_id,
            "weights_number": number,
            "waiting_bonus": waiting_bonus(wanted["days_waiting"]),
            "left_out": [
                {"factor": factor, "weight": weights[factor], "words": words}
                for factor, words in suggested.left_out.items()
            ],
        }
        | {name: wanted[name] for name in ("culture", "not_with", "availability")}
    )


async def replace_weights(db: AsyncSession, programme_id: UUID, new: MatchWeightsCreate) -> Found:
    """These weights, as the next version, rank from now on; older versions stay."""
    await get(db, Programme, programme_id, lock=True)
    sql = "SELECT coalesce(max(number), 0) FROM matches_weights WHERE programme_id = $1"
    number = (await fetch(db, sql, programme_id))[0][0] + 1
    row = MatchWeights(programme_id=programme_id, number=number, weights={f.value: w for f, w in new.weights.items()})
    db.add(row)
    await events.record(db, "programme.match_weights_replaced", row)
    return await one(db, WEIGHTS, "t.id = $1", row.id)


async def list_weights(db: Reader, programme_id: UUID, paging: Paging, *, secret: bytes) -> Page:
    """All versions, the one in force first; none where the programme has what every programme starts with."""
    await _check_programme(db, programme_id)
    return await page(db, WEIGHTS, [("t.programme_id = {}", programme_id)], paging, secret=secret)


async def _check_programme(db: Db, programme_id: UUID) -> None:
    if not await fetch(db, "SELECT FROM programmes WHERE id = $1", programme_id):
        raise NotFound()


def _weights(kept: Mapping[str, Any] | None) -> tuple[int, Mapping[Factor, int]]:
    if kept is None:
        return 0, START_WEIGHTS
    return kept["number"], {Factor(name): weight for name, weight in kept["weights"].items()}


def _mentee(row: Mapping[str, Any]) -> Mentee:
    given = {name: row[name] for name in Mentee.__dataclass_fields__}
    return Mentee(**given | {"mentor_gender": _gender(row["mentor_gender"])})


def _candidate(row: Mapping[str, Any]) -> Candidate:
    given = {name: row[name] for name in Candidate.__dataclass_fields__ if name in row}
    return Candidate(
        **given
        | {
            "gender": _gender(row["gender"]),
            "is_excluded": row["is_excluded"] or row["is_own"],
            "is_offered": any(one["status"] in _OPEN for one in row["before"]),
        }
    )


def _gender(code: str | None) -> StatedGender | None:
    return StatedGender(code) if code else None


def _shown(suggested: Suggested, rows: Mapping[str, Mapping[str, Any]], limit: int) -> dict[str, Any]:
    counts = Counter(broken.rule for judged in suggested.excluded for broken in judged.broken)
    return {
        "suggestions": [_suggestion(judged, rows[judged.id]) for judged in suggested.ranked[:limit]],
        "suggestion_count": len(suggested.ranked),
        "excluded": [
            _named(rows[judged.id]) | {"rules": [{"rule": b.rule, "words": b.words} for b in judged.broken]}
            for judged in suggested.excluded[:MOST_EXCLUDED]
        ],
        "excluded_count": len(suggested.excluded),
        "excluded_by": [{"rule": rule, "mentor_count": count} for rule, count in counts.most_common()],
    }


def _suggestion(judged: Judged, row: Mapping[str, Any]) -> dict[str, Any]:
    declined = [OfferAnswer(b["answer"]).label for b in row["before"] if b["answer"]]
    ended = [b for b in row["before"] if b["status"] == "ended"]
    flags = [f"Declined before: {label.lower()}" for label in declined]
    flags += ["Was this mentee's mentor before"] if ended else []
    return _named(row) | {
        "score": judged.score,
        "factors": [
            {"factor": p.factor, "weight": p.weight, "points": p.points, "words": p.words} for p in judged.parts
        ],
        "flags": flags,
        "active_match_count": row["active_match_count"],
        "capacity": row["capacity"],
    }


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"mentor_id": row["id"], "name": row["name"], "known_as": row["known_as"]}


def _ids(shown: Mapping[str, Any]) -> list[UUID]:
    return [UUID(one["mentor_id"]) for one in (*shown["suggestions"], *shown["excluded"])]
