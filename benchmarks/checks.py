"""The single figures: the far end of a long list, a mentor's reads, the report, the start, the memory."""

import asyncio
import copy
import json
import statistics
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from app.core.database import Database
from app.core.reading import Paging, Source, page
from app.mentees.service import OWN_MENTEES
from app.sessions.service import SESSIONS
from app.settings import Settings
from benchmarks import cpu, load
from benchmarks.ground import Ground, api, peer_support
from benchmarks.measures import Plan, measure, orders, serving
from benchmarks.seed import Caller

LARGE_PROGRAMME = 2_000
"""As many as a very large programme has."""
PAGE = 200
"""The most rows a page may have, by which a long list is walked."""
TIMES = 21
"""How often a thing done in the database alone is repeated; the median counts."""


@dataclass(frozen=True)
class Check:
    """One figure against its limit: at most, or (`is_least`) at least."""

    name: str
    value: float
    limit: float
    unit: str
    is_least: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the limit holds."""
        return self.value >= self.limit if self.is_least else self.value <= self.limit


def http_checks(ground: Ground, plan: Plan) -> list[Check]:
    """What is asked of a running service: the last page against the first, and the report over everything."""
    with serving(ground, "ours") as apis, _client(ground, apis["ours"].port) as client:
        listed = replace(orders(ground, "ours", apis["ours"].port, plan)["list"], connections=1)
        last = replace(listed, asked=(f"{listed.asked[0]}&cursor={_last_cursor(client, ground.seeded.mentees)}",))
        for order in (listed, last):
            load.in_own_process(replace(order, seconds=1.0))
        near, far = (
            statistics.median(taken)
            for taken in zip(
                *(
                    [measure(ground, apis["ours"], order).p50_ms for order in (listed, last)]
                    for _ in range(plan.rounds)
                ),
                strict=True,
            )
        )
        return [
            Check("last page against the first, p50", far / near, 1.5, "x"),
            Check("outcome report over everything", _report_seconds(client, ground), 1.0, "s"),
            _suggestions(client, ground),
        ]


def _client(ground: Ground, port: int) -> httpx.Client:
    headers = {"Authorization": f"Bearer {ground.token(ground.seeded.coordinator)}"}
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60)


def _last_cursor(client: httpx.Client, expected: int) -> str:
    """The cursor of the last page with 50 mentees or more, found by walking the whole list, where all must come by."""
    limit = min(PAGE, max(50, expected // 20))
    seen, cursors = 0, [""]
    while True:
        answer = client.get(f"/v1/mentees?limit={limit}" + (f"&cursor={cursors[-1]}" if cursors[-1] else ""))
        answer.raise_for_status()
        found = answer.json()
        seen += len(found["items"])
        if found["next"] is None:
            break
        cursors.append(found["next"])
    if seen != expected:
        raise RuntimeError(f"The pages of the list hold {seen} mentees, not {expected}.")
    return cursors[-1] if len(found["items"]) >= 50 else cursors[-2]


def _report_seconds(client: httpx.Client, ground: Ground) -> float:
    analyst = {"Authorization": f"Bearer {ground.token(ground.seeded.analyst)}"}
    asked = {
        "programme_id": str(ground.seeded.programme_id),
        "from": "2010-01-01",
        "until": datetime.now(UTC).date().isoformat(),
    }
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        client.get("/v1/reports/outcomes", params=asked, headers=analyst).raise_for_status()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def _suggestions(client: httpx.Client, ground: Ground) -> Check:
    """Over HTTP, brought to 2,000 mentors: each is judged, so the time grows with their number."""
    taken, count = [], 0
    for mentee_id in ground.seeded.mentee_ids[:5]:
        started = time.perf_counter()
        answer = client.get(f"/v1/mentees/{mentee_id}/suggestions").raise_for_status().json()
        taken.append((time.perf_counter() - started) * 1000)
        count = answer["suggestion_count"] + answer["excluded_count"]
    name = f"suggestions for a mentee, for each {LARGE_PROGRAMME:,} of {count:,} mentors"
    return Check(name, statistics.median(taken) * LARGE_PROGRAMME / count, 300, "ms")


class Explaining:
    """A connection that has PostgreSQL explain each statement before it runs, and notes what it took."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.milliseconds: list[float] = []

    async def fetch(self, sql: str, *values: Any) -> Any:
        """The rows; `milliseconds` gets planning and execution together."""
        plans = await self._connection.fetchval(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", *values)
        told = json.loads(plans)[0]
        self.milliseconds.append(told["Planning Time"] + told["Execution Time"])
        return await self._connection.fetch(sql, *values)


async def _in_database(ground: Ground, caller: Caller, source: Source[Any]) -> float:
    """Milliseconds that the first 50 of a list take inside PostgreSQL, as the role the caller has there."""
    database = Database(Settings(data_dir=ground.home), ground.addresses.login)
    await database.open()
    try:
        taken = []
        for _ in range(TIMES):
            async with database.reading(caller.actor) as db:
                explained = copy.copy(db)
                explained.connection = explaining = Explaining(db.connection)
                await page(explained, source, [], Paging(limit=50), secret=b"0" * 32)
                taken.append(sum(explaining.milliseconds))
        return statistics.median(taken)
    finally:
        await database.close()


def database_checks(ground: Ground) -> list[Check]:
    """A mentor's own list and last 50 sessions, planned and executed in the database."""
    named: dict[str, Source[Any]] = {"own list": OWN_MENTEES, "last 50 sessions": SESSIONS}
    mentor = ground.seeded.mentor
    return [
        Check(f"a mentor's {name}, in the database", asyncio.run(_in_database(ground, mentor, source)), 2.0, "ms")
        for name, source in named.items()
    ]


def memory_checks(ground: Ground, plan: Plan, requests: int) -> list[Check]:
    """The memory of one API process after a fifth of so many mixed requests, and after all of them."""
    with serving(ground, "ours") as apis:
        served = apis["ours"]
        asked = replace(orders(ground, "ours", served.port, plan)["mixed"], seconds=3600)
        resident = []
        for share in (0.2, 0.8):
            load.in_own_process(replace(asked, count=int(requests * share)))
            resident.append(cpu.resident_mb(served.pid))
    return [
        Check(f"memory after {requests:,} requests", resident[1], 200, "MB"),
        Check(f"growth from {requests // 5:,} to {requests:,} requests", resident[1] - resident[0], 10, "MB"),
    ]


def start_checks(home: Path) -> list[Check]:
    """`peer-support serve` on these rows, from nothing running to its first answer, the database's start included."""
    taken = []
    for _ in range(3):
        environment = {"PEER_SUPPORT_DATA_DIR": str(home), "PEER_SUPPORT_LOG_LEVEL": "WARNING"}
        with api(peer_support("serve", "--port", "{port}"), environment, "/health/ready", home / "serve.log") as served:
            taken.append(served.seconds_to_answer)
    return [Check("start to first answer, with its database", statistics.median(taken), 3.0, "s")]
