"""The service never asks PostgreSQL for more connections than it has: it says so at the start instead."""

from typing import Any

import asyncpg
import pytest

from app import installation, serving
from app.core import connections
from app.core.connections import Granted, TooFewConnections, check, needed
from app.settings import Settings
from tests.conftest import PREFIX, fresh_database, make_settings

pytestmark = pytest.mark.anyio


def test_all_processes_the_worker_and_a_reserve_are_reckoned_with() -> None:
    settings = Settings(api_processes=3, writing_pool=4, reading_pool=5, reporting_pool=2)
    each = 4 + 5 + 2 + connections.OBSERVATORY
    assert needed(settings) == 3 * each + connections.WORKER + connections.RESERVE


def test_what_fits_exactly_is_taken_and_one_connection_less_is_refused() -> None:
    settings = Settings()
    check(settings, Granted(needed(settings) + 3, kept_back=3))
    with pytest.raises(TooFewConnections):
        check(settings, Granted(needed(settings) + 3, kept_back=4))


@pytest.mark.parametrize("limit", ["role_limit", "database_limit"])
def test_a_limit_of_the_role_or_of_the_database_counts_as_well(limit: str) -> None:
    settings = Settings()
    check(settings, Granted(1000, 3, **{limit: needed(settings)}))
    with pytest.raises(TooFewConnections):
        check(settings, Granted(1000, 3, **{limit: needed(settings) - 1}))


def test_the_refusal_is_one_sentence_with_the_numbers_and_the_settings() -> None:
    settings = Settings(api_processes=4, writing_pool=20, reading_pool=10, reporting_pool=3)
    with pytest.raises(TooFewConnections) as refused:
        check(settings, Granted(100, 3, role_limit=90))
    said = str(refused.value)
    assert "4 × (20 + 10 + 3 + 1)" in said
    assert str(needed(settings)) in said
    assert "PostgreSQL has 90" in said
    assert "max_connections 100 less 3" in said
    for name in ("API_PROCESSES", "WRITING_POOL", "READING_POOL", "REPORTING_POOL"):
        assert f"PEER_SUPPORT_{name}" in said
    assert "\n" not in said


def test_the_included_postgresql_is_started_with_room_for_the_pools() -> None:
    assert connections.to_ask_for(Settings()) == 100
    large = Settings(api_processes=16)
    check(large, Granted(connections.to_ask_for(large), kept_back=connections.KEPT_BACK))


async def test_the_servers_own_limits_are_read(cluster: Any, template: str) -> None:
    superuser = await asyncpg.connect(cluster.dsn("postgres", "postgres"))
    role, name = f"{PREFIX}few", f"{PREFIX}few_connections"
    try:
        await superuser.execute(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 7; ")
        await superuser.execute(f"CREATE DATABASE {name} CONNECTION LIMIT 9")
        connection = await asyncpg.connect(cluster.dsn(role, name))
        try:
            found = await connections.granted(connection)
            most = int(await connection.fetchval("SHOW max_connections"))
        finally:
            await connection.close()
    finally:
        await superuser.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await superuser.execute(f"DROP ROLE IF EXISTS {role}")
        await superuser.close()
    assert (found.max_connections, found.role_limit, found.database_limit) == (most, 7, 9)
    assert found.kept_back >= 3
    assert found.usable == 7


def test_pools_that_do_not_fit_are_refused_at_the_start_unless_a_pooler_shares_them_out(
    signing_key: str, cluster: Any, template: str
) -> None:
    found = fresh_database(cluster, template, f"{PREFIX}pools")
    too_large: dict[str, Any] = {"reading_pool": 200, "writing_pool": 200, "database_url": found.login}
    with pytest.raises(TooFewConnections):
        serving.ready(make_settings(signing_key, **too_large, transaction_pooling=False), found)
    serving.ready(make_settings(signing_key, **too_large, transaction_pooling=True), found)
    serving.ready(make_settings(signing_key, database_url=found.login, transaction_pooling=False), found)


def test_a_database_that_does_not_answer_is_told_before_anything_is_served(signing_key: str) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    with pytest.raises(installation.NotReachable):
        serving.ready(make_settings(signing_key, database_url=nowhere), installation.Addresses(nowhere, nowhere))
