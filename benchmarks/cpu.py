"""What the server's processes cost: processor seconds of the API and of PostgreSQL, and memory."""

import os
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Spent:
    """Processor seconds, user and system, since the processes began."""

    api: float
    database: float

    def __sub__(self, earlier: "Spent") -> "Spent":
        return Spent(self.api - earlier.api, self.database - earlier.database)


def spent(api_pid: int, postmaster_pid: int) -> Spent:
    """What an API process and all of PostgreSQL have used so far, processes that have ended since included."""
    return Spent(_with_children(api_pid), _with_children(postmaster_pid))


def resident_mb(pid: int) -> float:
    """The process's resident memory in megabytes of 10^6 bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmRSS"))
    return int(kilobytes) * 1024 / 1e6


def postmaster_pid(data: Path) -> int:
    """The first process of the PostgreSQL that has this data directory."""
    return int((data / "postmaster.pid").read_text().split()[0])


def _with_children(pid: int) -> float:
    """A process, its children that have ended (the system adds them up), and those that live."""
    own = _ticks(pid)
    if own is None:
        return 0.0
    living = (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())
    children = [ticks for entry in living if (ticks := _ticks(int(entry.name))) and ticks[0] == pid]
    return (sum(own[1:]) + sum(sum(child[1:]) for child in children)) / TICKS


def _ticks(pid: int) -> tuple[int, int, int, int, int] | None:
    """Parent, then utime, stime, cutime and cstime; nothing for a process that has just gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(fields[1]), *(int(value) for value in fields[11:15])  # type: ignore[return-value]
