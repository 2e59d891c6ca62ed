"""A session is written up in a minute, late or in parts, and moves what follows from it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.factories import World, body_of
from tests.sessions.pairs import Pair, at, day, paired

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pair(world: World) -> Pair:
    """A mentor and a mentee who have been matched for a while."""
    return await paired(world)


def review(goal: dict[str, Any], confidence: int, progress: str = "better") -> dict[str, Any]:
    """A goal looked at."""
    return {"goal_id": goal["id"], "progress": progress, "confidence": confidence}


async def test_a_session_is_written_up_in_one_request_however_often_it_is_sent(pair: Pair) -> None:
    goal = await pair.goal()
    made = await pair.booked(7)
    sent = {
        "minutes": 55,
        "topics": ["food", "goals"],
        "needs_met": True,
        "note": "Cooked together.",
        "goal_reviews": [review(goal, 7)],
    }
    key = {"Idempotency-Key": "phone-77"}
    first = await pair.mentor.post(f"/v1/sessions/{made['id']}/hold", sent, headers=key)
    held = body_of(first)
    assert (held["status"], held["minutes"], held["mode"], held["held_on"]) == ("held", 55, "face_to_face", str(day(7)))
    assert (held["topics"], held["needs_met"], held["note"]) == (["food", "goals"], True, "Cooked together.")
    assert held["attendances"] == [{"mentee_id": pair.mentee_id, "outcome": "5"}]
    assert held["goal_reviews"][0]["confidence"] == 7
    assert held["actions"] == ["correct"]
    again = await pair.mentor.post(f"/v1/sessions/{made['id']}/hold", sent, headers=key)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert body_of(await pair.mentor.get(f"/v1/goals/{goal['id']}"))["latest_confidence"] == 7
    types = await pair.world.owner.fetch("SELECT type FROM events WHERE subject_id = $1 ORDER BY id", made["id"])
    assert [t["type"] for t in types] == ["session.booked", "session.held"]


async def test_the_first_held_session_starts_the_episode_and_plans_its_end(pair: Pair) -> None:
    await pair.record(60)
    await pair.record(53)
    episode = await pair.episode()
    assert (episode["first_held_on"], episode["planned_end_on"]) == (day(60), day(60) + timedelta(weeks=16))


async def test_a_late_entry_with_an_earlier_true_day_moves_the_start(pair: Pair) -> None:
    await pair.record(53)
    made = await pair.record(60)
    assert made["held_on"] == str(day(60))
    assert made["was_booked"] is False
    assert (await pair.episode())["first_held_on"] == day(60)


async def test_sessions_entered_at_once_leave_the_earliest_day_as_the_start(pair: Pair) -> None:
    entries = (pair.mentor.post("/v1/sessions/record", pair.recorded(ago)) for ago in range(50, 60))
    answers = await asyncio.gather(*entries)
    assert {a.status_code for a in answers} == {201}
    assert (await pair.episode())["first_held_on"] == day(59)


async def test_a_held_session_needs_minutes_and_mode(pair: Pair) -> None:
    sent = {k: v for k, v in pair.recorded(3).items() if k not in ("minutes", "mode")}
    refused = body_of(await pair.mentor.post("/v1/sessions/record", sent), 422)
    assert [e["field"] for e in refused["errors"]] == ["/minutes", "/mode"]


@pytest.mark.parametrize("ago", [101, -1])
async def test_a_session_takes_place_within_its_match_and_not_in_the_future(pair: Pair, ago: int) -> None:
    refused = body_of(await pair.mentor.post("/v1/sessions/record", pair.recorded(ago)), 422)
    assert refused["errors"][0]["field"] == "/held_on"


async def test_a_session_that_has_not_come_cannot_have_been_held(pair: Pair) -> None:
    made = await pair.book(at(3))
    refused = body_of(await pair.mentor.post(f"/v1/sessions/{made['id']}/hold", {"minutes": 60}), 422)
    assert refused["errors"][0]["field"] == "/held_on"


async def test_a_draft_is_kept_and_finished_later(pair: Pair) -> None:
    goal = await pair.goal()
    made = await pair.booked(2)
    path = f"/v1/sessions/{made['id']}"
    draft = await pair.mentor.patch(path, {"note": "Walked.", "goal_reviews": [review(goal, 9)]}, '"v1"')
    assert (body_of(draft)["status"], draft.json()["note"]) == ("draft", "Walked.")
    assert draft.json()["actions"] == ["hold", "finish", "miss", "cancel"]
    assert body_of(await pair.mentor.get(f"/v1/goals/{goal['id']}"))["latest_confidence"] == 4
    assert (await pair.episode())["first_held_on"] is None
    assert [e["field"] for e in body_of(await pair.mentor.post(f"{path}/finish"), 422)["errors"]] == ["/minutes"]
    finished = body_of(await pair.mentor.post(f"{path}/finish", {"minutes": 40}))
    assert (finished["status"], finished["note"], finished["minutes"]) == ("held", "Walked.", 40)
    assert body_of(await pair.mentor.get(f"/v1/goals/{goal['id']}"))["latest_confidence"] == 9
    closed = await pair.mentor.patch(path, {"note": "Later."}, f'"v{finished["version"]}"')
    assert body_of(closed, 409)["type"] == "/problems/step-not-possible"


@pytest.mark.parametrize(("is_late", "code"), [(False, "3"), (True, "7")])
async def test_a_missed_session_keeps_its_day_and_starts_nothing(pair: Pair, is_late: bool, code: str) -> None:
    made = await pair.booked(2)
    missed = body_of(await pair.mentor.post(f"/v1/sessions/{made['id']}/miss", {"is_late": is_late}))
    assert (missed["status"], missed["held_on"]) == ("did_not_attend", str(day(2)))
    assert missed["attendances"][0]["outcome"] == code
    assert (await pair.episode())["first_held_on"] is None


async def test_who_comes_late_and_is_met_counts_as_come(pair: Pair) -> None:
    made = await pair.record(5, is_late=True)
    assert made["attendances"][0]["outcome"] == "6"


async def test_what_took_place_is_recorded_even_at_a_time_planned_for_another(pair: Pair) -> None:
    await pair.booked(2)
    body_of(await pair.mentor.post("/v1/sessions/record", pair.recorded(2)), 201)


async def test_a_goal_called_reached_is_achieved_on_the_day_of_the_session(pair: Pair) -> None:
    goal = await pair.goal()
    await pair.record(9, goal_reviews=[review(goal, 10, "achieved")])
    seen = body_of(await pair.mentor.get(f"/v1/goals/{goal['id']}?include=reviews"))
    assert (seen["status"], seen["closed_on"], seen["latest_confidence"]) == ("achieved", str(day(9)), 10)
    assert [(r["held_on"], r["progress"]) for r in seen["reviews"]] == [(str(day(9)), "achieved")]


async def test_the_latest_confidence_is_that_of_the_latest_session_not_of_the_latest_entry(pair: Pair) -> None:
    goal = await pair.goal()
    await pair.record(9, goal_reviews=[review(goal, 8)])
    await pair.record(16, goal_reviews=[review(goal, 5)])
    seen = body_of(await pair.mentor.get(f"/v1/goals/{goal['id']}?include=reviews"))
    assert (seen["confidence"], seen["latest_confidence"]) == (4, 8)
    assert [r["confidence"] for r in seen["reviews"]] == [5, 8]


async def test_goals_that_are_not_the_mentees_or_named_twice_are_refused_by_position(pair: Pair) -> None:
    other = await paired(pair.world)
    own, foreign = await pair.goal(), await other.goal()
    sent = pair.recorded(3, goal_reviews=[review(own, 5), review(foreign, 5), review(own, 6)])
    refused = body_of(await pair.mentor.post("/v1/sessions/record", sent), 422)
    assert [(e["field"], e["code"]) for e in refused["errors"]] == [
        ("/goal_reviews/1/goal_id", "goal_unknown"),
        ("/goal_reviews/2/goal_id", "goal_twice"),
    ]
    assert body_of(await pair.mentor.get("/v1/sessions"))["items"] == []


async def test_a_corrected_day_moves_the_start_back_and_forth(pair: Pair) -> None:
    made = await pair.record(60)
    await pair.record(40)
    path = f"/v1/sessions/{made['id']}/correct"
    corrected = body_of(await pair.mentor.post(path, {"held_on": str(day(30)), "minutes": 90}))
    assert (corrected["held_on"], corrected["minutes"]) == (str(day(30)), 90)
    assert (await pair.episode())["first_held_on"] == day(40)
    body_of(await pair.world.coordinator.post(path, {"held_on": str(day(70))}))
    assert (await pair.episode())["first_held_on"] == day(70)


async def test_a_session_marked_held_by_mistake_is_made_missed_and_starts_nothing(pair: Pair) -> None:
    goal = await pair.goal()
    made = await pair.record(60, goal_reviews=[review(goal, 9)])
    corrected = body_of(
        await pair.world.coordinator.post(f"/v1/sessions/{made['id']}/correct", {"outcome": "did_not_attend"})
    )
    assert (corrected["status"], corrected["attendances"][0]["outcome"]) == ("did_not_attend", "3")
    episode = await pair.episode()
    assert (episode["first_held_on"], episode["planned_end_on"]) == (None, None)
    assert body_of(await pair.mentor.get(f"/v1/goals/{goal['id']}"))["latest_confidence"] == 4


async def test_a_goal_review_entered_by_mistake_is_taken_out(pair: Pair) -> None:
    goal, other = await pair.goal(), await pair.goal()
    made = await pair.record(60, goal_reviews=[review(goal, 9)])
    path = f"/v1/sessions/{made['id']}/correct"
    corrected = body_of(await pair.mentor.post(path, {"goal_reviews": [review(other, 6)]}))
    assert [r["goal_id"] for r in corrected["goal_reviews"]] == [other["id"]]
    assert body_of(await pair.mentor.get(f"/v1/goals/{goal['id']}"))["latest_confidence"] == 4
    assert body_of(await pair.mentor.get(f"/v1/goals/{other['id']}"))["latest_confidence"] == 6


async def test_only_what_is_over_is_corrected(pair: Pair) -> None:
    made = await pair.book(at(3))
    refused = await pair.mentor.post(f"/v1/sessions/{made['id']}/correct", {"minutes": 5})
    assert body_of(refused, 409)["possible"] == ["hold", "miss", "move", "cancel"]
