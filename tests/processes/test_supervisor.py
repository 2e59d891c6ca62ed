"""Processes are kept running, ended in order, and given up when it is hopeless: real ones, without a database."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.core.supervisor import PAUSES, STEADY_SECONDS, Child

ROOT = Path(__file__).parents[2]
BEGINNING = """
import os, signal, sys, time
from pathlib import Path
from app.core import logs, supervisor
from app.core.supervisor import Child, Supervisor
supervisor.PAUSES = (0, 0, 0)
logs.configure('ERROR')
said = lambda word: os.write(1, f"{word}\\n".encode())  # in one piece, whoever else is writing
def stay():
    said(f"begun {os.getpid()}")
    time.sleep(60)
def fail():
    said("failed")
    sys.exit(3)
def stay_whatever_is_said():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stay()
def run(*children, patience=5.0):
    ends = []
    status = Supervisor(children, patience=patience, closing=lambda: said("closing"), on_end=ends.append).run()
    said(f"ended {len(ends)}")
    sys.exit(status)
"""


@contextmanager
def supervised(children: str) -> Iterator[subprocess.Popen[str]]:
    """A parent with these children, gone at the end of the block."""
    command = [sys.executable, "-c", f"{BEGINNING}\nrun({children})"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        try:
            yield parent
        finally:
            parent.kill()


def line(parent: subprocess.Popen[str]) -> str:
    """The next thing that one of them says."""
    assert parent.stdout
    return parent.stdout.readline().strip()


def rest(parent: subprocess.Popen[str]) -> tuple[list[str], int]:
    """What else is said, and how it ended; returns when the last of them has closed its output."""
    said, _ = parent.communicate(timeout=20)
    return said.split("\n")[:-1], parent.returncode


def test_asked_to_stop_it_ends_its_children_and_then_itself() -> None:
    with supervised("Child('a', stay), Child('b', stay)") as parent:
        assert {line(parent)[:5], line(parent)[:5]} == {"begun"}
        parent.terminate()
        assert rest(parent) == (["closing", "ended 2"], 0)


def test_a_child_that_does_not_end_is_killed() -> None:
    with supervised("Child('deaf', stay_whatever_is_said), Child('a', stay), patience=0.3") as parent:
        line(parent), line(parent)
        parent.terminate()
        assert rest(parent) == (["closing", "ended 2"], 1)


def test_a_child_that_fails_again_and_again_ends_it_all() -> None:
    with supervised("Child('a', stay), Child('bad', fail)") as parent:
        said, status = rest(parent)
    assert status == 1
    assert said.count("failed") == 4
    assert said[-2:] == ["closing", "ended 5"]


def test_one_that_others_can_do_without_is_tried_for_ever() -> None:
    with supervised("Child('a', stay), Child('bad', fail, is_needed=False)") as parent:
        said = [line(parent) for _ in range(12)]
        parent.terminate()
        assert rest(parent)[1] == 0
    assert said.count("failed") == 11


def test_children_end_when_their_parent_is_killed() -> None:
    with supervised("Child('a', stay), Child('b', stay)") as parent:
        line(parent), line(parent)
        parent.kill()
        assert rest(parent)[0] == []  # else this would wait until the children end by themselves


def test_a_child_that_hears_nothing_ends_too_when_its_parent_is_killed() -> None:
    with supervised("Child('deaf', stay_whatever_is_said), patience=0.3") as parent:
        line(parent)
        parent.kill()
        assert rest(parent)[0] == []


def test_a_child_that_ran_well_before_is_started_again_at_once() -> None:
    child, now = Child("a", print), time.monotonic()
    for failures, pause in enumerate(PAUSES, 1):
        child.begun_at = now
        assert not child.note_end(now + 1)
        assert child.failure_count == failures
        assert child.due_at == pytest.approx(now + 1 + pause)
    child.begun_at = now
    assert not child.note_end(now + STEADY_SECONDS)
    assert child.due_at == now + STEADY_SECONDS
