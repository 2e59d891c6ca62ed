"""Consents are added and read, never changed; the latest decision counts."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from app.consents import service
from app.consents.models import ConsentPublic, Purpose
from app.core import clock
from app.core.actor import Actor, Kind, Role
from app.core.database import Database
from tests.factories import World, body_of

pytestmark = pytest.mark.anyio


def decision(mentee: dict[str, Any], **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "programme_id": mentee["programme_id"],
        "person_id": mentee["person_id"],
        "purpose": "research",
        "decision": "given",
        "wording_version": "2026-1",
        "decided_on": str(clock.today()),
        "method": "telephone",
    }
    return {k: v for k, v in (given | changes).items() if v is not None}


async def test_a_consent_is_noted_with_its_wording_and_who_wrote_it_down(world: World) -> None:
    mentee = await world.enrol()
    answer = await world.coordinator.post("/v1/consents", decision(mentee))
    made = body_of(answer, 201)
    ConsentPublic.model_validate(made, strict=False)
    assert (made["is_given"], made["recorded_by"]) == (True, str(world.coordinator.id))
    assert body_of(await world.coordinator.get(answer.headers["location"])) == made


async def test_a_withdrawal_is_a_new_row_and_the_latest_counts(world: World) -> None:
    mentee = await world.enrol()
    body_of(await world.coordinator.post("/v1/consents", decision(mentee)), 201)
    body_of(await world.coordinator.post("/v1/consents", decision(mentee, decision="withdrawn")), 201)
    path = f"/v1/consents?person_id={mentee['person_id']}&purpose=research"
    kept = body_of(await world.coordinator.get(path))["items"]
    assert [(c["decision"], c["is_given"]) for c in kept] == [("withdrawn", False), ("given", False)]
    told = await world.owner.fetch(
        "SELECT type FROM events WHERE programme_id = $1 AND subject_type = 'consents' ORDER BY id", world.programme_id
    )
    assert [row["type"] for row in told][-2:] == ["consent.given", "consent.withdrawn"]


async def test_the_day_of_the_decision_counts_not_the_day_it_was_written_down(app: FastAPI, world: World) -> None:
    mentee = await world.enrol()
    earlier = str(clock.today() - timedelta(days=10))
    body_of(await world.coordinator.post("/v1/consents", decision(mentee, decision="withdrawn")), 201)
    body_of(await world.coordinator.post("/v1/consents", decision(mentee, decided_on=earlier)), 201)
    assert not await is_given(app, world, mentee, Purpose.RESEARCH)


async def test_a_consent_counts_for_its_purpose_and_recipient_alone(app: FastAPI, world: World) -> None:
    mentee = await world.enrol()
    other_id, _ = await world.organisation()
    sent = decision(mentee, purpose="share_outcome", recipient_id=str(world.practice_id))
    body_of(await world.coordinator.post("/v1/consents", sent), 201)
    assert await is_given(app, world, mentee, Purpose.SHARE_OUTCOME, world.practice_id)
    assert not await is_given(app, world, mentee, Purpose.SHARE_OUTCOME, other_id)
    assert not await is_given(app, world, mentee, Purpose.SHARE_STATUS, world.practice_id)
    assert await is_given(app, world, mentee, Purpose.REFERRAL)


async def test_sharing_needs_to_say_with_whom(world: World) -> None:
    mentee = await world.enrol()
    missing = await world.coordinator.post("/v1/consents", decision(mentee, purpose="share_status"))
    assert body_of(missing, 422)["errors"][0]["code"] == "recipient_needed"
    unknown = decision(mentee, purpose="share_status", recipient_id=mentee["id"])
    refused = body_of(await world.coordinator.post("/v1/consents", unknown), 422)
    assert refused["errors"][0]["code"] == "recipient_unknown"


async def test_a_consent_belongs_to_a_person_with_an_episode_in_the_programme(world: World, elsewhere: World) -> None:
    mentee = await world.enrol()
    there = await elsewhere.enrol()
    for wrong in (
        {"person_id": there["person_id"]},
        {"programme_id": there["programme_id"]},
        {"programme_id": there["programme_id"], "person_id": there["person_id"]},
    ):
        refused = body_of(await world.coordinator.post("/v1/consents", decision(mentee, **wrong)), 422)
        assert refused["errors"][0]["field"] == "/person_id"


async def test_a_decision_is_not_of_tomorrow(world: World) -> None:
    mentee = await world.enrol()
    tomorrow = decision(mentee, decided_on=str(clock.today() + timedelta(days=1)))
    assert (await world.coordinator.post("/v1/consents", tomorrow)).status_code == 422


async def test_consents_of_another_programme_are_not_seen(world: World, elsewhere: World) -> None:
    there = await elsewhere.enrol()
    assert body_of(await world.coordinator.get(f"/v1/consents?person_id={there['person_id']}"))["items"] == []
    made = body_of(await elsewhere.coordinator.post("/v1/consents", decision(there)), 201)
    assert (await world.coordinator.get(f"/v1/consents/{made['id']}")).status_code == 404
    assert (await elsewhere.referrer.get(f"/v1/consents/{made['id']}")).status_code == 403


async def test_no_role_changes_or_removes_a_consent_by_bare_sql(app: FastAPI, world: World) -> None:
    await world.enrol()
    database: Database = app.state.database
    for role in (Role.COORDINATOR, Role.MENTOR, Role.REFERRER, Role.ANALYST):
        caller = world.coordinator if role is Role.COORDINATOR else await world.caller(role)
        actor = Actor(Kind.ACCOUNT, caller.role, caller.id, sign_in_id=caller.sign_in_id)
        for sql in ("UPDATE consents SET decision = 'given'", "DELETE FROM consents", "TRUNCATE consents"):
            with pytest.raises(Exception, match="permission denied"):
                async with database.reading(actor) as db:
                    await db.fetch(sql)


async def is_given(
    app: FastAPI, world: World, mentee: dict[str, Any], purpose: Purpose, recipient_id: UUID | None = None
) -> bool:
    """What higher slices ask before they share anything."""
    database: Database = app.state.database
    who = world.coordinator
    async with database.reading(Actor(Kind.ACCOUNT, who.role, who.id, sign_in_id=who.sign_in_id)) as db:
        return await service.is_given(
            db, UUID(mentee["person_id"]), UUID(mentee["programme_id"]), purpose, recipient_id
        )
