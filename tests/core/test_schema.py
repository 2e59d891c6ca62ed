"""What the database lets whom do is what the files say: all of it, nothing that once stood there, and no login more."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from app import installation, serving
from app.core import embedded, schema
from app.tables import SLICES
from tests.conftest import PREFIX, fresh_database, make_settings

pytestmark = pytest.mark.anyio

RULES = """
SELECT 'policy', tablename, policyname, coalesce(qual, '') || coalesce(with_check, ''), roles::text
FROM pg_policies WHERE schemaname = 'public'
UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), ''
FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'routine', oid::regprocedure::text, prosrc, coalesce(proacl::text, ''), ''
FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 'relation', c.relname, c.relrowsecurity::text, coalesce(c.relacl::text, ''),
  (SELECT coalesce(string_agg(a.attname || a.attacl::text, ' ' ORDER BY a.attnum), '')
   FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL)
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'S')
"""
LEFTOVERS = f"""
CREATE FUNCTION left_over(uuid) RETURNS uuid LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION left_behind() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER b_left BEFORE UPDATE ON mentees FOR EACH ROW EXECUTE FUNCTION left_behind();
CREATE TRIGGER b_misplaced BEFORE UPDATE ON goals FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE POLICY left_open ON mentees TO {PREFIX}analyst USING (true);
CREATE VIEW left_view AS SELECT id FROM mentees;
ALTER TABLE goals DISABLE ROW LEVEL SECURITY;
GRANT SELECT ON mentees, left_view TO {PREFIX}api;
GRANT SELECT (id) ON people_identifiers TO {PREFIX}mentor;
GRANT EXECUTE ON FUNCTION may_act TO {PREFIX}api;
GRANT EXECUTE ON FUNCTION my_programmes TO PUBLIC;
TRUNCATE schema_state
"""


@pytest.fixture
def copy(cluster: embedded.Embedded, template: str) -> Iterator[installation.Addresses]:
    """A database of one's own, as migrated."""
    name = f"{PREFIX}schema"
    yield fresh_database(cluster, template, name)
    asyncio.run(_as(template, f'DROP DATABASE "{name}" WITH (FORCE)'))


async def _as(url: str, sql: str) -> None:
    async with _connected(url) as connection:
        await connection.execute(sql)


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def _rules(connection: Any) -> set[tuple[Any, ...]]:
    return {tuple(row) for row in await connection.fetch(RULES)}


async def _apply(connection: Any) -> bool:
    async with connection.transaction():
        return await schema.apply(connection, SLICES, PREFIX)


async def test_what_has_left_the_files_leaves_the_database(copy: installation.Addresses) -> None:
    async with _connected(copy.owner) as connection:
        wanted = await _rules(connection)
        assert not await _apply(connection)
        await connection.execute(LEFTOVERS)
        assert await _rules(connection) != wanted
        assert await _apply(connection)
        assert await _rules(connection) == wanted


async def test_what_extensions_brought_stays_whoever_owns_it(
    cluster: embedded.Embedded, copy: installation.Addresses
) -> None:
    brought = "similarity(text, text)"
    await _as(cluster.dsn("postgres", f"{PREFIX}schema"), f"ALTER FUNCTION {brought} OWNER TO {PREFIX}owner")
    async with _connected(copy.owner) as connection:
        await connection.execute("TRUNCATE schema_state")
        assert await _apply(connection)
        assert await connection.fetchval(f"SELECT has_function_privilege('{PREFIX}api', '{brought}', 'EXECUTE')")


async def test_rules_that_cannot_change_behind_a_long_report_let_the_service_go_on(
    copy: installation.Addresses,
) -> None:
    async with _connected(copy.owner) as report, _connected(copy.owner) as service, _connected(copy.owner) as change:
        await report.execute("BEGIN; SELECT count(*) FROM mentees")
        await change.execute("TRUNCATE schema_state")
        changing = asyncio.create_task(_apply(change))
        await service.execute("SET lock_timeout = '900ms'")
        for _ in range(4):
            await service.fetch("SELECT count(*) FROM accounts, goals, mentees")
            await asyncio.sleep(0.2)
        with pytest.raises(asyncpg.LockNotAvailableError):
            await changing
        await report.execute("COMMIT")
        assert await _apply(change)


# The login

POWERS = [
    ("SUPERUSER", "is a superuser"),
    ("BYPASSRLS", "passes row security by"),
    ("CREATEROLE", "may make roles"),
    (f"IN ROLE {PREFIX}owner", "owns the service's tables"),
    (f"IN ROLE {PREFIX}mentor", "reaches the service's tables by itself"),
]


@pytest.mark.parametrize(("power", "words"), POWERS)
async def test_a_login_that_could_do_more_than_speak_for_its_callers_is_refused(
    addresses: installation.Addresses, template: str, power: str, words: str
) -> None:
    login = f"{PREFIX}{re.sub(' .*_', '_', power).lower()}"
    await _as(template, f"DROP ROLE IF EXISTS {login}; CREATE ROLE {login} LOGIN {power}")
    with pytest.raises(schema.LoginTooPowerful, match=re.escape(f'"{login}" {words}')) as refused:
        await installation.refuse_powerful_login(addresses.owner.replace(f"{PREFIX}owner", login), PREFIX)
    assert f'"{PREFIX}api"' in str(refused.value)
    await _as(template, f"DROP ROLE {login}")


async def test_the_owner_is_refused_as_login_and_the_apis_own_is_not(addresses: installation.Addresses) -> None:
    with pytest.raises(schema.LoginTooPowerful):
        await installation.refuse_powerful_login(addresses.owner, PREFIX)
    await installation.refuse_powerful_login(addresses.login, PREFIX)


def test_nothing_is_served_with_the_owners_login(addresses: installation.Addresses, signing_key: str) -> None:
    settings = make_settings(signing_key, database_url=addresses.owner)
    with pytest.raises(schema.LoginTooPowerful):
        serving.ready(settings, installation.Addresses(addresses.owner, addresses.owner))


async def test_the_login_keeps_no_role_that_the_service_has_no_more(
    copy: installation.Addresses, template: str
) -> None:
    """Roles belong to the server, so another name is used than the other tests' roles have."""
    async with _connected(copy.owner) as owner:
        await owner.execute(f"CREATE ROLE {PREFIX}former; GRANT {PREFIX}former TO {PREFIX}api")
        await schema.ensure_roles(owner, PREFIX)
        assert not await owner.fetchval(f"SELECT pg_has_role('{PREFIX}api', '{PREFIX}former', 'MEMBER')")
        await owner.execute(f"DROP ROLE {PREFIX}former")
