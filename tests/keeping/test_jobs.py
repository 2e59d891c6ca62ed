"""What the worker does for keeping: a backup when it is due, and each month one that is tried."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

from app.core import clock
from app.keeping import drill as drills
from app.keeping import jobs, shelf
from app.keeping.destructions import JOURNAL
from app.keeping.drill import drill
from tests.keeping.conftest import Kept, Make


def test_a_backup_is_taken_when_the_last_is_as_old_as_the_settings_say(install: Make) -> None:
    kept = install(backup_hours=6, backup_daily=1, backup_weekly=0, backup_monthly=0)
    where, now = shelf.directory(kept.settings), clock.true_now()
    for hours, count in ((0, 1), (5, 1), (7, 2)):
        with time_machine.travel(now + timedelta(hours=hours)):
            jobs.back_up_when_due(kept.settings, kept.addresses)
        assert len(shelf.backups(where)) == count
    with time_machine.travel(now + timedelta(days=3)):
        jobs.back_up_when_due(kept.settings, kept.addresses)
    assert len(shelf.backups(where)) == 1


def test_only_destructions_are_noted_where_backups_are_switched_off(install: Make) -> None:
    kept = install(backup_hours=0)
    kept.sql("INSERT INTO tombstones (table_name, row_id) VALUES ('people', gen_random_uuid()) RETURNING id")
    for _, _, function in jobs.JOBS:
        function(kept.settings, kept.addresses)
    (there,) = shelf.directory(kept.settings).iterdir()
    assert (there.name, there.read_text().count("people")) == (JOURNAL, 1)


def test_destructions_are_noted_between_backups(install: Make) -> None:
    kept = install()
    kept.sql("INSERT INTO tombstones (table_name, row_id) VALUES ('people', gen_random_uuid()) RETURNING id")
    jobs.note_destructions(kept.settings, kept.addresses)
    assert (shelf.directory(kept.settings) / JOURNAL).read_text().count("people") == 1


@pytest.fixture
def copied(sample: Kept, tmp_path: Path) -> Kept:
    """The sample with backups of its own to try and to spoil."""
    where = tmp_path / "backups"
    shutil.copytree(shelf.directory(sample.settings), where)
    return Kept(sample.settings.model_copy(update={"backup_dir": where}), sample.addresses)


def test_a_drill_is_due_a_day_after_the_first_backup_and_then_each_month(copied: Kept) -> None:
    """Counted by its notes; the key is elsewhere here, so that none takes long."""
    away, now = copied.settings.model_copy(update={"environment": "production"}), clock.true_now()
    noted = []
    for days in (0, 1.1, 20, 31.2, 40):
        with time_machine.travel(now + timedelta(days=days)):
            jobs.drill_when_due(away, copied.addresses)
        last = drills.last(away)
        noted.append(round((last.at - now) / timedelta(days=1), 1) if last else None)
    assert noted == [None, 1.1, 1.1, 31.2, 31.2]


def test_a_backup_of_the_future_puts_off_neither_the_next_nor_its_drill(copied: Kept) -> None:
    (present,) = shelf.backups(shelf.directory(copied.settings))
    future = shelf.place(present.path.parent, clock.true_now() + timedelta(days=400))
    present.path.rename(future.path)
    present.note.rename(future.note)
    jobs.back_up_when_due(copied.settings, copied.addresses)
    made = shelf.newest(present.path.parent)
    assert made is not None
    assert made != future
    away = copied.settings.model_copy(update={"environment": "production"})
    tried = drill(away, copied.addresses)
    assert tried.backup == made.path.name
    note = present.path.parent / drills.NOTE
    note.write_text(tried.model_copy(update={"at": clock.true_now() + timedelta(days=900)}).model_dump_json())
    with time_machine.travel(clock.true_now() + timedelta(days=2)):
        jobs.drill_when_due(away, copied.addresses)
        last = drills.last(away)
        assert last is not None
        assert last.at <= clock.true_now()


def test_what_a_killed_drill_left_is_removed_also_where_there_is_no_key(copied: Kept, tmp_path: Path) -> None:
    changes = {"environment": "production", "data_dir": tmp_path / "data"}
    away = copied.settings.model_copy(update=changes)
    left = away.data_dir / "drill/server/data"
    left.mkdir(parents=True)
    with copied.open_transaction(f"SELECT pg_advisory_lock({drills.LOCK})"):
        drill(away, copied.addresses)
    assert left.exists()  # it may be the other drill's
    assert drill(away, copied.addresses).restored is None
    assert not (away.data_dir / "drill").exists()


def test_a_drill_that_fails_is_noted_as_such(copied: Kept) -> None:
    newest = shelf.backups(shelf.directory(copied.settings))[0]
    newest.path.write_bytes(newest.path.read_bytes()[:-1])
    done = drill(copied.settings, copied.addresses)
    assert (done.restored, drills.last(copied.settings)) == (False, done)
    assert "cut short" in done.words


def test_where_the_private_key_is_elsewhere_a_drill_says_that_it_could_not_be(copied: Kept) -> None:
    away = copied.settings.model_copy(update={"environment": "production"})
    done = drill(away, copied.addresses)
    assert (done.restored, drills.last(away)) == (None, done)
    assert "not on this machine" in done.words


def test_two_drills_at_once_are_one_and_a_refusal(copied: Kept) -> None:
    with copied.open_transaction(f"SELECT pg_advisory_lock({drills.LOCK})"):
        done = drill(copied.settings, copied.addresses)
    assert (done.restored, "Another drill" in done.words) == (None, True)


def test_without_a_backup_there_is_nothing_to_try(install: Make) -> None:
    kept = install()
    jobs.drill_when_due(kept.settings, kept.addresses)
    assert drills.last(kept.settings) is None
    assert drill(kept.settings, kept.addresses).words == "There is no backup yet."
