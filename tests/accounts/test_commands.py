"""Accounts and machine clients by the command line."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from app import installation
from app.accounts.commands import accounts_app, clients_app
from app.settings import Settings
from tests.accounts.people import System, somebody

PREFIX = "pmt_"


@pytest.fixture(autouse=True)
def _installed(addresses: installation.Addresses, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of an operator of the tests' database."""
    monkeypatch.setenv("DATABASE_URL", addresses.login)
    monkeypatch.setenv("DATABASE_OWNER_URL", addresses.owner)
    monkeypatch.setenv("PEER_SUPPORT_ROLE_PREFIX", PREFIX)


def account(*words: str) -> Result:
    return CliRunner().invoke(accounts_app, list(words))


def client(*words: str) -> Result:
    return CliRunner().invoke(clients_app, list(words))


def done(result: Result) -> str:
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def rows(addresses: installation.Addresses, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    async def ask() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(addresses.owner)
        try:
            return [tuple(row) for row in await connection.fetch(sql, *values)]
        finally:
            await connection.close()

    return asyncio.run(ask())


ROLES = (
    "SELECT m.role, m.programme_id FROM access_memberships m JOIN accounts a ON a.id = m.account_id "
    "WHERE a.email = $1 ORDER BY m.role"
)


def test_the_first_coordinator_is_made_without_a_programme(addresses: installation.Addresses) -> None:
    email = somebody()
    said = done(account("create", email, "--name", "Sam Coordinator", "--role", "coordinator"))
    assert "/set-password#token=" in said
    assert rows(addresses, ROLES, email) == [("coordinator", None)]
    sql = (
        "SELECT DISTINCT actor_kind, actor_name FROM audit_entries e JOIN accounts a ON a.id = e.row_id "
        "WHERE email = $1"
    )
    assert rows(addresses, sql, email) == [("job", "command-line")]


def test_the_command_line_gives_roles_of_the_house_and_takes_them(addresses: installation.Addresses) -> None:
    email = somebody()
    done(account("create", email, "--name", "Sam", "--role", "governance", "--role", "safeguarding"))
    done(account("give", email, "--role", "exporter"))
    assert [role for role, _ in rows(addresses, ROLES, email)] == ["exporter", "governance", "safeguarding"]
    sql = (
        "SELECT m.id::text FROM access_memberships m JOIN accounts a ON a.id = m.account_id "
        "WHERE a.email = $1 AND m.role = 'exporter'"
    )
    exporter = rows(addresses, sql, email)[0][0]
    assert exporter in done(account("list"))
    done(account("take", email, exporter))
    assert [role for role, _ in rows(addresses, ROLES, email)] == ["governance", "safeguarding"]


def test_nobody_is_given_a_role_of_the_machinery(addresses: installation.Addresses) -> None:
    email = somebody()
    refused = account("create", email, "--name", "Sam", "--role", "service")
    assert refused.exit_code == 1
    assert rows(addresses, ROLES, email) == []


def test_an_account_is_disabled_enabled_and_linked_anew(addresses: installation.Addresses) -> None:
    email = somebody()
    status = "SELECT status FROM accounts WHERE email = $1"
    done(account("create", email, "--name", "Sam", "--role", "analyst"))
    done(account("disable", email.upper()))
    assert rows(addresses, status, email) == [("disabled",)]
    assert account("link", email).exit_code == 1
    done(account("enable", email))
    assert rows(addresses, status, email) == [("invited",)]
    assert "/set-password#token=" in done(account("link", email))
    links = (
        "SELECT count(*) FILTER (WHERE used_at IS NULL), count(*) FROM accounts_password_links l "
        "JOIN accounts a ON a.id = l.account_id WHERE a.email = $1"
    )
    assert rows(addresses, links, email) == [(1, 2)]


def test_mistakes_are_told_in_words() -> None:
    email = somebody()
    done(account("create", email, "--name", "Sam", "--role", "analyst"))
    again = account("create", email, "--name", "Sam", "--role", "analyst")
    assert (again.exit_code, "exists already" in again.output) == (1, True)
    no_address = account("create", "nobody", "--name", "Sam", "--role", "analyst")
    assert (no_address.exit_code, "/email" in no_address.output) == (1, True)
    nobody = account("disable", somebody())
    assert (nobody.exit_code, "No account has this" in nobody.output) == (2, True)
    nowhere = account("give", email, "--role", "mentor", "--programme", str(uuid4()))
    assert (nowhere.exit_code, "/programme_id" in nowhere.output) == (1, True)


@pytest.fixture
def practice(addresses: installation.Addresses) -> tuple[str, str]:
    """The ODS code of a practice and the id of a programme."""
    ods_code = f"C{uuid4().hex[:8].upper()}"
    made = rows(
        addresses,
        "INSERT INTO organisations (id, created_at, ods_code, name, kind) "
        "VALUES (gen_random_uuid(), now(), $1, 'A practice', 'gp_practice') RETURNING ods_code",
        ods_code,
    )
    assert made
    programme_id = uuid4()
    rows(addresses, PROGRAMME_SQL, programme_id)
    return ods_code, str(programme_id)


PROGRAMME_SQL = """
INSERT INTO programmes (id, created_at, name, condition, delivery, footprint, postcode_areas, is_open, length_weeks,
  extension_weeks, session_minutes, days_between_sessions, grace_days, pam_cut_set, pam_baseline_before_days,
  pam_baseline_after_days, pam_follow_up_days, pam_min_items_pam_13, pam_min_items_pam_10,
  pam_exclude_straight_line, pam_meaningful_change, pam_reliable_change)
VALUES ($1, now(), 'Diabetes', 'type_2_diabetes', 'one_to_one', 'Bristol', '{}', true, 16, 4, 60, 7, 14, 'current',
  14, 14, 28, 10, 8, true, 4, 14.6)
"""


def test_a_system_is_registered_its_keys_rotated_and_shut_out(
    addresses: installation.Addresses, practice: tuple[str, str], tmp_path: Path
) -> None:
    ods_code, programme_id = practice
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(System.make().jwks()))
    scopes = ["--scope", "referrals.read", "--scope", "referrals.write"]
    said = done(client("new", str(keys), "--name", "GP", "--ods-code", ods_code, "--programme", programme_id, *scopes))
    client_id = said.split()[-1]
    other = System.make()
    keys.write_text(json.dumps(other.jwks()))
    done(client("rotate", client_id, str(keys)))
    stored = rows(addresses, "SELECT jwks, status FROM clients WHERE id = $1::text::uuid", client_id)
    assert other.kid in stored[0][0]
    assert client_id in done(client("list"))
    done(client("revoke", client_id))
    status = rows(addresses, "SELECT status FROM clients WHERE id = $1::text::uuid", client_id)
    assert status == [("revoked",)]
    assert client("revoke", client_id).exit_code == 1


def test_a_file_that_is_no_key_set_is_refused(practice: tuple[str, str], tmp_path: Path) -> None:
    ods_code, programme_id = practice
    words = ["--name", "GP", "--ods-code", ods_code, "--programme", programme_id, "--scope", "referrals.read"]
    keys = tmp_path / "keys.json"
    for text, code in (("not json", 2), ('{"keys": []}', 1), ("[]", 1)):
        keys.write_text(text)
        assert client("new", str(keys), *words).exit_code == code
    keys.write_text(json.dumps(System.make().jwks()))
    words[3] = "NOPE"
    assert client("new", str(keys), *words).exit_code == 2


def test_a_referrer_refers_for_an_organisation(addresses: installation.Addresses, practice: tuple[str, str]) -> None:
    ods_code, programme_id = practice
    email = somebody()
    words = ["--name", "Pat", "--role", "referrer", "--role", "mentor", "--programme", programme_id]
    assert account("create", email, *words).exit_code == 1
    done(account("create", email, *words, "--ods-code", ods_code.lower()))
    sql = (
        "SELECT m.role, o.ods_code FROM access_memberships m JOIN accounts a ON a.id = m.account_id "
        "LEFT JOIN organisations o ON o.id = m.organisation_id WHERE a.email = $1 ORDER BY m.role"
    )
    assert rows(addresses, sql, email) == [("mentor", None), ("referrer", ods_code)]
