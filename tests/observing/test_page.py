"""What the page on observing says to type works, typed at a service of several processes; its table is complete."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

from app import installation
from scripts.generated_docs import DOCS, ROOT
from tests import servers
from tests.conftest import PREFIX
from tests.observing.scraping import samples

PAGE = DOCS / "observing.md"
TOKEN = "a-token-of-the-page"
# what stands in for a machine with systemd: the log of this very service, which tells of a request after its answer
STANDING_IN = 'set -euo pipefail\nsudo() { "$@"; }\njournalctl() { sleep 1; cat "$LOG"; }\n'


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), flags=re.DOTALL | re.MULTILINE)


@dataclass
class Served:
    """A service that runs, and the environment to type its commands in."""

    url: str
    environment: dict[str, str]


@pytest.fixture(scope="module")
def served(addresses: installation.Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two API processes and a worker on this run's database."""
    where = tmp_path_factory.mktemp("observing")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    environment = os.environ | {
        "DATABASE_URL": addresses.login,
        "PEER_SUPPORT_ROLE_PREFIX": PREFIX,
        "PEER_SUPPORT_TRANSACTION_POOLING": str(servers.IS_POOLED),
        "PEER_SUPPORT_DATA_DIR": str(where),
        "PEER_SUPPORT_METRICS_TOKEN": TOKEN,
        "PEER_SUPPORT_BACKUP_HOURS": "0",
        "LOG": str(where / "log"),
    }
    command = [sys.executable, "-m", "app", "serve", "--workers", "--processes", "2", "--port", str(port)]
    with (where / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log)
    try:
        _until_counted(process, f"http://127.0.0.1:{port}")
        yield Served(f"http://127.0.0.1:{port}", environment)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


def _until_counted(process: "subprocess.Popen[bytes]", url: str) -> None:
    """Both processes have told of their pools, and the worker of its jobs."""
    for _ in range(600):
        assert process.poll() is None, "the service ended"
        try:
            text = httpx.get(f"{url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
        except httpx.TransportError:
            text = ""
        if 'pool_size{pool="writing"} 20.0' in text and 'late_seconds{name="heartbeat"}' in text:
            return
        time.sleep(0.1)
    raise AssertionError("the service did not come to tell of itself")


def test_what_is_to_be_typed_works_as_it_stands(served: Served, tmp_path: Path) -> None:
    typed = "".join(_blocks("bash"))
    assert typed.count("http://127.0.0.1:8000") == 2
    script = STANDING_IN + typed.replace("http://127.0.0.1:8000", served.url)
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=served.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "peer_support_database_up 1.0\n" in done.stdout
    assert 'peer_support_job_late_seconds{name="heartbeat"}' in done.stdout
    assert 'peer_support_due_oldest_seconds{kind="mentee_waiting"}' in done.stdout
    assert '"route":"/health/live"' in done.stdout


def test_every_figure_there_is_stands_in_the_table_with_its_labels(served: Served) -> None:
    text = httpx.get(f"{served.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    given = {re.sub(r"_(bucket|sum|count)$", "", s.name): set(s.labels) - {"le"} for s in samples(text)}
    rows = re.findall(r"^\| `(peer_support_\w+)` \|(.*?)\| .+ \|$", PAGE.read_text(), flags=re.MULTILINE)
    written = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    only_sometimes = {"backup_timestamp_seconds", "drill_timestamp_seconds", "drill_restored", "replica_lag_seconds"}
    assert written.keys() - given.keys() == {f"peer_support_{name}" for name in only_sometimes}
    assert {name: written[name] for name in given} == given


def test_prometheus_is_told_of_the_address_and_of_the_rules() -> None:
    (written,) = map(yaml.safe_load, _blocks("yaml"))
    (scraped,) = written["scrape_configs"]
    assert scraped["job_name"] == "peer-support"
    assert scraped.get("metrics_path", "/metrics") == "/metrics"
    assert written["rule_files"][0].endswith("alerts.yaml")
