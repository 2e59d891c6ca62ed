"""The database is what the models say, and every rule that a tool can check of it is checked."""

import re
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.dialects.postgresql import ARRAY

from app import installation
from app.tables import metadata
from tests.conftest import PREFIX

pytestmark = pytest.mark.anyio
QUOTED = re.compile(r"'([^']*)'::")
# Written once and read by id alone, or small by nature: nobody looks them up by these.
NOT_LOOKED_UP_BY = {
    ("mentees", "coordinator_id"),
    ("matches_notes", "introduced_by"),
    ("consents", "recipient_id"),
    ("programmes_contract_years", "commissioner_id"),
    ("pam_assessments", "match_id"),
    ("pam_assessments_pairs", "baseline_id"),
    ("pam_assessments_pairs", "follow_up_id"),
}


async def _checks(owner: Any) -> dict[tuple[str, str], set[str]]:
    rows = await owner.fetch(
        "SELECT conrelid::regclass::text AS of, conname, pg_get_constraintdef(oid) AS rule FROM pg_constraint "
        "WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
    )
    return {(row["of"], row["conname"]): set(QUOTED.findall(row["rule"])) for row in rows}


async def test_every_coded_column_takes_the_codes_of_its_list_and_no_other(owner: Any) -> None:
    checks = await _checks(owner)
    coded = [
        (table.name, column)
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, sa.Enum)
    ]
    assert len(coded) > 30
    for table_name, column in coded:
        assert isinstance(column.type, sa.Enum)
        assert checks[(table_name, f"ck_{table_name}_{column.type.name}")] == set(column.type.enums), column


async def test_every_list_of_codes_takes_the_codes_of_its_list_and_no_other(owner: Any) -> None:
    checks = await _checks(owner)
    wanted = {
        (table.name, str(check.name)): set(re.findall(r"'([^']*)'", str(check.sqltext)))
        for table in metadata.tables.values()
        for check in table.constraints
        if isinstance(check, sa.CheckConstraint) and "<@" in str(check.sqltext)
    }
    arrays = [c for t in metadata.tables.values() for c in t.columns if isinstance(c.type, ARRAY)]
    assert len(wanted) >= len(arrays) / 3
    for (table, name), codes in wanted.items():
        full = name if name.startswith("ck_") else f"ck_{table}_{name}"
        assert checks[(table, full)] == codes


def test_the_migrations_make_exactly_what_the_models_say(addresses: installation.Addresses) -> None:
    config = Config(str(installation.ROOT / "alembic.ini"))
    config.set_main_option("script_location", str(installation.ROOT / "migrations"))
    config.attributes.update(owner_url=addresses.owner, role_prefix=PREFIX, apply_policies=False)
    command.check(config)


async def test_every_reference_to_another_table_can_be_followed_back_by_an_index(owner: Any) -> None:
    rows = await owner.fetch(
        """SELECT c.conrelid::regclass::text AS of, a.attname FROM pg_constraint c
           JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
           WHERE c.contype = 'f' AND NOT EXISTS (
             SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND c.conkey[1] = i.indkey[0])"""
    )
    assert {(row["of"], row["attname"]) for row in rows} <= NOT_LOOKED_UP_BY


async def test_functions_that_act_as_the_owner_name_where_they_look(owner: Any) -> None:
    rows = await owner.fetch(
        "SELECT proname, proconfig FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
    )
    assert len(rows) > 5
    for row in rows:
        assert any(setting.startswith("search_path=pg_catalog, public, pg_temp") for setting in row["proconfig"] or ())


async def test_times_have_a_zone_and_every_table_has_the_columns_of_the_house(owner: Any) -> None:
    naive = await owner.fetch(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND data_type = 'timestamp without time zone'"
    )
    assert naive == []
    own_kind = {"audit_entries", "audit_reads", "history", "tombstones"}
    for table in metadata.tables.values():
        if table.name not in own_kind:
            assert {"id", "created_at", "updated_at", "version", "changed_xid"} <= set(table.columns.keys())
