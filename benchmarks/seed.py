"""Fills an empty, migrated database with a made-up service of any size, by whole tables at a time."""

import asyncio
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from app.access.keys import SigningKeys
from app.access.passwords import PasswordHasher
from app.access.permissions import permissions_of
from app.access.tokens import issue
from app.core.actor import Actor, Kind, Role

SQL = Path(__file__).with_name("seed.sql")
MENTEES_PER_MENTOR = 25
"""Two at a time, sixteen weeks each: about four years of a mentor's work."""
SESSIONS = 10
LARGE = 5_000
"""From so many mentees on, indexes are made after the rows: several times faster."""
WORTH_TELLING = 1.0
"""Seconds from which on a step is told of."""
PASSWORD = "lantern gravel Tuesday"
"""Of the first coordinator, mentor, analyst and referrer."""
ELIGIBILITY = [
    {"kind": "minimum_age", "result": "met", "words": "At least 18 years old: met."},
    {"kind": "condition", "result": "met", "words": "Lives with type 2 diabetes: met."},
]
# The number of each kind of row in its ids (`seeding.id` in seed.sql).
PROGRAMME, MENTOR, ORGANISATION = 1, 6, 9
ACCOUNTS = {Role.MENTOR: 7, Role.COORDINATOR: 8, Role.ANALYST: 13, Role.REFERRER: 14}
SIGN_IN = 48
BEGAN = datetime(2010, 1, 4, 9, tzinfo=UTC)

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Caller:
    """Somebody who is signed in already; `email` and `PASSWORD` sign in afresh."""

    account_id: UUID
    sign_in_id: UUID
    role: Role
    email: str

    @property
    def actor(self) -> Actor:
        """The same for work without HTTP."""
        allowed = permissions_of(self.role)
        return Actor(Kind.ACCOUNT, self.role, self.account_id, sign_in_id=self.sign_in_id, permissions=allowed)

    def token(self, keys: SigningKeys, public_url: str, lifetime: timedelta = timedelta(hours=12)) -> str:
        """An access token for the service that has these keys and this `public_url`."""
        return issue(
            keys,
            issuer=public_url,
            audience=public_url,
            subject=self.account_id,
            kind=Kind.ACCOUNT,
            role=self.role,
            lifetime=lifetime,
            now=datetime.now(UTC),
            sign_in_id=self.sign_in_id,
        )


@dataclass(frozen=True)
class Seeded:
    """What a seeded database holds: its size, who may call, and some of its ids."""

    mentees: int
    programme_id: UUID
    organisation_id: UUID
    """The practice that the referrer refers for."""
    mentor_id: UUID
    """The profile of the mentor who calls."""
    coordinator: Caller
    mentor: Caller
    analyst: Caller
    referrer: Caller
    mentee_ids: tuple[UUID, ...]
    """Up to 1,000 drawn evenly from all."""


async def seed(superuser_url: str, mentees: int, *, mentors: int | None = None, tell: Tell = lambda _: None) -> Seeded:
    """The database holds one programme with so many mentees, ten sessions for each, and as many PAM assessments.

    Works as a superuser on a migrated database without a programme, with triggers and foreign keys resting
    (the rows satisfy them), so there is no audit of these rows. `tell` hears of each step that lasts. On a busy
    machine with two cores 20,000 mentees take a few seconds, a million about a quarter of an hour.
    """
    connection = await asyncpg.connect(superuser_url, command_timeout=None)
    try:
        await _prepare(connection, mentees, mentors or max(2, mentees // MENTEES_PER_MENTOR))
        remade = await _without_indexes(connection) if mentees >= LARGE else []
        for statement in _statements():
            await _run(connection, statement, tell)
        for statement in remade:
            await _run(connection, statement, tell)
        await _run(connection, "VACUUM (ANALYZE)", tell)
    finally:
        await connection.close()
    return await seeded(superuser_url)


async def seeded(url: str) -> Seeded:
    """What a database seeded before holds; asks as somebody who sees every row (owner or superuser)."""
    connection = await asyncpg.connect(url)
    try:
        count = await connection.fetchval("SELECT count(*) FROM mentees m JOIN people p ON p.id = m.person_id")
        drawn = await connection.fetch("SELECT id FROM mentees ORDER BY md5(id::text) LIMIT 1000")
    finally:
        await connection.close()
    callers = {role: _caller(role) for role in ACCOUNTS}
    return Seeded(
        mentees=count,
        programme_id=made_id(PROGRAMME),
        organisation_id=made_id(ORGANISATION),
        mentor_id=made_id(MENTOR),
        coordinator=callers[Role.COORDINATOR],
        mentor=callers[Role.MENTOR],
        analyst=callers[Role.ANALYST],
        referrer=callers[Role.REFERRER],
        mentee_ids=tuple(row["id"] for row in drawn),
    )


def made_id(kind: int, number: int = 1) -> UUID:
    """The id of a row made at the beginning, as `seeding.id` in seed.sql makes it."""
    return UUID(f"{int(BEGAN.timestamp() * 1000):012x}7{kind:03x}8000{number:012x}")


def _caller(role: Role) -> Caller:
    kind = ACCOUNTS[role]
    return Caller(made_id(kind), made_id(SIGN_IN + kind), role, f"{role.value}1@example.org")


async def _prepare(connection: Any, mentees: int, mentors: int) -> None:
    settings = {
        "session_replication_role": "replica",
        "synchronous_commit": "off",
        "TimeZone": "UTC",
        "jit": "off",
        "statement_timeout": "0",
        "work_mem": "256MB",
        "maintenance_work_mem": "1GB",
        "seed.mentees": str(mentees),
        "seed.mentors": str(mentors),
        "seed.password_hash": await asyncio.to_thread(PasswordHasher().hash_now, PASSWORD),
        "seed.eligibility": json.dumps(ELIGIBILITY),
    }
    for name, value in settings.items():
        await connection.execute("SELECT set_config($1, $2, false)", name, value)


def _statements() -> list[str]:
    text = re.sub(r"^\s*--.*\n", "", SQL.read_text(), flags=re.MULTILINE)
    return [part.strip() for part in re.split(r";\n", text) if part.strip()]


async def _run(connection: Any, statement: str, tell: Tell) -> None:
    started = time.perf_counter()
    if "$1" in statement:
        for number in range(SESSIONS):
            await connection.execute(statement, number)
    else:
        await connection.execute(statement)
    named = re.search(r"(?:INSERT INTO|CREATE UNLOGGED TABLE|INDEX|CONSTRAINT|VACUUM) ?\S*", statement)
    if (took := time.perf_counter() - started) >= WORTH_TELLING:
        tell(f"{named.group() if named else statement.split()[0]}: {took:.1f} s")


async def _without_indexes(connection: Any) -> list[str]:
    """Drop every index and index-backed constraint but the primary keys; gives the statements that remake them."""
    rows = await connection.fetch(
        "SELECT i.indexrelid::regclass::text AS name, i.indrelid::regclass::text AS table_name, c.conname, "
        "pg_get_indexdef(i.indexrelid) AS definition, pg_get_constraintdef(c.oid) AS constraint_definition "
        "FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid "
        "LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('u', 'x') "
        "WHERE t.relnamespace = 'public'::regnamespace AND NOT i.indisprimary ORDER BY 2, 1"
    )
    remade = []
    for row in rows:
        if row["conname"]:
            await connection.execute(f"ALTER TABLE {row['table_name']} DROP CONSTRAINT {row['conname']}")
            added = f"ADD CONSTRAINT {row['conname']} {row['constraint_definition']}"
            remade.append(f"ALTER TABLE {row['table_name']} {added}")
        else:
            await connection.execute(f"DROP INDEX {row['name']}")
            remade.append(row["definition"])
    return remade
