"""The backups: how old the newest is, and whether one was ever tried."""

from datetime import timedelta

from app.core import clock
from app.keeping import drill, shelf
from app.keeping.findings import Finding, bad, look, ok
from app.settings import Settings

DRILL_LOOK = timedelta(days=45)
TRY = "Run `peer-support backup --drill`."
RENAME = "Set the clock right; then give it and its note a name of the time it was really taken, or remove both."


def findings(settings: Settings) -> list[Finding]:
    """Both lines about backups."""
    return [_newest(settings), _drill(settings)]


def _newest(settings: Settings) -> Finding:
    check, todo = "last backup", "Run `peer-support backup`, and see that the worker runs: it takes them by itself."
    newest = next(iter(shelf.backups(shelf.directory(settings))), None)
    if newest and shelf.is_ahead(newest.taken_at):
        return bad(check, f"{newest.path.name} is of the future: the clock was wrong when it was taken", RENAME)
    if newest is None:
        if settings.backup_hours == 0:
            return look(check, "backups are switched off", "See that somebody else takes them.")
        return bad(check, "there is none", todo)
    age, words = clock.true_now() - newest.taken_at, f"of {newest.taken_at:%d %B %Y %H:%M} UTC"
    if newest.manifest() is None or newest.is_cut_short():
        return bad(check, f"{words}, and the file is not whole", todo)
    wanted = timedelta(hours=settings.backup_hours or 24)
    if age > 3 * wanted:
        return bad(check, words, todo)
    return look(check, words, todo) if age > 1.5 * wanted else ok(check, words)


def _drill(settings: Settings) -> Finding:
    check, last = "restore drill", drill.last(settings)
    if last is None:
        return look(check, "no backup was tried yet", TRY)
    words = f"{last.at:%d %B %Y}: {last.words}"
    if shelf.is_ahead(last.at):
        return bad(check, f"noted in the future, on {last.at:%d %B %Y}: the clock was wrong", TRY)
    if last.restored is None:
        return look(check, words, TRY)
    if not last.restored:
        return bad(check, words, "Take a backup and try that: one that cannot be restored is none.")
    return look(check, words, TRY) if clock.true_now() - last.at > DRILL_LOOK else ok(check, words)
