"""What the service counts of itself, for whoever watches over it: how much is asked, how fast, how full; never who.

Every label comes from a closed set: the templates of the routes, methods, statuses, roles and names of pools.
Several API processes are counted together in files of a directory that they share; whichever of them is asked
answers for all.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Literal

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import pools
from app.core.database import Database

CONTENT_TYPE = CONTENT_TYPE_LATEST
SHARED = "PROMETHEUS_MULTIPROC_DIR"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
"""The label of every address that is no documented route, and of every unheard-of method: callers make no labels."""
GONE = "gone"
"""The label of a request whose caller left before anything was answered."""
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)
SAMPLED_EVERY = 5.0
"""Seconds between two looks at its own pools, in each of several processes."""
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

disable_created_metrics()


class Instruments:
    """Everything that is counted here."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "peer_support_requests",
            "Requests answered.",
            ["route", "method", "status", "role"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "peer_support_request_seconds",
            "Seconds from the first byte of a request to the last of its answer.",
            ["route", "method"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.refused = Counter(
            "peer_support_requests_refused",
            "Requests answered with 503 at once because too many were waiting already.",
            registry=self.registry,
        )
        self.in_progress = self._gauge("requests_in_progress", "Requests worked on or waiting at this moment.")
        self.pool_size = self._gauge("pool_size", "Connections to PostgreSQL that may be open at most.", "pool")
        self.pool_in_use = self._gauge("pool_in_use", "Connections lent to a request at this moment.", "pool")
        self.pool_waiting = self._gauge("pool_waiting", "Requests that wait for a connection at this moment.", "pool")
        self.memory = self._gauge("memory_bytes", "Memory of the largest API process.", over_processes="livemax")

    def _gauge(
        self, name: str, meaning: str, *labels: str, over_processes: Literal["livesum", "livemax"] = "livesum"
    ) -> Gauge:
        return Gauge(f"peer_support_{name}", meaning, labels, multiprocess_mode=over_processes, registry=self.registry)


@cache
def instruments() -> Instruments:
    """This process's instruments, made when they are first needed: what `share` says has been said by then."""
    return Instruments()


def share(directory: Path) -> None:
    """The processes forked from this one are counted together, in files of this directory, which is empty yet.

    To be called before any of them counts; whoever forks them calls `mark_process_dead` when one has ended.
    """
    os.environ[SHARED] = str(directory)
    values.ValueClass = values.get_value_class()


def is_shared() -> bool:
    """Whether several processes are counted together."""
    return SHARED in os.environ


class Watch:
    """Pure ASGI, outside everything that refuses: each request is counted and timed once it is over."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._own = instruments()
        self._known: dict[tuple[str, str, int | str, str], tuple[Counter, Histogram]] = {}
        """The instruments of each combination of labels seen; looking them up by their labels takes longer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status: int | str = GONE
        started = time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        scope.setdefault("state", {})
        self._own.in_progress.inc()
        try:
            await self.app(scope, receive, sending)
        finally:
            self._own.in_progress.dec()
            self._count(scope, status, time.perf_counter() - started)

    def _count(self, scope: Scope, status: int | str, seconds: float) -> None:
        route, method, role = names_of(scope)
        key = (route, method, status, role)
        found = self._known.get(key)
        if found is None:
            found = self._own.requests.labels(*key), self._own.seconds.labels(route, method)
            self._known[key] = found
        found[0].inc()
        found[1].observe(seconds)


def names_of(scope: Scope) -> tuple[str, str, str]:
    """The request's route as a template, its method, and the role it was made in: each from a closed set."""
    actor = scope["state"].get("actor")
    method: str = scope["method"]
    return (
        getattr(scope.get("route"), "path", OTHER),
        method if method in METHODS else OTHER,
        actor.role.value if actor is not None else "none",
    )


def refused() -> None:
    """Count a request that is turned away because too many are waiting."""
    instruments().refused.inc()


def sample(database: Database) -> None:
    """Note how full this process's pools are now, and its memory (where the system tells it as Linux does)."""
    own = instruments()
    for pool in pools.of(database):
        own.pool_size.labels(pool.name).set(pool.size)
        own.pool_in_use.labels(pool.name).set(pool.in_use)
        own.pool_waiting.labels(pool.name).set(pool.waiting)
    with contextlib.suppress(OSError):
        own.memory.set(int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES)


@asynccontextmanager
async def sampling(database: Database) -> AsyncIterator[None]:
    """Within the block, where several processes are counted together, each keeps telling of its pools.

    Only one of them answers a scrape and cannot look into the others. A single process looks when it is asked.
    """
    if not is_shared():
        yield
        return
    task = asyncio.create_task(_keep_sampling(database))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _keep_sampling(database: Database) -> None:
    while True:
        sample(database)
        await asyncio.sleep(SAMPLED_EVERY)


class _Given:
    """What was read elsewhere, as a collector."""

    def __init__(self, figures: Iterable[Metric]) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        return self._figures


def text(figures: Iterable[Metric]) -> bytes:
    """Everything counted, by all processes together, and the figures given, in Prometheus's text format."""
    registry = CollectorRegistry()
    if is_shared():
        MultiProcessCollector(registry)
    else:
        registry.register(_Given(instruments().registry.collect()))
    registry.register(_Given(figures))
    return generate_latest(registry)
