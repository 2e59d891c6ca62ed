"""Serving the API: in one process, or in several with a worker beside them, on one address."""

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import uvicorn
from prometheus_client.multiprocess import mark_process_dead

from app import installation, worker
from app.core import connections, logs, metrics, traces
from app.core.supervisor import Child, Supervisor, leave_when_asked
from app.main import create_app
from app.settings import Settings

FINISH_SECONDS = 20
"""A request that runs when the service is asked to stop may finish within this; a statement has 15 s by default."""
END_SECONDS = FINISH_SECONDS + 5.0
"""Then a process that is still there is killed."""
BACKLOG = 2048


class CannotServe(Exception):
    """The service cannot start here; the message says why."""


def serve(settings: Settings, host: str, port: int) -> None:
    """One process serves the API until it is asked to stop."""
    leave_when_asked()
    with installation.database(settings) as addresses:
        listeners = _begin(settings, addresses, host, port, 1)
        _serve_api(settings, addresses, listeners, 0)


def serve_many(settings: Settings, host: str, port: int, *, works: bool = True) -> int:
    """As many API processes as the settings say, until asked to stop; the exit status.

    `works`: with a worker beside them. The parent alone brings the database up to date, before the first of them
    starts.
    """
    if not hasattr(os, "fork"):
        raise CannotServe("Several processes are not started on Windows: run `serve` and `worker` side by side.")
    leave_when_asked()
    with installation.database(settings) as addresses, TemporaryDirectory(prefix="peer-support-metrics-") as shared:
        metrics.share(Path(shared))
        count = settings.api_processes
        listeners = _begin(settings, addresses, host, port, count)
        children = [Child("api", partial(_serve_api, settings, addresses, listeners, i)) for i in range(count)]
        if works:
            children.append(Child("worker", partial(_work, settings, addresses, listeners), is_needed=False))
        closing = partial(_close, listeners)
        return Supervisor(children, patience=END_SECONDS, closing=closing, on_end=mark_process_dead).run()


def _begin(
    settings: Settings, addresses: installation.Addresses, host: str, port: int, count: int
) -> list[socket.socket]:
    """The address is ours, what is needed is there, the database is ready, and the log says so."""
    logs.configure(settings.log_level)
    if settings.traces_url:
        traces.adapter()
    listeners = _listen(host, port, count)
    ready(settings, addresses)
    kind = "included" if settings.database_url is None else "own"
    logs.logger().info("serving", port=listeners[0].getsockname()[1], pid=os.getpid(), database=kind)
    return listeners


def _listen(host: str, port: int, count: int) -> list[socket.socket]:
    """One address, listened on once for each process.

    Linux deals new connections out among the listeners. From a common one, whichever process wakes first takes
    nearly all that come at once, and keeps them. The parent has every listener open too: what waits at one whose
    process has died is served by the next.
    """
    listen = partial(socket.create_server, family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=BACKLOG)
    try:
        alone = listen((host, port))  # refused while anybody else listens, which sharing would not be
        if count == 1 or sys.platform != "linux":
            return [alone] * count
        port = alone.getsockname()[1]
        alone.close()
        return [listen((host, port), reuse_port=True) for _ in range(count)]
    except OSError as error:
        raise CannotServe(f"Nothing can listen on port {port} of {host}: {error.strerror}.") from error


def _close(listeners: Sequence[socket.socket]) -> None:
    for listener in listeners:
        listener.close()


def ready(settings: Settings, addresses: installation.Addresses) -> None:
    """The database is up to date, where the owner's login is known, and has room for the pools; else it is refused.

    Behind a transaction pooler the room is the pooler's to give, and is not looked at.
    """
    if settings.database_url is None or settings.database_owner_url is not None:
        installation.migrate(addresses.owner, settings.role_prefix)
    asyncio.run(installation.refuse_half_restored(addresses.login))
    asyncio.run(installation.refuse_powerful_login(addresses.login, settings.role_prefix))
    if not settings.transaction_pooling:
        connections.check(settings, asyncio.run(_granted(addresses.login)))


async def _granted(login: str) -> connections.Granted:
    try:
        connection = await asyncpg.connect(login)
    except (OSError, asyncpg.PostgresError) as error:
        raise installation.NotReachable(installation.NotReachable.__doc__) from error
    try:
        return await connections.granted(connection)
    finally:
        await connection.close()


def _serve_api(
    settings: Settings, addresses: installation.Addresses, listeners: Sequence[socket.socket], number: int
) -> None:
    own = listeners[number]
    _close([listener for listener in listeners if listener is not own])
    config = uvicorn.Config(
        create_app(settings, addresses),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=FINISH_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[own])


def _work(settings: Settings, addresses: installation.Addresses, listeners: Sequence[socket.socket]) -> None:
    _close(listeners)
    worker.run(settings, addresses)
