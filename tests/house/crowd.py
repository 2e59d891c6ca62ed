"""A service that has grown for years, in a database of its own: one large programme, and a small one beside it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from fastapi import FastAPI

from app.core.actor import Role
from app.referrals.references import new_reference
from benchmarks.seed import PROGRAMME, made_id, seed
from tests.factories import Caller, World

MENTEES, MORE_MENTORS = 6_000, 6_000
LARGE, SMALL = made_id(PROGRAMME, 1), made_id(PROGRAMME, 2)

# One mentor in fifty, with all the episodes of these, is the small programme's.
PART = f"""
SET session_replication_role = replica;
INSERT INTO programmes
  SELECT (jsonb_populate_record(p, jsonb_build_object('id', '{SMALL}'))).* FROM programmes p WHERE p.id = '{LARGE}';
CREATE TEMP TABLE chosen AS SELECT id, account_id FROM mentors WHERE get_byte(uuid_send(id), 15) % 50 = 7;
CREATE TEMP TABLE few AS SELECT m.id, m.referral_id, m.person_id
  FROM mentees m JOIN matches t ON t.mentee_id = m.id WHERE t.mentor_id IN (SELECT id FROM chosen);
UPDATE mentors SET programme_id = '{SMALL}' WHERE id IN (SELECT id FROM chosen);
UPDATE mentors_training SET programme_id = '{SMALL}' WHERE mentor_id IN (SELECT id FROM chosen);
UPDATE mentors_conditions SET programme_id = '{SMALL}' WHERE mentor_id IN (SELECT id FROM chosen);
UPDATE access_memberships SET programme_id = '{SMALL}' WHERE account_id IN (SELECT account_id FROM chosen);
UPDATE mentees SET programme_id = '{SMALL}' WHERE id IN (SELECT id FROM few);
UPDATE referrals SET programme_id = '{SMALL}' WHERE id IN (SELECT referral_id FROM few);
UPDATE referrals_triage SET programme_id = '{SMALL}' WHERE referral_id IN (SELECT referral_id FROM few);
UPDATE consents SET programme_id = '{SMALL}' WHERE person_id IN (SELECT person_id FROM few);
"""
WITH_EPISODES = """
SELECT table_name FROM information_schema.columns
WHERE table_schema = 'public' AND column_name IN ('mentee_id', 'programme_id')
GROUP BY table_name HAVING count(*) = 2
"""
# What the seed has none of: goals, and as many mentors as would make a table large.
MORE = f"""
INSERT INTO goals (id, created_at, programme_id, mentee_id, area, statement, importance, confidence, latest_confidence,
  set_on, status, closed_on)
  SELECT gen_random_uuid(), created_at, programme_id, id, 'food', 'Cook', 5, 5, 5, created_at::date,
    (ARRAY['active', 'achieved', 'stopped'])[1 + n % 3], CASE WHEN n % 3 > 0 THEN created_at::date END
  FROM (SELECT *, get_byte(uuid_send(id), 15) AS n FROM mentees) m;
CREATE TEMP TABLE more AS SELECT n, gen_random_uuid() AS id, gen_random_uuid() AS account_id,
  CASE WHEN n % 50 = 7 THEN '{SMALL}'::uuid ELSE '{LARGE}' END AS programme_id
  FROM generate_series(1, {MORE_MENTORS}) n;
INSERT INTO accounts (id, created_at, email, name, status)
  SELECT account_id, now(), 'more' || n || '@example.org', 'More ' || n, 'active' FROM more;
INSERT INTO access_memberships (id, created_at, account_id, role, programme_id)
  SELECT gen_random_uuid(), now(), account_id, 'mentor', programme_id FROM more;
INSERT INTO mentors (id, created_at, programme_id, account_id, name, known_as, status, left_on, capacity, languages,
  modes, interests)
  SELECT id, now(), programme_id, account_id, 'More ' || n, 'More', (ARRAY['active', 'paused', 'left'])[1 + n % 3],
    CASE WHEN n % 3 = 2 THEN current_date END, 1, '{{}}', '{{}}', '{{}}' FROM more;
"""


async def gather(superuser_url: str) -> None:
    """Fill a fresh copy of the template: thousands of mentees, ten sessions each, and what the lists show of them."""
    await seed(superuser_url, MENTEES)
    connection = await asyncpg.connect(superuser_url)
    try:
        await connection.execute(PART)
        for row in await connection.fetch(WITH_EPISODES):
            few = f"UPDATE {row['table_name']} SET programme_id = $1 WHERE mentee_id IN (SELECT id FROM few)"
            await connection.execute(few, SMALL)
        await connection.execute(MORE)
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()


@dataclass(frozen=True)
class Crowd:
    """Who calls in one of the programmes, and things of it that a list may be asked for, by name."""

    callers: dict[Role, Caller]
    named: dict[str, str]


async def crowd_of(app: FastAPI, http: httpx.AsyncClient, owner: Any, programme_id: UUID) -> Crowd:
    """Somebody of each role: the mentor has a pair, and the referrer's practice has referred."""
    pair = await owner.fetchrow(
        "SELECT t.id AS match_id, t.mentee_id, t.mentor_id, t.mentor_account_id, m.person_id, m.coordinator_id, "
        "m.referral_id, r.organisation_id, o.ods_code FROM matches t JOIN mentees m ON m.id = t.mentee_id "
        "JOIN referrals r ON r.id = m.referral_id JOIN organisations o ON o.id = r.organisation_id "
        "WHERE t.programme_id = $1 AND t.status = 'active' ORDER BY t.id LIMIT 1",
        programme_id,
    )
    reference = new_reference()
    await owner.execute("UPDATE referrals SET reference = $1 WHERE id = $2", reference, pair["referral_id"])
    world = World(app, http, owner, programme_id, pair["organisation_id"], pair["ods_code"])
    callers = {
        role: await world.caller(role, organisation_id=world.practice_id if role is Role.REFERRER else None)
        for role in set(Role) - {Role.MENTOR, Role.GATE, Role.WORKER, Role.SERVICE}
    }
    callers[Role.MENTOR] = await world.signed_in(pair["mentor_account_id"], Role.MENTOR)
    named = {name: str(value) for name, value in pair.items()}
    return Crowd(callers, named | {"reference": reference, "programme_id": str(programme_id)})
