"""Goals are set with a mentee, planned in small steps, and end reached or let go."""

import pytest

from app.core import clock
from tests.factories import World, body_of
from tests.sessions.pairs import Pair, day, paired

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pair(world: World) -> Pair:
    """A mentor and a mentee who have been matched for a while."""
    return await paired(world)


WALK = {
    "what": "Walk round the park",
    "when_where": "After lunch, Eastville Park",
    "barrier": "Rain",
    "plan": "Walk the covered market",
    "due_on": "2027-01-04",
}


async def test_a_mentor_sets_a_goal_with_its_first_small_steps(pair: Pair) -> None:
    goal = await pair.goal(statement="Walk every day", area="activity", actions=[WALK, {"what": "Buy shoes"}])
    assert (goal["status"], goal["importance"], goal["confidence"], goal["latest_confidence"]) == ("active", 8, 4, 4)
    assert goal["set_on"] == str(clock.today())
    assert goal["actions"] == ["achieve", "stop"]
    assert [step["what"] for step in goal["action_plan"]] == ["Walk round the park", "Buy shoes"]
    assert {k: goal["action_plan"][0][k] for k in WALK} == WALK
    plain = body_of(await pair.mentor.get(f"/v1/goals/{goal['id']}"))
    assert not {"action_plan", "reviews"} & plain.keys()


async def test_a_coordinator_sets_a_goal_too(pair: Pair) -> None:
    body = {"mentee_id": pair.mentee_id, "area": "food", "statement": "Cook", "importance": 0, "confidence": 10}
    body_of(await pair.world.coordinator.post("/v1/goals", body), 201)


@pytest.mark.parametrize(
    ("field", "value"),
    [("importance", 11), ("confidence", -1), ("confidence", 4.5), ("area", "money"), ("statement", " ")],
)
async def test_a_goal_that_cannot_be_is_refused_by_field(pair: Pair, field: str, value: object) -> None:
    body = {"mentee_id": pair.mentee_id, "area": "food", "statement": "Cook", "importance": 5, "confidence": 5}
    refused = body_of(await pair.mentor.post("/v1/goals", body | {field: value}), 422)
    assert [e["field"] for e in refused["errors"]] == [f"/{field}"]


async def test_a_goal_is_not_set_in_the_future(pair: Pair) -> None:
    body = {"mentee_id": pair.mentee_id, "area": "food", "statement": "Cook", "importance": 5, "confidence": 5}
    refused = body_of(await pair.mentor.post("/v1/goals", body | {"set_on": str(day(-1))}), 422)
    assert refused["errors"][0]["field"] == "/set_on"


async def test_a_goal_is_reached_let_go_and_taken_up_again(pair: Pair) -> None:
    path = f"/v1/goals/{(await pair.goal())['id']}"
    achieved = body_of(await pair.mentor.post(f"{path}/achieve"))
    assert (achieved["status"], achieved["closed_on"]) == ("achieved", str(clock.today()))
    assert achieved["actions"] == ["reopen"]
    assert body_of(await pair.mentor.post(f"{path}/stop"), 409)["possible"] == ["reopen"]
    reopened = body_of(await pair.mentor.post(f"{path}/reopen"))
    assert (reopened["status"], reopened["closed_on"]) == ("active", None)
    assert body_of(await pair.mentor.post(f"{path}/stop"))["status"] == "stopped"


async def test_a_goals_words_are_changed_by_whoever_read_it_last(pair: Pair) -> None:
    goal = await pair.goal()
    path = f"/v1/goals/{goal['id']}"
    assert (await pair.mentor.patch(path, {"importance": 9}, None)).status_code == 428
    changed = body_of(await pair.mentor.patch(path, {"importance": 9}, '"v1"'))
    assert (changed["importance"], changed["statement"]) == (9, goal["statement"])
    assert (await pair.mentor.patch(path, {"importance": 2}, '"v1"')).status_code == 412
    refused = await pair.mentor.patch(path, {"confidence": 9}, '"v2"')
    assert body_of(refused, 422)["errors"][0]["field"] == "/confidence"


async def test_a_closed_goal_is_not_changed(pair: Pair) -> None:
    path = f"/v1/goals/{(await pair.goal())['id']}"
    body_of(await pair.mentor.post(f"{path}/achieve"))
    assert body_of(await pair.mentor.patch(path, {"importance": 9}, '"v2"'), 409)["type"] == "/problems/goal-closed"
    assert body_of(await pair.mentor.post(f"{path}/actions", WALK), 409)["type"] == "/problems/goal-closed"


async def test_a_small_step_is_planned_changed_and_done(pair: Pair) -> None:
    goal = await pair.goal()
    answer = await pair.mentor.post(f"/v1/goals/{goal['id']}/actions", WALK)
    made, path = body_of(answer, 201), answer.headers["location"]
    assert made["actions"] == ["done", "drop"]
    assert body_of(await pair.mentor.get(path)) == made
    changed = body_of(await pair.mentor.patch(path, {"barrier": None, "what": None}, answer.headers["etag"]))
    assert (changed["barrier"], changed["what"]) == (None, WALK["what"])
    done = body_of(await pair.mentor.post(f"{path}/done"))
    assert (done["status"], done["done_on"], done["actions"]) == ("done", str(clock.today()), [])
    assert body_of(await pair.mentor.post(f"{path}/drop"), 409)["type"] == "/problems/step-not-possible"
    assert (await pair.mentor.patch(path, {"what": "Run"}, '"v3"')).status_code == 409
    plan = body_of(await pair.mentor.get(f"/v1/goals/{goal['id']}?include=action_plan"))["action_plan"]
    assert [step["status"] for step in plan] == ["done"]


async def test_a_small_step_is_found_under_its_own_goal_only(pair: Pair) -> None:
    goal, other = await pair.goal(actions=[WALK]), await pair.goal()
    path = f"/v1/goals/{other['id']}/actions/{goal['action_plan'][0]['id']}"
    assert (await pair.mentor.get(path)).status_code == 404
    assert (await pair.mentor.post(f"{path}/drop")).status_code == 404


async def test_the_goals_of_an_ended_episode_stay_as_they_are(pair: Pair) -> None:
    goal = await pair.goal(actions=[WALK])
    ending = {"reason": "moved_away", "is_planned": False, "barriers_at_end": []}
    body_of(await pair.world.coordinator.post(f"/v1/mentees/{pair.mentee_id}/end", ending))
    path = f"/v1/goals/{goal['id']}"
    body = {"mentee_id": pair.mentee_id, "area": "food", "statement": "Cook", "importance": 5, "confidence": 5}
    answers = [
        await pair.world.coordinator.post("/v1/goals", body),
        await pair.mentor.post("/v1/goals", body),
        await pair.mentor.post(f"{path}/achieve"),
        await pair.mentor.post(f"{path}/actions", WALK),
        await pair.mentor.post(f"{path}/actions/{goal['action_plan'][0]['id']}/done"),
        await pair.mentor.patch(path, {"importance": 1}, '"v1"'),
    ]
    assert {body_of(answer, 409)["type"] for answer in answers} == {"/problems/episode-ended"}


async def test_a_mentor_sees_and_sets_no_goals_of_another_mentors_mentee(pair: Pair, elsewhere: World) -> None:
    other = await paired(pair.world)
    goal = await pair.goal()
    path = f"/v1/goals/{goal['id']}"
    for stranger in (other.mentor, elsewhere.coordinator):
        assert (await stranger.get(path)).status_code == 404
        assert (await stranger.post(f"{path}/achieve")).status_code == 404
        assert (await stranger.post(f"{path}/actions", WALK)).status_code == 404
        assert body_of(await stranger.get(f"/v1/goals?mentee_id={pair.mentee_id}"))["items"] == []
        body = {"mentee_id": pair.mentee_id, "area": "food", "statement": "Cook", "importance": 5, "confidence": 5}
        assert body_of(await stranger.post("/v1/goals", body), 422)["errors"][0]["code"] == "mentee_unknown"


async def test_a_referrer_has_no_way_to_goals(pair: Pair) -> None:
    assert (await pair.world.referrer.get("/v1/goals")).status_code == 403


async def test_goals_are_listed_by_mentee_and_state(pair: Pair) -> None:
    first, second = await pair.goal(), await pair.goal()
    body_of(await pair.mentor.post(f"/v1/goals/{first['id']}/stop"))
    active = body_of(await pair.mentor.get(f"/v1/goals?mentee_id={pair.mentee_id}&status=active&include=action_plan"))
    assert [(g["id"], g["action_plan"]) for g in active["items"]] == [(second["id"], [])]
    everything = body_of(await pair.world.coordinator.get("/v1/goals?include=total"))
    assert ([g["id"] for g in everything["items"]], everything["total"]) == ([second["id"], first["id"]], 2)
