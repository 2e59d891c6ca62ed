"""A whole installation as `serve --workers` makes it: PostgreSQL, two API processes, a worker; each may be killed."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import orjson

from app.core import embedded
from app.settings import Settings
from tests.house.test_serving import free_port

ROOT = Path(__file__).parents[2]
CHEAP = {
    "PEER_SUPPORT_ARGON2_TIME_COST": "1",
    "PEER_SUPPORT_ARGON2_MEMORY_KIB": "8",
    "PEER_SUPPORT_BACKUP_HOURS": "0",
}
READY_SECONDS = 60
LOG = "errors.log"


@dataclass
class Whole:
    """The running installation; `home` is its data directory."""

    home: Path
    port: int
    server: embedded.Embedded
    service: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> Settings:
        """The settings it runs with, as far as a caller's tokens depend on them."""
        return Settings(data_dir=self.home)

    def processes(self) -> dict[str, list[int]]:
        """The processes there are, by what they do; their parent starts another when one dies."""
        listed = subprocess.run(["pgrep", "-P", str(self.service.pid)], capture_output=True, text=True, check=False)
        there = [int(word) for word in listed.stdout.split()]
        said = [orjson.loads(line) for line in self.log().splitlines() if '"working"' in line]
        workers = [line["pid"] for line in said if line["pid"] in there]
        return {"api": [p for p in there if p not in workers], "worker": workers, "postgresql": self._postmaster()}

    def _postmaster(self) -> list[int]:
        try:
            return [int((self.server.home / "server/data/postmaster.pid").read_text().split()[0])]
        except (FileNotFoundError, IndexError):
            return []

    def kill(self, what: str, draw: float) -> None:
        """`kill -9`, without a word; of several `draw` (0 to 1) says which. Waits where none is there just then."""
        while True:
            there = self.processes()[what]
            try:
                os.kill(there[int(draw * len(there))], signal.SIGKILL)
            except (IndexError, ProcessLookupError):
                time.sleep(0.05)
            else:
                return

    def revive(self) -> None:
        """As a process manager does: PostgreSQL is started again if it is gone. The service looks after its own."""
        before, self.server = self.server, embedded.start(self.home)
        before.close()

    def log(self) -> str:
        """What the service wrote."""
        return (self.home / LOG).read_text()

    def await_ready(self) -> None:
        """Until it answers that it is ready."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            assert self.service.poll() is None, "the service ended"
            try:
                if httpx.get(f"{self.url}/health/ready").status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
        raise TimeoutError("the service is not ready")


def _start(home: Path, port: int) -> subprocess.Popen[bytes]:
    environment = os.environ | CHEAP | {"PEER_SUPPORT_DATA_DIR": str(home)}
    command = [sys.executable, "-m", "app", "serve", "--workers", "--port", str(port)]
    with (home / LOG).open("ab") as log:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def whole() -> Iterator[Whole]:
    """An installation of its own, ready; gone afterwards with everything it kept."""
    home = Path(tempfile.gettempdir()) / f"peer-support-assure-{uuid4().hex}"
    home.mkdir(mode=0o755)
    port = free_port()
    try:
        made = Whole(home, port, embedded.start(home), _start(home, port))
        try:
            made.await_ready()
            yield made
        except BaseException:
            print(*(line for line in made.log().splitlines() if '"info"' not in line), sep="\n")
            raise
        finally:
            _stop(made.service)
            made.server.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)
