"""Lists and the report find their rows by an index, for each role that may read them, however much there is."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any, get_args

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.access.guards import paging
from app.access.permissions import permissions_of
from app.core import embedded
from app.core.actor import Role
from app.core.codes import Code
from app.core.database import Reader
from app.installation import Addresses
from app.main import create_app
from app.settings import Settings
from scripts.generated_docs import permission_of, routes_of
from tests.conftest import fresh_database
from tests.factories import Caller
from tests.house.crowd import LARGE, MENTEES, SMALL, Crowd, crowd_of, gather

pytestmark = pytest.mark.anyio

MANY = MENTEES * 3 // 4
"""Rows from which on a table is large: one row for each episode, mentor or account."""
SORTED = 500
"""Rows that may be sorted for a page: a caseload or a practice's referrals cost less than an index kept for them."""

EXPLAINED = {
    ("show_today", "sorts hundreds"): "counts and ranks all that is due, once a morning",
    (
        "show_today",
        "reads all of pam_assessments_pairs",
    ): "whether each open episode was measured: it asks of most pairs",
    (
        "show_today",
        "reads all of pam_assessments",
    ): "when each open episode began: it asks of many",
    (
        "list_accounts",
        "reads all of access_memberships",
    ): "narrow, and once for the page; not once for each account",
}
"""Plans that do what no list should, and why these may."""

WORTH = {"from": "2026-01-01", "until": "2026-10-01", "role": "mentor"}
SEARCH = {"name": "Helen Hughes", "birth_date": "1960-01-01"}
"""What a search for people, which is a list too, is asked."""

KEPT = "SELECT count(*) FROM pg_prepared_statements WHERE statement = $1 AND generic_plans > 0"
REPORTED = {"mentees", "referrals", "pam_assessments"}


@pytest.fixture
def grown(cluster: embedded.Embedded, template: str) -> Addresses:
    """A database of its own with thousands of episodes."""
    name = f"pmt_grown_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    addresses = fresh_database(cluster, template, name)
    asyncio.run(gather(cluster.dsn("postgres", name)))
    return addresses


@pytest.fixture
async def serving_many(grown: Addresses, settings: Settings) -> AsyncIterator[FastAPI]:
    """The API on it."""
    app = create_app(settings, grown)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def owner_of_many(grown: Addresses, anyio_backend: str) -> AsyncIterator[Any]:
    """A connection as its owner."""
    connection = await asyncpg.connect(grown.owner)
    yield connection
    await connection.close()


class Plans:
    """The plans of what a request really asked the database, as the same caller, in the same transaction."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[Any] = []
        self.is_kept: list[bool] = []
        fetch, seen, is_kept = Reader.fetch, self.seen, self.is_kept

        async def explained(db: Reader, sql: str, *values: Any) -> list[Any]:
            (row,) = await fetch(db, f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", *values)
            seen.append(json.loads(row[0])[0]["Plan"])
            rows = await fetch(db, sql, *values)
            is_kept.append((await fetch(db, KEPT, sql))[0][0] > 0)
            return rows

        monkeypatch.setattr(Reader, "fetch", explained)

    def faults(self, large: set[str]) -> set[str]:
        """What is wrong with the plans since the last time; there must have been one."""
        assert self.seen
        found = {fault for plan in self.seen for node in _nodes(plan) for fault in _faults(node, large)}
        self.seen.clear()
        return found


def _nodes(plan: Any) -> Iterator[Any]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _faults(node: Any, large: set[str]) -> Iterator[str]:
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] in large and node["Actual Loops"]:
        yield f"reads all of {node['Relation Name']}"
    if node["Node Type"] in ("Sort", "Incremental Sort"):
        below = node["Plans"][0]
        if below["Actual Rows"] * below["Actual Loops"] > SORTED:
            yield "sorts hundreds"


def lists_of(app: FastAPI) -> list[APIRoute]:
    """Every operation that answers page by page."""
    return [route for route in routes_of(app) if any(each.call is paging for each in route.dependant.dependencies)]


def queries(dependant: Dependant, crowd: Crowd) -> Iterator[dict[str, str]]:
    """What the list can be asked: nothing, each filter by itself, and each within one programme."""
    needed: dict[str, str] = {}
    filters: dict[str, list[str]] = {}
    for parameter in dependant.query_params:
        name, annotation = parameter.alias, parameter.field_info.annotation
        codes = [
            each for each in (annotation, *get_args(annotation)) if isinstance(each, type) and issubclass(each, Code)
        ]
        worth = [code.value for code in codes[0]] if codes else [WORTH.get(name) or crowd.named[name]]
        if parameter.field_info.is_required():
            needed[name] = worth[0]
        else:
            filters[name] = worth
    yield needed
    within = {"programme_id": crowd.named["programme_id"]} if "programme_id" in filters else {}
    for name, worth in filters.items():
        for value in worth:
            yield needed | {name: value}
            if within and name != "programme_id":
                yield needed | within | {name: value}


async def included(ask: Any) -> dict[str, str]:
    """All that the list offers to include but the total, which counts on purpose; the refusal of another names it."""
    refusal = (await ask({"include": "?"})).text
    offered = refusal.partition("This can be included: ")[2].partition(".")[0].split(", ")
    return {"include": ",".join(name for name in offered if name not in ("", "total"))}


async def faults_of(route: APIRoute, caller: Caller, crowd: Crowd, plans: Plans, large: set[str]) -> set[str]:
    """What is wrong with any plan of the list's first two pages, asked in every way, for this caller."""
    path = route.path.format_map(crowd.named)
    body = None if route.methods == {"GET"} else SEARCH

    async def ask(query: dict[str, str]) -> httpx.Response:
        return await caller.send("GET" if body is None else "POST", path, params=query, json=body)

    asked = list(queries(route.dependant, crowd))
    offered = await included(lambda query: ask(asked[0] | query))
    plans.seen.clear()
    found: set[str] = set()
    for query in [*asked, *([asked[0] | offered] if offered["include"] else [])]:
        first = await ask(query)
        assert first.status_code == 200, (path, query, first.text)
        found |= plans.faults(large)
        if first.json().get("next"):
            assert (await ask(query | {"cursor": first.json()["next"]})).status_code == 200
            found |= plans.faults(large)
    return found


async def check_the_report(caller: Caller, crowd: Crowd, plans: Plans) -> None:
    """It reads indexes alone, planned afresh for its programme and period however often it is asked."""
    path = f"/v1/reports/outcomes?programme_id={crowd.named['programme_id']}&from=2010-01-01&until=2040-01-01"
    for _ in range(7):
        plans.seen.clear()
        plans.is_kept.clear()
        assert (await caller.get(path)).status_code == 200
    read = {
        (node["Relation Name"], node["Node Type"])
        for plan in plans.seen
        for node in _nodes(plan)
        if node.get("Relation Name") in REPORTED
    }
    assert read == {(table, "Index Only Scan") for table in REPORTED}
    assert len(plans.is_kept) > 3
    # the programme is looked up by its id before anything else
    assert not any(plans.is_kept[2:])


async def test_every_list_and_the_report_find_their_rows_by_an_index_under_each_role(
    serving_many: FastAPI, owner_of_many: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = Plans(monkeypatch)
    large = {row[0] for row in await owner_of_many.fetch("SELECT relname FROM pg_class WHERE reltuples >= $1", MANY)}
    assert {"sessions", "mentees", "referrals", "matches", "goals", "mentors", "accounts", "people"} <= large
    lists = lists_of(serving_many)
    assert len(lists) > 15
    found: dict[tuple[str, str], str] = {}
    read: set[str] = set()
    transport = httpx.ASGITransport(app=serving_many)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http:
        for programme_id in (LARGE, SMALL):
            crowd = await crowd_of(serving_many, http, owner_of_many, programme_id)
            await check_the_report(crowd.callers[Role.ANALYST], crowd, plans)
            for route in lists:
                for role, caller in crowd.callers.items():
                    if permission_of(route) in permissions_of(role):
                        read.add(route.name)
                        for fault in await faults_of(route, caller, crowd, plans, large):
                            found[(route.name, fault)] = role.value
    assert {route.name for route in lists} == read, "a list that no role reads"
    assert {fault: role for fault, role in found.items() if fault not in EXPLAINED} == {}
