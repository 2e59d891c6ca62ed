"""What the tests of jobs share: a place for jobs of their own, and ways to wait."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app import installation
from app.core.connections import WORKER_POOL
from app.core.database import Database
from app.core.jobs import Periodic, Worker
from app.settings import Settings


@pytest.fixture
async def database(
    settings: Settings, addresses: installation.Addresses, owner: Any, anyio_backend: str
) -> AsyncIterator[Database]:
    """The database as a worker has it, without anybody's jobs before and after."""
    await owner.execute("DELETE FROM jobs")
    made = Database(settings.model_copy(update={"writing_pool": WORKER_POOL}), addresses.login)
    yield made
    await made.close()
    await owner.execute("DELETE FROM jobs")


async def until(reached: Callable[[], Any], seconds: float = 10.0) -> Any:
    """What `reached` gives, or awaited gives, as soon as it is true."""
    async with asyncio.timeout(seconds):
        while True:
            if found := await _awaited(reached()):
                return found
            await asyncio.sleep(0.02)


async def _awaited(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


@asynccontextmanager
async def working(database: Database, *jobs: Periodic, lease_seconds: float = 60.0) -> AsyncIterator[Worker]:
    """A worker that runs these jobs within the block, and is asked to stop at its end."""
    worker, stop = Worker(database, jobs, lease_seconds=lease_seconds), asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    try:
        yield worker
    finally:
        stop.set()
        await running


async def row(owner: Any, name: str) -> Any:
    """How a job stands in the table."""
    return await owner.fetchrow("SELECT * FROM jobs WHERE name = $1", name)


async def noted(owner: Any, name: str, what: str = "finished_at") -> Any:
    """The job's row, once this has been noted in it."""

    async def found() -> Any:
        job = await row(owner, name)
        return job if job is not None and job[what] is not None else None

    return await until(found)
