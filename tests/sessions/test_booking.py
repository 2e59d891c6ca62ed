"""Sessions are planned with the mentor's time, and called off again."""

import asyncio
from datetime import timedelta

import pytest

from tests.factories import World, body_of
from tests.sessions.pairs import Pair, at, day, paired

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pair(world: World) -> Pair:
    """A mentor and a mentee who have been matched for a while."""
    return await paired(world)


async def test_a_mentor_books_a_session_of_the_programmes_usual_length(pair: Pair) -> None:
    made = await pair.book(at(2), place="Central Library")
    assert (made["status"], made["mode"], made["place"]) == ("booked", "face_to_face", "Central Library")
    assert made["planned_ends_at"] == (at(2) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S+00:00")
    assert made["actions"] == ["hold", "miss", "move", "cancel"]
    assert made["mentee_id"] == pair.mentee_id


async def test_a_session_shows_what_matters_when_meeting_this_mentee(pair: Pair) -> None:
    await pair.world.owner.execute(
        "UPDATE mentees_briefings SET known_as = 'Jo', communication_needs = '{lipreads}', access_needs = 'No stairs' "
        "WHERE mentee_id = $1",
        pair.mentee_id,
    )
    made = await pair.book(at(2))
    seen = body_of(await pair.mentor.get(f"/v1/sessions/{made['id']}"))
    assert (seen["known_as"], seen["communication_needs"], seen["access_needs"]) == ("Jo", ["lipreads"], "No stairs")


async def test_a_session_is_not_booked_in_the_past(pair: Pair) -> None:
    body = {"match_id": pair.match_id, "starts_at": at(-1).isoformat(), "mode": "video"}
    refused = body_of(await pair.mentor.post("/v1/sessions", body), 422)
    assert refused["errors"][0]["field"] == "/starts_at"


async def test_a_session_is_booked_at_most_a_year_ahead(pair: Pair) -> None:
    body = {"match_id": pair.match_id, "mode": "video"}
    for starts_at in (at(367, 23).isoformat(), at(700).isoformat()):
        refused = body_of(await pair.mentor.post("/v1/sessions", body | {"starts_at": starts_at}), 422)
        assert [(e["field"], e["code"]) for e in refused["errors"]] == [("/starts_at", "too_far_ahead")]
    await pair.book(at(365))


async def test_nothing_is_booked_while_the_episode_rests(pair: Pair) -> None:
    path = f"/v1/mentees/{pair.mentee_id}"
    body_of(await pair.world.coordinator.post(f"{path}/pause", {}))
    body = {"match_id": pair.match_id, "starts_at": at(2).isoformat(), "mode": "video"}
    for caller in (pair.mentor, pair.world.coordinator):
        refused = body_of(await caller.post("/v1/sessions", body), 409)
        assert (refused["type"], refused["link"]) == ("/problems/episode-paused", path)
    body_of(await pair.world.coordinator.post(f"{path}/resume", {}))
    body_of(await pair.mentor.post("/v1/sessions", body), 201)


async def test_nothing_is_booked_on_a_match_that_is_not_confirmed(world: World) -> None:
    mentee = await world.enrol()
    _, profile = await world.mentor()
    offer = await world.offer(mentee["id"], profile["id"])
    body = {"match_id": offer["id"], "starts_at": at(2).isoformat(), "mode": "video"}
    refused = body_of(await world.coordinator.post("/v1/sessions", body), 409)
    assert refused["type"] == "/problems/match-not-active"


async def test_nothing_is_booked_on_a_match_that_has_ended(pair: Pair) -> None:
    ending = {"reason": "mismatch", "is_planned": False}
    body_of(await pair.world.coordinator.post(f"/v1/matches/{pair.match_id}/end", ending))
    body = {"match_id": pair.match_id, "starts_at": at(2).isoformat(), "mode": "video"}
    for caller in (pair.mentor, pair.world.coordinator):
        assert body_of(await caller.post("/v1/sessions", body), 409)["type"] == "/problems/match-not-active"


async def test_a_mentor_books_nothing_on_another_mentors_match(pair: Pair) -> None:
    other = await paired(pair.world)
    body = {"match_id": pair.match_id, "starts_at": at(2).isoformat(), "mode": "video"}
    refused = body_of(await other.mentor.post("/v1/sessions", body), 422)
    assert refused["errors"][0]["field"] == "/match_id"


async def test_a_mentors_planned_sessions_do_not_overlap(pair: Pair) -> None:
    second = await pair.world.enrol()
    match = await pair.world.pair(second["id"], pair.mentor, pair.mentor_id)
    first = await pair.book(at(3, 12))
    body = {"match_id": match["id"], "mode": "video", "starts_at": (at(3, 12) + timedelta(minutes=30)).isoformat()}
    for caller in (pair.mentor, pair.world.coordinator):
        refused = body_of(await caller.post("/v1/sessions", body), 409)
        assert (refused["type"], refused["link"]) == ("/problems/mentor-busy", f"/v1/sessions/{first['id']}")
    body_of(await pair.mentor.post("/v1/sessions", body | {"starts_at": at(3, 13).isoformat()}), 201)


async def test_of_ten_bookings_of_one_hour_at_once_one_is_made(pair: Pair) -> None:
    body = {"match_id": pair.match_id, "starts_at": at(3).isoformat(), "mode": "video"}
    answers = await asyncio.gather(*(pair.mentor.post("/v1/sessions", body) for _ in range(10)))
    assert sorted(a.status_code for a in answers) == [201] + [409] * 9


async def test_a_cancelled_session_frees_the_mentors_time_and_says_who_cancelled(pair: Pair) -> None:
    made = await pair.book(at(3))
    cancelled = body_of(await pair.mentor.post(f"/v1/sessions/{made['id']}/cancel", {"by": "mentee", "note": "Ill"}))
    assert (cancelled["status"], cancelled["cancelled_by"], cancelled["cancel_note"]) == ("cancelled", "mentee", "Ill")
    assert cancelled["attendances"] == [{"mentee_id": pair.mentee_id, "outcome": "2"}]
    assert cancelled["actions"] == []
    again = await pair.book(at(3))
    other = body_of(await pair.mentor.post(f"/v1/sessions/{again['id']}/cancel", {"by": "mentor"}))
    assert other["attendances"][0]["outcome"] == "4"
    refused = await pair.mentor.post(f"/v1/sessions/{made['id']}/cancel", {"by": "mentor"})
    assert body_of(refused, 409)["type"] == "/problems/step-not-possible"


async def test_the_place_of_a_session_ahead_changes_and_it_stays_booked(pair: Pair) -> None:
    answer = await pair.mentor.get(f"/v1/sessions/{(await pair.book(at(3)))['id']}")
    path = f"/v1/sessions/{answer.json()['id']}"
    assert (await pair.mentor.patch(path, {"place": "The café"}, None)).status_code == 428
    changed = body_of(await pair.mentor.patch(path, {"place": "The café"}, answer.headers["etag"]))
    assert (changed["status"], changed["place"]) == ("booked", "The café")
    assert (await pair.mentor.patch(path, {"place": "Elsewhere"}, answer.headers["etag"])).status_code == 412


async def test_sessions_are_listed_by_day_the_latest_first_and_page_by_page(pair: Pair) -> None:
    ahead = await pair.book(at(5))
    old = await pair.record(80)
    recent = await pair.record(3)
    seen: list[str] = []
    path: str | None = f"/v1/sessions?match_id={pair.match_id}&limit=2"
    while path:
        answer = await pair.mentor.get(path)
        seen += [item["id"] for item in body_of(answer)["items"]]
        path = answer.links["next"]["url"] if "next" in answer.links else None
    assert seen == [ahead["id"], recent["id"], old["id"]]
    days = f"/v1/sessions?mentee_id={pair.mentee_id}&from={day(10)}&until={day(0)}"
    assert [s["id"] for s in body_of(await pair.mentor.get(days))["items"]] == [recent["id"]]
    refused = body_of(await pair.mentor.get(f"/v1/sessions?from={day(0)}&until={day(1)}"), 422)
    assert [(e["field"], e["code"]) for e in refused["errors"]] == [("query:until", "dates_order")]
    booked = body_of(await pair.mentor.get("/v1/sessions?status=booked&include=total"))
    assert ([s["id"] for s in booked["items"]], booked["total"]) == ([ahead["id"]], 1)
