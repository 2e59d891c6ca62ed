"""A backup is whole, closed, and can be restored row for row, also when it was taken while people worked."""

import asyncio
import hashlib
import json
import shutil
import stat
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pyrage
import pytest
from pyrage.x25519 import Identity

from app import installation
from app.keeping import pipes, programs, shelf, swapping
from app.keeping import restore as restoring
from app.keeping.backup import LOCK, back_up
from app.keeping.checks import database, work
from app.keeping.destructions import JOURNAL
from app.keeping.failures import KeepingFailed
from app.keeping.findings import Level
from app.keeping.keys import make
from app.keeping.restore import restore
from app.keeping.shelf import Backup
from tests.factories import World, body_of, referral
from tests.keeping.conftest import Kept, Make, fingerprints

ACKNOWLEDGED = "SELECT id::text FROM referrals"
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
PARTS = """SELECT (SELECT count(*) FROM referrals r WHERE r.programme_id = '{0}' AND NOT EXISTS (
  SELECT FROM events e WHERE e.subject_id = r.id AND e.type = 'referral.received')) +
 (SELECT count(*) FROM referrals r WHERE r.programme_id = '{0}' AND NOT EXISTS (
  SELECT FROM audit_entries a WHERE a.row_id = r.id AND a.verb = 'insert'))"""


@pytest.mark.anyio
async def test_a_backup_taken_while_people_write_has_every_write_answered_before_and_no_half_of_any(
    world: World, addresses: installation.Addresses, install: Make
) -> None:
    """Referrals come in all the time; each is a row, an event and lines of the audit, in one transaction."""
    target = await anyio.to_thread.run_sync(lambda: install(is_empty=True))
    answered: list[str] = []
    some, done = anyio.Event(), anyio.Event()

    async def write() -> None:
        while not done.is_set():
            answer = await world.referrer.post("/v1/referrals", referral(world.programme_id))
            answered.append(body_of(answer, 201)["id"])
            if len(answered) == 5:
                some.set()

    async with anyio.create_task_group() as people:
        for _ in range(3):
            people.start_soon(write)
        await some.wait()
        before = list(answered)
        backup = await anyio.to_thread.run_sync(back_up, target.settings, addresses)
        done.set()
    assert len(answered) > len(before)

    await anyio.to_thread.run_sync(restore, target.settings, backup.path)
    there = {row for (row,) in await anyio.to_thread.run_sync(target.sql, ACKNOWLEDGED)}
    assert set(before) <= there
    assert await anyio.to_thread.run_sync(target.sql, PARTS.format(world.programme_id)) == [(0,)]


@pytest.mark.anyio
async def test_a_restored_backup_is_the_same_row_for_row_and_the_service_goes_on_with_it(
    world: World, addresses: installation.Addresses, install: Make
) -> None:
    body_of(await world.referrer.post("/v1/referrals", referral(world.programme_id)), 201)

    def there_and_back() -> tuple[Any, Any]:
        target = install(is_empty=True)
        before = fingerprints(addresses.owner)
        restore(target.settings, back_up(target.settings, addresses).path)
        after = fingerprints(target.addresses.owner)
        asyncio.run(work.findings(target.settings, target.addresses.login))  # asked as the service asks
        return before, after

    before, after = await anyio.to_thread.run_sync(there_and_back)
    assert before["referrals"][0][0] > 0
    assert after == before


def _newest(kept: Kept) -> Backup:
    return shelf.backups(shelf.directory(kept.settings))[0]


def test_a_backup_is_closed_for_us_alone_and_noted(sample: Kept) -> None:
    backup = _newest(sample)
    content, manifest = backup.path.read_bytes(), backup.manifest()
    assert manifest is not None
    assert (manifest.bytes, manifest.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert manifest.rows["organisations"] == 1
    assert b"Plainly Readable" not in content + backup.note.read_bytes()
    assert _opened(content, sample.settings.data_dir / "backup-identity").startswith(b"PGDMP")
    for file in (backup.path, backup.note):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {path.name for path in backup.path.parent.iterdir()} == {backup.path.name, backup.note.name, JOURNAL}


def _opened(content: bytes, identity: Path) -> bytes:
    key = identity.read_text().splitlines()[-1]
    plain: bytes = pyrage.decrypt(content, [Identity.from_str(key)])
    return plain


def test_production_refuses_to_back_up_without_a_key_and_says_how_to_make_one(sample: Kept, tmp_path: Path) -> None:
    production = sample.settings.model_copy(update={"environment": "production", "backup_dir": tmp_path / "backups"})
    with pytest.raises(KeepingFailed, match="peer-support backup-key"):
        back_up(production, sample.addresses)
    assert shelf.backups(tmp_path / "backups") == []
    public = make(tmp_path / "key")
    with_key = production.model_copy(update={"backup_recipients": (public,)})
    backup = back_up(with_key, sample.addresses)
    assert _opened(backup.path.read_bytes(), tmp_path / "key").startswith(b"PGDMP")


def test_a_key_file_is_for_its_owner_alone_and_is_never_written_over(tmp_path: Path) -> None:
    make(tmp_path / "key")
    before = (tmp_path / "key").read_text()
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    with pytest.raises(KeepingFailed, match="is there already"):
        make(tmp_path / "key")
    assert (tmp_path / "key").read_text() == before


def test_a_login_that_may_not_read_everything_makes_no_backup(sample: Kept, tmp_path: Path) -> None:
    only_login = installation.Addresses(sample.addresses.login, sample.addresses.login)
    with pytest.raises(KeepingFailed, match="DATABASE_OWNER_URL"):
        back_up(sample.settings, only_login, out=tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_empty_database_has_nothing_to_back_up(nothing: Kept) -> None:
    with pytest.raises(KeepingFailed, match="nothing to back up"):
        back_up(nothing.settings, nothing.addresses)


def test_a_dump_that_breaks_off_leaves_no_backup(install: Make) -> None:
    kept = install()
    kept.sql("CREATE TABLE of_somebody_else (n int)")
    kept.sql(
        "ALTER TABLE of_somebody_else ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE of_somebody_else FORCE ROW LEVEL SECURITY",
    )
    with pytest.raises(KeepingFailed, match="pg_dump gave up"):
        back_up(kept.settings, kept.addresses)
    assert [path.name for path in shelf.directory(kept.settings).iterdir()] == [JOURNAL]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda whole: whole[: len(whole) // 2], "cut short"),
        (lambda whole: whole[:-1], "cut short"),
        (lambda whole: whole[:-40_000] + bytes(8) + whole[-39_992:], "damaged"),
        (lambda whole: whole + bytes(9), "damaged"),
        (lambda _: b"", "no backup of ours"),
        (lambda _: b"Dear all, the rota for next week" * 9, "no backup of ours"),
    ],
    ids=["half", "one-byte-less", "altered", "something-behind-it", "empty", "a-letter"],
)
def test_a_damaged_backup_changes_nothing(sample: Kept, nothing: Kept, damage: Any, words: str, tmp_path: Path) -> None:
    copy = tmp_path / _newest(sample).path.name
    copy.write_bytes(damage(_newest(sample).path.read_bytes()))
    with pytest.raises(KeepingFailed, match=words):
        restore(nothing.settings, copy, identity=sample.settings.data_dir / "backup-identity")
    assert nothing.sql(TABLES) == []


def test_another_key_opens_nothing(sample: Kept, nothing: Kept, tmp_path: Path) -> None:
    make(tmp_path / "another")
    with pytest.raises(KeepingFailed, match="does not open"):
        restore(nothing.settings, _newest(sample).path, identity=tmp_path / "another")
    assert nothing.sql(TABLES) == []


def test_a_database_with_data_is_not_written_over(sample: Kept) -> None:
    with pytest.raises(KeepingFailed, match="--replace"):
        restore(sample.settings, _newest(sample).path)
    with pytest.raises(KeepingFailed, match=r"(?s)An administrator.*RENAME TO"):
        restore(sample.settings, _newest(sample).path, replace=True)
    assert sample.sql("SELECT count(*) FROM change_epochs") == [(0,)]


def test_an_installation_whose_roles_have_other_names_is_told_so(sample: Kept, nothing: Kept) -> None:
    other = nothing.settings.model_copy(update={"role_prefix": "pmo_"})
    with pytest.raises(KeepingFailed, match="PEER_SUPPORT_ROLE_PREFIX"):
        restore(other, _newest(sample).path, identity=sample.settings.data_dir / "backup-identity")


@pytest.mark.parametrize(
    ("change", "words"),
    [({"rows": {}}, "Not every row"), ({"programs": 99}, "pg_dump and pg_restore of PostgreSQL 99")],
)
def test_a_restore_that_fails_half_way_leaves_an_empty_database_empty(
    sample: Kept, nothing: Kept, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    copy = shelf.named(Path(shutil.copy(_newest(sample).path, tmp_path)))
    copy.note.write_text(json.dumps(json.loads(_newest(sample).note.read_text()) | change))
    with pytest.raises(KeepingFailed, match=words):
        restore(nothing.settings, copy.path, identity=sample.settings.data_dir / "backup-identity")
    assert nothing.sql(TABLES) == []


def test_a_restore_that_was_killed_half_way_is_taken_for_no_database_until_it_is_done_again(
    sample: Kept, nothing: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the rows came back and before those destroyed since went again."""
    identity = sample.settings.data_dir / "backup-identity"
    with monkeypatch.context() as killing:
        killing.setattr(restoring, "settle", _die)
        killing.setattr(swapping, "make_empty", _die)  # nobody clears up after a process that is killed
        with pytest.raises(ProcessLookupError):
            restore(nothing.settings, _newest(sample).path, identity=identity)
    assert nothing.sql("SELECT name FROM organisations") == [("Plainly Readable Surgery",)]
    with pytest.raises(installation.HalfRestored, match="restore` again"):
        installation.migrate(nothing.addresses.owner, nothing.settings.role_prefix)
    with pytest.raises(KeepingFailed, match="restore` again"):
        back_up(nothing.settings, nothing.addresses)
    found = asyncio.run(database.findings(nothing.settings, nothing.addresses))
    assert [one.level for one in found if one.check == "tables"] == [Level.BAD]
    assert restore(nothing.settings, _newest(sample).path, identity=identity).epoch == 1
    installation.migrate(nothing.addresses.owner, nothing.settings.role_prefix)
    assert nothing.sql("SELECT name FROM organisations") == [("Plainly Readable Surgery",)]


async def _die(*_: Any) -> None:
    raise ProcessLookupError


def test_two_backups_at_once_are_one_and_a_refusal(sample: Kept) -> None:
    with (
        sample.open_transaction(f"SELECT pg_advisory_lock({LOCK})"),
        pytest.raises(KeepingFailed, match="Another backup"),
    ):
        back_up(sample.settings, sample.addresses)


def test_what_a_program_complains_of_is_never_on_the_disk_and_much_of_it_holds_nobody_up(tmp_path: Path) -> None:
    """It may quote rows."""
    talker = tmp_path / "pg_dump"
    talker.write_text(
        '#!/bin/sh\necho "pg_dump: error: to $(readlink /proc/$$/fd/2)" >&2\nhead -c 900000 /dev/zero >&2\nexit 1\n'
    )
    talker.chmod(0o755)
    with pytest.raises(KeepingFailed, match="error: to pipe:"):
        pipes.flow_out(programs.Programs(18, tmp_path), "postgresql:///none", lambda out: out.read())


@pytest.mark.parametrize(
    ("given", "shown", "password"),
    [
        (
            "postgresql://ann:s%40cret@db:5432/peer?sslmode=require",
            "postgresql://ann@db:5432/peer?sslmode=require",
            "s@cret",
        ),
        ("postgresql://ann@/peer?host=%2Frun&password=x", "postgresql://ann@/peer?host=%2Frun", "x"),
        ("postgresql:///peer?host=/run", "postgresql:///peer?host=%2Frun", None),
    ],
)
def test_no_password_is_shown_among_the_processes_of_the_machine(given: str, shown: str, password: str | None) -> None:
    address, environment = programs.connection(given)
    assert (address, environment.get("PGPASSWORD")) == (shown, password)
