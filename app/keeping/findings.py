"""What the doctor found: one thing looked at, how it is, and what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How serious it is."""

    OK = "ok"
    LOOK = "look"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor."""

    check: str
    level: Level
    words: str
    todo: str = ""


def ok(check: str, words: str) -> Finding:
    """Nothing to do."""
    return Finding(check, Level.OK, words)


def look(check: str, words: str, todo: str) -> Finding:
    """Nothing is broken, and somebody should look."""
    return Finding(check, Level.LOOK, words, todo)


def bad(check: str, words: str, todo: str) -> Finding:
    """Something is broken, or will be soon."""
    return Finding(check, Level.BAD, words, todo)
