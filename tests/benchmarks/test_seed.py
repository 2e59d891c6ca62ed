"""The made-up rows that speed is measured on are rows the service itself could have made."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from app import installation
from app.core import clock, embedded
from app.core.database import Database
from app.main import create_app
from app.pam_assessments.service import recompute
from app.settings import Settings
from benchmarks.seed import PASSWORD, Caller, Seeded, seed
from tests.conftest import fresh_database, serving
from tests.factories import body_of

MENTEES = 120
"""Of four mentors: fifteen rounds of two each."""

REFERENCES = """
SELECT c.conrelid::regclass::text AS child, a.attname AS named, c.confrelid::regclass::text AS parent
FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace
"""
STATES = """
SELECT (SELECT string_agg(a::text, ' ' ORDER BY a.id) FROM (SELECT id, placement FROM pam_assessments) a),
  (SELECT string_agg(p::text, ' ' ORDER BY p.mentee_id) FROM (SELECT mentee_id, baseline_id, follow_up_id
    FROM pam_assessments_pairs) p)
"""


@dataclass
class Made:
    """A seeded database of its own."""

    seeded: Seeded
    addresses: installation.Addresses
    superuser: str


@pytest.fixture(scope="module")
def made(cluster: embedded.Embedded, template: str) -> Made:
    """The database, made once for this file."""
    name = f"pmt_seeded_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    addresses = fresh_database(cluster, template, name)
    superuser = cluster.dsn("postgres", name)
    return Made(asyncio.run(seed(superuser, MENTEES, mentors=4)), addresses, superuser)


@pytest.fixture
async def rows(made: Made) -> AsyncIterator[Any]:
    """A connection that sees every row."""
    connection = await asyncpg.connect(made.superuser)
    yield connection
    await connection.close()


@pytest.fixture
async def http(made: Made, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The service on these rows."""
    async with serving(create_app(settings, made.addresses)) as client:
        yield client


def as_caller(http: httpx.AsyncClient, settings: Settings, caller: Caller) -> httpx.AsyncClient:
    """The client, from here on with this caller's token."""
    keys = installation.signing_keys(settings)
    http.headers["Authorization"] = f"Bearer {caller.token(keys, settings.public_url, timedelta(minutes=5))}"
    return http


@pytest.mark.anyio
async def test_every_reference_of_a_seeded_row_leads_to_a_row(rows: Any) -> None:
    for reference in await rows.fetch(REFERENCES):
        child, named, parent = reference
        lost = f"c.{named} IS NOT NULL AND NOT EXISTS (SELECT FROM {parent} p WHERE p.id = c.{named})"
        assert await rows.fetchval(f"SELECT count(*) FROM {child} c WHERE {lost}") == 0, (child, named)


@pytest.mark.anyio
async def test_there_are_ten_sessions_and_one_assessment_for_each_mentee(rows: Any) -> None:
    for table, count in (
        ("mentees", 1),
        ("matches", 1),
        ("sessions", 10),
        ("pam_assessments", 1),
        ("access_caseloads", 1),
    ):
        assert await rows.fetchval(f"SELECT count(*) FROM {table}") == count * MENTEES, table
    shared = "SELECT max(c) FROM (SELECT count(*) AS c FROM matches WHERE status = 'active' GROUP BY mentor_id) a"
    assert await rows.fetchval(shared) == 2


@pytest.mark.anyio
async def test_a_coordinator_a_mentor_and_an_analyst_find_what_is_theirs(
    http: httpx.AsyncClient, settings: Settings, made: Made
) -> None:
    seeded = made.seeded
    coordinator = as_caller(http, settings, seeded.coordinator)
    everybody = body_of(await coordinator.get("/v1/mentees?limit=200&include=total"))
    assert everybody["total"] == MENTEES
    assert {one["status"] for one in everybody["items"]} == {"waiting", "matched", "ended"}
    mentor = as_caller(http, settings, seeded.mentor)
    assert len(body_of(await mentor.get("/v1/mentees"))["items"]) == 2
    assert {one["status"] for one in body_of(await mentor.get("/v1/sessions"))["items"]} >= {"held", "booked"}
    analyst = as_caller(http, settings, seeded.analyst)
    period = f"from=2000-01-01&until={clock.today()}"
    report = body_of(await analyst.get(f"/v1/reports/outcomes?programme_id={seeded.programme_id}&{period}"))
    assert report["activity"]["ended"] == sum(one["status"] == "ended" for one in everybody["items"])


@pytest.mark.anyio
async def test_those_who_call_can_sign_in_with_their_password(http: httpx.AsyncClient, made: Made) -> None:
    form = {"grant_type": "password", "username": made.seeded.mentor.email, "password": PASSWORD}
    assert body_of(await http.post("/v1/auth/token", data=form))["role"] == "mentor"


@pytest.mark.anyio
async def test_assessments_lie_where_the_service_would_have_placed_them(
    made: Made, settings: Settings, rows: Any
) -> None:
    before = await rows.fetchrow(STATES)
    database = Database(settings, made.addresses.login)
    await database.open()
    try:
        async with database.writing(made.seeded.coordinator.actor) as db:
            for (mentee_id,) in await rows.fetch("SELECT id FROM mentees LIMIT 40"):
                await recompute(db, mentee_id)
    finally:
        await database.close()
    assert await rows.fetchrow(STATES) == before
