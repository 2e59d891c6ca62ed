"""An upgrade backs up first; data that an older PostgreSQL wrote move to the present one, and the old stay."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config

from app import installation
from app.core import embedded, embedded_guardian
from app.core.embedded import OtherMajorVersion
from app.keeping import programs, shelf
from app.keeping import upgrade as upgrading
from app.keeping.connecting import connected, is_in_use
from app.keeping.failures import KeepingFailed
from app.keeping.upgrade import Upgraded, upgrade
from app.settings import Settings
from tests import servers
from tests.keeping.conftest import PRACTICE, Kept, Make, administer, sql

FIFTEEN = programs.OF_THE_SYSTEM / "15/bin"
with_fifteen = pytest.mark.skipif(
    not (FIFTEEN / "initdb").exists(), reason="the programs of PostgreSQL 15 are not here"
)
OWNER = ("CREATE ROLE pm_owner LOGIN CREATEROLE", "CREATE DATABASE peer_support OWNER pm_owner")


def test_an_upgrade_backs_up_before_it_touches_the_tables(install: Make) -> None:
    kept = install(is_empty=True)
    first_version(kept.addresses.owner, "pmt_")
    kept.sql(PRACTICE)
    done = upgrade(kept.settings)
    assert done.backup is not None
    manifest = done.backup.manifest()
    assert manifest is not None
    assert (manifest.revision, manifest.rows["organisations"]) == ("0001", 1)
    assert kept.sql("SELECT version_num > '0001', (SELECT count(*) FROM organisations) FROM alembic_version") == [
        (True, 1)
    ]


def first_version(owner_url: str, prefix: str) -> None:
    """The tables as the first version of the service had them."""
    config = Config(str(installation.ROOT / "alembic.ini"))
    config.set_main_option("script_location", str(installation.ROOT / "migrations"))
    config.attributes.update(owner_url=owner_url, role_prefix=prefix, apply_policies=False)
    command.upgrade(config, "0001")


def test_the_first_upgrade_of_an_empty_database_has_nothing_to_back_up(nothing: Kept) -> None:
    assert upgrade(nothing.settings).backup is None
    assert nothing.sql("SELECT count(*) FROM people") == [(0,)]


def test_without_a_key_for_the_backup_nothing_is_upgraded(install: Make) -> None:
    kept = install(is_empty=True)
    first_version(kept.addresses.owner, "pmt_")
    with pytest.raises(KeepingFailed, match="backup-key"):
        upgrade(kept.settings.model_copy(update={"environment": "production"}))
    assert kept.sql("SELECT version_num FROM alembic_version") == [("0001",)]


@pytest.fixture
def old() -> Iterator[Settings]:
    """An installation whose included server was a PostgreSQL 15, with one practice in it."""
    with servers.a_place() as place:
        settings = Settings(data_dir=place / "data", sealing_keys=("07" * 32,))
        with embedded.start(settings.data_dir, programs=FIFTEEN) as server:
            superuser = server.dsn("postgres", "postgres")
            administer(superuser, *OWNER)
            owner = server.dsn("pm_owner", "peer_support")
            first_version(owner, "pm_")
            sql(owner, PRACTICE)
        yield settings


def test_a_session_of_the_services_login_is_seen_by_the_owner(install: Make) -> None:
    """Who is no superuser is not told what kind of session another role has."""
    kept = install()
    ((name,),) = kept.sql("SELECT current_database()")

    async def is_seen() -> list[bool]:
        async with connected(kept.addresses.owner) as owner:
            before = await is_in_use(owner, name)
            async with connected(kept.addresses.login):
                return [before, await is_in_use(owner, name)]

    assert asyncio.run(is_seen()) == [False, True]


def _upgraded_alone(old: Settings, monkeypatch: pytest.MonkeyPatch) -> Upgraded:
    """Upgraded; from before the backup until the new data are in place nobody could use the old server."""
    could: list[bool] = []

    def watched(step: Callable[..., Any]) -> Callable[..., Any]:
        def do(*given: Any) -> Any:
            users = embedded_guardian.open_lock(old.data_dir / "users.lock")
            could.append(embedded_guardian.take(users, shared=True))
            os.close(users)
            return step(*given)

        return do

    for name in ("back_up", "_copy", "_swap"):
        monkeypatch.setattr(upgrading, name, watched(getattr(upgrading, name)))
    done = upgrade(old)
    assert could == [False, False, False]
    return done


@with_fifteen
def test_data_of_postgresql_15_move_to_the_included_one_and_the_old_are_kept(
    old: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OtherMajorVersion, match="peer-support upgrade"), installation.database(old):
        pass
    with pytest.raises(KeepingFailed, match=r"(?s)apt install postgresql-15.*--old-programs"):
        upgrade(old, tmp_path)
    with embedded.start(old.data_dir, programs=FIFTEEN) as server:
        owner = server.dsn("pm_owner", "peer_support")
        service = Kept(old, installation.Addresses(owner, owner)).open_transaction("SELECT 1")
        with service, pytest.raises(KeepingFailed, match="still running"):
            upgrade(old)

    done = _upgraded_alone(old, monkeypatch)
    assert done.old_data is not None
    assert (done.old_data / "data/PG_VERSION").read_text() == "15\n"
    assert done.backup in shelf.backups(shelf.directory(old))
    with installation.database(old) as addresses:
        asked = "SELECT current_setting('server_version_num')::int / 10000 >= 18, max(name) FROM organisations"
        assert sql(addresses.owner, asked) == [(True, "Plainly Readable Surgery")]
        asyncio.run(installation.refuse_powerful_login(addresses.login, old.role_prefix))
        assert sql(addresses.owner, "SELECT number FROM change_epochs") == [(1,)]
    assert not (old.data_dir / "upgrading").exists()
