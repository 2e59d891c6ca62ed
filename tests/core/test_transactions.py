"""The three kinds of transaction, what a database's refusal means to a caller, and what every row keeps of itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError
from uuid6 import uuid7

from app.core import database, embedded
from app.core.actor import Actor, Kind
from app.core.database import Database, fetch
from app.core.errors import NotFound, NotSignedIn, Problem, TookTooLong, Unavailable
from app.core.identity import IdentifiedConnection, NotCommitted
from app.core.reading import one
from app.core.refusals import problem_of
from app.installation import Addresses
from app.main import create_app
from app.mentees.service import MENTEES
from app.organisations.models import Organisation
from tests.conftest import make_settings
from tests.factories import Caller, World, body_of, referral

pytestmark = pytest.mark.anyio


def _actor(caller: Caller) -> Actor:
    return Actor(Kind.ACCOUNT, caller.role, caller.id, sign_in_id=caller.sign_in_id)


def _database(world: World) -> Database:
    found: Database = world.app.state.database
    return found


async def _reads(world: World, mentee_id: str) -> list[Any]:
    """Who was shown this episode."""
    rows: list[Any] = await world.owner.fetch(
        "SELECT actor_id, role, shape, operation, xmin::text AS by FROM audit_reads WHERE $1 = ANY (ids)",
        UUID(mentee_id),
    )
    return rows


# Reading


async def test_what_is_read_is_noted_by_the_statement_that_reads_and_kept(world: World) -> None:
    mentee = await world.enrol()
    before = await _reads(world, mentee["id"])
    body_of(await world.coordinator.get(f"/v1/mentees/{mentee['id']}"))
    noted = (await _reads(world, mentee["id"]))[len(before) :]
    assert [(n["actor_id"], n["role"], n["shape"], n["operation"]) for n in noted] == [
        (world.coordinator.id, "coordinator", "MenteePublic", "read_mentee")
    ]


async def test_one_statement_reads_and_notes(world: World) -> None:
    """A read that fails afterwards leaves no note, and none is left out where the read was answered."""
    mentee = await world.enrol()
    before = len(await _reads(world, mentee["id"]))
    with pytest.raises(RuntimeError):
        await _read_and_fail(world, UUID(mentee["id"]))
    assert len(await _reads(world, mentee["id"])) == before
    async with _database(world).reading(_actor(world.coordinator)) as db:
        await one(db, MENTEES, "t.id = $1", UUID(mentee["id"]))
    assert len(await _reads(world, mentee["id"])) == before + 1


async def _read_and_fail(world: World, mentee_id: UUID) -> None:
    async with _database(world).reading(_actor(world.coordinator)) as db:
        await one(db, MENTEES, "t.id = $1", mentee_id)
        raise RuntimeError


async def test_what_is_not_found_is_not_noted_as_read(world: World, elsewhere: World) -> None:
    mentee = await world.enrol()
    before = len(await _reads(world, mentee["id"]))
    body_of(await elsewhere.coordinator.get(f"/v1/mentees/{mentee['id']}"), 404)
    assert len(await _reads(world, mentee["id"])) == before


# Reporting


async def test_a_report_cannot_change_anything(world: World) -> None:
    async with _database(world).reporting(_actor(world.coordinator)) as db:
        assert db.info["as_of"].tzinfo is not None
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await db.fetch("UPDATE mentees SET status = 'paused' WHERE false")
        await db.connection.execute("ROLLBACK")


async def test_a_report_sees_one_unchanging_picture(world: World) -> None:
    counted = "SELECT count(*) FROM mentees"
    async with _database(world).reporting(_actor(world.coordinator)) as db:
        before = await db.fetch(counted)
        await world.enrol()
        assert await db.fetch(counted) == before
    async with _database(world).reporting(_actor(world.coordinator)) as db:
        assert (await db.fetch(counted))[0][0] == before[0][0] + 1


# Writing


async def test_a_writing_transaction_that_fails_leaves_nothing(world: World) -> None:
    ods_code = f"W{uuid4().hex[:7].upper()}"
    with pytest.raises(RuntimeError):
        await _add_and_fail(world, ods_code)
    assert await world.owner.fetchval("SELECT count(*) FROM organisations WHERE ods_code = $1", ods_code) == 0


async def _add_and_fail(world: World, ods_code: str) -> None:
    async with _database(world).writing(_actor(world.coordinator)) as db:
        row = {"id": uuid7(), "ods_code": ods_code, "name": "A practice", "kind": "gp_practice"}
        db.add(Organisation.model_validate(row))
        await db.flush()
        raise RuntimeError


# What a refusal of the database means

MEANINGS: list[tuple[str, type[Problem] | None]] = [
    ("PS401", NotSignedIn),
    ("PS404", NotFound),
    ("57014", TookTooLong),
    ("40001", Unavailable),
    ("40P01", Unavailable),
    ("55P03", Unavailable),
    ("53300", Unavailable),
    ("57P03", Unavailable),
    ("23505", None),
    ("42501", None),
    ("22012", None),
]


@pytest.mark.parametrize(("state", "meaning"), MEANINGS)
async def test_a_refusal_of_the_database_has_one_meaning_in_both_kinds_of_transaction(
    world: World, state: str, meaning: type[Problem] | None
) -> None:
    refuse = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(asyncpg.PostgresError) as plain:
        await world.owner.execute(refuse)
    assert type(problem_of(plain.value)) is (meaning or type(None))
    with pytest.raises(DBAPIError) as wrapped:
        await _execute(world, refuse)
    assert type(problem_of(wrapped.value)) is (meaning or type(None))


async def _execute(world: World, sql: str) -> None:
    async with _database(world).writing(_actor(world.coordinator)) as db:
        await (await db.connection()).exec_driver_sql(sql)


def test_a_lost_connection_is_a_service_that_cannot_answer_now() -> None:
    for lost in (ConnectionRefusedError(), OSError(), TimeoutError()):
        problem = problem_of(lost)
        assert isinstance(problem, Unavailable)
        assert problem.headers["Retry-After"]


async def test_a_farewell_of_the_server_between_two_statements_is_a_service_that_cannot_answer_now(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def out_of_step(connection: IdentifiedConnection, text: str) -> None:
        raise asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")

    with monkeypatch.context() as farewell:
        farewell.setattr(IdentifiedConnection, "begin", out_of_step)
        answers = [
            await world.coordinator.get("/v1/mentees"),
            await world.referrer.post("/v1/referrals", referral(world.programme_id)),
        ]
    assert [(a.status_code, bool(a.headers.get("Retry-After"))) for a in answers] == [(503, True), (503, True)]


@asynccontextmanager
async def _narrow(
    addresses: Addresses, signing_key: str, caller: Caller, **changes: Any
) -> AsyncIterator[tuple[FastAPI, Caller]]:
    """The same caller at a service with less room."""
    app = create_app(make_settings(signing_key, **changes), addresses)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            yield app, Caller(client, caller.id, caller.role, caller.token, caller.sign_in_id)


async def test_a_statement_that_takes_too_long_is_given_up_and_nothing_is_stored(
    world: World, addresses: Addresses, signing_key: str
) -> None:
    mentee = await world.enrol()
    async with _narrow(addresses, signing_key, world.coordinator, statement_timeout_ms=200) as (_, caller):
        held = await asyncpg.connect(addresses.owner)
        try:
            await held.execute("BEGIN")
            await held.execute("SELECT FROM mentees WHERE id = $1 FOR UPDATE".replace("$1", f"'{mentee['id']}'"))
            problem = body_of(await caller.post(f"/v1/mentees/{mentee['id']}/pause"), 504)
        finally:
            await held.close()
    assert problem["type"] == "/problems/took-too-long"
    assert body_of(await world.coordinator.get(f"/v1/mentees/{mentee['id']}"))["status"] == "waiting"


@pytest.mark.parametrize("kind", ["reading", "writing", "reporting"])
async def test_when_every_connection_is_taken_the_caller_is_told_to_come_back(
    world: World, addresses: Addresses, signing_key: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(database, "POOL_PATIENCE", 0.2)
    pools = {"reading_pool": 1, "writing_pool": 1, "reporting_pool": 1}
    async with _narrow(addresses, signing_key, world.coordinator, **pools) as (app, caller):
        async with getattr(app.state.database, kind)(_actor(caller)) as db:
            await fetch(db, "SELECT 1")
            answer = await _ask(caller, world, kind)
        assert answer.status_code == 503, answer.text
        assert answer.headers["Retry-After"]
        assert (await _ask(caller, world, kind)).status_code in (200, 201)


async def _ask(caller: Caller, world: World, kind: str) -> httpx.Response:
    if kind == "writing":
        made = {"ods_code": f"X{uuid4().hex[:7].upper()}", "name": "A practice", "kind": "gp_practice"}
        return await caller.post("/v1/organisations", made)
    if kind == "reporting":
        period = "from=2026-01-01&until=2026-06-30"
        return await caller.get(f"/v1/reports/outcomes?programme_id={world.programme_id}&{period}")
    return await caller.get("/v1/programmes")


# What every row keeps of itself


async def test_a_row_keeps_its_id_and_birth_and_counts_its_changes(world: World) -> None:
    row_id = await world.insert(
        "organisations", {"ods_code": f"V{uuid4().hex[:7].upper()}", "name": "First", "kind": "charity"}
    )
    before = await world.owner.fetchrow("SELECT * FROM organisations WHERE id = $1", row_id)
    await world.owner.execute(
        "UPDATE organisations SET name = 'Second', id = $2, created_at = $3, version = 40, changed_xid = '3' "
        "WHERE id = $1",
        row_id,
        uuid4(),
        datetime(2001, 1, 1, tzinfo=UTC),
    )
    after = await world.owner.fetchrow("SELECT * FROM organisations WHERE id = $1", row_id)
    assert after["name"] == "Second"
    assert after["created_at"] == before["created_at"]
    assert (before["version"], after["version"]) == (1, 2)
    assert after["changed_xid"] > before["changed_xid"]
    assert after["updated_at"] > before["updated_at"]


async def test_a_new_row_begins_at_version_one_whatever_was_sent(world: World) -> None:
    given = {"ods_code": f"V{uuid4().hex[:7].upper()}", "name": "X", "kind": "charity", "version": 9}
    row_id = await world.insert("organisations", given)
    assert await world.owner.fetchval("SELECT version FROM organisations WHERE id = $1", row_id) == 1


async def test_a_row_that_is_deleted_leaves_a_tombstone(world: World) -> None:
    path = f"/v1/programmes/{world.programme_id}/service-ids"
    made = body_of(await world.coordinator.post(path, {"system": "https://example.org", "value": uuid4().hex}), 201)
    assert (await world.coordinator.send("DELETE", f"{path}/{made['id']}")).status_code == 204
    left = await world.owner.fetch("SELECT table_name, changed_xid FROM tombstones WHERE row_id = $1", UUID(made["id"]))
    assert [row["table_name"] for row in left] == ["programmes_service_ids"]
    assert left[0]["changed_xid"] > 0


async def test_the_history_keeps_what_was_and_the_audit_only_what_was_changed(world: World) -> None:
    mentee = await world.enrol(known_as="Before")
    path = f"/v1/mentees/{mentee['id']}/briefing"
    briefing = await world.coordinator.get(path)
    body_of(await world.coordinator.patch(path, {"known_as": "After"}, briefing.headers["ETag"]))
    row_id = UUID(briefing.json()["id"])
    kept = await world.owner.fetchrow("SELECT entry_id, old_values FROM history WHERE row_id = $1", row_id)
    assert kept["old_values"] == '{"known_as": "Before"}'
    entry = await world.owner.fetchrow("SELECT * FROM audit_entries WHERE id = $1", kept["entry_id"])
    assert (entry["verb"], entry["columns"], entry["operation"]) == ("update", ["known_as"], "change_briefing")
    assert (entry["actor_id"], entry["role"]) == (world.coordinator.id, "coordinator")
    assert "Before" not in str(dict(entry))
    assert "After" not in str(dict(entry))


async def test_of_passwords_links_and_messages_the_history_keeps_no_value(world: World) -> None:
    account_id = world.coordinator.id
    made = await world.insert("accounts_credentials", {"account_id": account_id, "password_hash": "first"})
    await world.owner.execute("UPDATE accounts_credentials SET password_hash = 'second' WHERE id = $1", made)
    await world.owner.execute("DELETE FROM accounts_credentials WHERE id = $1", made)
    noted = await world.owner.fetch("SELECT verb FROM audit_entries WHERE row_id = $1 ORDER BY id", made)
    assert [row["verb"] for row in noted] == ["insert", "update", "delete"]
    assert await world.owner.fetchval("SELECT count(*) FROM history WHERE row_id = $1", made) == 0
    unkept = await world.owner.fetchval(
        "SELECT count(*) FROM history WHERE table_name IN ('accounts_credentials', 'accounts_password_links', "
        "'fhir_messages', 'access_refresh_tokens')"
    )
    assert unkept == 0


# The change feed

FEED = (
    "SELECT subject_id FROM events WHERE programme_id = $1 AND changed_xid < pg_snapshot_xmin(pg_current_snapshot()) "
    "ORDER BY changed_xid, id"
)


async def test_a_change_feed_passes_over_no_change_that_began_earlier_and_ends_later(
    world: World, addresses: Addresses
) -> None:
    """The slow transaction began first: until it ends, nothing after it is told, so that no reader runs past it."""
    slow, fast, reader = [await asyncpg.connect(addresses.owner) for _ in range(3)]
    slow_id, fast_id = uuid7(), uuid7()
    try:
        await slow.execute("BEGIN")
        await _happen(slow, world, slow_id)
        await _happen(fast, world, fast_id)
        assert fast_id not in [row[0] for row in await reader.fetch(FEED, world.programme_id)]
        await slow.execute("COMMIT")
        assert (await _told(reader, world, fast_id))[-2:] == [slow_id, fast_id]
    finally:
        for connection in (slow, fast, reader):
            await connection.close()


async def _told(reader: Any, world: World, last: UUID) -> list[UUID]:
    """The feed once it has come to this change; a test beside this one may hold it back for a moment."""
    told: list[UUID] = []
    for _ in range(100):
        told = [row[0] for row in await reader.fetch(FEED, world.programme_id)]
        if last in told:
            break
        await asyncio.sleep(0.1)
    return told


async def _happen(connection: Any, world: World, subject_id: UUID) -> None:
    await connection.execute(
        "INSERT INTO events (id, created_at, type, occurred_at, subject_type, subject_id, programme_id) "
        "VALUES ($1, now(), 'mentee.changed', now(), 'mentees', $2, $3)",
        uuid7(),
        subject_id,
        world.programme_id,
    )


async def test_a_change_given_up_while_it_begins_leaves_nothing_to_the_next_caller(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools = world.app.state.database
    begins = IdentifiedConnection.begin

    async def begins_slowly(connection: IdentifiedConnection, text: str) -> None:
        await begins(connection, text)
        await asyncio.sleep(5)

    async def work() -> None:
        async with pools.writing(_actor(world.referrer)) as db:
            await fetch(db, "SELECT 1")

    await work()
    with monkeypatch.context() as late:
        late.setattr(IdentifiedConnection, "begin", begins_slowly)
        given_up = asyncio.create_task(work())
        await asyncio.sleep(0.1)
        given_up.cancel()
        assert isinstance((await asyncio.gather(given_up, return_exceptions=True))[0], asyncio.CancelledError)
    for _ in range(3):
        async with pools.writing(_actor(world.coordinator)) as db:
            assert (await fetch(db, "SELECT me()"))[0][0] == world.coordinator.id


async def test_changes_go_on_after_the_connection_was_lost(
    addresses: Addresses, signing_key: str, world: World, cluster: embedded.Embedded
) -> None:
    pools = {"reading_pool": 1, "writing_pool": 1, "reporting_pool": 1}
    superuser = await asyncpg.connect(cluster.dsn("postgres", "postgres"))
    try:
        async with _narrow(addresses, signing_key, world.coordinator, **pools) as (app, caller):
            async with app.state.database.writing(_actor(caller)) as db:
                pid = (await fetch(db, "SELECT pg_backend_pid()"))[0][0]
            assert await superuser.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)
            await asyncio.sleep(0.1)  # until the news has arrived
            answers = [(await _ask(caller, world, "writing")).status_code for _ in range(3)]
    finally:
        await superuser.close()
    assert answers == [201, 201, 201]


async def test_a_report_given_up_gives_its_connection_back(
    addresses: Addresses, signing_key: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools = {"reading_pool": 1, "writing_pool": 1, "reporting_pool": 1}
    async with _narrow(addresses, signing_key, world.coordinator, **pools) as (app, caller):
        with monkeypatch.context() as slow:
            slow.setattr(database, "AS_OF", "SELECT app_now() FROM pg_sleep(5)")
            given_up = asyncio.create_task(_ask(caller, world, "reporting"))
            await asyncio.sleep(0.3)
            given_up.cancel()
            await asyncio.gather(given_up, return_exceptions=True)
        assert app.state.database._reporting.get_idle_size() == app.state.database._reporting.get_size()
        assert (await _ask(caller, world, "reporting")).status_code == 200


async def test_a_commit_after_a_failure_that_was_passed_over_is_no_success(world: World) -> None:
    with pytest.raises((NotCommitted, DBAPIError)):
        await _fail_and_go_on(world)


async def _fail_and_go_on(world: World) -> None:
    async with _database(world).writing(_actor(world.coordinator)) as db:
        with contextlib.suppress(asyncpg.PostgresError):
            await fetch(db, "SELECT 1 / 0")
