"""What was destroyed after a backup does not come back with it, and the change feed begins a new epoch."""

import asyncio
import shutil
from pathlib import Path

import pytest

from app.keeping import commands, destructions, shelf
from app.keeping.backup import back_up
from app.keeping.destructions import JOURNAL, keep_destructions
from app.keeping.failures import KeepingFailed
from app.keeping.restore import restore, settle
from tests.keeping.conftest import Kept, Make

GONE, STAYS = "00000000-0000-7000-8000-0000000000aa", "00000000-0000-7000-8000-0000000000bb"


def account(row_id: str, name: str) -> str:
    """An account with a role, a sign-in and that sign-in's token; only the token goes unnoted when it goes."""
    own = "id, created_at"
    return f"""
    WITH person AS (INSERT INTO accounts ({own}, email, name, status)
      VALUES ('{row_id}', now(), '{name}@example.org', '{name}', 'active') RETURNING id),
    member AS (INSERT INTO access_memberships ({own}, account_id, role)
      SELECT gen_random_uuid(), now(), id, 'analyst' FROM person),
    signed AS (INSERT INTO access_sign_ins ({own}, account_id, role)
      SELECT gen_random_uuid(), now(), id, 'analyst' FROM person RETURNING id)
    INSERT INTO access_refresh_tokens ({own}, sign_in_id, token_hash, expires_at)
      SELECT gen_random_uuid(), now(), id, '{name}', now() + interval '1 day' FROM signed"""


def destroy(row_id: str) -> list[str]:
    """The account is gone with all that hangs on it."""
    sign_ins = f"(SELECT id FROM access_sign_ins WHERE account_id = '{row_id}')"
    return [
        f"DELETE FROM access_refresh_tokens WHERE sign_in_id IN {sign_ins}",
        f"DELETE FROM access_sign_ins WHERE account_id = '{row_id}'",
        f"DELETE FROM access_memberships WHERE account_id = '{row_id}'",
        f"DELETE FROM accounts WHERE id = '{row_id}' RETURNING id",
    ]


TABLES = ("accounts", "access_memberships", "access_sign_ins", "access_refresh_tokens")
COUNTS = "SELECT " + ", ".join(f"(SELECT count(*) FROM {table})" for table in TABLES)
WHO_DELETED = """SELECT actor_kind, actor_name FROM audit_entries
  WHERE verb = 'delete' AND table_name = 'accounts'"""
TOMBSTONES = "SELECT table_name, row_id FROM tombstones ORDER BY 1, 2"


def journal(kept: Kept) -> Path:
    return shelf.directory(kept.settings) / JOURNAL


def test_what_was_destroyed_after_the_backup_is_destroyed_again_and_told_once(install: Make) -> None:
    kept, target = install(), install(is_empty=True)
    kept.sql(account(GONE, "gone"), account(STAYS, "stays") + " RETURNING id")
    backup = back_up(kept.settings, kept.addresses)
    kept.sql(*destroy(GONE))
    assert keep_destructions(kept.settings, kept.addresses) == 3
    assert keep_destructions(kept.settings, kept.addresses) == 0

    assert restore(target.settings, backup.path).destroyed_again == 3
    assert target.sql(COUNTS) == [(1, 1, 1, 1)]
    assert target.sql(TOMBSTONES) == kept.sql(TOMBSTONES)
    assert target.sql(
        "SELECT actor_kind, actor_name FROM audit_entries WHERE verb = 'delete' AND table_name = 'accounts'"
    ) == [("job", "restore")]
    keep_destructions(target.settings, target.addresses)
    told = [(row.table, row.id) for row in destructions.destroyed(journal(target))]
    assert len(told) == len(set(told)) == 3


def test_what_came_and_went_between_two_backups_is_told_to_who_follows_the_changes(install: Make) -> None:
    kept, target = install(), install(is_empty=True)
    backup = back_up(kept.settings, kept.addresses)
    asyncio.run(settle(kept.addresses.owner, told=7))
    kept.sql(account(GONE, "gone"), *destroy(GONE))
    keep_destructions(kept.settings, kept.addresses)
    done = restore(target.settings, backup.path)
    assert (done.destroyed_again, done.epoch) == (0, 9)  # the journal saw epoch 8, the backup none
    assert len(target.sql(TOMBSTONES)) == 3
    assert target.sql(TOMBSTONES) == kept.sql(TOMBSTONES)


def test_the_journal_tells_ids_and_tables_only(install: Make) -> None:
    kept = install()
    kept.sql(account(GONE, "Penelope"), *destroy(GONE))
    keep_destructions(kept.settings, kept.addresses)
    assert GONE in journal(kept).read_text()
    assert "Penelope" not in journal(kept).read_text()
    assert journal(kept).stat().st_mode & 0o777 == 0o600


def test_a_line_that_a_crash_cut_short_is_written_again(install: Make) -> None:
    kept = install()
    kept.sql(account(GONE, "gone"), *destroy(GONE))
    keep_destructions(kept.settings, kept.addresses)
    whole = journal(kept).read_bytes()
    journal(kept).write_bytes(whole[:-20])
    assert list(destructions.destroyed(journal(kept))) == []
    assert keep_destructions(kept.settings, kept.addresses) == 3
    assert journal(kept).read_bytes() == whole


def test_a_restore_that_cannot_know_what_was_destroyed_since_says_so(
    sample: Kept, install: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where a journal is, but of another database; with its own journal beside it, it is silent."""
    (there,) = shelf.backups(shelf.directory(sample.settings))
    identity, alone = sample.settings.data_dir / "backup-identity", tmp_path / "alone"
    alone.mkdir()
    for file in (there.path, there.note):
        shutil.copy(file, alone)
    other, target = install(), install(is_empty=True)
    keep_destructions(other.settings, other.addresses)
    done = restore(target.settings, alone / there.path.name, identity=identity)
    assert done.is_journal_missing
    commands._show(done)
    assert "Warning" in capsys.readouterr().out
    assert journal(sample).exists()  # though nothing was destroyed
    beside = restore(install(is_empty=True).settings, there.path, identity=identity)
    assert not beside.is_journal_missing


def test_a_later_restore_elsewhere_goes_above_the_epoch_of_the_one_before(install: Make) -> None:
    kept = install()
    backup = back_up(kept.settings, kept.addresses)
    epochs = [restore(install(is_empty=True).settings, backup.path).epoch for _ in range(3)]
    assert epochs == [1, 2, 3]


def test_noting_destructions_does_not_wait_for_ever(install: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destructions, "PATIENCE", "100ms")
    kept = install()
    with (
        kept.open_transaction(f"SELECT pg_advisory_lock({destructions.LOCK})"),
        pytest.raises(KeepingFailed, match="what hangs"),
    ):
        keep_destructions(kept.settings, kept.addresses)


def test_a_damaged_journal_stops_a_restore_before_anybody_comes_back(sample: Kept, install: Make) -> None:
    target = install(is_empty=True)
    journal(target).parent.mkdir()
    journal(target).write_text('{"epoch": "?"}\n')
    with pytest.raises(KeepingFailed, match="is damaged"):
        restore(
            target.settings,
            shelf.backups(shelf.directory(sample.settings))[0].path,
            identity=sample.settings.data_dir / "backup-identity",
        )
    assert target.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []


def test_a_change_that_is_not_committed_yet_is_noted_when_it_is(install: Make) -> None:
    """The one that began first ends last: nothing later may be noted before it."""
    kept = install()
    kept.sql(account(GONE, "gone") + " RETURNING id", account(STAYS, "stays") + " RETURNING id")
    with kept.open_transaction(*destroy(GONE)):
        kept.sql(*destroy(STAYS))
        assert keep_destructions(kept.settings, kept.addresses) == 0
    assert keep_destructions(kept.settings, kept.addresses) == 6


def test_a_restore_begins_an_epoch_that_was_never_told_before(install: Make) -> None:
    kept, present = install(), "SELECT max(number) FROM change_epochs"
    assert kept.sql(present) == [(None,)]
    assert asyncio.run(settle(kept.addresses.owner)) == (0, 1)
    assert asyncio.run(settle(kept.addresses.owner, told=4)) == (0, 5)
    assert kept.sql(present) == [(5,)]


def test_rows_numbered_by_a_server_that_counted_further_are_told_now(install: Make) -> None:
    kept = install()
    kept.sql(account(GONE, "gone"))
    kept.sql(
        "ALTER TABLE accounts DISABLE TRIGGER USER",
        "UPDATE accounts SET changed_xid = '9000000000'",
        "ALTER TABLE accounts ENABLE TRIGGER USER",
    )
    asyncio.run(settle(kept.addresses.owner))
    kept.sql("SELECT 1")
    is_told = "changed_xid < pg_snapshot_xmin(pg_current_snapshot())"
    assert kept.sql(f"SELECT {is_told}, version FROM accounts") == [(True, 1)]
    kept.sql("UPDATE accounts SET name = 'other' RETURNING id")
    assert kept.sql("SELECT version FROM accounts") == [(2,)]
