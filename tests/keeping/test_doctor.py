"""The doctor sees each thing that may be wrong, says what to do, and is content where nothing is."""

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
import time_machine
from typer.testing import CliRunner, Result

from app import cli
from app.core import clock, embedded
from app.core.jobs import State
from app.installation import Addresses
from app.keeping import shelf
from app.keeping.checks import backups, configuration, database, machine, work
from app.keeping.drill import NOTE, Drilled
from app.keeping.findings import Finding, Level
from app.settings import Settings
from tests import servers
from tests.conftest import PREFIX, make_settings
from tests.keeping.conftest import Kept, Make

OK, LOOK, BAD = Level.OK, Level.LOOK, Level.BAD
HEARD = """INSERT INTO jobs (id, created_at, name, every_seconds, due_at, finished_at) VALUES
  (gen_random_uuid(), now(), 'heartbeat', 10, now() + interval '10 seconds', now()),
  (gen_random_uuid(), now(), 'backup', 900, now() + interval '10 minutes', now()) RETURNING name"""
GIGABYTE = 1_000_000_000


def told(found: list[Finding], check: str) -> Finding:
    """The one line about a thing; whoever is told of something is told what to do, there or in the words."""
    (line,) = [one for one in found if one.check == check]
    assert line.level is OK or len(line.todo or line.words) > 10
    return line


@pytest.mark.parametrize(
    ("total", "free", "needed", "level"),
    [(100, 50, 0, OK), (100, 14, 0, LOOK), (100, 4, 0, BAD), (5, 0.4, 0, BAD), (100, 50, 60, BAD), (8, 3, 1, OK)],
)
def test_room_on_the_disk(total: float, free: float, needed: float, level: Level) -> None:
    sizes = (int(figure * GIGABYTE) for figure in (total, free, needed))
    assert machine.room("disk", *sizes).level is level


def test_room_for_the_next_backup_is_reckoned_by_the_last(sample: Kept) -> None:
    assert told(machine.findings(sample.settings), "disk of the backups").level in (OK, LOOK)
    newest = shelf.backups(shelf.directory(sample.settings))[0]
    huge = shelf.place(newest.path.parent, newest.taken_at + timedelta(seconds=9))
    with huge.path.open("wb") as file:
        file.truncate(shutil.disk_usage(newest.path.parent).free)  # a file with nothing in it, which takes no room
    try:
        assert told(machine.findings(sample.settings), "disk of the backups").level is BAD
    finally:
        huge.path.unlink()


def settings(**changes: Any) -> Settings:
    safe = {"argon2_memory_kib": 65_536, "metrics_token": "a long token"}
    return make_settings("a key", **(safe | changes))


IN_USE = {"environment": "production", "public_url": "https://peers.example.org", "backup_recipients": ("age1",)}


@pytest.mark.parametrize(
    ("check", "changes", "level"),
    [
        ("environment", {}, OK),
        ("environment", IN_USE, OK),
        ("environment", {"public_url": "http://10.0.0.5"}, BAD),
        ("open doors", {}, OK),
        ("open doors", {"metrics_token": None}, LOOK),
        ("open doors", {"clock_movable": True, "public_url": "http://10.0.0.5"}, BAD),
        ("open doors", {"lenient_nhs_numbers": True}, LOOK),
        ("open doors", {"argon2_memory_kib": 8}, LOOK),
        ("key of the backups", {}, OK),
        ("key of the backups", IN_USE | {"backup_recipients": ()}, BAD),
        ("key of the backups", IN_USE, BAD),
    ],
)
def test_settings_that_are_unsafe(check: str, changes: dict[str, Any], level: Level, tmp_path: Path) -> None:
    assert told(configuration.findings(settings(data_dir=tmp_path, **changes)), check).level is level


def test_the_private_key_belongs_elsewhere(tmp_path: Path) -> None:
    runner = CliRunner()
    made = runner.invoke(cli.cli, ["backup-key", str(tmp_path / "key")])
    public = json.loads(made.output.split("RECIPIENTS='")[1].split("'")[0])
    away = settings(**(IN_USE | {"backup_recipients": public}))
    assert told(configuration.findings(away), "key of the backups").level is OK
    here = away.model_copy(update={"backup_identity_file": tmp_path / "key"})
    assert told(configuration.findings(here), "key of the backups").level is LOOK


def test_backups_on_the_disk_of_the_data_are_worth_a_look(tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    assert told(configuration.findings(settings(data_dir=tmp_path)), "place of the backups").level is LOOK
    other = settings(data_dir=tmp_path, backup_dir=Path("/dev/shm"))  # another disk on every Linux
    if Path("/dev/shm").stat().st_dev != tmp_path.stat().st_dev:
        assert told(configuration.findings(other), "place of the backups").level is OK


@pytest.mark.parametrize(("hours", "level"), [(-1, BAD), (1, OK), (30, OK), (40, LOOK), (80, BAD)])
def test_the_last_backup_must_not_be_old(sample: Kept, hours: int, level: Level) -> None:
    with time_machine.travel(clock.true_now() + timedelta(hours=hours)):
        assert told(backups.findings(sample.settings), "last backup").level is level


def test_a_backup_that_is_missing_or_cut_short_is_seen(sample: Kept, tmp_path: Path) -> None:
    away = sample.settings.model_copy(update={"backup_dir": tmp_path})
    assert told(backups.findings(away), "last backup").level is BAD
    assert told(backups.findings(away.model_copy(update={"backup_hours": 0})), "last backup").level is LOOK
    newest = shelf.backups(shelf.directory(sample.settings))[0]
    for file in (newest.path, newest.note):
        shutil.copy(file, tmp_path)
    assert told(backups.findings(away), "last backup").level is OK
    (tmp_path / newest.path.name).write_bytes(newest.path.read_bytes()[:-1])
    assert told(backups.findings(away), "last backup").level is BAD


@pytest.mark.parametrize(
    ("restored", "days", "level"), [(True, 3, OK), (True, 60, LOOK), (True, -30, BAD), (False, 3, BAD), (None, 3, LOOK)]
)
def test_a_backup_is_one_when_it_was_tried(tmp_path: Path, restored: bool | None, days: int, level: Level) -> None:
    kept = settings(backup_dir=tmp_path)
    assert told(backups.findings(kept), "restore drill").level is LOOK
    at = clock.true_now() - timedelta(days=days)
    note = Drilled(at=at, backup="peer-support.dump.age", restored=restored, words="It went so.")
    (tmp_path / NOTE).write_text(note.model_dump_json())
    assert told(backups.findings(kept), "restore drill").level is level


def of_database(kept: Kept, read: str | None = None, login: str | None = None) -> list[Finding]:
    addresses = Addresses(kept.addresses.owner, login or kept.addresses.login, read)

    async def ask() -> list[Finding]:
        return await database.findings(kept.settings, addresses)

    return anyio.run(ask)


def test_a_database_in_good_order(sample: Kept) -> None:
    assert {(one.check, one.level) for one in of_database(sample)} == {
        (check, OK) for check in ("database", "clock", "connections", "tables", "login of the service")
    }


def test_a_database_that_does_not_answer(sample: Kept) -> None:
    gone = Kept(sample.settings, Addresses("postgresql://nobody@127.0.0.1:1/none", sample.addresses.login))
    assert [(one.check, one.level) for one in of_database(gone)] == [("database", BAD)]


def test_tables_of_another_version(install: Make) -> None:
    kept = install()
    for revision, words in (("0001", "peer-support upgrade"), ("9999", "newer version")):
        kept.sql(f"UPDATE alembic_version SET version_num = '{revision}' RETURNING 1")
        line = told(of_database(kept), "tables")
        assert (line.level, words in line.words + line.todo) == (BAD, True)
    assert told(of_database(install(is_empty=True)), "tables").level is BAD


def test_clocks_that_differ_and_a_clock_that_was_moved(install: Make) -> None:
    kept = install()
    for seconds, level in ((10, LOOK), (-300, BAD)):
        with time_machine.travel(clock.true_now() + timedelta(seconds=seconds)):
            assert told(of_database(kept), "clock").level is level
    kept.sql("INSERT INTO clock (id, created_at, moved_by) VALUES (gen_random_uuid(), now(), '3 days') RETURNING id")
    assert told(of_database(kept), "clock").level is LOOK


def test_more_connections_than_the_server_has(sample: Kept) -> None:
    many = Kept(sample.settings.model_copy(update={"api_processes": 64}), sample.addresses)
    assert told(of_database(many), "connections").level is BAD


def test_a_login_that_passes_row_security_by(sample: Kept) -> None:
    assert told(of_database(sample, login=sample.addresses.owner), "login of the service").level is BAD


def test_an_address_for_reports_that_is_no_replica_or_does_not_answer(sample: Kept) -> None:
    assert told(of_database(sample, read=sample.addresses.owner), "replica").level is LOOK
    gone = "postgresql://nobody@127.0.0.1:1/none"
    assert told(of_database(sample, read=gone), "replica").level is LOOK
    refusing = Kept(sample.settings.model_copy(update={"replica_gone": "refuse"}), sample.addresses)
    assert told(of_database(refusing, read=gone), "replica").level is BAD


@pytest.mark.parametrize(("seconds", "level"), [(0.0, OK), (59.0, OK), (120.0, LOOK), (2000.0, BAD), (None, BAD)])
def test_a_replica_that_falls_behind(seconds: float | None, level: Level) -> None:
    assert database.lag(follows=True, seconds=seconds).level is level


def test_a_replica_that_keeps_up(sample: Kept) -> None:
    with servers.a_place() as place:
        (place / "replica").mkdir(mode=0o755)
        with embedded.start(place / "primary", programs=servers.ANOTHER_POSTGRES) as primary:
            servers.make_replica(primary, place / "replica")
            with embedded.start(place / "replica", programs=servers.ANOTHER_POSTGRES) as replica:
                url = primary.dsn("postgres", "postgres")
                kept = Kept(sample.settings, Addresses(url, url))
                assert told(of_database(kept, read=replica.dsn("postgres", "postgres")), "replica").level is OK


def state(name: str, **changes: Any) -> State:
    now = clock.true_now()
    given: dict[str, Any] = {
        "name": name,
        "every_seconds": 900,
        "late_seconds": 0.0,
        "is_running": False,
        "finished_at": now,
        "failed_at": None,
        "error": None,
        "failure_count": 0,
    }
    return State(**(given | changes))


def test_a_worker_that_is_silent() -> None:
    now = clock.true_now()
    assert work.worker([state("heartbeat")]).level is OK
    assert work.worker([state("heartbeat", finished_at=now - timedelta(minutes=5))]).level is BAD
    assert work.worker([state("heartbeat", finished_at=now + timedelta(minutes=5))]).level is BAD
    assert work.worker([state("heartbeat", finished_at=None)]).level is BAD
    assert work.worker([]).level is BAD


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({}, OK),
        ({"late_seconds": 200.0}, OK),
        ({"late_seconds": 900.0}, LOOK),
        ({"late_seconds": 7200.0}, BAD),
        ({"failure_count": 1, "error": "KeepingFailed"}, LOOK),
        ({"failure_count": 3, "error": "KeepingFailed"}, BAD),
    ],
)
def test_jobs_that_are_late_or_fail(changes: dict[str, Any], level: Level) -> None:
    line = work.jobs([state("heartbeat"), state("backup", **changes)])
    assert line.level is level
    assert level is OK or "backup" in line.words


@pytest.fixture
def operator(sample: Kept, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    """The environment of who operates the sample, whose worker has just been heard of."""
    monkeypatch.setenv("DATABASE_URL", sample.addresses.login)
    monkeypatch.setenv("DATABASE_OWNER_URL", sample.addresses.owner)
    monkeypatch.setenv("PEER_SUPPORT_ROLE_PREFIX", PREFIX)
    monkeypatch.setenv("PEER_SUPPORT_DATA_DIR", str(sample.settings.data_dir))
    monkeypatch.setenv("PEER_SUPPORT_BACKUP_DIR", str(shelf.directory(sample.settings)))
    sample.sql("DELETE FROM jobs RETURNING 1", HEARD)
    yield sample
    sample.sql("DELETE FROM jobs RETURNING 1")


def doctor(*words: str) -> Result:
    return CliRunner().invoke(cli.cli, ["doctor", *words])


def test_the_doctor_says_one_line_for_each_thing_and_is_content(operator: Kept) -> None:
    done = doctor()
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert {line.split()[0] for line in lines} <= {"ok", "look"}
    assert any(line.startswith("ok    worker: at work") for line in lines)
    assert [one["check"] for one in json.loads(doctor("--json").output)] == [line[6:].split(":")[0] for line in lines]


def test_the_doctor_ends_with_1_when_something_is_broken(operator: Kept) -> None:
    operator.sql("DELETE FROM jobs RETURNING 1")
    done = doctor("--json")
    assert done.exit_code == 1
    assert [one["check"] for one in json.loads(done.output) if one["level"] == "bad"] == ["worker"]


def test_the_doctor_never_repeats_a_key_from_wrong_settings(operator: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEER_SUPPORT_ENVIRONMENT", "production")
    monkeypatch.setenv("PEER_SUPPORT_SEALING_KEYS", '["a secret that must not be seen"]')
    done = doctor()
    assert done.exit_code == 1
    assert "public_url must be https" in done.output
    assert "a secret" not in done.output
