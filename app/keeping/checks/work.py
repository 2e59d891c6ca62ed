"""The work done by the clock: whether a worker lives, and whether its jobs are late or fail."""

from datetime import timedelta

from app.core import clock
from app.core.actor import job
from app.core.database import Database
from app.core.jobs import State, states
from app.keeping.findings import Finding, bad, look, ok
from app.settings import Settings

HEARTBEAT = "heartbeat"
SILENCE = timedelta(minutes=2)
LATE_LOOK, LATE_BAD = 300.0, 3600.0
FAILURES_BAD = 3
START = "Start it: `peer-support serve --workers`, or `peer-support worker` by itself."
CLOCKS = "Set the clocks of this machine and of the database's right, and start the worker again."


async def findings(settings: Settings, login: str) -> list[Finding]:
    """The worker's line and that of its jobs."""
    database = Database(settings, login)
    await database.open()
    try:
        async with database.reading(job("doctor")) as db:
            found = await states(db)
    finally:
        await database.close()
    return [worker(found), jobs(found)]


def worker(found: list[State]) -> Finding:
    """Whether one has given a sign of life lately."""
    check = "worker"
    last = next((state.finished_at for state in found if state.name == HEARTBEAT), None)
    if last is None:
        return bad(check, "there was none yet: nobody takes backups and clears away what has expired", START)
    if last - clock.true_now() > SILENCE:
        return bad(check, f"heard of in the future, on {last:%d %B %Y %H:%M} UTC: a clock is wrong", CLOCKS)
    if clock.true_now() - last > SILENCE:
        return bad(check, f"silent since {last:%d %B %Y %H:%M} UTC", START)
    return ok(check, "at work")


def jobs(found: list[State]) -> Finding:
    """What is late or failing, the worst first."""
    check, todo = "jobs", "Look into the worker's log for these names."
    rest = [state for state in found if state.name != HEARTBEAT]
    failing = [
        f"{state.name} failed {state.failure_count} times ({state.error})" for state in rest if state.failure_count
    ]
    late = [
        f"{state.name} is {state.late_seconds / 60:.0f} minutes late" for state in rest if _is_late(state, LATE_LOOK)
    ]
    if not failing and not late:
        return ok(check, f"{len(rest)}, none late and none failing")
    words = "; ".join([*failing, *late])
    if any(state.failure_count >= FAILURES_BAD or _is_late(state, LATE_BAD) for state in rest):
        return bad(check, words, todo)
    return look(check, words, todo)


def _is_late(state: State, seconds: float) -> bool:
    return state.late_seconds > seconds
