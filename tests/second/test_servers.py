"""This run's own server is the one that was asked for, and gives the service no more than a managed one would."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.core.embedded import Embedded, EmbeddedFailed, start
from tests.servers import ANOTHER_POSTGRES, a_place

pytestmark = pytest.mark.anyio


def test_the_tests_run_on_the_postgresql_that_was_asked_for(cluster: Embedded) -> None:
    programs = ANOTHER_POSTGRES or cluster._cluster.programs
    told = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    made_by = (cluster.home / "server/data/PG_VERSION").read_text().strip()
    assert told.split()[2].startswith(f"{made_by}.")
    assert ANOTHER_POSTGRES or made_by == "18"


async def test_the_owner_has_of_the_powers_on_a_server_only_that_of_making_roles(owner: Any) -> None:
    row = await owner.fetchrow(
        "SELECT rolcreaterole, rolsuper, rolcreatedb, rolbypassrls, rolreplication FROM pg_roles "
        "WHERE rolname = session_user"
    )
    assert tuple(row) == (True, False, False, False, False)


async def test_letters_of_every_language_have_a_lower_case_and_order_by_their_number(owner: Any) -> None:
    """So that searches and pages are alike on every server that the package makes."""
    assert await owner.fetchval("SELECT lower('ÅSA ŁUKASZ ΝΊΚΟΣ')") == "åsa łukasz νίκος".replace("ς", "σ")
    ordered = await owner.fetch("SELECT n FROM unnest(ARRAY['b', 'a', 'Z', 'é', '_']) n ORDER BY n")
    assert [row[0] for row in ordered] == ["Z", "_", "a", "b", "é"]


def test_programs_that_are_not_there_are_told_in_one_sentence(cluster: Embedded) -> None:
    with a_place() as place, pytest.raises(EmbeddedFailed, match="There is no PostgreSQL in /nowhere"):
        start(place, programs=Path("/nowhere"))
