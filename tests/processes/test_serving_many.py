"""`peer-support serve --workers` as an operator runs it: API processes and a worker that replace each other's dead."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from app.core import embedded
from tests.core.embedded_users import processes, sql

ROOT = Path(__file__).parents[2]
STRANGER = {"grant_type": "password", "username": "nobody@example.org", "password": "lantern gravel Tuesday"}


def until(reached: Callable[[], Any], seconds: float = 20.0) -> Any:
    """What `reached` gives, as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (found := reached()):
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.02)
    return found


class Service:
    """The parent process, its children and what it logs."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self.data = data
        self._log = data / "log"
        self._log.unlink(missing_ok=True)
        cheap = {"PEER_SUPPORT_ARGON2_TIME_COST": "1", "PEER_SUPPORT_ARGON2_MEMORY_KIB": "8"}
        command = [sys.executable, "-m", "app", "serve", "--port", "0", *arguments]
        # a killed parent leaves what it keeps for the moment; here that goes with the data
        environment = os.environ | cheap | {"PEER_SUPPORT_DATA_DIR": str(data), "TMPDIR": str(data)}
        with self._log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log)
        self.url = f"http://127.0.0.1:{until(self._port, 60)[0]}"
        until(self._is_ready)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What was logged so far about this; every line is JSON."""
        whole = self._log.read_text().rpartition("\n")[0].splitlines()
        return [line for line in map(json.loads, whole) if line["event"] == event]

    def _port(self) -> Any:
        assert self.process.poll() is None, self._log.read_text()
        return [line["port"] for line in self.lines("serving")]

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready").status_code == 200
        except httpx.HTTPError:
            return False

    def children(self) -> set[int]:
        """The processes that the parent has."""
        listed = subprocess.run(["ps", "-axo", "pid=,ppid=,stat="], capture_output=True, text=True, check=True)
        rows = [line.split() for line in listed.stdout.splitlines()]
        return {int(pid) for pid, parent, state in rows if int(parent) == self.process.pid and "Z" not in state}

    def workers(self) -> list[int]:
        """The worker's process, and those that were it before, in order."""
        return [line["pid"] for line in self.lines("working")]


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A data directory that PostgreSQL's account can reach."""
    made = Path(tempfile.mkdtemp(prefix="peer-support-processes-")).resolve()
    made.chmod(0o755)
    yield made
    until(lambda: not processes(made))
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def kept(data: Path) -> Iterator[list[Service]]:
    """The services started so far."""
    started: list[Service] = []
    yield started
    for each in started:
        each.process.kill()
        each.process.wait()


@pytest.fixture
def service(data: Path, kept: list[Service]) -> Service:
    """Two API processes and a worker: those of the test before, if it has left them running."""
    if not kept or kept[-1].process.poll() is not None:
        kept.append(Service(data, "--workers"))
    return kept[-1]


@contextmanager
def asking(url: str) -> Iterator[list[int]]:
    """Requests go on within the block, one after the other, each on a connection of its own; their answers."""
    answers: list[int] = []
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            try:
                answers.append(httpx.get(f"{url}/health/ready").status_code)
            except httpx.HTTPError:
                answers.append(0)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        is_over.set()
        thread.join()


def test_two_api_processes_and_a_worker_share_one_address_and_one_database(service: Service) -> None:
    children = until(lambda: found if len(found := service.children()) == 3 else None)
    assert until(service.workers)[-1] in children
    (said,) = service.lines("serving")
    assert (said["pid"], said["database"]) == (service.process.pid, "included")
    with embedded.start(service.data) as server:
        address = server.dsn("postgres", "peer_support")
        until(lambda: sql(address, "SELECT finished_at FROM jobs WHERE name = 'heartbeat'"))
        assert sql(address, "SELECT count(*) FROM jobs WHERE name IN ('backup', 'expired-sign-ins')") == 2


def test_both_api_processes_answer_and_are_counted_together(service: Service) -> None:
    for _ in range(30):
        assert httpx.get(f"{service.url}/health/live").status_code == 200
    page = httpx.get(f"{service.url}/metrics").text
    (counted,) = [line for line in page.splitlines() if "requests_total" in line and '"/health/live"' in line]
    assert float(counted.split()[-1]) == 30
    assert "peer_support_pool_size" in page


def test_a_killed_api_process_is_replaced_while_requests_go_on(service: Service) -> None:
    until(service.workers)
    before, ends = service.children(), len(service.lines("process_ended"))
    victim = min(before - set(service.workers()))
    with asking(service.url) as answers:
        until(lambda: len(answers) > 5)
        os.kill(victim, signal.SIGKILL)
        until(lambda: len(service.children() - before) == 1)
        so_far = len(answers)
        until(lambda: len(answers) > so_far + 10)
    assert victim not in service.children()
    assert len(service.children()) == 3
    # at most the one request that the killed process was about to answer is lost
    assert set(answers) <= {200, 0}
    assert answers.count(0) <= 1
    assert [line["kind"] for line in service.lines("process_ended")[ends:]] == ["api"]


def test_a_killed_worker_is_replaced(service: Service) -> None:
    before = until(service.workers)
    os.kill(before[-1], signal.SIGKILL)
    until(lambda: len(service.workers()) == len(before) + 1)
    assert service.workers()[-1] in service.children()
    assert len(service.children()) == 3


def test_a_running_request_is_finished_when_the_service_is_asked_to_stop(service: Service) -> None:
    answers: list[int] = []
    ends = service.lines("process_ended")

    def sign_in() -> None:
        answers.append(httpx.post(f"{service.url}/v1/auth/token", data=STRANGER, timeout=30).status_code)

    with embedded.start(service.data) as server:
        address = server.dsn("postgres", "peer_support")
        with held(address, "access_tries"):
            running = threading.Thread(target=sign_in)
            running.start()
            until(lambda: sql(address, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))
            service.process.terminate()
            until(lambda: not _is_listened_on(service.url))
            assert answers == []
        running.join()
    assert answers == [401]
    assert service.process.wait(timeout=20) == 0
    assert service.lines("process_ended") == ends  # nobody died of it


@contextmanager
def held(address: str, table: str) -> Iterator[None]:
    """Nobody else reaches the table within the block."""
    held, release = threading.Event(), threading.Event()

    async def hold() -> None:
        connection = await asyncpg.connect(address)
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            held.set()
            await asyncio.to_thread(release.wait)
        await connection.close()

    thread = threading.Thread(target=lambda: asyncio.run(hold()))
    thread.start()
    held.wait()
    try:
        yield
    finally:
        release.set()
        thread.join()


def _is_listened_on(url: str) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=1).close()
    except OSError:
        return False
    return True


def test_nothing_is_left_when_the_parent_is_killed(data: Path, service: Service) -> None:
    children = until(lambda: found if len(found := service.children()) == 3 else None)
    service.process.kill()
    service.process.wait()
    until(lambda: not any(_is_alive(pid) for pid in children))
    until(lambda: not processes(data))  # PostgreSQL has no user any more and has stopped as well


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
