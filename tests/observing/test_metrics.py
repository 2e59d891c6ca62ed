"""What GET /metrics tells: how much, how fast, how full and how late; to whom it may be told; and never about whom."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from app import installation
from app.core import metrics
from app.core.actor import Role, public
from app.core.database import Database, as_service, fetch
from app.keeping import drill, shelf
from app.main import create_app
from app.observing import figures
from app.observing.figures import Observatory
from app.settings import Settings
from tests.conftest import make_settings, serving
from tests.factories import World, body_of, person, referral
from tests.observing.scraping import samples, scrape, total, value

pytestmark = pytest.mark.anyio
REQUESTS = "peer_support_requests_total"
TEMPLATE = "/v1/referrals/{referral_id}"
TOKEN = "a-token-of-the-monitoring-system"


@asynccontextmanager
async def looking(app: FastAPI, settings: Settings, login: str, read: str | None = None) -> AsyncIterator[Observatory]:
    """The app with an observatory that has read nothing yet."""
    before = app.state.observatory
    app.state.observatory = Observatory(settings, login, read)
    try:
        async with app.state.observatory.open():
            yield app.state.observatory
    finally:
        app.state.observatory = before


async def test_a_request_is_counted_once_by_route_method_status_and_role(http: httpx.AsyncClient, world: World) -> None:
    labels = {"route": TEMPLATE, "method": "GET", "status": "404", "role": "coordinator"}
    before = await scrape(http)
    for _ in range(3):
        body_of(await world.coordinator.get(f"/v1/referrals/{uuid4()}"), 404)
    after = await scrape(http)
    assert total(after, REQUESTS, **labels) - total(before, REQUESTS, **labels) == 3
    timed = "peer_support_request_seconds_count"
    assert total(after, timed, route=TEMPLATE) - total(before, timed, route=TEMPLATE) == 3
    assert total(after, REQUESTS, route="/metrics", role="none") >= 1


async def test_what_was_sent_by_whom_and_about_whom_is_in_no_figure(http: httpx.AsyncClient, world: World) -> None:
    sent = referral(world.programme_id, person=person(given_name="Zebedee", family_name="Quartermaine"))
    made = body_of(await world.referrer.post("/v1/referrals", sent), 201)
    await world.coordinator.get(f"/v1/referrals/{made['id']}")
    await http.get("/v1/people/Quartermaine")
    await http.get("/nhs/9991234544?name=Zebedee")
    await http.request("QUARTERMAINE", "/v1/referrals")
    text = await scrape(http)
    hidden = ["Zebedee", "uartermaine", "UARTERMAINE", "9991234544", sent["person"]["nhs_number"], made["id"]]
    hidden += [made["reference"], str(world.referrer.id), str(world.programme_id), world.referrer.token]
    assert [word for word in hidden if word in text] == []


async def test_whatever_is_sent_no_caller_can_make_a_label(app: FastAPI, http: httpx.AsyncClient) -> None:
    before = [s.labels for s in samples(await scrape(http)) if s.name == REQUESTS]  # of tests with routes of their own
    for path in ("/.env", "/v1/nothing/here", "/v1//", "/docs"):
        await http.get(path)
    await http.request("PROPFIND", "/v1/referrals")
    await http.delete("/v1/referrals")
    text = await scrape(http)
    routes = {getattr(route, "path", "") for route in app.routes} | {"other"}
    seen = [s.labels for s in samples(text) if s.name == REQUESTS and s.labels not in before]
    assert {labels["route"] for labels in seen} <= routes
    assert {labels["method"] for labels in seen} <= metrics.METHODS | {"other"}
    assert {labels["role"] for labels in seen} <= {role.value for role in Role} | {"none"}
    assert all(labels["status"].isdigit() or labels["status"] == "gone" for labels in seen)
    assert total(text, REQUESTS, route="other", status="404") >= 3
    assert total(text, REQUESTS, method="other") >= 1


async def test_a_request_whose_caller_has_gone_is_counted_as_gone_and_no_longer_as_in_progress() -> None:
    async def never(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(60)

    async def nothing(*_: Any) -> Any:
        return None

    scope = {"type": "http", "method": "GET", "path": "/v1/me", "headers": []}
    task = asyncio.create_task(metrics.Watch(never)(scope, nothing, nothing))
    await asyncio.sleep(0)
    during = metrics.text([]).decode()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    after = metrics.text([]).decode()
    in_progress = "peer_support_requests_in_progress"
    assert total(during, in_progress) - total(after, in_progress) == 1
    assert total(after, REQUESTS, status="gone") - total(during, REQUESTS, status="gone") == 1


async def test_requests_turned_away_are_counted(http: httpx.AsyncClient) -> None:
    before = total(await scrape(http), "peer_support_requests_refused_total")
    metrics.refused()
    assert total(await scrape(http), "peer_support_requests_refused_total") - before == 1


async def test_pools_tell_how_many_connections_are_lent_and_waited_for(
    signing_key: str, addresses: installation.Addresses
) -> None:
    settings = make_settings(signing_key, writing_pool=1, reading_pool=2, reporting_pool=1)
    app = create_app(settings, addresses)
    async with serving(app) as http:
        database = app.state.database
        assert await _pools(http) == {"writing": (1, 0, 0), "reading": (2, 0, 0), "reporting": (1, 0, 0)}
        async with database.reading(public()), database.reading(public()), database.writing(public()) as db:
            await db.connection()
            waiting = [asyncio.create_task(database.ready()), asyncio.create_task(_write(database))]
            await asyncio.sleep(0.02)
            assert await _pools(http) == {"writing": (1, 1, 1), "reading": (2, 2, 1), "reporting": (1, 0, 0)}
        await asyncio.gather(*waiting)
        assert await _pools(http) == {"writing": (1, 0, 0), "reading": (2, 0, 0), "reporting": (1, 0, 0)}


async def _write(database: Database) -> None:
    async with database.writing(public()) as db:
        await db.connection()


async def _pools(http: httpx.AsyncClient) -> dict[str, tuple[float | None, ...]]:
    text = await scrape(http)
    return {
        pool: tuple(value(text, f"peer_support_pool_{what}", pool=pool) for what in ("size", "in_use", "waiting"))
        for pool in ("writing", "reading", "reporting")
    }


async def test_with_a_token_set_only_who_brings_it_is_told(signing_key: str, addresses: installation.Addresses) -> None:
    app = create_app(make_settings(signing_key, metrics_token=TOKEN), addresses)
    async with serving(app) as http:
        for wrong in (
            {},
            {"Authorization": TOKEN},
            {"Authorization": f"Bearer {TOKEN}x"},
            {"Authorization": "Bearer "},
        ):
            refused = await http.get("/metrics", headers=wrong)
            assert (refused.status_code, refused.json()["type"]) == (401, "/problems/not-signed-in")
        assert "peer_support_database_up 1.0" in await scrape(http, Authorization=f"Bearer {TOKEN}")


@pytest.mark.parametrize(("token", "status"), [(None, 404), (TOKEN, 200)])
async def test_in_production_there_are_no_figures_without_a_token(
    signing_key: str, addresses: installation.Addresses, token: str | None, status: int
) -> None:
    safe = {"public_url": "https://peer.example.org", "argon2_memory_kib": 19_456}
    settings = make_settings(signing_key, environment="production", metrics_token=token, **safe)
    async with serving(create_app(settings, addresses)) as http:
        answer = await http.get("/metrics", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status


def test_the_address_is_not_part_of_the_api(app: FastAPI) -> None:
    route = next(route for route in app.routes if getattr(route, "path", "") == "/metrics")
    assert not getattr(route, "include_in_schema", True)


async def test_jobs_tell_when_they_last_succeeded_how_late_they_are_and_how_often_they_failed(
    app: FastAPI, http: httpx.AsyncClient, settings: Settings, addresses: installation.Addresses, owner: Any
) -> None:
    await owner.execute(
        "INSERT INTO jobs (id, created_at, name, every_seconds, due_at, finished_at, failure_count) VALUES "
        "(gen_random_uuid(), now(), 'test-late', 60, now() - interval '1 hour', to_timestamp(1700000000), 2), "
        "(gen_random_uuid(), now(), 'test-new', 60, now() + interval '1 hour', NULL, 0)"
    )
    try:
        async with looking(app, settings, addresses.login):
            text = await scrape(http)
    finally:
        await owner.execute("DELETE FROM jobs WHERE name LIKE 'test-%'")
    late = value(text, "peer_support_job_late_seconds", name="test-late")
    assert late is not None
    assert 3600 <= late < 3700
    assert value(text, "peer_support_job_success_timestamp_seconds", name="test-late") == 1_700_000_000
    assert value(text, "peer_support_job_failures", name="test-late") == 2
    assert value(text, "peer_support_job_late_seconds", name="test-new") == 0
    assert value(text, "peer_support_job_success_timestamp_seconds", name="test-new") == 0


async def test_the_newest_backup_and_the_last_one_tried_are_told(
    app: FastAPI, http: httpx.AsyncClient, signing_key: str, addresses: installation.Addresses, tmp_path: Path
) -> None:
    async def told(where: Path, hours: int = 24) -> dict[str, float | None]:
        async with looking(app, make_settings(signing_key, backup_dir=where, backup_hours=hours), addresses.login):
            text = await scrape(http)
        names = ("backup_wanted_seconds", "backup_timestamp_seconds", "drill_timestamp_seconds", "drill_restored")
        return {name: value(text, f"peer_support_{name}") for name in names}

    none = {"backup_timestamp_seconds": None, "drill_timestamp_seconds": None, "drill_restored": None}
    assert await told(tmp_path / "elsewhere") == none | {"backup_wanted_seconds": 86_400}
    assert await told(tmp_path, hours=0) == none | {"backup_wanted_seconds": 0}
    never = {"backup_timestamp_seconds": 0, "drill_timestamp_seconds": 0}
    assert await told(tmp_path) == none | never | {"backup_wanted_seconds": 86_400}
    for taken_at in (datetime(2026, 3, 1, 1, 0, tzinfo=UTC), datetime(2026, 3, 2, 1, 0, tzinfo=UTC)):
        shelf.place(tmp_path, taken_at).path.touch()
    tried = drill.Drilled(at=datetime(2026, 3, 2, 5, 0, tzinfo=UTC), backup="x", restored=False, words="It does not.")
    shelf.write(tmp_path / drill.NOTE, tried.model_dump_json())
    assert await told(tmp_path) == {
        "backup_wanted_seconds": 86_400,
        "backup_timestamp_seconds": taken_at.timestamp(),
        "drill_timestamp_seconds": tried.at.timestamp(),
        "drill_restored": 0,
    }


async def test_what_stands_on_the_coordinators_day_is_counted_over_all_programmes(
    app: FastAPI,
    http: httpx.AsyncClient,
    settings: Settings,
    addresses: installation.Addresses,
    world: World,
    elsewhere: World,
) -> None:
    async def undecided() -> tuple[float, float]:
        async with looking(app, settings, addresses.login):
            text = await scrape(http)
        labels = {"kind": "referral_undecided"}
        return total(text, "peer_support_due", **labels), total(text, "peer_support_due_oldest_seconds", **labels)

    before, _ = await undecided()
    for one in (world, elsewhere):
        body_of(await one.referrer.post("/v1/referrals", referral(one.programme_id)), 201)
    await world.owner.execute(
        "UPDATE referrals SET received_at = now() - interval '4000 days' WHERE programme_id = $1", world.programme_id
    )
    today = body_of(await world.coordinator.get("/v1/screens/today"))
    shown = next(kind for kind in today["kinds"] if kind["kind"] == "referral_undecided")["items"][0]
    after, oldest = await undecided()
    assert after - before == 2
    assert shown["days"] <= oldest / 86_400 < shown["days"] + 1.1


async def test_figures_are_read_as_one_who_can_change_nothing(app: FastAPI) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with app.state.observatory._looking() as db, as_service(db, "to try"):
            await fetch(db, "UPDATE programmes SET name = name")


async def test_a_database_that_is_gone_fails_no_scrape_and_is_told(
    app: FastAPI, http: httpx.AsyncClient, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        gone = f"postgresql://x@127.0.0.1:{nobody.getsockname()[1]}/x"
    async with looking(app, settings, gone, gone):
        text = await scrape(http)
    assert value(text, "peer_support_database_up") == 0
    assert value(text, "peer_support_figures_up", part="replica") == 0
    assert value(text, "peer_support_database_bytes") is None
    assert total(text, REQUESTS, route="/metrics") >= 0
    assert gone not in "".join(capfd.readouterr())


async def test_a_database_that_hangs_holds_up_no_scrape_and_is_told(
    app: FastAPI, http: httpx.AsyncClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "PATIENCE", 0.01)
    monkeypatch.setattr(figures, "HANGS_AFTER", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://x@127.0.0.1:{silent.getsockname()[1]}/x"
        async with looking(app, settings, url):
            assert value(await scrape(http), "peer_support_database_up") == 0


async def test_a_reading_is_given_again_until_it_has_rested() -> None:
    count = 0

    async def read() -> figures.Figures:
        nonlocal count
        count += 1
        return []

    rested, resting = figures.Part("rested", read, 0.0), figures.Part("resting", read, 60.0)
    for part, readings in ((resting, 1), (rested, 4)):
        for _ in range(3):
            await part.figures()
            await asyncio.sleep(0.01)
        assert count == readings


async def test_a_replica_tells_how_far_it_is_behind(
    app: FastAPI, http: httpx.AsyncClient, settings: Settings, addresses: installation.Addresses
) -> None:
    async with looking(app, settings, addresses.login, addresses.login):
        text = await scrape(http)
    assert value(text, "peer_support_figures_up", part="replica") == 1
    assert value(text, "peer_support_replica_lag_seconds") == 0
