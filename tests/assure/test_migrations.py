"""A new version's migrations while the old one is serving: nobody waits long, and one that fails changes nothing."""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from app import installation
from app.core import embedded
from app.main import create_app
from app.settings import Settings
from benchmarks.seed import seed
from scripts.lint_migrations import faults
from tests.assure.migrating import Busy, Locks
from tests.conftest import PREFIX, fresh_database, serving
from tests.factories import World, body_of

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
MIGRATIONS = ROOT / "migrations"
LONGEST_SECONDS = 2.0
REVISION = """
from alembic import op
revision, down_revision, branch_labels, depends_on = 'next', '{newest}', None, None

def upgrade():
    {statements}
"""


def _with_a_next_revision(folder: Path, *statements: str) -> Path:
    """The migrations as they are, and one more after the newest."""
    made = folder / uuid4().hex
    shutil.copytree(MIGRATIONS, made, ignore=shutil.ignore_patterns("__pycache__"))
    newest = ScriptDirectory(str(made)).get_current_head()
    text = REVISION.format(newest=newest, statements="\n    ".join(statements))
    (made / "versions" / "next.py").write_text(text)
    return made


def test_a_migration_that_would_hold_up_a_running_service_is_found_before_it_is_run(tmp_path: Path) -> None:
    assert faults(MIGRATIONS) == ""
    index = "op.execute('CREATE INDEX ix_new ON sessions (place)')"
    assert "require-concurrent-index-creation" in faults(_with_a_next_revision(tmp_path, index))
    rule = "op.execute(\"ALTER TABLE mentees ADD CONSTRAINT ck_new CHECK (status <> 'x')\")"
    assert "constraint-missing-not-valid" in faults(_with_a_next_revision(tmp_path, rule))


async def _schema(owner: Any) -> list[Any]:
    """Everything that a migration could have changed."""
    return [
        await owner.fetch("SELECT version_num FROM alembic_version"),
        await owner.fetch("SELECT * FROM pg_policies ORDER BY tablename, policyname"),
        await owner.fetch(
            "SELECT table_name, column_name, is_nullable, data_type FROM information_schema.columns "
            "WHERE table_schema = 'public' ORDER BY 1, 2"
        ),
        await owner.fetch("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1, 2"),
    ]


@pytest.fixture
def upgraded(cluster: embedded.Embedded, template: str) -> installation.Addresses:
    """A database of its own, to be upgraded."""
    return fresh_database(cluster, template, f"pmt_upgraded_{uuid4().hex[:8]}")


async def test_a_migration_that_fails_half_way_leaves_the_old_version_running_on_what_was(
    upgraded: installation.Addresses, settings: Settings, tmp_path: Path
) -> None:
    folder = _with_a_next_revision(
        tmp_path,
        "op.execute('ALTER TABLE mentees ADD COLUMN new integer')",
        "op.execute('DROP POLICY mentor ON mentees')",
        "op.execute('SELECT 1 / 0')",
    )
    owner = await asyncpg.connect(upgraded.owner)
    app = create_app(settings, upgraded)
    async with serving(app) as http:
        world = await World.make(app, http, owner)
        await world.match()
        before = await _schema(owner)
        with pytest.raises(Exception, match="division by zero"):
            await asyncio.to_thread(installation.migrate, upgraded.owner, PREFIX, folder)
        assert await _schema(owner) == before
        await world.match()
    await owner.close()


async def test_a_migration_gives_up_rather_than_make_everybody_wait_behind_a_long_report(
    upgraded: installation.Addresses, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "MIGRATION_TRIES", 2)
    monkeypatch.setattr(installation, "MIGRATION_PAUSE", 0.0)
    folder = _with_a_next_revision(tmp_path, "op.execute('ALTER TABLE mentees ADD COLUMN new integer')")
    owner = await asyncpg.connect(upgraded.owner)
    app = create_app(settings, upgraded)
    async with serving(app) as http:
        world = await World.make(app, http, owner)
        before = await _schema(owner)
        report = await asyncpg.connect(upgraded.owner)
        async with report.transaction():
            await report.fetch("SELECT 1 FROM mentees")
            migrating = asyncio.create_task(asyncio.to_thread(installation.migrate, upgraded.owner, PREFIX, folder))
            while not migrating.done():
                body_of(await world.coordinator.get("/v1/mentees"))
                await world.enrol()
            with pytest.raises(installation.DatabaseBusy):
                await migrating
        await report.close()
        assert await _schema(owner) == before
        await asyncio.to_thread(installation.migrate, upgraded.owner, PREFIX, folder)
        await owner.fetch("SELECT new FROM mentees")
    await owner.close()


def _to_the_version_before(addresses: installation.Addresses) -> None:
    """The foundation's tables and functions, as the version before this one left them."""
    config = Config(str(ROOT / "alembic.ini"))
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes.update(owner_url=addresses.owner, role_prefix=PREFIX)
    command.downgrade(config, "0001")
    asyncio.run(_run(addresses.owner, (Path(__file__).parent / "before_programmes.sql").read_text()))


async def _run(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _upgrade_under_load(
    addresses: installation.Addresses, superuser: str, settings: Settings, mentees: int
) -> tuple[Busy, Locks]:
    """The foundation brought to the newest version, then all policies made afresh, while people work."""
    seeded = await seed(superuser, mentees)
    await asyncio.to_thread(_to_the_version_before, addresses)
    app = create_app(settings, addresses)
    locks = Locks(superuser, f"{PREFIX}owner")
    async with serving(app) as http:
        busy = Busy(http, seeded, app.state.signing_keys, settings.public_url)
        async with busy.working():
            await asyncio.sleep(0.5)
            async with locks.watched():
                await asyncio.to_thread(installation.migrate, addresses.owner, PREFIX)
                await _run(addresses.owner, "UPDATE schema_state SET digest = ''")
                await asyncio.to_thread(installation.migrate, addresses.owner, PREFIX)
            await asyncio.sleep(0.5)
    print(f"{mentees} mentees: {busy.told()}; {locks.told()}")
    return busy, locks


async def _is_as_new(addresses: installation.Addresses) -> None:
    owner = await asyncpg.connect(addresses.owner)
    caseloads = "SELECT count(*), count(programme_id) FROM access_caseloads"
    every, keyed = await owner.fetchrow(caseloads)
    assert every == keyed > 0
    made = "SELECT count(*) FROM pg_constraint WHERE conname = 'ck_events_programme_named' AND convalidated"
    assert await owner.fetchval(made) == 1
    await owner.close()


async def test_people_work_on_while_a_new_version_migrates(
    upgraded: installation.Addresses, settings: Settings
) -> None:
    superuser = upgraded.owner.replace(f"{PREFIX}owner@", "postgres@")
    busy, locks = await _upgrade_under_load(upgraded, superuser, settings, 200)
    assert busy.failures == []
    assert locks.seen
    await _is_as_new(upgraded)


@pytest.mark.long
async def test_no_lock_is_held_for_two_seconds_while_millions_of_rows_are_migrated(
    upgraded: installation.Addresses, settings: Settings
) -> None:
    superuser = upgraded.owner.replace(f"{PREFIX}owner@", "postgres@")
    mentees = int(os.environ.get("ASSURE_MENTEES") or 100_000)
    busy, locks = await _upgrade_under_load(upgraded, superuser, settings, mentees)
    assert busy.failures == []
    assert locks.longest_held < LONGEST_SECONDS
    assert locks.longest_wait < LONGEST_SECONDS
    await _is_as_new(upgraded)
