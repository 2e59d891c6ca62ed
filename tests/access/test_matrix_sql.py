"""Role by table by relation, as bare SQL: what row security leaves to everybody when no service stands between."""

import os
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from app import installation
from app.core import clock
from app.core.actor import Role
from app.tables import metadata
from tests.access.acting import OUTSIDE, acting, identity
from tests.access.dangerous import DENIED, REFUSED, SHUT_OUT, STATEMENTS, Statement
from tests.access.relations import RELATIONS
from tests.access.scene import Scene
from tests.conftest import PREFIX

pytestmark = pytest.mark.anyio

EXPECTED = Path(__file__).parent / "expected_rows.txt"
MEMBERS = "(SELECT account_id FROM access_memberships WHERE programme_id = $1)"
PEOPLE = "(SELECT person_id FROM mentees WHERE programme_id = $1)"

# Which rows of a table without programme_id belong to the target's programme.
ROWS = {
    "programmes": "id = $1",
    "people": f"id IN {PEOPLE}",
    "people_identifiers": f"person_id IN {PEOPLE}",
    "organisations": "id IN (SELECT organisation_id FROM access_memberships WHERE programme_id = $1)",
    "accounts": f"id IN {MEMBERS}",
    "accounts_credentials": f"account_id IN {MEMBERS}",
    "accounts_password_links": f"account_id IN {MEMBERS}",
    "access_sign_ins": f"account_id IN {MEMBERS}",
    "access_refresh_tokens": f"sign_in_id IN (SELECT id FROM access_sign_ins WHERE account_id IN {MEMBERS})",
    "access_used_jtis": f"client_id IN {MEMBERS}",
    "access_tries": "$1::uuid IS NOT NULL AND bucket = 'matrix'",
    "clients": f"id IN {MEMBERS}",
    "clock": "$1::uuid IS NULL",
    "jobs": "$1::uuid IS NOT NULL AND name = 'matrix'",
    "change_epochs": "$1::uuid IS NULL",
    "fhir_messages": "referral_id IN (SELECT id FROM referrals WHERE programme_id = $1)",
    "idempotent_answers": f"actor_id IN {MEMBERS}",
    "audit_reads": f"actor_id IN {MEMBERS}",
}
PRIVILEGES = (
    "SELECT c.relname AS table, has_table_privilege(c.oid, 'DELETE') AS deletes, "
    "has_any_column_privilege(c.oid, 'INSERT') AS inserts, has_any_column_privilege(c.oid, 'SELECT') AS selects, "
    "has_any_column_privilege(c.oid, 'UPDATE') AS updates, (SELECT a.attname FROM pg_attribute a "
    "WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
    "AND has_column_privilege(c.oid, a.attnum, 'UPDATE') AND has_column_privilege(c.oid, a.attnum, 'SELECT') "
    "ORDER BY a.attnum LIMIT 1) AS column "
    "FROM pg_class c WHERE c.relname = ANY($1) AND c.relnamespace = 'public'::regnamespace"
)


@pytest.fixture(scope="module")
async def quiet(app: FastAPI, http: httpx.AsyncClient, owner: Any, anyio_backend: str) -> Scene:
    """A scene in which nothing happens, so that rows can be counted; with a row in every table of sign-ins."""
    scene = await Scene.make(app, http, owner)
    mentor, client, soon = scene.callers["mentor/own"], scene.callers["client/own"], clock.true_now()
    given = {"account_id": mentor.id}
    await scene.world.insert("accounts_credentials", given | {"password_hash": "x"})
    await scene.world.insert("accounts_password_links", given | {"token_hash": str(mentor.id), "expires_at": soon})
    tokens = {"sign_in_id": mentor.sign_in_id, "token_hash": str(mentor.id), "expires_at": soon}
    await scene.world.insert("access_refresh_tokens", tokens)
    await scene.world.insert("access_used_jtis", {"client_id": client.id, "jti_hash": "x", "expires_at": soon})
    await owner.execute("DELETE FROM access_tries WHERE bucket = 'matrix'")
    await owner.execute("DELETE FROM jobs WHERE name = 'matrix'")
    await scene.world.insert("jobs", {"name": "matrix", "every_seconds": 60, "due_at": soon})
    await scene.world.insert("access_tries", {"bucket": "matrix", "window_at": soon, "count": 1})
    return scene


@pytest.fixture(scope="module")
async def login(addresses: installation.Addresses, anyio_backend: str) -> AsyncIterator[Any]:
    """A connection with the API's own login."""
    connection = await asyncpg.connect(addresses.login)
    yield connection
    await connection.close()


async def target_rows(scene: Scene) -> dict[str, list[Any]]:
    """The ids of the target programme's rows, table by table."""
    rows = {}
    for name, table in metadata.tables.items():
        condition = "programme_id = $1" if "programme_id" in table.columns else ROWS.get(name)
        if condition is None:
            pytest.fail(f"{name}: say in ROWS of tests/access/test_matrix_sql.py which rows belong to a programme.")
        found = await scene.world.owner.fetch(f'SELECT id FROM "{name}" WHERE {condition}', scene.world.programme_id)
        rows[name] = [row["id"] for row in found]
    return rows


async def count(login: Any, sql: str, ids: list[Any]) -> str:
    """How many of the rows a change reaches, or why it reaches none."""
    change = login.transaction()
    await change.start()
    try:
        return how_many(int((await login.execute(sql, ids)).split()[-1]), ids)
    except asyncpg.InsufficientPrivilegeError:
        return "refused"
    except asyncpg.ForeignKeyViolationError:
        return "kept"
    finally:
        await change.rollback()


def how_many(found: int, ids: list[Any]) -> str:
    """`all` in place of a number that changes with every row a verb may come to add."""
    return "all" if found == len(ids) > 0 else str(found)


async def cell(login: Any, may: Any, ids: list[Any]) -> str:
    """What somebody reaches of a table, in words; empty where nothing."""
    table, column, told = may["table"], may["column"], []
    if may["selects"]:
        seen = await login.fetch(f'SELECT id FROM "{table}" WHERE id = ANY($1)', ids)
        told.append(f"sees {how_many(len(seen), ids)}")
    if column:
        change = f'UPDATE "{table}" SET "{column}" = "{column}" WHERE id = ANY($1)'
        told.append(f"changes {await count(login, change, ids)}")
    elif may["updates"]:
        told.append("changes what it cannot see")
    if may["deletes"]:
        change = f'DELETE FROM "{table}" WHERE id = ANY($1)'
        told.append(f"deletes {await count(login, change, ids)}")
    return ", ".join([*told, *(["adds"] if may["inserts"] else [])])


async def reached(login: Any, scene: Scene, who: str, rows: dict[str, list[Any]]) -> dict[str, str]:
    """What this relation reaches of every table."""
    try:
        async with acting(login, identity(scene, who)):
            privileges = await login.fetch(PRIVILEGES, list(rows))
            return {may["table"]: await cell(login, may, rows[may["table"]]) for may in privileges}
    except asyncpg.PostgresError as error:
        if error.sqlstate != "PS401":
            raise
        return dict.fromkeys(rows, SHUT_OUT)


async def page_of(login: Any, scene: Scene) -> str:
    """The whole matrix as text: a table, what is reached of the target's rows, and by whom."""
    rows = await target_rows(scene)
    answers = {who: await reached(login, scene, who, rows) for who in [*RELATIONS, *OUTSIDE]}
    lines = ["What is reached of the rows of one programme, table by table; nobody else reaches any.", ""]
    for table in sorted(rows):
        by_answer: dict[str, list[str]] = defaultdict(list)
        for who, answer in answers.items():
            if answer[table] not in ("", SHUT_OUT):
                by_answer[answer[table]].append(who)
        lines.append(table)
        for told, whom in sorted(by_answer.items(), reverse=True):
            lines += [f"  {told}", f"      {', '.join(whom)}"]
    shut_out = [who for who, answer in answers.items() if set(answer.values()) == {SHUT_OUT}]
    return "\n".join([*lines, "", SHUT_OUT, f"      {', '.join(shut_out)}"]) + "\n"


async def test_everybody_reaches_the_rows_of_every_table_that_the_page_says(login: Any, quiet: Scene) -> None:
    made = await page_of(login, quiet)
    if os.environ.get("UPDATE_EXPECTED"):
        EXPECTED.write_text(made)
    assert made == EXPECTED.read_text(), "review the difference, then UPDATE_EXPECTED=1 writes the page anew"


async def answer_of(login: Any, quiet: Scene, statement: Statement) -> int | str:
    """The number a statement gives or changes, or how it is refused."""
    sql = statement.sql.format_map(quiet.ids | quiet.spare)
    try:
        async with acting(login, identity(quiet, statement.who)):
            if sql.startswith("SELECT"):
                found = await login.fetchval(sql)
                return found if isinstance(found, int) else str(found)
            return int((await login.execute(sql)).split()[-1])
    except asyncpg.PostgresError as error:
        known = (DENIED, REFUSED, SHUT_OUT)
        return next((answer for answer in known if answer in str(error)), str(error))


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda s: s.sentence)
async def test_a_dangerous_statement_is_answered_as_written_by_hand(
    login: Any, quiet: Scene, statement: Statement
) -> None:
    assert await answer_of(login, quiet, statement) == statement.answer


async def test_the_login_reads_no_table_before_it_has_said_who_asks(login: Any) -> None:
    for table in metadata.tables:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match=DENIED):
            await login.fetch(f'SELECT 1 FROM "{table}"')


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.MENTOR}))
async def test_nobody_becomes_a_role_it_does_not_hold(login: Any, quiet: Scene, role: Role) -> None:
    with pytest.raises(asyncpg.PostgresError) as refused:
        async with acting(login, identity(quiet, "mentor/own", role)):
            pass
    assert refused.value.sqlstate == "PS401"


async def test_a_sign_in_of_one_account_does_not_serve_another(login: Any, quiet: Scene) -> None:
    asked = list(identity(quiet, "mentor/own"))
    asked[3] = str(quiet.callers["mentor/fellow"].sign_in_id)
    with pytest.raises(asyncpg.PostgresError) as refused:
        async with acting(login, tuple(asked)):
            pass
    assert refused.value.sqlstate == "PS401"


KEPT_FOR_GOOD = {
    "audit_entries": set(),
    "audit_reads": set(),
    "history": set(),
    "tombstones": set(),
    # the service itself must be able to erase a person
    "events": {Role.SERVICE},
    "consents": {Role.SERVICE},
}


@pytest.mark.parametrize("table", KEPT_FOR_GOOD)
async def test_what_was_done_said_or_consented_to_is_changed_and_deleted_by_nobody(owner: Any, table: str) -> None:
    able = {
        role
        for role in Role
        if await owner.fetchval(
            "SELECT has_table_privilege($1, $2, 'DELETE, TRUNCATE') OR has_any_column_privilege($1, $2, 'UPDATE')",
            PREFIX + role.value,
            table,
        )
    }
    assert able == KEPT_FOR_GOOD[table]


READERS = ["coordinator/own", "mentor/own", "referrer/own", "analyst/own", "client/own"]


@pytest.mark.parametrize("column", ["actor_id", "actor_kind", "actor_name", "at", "role", "operation", "request_id"])
@pytest.mark.parametrize("who", READERS)
async def test_nobody_chooses_in_whose_name_a_read_is_noted(login: Any, quiet: Scene, who: str, column: str) -> None:
    claimed = Statement(
        "", who, f"INSERT INTO audit_reads (shape, ids, {column}) VALUES ('X', '{{{{}}}}', NULL)", DENIED
    )
    assert await answer_of(login, quiet, claimed) == DENIED


@pytest.mark.parametrize("who", READERS)
async def test_a_read_is_noted_in_the_readers_own_name(login: Any, quiet: Scene, who: str) -> None:
    noted = Statement("", who, "INSERT INTO audit_reads (shape, ids) VALUES ('X', '{{}}')", 1)
    assert await answer_of(login, quiet, noted) == 1
