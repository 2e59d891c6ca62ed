"""The process that does what is due by the clock: signs of life, clearing away what has expired, backups."""

import asyncio
import contextlib
import os
import signal
from functools import partial

from app.accounts.expiry import EXPIRED
from app.core import expiry, logs
from app.core.connections import WORKER_POOL
from app.core.database import Database
from app.core.jobs import Periodic, Worker, in_thread
from app.installation import Addresses
from app.keeping import jobs as keeping
from app.settings import Settings

HOUR = 3600


async def heartbeat() -> None:
    """Nothing: that its row says when it was done is the sign of life."""


def jobs(database: Database, settings: Settings, addresses: Addresses) -> tuple[Periodic, ...]:
    """Everything that is done by the clock."""
    return (
        Periodic("heartbeat", 10, heartbeat),
        Periodic("expired-sign-ins", HOUR, partial(_clear, database, "expired-sign-ins", EXPIRED)),
        Periodic("expired-answers", HOUR, partial(_clear, database, "expired-answers", expiry.ANSWERS)),
        *(
            Periodic(name, every_seconds, partial(in_thread, partial(work, settings, addresses)))
            for name, every_seconds, work in keeping.JOBS
        ),
    )


async def _clear(database: Database, name: str, rules: dict[str, str]) -> None:
    count = await expiry.clear(database, name, rules)
    logs.logger().info("cleared", job=name, count=count)


def run(settings: Settings, addresses: Addresses) -> None:
    """Work until SIGTERM or SIGINT; what runs then has some seconds to finish."""
    logs.configure(settings.log_level)
    logs.logger().info("working", pid=os.getpid())
    asyncio.run(_run(settings, addresses))


async def _run(settings: Settings, addresses: Addresses) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C ends it at once
        for asked in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(asked, stop.set)
    database = Database(settings.model_copy(update={"writing_pool": WORKER_POOL}), addresses.login)
    try:
        await Worker(database, jobs(database, settings, addresses)).run(stop)
    finally:
        await database.close()
