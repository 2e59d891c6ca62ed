"""Behind pgbouncer, which lends a connection for one transaction only, everybody stays who they are.

The tests of transactions, identity and replays themselves run once more behind it by `make test`.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import col, select

from app import installation
from app.core.actor import Actor, Kind, Role, public
from app.core.database import Database, fetch
from app.core.embedded import Embedded
from app.main import create_app
from app.organisations.models import Organisation
from tests.conftest import PREFIX, make_settings
from tests.factories import Caller, World, body_of
from tests.servers import PGBOUNCER, pooled, pooler

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed"),
]
LOGIN = f"{PREFIX}api"
WHO = (
    "SELECT current_user::text, me(), current_setting('app.role'), current_setting('app.operation', true), "
    "ARRAY(SELECT programme_id FROM access_memberships WHERE account_id = me()) AS places, pg_backend_pid()"
)


@pytest.fixture(scope="module")
async def address(
    cluster: Embedded, addresses: installation.Addresses, owner: Any, anyio_backend: str
) -> AsyncIterator[str]:
    """The worker's database through a pooler with one single connection to it."""
    name = await owner.fetchval("SELECT current_database()")
    with pooler(cluster, LOGIN, size=1) as socket_dir:
        yield pooled(socket_dir, LOGIN, name)


@pytest.fixture(scope="module")
async def behind(
    address: str, addresses: installation.Addresses, signing_key: str, anyio_backend: str
) -> AsyncIterator[FastAPI]:
    """The API, all of whose transactions share that connection."""
    app = create_app(
        make_settings(signing_key, transaction_pooling=True), installation.Addresses(addresses.owner, address)
    )
    async with app.router.lifespan_context(app):
        yield app


def _actor(caller: Caller) -> Actor:
    return Actor(Kind.ACCOUNT, caller.role, caller.id, sign_in_id=caller.sign_in_id)


def _database(app: FastAPI) -> Database:
    found: Database = app.state.database
    return found


async def _is_oneself(database: Database, caller: Caller, place: UUID, chance: random.Random) -> int:
    """One transaction of a random kind, that ends in a random way; the server process that ran it."""
    kind = chance.choice(["reading", "writing", "reporting"])
    fails = chance.random() < 0.3
    try:
        async with getattr(database, kind)(_actor(caller)) as db:
            for _ in range(3):
                (row,) = await fetch(db, WHO)
                await asyncio.sleep(0)
                assert tuple(row)[:3] == (f"{PREFIX}{caller.role.value}", caller.id, caller.role.value)
                assert row["places"] == [place]
            if fails:
                raise LookupError
    except LookupError:
        pass
    process: int = row["pg_backend_pid"]
    return process


async def test_many_callers_on_one_connection_are_never_taken_for_one_another(
    behind: FastAPI, world: World, elsewhere: World
) -> None:
    callers = [
        (await there.caller(role), there.programme_id)
        for there in (world, elsewhere)
        for role in (Role.COORDINATOR, Role.MENTOR, Role.ANALYST)
    ]
    chance = random.Random(20_261_122)
    database = _database(behind)
    tasks = [_is_oneself(database, *chance.choice(callers), chance) for _ in range(150)]
    processes = await asyncio.gather(*tasks)
    assert len(set(processes)) == 1, "the transactions did not share one connection: nothing was proved"


async def test_whoever_gets_the_connection_next_is_nobody(behind: FastAPI, address: str, world: World) -> None:
    async with _database(behind).writing(_actor(world.coordinator)) as db:
        ((before,),) = await fetch(db, "SELECT pg_backend_pid()")
    plain = await asyncpg.connect(address, statement_cache_size=0)
    try:
        async with plain.transaction():
            row = await plain.fetchrow(
                "SELECT pg_backend_pid(), current_user::text, nullif(current_setting('app.account_id', true), ''), "
                "current_setting('statement_timeout')"
            )
            assert tuple(row) == (before, LOGIN, None, "0")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with plain.transaction():
                await plain.fetch("SELECT count(*) FROM mentees")
    finally:
        await plain.close()


async def test_each_caller_of_the_api_is_shown_the_own_programme_alone(
    behind: FastAPI, world: World, elsewhere: World
) -> None:
    mine = [(await world.enrol())["id"] for _ in range(2)]
    theirs = [(await elsewhere.enrol())["id"] for _ in range(2)]
    transport = httpx.ASGITransport(app=behind)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        asked = [
            client.get("/v1/mentees", headers={"Authorization": f"Bearer {there.coordinator.token}"})
            for _ in range(20)
            for there in (world, elsewhere)
        ]
        answers = [body_of(answer) for answer in await asyncio.gather(*asked)]
    for number, answer in enumerate(answers):
        assert {item["id"] for item in answer["items"]} == set(theirs if number % 2 else mine)


async def test_a_change_that_fails_halfway_leaves_the_connection_clean(behind: FastAPI, world: World) -> None:
    database = _database(behind)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.reading(public()) as gate:
            await gate.fetch("SELECT count(*) FROM mentees")
    ((who, *_),) = await _who(database, world.coordinator)
    assert who == f"{PREFIX}coordinator"


async def _who(database: Database, caller: Caller) -> list[Any]:
    async with database.reading(_actor(caller)) as db:
        return await db.fetch(WHO)


async def test_nothing_stays_prepared_on_a_connection_that_others_get(behind: FastAPI, world: World) -> None:
    """Statements prepared under a name would pile up there, and two processes' names would clash."""
    await _is_oneself(_database(behind), world.coordinator, world.programme_id, random.Random(1))
    for _ in range(2):
        async with _database(behind).writing(_actor(world.coordinator)) as db:
            found = await db.exec(select(Organisation).where(col(Organisation.id) == world.practice_id))
            assert found.one().ods_code == world.ods_code
    async with _database(behind).writing(_actor(world.coordinator)) as db:
        assert await fetch(db, "SELECT name FROM pg_prepared_statements WHERE name <> ''") == []


async def test_the_question_whether_the_service_is_ready_does_not_disturb_others(behind: FastAPI, world: World) -> None:
    database = _database(behind)
    chance = random.Random(2)
    busy = [_is_oneself(database, world.coordinator, world.programme_id, chance) for _ in range(40)]
    await asyncio.gather(*busy, *(database.ready() for _ in range(40)))


@asynccontextmanager
async def _opened(address: str, signing_key: str, **changes: Any) -> AsyncIterator[Database]:
    """Pools of their own at this address."""
    database = Database(make_settings(signing_key, transaction_pooling=True, **changes), address)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def test_a_statement_that_takes_too_long_is_given_up_behind_the_pooler_too(
    address: str, signing_key: str, world: World
) -> None:
    async with _opened(address, signing_key, statement_timeout_ms=100) as database:
        with pytest.raises(asyncpg.QueryCanceledError):
            async with database.reading(_actor(world.coordinator)) as db:
                await db.fetch("SELECT pg_sleep(5)")


async def test_a_request_sent_twice_at_once_is_done_once(behind: FastAPI, world: World) -> None:
    """The lock of a key belongs to the transaction; one of the session would stay with the connection."""
    transport = httpx.ASGITransport(app=behind)
    sent = {"ods_code": f"P{uuid4().hex[:7].upper()}", "name": "A practice", "kind": "gp_practice"}
    headers = {"Authorization": f"Bearer {world.coordinator.token}", "Idempotency-Key": str(uuid4())}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        answers = await asyncio.gather(
            *(client.post("/v1/organisations", json=sent, headers=headers) for _ in range(6))
        )
        again = await client.post("/v1/organisations", json=sent, headers=headers)
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    made = "SELECT count(*) FROM organisations WHERE ods_code = $1"
    assert await world.owner.fetchval(made, sent["ods_code"]) == 1


async def test_times_are_told_in_utc_whatever_the_server_is_set_to(
    cluster: Embedded, signing_key: str, world: World
) -> None:
    name = await world.owner.fetchval("SELECT current_database()")
    setting = f'ALTER ROLE {LOGIN} IN DATABASE "{name}"'
    await world.owner.execute(f"{setting} SET TimeZone = 'Asia/Tokyo'")
    try:
        with pooler(cluster, LOGIN, size=1) as socket_dir:
            async with _opened(pooled(socket_dir, LOGIN, name), signing_key) as database:
                for kind in ("reading", "writing", "reporting"):
                    async with getattr(database, kind)(_actor(world.coordinator)) as db:
                        assert [row[0] for row in await fetch(db, "SHOW TimeZone")] == ["UTC"], kind
    finally:
        await world.owner.execute(f"{setting} RESET TimeZone")
