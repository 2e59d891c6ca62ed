"""What is due by the clock is done once, by whoever is there to do it, and never forgotten."""

import asyncio
import sys
import threading
from collections import Counter
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import sqlalchemy as sa

from app import installation
from app.core import jobs
from app.core.actor import Actor, Kind, Role, job
from app.core.database import Database, fetch
from app.core.jobs import Periodic, in_thread, states
from app.settings import Settings
from tests import servers
from tests.processes.conftest import noted, row, until, working

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
SOON = 200
"""Seconds between two runs of a job that is due at once and not again within a test."""


async def _nothing() -> None:
    pass


async def _hang() -> None:
    await asyncio.Event().wait()


async def test_two_workers_run_each_due_job_once(database: Database) -> None:
    ran: Counter[str] = Counter()

    async def work(name: str) -> None:
        ran[name] += 1
        await asyncio.sleep(0.05)

    names = [f"job-{number}" for number in range(20)]
    given = [Periodic(name, SOON, partial(work, name)) for name in names]
    async with working(database, *given, lease_seconds=3), working(database, *given, lease_seconds=3):
        await until(lambda: len(ran) == len(names))
        await asyncio.sleep(0.9)  # another turn of both
    assert ran == Counter(names)


async def test_a_job_that_lasts_longer_than_its_lease_is_run_by_nobody_else(database: Database, owner: Any) -> None:
    ran = 0

    async def work() -> None:
        nonlocal ran
        ran += 1
        await asyncio.sleep(2.6)

    given = Periodic("long", SOON, work)
    async with working(database, given, lease_seconds=2.0), working(database, given, lease_seconds=2.0):
        await until(lambda: ran)
        await asyncio.sleep(2.8)
    assert ran == 1
    assert (await row(owner, "long"))["failure_count"] == 0


KILLED = """
import asyncio, sys
from app.core.database import Database
from app.core.jobs import Periodic, Worker
from app.settings import Settings
async def hang():
    print("begun", flush=True)
    await asyncio.sleep(60)
settings = Settings(role_prefix=sys.argv[2], transaction_pooling=sys.argv[3] == "True")
database = Database(settings, sys.argv[1])
worker = Worker(database, [Periodic("killed", 200, hang)], lease_seconds=1.0)
asyncio.run(worker.run(asyncio.Event()))
"""


async def test_a_killed_workers_job_is_run_again_by_the_next(
    database: Database, owner: Any, settings: Settings, addresses: installation.Addresses
) -> None:
    given = [addresses.login, settings.role_prefix, str(settings.transaction_pooling)]
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, *given, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert other.stdout
    assert await other.stdout.readline() == b"begun\n"
    other.kill()
    await other.wait()
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    async with working(database, Periodic("killed", SOON, work), lease_seconds=2.0) as worker:
        async with asyncio.timeout(5):
            await done.wait()
        assert (await row(owner, "killed"))["worker"] == worker.id
        await noted(owner, "killed")
    assert (await row(owner, "killed"))["leased_until"] is None


async def test_a_worker_that_lost_its_job_to_another_gives_it_up(database: Database, owner: Any) -> None:
    begun, given_up = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await _hang()
        finally:
            given_up.set()

    other = uuid4()
    async with working(database, Periodic("lost", SOON, work), lease_seconds=1.0), asyncio.timeout(5):
        await begun.wait()
        await owner.execute("UPDATE jobs SET worker = $1, leased_until = now() + interval '1 hour'", other)
        await given_up.wait()
    found = await row(owner, "lost")
    assert (found["worker"], found["finished_at"]) == (other, None)
    assert found["leased_until"] is not None  # the other's lease stays the other's


@pytest.mark.skipif(servers.IS_POOLED, reason="once refused, the pooler does not ask PostgreSQL again for 15 seconds")
async def test_a_worker_cut_off_from_the_database_gives_up_what_another_may_begin_and_comes_back(
    database: Database, owner: Any, cluster: Any, addresses: installation.Addresses
) -> None:
    name = await owner.fetchval("SELECT current_database()")
    begun: list[int] = []
    given_up = asyncio.Event()

    async def work() -> None:
        begun.append(1)
        try:
            await (_hang() if len(begun) == 1 else _nothing())
        finally:
            given_up.set()

    superuser = await asyncpg.connect(cluster.dsn("postgres", "postgres"))
    async with working(database, Periodic("cut-off", SOON, work), lease_seconds=1.0):
        await until(lambda: begun)
        try:
            await superuser.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            await superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND usename LIKE '%api'",
                name,
            )
            async with asyncio.timeout(3):
                await given_up.wait()
        finally:
            await superuser.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            await superuser.close()
        await until(lambda: len(begun) == 2)


async def test_a_failure_is_noted_without_its_words_and_tried_again(database: Database, owner: Any) -> None:
    tries = 0

    async def work() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ValueError("Zebedee Quartermaine was born on 1 May")

    async with working(database, Periodic("failing", 1, work), lease_seconds=2.0):
        failed = await noted(owner, "failing", "failed_at")
        assert (failed["error"], failed["failure_count"], failed["finished_at"]) == ("ValueError", 1, None)
        assert failed["due_at"] > failed["failed_at"]
        found = await noted(owner, "failing")
    assert tries == 2
    assert (found["failure_count"], found["leased_until"]) == (0, None)
    assert "Zebedee" not in str(dict(found))


async def test_a_job_that_goes_on_failing_is_tried_less_and_less_often(database: Database, owner: Any) -> None:
    me = uuid4()
    pauses = []
    async with database.writing(job("jobs")) as db:
        await fetch(db, jobs.REGISTER, [uuid4()], ["hopeless"], [86_400], [0])
    for _ in range(12):
        await owner.execute("UPDATE jobs SET worker = $1, leased_until = now()", me)
        async with database.writing(job("jobs")) as db:
            await fetch(db, jobs.FAILED, "hopeless", me, "OSError")
        found = await row(owner, "hopeless")
        pauses.append(round((found["due_at"] - found["failed_at"]).total_seconds()))
    assert pauses[:4] == [10, 20, 40, 80]
    assert pauses[-1] == 3600


async def test_a_nightly_job_that_was_missed_is_run_once_and_keeps_its_hour(database: Database, owner: Any) -> None:
    async with database.writing(job("jobs")) as db:
        await fetch(db, jobs.REGISTER, [uuid4()], ["nightly"], [86_400], [0])
    await owner.execute("UPDATE jobs SET due_at = due_at - interval '3 days 2 hours'")
    missed = (await row(owner, "nightly"))["due_at"]
    async with working(database, Periodic("nightly", 86_400, _nothing)):
        found = await noted(owner, "nightly")
    assert found["due_at"] - missed == timedelta(days=4)


async def test_what_is_rare_waits_a_little_on_a_fresh_installation(database: Database, owner: Any) -> None:
    async with working(database, Periodic("often", 10, _nothing), Periodic("rare", 3600, _nothing)):
        await noted(owner, "often")
        rare = await row(owner, "rare")
    assert rare["started_at"] is None
    assert (rare["due_at"] - rare["created_at"]).total_seconds() == pytest.approx(jobs.FIRST_AFTER, abs=5)


async def test_a_job_of_an_earlier_version_is_forgotten_and_a_shorter_period_counts_at_once(
    database: Database, owner: Any
) -> None:
    async with working(database, Periodic("gone", SOON, _nothing), Periodic("stays", SOON, _nothing)):
        await noted(owner, "stays")

    async def is_shorter() -> bool:
        return bool((await row(owner, "stays"))["every_seconds"] == 20)

    async with working(database, Periodic("stays", 20, _nothing)):
        await until(is_shorter)
    assert await row(owner, "gone") is None
    found = await row(owner, "stays")
    assert found["due_at"] - found["finished_at"] < timedelta(seconds=25)


async def test_a_worker_that_is_asked_to_stop_lets_a_job_finish(database: Database, owner: Any) -> None:
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.sleep(0.3)

    async with working(database, Periodic("brief", SOON, work)):
        await begun.wait()
    assert (await row(owner, "brief"))["finished_at"] is not None


async def test_a_job_that_cannot_finish_is_left_to_the_next_worker_at_once(
    database: Database, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "GRACE_SECONDS", 0.1)
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        await _hang()

    async with working(database, Periodic("endless", SOON, work)):
        await begun.wait()
    found = await row(owner, "endless")
    assert (found["leased_until"], found["finished_at"]) == (None, None)
    async with working(database, Periodic("endless", SOON, _nothing)):
        assert (await noted(owner, "endless"))["failure_count"] == 0


async def test_blocking_work_holds_nobody_up_and_its_failure_is_told(database: Database, owner: Any) -> None:
    release = threading.Event()

    def fail() -> None:
        release.wait(5)
        raise OSError

    async with working(database, Periodic("blocking", SOON, partial(in_thread, fail)), Periodic("beat", 10, _nothing)):
        await noted(owner, "beat")
        assert (await row(owner, "blocking"))["leased_until"] is not None
        release.set()
        assert (await noted(owner, "blocking", "failed_at"))["error"] == "OSError"


async def test_how_late_a_job_is_can_be_seen(database: Database, owner: Any) -> None:
    async with database.writing(job("jobs")) as db:
        ids, names = [uuid4() for _ in range(4)], ["late", "early", "running", "hanging"]
        await fetch(db, jobs.REGISTER, ids, names, [60] * 4, [30] * 4)
    await owner.execute("UPDATE jobs SET due_at = now() - interval '90 s' WHERE name <> 'early'")
    begun = (
        "UPDATE jobs SET started_at = due_at + interval '5 s', leased_until = now() + interval '9 s' WHERE name = $1"
    )
    await owner.execute(begun, "running")
    await owner.execute("UPDATE jobs SET due_at = now() - interval '61 minutes' WHERE name = 'hanging'")
    await owner.execute(begun, "hanging")
    async with database.writing(job("metrics")) as db:
        found = {state.name: state for state in await states(db)}
    assert found["late"].late_seconds == pytest.approx(90, abs=5)
    assert found["early"].late_seconds == 0
    assert found["running"].late_seconds == pytest.approx(5)
    assert found["running"].is_running
    assert found["hanging"].late_seconds == pytest.approx(3660, abs=5)


async def test_nobody_but_the_worker_sees_the_jobs(database: Database, world: Any) -> None:
    caller: Actor = Actor(Kind.ACCOUNT, Role.COORDINATOR, world.coordinator.id, sign_in_id=world.coordinator.sign_in_id)
    with pytest.raises((asyncpg.InsufficientPrivilegeError, sa.exc.DBAPIError), match="permission denied"):
        async with database.writing(caller) as db:
            await fetch(db, "SELECT 1 FROM jobs")
