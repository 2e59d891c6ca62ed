"""What the service does by the clock and not because somebody asked: the list of such jobs, and when each is due."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlmodel import Field
from uuid6 import uuid7

from app.core import logs
from app.core.actor import job as actor
from app.core.database import Database, Db, fetch
from app.core.identity import origin
from app.core.models import Row, instant, needed_instant

GRACE_SECONDS = 8.0
"""What runs when the worker is asked to stop may finish within this."""
FIRST_AFTER = 300
"""Seconds after its very first start until a rarer job is due: a fresh installation answers first."""
LONGEST_PAUSE, SHORTEST_PAUSE = 5.0, 0.1
RARE = 600
"""Only of jobs at least so many seconds apart does each run leave a line in the log."""

FORGET = "DELETE FROM jobs WHERE name <> ALL($1)"
REGISTER = """
INSERT INTO jobs AS j (id, created_at, name, every_seconds, due_at)
SELECT id, clock_timestamp(), name, every_seconds, clock_timestamp() + make_interval(secs => wait)
FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[]) given (id, name, every_seconds, wait)
ON CONFLICT (name) DO UPDATE SET every_seconds = excluded.every_seconds,
  due_at = least(j.due_at, clock_timestamp() + make_interval(secs => excluded.every_seconds))
WHERE j.every_seconds <> excluded.every_seconds"""
RENEW = """
UPDATE jobs SET leased_until = clock_timestamp() + make_interval(secs => $3)
WHERE worker = $1 AND name = ANY($2) AND leased_until IS NOT NULL RETURNING name"""
# A row that another worker has just taken is passed by, or seen again as that worker left it. What is due later than
# in a period, or leased for longer than two leases, was noted by a clock that was wrong: it is due, and nobody's.
CLAIM = """
UPDATE jobs j SET started_at = clock_timestamp(), worker = $1,
  leased_until = clock_timestamp() + make_interval(secs => $3),
  failure_count = j.failure_count + (due.leased_until IS NOT NULL)::int
FROM (SELECT id, leased_until FROM jobs WHERE name = ANY($2)
      AND (due_at <= clock_timestamp() OR due_at > clock_timestamp() + make_interval(secs => every_seconds))
      AND (leased_until IS NULL OR leased_until <= clock_timestamp()
           OR leased_until > clock_timestamp() + make_interval(secs => 2 * $3)) FOR UPDATE SKIP LOCKED) due
WHERE j.id = due.id RETURNING j.name, due.leased_until IS NOT NULL AS was_abandoned"""
UNTIL_NEXT = """
SELECT extract(epoch FROM min(greatest(due_at, leased_until)) - clock_timestamp())::float AS seconds
FROM jobs WHERE name = ANY($1)"""
# The next time is a whole number of periods from the last, so a nightly job stays at its hour, and within one of now.
DONE = """
UPDATE jobs SET finished_at = clock_timestamp(), leased_until = NULL, failure_count = 0,
  due_at = due_at + make_interval(secs => every_seconds
    * (1 + floor(extract(epoch FROM clock_timestamp() - due_at) / every_seconds))::float)
WHERE name = $1 AND worker = $2 AND leased_until IS NOT NULL"""
FAILED = """
UPDATE jobs SET failed_at = clock_timestamp(), error = $3, leased_until = NULL, failure_count = failure_count + 1,
  due_at = clock_timestamp() + make_interval(secs => least(every_seconds, 3600, 10 * 2 ^ least(failure_count, 9)))
WHERE name = $1 AND worker = $2 AND leased_until IS NOT NULL"""
LET_GO = "UPDATE jobs SET leased_until = NULL WHERE worker = $1 AND leased_until IS NOT NULL"
# What has been running for longer than three periods and an hour hangs, and is as late as if it had not begun.
STATES = """
SELECT name, every_seconds, leased_until > clock_timestamp() IS TRUE AS is_running, finished_at, failed_at, error,
  failure_count, greatest(0, extract(epoch FROM
    (CASE WHEN leased_until > clock_timestamp()
       AND started_at > clock_timestamp() - make_interval(secs => greatest(3 * every_seconds, 3600))
     THEN started_at ELSE clock_timestamp() END) - due_at
  ))::float AS late_seconds
FROM jobs ORDER BY name"""


class Job(Row, table=True):
    """One periodic job: when it is due, who runs it at the moment, and how it went the last time."""

    __tablename__ = "jobs"
    __table_args__ = (sa.UniqueConstraint("name"),)

    name: str = Field(max_length=60)
    every_seconds: int
    due_at: datetime = needed_instant()
    started_at: datetime | None = instant()
    finished_at: datetime | None = instant()
    """When it last succeeded."""
    failed_at: datetime | None = instant()
    error: str | None = Field(default=None, max_length=100)
    """The kind of the last failure, never its words: they may quote a person's data."""
    failure_count: int = Field(default=0, sa_column_kwargs={"server_default": sa.text("0")})
    """Failures since it last succeeded."""
    worker: UUID | None = None
    """The process that runs it, or ran it last."""
    leased_until: datetime | None = instant()
    """While it runs: when it is taken for abandoned, unless its worker says again that it still runs."""


@dataclass(frozen=True)
class Periodic:
    """Work done every so many seconds by whichever worker comes first.

    It must bear being run again from its start: a worker that is killed, or cut off from the database for longer
    than its lease, loses the job to the next one.
    """

    name: str
    every_seconds: int
    work: Callable[[], Awaitable[None]]


async def in_thread(work: Callable[[], None]) -> None:
    """Blocking work beside the event loop; once abandoned it does not hold up the end of the process."""
    done: Future[None] = Future()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            work()
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    Thread(target=run, daemon=True).start()
    await asyncio.wrap_future(done)


class Worker:
    """Runs what is due, one job in one worker at a time; how far it has got lies in the table, never here alone.

    A job that runs is leased: its worker says again and again that it still lives, and who is silent for longer
    than the lease has lost the job. A lease holds across a pooler that lends a connection for one transaction,
    where a lock of the connection would not. All times are the database's true clock.
    """

    def __init__(self, database: Database, jobs: Sequence[Periodic], *, lease_seconds: float = 60.0) -> None:
        self.id = uuid4()
        self._database = database
        # in one order for all workers, so that none waits in a ring
        self._jobs = {job.name: job for job in sorted(jobs, key=lambda job: job.name)}
        self._lease_seconds = lease_seconds
        self._running: dict[str, asyncio.Task[None]] = {}
        self._heard_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then what runs has `GRACE_SECONDS` to finish, or is left to the next worker."""
        is_registered = False
        while not stop.is_set():
            pause = self._lease_seconds / 4
            try:
                async with asyncio.timeout(self._lease_seconds / 4):
                    if not is_registered:
                        await self._register()
                        is_registered = True
                    pause = min(pause, await self._turn())
            except Exception as error:
                logs.logger().error("worker_without_database", exception_type=type(error).__name__)
                self._give_up_what_may_be_lost()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
        await self._end()

    async def _ask(self, sql: str, *values: Any) -> list[Any]:
        async with self._database.writing(actor("jobs"), origin("jobs")) as db:
            return await fetch(db, sql, *values)

    async def _register(self) -> None:
        """The table lists the jobs of this version and no others."""
        async with self._database.writing(actor("jobs"), origin("jobs")) as db:
            await fetch(db, FORGET, list(self._jobs))
            ids, every = [uuid7() for _ in self._jobs], [job.every_seconds for job in self._jobs.values()]
            waits = [FIRST_AFTER if seconds > FIRST_AFTER else 0 for seconds in every]
            await fetch(db, REGISTER, ids, list(self._jobs), every, waits)

    async def _turn(self) -> float:
        """What runs is leased anew, and what is due is begun; seconds until something else is due."""
        began = time.monotonic()
        async with self._database.writing(actor("jobs"), origin("jobs")) as db:
            kept = await fetch(db, RENEW, self.id, list(self._running), self._lease_seconds)
            free = [name for name in self._jobs if name not in self._running]
            claimed = await fetch(db, CLAIM, self.id, free, self._lease_seconds)
            wait = (await fetch(db, UNTIL_NEXT, free))[0]["seconds"]
        self._heard_at = began
        for name in self._running.keys() - {row["name"] for row in kept}:
            self._give_up(name)
        for row in claimed:
            self._begin(row["name"], is_again=row["was_abandoned"])
        return LONGEST_PAUSE if wait is None else min(LONGEST_PAUSE, max(SHORTEST_PAUSE, wait))

    def _begin(self, name: str, *, is_again: bool) -> None:
        if is_again:
            logs.logger().warning("job_taken_over", job=name)
        task = asyncio.create_task(self._do(self._jobs[name]))
        self._running[name] = task
        task.add_done_callback(lambda _: self._running.pop(name, None))

    async def _do(self, job: Periodic) -> None:
        log, began = logs.logger().bind(job=job.name), time.monotonic()
        try:
            try:
                await job.work()
            except Exception as error:
                kind = type(error).__name__
                log.error("job_failed", exception_type=kind, where=logs.where_of(error))
                await self._ask(FAILED, job.name, self.id, kind[:100])
            else:
                tell = log.info if job.every_seconds >= RARE else log.debug
                tell("job_done", ms=round((time.monotonic() - began) * 1000))
                await self._ask(DONE, job.name, self.id)
        except Exception as error:  # the lease runs out, and the job is run again
            log.error("job_not_noted", exception_type=type(error).__name__)

    def _give_up(self, name: str) -> None:
        logs.logger().warning("job_given_up", job=name)
        self._running[name].cancel()

    def _give_up_what_may_be_lost(self) -> None:
        """Unheard of for as long as its lease, this worker must take its jobs for another's."""
        if time.monotonic() - self._heard_at > self._lease_seconds / 2:
            for name in self._running:
                self._give_up(name)

    async def _end(self) -> None:
        if self._running:
            await asyncio.wait(list(self._running.values()), timeout=GRACE_SECONDS)
        left = list(self._running.values())
        for name in list(self._running):
            self._give_up(name)
        await asyncio.gather(*left, return_exceptions=True)
        with contextlib.suppress(Exception):  # without it the lease runs out by itself
            async with asyncio.timeout(2):
                await self._ask(LET_GO, self.id)


@dataclass(frozen=True)
class State:
    """How one job stands: `late_seconds` since it was due without being begun, 0 while it runs in time.

    A job that has been running for longer than three of its periods and an hour counts as not begun.
    """

    name: str
    every_seconds: int
    late_seconds: float
    is_running: bool
    finished_at: datetime | None
    failed_at: datetime | None
    error: str | None
    failure_count: int


async def states(db: Db) -> list[State]:
    """Every job as it stands now, by name; for the metrics and the doctor, in a transaction of a job."""
    return [State(**dict(row)) for row in await fetch(db, STATES)]
