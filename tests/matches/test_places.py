"""The last place is given once, however many ask for it at the same time; the database itself holds it."""

import asyncio
from uuid import UUID

import asyncpg
import pytest

from tests.factories import World, body_of
from tests.matches.waiting import accepted_offer, ready_mentor, waiting

pytestmark = pytest.mark.anyio

ASKING = 50


async def confirm_all(world: World, match_ids: list[UUID]) -> list[str]:
    """Confirm all at once: what became of each, `active` or the type of the refusal."""
    answers = await asyncio.gather(
        *(world.coordinator.post(f"/v1/matches/{match_id}/confirm") for match_id in match_ids)
    )
    assert {answer.status_code for answer in answers} <= {200, 409}, [answer.text for answer in answers]
    return sorted(answer.json().get("type", answer.json()["status"]) for answer in answers)


async def test_of_fifty_confirmations_for_a_mentors_last_place_one_succeeds(world: World) -> None:
    mentor_id, account_id = await ready_mentor(world, capacity=1)
    matches = [await accepted_offer(world, await waiting(world), mentor_id, account_id) for _ in range(ASKING)]
    outcome = await confirm_all(world, matches)
    assert outcome == ["/problems/mentor-is-full"] * (ASKING - 1) + ["active"]
    active = "SELECT count(*) FROM matches WHERE mentor_id = $1 AND status = 'active'"
    assert await world.owner.fetchval(active, mentor_id) == 1
    await check_nothing_half_done(world)


async def test_of_fifty_confirmations_for_the_contract_years_last_place_one_succeeds(world: World) -> None:
    await world.owner.execute(
        "UPDATE programmes_contract_years SET mentee_places = 1 WHERE programme_id = $1", world.programme_id
    )
    matches = []
    for _ in range(ASKING):
        mentor_id, account_id = await ready_mentor(world, capacity=2)
        matches.append(await accepted_offer(world, await waiting(world), mentor_id, account_id))
    outcome = await confirm_all(world, matches)
    assert outcome == ["/problems/places-taken"] * (ASKING - 1) + ["active"]
    await check_nothing_half_done(world)


async def test_of_rival_mentors_confirmed_at_once_one_gets_the_mentee(world: World) -> None:
    mentee_id = await waiting(world)
    matches = []
    for _ in range(10):
        mentor_id, account_id = await ready_mentor(world, capacity=2)
        matches.append(await accepted_offer(world, mentee_id, mentor_id, account_id))
    outcome = await confirm_all(world, matches)
    assert outcome == ["/problems/step-not-possible"] * 9 + ["active"]
    await check_nothing_half_done(world)


async def test_the_database_gives_no_mentee_a_second_mentor(world: World) -> None:
    mentee_id = await waiting(world)
    matches = [await accepted_offer(world, mentee_id, *await ready_mentor(world, capacity=2)) for _ in range(2)]
    body_of(await world.coordinator.post(f"/v1/matches/{matches[0]}/confirm"))
    with pytest.raises(asyncpg.UniqueViolationError):
        await world.owner.execute(
            "UPDATE matches SET status = 'active', offer = '{}', confirmed_at = now() WHERE id = $1", matches[1]
        )


async def check_nothing_half_done(world: World) -> None:
    """Matched episodes, active matches, caseloads, first confirmations and events are one and the same."""
    counts = await world.owner.fetchrow(
        "SELECT (SELECT count(*) FROM matches WHERE programme_id = $1 AND status = 'active'), "
        "(SELECT count(*) FROM mentees WHERE programme_id = $1 AND status = 'matched'), "
        "(SELECT count(*) FROM mentees WHERE programme_id = $1 AND first_confirmed_on IS NOT NULL), "
        "(SELECT count(*) FROM access_caseloads c JOIN mentees m ON m.id = c.mentee_id WHERE m.programme_id = $1), "
        "(SELECT count(*) FROM events WHERE programme_id = $1 AND type = 'match.confirmed')",
        world.programme_id,
    )
    assert list(counts) == [1, 1, 1, 1, 1]
