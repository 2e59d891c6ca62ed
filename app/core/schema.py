"""The database's roles, policies, functions and triggers: present truth kept beside the slices, not history.

After the last migration, in its transaction and under an advisory lock, policies, views and grants are dropped
and made afresh from the slices' `functions.sql` and `policies.sql`, and functions and triggers that no file makes
any more are dropped; skipped when the files are unchanged. The schema `public` of this database is the service's.
"""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg

from app.core.actor import Role

APP = Path(__file__).parent.parent
LOCK = 7_203_114_406
TURN_PAUSE = 0.2  # seconds between asking whether another command has done
DOOR = "access_memberships"
"""The table that every caller's transaction reads in its first statement, `identify`, and holds to its end."""


class RolesMissing(Exception):
    """The owner of this database may not create roles; an administrator has to, once, with the SQL in `sql`."""

    def __init__(self, sql: str) -> None:
        super().__init__(self.__doc__)
        self.sql = sql


class LoginTooPowerful(Exception):
    """The API's login may do more than speak for its callers, so a mistake could show everything to everybody."""


def role_names(prefix: str) -> list[str]:
    """The application roles' names in the cluster."""
    return [prefix + role.value for role in Role]


def files(slices: Sequence[str]) -> list[Path]:
    """Functions of every slice first (policies call them), then policies, each in the order of the house."""
    kinds = ("functions.sql", "policies.sql")
    return [p for kind in kinds for name in slices if (p := APP / name / kind).exists()]


def _prefixed(sql: str, prefix: str) -> str:
    return re.sub(r"\bpm_", prefix, sql)


async def take_turn(connection: Any, lock: str) -> None:
    """Two commands may come at once: the later one goes on when the earlier one has done.

    It asks again and again. A statement that waited would be taken for one still reading by an index being built
    meanwhile, and the two would wait for each other.
    """
    while True:
        if await connection.fetchval(f"SELECT {lock}({LOCK})"):
            return
        await asyncio.sleep(TURN_PAUSE)


async def ensure_roles(connection: Any, prefix: str) -> None:
    """Make the login role and the application roles; `RolesMissing` where the owner may not."""
    async with connection.transaction():
        await take_turn(connection, "pg_try_advisory_xact_lock")
        statements = await _role_statements(connection, prefix)
        try:
            await _run(connection, statements)
        except asyncpg.InsufficientPrivilegeError as error:
            raise RolesMissing(";\n".join(statements) + ";") from error


async def _role_statements(connection: Any, prefix: str) -> list[str]:
    """What is missing of the roles, and the login's membership in roles of ours that there are no more."""
    login, ours = prefix + "api", role_names(prefix)
    found = {r["rolname"] for r in await connection.fetch("SELECT rolname FROM pg_roles")}
    member_sql = (
        "SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid "
        "JOIN pg_roles u ON u.oid = m.member WHERE u.rolname = $1"
    )
    members = {r["rolname"] for r in await connection.fetch(member_sql, login)}
    version = await connection.fetchval("SELECT current_setting('server_version_num')::int")
    how = " WITH INHERIT FALSE, SET TRUE" if version >= 160_000 else ""
    login_sql = f'CREATE ROLE "{login}" LOGIN NOINHERIT NOBYPASSRLS NOCREATEDB NOCREATEROLE'
    gone = sorted(name for name in members - set(ours) if name.startswith(prefix))
    return [
        *([] if login in found else [login_sql]),
        *(f'CREATE ROLE "{name}" NOLOGIN NOBYPASSRLS' for name in ours if name not in found),
        *(f'GRANT "{name}" TO "{login}"{how}' for name in ours if name not in members),
        *(f'REVOKE "{name}" FROM "{login}"' for name in gone),
    ]


# Each is a sentence's end; "itself" is without having said for whom.
POWERS = """SELECT r.rolname,
  r.rolsuper AS "is a superuser",
  r.rolbypassrls AS "passes row security by",
  r.rolcreaterole AS "may make roles and give them",
  bool_or(pg_has_role(r.oid, c.relowner, 'MEMBER')) AS "owns the service's tables or may become their owner",
  bool_or(has_any_column_privilege(r.rolname, c.oid, 'SELECT, INSERT, UPDATE')
    OR has_table_privilege(r.rolname, c.oid, 'DELETE, TRUNCATE')) AS "reaches the service's tables by itself"
FROM pg_roles r LEFT JOIN pg_class c ON c.relname = ANY ($1) AND c.relnamespace = 'public'::regnamespace
WHERE r.rolname = session_user GROUP BY r.rolname, r.rolsuper, r.rolbypassrls, r.rolcreaterole"""


async def refuse_powerful_login(connection: Any, prefix: str) -> None:
    """Refuse to serve with a login that row security would not hold: `LoginTooPowerful` says why and what to do."""
    async with connection.transaction():
        login, *powers = (await connection.fetchrow(POWERS, await _tables(connection))).items()
    for power, has_it in powers:
        if has_it:
            raise LoginTooPowerful(
                f'The API\'s login "{login[1]}" {power}, so row security would not hold. Let DATABASE_URL name the '
                f'login "{prefix}api" (LOGIN NOINHERIT, granted nothing but the service\'s roles) and '
                "DATABASE_OWNER_URL the owner."
            )


async def apply(connection: Any, slices: Sequence[str], prefix: str) -> bool:
    """Make functions, triggers, grants and policies what the files say; False when they already were."""
    scripts = _scripts(slices, prefix)
    digest = hashlib.sha256("\0".join(scripts).encode())
    tables = await _tables(connection)
    digest.update(",".join(tables).encode())
    await connection.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
    await connection.execute("CREATE TABLE IF NOT EXISTS schema_state (digest text NOT NULL)")
    if await connection.fetchval("SELECT digest FROM schema_state") == digest.hexdigest():
        return False
    await _lock(connection, tables)
    await _clear(connection, tables, prefix)
    before = await _code(connection)
    for script in scripts[1:]:
        await connection.execute(script)
    await _drop_what_left(connection, before)
    await _house_rules(connection, tables, prefix)
    await connection.execute("TRUNCATE schema_state")
    await connection.execute("INSERT INTO schema_state VALUES ($1)", digest.hexdigest())
    return True


async def _lock(connection: Any, tables: list[str]) -> None:
    """All tables or, for now, none: who waits for one while holding others makes the whole service wait.

    The door first: it waits for those who are at work and need nothing that is held here, and keeps new ones where
    they hold nothing yet. Given up before PostgreSQL looks for a deadlock (1 s), which could end a caller's
    transaction instead of ours; `installation.migrate` then tries again, holding nothing meanwhile.
    """
    names = ", ".join(f'"{table}"' for table in sorted(tables, key=lambda table: table != DOOR))
    await connection.execute("SET LOCAL lock_timeout = '500ms'")
    await connection.execute(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")


async def _run(connection: Any, statements: list[str]) -> None:
    """In one message: each round trip would lengthen what is held."""
    if statements:
        await connection.execute(";\n".join(statements))


def _scripts(slices: Sequence[str], prefix: str) -> list[str]:
    """This file's own text, whose change must be noticed too, and what the slices' files say."""
    return [Path(__file__).read_text(), *(_prefixed(path.read_text(), prefix) for path in files(slices))]


async def _tables(connection: Any) -> list[str]:
    rows = await connection.fetch(
        "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' "
        "AND c.relname NOT IN ('alembic_version', 'schema_state') ORDER BY 1"
    )
    return [row["relname"] for row in rows]


async def _clear(connection: Any, tables: list[str], prefix: str) -> None:
    roles = ", ".join(f'"{r}"' for r in [prefix + "api", *role_names(prefix)])
    policies = await connection.fetch("SELECT policyname, tablename FROM pg_policies WHERE schemaname = 'public'")
    views = await connection.fetch(
        "SELECT viewname FROM pg_views WHERE schemaname = 'public' AND viewowner = current_user"
    )
    statements = [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {roles}",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {roles}",
        *(f'DROP POLICY "{row["policyname"]}" ON "{row["tablename"]}"' for row in policies),
        *(f'DROP VIEW IF EXISTS "{row["viewname"]}" CASCADE' for row in views),
        *(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY' for table in tables),
    ]
    await _run(connection, statements)


# What an extension brought is not ours, whoever owns it.
ROUTINES = """FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.proowner = current_user::regrole
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"""
CODE = f"""SELECT format('TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass) AS name, t.ctid::text || t.xmin AS made
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relowner = current_user::regrole AND NOT t.tgisinternal
UNION ALL SELECT 'ROUTINE ' || p.oid::regprocedure, p.ctid::text || p.xmin {ROUTINES}"""


async def _code(connection: Any) -> dict[str, str]:
    """Our triggers and functions, each with a mark that changes whenever it is made again."""
    return {row["name"]: row["made"] for row in await connection.fetch(CODE)}


async def _drop_what_left(connection: Any, before: dict[str, str]) -> None:
    """What was there and no file has made again has left the files; triggers before their functions."""
    now = await _code(connection)
    left = [name for name, made in before.items() if now.get(name) == made]
    await _run(connection, [f"DROP {name}" for name in sorted(left, reverse=True)])


async def _house_rules(connection: Any, tables: list[str], prefix: str) -> None:
    """What holds for every table and function: the service role reaches all rows, the login role one function."""
    app_roles = ", ".join(f'"{r}"' for r in role_names(prefix))
    api, service = f'"{prefix}api"', f'"{prefix}service"'
    statements = [
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {api}, {app_roles}",
    ]
    for table in tables:
        if table not in ("audit_entries", "history", "audit_reads", "tombstones"):
            statements += [
                f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO {service}',
                f'CREATE POLICY service ON "{table}" TO {service} USING (true) WITH CHECK (true)',
            ]
    for row in await connection.fetch(f"SELECT p.oid::regprocedure::text AS name, p.proname {ROUTINES}"):
        to = api if row["proname"] == "identify" else app_roles
        statements.append(f"REVOKE ALL ON ROUTINE {row['name']} FROM PUBLIC, {api}, {app_roles}")
        if row["proname"] != "may_act":
            statements.append(f"GRANT EXECUTE ON ROUTINE {row['name']} TO {to}")
    await _run(connection, statements)
