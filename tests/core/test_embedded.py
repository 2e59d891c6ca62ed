"""The embedded PostgreSQL: real servers, real kills; no start loses a row, no end leaves a process."""

import os
import shutil
import signal
import stat
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import pytest

from app.core import embedded_guardian
from app.core.embedded import EmbeddedFailed, OtherMajorVersion, start
from tests.core.embedded_users import (
    a_place,
    address_of,
    ask,
    guardian,
    is_alive,
    postmaster,
    processes,
    sql,
    the,
    until,
    user_of,
)


@pytest.fixture
def place() -> Iterator[Path]:
    with a_place() as made:
        yield made


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A server that each test finds made and leaves stopped, or tells the next one so."""
    with a_place() as made:
        start(made).close()
        yield made


def test_a_first_start_makes_a_durable_server_that_is_not_on_the_network(place: Path) -> None:
    with start(place / "it's a $place", max_connections=23) as server:
        said = [
            ask(server, f"SHOW {name}")
            for name in ("fsync", "data_checksums", "listen_addresses", "max_connections", "server_encoding")
        ]
        assert said == ["on", "on", "", "23", "UTF8"]
        assert (
            ask(server, "SELECT upper('é') || string_agg(n, '' ORDER BY n) FROM unnest('{b,a,Z}'::text[]) n") == "ÉZab"
        )
        assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
    assert not [command for command in processes(place).values() if "bin/postgres" in command]


def test_a_second_start_is_quick_and_has_the_rows_of_the_first(home: Path) -> None:
    with start(home) as server:
        ask(server, "DROP TABLE IF EXISTS kept", "CREATE TABLE kept AS SELECT 7 AS n")
    began = time.monotonic()
    with start(home) as server:
        assert time.monotonic() - began < 2
        assert ask(server, "SELECT n FROM kept") == 7


def test_two_processes_share_a_server_and_the_first_to_leave_does_not_stop_it(home: Path) -> None:
    with user_of(home) as first:
        address = address_of(first)
        with start(home) as server:
            running = postmaster(home)
            assert address == server.dsn("postgres", "postgres")
            first.communicate()  # ends its input, so it leaves in good order
            assert first.returncode == 0
            assert ask(server, "SELECT 1") == 1
            assert postmaster(home) == running


def test_four_first_starts_at_once_end_with_one_server(place: Path) -> None:
    with ExitStack() as stack:
        users = [stack.enter_context(user_of(place)) for _ in range(4)]
        addresses = {address_of(user) for user in users}
        assert len(addresses) == 1
        assert sql(addresses.pop(), "SELECT 1") == 1
        assert is_alive(postmaster(place))
        assert is_alive(guardian(place))


def test_after_kill_9_of_the_server_the_next_start_has_every_committed_row(home: Path) -> None:
    with start(home) as server:
        ask(
            server,
            "DROP TABLE IF EXISTS kept",
            "CREATE TABLE kept (n int)",
            *(f"INSERT INTO kept VALUES ({n})" for n in range(50)),
        )
        os.kill(postmaster(home), signal.SIGKILL)
        with start(home) as again:
            assert ask(again, "SELECT count(*) FROM kept") == 50
            assert again.dsn("a", "b") == server.dsn("a", "b")


def test_after_kill_9_of_the_parent_no_process_stays_and_the_next_start_has_every_committed_row(
    home: Path,
) -> None:
    with user_of(home) as parent:
        address = address_of(parent)
        sql(
            address,
            "DROP TABLE IF EXISTS kept",
            "CREATE TABLE kept (n int)",
            *(f"INSERT INTO kept VALUES ({n})" for n in range(50)),
        )
        before = processes(home)
        assert len(before) > 5
        parent.kill()
        parent.wait()
        until(lambda: not any(is_alive(pid) for pid in before))
    with start(home) as server:
        assert ask(server, "SELECT count(*) FROM kept") == 50


def test_whoever_comes_while_the_server_is_being_stopped_gets_a_running_one(home: Path) -> None:
    for seconds in (0, 0.02, 0.06):
        with user_of(home) as parent:
            address_of(parent)
            parent.kill()
            parent.wait()
        time.sleep(seconds)
        with start(home) as server:
            assert ask(server, "SELECT 1") == 1
            assert is_alive(guardian(home))


def test_a_guardian_that_was_killed_is_replaced_by_the_next_start(home: Path) -> None:
    with user_of(home) as first:
        address_of(first)
        running, lost = postmaster(home), guardian(home)
        os.kill(lost, signal.SIGKILL)
        until(lambda: not is_alive(lost))
        with user_of(home) as second:
            address_of(second)
            assert postmaster(home) == running
            assert guardian(home) != lost
            first.kill()
            second.kill()
            until(lambda: not is_alive(running))


def test_a_server_that_hangs_while_stopping_is_stopped_at_once_and_loses_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_guardian, "FAST_SECONDS", 0.5)
    server = start(home)
    ask(server, "DROP TABLE IF EXISTS kept", "CREATE TABLE kept AS SELECT 7 AS n")
    hanging = the("walwriter", home)
    os.kill(hanging, signal.SIGSTOP)
    threading.Timer(1.5, os.kill, (hanging, signal.SIGCONT)).start()
    server.close()
    assert "immediate shutdown" in (home / "server/log").read_text()
    with start(home) as again:
        assert ask(again, "SELECT n FROM kept") == 7


def test_a_server_whose_making_was_killed_is_made_afresh(place: Path) -> None:
    with user_of(place) as maker:
        until((place / "server.new/data").exists)
        maker.kill()
    with start(place) as server:
        assert ask(server, "SELECT 1") == 1
    assert not (place / "server.new").exists()


def test_data_of_another_major_version_are_refused_with_the_command_that_moves_them(place: Path) -> None:
    start(place).close()
    (place / "server/data/PG_VERSION").write_text("17\n")
    with pytest.raises(OtherMajorVersion, match=r"(?s)PostgreSQL 17.* 18.*peer-support upgrade"):
        start(place)


@pytest.mark.parametrize("name", ["long" * 30, "with, comma"])
def test_a_path_that_is_no_good_for_a_socket_has_it_in_a_private_directory(place: Path, name: str) -> None:
    with start(place / name) as server:
        try:
            assert ask(server, "SELECT 1") == 1
            assert len(bytes(server.socket_dir)) < 80
            assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
            server.close()
            server.socket_dir.chmod(0o755)
            with pytest.raises(EmbeddedFailed, match="is not ours"):
                start(place / name)
        finally:
            shutil.rmtree(server.socket_dir)


def test_the_log_of_the_server_does_not_repeat_what_was_refused(home: Path) -> None:
    with start(home) as server:
        with pytest.raises(asyncpg.UniqueViolationError):
            ask(
                server,
                "CREATE TABLE people (name text UNIQUE)",
                *["INSERT INTO people VALUES ('Ann Other')"] * 2,
            )
        log = (server.home / "server/log").read_text()
    assert "ready to accept connections" in log
    assert "Ann Other" not in log


def test_on_windows_the_refusal_says_what_to_set(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(EmbeddedFailed, match="DATABASE_URL"):
        start(place)
