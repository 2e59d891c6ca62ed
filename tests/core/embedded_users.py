"""The embedded PostgreSQL seen from outside: its processes, its answers, users that can be killed."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from app.core.embedded import Embedded

ROOT = Path(__file__).parents[2]
PACKAGES = Path(asyncpg.__file__).parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{ROOT}:{PACKAGES}"}
USE = """
import sys
from pathlib import Path
from app.core.embedded import start
with start(Path(sys.argv[1])) as server:
    print(server.dsn("postgres", "postgres"), flush=True)
    sys.stdin.read()
"""


@contextmanager
def a_place() -> Iterator[Path]:
    """A directory that every account can reach; no process of a server in it may outlive the test."""
    made = Path(tempfile.mkdtemp()).resolve()
    made.chmod(0o755)
    yield made
    until(lambda: not processes(made))
    shutil.rmtree(made)


def sql(address: str, *statements: str) -> Any:
    """The value of the last statement."""

    async def ask() -> Any:
        connection = await asyncpg.connect(address)
        try:
            return [await connection.fetchval(statement) for statement in statements][-1]
        finally:
            await connection.close()

    return asyncio.run(ask())


def ask(server: Embedded, *statements: str) -> Any:
    return sql(server.dsn("postgres", "postgres"), *statements)


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.02)


def processes(home: Path) -> dict[int, str]:
    """Alive in `home`: users, guardian, postmaster, the postmaster's children; process id to command."""
    listed = subprocess.run(["ps", "-axwwo", "pid=,ppid=,stat=,command="], capture_output=True, text=True, check=True)
    rows = [line.split(None, 3) for line in listed.stdout.splitlines()]
    alive = [(int(row[0]), int(row[1]), row[3]) for row in rows if len(row) == 4 and "Z" not in row[2]]
    named = {pid: command for pid, _, command in alive if str(home) in command}
    return named | {pid: command for pid, parent, command in alive if parent in named}


def the(part: str, home: Path) -> int:
    """The one process with this in its command; one just forked carries its parent's command for a moment."""
    found: list[int] = []

    def is_one() -> bool:
        found[:] = [pid for pid, command in processes(home).items() if part in command]
        return len(found) == 1

    until(is_one)
    return found[0]


def postmaster(home: Path) -> int:
    return the("bin/postgres -D", home)


def guardian(home: Path) -> int:
    return the("embedded_guardian", home)


def is_alive(pid: int) -> bool:
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip() != "" and "Z" not in shown.stdout


@contextmanager
def user_of(home: Path, python: str = sys.executable, **account: Any) -> Iterator[subprocess.Popen[str]]:
    """Another process that uses the server until its standard input ends."""
    with subprocess.Popen(
        [python, "-c", USE, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
        env=ENVIRONMENT,
        **account,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def address_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    address = process.stdout.readline().strip()
    assert address, process.communicate()[1]
    return address
