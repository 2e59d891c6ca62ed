"""A booked session is moved to another time, and stays the same session."""

from datetime import timedelta
from typing import Any

import pytest

from app.core import clock
from tests.factories import World, body_of
from tests.sessions.pairs import Pair, at, paired

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pair(world: World) -> Pair:
    """A mentor and a mentee who have been matched for a while."""
    return await paired(world)


def text(moment: Any) -> str:
    """A moment as answers show it."""
    return str(moment.strftime("%Y-%m-%dT%H:%M:%S+00:00"))


async def move(pair: Pair, session_id: str, status: int = 200, **body: Any) -> dict[str, Any]:
    """What moving the session answers."""
    moved: dict[str, Any] = body_of(await pair.mentor.post(f"/v1/sessions/{session_id}/move", body), status)
    return moved


async def test_a_moved_session_keeps_its_length_and_frees_the_mentors_time(pair: Pair) -> None:
    made = await pair.book(at(3), minutes=90, place="Central Library")
    moved = await move(pair, made["id"], starts_at=at(4).isoformat())
    assert (moved["id"], moved["status"], moved["place"]) == (made["id"], "booked", "Central Library")
    assert moved["planned_starts_at"] == text(at(4))
    assert moved["planned_ends_at"] == text(at(4) + timedelta(minutes=90))
    assert moved["attendances"] == []
    assert moved["version"] > made["version"]
    await pair.book(at(3))
    body = {"match_id": pair.match_id, "starts_at": at(4).isoformat(), "mode": "video"}
    refused = body_of(await pair.mentor.post("/v1/sessions", body), 409)
    assert (refused["type"], refused["link"]) == ("/problems/mentor-busy", f"/v1/sessions/{made['id']}")
    types = await pair.world.owner.fetch("SELECT type FROM events WHERE subject_id = $1 ORDER BY id", made["id"])
    assert [t["type"] for t in types] == ["session.booked", "session.moved"]


async def test_length_place_and_mode_change_with_the_time(pair: Pair) -> None:
    made = await pair.book(at(3))
    path = f"/v1/sessions/{made['id']}/move"
    body = {"starts_at": (at(3) + timedelta(minutes=30)).isoformat(), "minutes": 30, "mode": "video", "place": "Home"}
    moved = body_of(await pair.world.coordinator.post(path, body))
    assert (moved["mode"], moved["place"]) == ("video", "Home")
    assert moved["planned_ends_at"] == text(at(3) + timedelta(minutes=60))


async def test_a_session_is_not_moved_onto_another_of_the_mentors(pair: Pair) -> None:
    first, second = await pair.book(at(3, 12)), await pair.book(at(3, 13))
    half_past = (at(3, 12) + timedelta(minutes=30)).isoformat()
    refused = await move(pair, second["id"], 409, starts_at=half_past)
    assert (refused["type"], refused["link"]) == ("/problems/mentor-busy", f"/v1/sessions/{first['id']}")
    seen = body_of(await pair.mentor.get(f"/v1/sessions/{second['id']}"))
    assert (seen["planned_starts_at"], seen["version"]) == (second["planned_starts_at"], second["version"])


@pytest.mark.parametrize(("days", "code"), [(-1, "in_past"), (368, "too_far_ahead")])
async def test_a_session_is_moved_to_a_time_ahead_and_within_a_year(pair: Pair, days: int, code: str) -> None:
    made = await pair.book(at(3))
    refused = await move(pair, made["id"], 422, starts_at=at(days).isoformat())
    assert [(e["field"], e["code"]) for e in refused["errors"]] == [("/starts_at", code)]


async def test_only_a_booked_session_is_moved(pair: Pair) -> None:
    held = await pair.record(3)
    refused = await move(pair, held["id"], 409, starts_at=at(3).isoformat())
    assert (refused["type"], refused["possible"]) == ("/problems/step-not-possible", ["correct"])


async def test_a_session_whose_hour_went_by_is_moved_ahead_but_not_after_the_match(pair: Pair) -> None:
    made, left = await pair.booked(2), await pair.booked(5)
    assert (await move(pair, made["id"], starts_at=at(3).isoformat()))["takes_place_on"] == str(at(3).date())
    body_of(await pair.world.coordinator.post(f"/v1/mentees/{pair.mentee_id}/pause", {}))
    assert (await move(pair, made["id"], 409, starts_at=at(4).isoformat()))["type"] == "/problems/episode-paused"
    ending = {"reason": "mismatch", "is_planned": False}
    body_of(await pair.world.coordinator.post(f"/v1/matches/{pair.match_id}/end", ending))
    assert (await move(pair, left["id"], 409, starts_at=at(4).isoformat()))["type"] == "/problems/match-not-active"


async def test_a_stale_reader_and_another_mentor_move_nothing(pair: Pair) -> None:
    made = await pair.book(at(3))
    path, body = f"/v1/sessions/{made['id']}/move", {"starts_at": at(4).isoformat()}
    read = {"If-Match": f'"v{made["version"]}"'}
    body_of(await pair.mentor.patch(f"/v1/sessions/{made['id']}", {"note": "By train."}, read["If-Match"]))
    assert (await pair.mentor.post(path, body, headers=read)).status_code == 412
    other = await paired(pair.world)
    assert (await other.mentor.post(path, body)).status_code == 404


async def test_a_session_held_before_its_hour_leaves_the_mentors_time_free(world: World) -> None:
    pair = await paired(world, ago=10)
    starts_at = clock.now() + timedelta(days=2)
    session = await pair.book(starts_at)
    held = {"held_on": str(clock.today()), "minutes": 60, "mode": "telephone"}
    body_of(await pair.mentor.post(f"/v1/sessions/{session['id']}/hold", held))
    await pair.book(starts_at)
