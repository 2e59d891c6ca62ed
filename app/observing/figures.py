"""What only the database knows of how the service fares, in numbers: how large it is, how late jobs and people are.

Read in the background and given as last read, so that a scrape neither waits for a database in trouble nor
loads one that is well.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
from prometheus_client.core import GaugeMetricFamily
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import logs
from app.core.actor import job
from app.core.connections import FIGURES
from app.core.database import Database, as_service, fetch
from app.core.identity import origin
from app.core.jobs import states
from app.keeping import drill, shelf
from app.screens.shapes import DueKind
from app.screens.today import due_of
from app.settings import Settings

PATIENCE: Final = 2.0
"""Seconds a scrape waits for figures that are being read; then it gives the ones before."""
LONGEST_MS: Final = 8_000
"""Milliseconds one statement may take."""
HANGS_AFTER: Final = 20.0
"""Seconds after which a reading that has not ended counts as failed."""
REST_SHARE: Final = 100
"""A reading rests a hundred times as long as it took, so that it costs no more than a hundredth of a connection."""

Figures = list[GaugeMetricFamily]
Read = Callable[[], Awaitable[Figures]]

_STANDING: Final = """
SELECT count(*) AS count, greatest(0, extract(epoch FROM
  app_now() - (min(since_on)::timestamp AT TIME ZONE 'Europe/London')))::float8 AS seconds FROM """
_LAG: Final = """
SELECT CASE WHEN pg_is_in_recovery() THEN greatest(0, extract(epoch FROM clock_timestamp() -
  coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time()))) ELSE 0 END::float8
"""


class Part:
    """One group of figures; at most one reading of it runs, and how the last one went is a figure too."""

    def __init__(self, name: str, read: Read, rest: float) -> None:
        self.name = name
        self._read = read
        self._rest = rest
        self._began_at = self._rests_until = 0.0
        self._task: asyncio.Task[None] | None = None
        self._figures: Figures = []
        self._went_well = True

    @property
    def is_up(self) -> bool:
        """Whether the last reading that ended succeeded, and none hangs."""
        hangs = self._task and not self._task.done() and time.monotonic() - self._began_at > HANGS_AFTER
        return self._went_well and not hangs

    async def figures(self) -> Figures:
        """As last read; none where the last reading failed."""
        if self._task is None or (self._task.done() and time.monotonic() >= self._rests_until):
            self._task = asyncio.create_task(self._renew())
        await asyncio.wait({self._task}, timeout=PATIENCE)
        return self._figures

    async def _renew(self) -> None:
        self._began_at, before = time.monotonic(), self._went_well
        try:
            self._figures = await self._read()
            self._went_well = True
        except Exception as error:  # whatever it is, the other figures are still wanted
            self._figures, self._went_well = [], False
            if before:
                logs.logger().warning("figures", operation=self.name, exception_type=type(error).__name__)
        ended = time.monotonic()
        self._rests_until = ended + max(self._rest, REST_SHARE * (ended - self._began_at))

    async def close(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task


class Observatory:
    """Reads all figures over one connection of its own, so that a full pool is seen and not waited for."""

    def __init__(self, settings: Settings, login_url: str, read_url: str | None = None) -> None:
        own = settings.model_copy(update={"writing_pool": FIGURES, "statement_timeout_ms": LONGEST_MS})
        self._database = Database(own, login_url)
        self._turn = asyncio.Lock()
        self._read_url = read_url
        self._settings = settings
        self._parts = [
            Part("database", self._database_figures, 1.0),
            Part("jobs", self._jobs, 1.0),
            Part("standing", self._standing, 60.0),
            Part("backups", self._backups, 30.0),
        ]
        if read_url is not None:
            self._parts.append(Part("replica", self._replica, 5.0))

    async def figures(self) -> Figures:
        """Every figure that can be had; never raises."""
        found = await asyncio.gather(*(part.figures() for part in self._parts))
        up = GaugeMetricFamily("peer_support_figures_up", "Whether these figures could be read.", labels=["part"])
        for part in self._parts:
            up.add_metric([part.name], part.is_up)
        return [_one("peer_support_database_up", "Whether the database answers.", self._parts[0].is_up), up] + [
            figure for figures in found for figure in figures
        ]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Closes its connections at the end of the block."""
        try:
            yield
        finally:
            for part in self._parts:
                await part.close()
            await self._database.close()

    @asynccontextmanager
    async def _looking(self) -> AsyncIterator[AsyncSession]:
        # one after the other: who waits in the pool is not told when the connection cannot be made
        async with self._turn, self._database.writing(job("metrics"), origin("metrics")) as db:
            await fetch(db, "SET TRANSACTION READ ONLY")
            yield db

    async def _database_figures(self) -> Figures:
        async with self._looking() as db:
            rows = await fetch(db, "SELECT pg_database_size(current_database())::float8 AS bytes")
        return [_one("peer_support_database_bytes", "Size of the database on its disk.", rows[0]["bytes"])]

    async def _jobs(self) -> Figures:
        async with self._looking() as db:
            found = await states(db)
        finished = _by("name", "peer_support_job_success_timestamp_seconds", "When the job last succeeded; 0: never.")
        late = _by("name", "peer_support_job_late_seconds", "How long the job is overdue; 0 while it is not.")
        failures = _by("name", "peer_support_job_failures", "Failures of the job since it last succeeded.")
        for state in found:
            late.add_metric([state.name], state.late_seconds)
            failures.add_metric([state.name], state.failure_count)
            finished.add_metric([state.name], state.finished_at.timestamp() if state.finished_at else 0)
        return [finished, late, failures]

    async def _standing(self) -> Figures:
        """What each kind of the coordinators' day comes to over the whole service, by the same definitions."""
        count = _by("kind", "peer_support_due", "Things that stand on the coordinators' day.")
        oldest = _by("kind", "peer_support_due_oldest_seconds", "How long the oldest of them has been standing.")
        for kind in DueKind:  # one after the other, so that the connection is free in between
            async with (
                self._looking() as db,
                as_service(db, "what is due, and since when, is counted over all programmes: numbers, no rows"),
            ):
                row = (await fetch(db, _STANDING + due_of(kind).rows))[0]
            count.add_metric([kind.value], row["count"])
            oldest.add_metric([kind.value], row["seconds"] or 0)
        return [count, oldest]

    async def _backups(self) -> Figures:
        return await asyncio.to_thread(_of_the_shelf, self._settings)

    async def _replica(self) -> Figures:
        limits = {"timeout": PATIENCE, "command_timeout": PATIENCE, "statement_cache_size": 0}
        connection = await asyncpg.connect(self._read_url, **limits)
        try:
            lag = await connection.fetchval(_LAG)
        finally:
            await connection.close(timeout=PATIENCE)
        return [_one("peer_support_replica_lag_seconds", "How far the replica is behind.", lag)]


def _of_the_shelf(settings: Settings) -> Figures:
    """The newest backup and the last one tried; nothing of them where this process does not see where they lie."""
    wanted = 3600 * settings.backup_hours
    found = [_one("peer_support_backup_wanted_seconds", "Seconds between two backups; 0: none are taken.", wanted)]
    where = shelf.directory(settings)
    if not wanted or not where.is_dir():
        return found
    newest = shelf.newest(where)
    tried = drill.last(settings)
    taken_at = newest.taken_at.timestamp() if newest else 0
    tried_at = tried.at.timestamp() if tried and tried.restored is not None else 0
    found.append(_one("peer_support_backup_timestamp_seconds", "When the newest backup was taken; 0: never.", taken_at))
    found.append(_one("peer_support_drill_timestamp_seconds", "When a backup was last tried; 0: never.", tried_at))
    if tried and tried.restored is not None:
        restored = "Whether the backup that was last tried could be restored."
        found.append(_one("peer_support_drill_restored", restored, tried.restored))
    return found


def _one(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=value)


def _by(label: str, name: str, meaning: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, labels=[label])
