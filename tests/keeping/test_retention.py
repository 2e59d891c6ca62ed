"""Which backups stay."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.core.clock import day_of
from app.keeping import shelf
from app.keeping.retention import apply_retention, kept
from app.keeping.shelf import Backup
from app.settings import Settings

Counts = dict[str, int]
START = datetime(2026, 1, 1, 3, 15, tzinfo=UTC)
moments = st.lists(st.integers(0, 900 * 24), unique=True).map(
    lambda hours: [shelf.place(Path(), START + timedelta(hours=hour)) for hour in hours]
)
counts = st.fixed_dictionaries({"daily": st.integers(1, 9), "weekly": st.integers(0, 6), "monthly": st.integers(0, 14)})


@given(backups=moments, wanted=counts)
def test_the_newest_of_each_of_the_last_days_weeks_and_months_stays(
    backups: list[Backup], wanted: dict[str, int]
) -> None:
    staying = kept(backups, **wanted)
    spans: dict[str, Callable[[Backup], Any]] = {
        "daily": lambda backup: day_of(backup.taken_at),
        "weekly": lambda backup: day_of(backup.taken_at).isocalendar()[:2],
        "monthly": lambda backup: (day_of(backup.taken_at).year, day_of(backup.taken_at).month),
    }
    for name, span in spans.items():
        for last in sorted({span(backup) for backup in backups}, reverse=True)[: wanted[name]]:
            newest = max((one for one in backups if span(one) == last), key=lambda one: one.taken_at)
            assert newest in staying


@given(backups=moments, wanted=counts)
def test_the_newest_always_stays_and_clearing_twice_clears_no_more(
    backups: list[Backup], wanted: dict[str, int]
) -> None:
    staying = kept(backups, **wanted)
    assert staying <= set(backups)
    assert not backups or max(backups, key=lambda backup: backup.taken_at) in staying
    assert kept(staying, **wanted) == staying


@given(backups=moments, wanted=counts)
def test_no_more_stays_than_was_asked_for_and_one_day(backups: list[Backup], wanted: Counts) -> None:
    newest = max((backup.taken_at for backup in backups), default=START)
    older = [backup for backup in kept(backups, **wanted) if newest - backup.taken_at >= timedelta(hours=24)]
    assert len(older) <= sum(wanted.values())


def test_a_day_with_several_backups_keeps_them_until_the_next(tmp_path: Path) -> None:
    """As before an upgrade: the nightly backup must not take the place of the one made by hand at once."""
    by_hand, nightly = (shelf.place(tmp_path, START + timedelta(hours=hour)) for hour in (9, 15))
    next_night = shelf.place(tmp_path, START + timedelta(hours=48))
    assert kept([by_hand, nightly], daily=7, weekly=0, monthly=0) == {by_hand, nightly}
    assert kept([by_hand, nightly, next_night], daily=7, weekly=0, monthly=0) == {nightly, next_night}


def test_only_backups_that_need_not_stay_are_removed_with_their_notes(tmp_path: Path) -> None:
    made = [shelf.place(tmp_path, START + timedelta(days=day)) for day in range(4)]
    others = [
        tmp_path / name for name in ("destructions.jsonl", "drill.json", "peer-support-old.dump.age", "notes.txt")
    ]
    for file in [*others, *(file for backup in made for file in (backup.path, backup.note))]:
        file.touch()
    settings = Settings(backup_dir=tmp_path, backup_daily=2, backup_weekly=0, backup_monthly=0)
    assert apply_retention(settings) == [made[1], made[0]]
    left = {file for backup in made[2:] for file in (backup.path, backup.note)}
    assert set(tmp_path.iterdir()) == {*others, *left}


def test_a_backup_of_the_future_takes_no_others_place(tmp_path: Path) -> None:
    future = shelf.place(tmp_path, datetime(2999, 1, 1, tzinfo=UTC))
    made = [future, *(shelf.place(tmp_path, START + timedelta(hours=hour)) for hour in (0, 9, 15))]
    for backup in made:
        backup.path.touch()
    assert apply_retention(Settings(backup_dir=tmp_path, backup_daily=1, backup_weekly=0, backup_monthly=0)) == []
    assert set(shelf.backups(tmp_path)) == set(made)
