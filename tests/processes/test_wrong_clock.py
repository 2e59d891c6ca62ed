"""A clock that was wrong once, and is right again, has not switched off what is done by the clock."""

from typing import Any
from uuid import uuid4

import pytest

from app.core import jobs
from app.core.actor import job
from app.core.database import Database, fetch
from app.core.jobs import Periodic
from tests.processes.conftest import noted, row, working

pytestmark = pytest.mark.anyio


async def _nothing() -> None:
    pass


async def test_a_clock_that_was_wrong_once_holds_up_no_job(database: Database, owner: Any) -> None:
    """Due in four years, and leased until then by a worker that is gone."""
    async with database.writing(job("jobs")) as db:
        await fetch(db, jobs.REGISTER, [uuid4(), uuid4()], ["due", "leased"], [3600] * 2, [1000] * 2)
    before = (await row(owner, "due"))["due_at"]
    await owner.execute("UPDATE jobs SET due_at = due_at + interval '40000 hours' WHERE name = 'due'")
    await owner.execute(
        "UPDATE jobs SET due_at = now(), worker = $1, leased_until = now() + interval '4 years' WHERE name = 'leased'",
        uuid4(),
    )
    async with working(database, Periodic("due", 3600, _nothing), Periodic("leased", 3600, _nothing)):
        found = await noted(owner, "due")
        assert found["due_at"] == before  # at its hour, and soon
        assert (await noted(owner, "leased"))["leased_until"] is None
