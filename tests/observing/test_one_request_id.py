"""One id leads from what the caller was told through our log and the audit to what PostgreSQL was doing."""

import asyncio
import json
import re
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from app import installation
from app.core import logs
from app.main import create_app
from scripts.generated_docs import DOCS
from tests.conftest import make_settings, serving
from tests.factories import World, body_of, referral

pytestmark = pytest.mark.anyio
WAITING = re.findall(r"^```sql\n(.*?)^```", (DOCS / "observing.md").read_text(), flags=re.DOTALL | re.MULTILINE)[0]
"""What the page on observing tells an administrator to ask."""


async def _seen_waiting(administrator: str, request_id: str) -> None:
    """Returns once PostgreSQL says that the request waits for a lock."""
    connection = await asyncpg.connect(administrator)
    try:
        for _ in range(400):
            rows = await connection.fetch(WAITING)
            if (request_id, "Lock") in [(row["request_id"], row["wait_event_type"]) for row in rows]:
                return
            await asyncio.sleep(0.01)
    finally:
        await connection.close()
    raise AssertionError("the request was not seen in pg_stat_activity")


@pytest.mark.parametrize("kind", ["writing", "reading"])
async def test_the_id_of_a_request_is_in_its_answer_its_log_line_the_audit_and_pg_stat_activity(
    signing_key: str,
    addresses: installation.Addresses,
    template: str,
    owner: Any,
    capfd: pytest.CaptureFixture[str],
    kind: str,
) -> None:
    app = create_app(make_settings(signing_key, log_level="INFO"), addresses)
    request_id = str(uuid4())
    headers = {"X-Request-Id": request_id}
    async with serving(app) as http:
        world = await World.make(app, http, owner)
        made = body_of(await world.referrer.post("/v1/referrals", referral(world.programme_id)), 201)
        holder = await asyncpg.connect(addresses.owner)
        try:
            async with holder.transaction():
                # identify reads it first of all, so the request stands still in its first statement
                await holder.execute("LOCK TABLE access_memberships IN ACCESS EXCLUSIVE MODE")
                path = f"/v1/referrals/{made['id']}"
                request = (
                    world.coordinator.post(f"{path}/accept", headers=headers)
                    if kind == "writing"
                    else world.coordinator.get(path, headers=headers)
                )
                asked = asyncio.create_task(request)
                await _seen_waiting(template, request_id)
        finally:
            await holder.close()
        answer = await asked
    logs.configure("ERROR")
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-request-id"] == request_id
    (line,) = [
        line for line in map(json.loads, capfd.readouterr().err.splitlines()) if line["request_id"] == request_id
    ]
    assert line["status"] == 200
    audit = "audit_entries" if kind == "writing" else "audit_reads"
    assert await owner.fetchval(f"SELECT count(*) FROM {audit} WHERE request_id = $1", UUID(request_id)) > 0
