"""The database's roles, policies, functions and triggers: present truth kept beside the slices, not history.

After the last migration, in its transaction and under an advisory lock, everything is revoked, dropped and
made afresh from the slices' `functions.sql` and `policies.sql`; skipped when the files are unchanged.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg

from app.core.actor import Role

APP = Path(__file__).parent.parent
LOCK = 7_203_114_406


class RolesMissing(Exception):
    """The owner of this database may not create roles; an administrator has to, once, with the SQL in `sql`."""

    def __init__(self, sql: str) -> None:
        super().__init__(self.__doc__)
        self.sql = sql


def role_names(prefix: str) -> list[str]:
    """The application roles' names in the cluster."""
    return [prefix + role.value for role in Role]


def files(slices: Sequence[str]) -> list[Path]:
    """Functions of every slice first (policies call them), then policies, each in the order of the house."""
    kinds = ("functions.sql", "policies.sql")
    return [p for kind in kinds for name in slices if (p := APP / name / kind).exists()]


def _prefixed(sql: str, prefix: str) -> str:
    return re.sub(r"\bpm_", prefix, sql)


async def ensure_roles(connection: Any, prefix: str) -> None:
    """Make the login role and the application roles; `RolesMissing` where the owner may not."""
    login = prefix + "api"
    wanted = [login, *role_names(prefix)]
    found = {r["rolname"] for r in await connection.fetch("SELECT rolname FROM pg_roles")}
    member_sql = (
        "SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid "
        "JOIN pg_roles u ON u.oid = m.member WHERE u.rolname = $1"
    )
    members = {r["rolname"] for r in await connection.fetch(member_sql, login)}
    version = await connection.fetchval("SELECT current_setting('server_version_num')::int")
    how = " WITH INHERIT FALSE, SET TRUE" if version >= 160_000 else ""
    statements = [
        f'CREATE ROLE "{name}" '
        + ("LOGIN NOINHERIT NOBYPASSRLS NOCREATEDB NOCREATEROLE" if name == login else "NOLOGIN NOBYPASSRLS")
        for name in wanted
        if name not in found
    ]
    statements += [f'GRANT "{name}" TO "{login}"{how}' for name in role_names(prefix) if name not in members]
    try:
        for statement in statements:
            await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError as error:
        raise RolesMissing(";\n".join(statements) + ";") from error


async def apply(connection: Any, slices: Sequence[str], prefix: str) -> bool:
    """Make functions, triggers, grants and policies what the files say; False when they already were."""
    scripts = _scripts(slices, prefix)
    digest = hashlib.sha256("\0".join(scripts).encode())
    tables = await _tables(connection)
    digest.update(",".join(tables).encode())
    await connection.execute("SET LOCAL lock_timeout = '5s'")
    await connection.execute("SELECT pg_advisory_xact_lock($1)".replace("$1", str(LOCK)))
    await connection.execute("CREATE TABLE IF NOT EXISTS schema_state (digest text NOT NULL)")
    if await connection.fetchval("SELECT digest FROM schema_state") == digest.hexdigest():
        return False
    await _clear(connection, tables, prefix)
    for script in scripts[1:]:
        await connection.execute(script)
    await _house_rules(connection, tables, prefix)
    await connection.execute("TRUNCATE schema_state")
    await connection.execute("INSERT INTO schema_state VALUES ($1)", digest.hexdigest())
    return True


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
    await connection.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {roles}")
    for row in await connection.fetch("SELECT policyname, tablename FROM pg_policies WHERE schemaname = 'public'"):
        await connection.execute(f'DROP POLICY "{row["policyname"]}" ON "{row["tablename"]}"')
    own_views = "SELECT viewname FROM pg_views WHERE schemaname = 'public' AND viewowner = current_user"
    for row in await connection.fetch(own_views):
        await connection.execute(f'DROP VIEW IF EXISTS "{row["viewname"]}" CASCADE')
    for table in tables:
        await connection.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')


async def _house_rules(connection: Any, tables: list[str], prefix: str) -> None:
    """What holds for every table and function: the service role reaches all rows, the login role one function."""
    app_roles = ", ".join(f'"{r}"' for r in role_names(prefix))
    api, service = f'"{prefix}api"', f'"{prefix}service"'
    await connection.execute(
        f"REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO {api}, {app_roles}"
    )
    for table in tables:
        if table in ("audit_entries", "history", "audit_reads", "tombstones"):
            continue
        await connection.execute(
            f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO {service}; '
            f'CREATE POLICY service ON "{table}" TO {service} USING (true) WITH CHECK (true)'
        )
    functions = await connection.fetch(
        "SELECT p.oid::regprocedure::text AS name, p.proname FROM pg_proc p "
        "JOIN pg_roles r ON r.oid = p.proowner "
        "WHERE p.pronamespace = 'public'::regnamespace AND r.rolname = current_user"
    )
    for function in functions:
        await connection.execute(f"REVOKE ALL ON FUNCTION {function['name']} FROM PUBLIC")
        to = api if function["proname"] == "identify" else app_roles
        if function["proname"] != "may_act":
            await connection.execute(f"GRANT EXECUTE ON FUNCTION {function['name']} TO {to}")
