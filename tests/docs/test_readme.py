"""What the README and the guide for GP systems say to type works, typed at a service that is really served."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.core import clock
from app.demo.practices import SERVICE
from app.demo.run import COORDINATOR
from scripts.generated_docs import DOCS, ROOT

RECORDING = """
set -euo pipefail
curl() { command curl "$@" | tee -a "$ANSWERS"; }
"""


@dataclass
class Served:
    """A service on a port of its own, with one programme as the demo has it."""

    url: str
    environment: dict[str, str]
    http: httpx.Client
    programme_id: str


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """The command that the README gives, serving, with the coordinator of the demo signed in."""
    data = Path(tempfile.gettempdir()) / f"peer-support-readme-{os.getpid()}"
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {name: value for name, value in os.environ.items() if "DATABASE" not in name} | {
        "PEER_SUPPORT_DATA_DIR": str(data),
        "PEER_SUPPORT_PUBLIC_URL": url,
        "PEER_SUPPORT_LOG_LEVEL": "ERROR",
        "PEER_SUPPORT_ARGON2_TIME_COST": "1",
        "PEER_SUPPORT_ARGON2_MEMORY_KIB": "8",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--port", str(port)],
        env=environment,
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    try:
        with httpx.Client(base_url=url, timeout=30) as http:
            _until_ready(process, http)
            http.headers["Authorization"] = f"Bearer {_coordinator_signed_in(environment, http)}"
            yield Served(url, environment, http, _programme(http))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
        shutil.rmtree(data, ignore_errors=True)


def _until_ready(process: "subprocess.Popen[bytes]", http: httpx.Client) -> None:
    for _ in range(300):
        assert process.poll() is None, "the service ended before it answered"
        try:
            if http.get("/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the service did not become ready")


def _command(environment: dict[str, str], *arguments: str) -> str:
    """What a command of the command line printed."""
    command = [sys.executable, "-m", "app", *arguments]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _coordinator_signed_in(environment: dict[str, str], http: httpx.Client) -> str:
    link = _command(environment, "account", "create", COORDINATOR.email, "--name", "Denise", "--role", "coordinator")
    token = link.split("token=")[1].split()[0]
    http.post("/v1/auth/password", json={"token": token, "password": COORDINATOR.password}).raise_for_status()
    form = {"grant_type": "password", "username": COORDINATOR.email, "password": COORDINATOR.password}
    return str(http.post("/v1/auth/token", data=form).raise_for_status().json()["access_token"])


def _made(http: httpx.Client, path: str, body: dict[str, Any]) -> str:
    return str(http.post(path, json=body).raise_for_status().json()["id"])


def _programme(http: httpx.Client) -> str:
    """The programme under the demo's service id, and the practice of the guide."""
    _made(http, "/v1/organisations", {"ods_code": "L81001", "name": "Quay Surgery", "kind": "gp_practice"})
    year = clock.today().year
    programme = {
        "name": "Peer support for type 2 diabetes",
        "condition": "type_2_diabetes",
        "footprint": "Bristol",
        "service_ids": [{"system": "https://fhir.nhs.uk/Id/dos-service-id", "value": SERVICE}],
        "contract_years": [{"starts_on": f"{year}-01-01", "ends_on": f"{year}-12-31"}],
    }
    return _made(http, "/v1/programmes", programme)


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of one language on a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def _run(script: str, environment: dict[str, str], where: Path) -> str:
    done = subprocess.run(
        ["bash", "-c", script], env=environment, cwd=where, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _answers(text: str) -> list[Any]:
    """JSON values written one after the other."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        found.append(value)
        at += len(text[at:]) - len(text[at:].lstrip())
    return found


def test_the_five_requests_of_the_readme_lead_from_sign_in_to_outcome(served: Served, tmp_path: Path) -> None:
    lines = "".join(blocks(ROOT / "README.md", "bash"))
    assert lines.count("http://127.0.0.1:8000") == 1
    kept = tmp_path / "answers"
    script = RECORDING + lines.replace("http://127.0.0.1:8000", served.url)
    printed = _run(script, served.environment | {"ANSWERS": str(kept)}, tmp_path)
    signed_in, referral, accepted, today, report = _answers(kept.read_text())
    assert signed_in["role"] == "coordinator"
    assert re.fullmatch(r"PM-[0-9A-Z]{4}-[0-9A-Z]{2}", referral["reference"])
    assert (accepted["status"], accepted["id"]) == ("accepted", referral["id"])
    waiting = next(kind for kind in today["kinds"] if kind["kind"] == "mentee_waiting")
    assert [item["who"] for item in waiting["items"]] == ["Jo Bloggs"]
    assert report["programme"]["id"] == served.programme_id
    assert (report["activity"]["referrals_received"], report["activity"]["referrals_accepted"]) == (1, 1)
    assert referral["reference"] in printed


def test_the_guide_for_gp_systems_leads_from_key_pair_to_status(served: Served, tmp_path: Path) -> None:
    make_keys, refer = blocks(DOCS / "gp-systems.md", "python")
    _run_python(make_keys, served.environment, tmp_path)
    register = re.search(r"peer-support (client new .*?)```", (DOCS / "gp-systems.md").read_text(), flags=re.DOTALL)
    assert register is not None
    words = register[1].replace("\\\n", " ").replace("PROGRAMME_ID", served.programme_id).split('"')
    arguments = [part for at, piece in enumerate(words) for part in ([piece] if at % 2 else piece.split())]
    arguments[2] = str(tmp_path / arguments[2])
    client_id = _command(served.environment, *arguments).split()[1]
    known = served.environment | {"PEER": served.url, "CLIENT_ID": client_id, "PROGRAMME_ID": served.programme_id}
    printed = _run_python(refer, known, tmp_path)
    assert re.fullmatch(r"PM-[0-9A-Z]{4}-[0-9A-Z]{2} received\n", printed)


def _run_python(script: str, environment: dict[str, str], where: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        cwd=where,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
