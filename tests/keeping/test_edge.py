"""However a command ends, who operates the service reads a sentence, and never a row of somebody's."""

import asyncio
import sys
from collections.abc import Callable

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app import cli
from app.core import embedded
from app.keeping import commands
from app.keeping.failures import KeepingFailed
from app.keeping.pipes import flow_out
from app.keeping.programs import Programs
from app.keeping.upgrade import upgrade
from tests.keeping.conftest import Kept, Make, sql

QUOTING = "SELECT 'Zebedee Quartermaine'::int"


def _by_asyncpg(kept: Kept) -> None:
    sql(kept.addresses.owner, QUOTING)


def _by_sqlalchemy(kept: Kept) -> None:
    async def ask() -> None:
        engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(kept.addresses.owner)
        )
        try:
            async with engine.connect() as connection:
                await connection.execute(text(QUOTING))
        finally:
            await engine.dispose()

    asyncio.run(ask())


def _on_a_newer_database(kept: Kept) -> None:
    kept.sql("UPDATE alembic_version SET version_num = '9999' RETURNING 1")
    upgrade(kept.settings)


@pytest.mark.parametrize(
    ("fails", "words"),
    [
        (_by_asyncpg, "InvalidTextRepresentationError at /keeping/commands.py:"),
        (_by_sqlalchemy, "InvalidTextRepresentationError at /keeping/commands.py:"),
        (_on_a_newer_database, "newer version than this program"),
    ],
)
def test_what_the_database_refuses_is_one_sentence_without_its_words(
    install: Make,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fails: Callable[[Kept], None],
    words: str,
) -> None:
    kept = install()
    monkeypatch.setattr(sys, "argv", ["peer-support", "upgrade"])
    monkeypatch.setattr(commands, "upgrade_installation", lambda *_: fails(kept))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert words in said.err
    assert "Zebedee" not in said.out + said.err
    assert "Traceback" not in said.err


def test_where_the_included_programs_speak_no_tls_it_is_said_what_to_install() -> None:
    included = Programs(18, embedded.included_programs())
    with pytest.raises(KeepingFailed, match="apt install postgresql-client-18"):
        flow_out(included, "postgresql://pm_owner@127.0.0.1:1/peer_support?sslmode=require", lambda _: None)
