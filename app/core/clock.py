"""The one clock: what time it is for the service, which a sandbox may move.

`created_at`, audit, tokens, throttles and idempotency use `true_now()`; everything a coordinator sees
happen (waits, windows, due dates) uses `now()` and `today()`.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


class _Clock:
    offset = timedelta(0)


def true_now() -> datetime:
    """The real instant, UTC; never moved."""
    return datetime.now(UTC)


def now() -> datetime:
    """The service's instant, UTC: the real one plus the sandbox's offset."""
    return true_now() + _Clock.offset


def today() -> date:
    """The day it is for people of the service: Europe/London."""
    return day_of(now())


def day_of(instant: datetime) -> date:
    """The Europe/London day on which an instant falls."""
    return instant.astimezone(LONDON).date()


def offset() -> timedelta:
    """How far the sandbox has moved the clock."""
    return _Clock.offset


def move(by: timedelta) -> None:
    """Set this process's offset; the shared truth is the row of table `clock`."""
    _Clock.offset = by
