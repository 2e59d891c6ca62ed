"""What must be true of the data whatever happened to the machines; read by SQL as the owner, who sees every row."""

import hashlib
from collections import Counter
from typing import Any
from uuid import UUID

from tests.assure.stories import Promises

BROKEN = {
    "a person with two open episodes in a programme": """SELECT person_id FROM mentees WHERE status <> 'ended'
        GROUP BY person_id, programme_id HAVING count(*) > 1""",
    "a mentor with more matches than places": """SELECT m.id FROM mentors m JOIN matches x ON x.mentor_id = m.id
        AND x.status = 'active' GROUP BY m.id HAVING count(*) > m.capacity""",
    "a mentor booked twice for one hour": """SELECT a.id FROM sessions_mentors a JOIN sessions_mentors b
        ON b.mentor_id = a.mentor_id AND b.id <> a.id AND b.planned && a.planned
        WHERE NOT a.is_cancelled AND NOT b.is_cancelled""",
    "a reference given twice": "SELECT reference FROM referrals GROUP BY reference HAVING count(*) > 1",
    "a mentee with two active matches": """SELECT mentee_id FROM matches WHERE status = 'active'
        GROUP BY mentee_id HAVING count(*) > 1""",
    "more places taken than the contract year has": """SELECT y.id FROM programmes_contract_years y JOIN mentees m
        ON m.contract_year_id = y.id WHERE m.extra_place_reason IS NULL
        GROUP BY y.id HAVING count(*) > y.mentee_places""",
    "an accepted referral without its episode, or the other way round": """SELECT r.id FROM referrals r
        FULL JOIN mentees m ON m.referral_id = r.id
        WHERE (r.status = 'accepted') IS DISTINCT FROM (m.id IS NOT NULL)""",
    "a matched mentee without an active match, or the other way round": """SELECT m.id FROM mentees m
        LEFT JOIN matches x ON x.mentee_id = m.id AND x.status = 'active'
        WHERE (m.status = 'matched') <> (x.id IS NOT NULL)""",
    "a confirmed match without its mentor's access": """SELECT x.id FROM matches x
        LEFT JOIN access_caseloads c ON c.source_id = x.id WHERE (x.confirmed_at IS NULL) <> (c.id IS NULL)""",
    "an ended match whose mentor keeps the access": """SELECT x.id FROM matches x
        JOIN access_caseloads c ON c.source_id = x.id WHERE (x.status = 'ended') <> (c.until < '9999-01-01')""",
    "a session booked on a match that has ended": """SELECT s.id FROM sessions s JOIN matches m ON m.id = s.match_id
        WHERE s.status = 'booked' AND m.status <> 'active'""",
    "a session without its mentor, or a held one without its attendance": """SELECT s.id FROM sessions s
        LEFT JOIN sessions_mentors p ON p.session_id = s.id LEFT JOIN sessions_attendances a ON a.session_id = s.id
        WHERE p.id IS NULL OR s.status = 'held' AND a.id IS NULL""",
    "a pair of PAM assessments that is not the mentee's, or a baseline in no pair": """SELECT p.id
        FROM pam_assessments_pairs p JOIN pam_assessments b ON b.id IN (p.baseline_id, p.follow_up_id)
        WHERE b.mentee_id <> p.mentee_id
        UNION ALL SELECT b.id FROM pam_assessments b WHERE b.placement = 'counts' AND b.occasion = 'baseline'
        AND NOT b.is_withdrawn AND NOT EXISTS (SELECT FROM pam_assessments_pairs p WHERE p.baseline_id = b.id)""",
    "an old value without its line in the audit": """SELECT h.id FROM history h
        LEFT JOIN audit_entries e ON e.id = h.entry_id AND e.row_id = h.row_id WHERE e.id IS NULL""",
}
"""Each of these finds rows only where something is wrong; indexes are not trusted, see `broken`."""


TOUCHED = ["mentors", "people", "programmes"]
"""Their version also tells of changes in the tables that hang on them, which are audited there."""


async def broken(owner: Any) -> list[str]:
    """Which invariants do not hold; read without indexes, which might be what is wrong."""
    async with owner.transaction():
        await owner.execute("SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off")
        await owner.execute("SET LOCAL enable_indexonlyscan = off")
        return [what for what, sql in BROKEN.items() if await owner.fetch(sql)]


async def not_audited(owner: Any) -> list[str]:
    """Tables with a row whose making or changes the audit does not tell, or tells twice, or tells of no row."""
    tables = await owner.fetch(
        "SELECT tgrelid::regclass::text AS name FROM pg_trigger WHERE tgname = 'z_audit' ORDER BY 1"
    )
    assert len(tables) > 20
    wrong = []
    for row in tables:
        found = await owner.fetchval(
            f"""SELECT count(*) FROM (SELECT row_id, count(*) FILTER (WHERE verb = 'insert') AS made,
              count(*) FILTER (WHERE verb = 'update') AS changed, count(*) FILTER (WHERE verb = 'delete') AS gone
              FROM audit_entries WHERE table_name = $1 GROUP BY row_id) e FULL JOIN {row["name"]} t ON t.id = e.row_id
            WHERE e.row_id IS NULL OR e.made <> 1 OR e.gone <> (t.id IS NULL)::int OR e.changed > t.version - 1
              OR t.version > 1 AND e.changed = 0 AND $1 <> ALL ($2)""",
            row["name"],
            TOUCHED,
        )
        if found:
            wrong.append(row["name"])
    return wrong


async def differing(owner: Any, promises: Promises, programme_id: UUID) -> list[str]:
    """Where the data and what was promised are not one and the same: lost, doubled, or in another state."""
    wrong = []
    for table, promised in promises.rows.items():
        state = "''" if table == "pam_assessments" else "status"
        rows = await owner.fetch(f"SELECT id, {state} AS state FROM {table} WHERE programme_id = $1", programme_id)
        there = {str(row["id"]): row["state"] for row in rows}
        wrong += [f"{table}: lost {row_id}" for row_id in promised.keys() - there.keys()]
        wrong += [f"{table}: never promised {row_id}" for row_id in there.keys() - promised.keys()]
        both = promised.keys() & there.keys()
        wrong += [f"{table}: {there[i]}, promised {promised[i]}" for i in both if there[i] != promised[i]]
    return wrong


async def events_astray(owner: Any, promises: Promises, programme_id: UUID) -> list[str]:
    """Events that are missing, there twice, or of what was never promised."""
    types = sorted({event for event, _ in promises.events})
    rows = await owner.fetch(
        "SELECT type, subject_id FROM events WHERE programme_id = $1 AND type = ANY ($2)", programme_id, types
    )
    there = Counter((row["type"], str(row["subject_id"])) for row in rows)
    return [f"{what} {n} times more" for what, n in (there - promises.events).items()] + [
        f"{what} {n} times fewer" for what, n in (promises.events - there).items()
    ]


async def answers_astray(owner: Any, kept: dict[str, int]) -> list[str]:
    """Answers promised under a key that are others under it, or not kept; a refusal need not be, it changed nothing."""
    rows = await owner.fetch("SELECT key_hash, status FROM idempotent_answers")
    there = {row["key_hash"]: row["status"] for row in rows}
    promised = {hashlib.sha256(key.encode()).hexdigest(): status for key, status in kept.items()}
    wrong = {key: status for key, status in promised.items() if there.get(key) != status}
    return [f"{status} is {there.get(key)}" for key, status in wrong.items() if status < 400 or key in there]
