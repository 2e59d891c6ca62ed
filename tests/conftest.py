"""A real PostgreSQL for all tests: one cluster, the schema once as a template, a copy for each worker."""

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from hypothesis import settings as hypothesis_settings

from app import installation
from app.access.keys import new_private_pem
from app.core import clock, embedded
from app.main import create_app
from app.settings import Settings
from tests import contract, servers
from tests.factories import World

hypothesis_settings.register_profile("house", deadline=None, max_examples=60)
hypothesis_settings.load_profile("house")

PREFIX = "pmt_"
SEALING_KEY = "07" * 32
TEMPLATE = "pmt_template"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """One event loop for the whole run, as in the server."""
    return "asyncio"


def _run_name() -> str:
    """One name for all workers of a run, and another for every other run on this machine."""
    return os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())


def _home() -> Path:
    return Path(tempfile.gettempdir()) / f"peer-support-tests-{_run_name()}"


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """The last process of a run clears the cluster away."""
    if not hasattr(config, "workerinput"):
        run = getattr(config, "_peer_support_run", None) or _run_name()
        shutil.rmtree(Path(tempfile.gettempdir()) / f"peer-support-tests-{run}", ignore_errors=True)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Remember the name that the workers of this run share."""
    node.config._peer_support_run = node.workerinput["testrunuid"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On another PostgreSQL: all tests that use it; the rest ask nothing of it, or are of the included one itself."""
    if servers.ANOTHER_POSTGRES is None:
        return
    using = [item for item in items if "cluster" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=[item for item in items if item not in using])
    items[:] = using


@pytest.fixture(scope="session")
def cluster() -> Iterator[embedded.Embedded]:
    """The PostgreSQL of this run, one for all its workers: the included one, or the one that was asked for."""
    with embedded.start(_home(), max_connections=400, programs=servers.ANOTHER_POSTGRES) as server:
        yield server


async def _run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def signing_key() -> str:
    """One RSA key for all tests; making one takes long."""
    return new_private_pem()


@pytest.fixture(scope="session")
def template(cluster: embedded.Embedded) -> str:
    """The migrated database, made afresh once a run, by whichever worker comes first."""
    superuser = cluster.dsn("postgres", "postgres")
    lock = _home() / "template.lock"
    with lock.open("a+") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        handle.seek(0)
        if not handle.read():
            asyncio.run(_make_template(superuser))
            installation.migrate(cluster.dsn(f"{PREFIX}owner", TEMPLATE), PREFIX)
            handle.write("made")
    return superuser


async def _make_template(superuser: str) -> None:
    connection = await asyncpg.connect(superuser)
    try:
        # nobody needs these data after a power cut; tests of crashes have servers of their own, with the usual settings
        await connection.execute("ALTER SYSTEM SET fsync = off")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.execute(f"CREATE ROLE {PREFIX}owner LOGIN CREATEROLE NOCREATEDB NOSUPERUSER")
        await connection.execute(f"CREATE DATABASE {TEMPLATE} OWNER {PREFIX}owner")
    finally:
        await connection.close()


def fresh_database(cluster: embedded.Embedded, superuser: str, name: str) -> installation.Addresses:
    """A copy of the template under this name."""
    asyncio.run(
        _run(
            superuser,
            f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)',
            f'CREATE DATABASE "{name}" TEMPLATE {TEMPLATE} OWNER {PREFIX}owner',
        )
    )
    return installation.Addresses(cluster.dsn(f"{PREFIX}owner", name), cluster.dsn(f"{PREFIX}api", name))


@pytest.fixture(scope="session")
def addresses(cluster: embedded.Embedded, template: str) -> Iterator[installation.Addresses]:
    """This worker's database; in a pooled run the service reaches it through pgbouncer."""
    name = f"pmt_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    direct = fresh_database(cluster, template, name)
    if not servers.IS_POOLED:
        yield direct
        return
    with servers.pooler(cluster, f"{PREFIX}api") as socket_dir:
        yield installation.Addresses(direct.owner, servers.pooled(socket_dir, f"{PREFIX}api", name))


def make_settings(signing_key: str, **changes: Any) -> Settings:
    """Settings for tests: cheap passwords, a movable clock, no waiting."""
    given: dict[str, Any] = {
        "role_prefix": PREFIX,
        "signing_keys": (signing_key,),
        "sealing_keys": (SEALING_KEY,),
        "argon2_time_cost": 1,
        "argon2_memory_kib": 8,
        "log_level": "ERROR",
        "requests_at_once": 200,  # tests ask for what nobody would at one moment, and want it all done
        "cors_origins": ("https://app.example.org",),
        "transaction_pooling": servers.IS_POOLED,
    }
    return Settings(**(given | changes))


@pytest.fixture(scope="session")
def settings(signing_key: str) -> Settings:
    """The settings most tests run with."""
    return make_settings(signing_key)


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """The app started, and a client that talks to it."""
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            yield client


@pytest.fixture(scope="session")
async def app(settings: Settings, addresses: installation.Addresses, anyio_backend: str) -> AsyncIterator[FastAPI]:
    """The API on this worker's database."""
    made = create_app(settings, addresses)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture(scope="session")
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token."""

    async def keeps_its_word(response: httpx.Response) -> None:
        await response.aread()
        contract.check(app, response)

    transport = httpx.ASGITransport(app=app)
    hooks = {"response": [keeps_its_word]}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", event_hooks=hooks) as client:
        yield client


@pytest.fixture(scope="session")
async def owner(addresses: installation.Addresses, anyio_backend: str) -> AsyncIterator[Any]:
    """A connection as the owner, who sees every row: for checking what is really there."""
    connection = await asyncpg.connect(addresses.owner)
    yield connection
    await connection.close()


@pytest.fixture
async def world(app: FastAPI, http: httpx.AsyncClient, owner: Any) -> World:
    """A programme of one's own with a coordinator and a practice; row security keeps it apart from all others."""
    return await World.make(app, http, owner)


@pytest.fixture
async def elsewhere(app: FastAPI, http: httpx.AsyncClient, owner: Any) -> World:
    """Another programme with other people, who must see nothing of the first."""
    return await World.make(app, http, owner)


@pytest.fixture(autouse=True)
def _true_clock() -> Iterator[None]:
    yield
    clock.move(timedelta(0))
