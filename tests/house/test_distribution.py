"""The data can be spread over machines by programme: each table that grows says which programme a row is of."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.core import clock
from tests.factories import Caller, World, body_of

pytestmark = pytest.mark.anyio

SMALL = {
    # directories and settings: the same on every machine, read by every policy, seldom written
    "programmes",
    "programmes_contract_years",
    "programmes_eligibility_rules",
    "programmes_service_ids",
    "organisations",
    "organisations_agreements",
    "accounts",
    "accounts_credentials",
    "accounts_password_links",
    "clients",
    "access_memberships",
    # a handful of rows of the installation itself
    "clock",
    "jobs",
    "change_epochs",
    "schema_state",
    "alembic_version",
}
"""Tables that do not grow with the people served; every other one is large, one that is new too."""

WITHOUT_KEY = {
    "people": "one person may be in several programmes; policies go through mentees, which carry the key",
    "people_identifiers": "a person's, like people: the search for the same person must not stop at a programme",
    "fhir_messages": "arrive before their programme is known, and a refused one has none; found by client_id alone",
    "idempotent_answers": "a caller's, looked up before the request is understood; by actor_id, gone after a day",
    "audit_reads": "one line may name rows of several programmes; by actor_id, written once and joined to nothing",
    "access_sign_ins": "an account's, not a programme's; by account_id, read by identify before any programme is known",
    "access_refresh_tokens": "an account's, as its sign-in",
    "access_used_jtis": "a client's, for the minutes until the assertion has expired",
    "access_tries": "an address's or account's hash, for a quarter of an hour",
}
"""Large tables without the key, and what they are spread by instead."""

SOMETIMES_EMPTY = {
    "events": "what happened to a person's record or to a role that is no single programme's",
    "audit_entries": "a line about a row that is of no programme",
    "history": "as the line it belongs to",
    "tombstones": "as the row that is gone",
}
"""Large tables whose key may be empty, for rows that no programme owns."""

UNIQUE_WITHOUT_KEY = {
    "uq_access_caseloads_account_id_source_id": "source_id is a match, which lies in one programme for good",
    "uq_referrals_reference": "drawn at random, told by telephone without a programme; drawn again on a clash",
    "uq_referrals_posted_by_source_system_source_reference": "the sender's own number, given without a programme",
}
"""Unique beyond a programme, and why; what names a row of another large table needs no reason, see below."""


async def _large(owner: Any) -> set[str]:
    rows = await owner.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    )
    return {row["relname"] for row in rows} - SMALL


async def _keys(owner: Any) -> dict[str, bool]:
    """The tables that carry the key, and whether it may be empty."""
    rows = await owner.fetch(
        "SELECT attrelid::regclass::text AS of, NOT attnotnull AS may_be_empty FROM pg_attribute "
        "WHERE attname = 'programme_id' AND NOT attisdropped AND attrelid IN "
        "(SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p'))"
    )
    return {row["of"]: row["may_be_empty"] for row in rows}


async def test_every_table_that_grows_carries_its_programme_or_says_why_not(owner: Any) -> None:
    large, keys = await _large(owner), await _keys(owner)
    assert len(large) > 25
    assert large - set(keys) == set(WITHOUT_KEY)
    assert {table for table in large & set(keys) if keys[table]} == set(SOMETIMES_EMPTY)


async def _references(owner: Any, large: set[str]) -> list[tuple[str, str, str]]:
    """Columns of large tables that name a row of another keyed one: table, column, table named."""
    rows = await owner.fetch(
        "SELECT conrelid::regclass::text AS of, attname, confrelid::regclass::text AS names FROM pg_constraint "
        "JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1] "
        "WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
    )
    keyed = large - set(WITHOUT_KEY) - set(SOMETIMES_EMPTY)
    return [(r["of"], r["attname"], r["names"]) for r in rows if r["of"] in keyed and r["names"] in keyed]


async def test_what_is_unique_in_a_growing_table_is_so_within_a_programme_or_says_why_not(owner: Any) -> None:
    rows = await owner.fetch(
        "SELECT i.indrelid::regclass::text AS of, c.relname AS name, i.indisprimary, i.indisexclusion, "
        "pg_get_indexdef(i.indexrelid) AS definition, ARRAY(SELECT attname FROM pg_attribute "
        "WHERE attrelid = i.indrelid AND attnum = ANY (i.indkey)) AS columns "
        "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "WHERE c.relnamespace = 'public'::regnamespace AND (i.indisunique OR i.indisexclusion)"
    )
    keyed = await _large(owner) - set(WITHOUT_KEY)
    named = {(of, column) for of, column, _ in await _references(owner, keyed)}
    bare = set()
    for row in rows:
        columns = set(row["columns"])
        if row["of"] not in keyed or "programme_id" in columns:
            continue
        if row["indisprimary"]:
            assert columns == {"id"}, "an id made by Python, or a number PostgreSQL counts, is unique everywhere"
        elif not any((row["of"], column) in named for column in columns):
            bare.add(row["name"])
    assert bare == set(UNIQUE_WITHOUT_KEY)


async def test_an_id_is_never_taken_from_a_counter_of_one_machine_unless_it_is_the_audits(owner: Any) -> None:
    rows = await owner.fetch(
        "SELECT attrelid::regclass::text AS of FROM pg_attribute WHERE attidentity <> '' OR EXISTS ("
        "SELECT FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum "
        "AND pg_get_expr(adbin, adrelid) ~ 'nextval')"
    )
    assert {row["of"] for row in rows} == {"audit_entries", "audit_reads", "history", "tombstones"}


async def _a_pair_at_work(world: World) -> tuple[Caller, dict[str, Any]]:
    """A match with a session booked, and something that is deleted again."""
    mentor, match = await world.match()
    starts = clock.now().replace(microsecond=0) + timedelta(days=2)
    booking = {"match_id": match["id"], "starts_at": starts.isoformat(), "mode": "telephone"}
    body_of(await mentor.post("/v1/sessions", booking), 201)
    path = f"/v1/programmes/{world.programme_id}/service-ids"
    made = body_of(await world.coordinator.post(path, {"system": "https://example.org", "value": match["id"]}), 201)
    await world.coordinator.send("DELETE", f"{path}/{made['id']}")
    return mentor, match


async def test_whatever_is_written_about_a_programme_names_it_in_audit_history_tombstones_and_events(
    world: World,
) -> None:
    await _a_pair_at_work(world)
    keys = await _keys(world.owner)
    for table in ("audit_entries", "history", "tombstones"):
        about = "SELECT count(*) FILTER (WHERE programme_id = $1), count(*) FILTER (WHERE programme_id IS NULL) "
        named, empty = await world.owner.fetchrow(
            f"{about} FROM {table} WHERE table_name = ANY ($2)", world.programme_id, sorted(set(keys) - {"events"})
        )
        assert named > 0, table
        memberships = await world.owner.fetchval(
            f"SELECT count(*) FROM {table} WHERE programme_id IS NULL AND table_name = 'access_memberships'"
        )
        assert empty == memberships, table


async def test_a_row_lies_in_the_programme_of_every_row_it_names(world: World, elsewhere: World) -> None:
    await _a_pair_at_work(world)
    await _a_pair_at_work(elsewhere)
    references = await _references(world.owner, await _large(world.owner))
    assert len(references) > 25
    for of, column, names in references:
        astray = (
            f"SELECT count(*) FROM {of} a JOIN {names} b ON b.id = a.{column} WHERE a.programme_id <> b.programme_id"
        )
        assert await world.owner.fetchval(astray) == 0, (of, column)


async def test_a_mentors_reach_lies_in_the_programme_of_the_episode_whatever_its_writer_says(
    world: World, elsewhere: World
) -> None:
    mentor, match = await world.match()
    mentee_id = UUID(match["mentee_id"])
    where = "SELECT programme_id FROM access_caseloads WHERE account_id = $1"
    assert await world.owner.fetchval(where, mentor.id) == world.programme_id
    await world.owner.execute(
        "UPDATE access_caseloads SET programme_id = $1 WHERE mentee_id = $2", elsewhere.programme_id, mentee_id
    )
    assert await world.owner.fetchval(where, mentor.id) == world.programme_id


async def test_an_event_without_a_programme_is_about_a_person_or_a_role(owner: Any) -> None:
    rows = await owner.fetch("SELECT DISTINCT subject_type FROM events WHERE programme_id IS NULL")
    assert {row["subject_type"] for row in rows} <= {"people", "access_memberships"}
