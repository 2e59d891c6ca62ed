"""The national sample messages, sent through the practice systems' door to a service with the samples' number."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from app import installation
from app.core import embedded
from app.main import create_app
from tests.conftest import fresh_database, make_settings, serving
from tests.factories import Caller, World, body_of
from tests.fhir.messages import SERVICE
from tests.fhir.test_bundles import resources
from tests.fhir.test_national_samples import CHECK_DIGIT, FOLDER, SAMPLES, TABLE

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not SAMPLES, reason="the national sample messages are not here"),
]

NUMBER = "111111111"
TAKEN = sorted(name for name, answer in TABLE.items() if answer == ["taken"])
CANCEL = next(name for name, answer in TABLE.items() if answer == ["cancellation"])
REFUSED = [path for path in SAMPLES if path.relative_to(FOLDER).as_posix() not in TAKEN]

RAW = {path: path.read_bytes() for path in SAMPLES}


@pytest.fixture
def fresh(cluster: embedded.Embedded, template: str) -> installation.Addresses:
    """A database with nobody in it."""
    return fresh_database(cluster, template, f"pmt_{uuid4().hex[:12]}")


@asynccontextmanager
async def door(key: str, fresh: installation.Addresses, *, lenient: bool = True) -> AsyncIterator[Caller]:
    """A practice's client at a service that has the samples' number."""
    app = create_app(make_settings(key, lenient_nhs_numbers=lenient), fresh)
    owner = await asyncpg.connect(fresh.owner)
    try:
        async with serving(app) as http:
            world = await World.make(app, http, owner)
            found_by = {"programme_id": world.programme_id, "system": SERVICE, "value": NUMBER}
            await world.insert("programmes_service_ids", found_by)
            yield await world.client()
    finally:
        await owner.close()


async def send(client: Caller, path: Path, correlation_id: UUID | None = None) -> httpx.Response:
    """One sample under fresh ids."""
    target = base64.b64encode(json.dumps({"system": SERVICE, "value": NUMBER}).encode()).decode()
    headers = {
        "Content-Type": "application/fhir+json; version=1.0.0",
        "X-Request-Id": str(uuid4()),
        "X-Correlation-Id": str(correlation_id or uuid4()),
        "NHSD-Target-Identifier": target,
    }
    return await client.send("POST", "/fhir/R4/$process-message", headers=headers, content=RAW[path])


def described(answer: httpx.Response) -> list[str]:
    """A refusal in the form of the expected table."""
    issues: list[Any] = answer.json()["issue"]
    return [f"{answer.status_code} {i['code']} {' '.join(i['expression'])}" for i in issues]


@pytest.mark.parametrize("name", TAKEN, ids=lambda name: Path(name).stem[:8])
async def test_a_sample_of_a_referral_is_taken(name: str, signing_key: str, fresh: installation.Addresses) -> None:
    async with door(signing_key, fresh) as client:
        answer = body_of(await send(client, FOLDER / name))
        assert [e["status"] for e in resources(answer, "Encounter")] == ["finished", "planned"]


async def test_every_other_sample_is_refused_as_the_table_says(signing_key: str, fresh: installation.Addresses) -> None:
    async with door(signing_key, fresh) as client:
        for path in REFUSED:
            name = path.relative_to(FOLDER).as_posix()
            expected = TABLE.get(name, ["400 invariant Bundle"])
            if name == CANCEL:
                expected = ["400 invariant Bundle.entry[1].resource"]
            assert described(await send(client, path)) == expected, name


async def test_the_sample_cancellation_needs_the_correlation_id_of_its_referral(
    signing_key: str, fresh: installation.Addresses
) -> None:
    journey = uuid4()
    async with door(signing_key, fresh) as client:
        first = body_of(await send(client, FOLDER / TAKEN[0], journey))
        astray = await send(client, FOLDER / CANCEL)
        assert "does not exist" in body_of(astray, 400)["issue"][0]["diagnostics"]
        withdrawn = body_of(await send(client, FOLDER / CANCEL, journey))
    ids = [resources(answer, "ServiceRequest")[0]["id"] for answer in (first, withdrawn)]
    assert ids[0] == ids[1]


async def test_by_default_the_samples_nhs_number_is_refused(signing_key: str, fresh: installation.Addresses) -> None:
    async with door(signing_key, fresh, lenient=False) as client:
        for name in [*TAKEN, CANCEL]:
            answer = await send(client, FOLDER / name)
            assert [line[:9] for line in described(answer)] == ["400 value"]
            assert CHECK_DIGIT not in answer.text
