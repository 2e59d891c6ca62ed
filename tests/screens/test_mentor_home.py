"""A mentor's first look at the phone."""

import json
from datetime import timedelta
from typing import Any

import pytest

from app.core import clock
from tests.factories import Caller, World, body_of
from tests.screens.pairs import noted, pair, session, starts

pytestmark = pytest.mark.anyio


async def home(caller: Caller) -> dict[str, Any]:
    shown: dict[str, Any] = body_of(await caller.get("/v1/screens/mentor-home"))
    return shown


async def test_a_new_mentor_finds_an_empty_home(world: World) -> None:
    mentor, _ = await world.mentor()
    assert await home(mentor) == {"next_session": None, "offers": [], "not_written_up": [], "caseload": []}
    assert await noted(world, mentor, "MentorHomeScreen") == set()


async def test_home_shows_the_next_session_and_what_the_mentee_needs_there(world: World) -> None:
    made = await pair(world, known_as="Ade", communication_needs=["hearing_loop"])
    await session(world, made, "booked", days_ago=-9)
    soonest = await session(world, made, "booked", days_ago=-2, place="Library, College Green")
    await session(world, made, "cancelled", days_ago=-1)
    shown = (await home(made.mentor))["next_session"]
    assert (shown["id"], shown["match_id"], shown["mentee_id"]) == (str(soonest), made.match_id, made.mentee_id)
    assert (shown["known_as"], shown["place"], shown["mode"]) == ("Ade", "Library, College Green", "face_to_face")
    assert shown["communication_needs"] == ["hearing_loop"]
    read = body_of(await made.mentor.get(f"/v1/sessions/{soonest}"))
    assert (shown["actions"], shown["version"]) == (read["actions"], read["version"])
    assert {"hold", "miss", "cancel"} <= set(shown["actions"])


async def test_a_session_under_way_is_still_the_next_one(world: World) -> None:
    made = await pair(world)
    began = clock.now() - timedelta(minutes=20)
    running = await session(
        world, made, "booked", days_ago=0, planned_starts_at=began, planned_ends_at=began + timedelta(hours=1)
    )
    shown = await home(made.mentor)
    assert shown["next_session"]["id"] == str(running)
    assert shown["not_written_up"] == []


async def test_home_shows_offers_with_their_answers(world: World) -> None:
    mentor, profile = await world.mentor()
    mentee = await world.enrol(known_as="Ade")
    offer = await world.offer(mentee["id"], profile["id"])
    shown = await home(mentor)
    (offered,) = shown["offers"]
    assert (offered["id"], offered["offer"]["known_as"]) == (offer["id"], "Ade")
    assert offered["actions"] == ["accept", "decline"]
    assert shown["caseload"] == []
    body_of(await mentor.post(f"/v1/matches/{offer['id']}/accept"))
    assert (await home(mentor))["offers"] == []


async def test_home_shows_what_is_not_written_up_oldest_first(world: World) -> None:
    made = await pair(world)
    draft = await session(world, made, "draft", days_ago=1)
    booked = await session(world, made, "booked", days_ago=4)
    await session(world, made, "held", days_ago=8)
    shown = (await home(made.mentor))["not_written_up"]
    assert [each["id"] for each in shown] == [str(booked), str(draft)]
    assert shown[0]["since_on"] == str(clock.today() - timedelta(days=4))
    assert ["finish" in each["actions"] for each in shown] == [False, True]
    assert all({"hold", "miss", "cancel"} <= set(each["actions"]) for each in shown)


async def test_the_caseload_says_how_far_each_is(world: World) -> None:
    made = await pair(world, known_as="Ade")
    started_on = clock.today() - timedelta(days=14)
    await starts(world, made, started_on)
    await session(world, made, "held", days_ago=14)
    await session(world, made, "held", days_ago=7)
    await session(world, made, "booked", days_ago=-1)
    shown = await home(made.mentor)
    (one,) = shown["caseload"]
    assert (one["match_id"], one["mentee_id"], one["known_as"]) == (made.match_id, made.mentee_id, "Ade")
    assert (one["held"], one["last_held_on"]) == (2, str(clock.today() - timedelta(days=7)))
    assert one["first_held_on"] == str(started_on)
    # ending a match is the coordinator's
    assert (one["coordinator_name"], one["actions"]) == ("A coordinator", [])
    assert one["next_starts_at"] == shown["next_session"]["planned_starts_at"]
    assert made.mentee["family_name"] not in json.dumps(shown)
    assert made.mentee_id in await noted(world, made.mentor, "MentorHomeScreen")


async def test_a_mentors_home_holds_nothing_of_another_mentor(world: World) -> None:
    made = await pair(world)
    await session(world, made, "booked", days_ago=-1)
    await session(world, made, "booked", days_ago=1)
    other = await pair(world)
    shown = await home(other.mentor)
    assert shown["next_session"] is None
    assert shown["not_written_up"] == []
    assert [one["match_id"] for one in shown["caseload"]] == [other.match_id]


async def test_home_is_for_mentors(world: World) -> None:
    for caller in (world.coordinator, world.referrer):
        assert (await caller.get("/v1/screens/mentor-home")).status_code == 403


async def test_an_ended_match_leaves_the_caseload_and_can_still_be_opened_in_the_days_of_grace(world: World) -> None:
    made = await pair(world)
    ending = {"reason": "mismatch", "is_planned": False}
    body_of(await world.coordinator.post(f"/v1/matches/{made.match_id}/end", ending))
    assert (await home(made.mentor))["caseload"] == []
    shown = body_of(await made.mentor.get(f"/v1/screens/pair/{made.match_id}"))
    assert (shown["status"], shown["actions"]) == ("ended", [])
