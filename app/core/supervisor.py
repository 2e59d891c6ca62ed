"""Keeping several processes of the service running: a new one in the place of one that died, and none left behind.

Children are forked, so that a new one is there at once. Each holds the reading end of a pipe whose writing end only
the parent has: when the parent is gone, however it went, its children end by themselves.
"""

import gc
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from types import FrameType
from typing import NoReturn

from app.core import logs

STOPS = (signal.SIGTERM, signal.SIGINT)
STEADY_SECONDS = 5.0
"""A child that lived for less has failed at its start."""
AGAIN_SECONDS = 10.0
"""After so long a process that was asked to leave and is still there is asked again."""
PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Seconds before a child is started anew that fails at its start again and again."""


@dataclass
class Child:
    """One process and what it does; `is_needed`: nothing runs on without it, when it cannot be started."""

    name: str
    work: Callable[[], None]
    is_needed: bool = True
    pid: int = 0
    begun_at: float = 0.0
    due_at: float = 0.0
    failure_count: int = 0

    def note_end(self, now: float) -> bool:
        """Its process has ended; True when it is hopeless to start it again."""
        self.pid = 0
        self.failure_count = self.failure_count + 1 if now - self.begun_at < STEADY_SECONDS else 1
        self.due_at = now + PAUSES[min(self.failure_count, len(PAUSES)) - 1]
        return self.is_needed and self.failure_count > len(PAUSES)


class Supervisor:
    """Starts the children, keeps them running, and ends them when asked to, or when one cannot be kept.

    `patience` is how many seconds they may take to end before they are killed; `closing` is called first of all
    when they are to end, and `on_end` with the number of each process that is no more.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        patience: float,
        closing: Callable[[], None],
        on_end: Callable[[int], None],
    ) -> None:
        self._children = children
        self._patience = patience
        self._closing = closing
        self._on_end = on_end
        self._is_asked = False

    def run(self) -> int:
        """Until SIGTERM or SIGINT; the exit status: 0 when everything ended in time and by itself."""
        gc.collect()
        gc.freeze()  # what was loaded so far is shared with the children and never looked through again
        self._lifeline, self._held = os.pipe()
        self._listen_to_signals()
        hopeless: list[Child] = []
        while not (self._is_asked or hopeless):
            self._start_due()
            now = time.monotonic()
            self._sleep(min([5.0, *(child.due_at - now for child in self._children if not child.pid)]))
            hopeless = [child for child in self._ended() if child.note_end(time.monotonic())]
        return self._end() or int(bool(hopeless))

    def _listen_to_signals(self) -> None:
        self._woken, waker = os.pipe()
        for end in (self._woken, waker):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        for number in STOPS:
            signal.signal(number, self._ask)
        signal.signal(signal.SIGCHLD, _do_nothing)  # that it comes wakes the sleeper

    def _ask(self, _: int, __: FrameType | None) -> None:
        self._is_asked = True

    def _sleep(self, seconds: float) -> None:
        """Until a signal comes, at most so long."""
        if select.select([self._woken], [], [], max(0.0, seconds))[0]:
            with suppress(BlockingIOError):
                os.read(self._woken, 1024)

    def _start_due(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if not child.pid and child.due_at <= now:
                child.begun_at = now
                # A signal that arrives in between must not be taken by the parent's handlers in the child.
                signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
                child.pid = os.fork() or self._be(child)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)

    def _ended(self) -> list[Child]:
        """The children whose processes have ended since this was last asked."""
        ended = [child for child in self._children if child.pid and os.waitpid(child.pid, os.WNOHANG)[0]]
        for child in ended:
            if not self._is_asked:
                logs.logger().error("process_ended", kind=child.name, pid=child.pid)
            self._on_end(child.pid)
        return ended

    def _end(self) -> int:
        """Every child has ended, at its own pace if it can; 1 when one had to be killed."""
        self._is_asked = True
        self._closing()
        self._signal(signal.SIGTERM)
        status, deadline = 0, time.monotonic() + self._patience
        while any(child.pid for child in self._children):
            self._sleep(0.1 if status else deadline - time.monotonic())
            for child in self._ended():
                child.pid = 0
            if time.monotonic() >= deadline and self._signal(signal.SIGKILL):
                status = 1
        return status

    def _signal(self, number: signal.Signals) -> int:
        """How many children were there to get it."""
        there = [child.pid for child in self._children if child.pid]
        for pid in there:
            os.kill(pid, number)
        return len(there)

    def _be(self, child: Child) -> NoReturn:
        """In the forked process: do its work and end, never going back into what the parent has open."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            leave_when_asked()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
            os.close(self._held)
            Thread(target=_follow, args=(self._lifeline, self._patience), daemon=True).start()
            child.work()
            status = 0
        except SystemExit as leaving:
            status = leaving.code if isinstance(leaving.code, int) else 1
        except BaseException as error:
            logs.logger().error("bug", exception_type=type(error).__name__, where=logs.where_of(error))
        finally:
            sys.stderr.flush()
            os._exit(status)


def leave_when_asked() -> None:
    """SIGTERM and SIGINT end this process in order, with status 0, wherever nothing else is said about them."""
    for number in STOPS:
        signal.signal(number, _leave)


def _leave(_: int, __: FrameType | None) -> None:
    if hasattr(signal, "setitimer"):
        # raised while the interpreter clears an object away it is lost: then it is raised once more
        signal.signal(signal.SIGALRM, _leave)
        signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS)
    sys.exit(0)


def _do_nothing(_: int, __: FrameType | None) -> None:
    pass


def _follow(lifeline: int, patience: float) -> None:
    """Nothing is ever written here, so reading ends when the parent does; then so does this process."""
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(patience)
    os._exit(1)
