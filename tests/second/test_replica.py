"""Reports read from a streaming replica: of when they are, and what becomes of them while it is gone."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from app import installation
from app.core import clock, embedded
from app.core.actor import Actor, Kind, Role
from app.core.database import Database
from app.main import create_app
from app.settings import Settings
from tests.conftest import PREFIX, make_settings, serving
from tests.factories import Caller, World, body_of
from tests.servers import a_place, make_replica

pytestmark = pytest.mark.anyio


@dataclass
class Servers:
    """A primary and the replica that follows it."""

    settings: Settings
    primary: installation.Addresses
    home: Path
    replica: embedded.Embedded

    @property
    def addresses(self) -> installation.Addresses:
        """Reports from the replica, everything else from the primary."""
        read = self.replica.dsn(f"{PREFIX}api", installation.DATABASE)
        return installation.Addresses(self.primary.owner, self.primary.login, read)

    async def start(self) -> None:
        """The replica runs again, and follows: PostgreSQL may hang when told to stop before that."""
        self.replica = embedded.start(self.home)
        await self.until("SELECT count(*) > 0 FROM pg_stat_wal_receiver WHERE status = 'streaming'")

    async def caught_up(self, world: World) -> None:
        """The replica has replayed all that the primary has written by now."""
        written = await world.owner.fetchval("SELECT pg_current_wal_insert_lsn()::text")
        await self.until(f"SELECT pg_last_wal_replay_lsn() >= '{written}'")

    @asynccontextmanager
    async def lagging(self) -> AsyncIterator[None]:
        """The replica hears of changes and does not show them."""
        await self.ask("SELECT pg_wal_replay_pause()")
        await self.until("SELECT pg_get_wal_replay_pause_state() = 'paused'")
        try:
            yield
        finally:
            await self.ask("SELECT pg_wal_replay_resume()")

    @asynccontextmanager
    async def gone(self) -> AsyncIterator[None]:
        """The replica does not run."""
        self.replica.close()
        try:
            yield
        finally:
            await self.start()

    async def until(self, sql: str) -> None:
        """The replica says so, within ten seconds."""
        deadline = time.monotonic() + 10
        while not await self.ask(sql):
            assert time.monotonic() < deadline, sql
            await asyncio.sleep(0.02)

    async def ask(self, sql: str) -> Any:
        """The replica's answer to its administrator."""
        connection = await asyncpg.connect(self.replica.dsn("postgres", installation.DATABASE))
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()


@pytest.fixture(scope="module")
def servers(signing_key: str) -> Iterator[Servers]:
    """Both made once for this file."""
    with a_place() as place:
        settings = make_settings(signing_key, data_dir=place / "primary")
        home = place / "replica"
        home.mkdir(mode=0o755)
        with installation.database(settings) as addresses:
            installation.migrate(addresses.owner, PREFIX)
            with installation.embedded_server(settings) as primary:
                make_replica(primary, home)
                made = Servers(settings, addresses, home, embedded.start(home))
                yield made
                made.replica.close()


@asynccontextmanager
async def _service(servers: Servers, **changes: Any) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    """The API on both servers."""
    app = create_app(servers.settings.model_copy(update=changes), servers.addresses)
    async with serving(app) as http:
        yield app, http


@pytest.fixture(scope="module")
async def service(servers: Servers, anyio_backend: str) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    """The API that reads reports from the primary while the replica is gone."""
    async with _service(servers, replica_gone="primary") as made:
        yield made


@pytest.fixture
async def here(servers: Servers, service: tuple[FastAPI, httpx.AsyncClient]) -> AsyncIterator[World]:
    """A programme of one's own, known to the replica too."""
    owner = await asyncpg.connect(servers.primary.owner)
    try:
        world = await World.make(*service, owner)
        await world.enrol()
        await servers.caught_up(world)
        yield world
    finally:
        await owner.close()


def _report(caller: Caller, world: World) -> Any:
    period = f"from={clock.today()}&until={clock.today()}"
    return caller.get(f"/v1/reports/outcomes?programme_id={world.programme_id}&{period}")


async def _seen(world: World) -> tuple[int, datetime, bool]:
    """How many episodes a report sees, as of when, and whether it is the replica's."""
    database: Database = world.app.state.database
    caller = world.coordinator
    actor = Actor(Kind.ACCOUNT, caller.role, caller.id, sign_in_id=caller.sign_in_id)
    async with database.reporting(actor) as db:
        (row,) = await db.fetch("SELECT (SELECT count(*) FROM mentees), pg_is_in_recovery()")
        return row[0], db.info["as_of"], row[1]


async def test_reports_are_read_from_the_replica_and_all_else_from_the_primary(here: World) -> None:
    count, as_of, is_replica = await _seen(here)
    assert (count, is_replica) == (1, True)
    assert as_of <= clock.true_now()
    told = body_of(await _report(here.coordinator, here))
    assert datetime.fromisoformat(told["as_of"]) <= clock.true_now()
    assert len(body_of(await here.coordinator.get("/v1/mentees"))["items"]) == 1


async def test_a_replica_that_lags_says_of_when_its_picture_is(servers: Servers, here: World) -> None:
    async with servers.lagging():
        before = clock.true_now()
        await here.enrol()
        count, as_of, is_replica = await _seen(here)
        assert (count, is_replica) == (1, True)
        assert as_of < before
        assert datetime.fromisoformat(body_of(await _report(here.coordinator, here))["as_of"]) < before
    await servers.caught_up(here)
    count, as_of, _ = await _seen(here)
    assert count == 2
    assert as_of > before


async def test_who_has_just_signed_in_gets_a_report_although_the_replica_does_not_know_it_yet(
    servers: Servers, here: World
) -> None:
    async with servers.lagging():
        newcomer = await here.signed_in(here.coordinator.id, Role.COORDINATOR)
        body_of(await _report(newcomer, here))


async def test_who_may_no_more_gets_no_report_although_the_replica_does_not_know_it_yet(
    servers: Servers, here: World
) -> None:
    analyst = await here.caller(Role.ANALYST)
    await servers.caught_up(here)
    body_of(await _report(analyst, here))
    async with servers.lagging():
        body_of(await here.coordinator.post(f"/v1/accounts/{analyst.id}/disable"))
        assert (await _report(analyst, here)).status_code == 401


async def test_while_the_replica_is_gone_reports_come_from_the_primary_and_then_from_it_again(
    servers: Servers, here: World
) -> None:
    assert (await _seen(here))[2]
    async with servers.gone():
        await here.enrol()
        before = clock.true_now()
        count, as_of, is_replica = await _seen(here)
        assert (count, is_replica) == (2, False)
        assert as_of >= before
        body_of(await _report(here.coordinator, here))
    await servers.caught_up(here)
    count, _, is_replica = await _seen(here)
    assert (count, is_replica) == (2, True)


async def test_while_the_replica_is_gone_reports_say_so_where_the_setting_wants_that(
    servers: Servers, here: World
) -> None:
    async with _service(servers, replica_gone="refuse") as (_, http):
        caller = Caller(http, here.coordinator.id, here.coordinator.role, here.coordinator.token)
        body_of(await _report(caller, here))
        async with servers.gone():
            refused = await _report(caller, here)
            assert body_of(refused, 503)["type"] == "/problems/replica-gone"
            assert refused.headers["Retry-After"]
            assert len(body_of(await caller.get("/v1/mentees"))["items"]) == 1
        body_of(await _report(caller, here))


async def test_the_service_starts_while_the_replica_is_gone(servers: Servers, here: World) -> None:
    async with servers.gone(), _service(servers, replica_gone="primary") as (_, http):
        caller = Caller(http, here.coordinator.id, here.coordinator.role, here.coordinator.token)
        body_of(await _report(caller, here))
