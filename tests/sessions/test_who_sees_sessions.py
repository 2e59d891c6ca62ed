"""A mentor sees the sessions of the own matches, a coordinator those of the programme, nobody else any."""

import pytest

from app.core.actor import Actor, Kind, Role
from tests.factories import World, body_of
from tests.sessions.pairs import Pair, at, day, paired

pytestmark = pytest.mark.anyio


async def _ended(pair: Pair, ago: int = 0) -> None:
    ending = {"reason": "mismatch", "is_planned": False, "ended_on": str(day(ago))}
    body_of(await pair.world.coordinator.post(f"/v1/matches/{pair.match_id}/end", ending))


async def test_a_mentor_sees_and_changes_no_session_of_another_mentor(world: World) -> None:
    pair, other = await paired(world), await paired(world)
    made = await pair.record(5, note="Private.")
    path = f"/v1/sessions/{made['id']}"
    assert (await other.mentor.get(path)).status_code == 404
    assert (await other.mentor.patch(path, {"note": "Mine"}, '"v1"')).status_code == 404
    for verb, body in (("hold", {}), ("miss", {}), ("cancel", {"by": "mentor"}), ("correct", {"minutes": 1})):
        assert (await other.mentor.post(f"{path}/{verb}", body)).status_code == 404
    assert body_of(await other.mentor.get("/v1/sessions"))["items"] == []
    refused = await other.mentor.post("/v1/sessions/record", pair.recorded(3))
    assert body_of(refused, 422)["errors"][0]["field"] == "/match_id"


async def test_a_former_mentors_sessions_and_notes_stay_unseen_by_the_new_mentor(world: World) -> None:
    former = await paired(world)
    goal = await former.goal()
    review = {"goal_id": goal["id"], "progress": "better", "confidence": 9, "note": "Between us."}
    made = await former.record(5, note="Between us.", goal_reviews=[review])
    await _ended(former)
    new = await paired(world, ago=0, mentee_id=former.mentee_id)
    assert (await new.mentor.get(f"/v1/sessions/{made['id']}")).status_code == 404
    assert body_of(await new.mentor.get(f"/v1/sessions?mentee_id={new.mentee_id}&include=note"))["items"] == []
    seen = body_of(await new.mentor.get(f"/v1/goals/{goal['id']}?include=reviews"))
    assert (seen["latest_confidence"], seen["reviews"]) == (9, [])


async def test_a_rematch_does_not_move_the_start_of_the_episode(world: World) -> None:
    former = await paired(world)
    await former.record(40)
    await _ended(former)
    new = await paired(world, ago=0, mentee_id=former.mentee_id)
    await new.record(0)
    assert (await new.episode())["first_held_on"] == day(40)


async def test_a_mentor_enters_what_is_missing_within_the_days_of_grace_and_nothing_later(world: World) -> None:
    pair = await paired(world)
    await pair.booked(2)
    await _ended(pair, ago=1)
    await pair.record(3)
    refused = await pair.mentor.post("/v1/sessions/record", pair.recorded(0))
    assert body_of(refused, 422)["errors"][0]["code"] == "after_match"
    await world.owner.execute(
        "UPDATE access_caseloads SET until = now() - interval '1 second' WHERE source_id = $1", pair.match_id
    )
    assert body_of(await pair.mentor.get("/v1/sessions"))["items"] == []


async def test_a_coordinator_sees_the_sessions_of_the_programme_and_another_programmes_does_not(
    world: World, elsewhere: World
) -> None:
    pair = await paired(world)
    made = await pair.record(5, note="Went well.")
    seen = body_of(await world.coordinator.get(f"/v1/sessions/{made['id']}?include=note"))
    assert seen["note"] == "Went well."
    assert (await elsewhere.coordinator.get(f"/v1/sessions/{made['id']}")).status_code == 404
    assert body_of(await elsewhere.coordinator.get("/v1/sessions"))["items"] == []


async def test_the_note_is_left_out_unless_asked_for(world: World) -> None:
    made = await (await paired(world)).record(5, note="Went well.")
    seen = body_of(await world.coordinator.get(f"/v1/sessions/{made['id']}"))
    assert not {"note", "goal_reviews", "attendances"} & seen.keys()
    refused = await world.coordinator.get(f"/v1/sessions/{made['id']}?include=secrets")
    assert body_of(refused, 422)["errors"][0]["field"] == "query:include"


@pytest.mark.parametrize("role", [Role.REFERRER, Role.ANALYST])
async def test_referrers_and_analysts_have_no_way_to_sessions(world: World, role: Role) -> None:
    pair = await paired(world)
    organisation = {"organisation_id": world.practice_id} if role is Role.REFERRER else {}
    caller = await world.caller(role, **organisation)
    assert (await caller.get("/v1/sessions")).status_code == 403
    assert (await caller.post("/v1/sessions/record", pair.recorded(3))).status_code == 403


async def test_what_is_read_of_a_session_is_noted(world: World) -> None:
    pair = await paired(world)
    made = await pair.book(at(2))
    body_of(await world.coordinator.get(f"/v1/sessions/{made['id']}"))
    noted = await world.owner.fetchval(
        "SELECT count(*) FROM audit_reads WHERE actor_id = $1 AND shape = 'SessionPublic' AND $2 = ANY (ids)",
        world.coordinator.id,
        made["id"],
    )
    assert noted == 1


@pytest.mark.parametrize(
    "table", ["sessions", "sessions_mentors", "sessions_attendances", "sessions_notes", "sessions_goal_reviews"]
)
async def test_even_bare_sql_shows_a_mentor_nothing_of_another_mentors_sessions(world: World, table: str) -> None:
    pair, other = await paired(world), await paired(world)
    goal = await pair.goal()
    await pair.record(5, note="Private.", goal_reviews=[{"goal_id": goal["id"], "progress": "same", "confidence": 4}])
    seen = {}
    for mentor in (pair.mentor, other.mentor):
        actor = Actor(kind=Kind.ACCOUNT, role=Role.MENTOR, id=mentor.id, sign_in_id=mentor.sign_in_id)
        async with world.app.state.database.reading(actor) as db:
            seen[mentor.id] = len(await db.fetch(f"SELECT id FROM {table}"))
    assert seen == {pair.mentor.id: 1, other.mentor.id: 0}
