"""A database flowing out of pg_dump and into pg_restore, never whole in memory and never open on the disk."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from threading import Thread
from typing import IO

from app.keeping import programs
from app.keeping.failures import KeepingFailed
from app.keeping.programs import Programs

KEPT_BYTES = 65_536


def flow_out(tools: Programs, url: str, take: Callable[[IO[bytes]], object], *options: str) -> None:
    """`take` was given everything that pg_dump says of the database; KeepingFailed unless that was all of it."""
    command = tools.command("pg_dump", "--format=custom", "--no-password", *options)
    shown, environment = programs.connection(url)
    with (
        subprocess.Popen(  # noqa: S603 - PostgreSQL's own program, no shell
            [*command, f"--dbname={shown}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        ) as process,
        _heard(process) as said,
    ):
        assert process.stdout is not None
        try:
            take(process.stdout)
        except BaseException:
            process.kill()
            raise
        if process.wait() != 0:
            raise KeepingFailed(f"PostgreSQL's pg_dump gave up: {_reason(said, tools)}")


class Into:
    """The entrance of a program, which knows whether the program went away."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.is_gone = False

    def write(self, data: bytes) -> int:
        try:
            return self._stream.write(data)
        except OSError:
            self.is_gone = True
            raise

    def flush(self) -> None:
        """Left to `close`, which comes last in any case."""

    def close(self) -> None:
        try:
            self._stream.close()
        except OSError:
            self.is_gone = True
            raise


def flow_in(tools: Programs, url: str, give: Callable[[Into], object]) -> None:
    """What `give` wrote is in the database, all of it in one transaction; when it raises, nothing is.

    Who owns and who may are left out: the owner's login makes everything, and migrating says who may.
    """
    command = tools.command(
        "pg_restore", "--single-transaction", "--no-owner", "--no-privileges", "--no-comments", "--no-password"
    )
    shown, environment = programs.connection(url)
    with (
        subprocess.Popen(  # noqa: S603 - PostgreSQL's own program, no shell
            [*command, f"--dbname={shown}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
        ) as process,
        _heard(process) as said,
    ):
        assert process.stdin is not None
        into = Into(process.stdin)
        try:
            give(into)
            into.close()
        except BaseException:
            if not into.is_gone:
                process.kill()  # before its input ends, which it would take for the end of a whole backup
                with contextlib.suppress(OSError):
                    into.close()
                raise
        if process.wait() != 0 or into.is_gone:
            raise KeepingFailed(f"PostgreSQL's pg_restore gave up: {_reason(said, tools)}")


class _Said(Thread):
    """The beginning of what a program complains of; in memory only, for it may quote rows. The rest is let go by."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self._kept = bytearray()

    def run(self) -> None:
        """Until the program ends, which would otherwise wait for a listener."""
        while data := os.read(self._stream.fileno(), 65_536):
            self._kept += data[: KEPT_BYTES - len(self._kept)]

    def lines(self) -> list[str]:
        """Of a program that has ended."""
        self.join()
        return self._kept.decode(errors="replace").splitlines()


@contextlib.contextmanager
def _heard(process: "subprocess.Popen[bytes]") -> Iterator[_Said]:
    """Listened to until it ends, which at the end of the block it must be about to."""
    assert process.stderr is not None
    said = _Said(process.stderr)
    said.start()
    try:
        yield said
    finally:
        said.join()


def _reason(said: _Said, tools: Programs) -> str:
    """The first complaint, without the rows that may be quoted in it."""
    lines = said.lines()
    first = next((line for line in lines if ": error: " in line), "it said nothing of why.")
    if "SSL support is not compiled in" in first:
        return (
            "the server demands TLS, which the included programs do not speak. Install PostgreSQL's own (on Debian: "
            f"apt install postgresql-client-{tools.major}); they are taken where they are there."
        )
    return first.split(": ERROR:")[0] if "COPY" in first else first
