"""A pair on one screen, for its coordinator and for its mentor."""

import json
from datetime import timedelta
from typing import Any

import pytest

from app.core import clock
from app.core.actor import Role
from tests.factories import Caller, World, body_of
from tests.screens.pairs import Pair, noted, pair, session, starts

pytestmark = pytest.mark.anyio


async def screen(caller: Caller, of: Pair) -> dict[str, Any]:
    shown: dict[str, Any] = body_of(await caller.get(f"/v1/screens/pair/{of.match_id}"))
    return shown


async def test_a_pair_shows_who_they_are_and_how_far(world: World) -> None:
    made = await pair(world, known_as="Ade")
    started_on = clock.today() - timedelta(days=15)
    await starts(world, made, started_on)
    shown = await screen(world.coordinator, made)
    assert (shown["id"], shown["status"], shown["mentee_name"]) == (
        made.match_id,
        "active",
        f"{made.mentee['given_name']} {made.mentee['family_name']}",
    )
    assert shown["mentor"] == {"id": made.mentor_id, "name": "Sam Okafor", "known_as": "Sam"}
    assert shown["mentee"] == {
        "id": made.mentee_id,
        "status": "matched",
        "coordinator_name": "A coordinator",
        "first_held_on": str(started_on),
        "planned_end_on": str(started_on + timedelta(weeks=16)),
        "ended_on": None,
        "week": 3,
    }
    assert shown["briefing"]["known_as"] == "Ade"
    assert shown["actions"] == ["end"]
    assert shown["mentee_actions"] == ["pause", "end"]
    assert await noted(world, world.coordinator, "PairForCoordinator") == {made.match_id}


async def test_the_sessions_of_a_pair_are_counted_and_the_newest_twenty_shown(world: World) -> None:
    made = await pair(world, confirmed_days_ago=200)
    for week in range(1, 23):
        await session(world, made, "held", days_ago=7 * week)
    newest = await session(world, made, "held", days_ago=2)
    await world.insert(
        "sessions_notes",
        {
            "programme_id": world.programme_id,
            "session_id": newest,
            "mentee_id": made.mentee_id,
            "text": "Walked to the park.",
        },
    )
    shown = await screen(made.mentor, made)
    assert (len(shown["sessions"]), shown["session_counts"]["held"]) == (20, 23)
    assert (shown["sessions"][0]["id"], shown["sessions"][0]["note"]) == (str(newest), "Walked to the park.")
    assert [each["held_on"] for each in shown["sessions"]] == sorted(
        (each["held_on"] for each in shown["sessions"]), reverse=True
    )
    assert shown["session_counts"]["last_held_on"] == str(clock.today() - timedelta(days=2))


async def test_sessions_missed_in_a_row_are_counted_and_a_cancellation_breaks_no_streak(world: World) -> None:
    made = await pair(world)
    await session(world, made, "did_not_attend", days_ago=35)
    await session(world, made, "held", days_ago=28)
    await session(world, made, "did_not_attend", days_ago=21)
    await session(world, made, "cancelled", days_ago=14)
    await session(world, made, "did_not_attend", days_ago=7)
    await session(world, made, "booked", days_ago=-1)
    counts = (await screen(world.coordinator, made))["session_counts"]
    assert (counts["held"], counts["did_not_attend"], counts["cancelled"]) == (1, 3, 1)
    assert counts["did_not_attend_in_a_row"] == 2
    assert counts["next_starts_at"] is not None


async def test_a_goal_shows_its_confidence_over_time(world: World) -> None:
    made = await pair(world)
    goal = {
        "mentee_id": made.mentee_id,
        "area": "activity",
        "statement": "Walk to the park",
        "importance": 8,
        "confidence": 4,
    }
    goal_id = body_of(await made.mentor.post("/v1/goals", goal), 201)["id"]
    for days_ago, confidence, status in ((7, 6, "held"), (1, 7, "held"), (0, 9, "draft")):
        session_id = await session(world, made, status, days_ago=days_ago)
        review = {"session_id": session_id, "goal_id": goal_id, "mentee_id": made.mentee_id, "progress": "better"}
        await world.insert(
            "sessions_goal_reviews", {"programme_id": world.programme_id, "confidence": confidence} | review
        )
    for caller in (world.coordinator, made.mentor):
        (shown,) = (await screen(caller, made))["goals"]
        assert (shown["statement"], shown["importance"]) == ("Walk to the park", 8)
        assert [(point["confidence"], point["progress"]) for point in shown["points"]] == [
            (4, None),
            (6, "better"),
            (7, "better"),
        ]


async def test_each_session_and_goal_says_what_may_be_done_with_it(world: World) -> None:
    made = await pair(world)
    goal = {"mentee_id": made.mentee_id, "area": "food", "statement": "Cook", "importance": 8, "confidence": 4}
    goal_id = body_of(await made.mentor.post("/v1/goals", goal), 201)["id"]
    held = await session(world, made, "held", days_ago=7)
    booked = await session(world, made, "booked", days_ago=-1)
    for caller in (world.coordinator, made.mentor):
        shown = await screen(caller, made)
        assert shown["mentee"]["coordinator_name"] == "A coordinator"
        for one in shown["sessions"]:
            read = body_of(await caller.get(f"/v1/sessions/{one['id']}"))
            assert (one["actions"], one["version"]) == (read["actions"], read["version"])
        assert shown["goals"][0]["actions"] == body_of(await caller.get(f"/v1/goals/{goal_id}"))["actions"]
    possible = {one["id"]: one["actions"] for one in shown["sessions"]}
    assert {"hold", "miss", "cancel"} <= set(possible[str(booked)])
    assert "correct" in possible[str(held)]
    assert "hold" not in possible[str(held)]
    assert shown["goals"][0]["actions"] == ["achieve", "stop"]


async def test_the_coordinator_sees_what_pam_is_due_and_the_mentor_never_does(world: World) -> None:
    made = await pair(world)
    today = clock.today()
    await starts(world, made, today)
    shown = await screen(world.coordinator, made)
    assert shown["pam_baseline"] == {
        "opens_on": str(today - timedelta(days=14)),
        "closes_on": str(today + timedelta(days=14)),
        "prompt": "wanted",
    }
    assert shown["pam_follow_up"]["prompt"] == "not_yet"
    own = await screen(made.mentor, made)
    hidden = {"pam_baseline", "pam_follow_up", "mentee_name", "mentee_actions", "mentor"}
    assert hidden <= shown.keys()
    assert not hidden & own.keys()
    assert "pam" not in json.dumps(own)
    assert made.mentee["family_name"] not in json.dumps(own)
    assert await noted(world, made.mentor, "PairForMentor") == {made.match_id}


async def test_before_the_confirmation_a_mentor_sees_the_offer_alone(world: World) -> None:
    mentor, profile = await world.mentor()
    mentee = await world.enrol(known_as="Ade")
    offer = await world.offer(mentee["id"], profile["id"])
    shown = body_of(await mentor.get(f"/v1/screens/pair/{offer['id']}"))
    assert shown["offer"]["known_as"] == "Ade"
    assert (shown["mentee"], shown["briefing"], shown["sessions"], shown["goals"]) == (None, None, [], [])
    assert shown["actions"] == ["accept", "decline"]


async def test_no_other_mentor_and_no_other_programme_sees_a_pair(world: World, elsewhere: World) -> None:
    made = await pair(world)
    stranger, _ = await world.mentor()
    for caller in (stranger, elsewhere.coordinator):
        assert (await caller.get(f"/v1/screens/pair/{made.match_id}")).status_code == 404
    for caller in (world.referrer, await world.caller(Role.ANALYST)):
        assert (await caller.get(f"/v1/screens/pair/{made.match_id}")).status_code == 403
