"""The ground a measurement stands on: a PostgreSQL of its own with so many seeded rows, kept between runs."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
from jose import jwt

from app import installation
from app.access.keys import SigningKeys
from app.settings import Settings
from benchmarks import plain
from benchmarks.seed import Caller, Seeded, Tell, seed, seeded

HOME = installation.ROOT / ".peer-support-bench"
PUBLIC_URL = "https://bench.example.org"
PLAIN_SQL = Path(__file__).with_name("plain.sql")
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Ground:
    """A running server with seeded rows; `data` is PostgreSQL's own directory."""

    home: Path
    data: Path
    addresses: installation.Addresses
    superuser: str
    seeded: Seeded
    keys: SigningKeys

    @property
    def environment(self) -> dict[str, str]:
        """What an API process needs to serve these rows as in production, and the baseline its own copy."""
        pem = (self.home / "signing-key.pem").read_text()
        return {
            "PEER_SUPPORT_ENVIRONMENT": "production",
            "PEER_SUPPORT_PUBLIC_URL": PUBLIC_URL,
            "PEER_SUPPORT_SIGNING_KEYS": json.dumps([pem]),
            "PEER_SUPPORT_SEALING_KEYS": json.dumps(["07" * 32]),
            "PEER_SUPPORT_DATA_DIR": str(self.home),
            "DATABASE_URL": self.addresses.login,
            "PLAIN_URL": self.superuser + "&options=-csearch_path%3Dplain",
        }

    def token(self, caller: Caller) -> str:
        """An access token for our own API."""
        return caller.token(self.keys, PUBLIC_URL)

    def plain_token(self, caller: Caller) -> str:
        """A token for the baseline."""
        token: str = jwt.encode({"sub": str(caller.account_id), "exp": int(time.time()) + 43_200}, plain.SECRET)
        return token


@contextmanager
def ground(mentees: int, home: Path = HOME, tell: Tell = print) -> Iterator[Ground]:
    """The server with so many mentees, made and seeded if there is none; migrated to what the code says now."""
    directory = home / str(mentees)
    settings = Settings(data_dir=directory)
    done = directory / "seeded"
    with installation.embedded_server(settings) as server:
        if not done.exists():
            asyncio.run(installation.drop_database(server))
        with installation.database(settings) as addresses:
            installation.migrate(addresses.owner, settings.role_prefix)
            superuser = server.dsn("postgres", installation.DATABASE)
            if not done.exists():
                tell(f"seeding {mentees:,} mentees into {directory} ...")
                asyncio.run(_fill(superuser, mentees, tell))
                done.touch()
            data = server.home / "server/data"
            keys = installation.signing_keys(settings)
            yield Ground(directory, data, addresses, superuser, asyncio.run(seeded(superuser)), keys)


async def _fill(superuser: str, mentees: int, tell: Tell) -> None:
    await seed(superuser, mentees, tell=tell)
    connection = await asyncpg.connect(superuser)
    try:
        await connection.execute(PLAIN_SQL.read_text())
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


@dataclass
class Api:
    """An API process that answers on a port of this machine."""

    process: subprocess.Popen[bytes]
    port: int
    seconds_to_answer: float

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid


@contextmanager
def api(command: list[str], environment: dict[str, str], path: str, log: Path) -> Iterator[Api]:
    """A server process, from its first answer at `path` (whatever its status) on; ended afterwards.

    `{port}` in the command becomes a free port. What it prints goes to `log`.
    """
    port = free_port()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "VIRTUAL_ENV", "PYTHONPATH") if name in os.environ}
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [part.format(port=port) for part in command],
            env=kept | environment,
            cwd=installation.ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            if not _answers(process, f"http://127.0.0.1:{port}{path}"):
                raise RuntimeError(f"No answer from {' '.join(command)}:\n{log.read_text()[-2000:]}")
            yield Api(process, port, time.perf_counter() - started)
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def server(which: str, *more: str) -> list[str]:
    """The command that serves `ours`, `plain` or `plain_async` in one process."""
    return [sys.executable, "-m", "benchmarks.server", which, "{port}", *more]


def peer_support(*arguments: str) -> list[str]:
    """The command line of the service itself."""
    return [sys.executable, "-m", "app", *arguments]


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(process: subprocess.Popen[bytes], url: str) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            httpx.get(url, timeout=5)
            return True
        except httpx.TransportError:
            time.sleep(0.01)
    return False
