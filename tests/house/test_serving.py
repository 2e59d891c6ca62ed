"""The commands as an operator runs them: real processes, a real port, a real demonstration."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.fixture
def data() -> Iterator[Path]:
    """A data directory that PostgreSQL's account can reach where we are root, so that nothing is left elsewhere."""
    made = Path(tempfile.gettempdir()) / f"peer-support-serving-{uuid4().hex}"
    made.mkdir(mode=0o755)
    yield made
    shutil.rmtree(made)


def _environment(data: Path, **more: str) -> dict[str, str]:
    cheap = {"PEER_SUPPORT_ARGON2_TIME_COST": "1", "PEER_SUPPORT_ARGON2_MEMORY_KIB": "8"}
    return os.environ | cheap | {"PEER_SUPPORT_DATA_DIR": str(data)} | more


@contextmanager
def served(data: Path) -> Iterator[str]:
    """`peer-support serve` in a process of its own, ended by its own id."""
    port = free_port()
    command = [sys.executable, "-m", "app", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=_environment(data), stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            assert process.poll() is None, "the service ended"
            try:
                if httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


def test_the_service_starts_keeps_its_data_over_a_restart_and_leaves_no_process_behind(data: Path) -> None:
    with served(data) as url:
        assert httpx.get(f"{url}/health/live").json() == {"status": "live"}
        keys = httpx.get(f"{url}/.well-known/jwks.json").json()
    with served(data) as url:
        assert httpx.get(f"{url}/.well-known/jwks.json").json() == keys
        assert httpx.put(f"{url}/v1/clock", json={}).status_code == 404
    command = [sys.executable, "-m", "app", "migrate"]
    done = subprocess.run(command, cwd=ROOT, env=_environment(data), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "The database is up to date."), done.stderr
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(data) not in listing


def test_a_database_that_does_not_answer_is_told_in_one_sentence(data: Path) -> None:
    environment = _environment(data, DATABASE_URL=f"postgresql://x@127.0.0.1:{free_port()}/x")
    command = [sys.executable, "-m", "app", "migrate"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demonstration_is_not_played_on_somebodys_own_database(data: Path) -> None:
    environment = _environment(data, DATABASE_URL="postgresql://x@127.0.0.1:1/x")
    command = [sys.executable, "-m", "app", "demo", "--exit"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "unset DATABASE_URL" in done.stderr


def test_the_demonstration_plays_a_year_and_its_report_counts_up(data: Path) -> None:
    command = [sys.executable, "-m", "app", "demo", "--exit", "--port", str(free_port())]
    done = subprocess.run(command, cwd=ROOT, env=_environment(data), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "all agree" in done.stdout
    assert "60" in done.stdout
    assert "denise@example.org" in done.stdout
    assert "Traceback" not in done.stderr


def test_the_player_imports_nothing_of_the_service() -> None:
    played = [p for p in (ROOT / "app" / "demo").glob("*.py") if p.name != "run.py"]
    for path in played:
        lines = [line for line in path.read_text().splitlines() if line.startswith(("import app", "from app"))]
        assert all(line.startswith("from app.demo") for line in lines), (path.name, lines)
