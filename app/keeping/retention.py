"""Which backups stay: all of the last day, and the newest of each of the days, weeks and months before."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta

from app.core.clock import day_of
from app.keeping import shelf
from app.keeping.shelf import Backup
from app.settings import Settings

ALL_OF = timedelta(hours=24)
"""Before the newest: what was taken by hand before some change stays at least until the next day."""


def kept(backups: Iterable[Backup], *, daily: int, weekly: int, monthly: int) -> set[Backup]:
    """Those that stay. Only days, weeks and months with a backup count, so a pause in backups takes none away."""
    newest_first = sorted(backups, key=lambda backup: backup.taken_at, reverse=True)
    return {
        *(backup for backup in newest_first if newest_first[0].taken_at - backup.taken_at < ALL_OF),
        *_newest_of_each(newest_first, daily, lambda day: day),
        *_newest_of_each(newest_first, weekly, lambda day: day.isocalendar()[:2]),
        *_newest_of_each(newest_first, monthly, lambda day: (day.year, day.month)),
    }


def _newest_of_each(newest_first: list[Backup], count: int, span: Callable[[date], object]) -> list[Backup]:
    found: dict[object, Backup] = {}
    for backup in newest_first:
        found.setdefault(span(day_of(backup.taken_at)), backup)
    return list(found.values())[:count]


def apply_retention(settings: Settings) -> list[Backup]:
    """Removes the backups that need not stay, with their notes, and nothing else; returns what is gone.

    Those from the future stay until somebody looks, and take no other's place.
    """
    found = [backup for backup in shelf.backups(shelf.directory(settings)) if not shelf.is_ahead(backup.taken_at)]
    staying = kept(found, daily=settings.backup_daily, weekly=settings.backup_weekly, monthly=settings.backup_monthly)
    gone = [backup for backup in found if backup not in staying]
    for backup in gone:
        backup.path.unlink(missing_ok=True)
        backup.note.unlink(missing_ok=True)
    return gone
