"""The measurement runs from an empty directory to its table; what it finds there is nobody's business here."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import installation

pytestmark = pytest.mark.long
KINDS = {"get", "list", "list without count", "post"}


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Somewhere PostgreSQL's account reaches, which pytest's own directories are not."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o711)
        yield Path(directory)


def run(module: str, home: Path, *arguments: str) -> str:
    """What the command says; it must end well."""
    command = [sys.executable, "-m", module, "--rows", "300", "--home", str(home), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=installation.ROOT, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_measurement_seeds_asks_everybody_and_says_what_is_met(home: Path) -> None:
    said = run("benchmarks.run", home, "--rounds", "1", "--seconds", "0.3", "--requests", "500", "--markdown")
    assert "| GET one: throughput |" in said
    results = json.loads((home / "300/results.json").read_text())
    asked = {(one["variant"], one["request"]) for one in results["measures"]}
    assert asked == {(v, k) for v in ("plain", "plain_async") for k in KINDS} | {
        ("ours", k) for k in KINDS - {"list without count"}
    }
    for one in results["measures"]:
        assert set(one["statuses"]) == {"201" if one["request"] == "post" else "200"}, one
    assert len(results["checks"]) == 15


def test_under_twice_its_load_nothing_breaks(home: Path) -> None:
    assert "answers 500 or none" in run("benchmarks.overload", home, "--seconds", "3")


def test_a_profile_names_packages(home: Path) -> None:
    assert "asyncpg" in run("benchmarks.run", home, "--profile", "--seconds", "0.5")
