"""The log says which operation and which id, and never whom it was about."""

import json
import logging
from collections.abc import Iterator

import asyncpg
import pytest
import structlog

from app import installation
from app.core import logs
from app.core.identity import IdentifiedConnection
from app.main import create_app
from tests.conftest import make_settings, serving
from tests.factories import World, nhs_number, person, referral

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _quiet_again() -> Iterator[None]:
    yield
    logs.configure("ERROR")


CANARY = {
    "given_name": "Zebedee",
    "family_name": "Quartermaine",
    "nhs_number": nhs_number(),
    "phone": "07700 900987",
    "email": "zebedee@example.org",
    "postcode": "BS1 9ZZ",
}


async def test_a_request_leaves_one_line_without_a_person_in_it(
    signing_key: str, addresses: installation.Addresses, owner: object, capfd: pytest.CaptureFixture[str]
) -> None:
    app = create_app(make_settings(signing_key, log_level="DEBUG"), addresses)
    async with serving(app) as http:
        world = await World.make(app, http, owner)
        capfd.readouterr()
        sent = referral(world.programme_id, person=person(**CANARY))
        good = await world.referrer.post("/v1/referrals", sent)
        twice = await world.referrer.post("/v1/referrals", sent)
        bad = await world.referrer.post("/v1/referrals", sent | {"person": sent["person"] | {"nhs_number": "1"}})
        lost = await world.referrer.get("/v1/referrals/Quartermaine")
        await world.owner.execute("ALTER TABLE referrals ADD CONSTRAINT oops CHECK (needs IS NULL) NOT VALID")
        try:
            bug = await world.referrer.post("/v1/referrals", sent | {"needs": "x", "person": person(**CANARY)})
        finally:
            await world.owner.execute("ALTER TABLE referrals DROP CONSTRAINT oops")
    assert [a.status_code for a in (good, twice, bad, lost)] == [201, 409, 422, 422]
    assert bug.status_code in (409, 500)
    written = "".join(capfd.readouterr())
    lines = [json.loads(line) for line in written.splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert len(requests) == 5
    assert requests[0]["route"] == "/v1/referrals"
    assert requests[0]["actor_id"] == str(world.referrer.id)
    assert requests[3]["route"] == "/v1/referrals/{referral_id}"
    for value in (*CANARY.values(), sent["person"]["nhs_number"], "Quartermaine", world.referrer.token):
        assert value not in written


def test_a_field_that_is_not_on_the_list_is_dropped(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    logs.logger().info("request", status=200, given_name="Zebedee", nhs_number="9991234544")
    line = json.loads(capfd.readouterr().err)
    assert line["status"] == 200
    assert not {"given_name", "nhs_number"} & line.keys()


def test_libraries_are_heard_from_warnings_on() -> None:
    assert logging.getLogger().getEffectiveLevel() >= logging.WARNING
    assert structlog.is_configured()


async def test_why_the_service_could_not_answer_stands_in_the_log_without_words_of_the_database(
    signing_key: str,
    addresses: installation.Addresses,
    owner: object,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def gone(connection: IdentifiedConnection, text: str) -> None:
        raise asyncpg.ConnectionDoesNotExistError("Zebedee")

    app = create_app(make_settings(signing_key, log_level="WARNING"), addresses)
    async with serving(app) as http:
        world = await World.make(app, http, owner)
        capfd.readouterr()
        with monkeypatch.context() as lost:
            lost.setattr(IdentifiedConnection, "begin", gone)
            answers = [
                await world.coordinator.get("/v1/mentees"),
                await world.referrer.post("/v1/referrals", referral(world.programme_id)),
            ]
    assert [answer.status_code for answer in answers] == [503, 503]
    lines = [json.loads(line) for line in "".join(capfd.readouterr()).splitlines()]
    told = [line for line in lines if line["event"] == "unavailable"]
    assert [line["request_id"] for line in told] == [answer.json()["request_id"] for answer in answers]
    assert all(line["exception_type"] and line["where"].startswith("/") for line in told)
    assert "Zebedee" not in json.dumps(lines)
