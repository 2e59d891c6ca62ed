"""What the page on running the service says to type is typed, in the order of the page, and the service runs."""

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from app.core import connections, embedded
from scripts.generated_docs import DOCS, ROOT
from tests.docs import standing_in
from tests.docs.forking import command_line
from tests.docs.test_readme import _free_port as free_port
from tests.servers import a_place

PAGE = DOCS / "operations.md"
ON_THE_SERVER = (
    "Install on one small server",
    "Look",
    "Back up",
    "Restore",
    "Change keys",
    "Upgrade",
    "The disk is full",
    "Move to a PostgreSQL of your own",
    "The server is lost",
)
"""Parts whose commands are typed one after the other on one server."""
IN_CONTAINERS = ("Containers", "Look after containers", "Restore in containers")
OF_LONG_AGO = "peer-support-2020-01-01T000000Z.dump.age"
"""A backup that no longer opens, and that a copy made the youngest by the times of the files."""
NOT_TYPED = {
    "By hand": "install-version and the unit do the same, which are run; compared below",
    "Pins": "asks a package registry for what is new; compared with the pins' own first lines elsewhere",
}
LEFT_OUT = ("requirements.txt", "requirements-traces.txt", "README.md", "LICENSE", "alembic.ini", "Dockerfile")


def parts() -> dict[str, list[str]]:
    """The commands of each part of the page, by its heading."""
    found: dict[str, list[str]] = {}
    heading = ""
    for title, commands in re.findall(r"^#{2,3} ([^\n]+)$|^```sh\n(.*?)^```", PAGE.read_text(), flags=re.M | re.S):
        heading = title or heading
        if commands:
            found.setdefault(heading, []).append(commands)
    return found


def served(log: str) -> list[dict[str, Any]]:
    """The lines of a log that tell of a start."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == "serving"]


@dataclass
class Machine:
    """A server in a directory: what the page's paths are below `root`, and programs that stand in for the system's."""

    root: Path
    port: str
    other: embedded.Embedded

    @property
    def source(self) -> Path:
        """Where the software was unpacked."""
        return self.root / "source"

    def here(self, text: str) -> str:
        """A text of the page or of a script with the paths, ports and names of this machine."""
        text = re.sub(r"(?<![\w.$}/-])/(?=(etc|opt|media|var/(lib|backups)|usr/(local|share))/)", f"{self.root}/", text)
        text = text.replace("8000", self.port).replace("peer.example.org", "localhost")
        text = text.replace("bits:3072", "bits:2048")  # which are found sooner
        there = f"host={self.other.socket_dir}&port={self.other.port}"
        # the included programs know no TLS, and refuse to be asked for it even by a socket
        text = text.replace("administrator@db.example.org/postgres?$TLS", f"postgres@/postgres?{there}")
        return text.replace("@db.example.org/peer_support?$TLS", f"@/peer_support?{there}")

    def environment(self) -> dict[str, str]:
        """What the administrator's terminal has set."""
        programs = [self.root / "standing", self.root / "usr/local/bin"]
        path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
        return {"PATH": path, "HOME": str(self.root), "STANDING_IN": str(self.root)}

    def type(self, commands: str) -> str:
        """What is printed by the commands, all of which must succeed."""
        script = "set -euo pipefail\n" + self.here(commands)
        done = subprocess.run(
            ["bash", "-c", script],
            env=self.environment(),
            cwd=self.source,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        log = self.root / "unit.log"
        last = log.read_text()[-2000:] if log.exists() else ""
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}\n{last}"
        return done.stdout

    def type_part(self, heading: str) -> str:
        """All blocks of one part of the page, in one terminal."""
        return self.type("\n".join(parts()[heading]))

    def calls(self) -> list[str]:
        """Every call of a program that something stands in for."""
        return (self.root / "calls").read_text().splitlines()

    def get(self, path: str, **headers: str) -> httpx.Response:
        """What the service answers."""
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", headers=headers, timeout=30)


def _unpack(machine: Machine) -> None:
    """The software as it would lie there after unpacking, its scripts speaking of this machine."""
    machine.source.mkdir()
    for name in ("app", "migrations", *LEFT_OUT):
        (machine.source / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "pyproject.toml", machine.source)
    (machine.source / "docs/operations").mkdir(parents=True)
    for file in (DOCS / "operations").iterdir():
        copy = Path(shutil.copy(file, machine.source / "docs/operations"))  # with its mode
        copy.write_text(machine.here(file.read_text()))
    (machine.source / "compose.json").write_text(json.dumps(yaml.safe_load((ROOT / "compose.yaml").read_text())))


def _furnish(machine: Machine, program: Path) -> None:
    """The directories every server has, and the programs that stand in."""
    for place in ("standing", "etc/systemd/system", "etc/caddy", "opt", "media/stick", "usr/local/bin", "var/lib"):
        (machine.root / place).mkdir(parents=True)
    helper = f"{sys.executable} -IS {standing_in.__file__}"
    for name in standing_in.WHY:
        stand_in = machine.root / "standing" / name
        stand_in.write_text(f'#!/bin/sh\nexec {helper} {name} "$@"\n')
        stand_in.chmod(0o755)
    known = {
        "port": machine.port,
        "container-port": str(free_port()),
        "peer-support": str(program),
        "repository": str(ROOT),
        "programs": str(embedded.included_programs()),
        "socket": str(machine.other.socket_dir),
        "at": f"@/peer_support?host={machine.other.socket_dir}&port={machine.other.port}",
    }
    (machine.root / "machine.json").write_text(json.dumps(known))


@contextmanager
def _stopping(machine: Machine) -> Iterator[None]:
    """What was started ends with the test."""
    try:
        yield
    finally:
        standing_in.HERE = machine.root
        for name in ("unit", "api", "worker"):
            standing_in.stop(name)


@pytest.fixture(scope="module")
def program() -> Iterator[Path]:
    """The command line."""
    with a_place() as place, command_line(place) as made:
        yield made


@pytest.fixture
def machine(program: Path) -> Iterator[Machine]:
    """A server with nothing of ours on it, and another with an empty PostgreSQL."""
    with a_place() as root, embedded.start(root / "other") as other:
        made = Machine(root, str(free_port()), other)
        _furnish(made, program)
        _unpack(made)
        with _stopping(made):
            yield made


def test_every_command_of_the_page_is_typed_or_said_why_not() -> None:
    assert set(parts()) == {*ON_THE_SERVER, *IN_CONTAINERS, *NOT_TYPED}
    languages = re.findall(r"^```(\w*)$", PAGE.read_text(), flags=re.MULTILINE)
    assert set(languages) == {"", "sh", "ini"}


def test_a_server_is_installed_looked_after_lost_upgraded_and_moved_as_the_page_says(machine: Machine) -> None:
    _install(machine)
    _look_after(machine)
    _lose(machine)
    _change_keys(machine)
    _upgrade(machine)
    _move(machine)
    named = {call.split()[0] for call in machine.calls()} - {"venv"}
    assert named == set(standing_in.WHY) - {"docker"}, "each stand-in is called, or stands for nothing"


def _install(machine: Machine) -> None:
    printed = machine.type_part("Install on one small server")
    assert '"status":"ready"' in printed
    assert "token=" in printed
    assert not re.search(r"^bad", printed, flags=re.MULTILINE), printed
    assert (machine.root / "etc/systemd/system/peer-support.service").exists()
    calls = machine.calls()
    assert any(call.startswith("install -m 0600 /dev/stdin") and call.endswith("/settings") for call in calls)
    assert any(call.startswith("install -d -m 0700 -o peer-support") for call in calls)
    assert sorted(p.name for p in (machine.root / "media/stick").iterdir()) == ["backup-key", "settings"]
    assert not (machine.root / "var/lib/peer-support/backup-key").exists()


def _look_after(machine: Machine) -> None:
    assert [line["database"] for line in served(machine.type_part("Look"))] == ["included"]
    assert machine.type_part("Back up").startswith("Backup ")
    assert any((machine.root / "media/stick/peer-support").glob("*.dump.age"))
    assert "peer_support" in machine.type_part("The disk is full")


def _lose(machine: Machine) -> None:
    """All that is left is on the memory stick; places and software are there again as after the first steps."""
    machine.type("systemctl stop peer-support.service")
    unit = "etc/systemd/system/peer-support.service"
    for place in ("etc/peer-support/settings", "var/lib/peer-support", "var/backups/peer-support", unit):
        machine.type(f"rm -r {machine.root}/{place}")
    machine.type("install -d /var/lib/peer-support /var/backups/peer-support")
    kept = machine.root / "media/stick/peer-support"
    for number, backup in enumerate(sorted(kept.glob("*.dump.age"), reverse=True)):
        os.utime(backup, (number, number))
    (kept / OF_LONG_AGO).write_text("another file")
    assert "The database is what it was" in machine.type_part("The server is lost")
    assert not list((machine.root / "var/lib/peer-support").glob("backup-key"))
    machine.type("sudo cp docs/operations/peer-support.service /etc/systemd/system/")
    assert "is kept as peer_support_until_" in machine.type_part("Restore")


def _change_keys(machine: Machine) -> None:
    machine.type_part("Change keys")
    changed = standing_in.settings_of(machine.root / "etc/peer-support/settings")
    assert [len(json.loads(changed[f"PEER_SUPPORT_{kind}_KEYS"])) for kind in ("SIGNING", "SEALING")] == [2, 2]
    machine.type('curl "https://localhost/health/ready"')
    assert len(machine.get("/.well-known/jwks.json").json()["keys"]) == 2
    assert machine.get("/metrics").status_code == 401
    token = changed["PEER_SUPPORT_METRICS_TOKEN"]
    assert "peer_support_requests" in machine.get("/metrics", Authorization=f"Bearer {token}").text


def _upgrade(machine: Machine) -> None:
    project = machine.source / "pyproject.toml"
    project.write_text(re.sub(r'^version = ".*"', 'version = "9.9.9"', project.read_text(), flags=re.MULTILINE))
    assert "The database is up to date" in machine.type_part("Upgrade")
    assert (machine.root / "opt/peer-support/current").resolve().name == "9.9.9"
    machine.type('curl "https://localhost/health/ready"')


def _move(machine: Machine) -> None:
    assert not re.search(r"^bad", machine.type_part("Move to a PostgreSQL of your own"), flags=re.MULTILINE)
    assert served(machine.type("journalctl"))[-1]["database"] == "own"
    assert "name@example.org" in machine.type("sudo peer-support account list")


def test_the_containers_run_as_the_page_says(machine: Machine) -> None:
    printed = machine.type_part("Containers")
    assert "token=" in printed
    assert not re.search(r"^bad", printed, flags=re.MULTILINE), printed
    assert not (machine.root / "volumes/worker/backup-key").exists()
    assert any((machine.root / "volumes/backups").glob("*.dump.age")), "the worker's volume has the backups"
    assert any((machine.root / "media/stick").rglob("*.dump.age"))
    working = {name for name in ("api", "worker") if '"working"' in (machine.root / f"{name}.log").read_text()}
    assert working == {"worker"}, "what serves does no work by the clock: it could not back up"
    _look_after_containers(machine)
    (machine.root / "media/stick/backups" / OF_LONG_AGO).write_text("another file")
    assert "is kept as peer_support_until_" in machine.type_part("Restore in containers")
    assert "name@example.org" in machine.type("docker compose exec worker peer-support account list")


def _look_after_containers(machine: Machine) -> None:
    before = len(machine.calls())
    printed = machine.type_part("Look after containers")
    assert not re.search(r"^bad", printed, flags=re.MULTILINE), printed
    assert "Restored whole" in printed
    assert "The database is up to date" in printed
    asked = [call for call in machine.calls()[before:] if call.startswith("docker compose run")]
    assert all("--no-deps" in call for call in asked), "else the tables are changed before the backup"
    changed = standing_in.settings_of(machine.source / "settings.env")
    assert [len(json.loads(changed[f"PEER_SUPPORT_{kind}_KEYS"])) for kind in ("SIGNING", "SEALING")] == [2, 2]


def test_every_address_of_a_server_elsewhere_makes_sure_who_answers() -> None:
    page = PAGE.read_text()
    assert set(re.findall(r"@db\.example\.org/\w+(.*?)['\"]", page)) == {"?$TLS"}
    assert re.search(r"^TLS='sslmode=verify-full&sslrootcert=/", page, flags=re.MULTILINE)


def test_no_page_takes_the_newest_backup_by_the_times_of_the_files() -> None:
    pages = [page.read_text() for page in (PAGE, DOCS / "backup-and-restore.md")]
    assert not [page for page in pages if "ls -t" in page]


def test_the_scripts_do_what_the_page_says_to_do_by_hand() -> None:
    *install, serve = parts()["By hand"][0].splitlines()
    script = (DOCS / "operations/install-version").read_text().replace(" --quiet --disable-pip-version-check", "")
    assert [line for line in install if line not in script.splitlines()] == []
    unit = (DOCS / "operations/peer-support.service").read_text()
    assert f"ExecStart=/opt/peer-support/current/{serve} " in unit


def test_the_room_for_connections_is_reckoned_as_the_service_does() -> None:
    reckoned = re.search(
        r"PEER_SUPPORT_REPORTING_POOL` \+ (\d+)\) \+ (\d+)\n> ≤ `max_connections` − (\d+)", PAGE.read_text()
    )
    assert reckoned is not None
    theirs = (connections.OBSERVATORY, connections.WORKER + connections.RESERVE, connections.KEPT_BACK)
    assert tuple(map(int, reckoned.groups())) == theirs


def test_the_poolers_lines_are_those_of_a_transaction_pooler() -> None:
    block = re.search(r"^```ini\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert block is not None
    said: Any = configparser.ConfigParser()
    said.read_string(block[1])
    assert said["pgbouncer"]["pool_mode"] == "transaction"
    assert "peer_support" in said["databases"]
