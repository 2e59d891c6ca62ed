"""People at work during an upgrade, and who waits for its locks how long."""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx

from app.access.keys import SigningKeys
from benchmarks.seed import Caller, Seeded
from tests.factories import person, referral

SAMPLE_SECONDS = 0.01
HELD = """SELECT l.pid, c.relname, l.mode FROM pg_locks l JOIN pg_stat_activity a USING (pid)
JOIN pg_class c ON c.oid = l.relation AND c.relkind = 'r' AND c.oid = ANY ($2::oid[])
WHERE a.usename = $1 AND l.granted
  AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"""
WAITING = """SELECT max(extract(epoch FROM clock_timestamp() - l.waitstart))::float FROM pg_locks l
JOIN pg_stat_activity w USING (pid) WHERE NOT l.granted AND w.usename <> $1 AND w.datname = current_database()
  AND EXISTS (SELECT FROM pg_stat_activity a WHERE a.usename = $1 AND a.pid = ANY (pg_blocking_pids(l.pid)))"""


@dataclass
class Locks:
    """The locks by which the owner's commands keep writers out of tables that have rows, looked for every 10 ms."""

    superuser: str
    owner: str
    seen: set[str] = field(default_factory=set)
    """Every mode and table of such a lock."""
    longest_held: float = 0.0
    longest_wait: float = 0.0
    """Seconds that somebody else waited for such a lock."""
    which: str = ""
    _begun: dict[tuple[int, str], float] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """While the block lasts; in a thread, so that a busy event loop does not slow the watch."""
        watch = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(self._watch())))
        try:
            yield
        finally:
            self._stopped.set()
            await watch

    async def _watch(self) -> None:
        connection = await asyncpg.connect(self.superuser)
        tables = await connection.fetchval(
            "SELECT array_agg(oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        )
        try:
            while not self._stopped.is_set():
                self._note(await connection.fetch(HELD, self.owner, tables))
                waited = await connection.fetchval(WAITING, self.owner)
                self.longest_wait = max(self.longest_wait, waited or 0.0)
                await asyncio.sleep(SAMPLE_SECONDS)
        finally:
            await connection.close()

    def _note(self, rows: list[Any]) -> None:
        now = time.monotonic()
        there = {(row["pid"], f"{row['mode']} on {row['relname']}") for row in rows}
        # what was not there at the last look begins anew
        self._begun = {lock: self._begun.get(lock, now) for lock in there}
        for (_, which), begun in self._begun.items():
            self.seen.add(which)
            if now - begun > self.longest_held:
                self.longest_held, self.which = now - begun, which

    def told(self) -> str:
        """In a line."""
        held = f"longest lock {self.longest_held:.2f} s ({self.which} and {len(self.seen) - 1} others)"
        return f"{held}, longest wait for one {self.longest_wait:.2f} s"


@dataclass
class Busy:
    """A practice that refers, a coordinator who decides and looks things up, a mentor who plans; without a pause."""

    http: httpx.AsyncClient
    seeded: Seeded
    keys: SigningKeys
    public_url: str
    answers: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    longest: float = 0.0
    """Seconds of the longest answer."""
    _received: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """While the block lasts."""
        ended = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for turn in (self._refer, self._refer, self._decide, self._plan):
                group.create_task(self._again_and_again(turn, ended))
            try:
                yield
            finally:
                ended.set()

    async def _again_and_again(self, turn: Callable[[], Awaitable[None]], ended: asyncio.Event) -> None:
        while not ended.is_set():
            await turn()

    async def _refer(self) -> None:
        sent = referral(self.seeded.programme_id, person=person())
        made = await self._send(self.seeded.referrer, "POST", "/v1/referrals", sent)
        if made is not None:
            self._received.append(made["id"])

    async def _decide(self) -> None:
        await self._send(self.seeded.coordinator, "GET", "/v1/mentees?limit=50")
        await self._send(self.seeded.coordinator, "GET", f"/v1/mentees/{random.choice(self.seeded.mentee_ids)}")
        if self._received:
            await self._send(self.seeded.coordinator, "POST", f"/v1/referrals/{self._received.pop()}/accept", {})

    async def _plan(self) -> None:
        matches = await self._send(self.seeded.mentor, "GET", "/v1/matches?status=active")
        if matches is None or not matches["items"]:
            return
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=60)
        booking = {"match_id": matches["items"][0]["id"], "starts_at": hour.isoformat(), "mode": "telephone"}
        booked = await self._send(self.seeded.mentor, "POST", "/v1/sessions", booking)
        if booked is not None:
            await self._send(self.seeded.mentor, "POST", f"/v1/sessions/{booked['id']}/cancel", {"by": "mentor"})

    async def _send(self, who: Caller, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON, or None; what the service could not answer is noted."""
        headers = {"Authorization": f"Bearer {who.token(self.keys, self.public_url)}"}
        headers |= {} if method == "GET" else {"Idempotency-Key": uuid4().hex}
        begun = time.monotonic()
        response = await self.http.request(method, path, json=body, headers=headers)
        self.longest = max(self.longest, time.monotonic() - begun)
        self.answers[response.status_code] += 1
        if response.is_success:
            return response.json()
        if response.status_code != 409:  # of many made-up people two are the same now and then
            self.failures.append(f"{method} {path}: {response.status_code} {response.text}")
        return None

    def told(self) -> str:
        """In a line."""
        return f"answers {dict(self.answers)}, the longest after {self.longest:.2f} s"
