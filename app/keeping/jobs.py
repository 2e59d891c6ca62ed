"""What keeping does by the clock: noting destructions, backups, clearing old ones away, and trying one."""

from collections.abc import Callable
from datetime import timedelta

from app.core import clock
from app.installation import Addresses
from app.keeping import drill as drills
from app.keeping import shelf
from app.keeping.backup import back_up
from app.keeping.destructions import keep_destructions
from app.keeping.retention import apply_retention
from app.settings import Settings

MINUTE, HOUR = 60, 3600
DRILL_EVERY = timedelta(days=30)
FIRST_DRILL_AFTER = timedelta(days=1)


def note_destructions(settings: Settings, addresses: Addresses) -> None:
    """The journal of destructions is up to date, also where somebody else makes the backups."""
    keep_destructions(settings, addresses)


def back_up_when_due(settings: Settings, addresses: Addresses) -> None:
    """A backup no older than the settings want is there, and those that need not stay are gone."""
    if settings.backup_hours and _is_due(settings):
        back_up(settings, addresses)
        apply_retention(settings)


def _is_due(settings: Settings) -> bool:
    newest = shelf.newest(shelf.directory(settings))
    if newest is None or shelf.is_ahead(newest.taken_at):
        return True
    return clock.true_now() - newest.taken_at >= timedelta(hours=settings.backup_hours)


def drill_when_due(settings: Settings, addresses: Addresses) -> None:
    """Each month one backup was tried, the first a day after it was taken; noted beside it, also where it cannot be."""
    if settings.backup_hours and _is_drill_due(settings):
        drills.drill(settings, addresses)


def _is_drill_due(settings: Settings) -> bool:
    last, now = drills.last(settings), clock.true_now()
    if last is not None and last.backup is not None and not shelf.is_ahead(last.at):
        return now - last.at >= DRILL_EVERY
    return any(now - backup.taken_at >= FIRST_DRILL_AFTER for backup in shelf.backups(shelf.directory(settings)))


JOBS: tuple[tuple[str, int, Callable[[Settings, Addresses], None]], ...] = (
    ("destructions", MINUTE, note_destructions),
    ("backup", 15 * MINUTE, back_up_when_due),
    ("restore-drill", 12 * HOUR, drill_when_due),
)
"""Name, seconds between two runs, and the function, which blocks: it belongs in a thread. All raise KeepingFailed."""
