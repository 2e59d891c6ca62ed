"""Stops the embedded PostgreSQL when its last user has left or died; also run as a process of its own.

What is alive is told by locks on three files alone, because the kernel drops them however a process ends:

- `users.lock`, shared: everyone who uses the server. Exclusive: the right to stop it.
- `server.lock`: whoever makes or starts the server; every process of PostgreSQL inherits it, so that it is
  free when the last of them is gone.
- `guardian.lock`: the guardian, while new users may count on it.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

if sys.platform != "win32":  # on Windows there is no embedded PostgreSQL
    import fcntl

STOP = ("pg_ctl", "stop", "--pgdata=server/data", "--no-wait", "--mode")
FAST_SECONDS = 5.0  # then at once, and the next start replays; PostgreSQL can hang if told to stop in recovery


class Account(NamedTuple):
    """Whom a program runs as; all None is ourselves."""

    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None


OURSELVES = Account()


def run(
    command: list[str], account: Account, lock: int | None = None, cwd: Path = Path("/")
) -> subprocess.CompletedProcess[str]:
    """Out of reach of Ctrl-C, in a clean environment; `lock` stays held while anything started here lives."""
    return subprocess.run(  # noqa: S603 - the programs are the installation's, and no shell reads the arguments
        command,
        user=account.uid,
        group=account.gid,
        extra_groups=account.groups,
        pass_fds=() if lock is None else (lock,),
        cwd=cwd,
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


@contextmanager
def opened_lock(path: Path) -> Iterator[int]:
    descriptor = open_lock(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def take(lock: int, *, shared: bool = False) -> bool:
    """Without waiting; whoever closes the file, or dies, gives it back."""
    try:
        fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def await_lock(lock: int, *, shared: bool = False) -> None:
    fcntl.flock(lock, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


@contextmanager
def alone(users: int | None) -> Iterator[bool]:
    """Whether this user of the server is its only one and stays so within the block, also when `users` is closed.

    Who is not may only leave: the lock it had may be lost.
    """
    if users is None:
        yield False
        return
    same = os.dup(users)
    try:
        yield take(same)
    finally:
        os.close(same)


def hand_over(made: Path, account: Account) -> None:
    if account.uid is not None and account.gid is not None:
        os.chown(made, account.uid, account.gid, follow_symlinks=False)


def poll(reached: Callable[[], bool], seconds: float) -> bool:
    """Whether it was reached in time; asked every 10 ms, and once at least."""
    deadline = time.monotonic() + seconds
    while not (done := reached()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return done


@dataclass(frozen=True)
class Cluster:
    """One PostgreSQL: `home/server` holds data, log and socket, and `home` the locks."""

    home: Path
    programs: Path
    account: Account

    @property
    def is_made(self) -> bool:
        return (self.home / "server").exists()

    def run(self, program: str, *arguments: str, lock: int | None = None) -> subprocess.CompletedProcess[str]:
        return run([str(self.programs / program), *arguments], self.account, lock, self.home)

    def answering(self) -> Path | None:
        """The socket's directory, when a server that is ready listens there."""
        lines = self._postmaster()
        if len(lines) < 8 or lines[7].strip() != "ready":
            return None
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(f"{lines[4]}/.s.PGSQL.{lines[3]}")
            except (FileNotFoundError, ConnectionError):
                return None
        return Path(lines[4])

    def is_buried(self) -> bool:
        """A killed server keeps its number until its parent looks; PostgreSQL would take it for alive."""
        try:
            os.kill(abs(int(self._postmaster()[0])), 0)
        except (OSError, IndexError, ValueError):
            return True
        return False

    def _postmaster(self) -> list[str]:
        """What the postmaster wrote of itself: number, data, start, port, socket's directory, ..., state."""
        try:
            return os.fsdecode((self.home / "server/data/postmaster.pid").read_bytes()).splitlines()
        except FileNotFoundError:
            return []

    def stop(self, server_lock: int) -> None:
        """Asked for until the last process is gone; a start or initdb whose caller died ends first."""
        fast_until = time.monotonic() + FAST_SECONDS
        while not take(server_lock):
            if self.is_made:
                self.run(*STOP, "fast" if time.monotonic() < fast_until else "immediate")
            poll(lambda: take(server_lock), seconds=1)


def owner(home: Path) -> Account:
    """As whom the server that is there must run."""
    if os.geteuid() != 0 or not (home / "server").exists():
        return OURSELVES
    found = (home / "server").stat()
    return Account(found.st_uid, found.st_gid, ())


def guard(home: Path, programs: Path, guardian_lock: int) -> None:
    """Detached from whoever started it, until the last user has left and the server with it."""
    if os.fork():
        os._exit(0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    # Both before waiting: who removes a data directory must not find it made again by a guardian that leaves.
    with opened_lock(home / "users.lock") as users, opened_lock(home / "server.lock") as server:
        await_lock(users)
        Cluster(home, programs, owner(home)).stop(server)
        os.close(guardian_lock)  # before users.lock: no new user may count on a guardian that is leaving


if __name__ == "__main__":
    guard(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
