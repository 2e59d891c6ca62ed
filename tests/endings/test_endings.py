"""A match, an episode or a mentor's time comes to its end, and everything that hangs on it with it."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.core import clock
from app.core.actor import Role
from tests.factories import Caller, World, body_of
from tests.matches.waiting import accepted_offer, ready_mentor, waiting

pytestmark = pytest.mark.anyio

MISMATCH = {"reason": "mismatch", "is_planned": False}
COMPLETED = {"reason": "completed_planned", "is_planned": True}


async def paired(world: World, **profile: Any) -> tuple[UUID, Caller, dict[str, Any], dict[str, Any]]:
    """A mentee with a mentor: the mentee's id, the mentor signed in, the profile, the match."""
    mentor, made = await world.mentor(**profile)
    mentee_id = await waiting(world)
    return mentee_id, mentor, made, await world.pair(mentee_id, mentor, made["id"])


async def book(world: World, mentee_id: UUID, match: dict[str, Any], starts_at: datetime, **changes: Any) -> UUID:
    """A session of this pair, as the owner puts it."""
    planned = {"planned_starts_at": starts_at, "planned_ends_at": starts_at + timedelta(hours=1)}
    session_id = await world.insert(
        "sessions",
        {
            "programme_id": world.programme_id,
            "mentee_id": mentee_id,
            "match_id": match["id"],
            "status": "booked",
            "topics": [],
            "was_booked": True,
        }
        | planned
        | changes,
    )
    await world.insert(
        "sessions_mentors",
        {
            "programme_id": world.programme_id,
            "session_id": session_id,
            "mentee_id": mentee_id,
            "mentor_id": match["mentor_id"],
            "is_cancelled": False,
        },
    )
    return session_id


async def confirmed_before(world: World, match: dict[str, Any], days: int) -> None:
    """The pair has met for some days already."""
    await world.owner.execute(
        "UPDATE matches SET confirmed_at = confirmed_at - make_interval(days => $2) WHERE id = $1", match["id"], days
    )


async def row(world: World, table: str, row_id: str | UUID) -> Any:
    """A row as it is stored."""
    return await world.owner.fetchrow(f"SELECT * FROM {table} WHERE id = $1", row_id)


async def test_after_a_match_has_ended_the_mentee_waits_again_from_now(world: World) -> None:
    mentee_id, _, _, match = await paired(world)
    before = await row(world, "mentees", mentee_id)
    ended = body_of(
        await world.coordinator.post(f"/v1/matches/{match['id']}/end", MISMATCH | {"note": "Too different"})
    )
    assert (ended["status"], ended["ended_on"], ended["ending_reason"]) == ("ended", str(clock.today()), "mismatch")
    assert (ended["ending_note"], ended["ended_by"]) == ("Too different", str(world.coordinator.id))
    assert ended["actions"] == []
    after = await row(world, "mentees", mentee_id)
    assert after["status"] == "waiting"
    assert after["waiting_since"] > before["waiting_since"]
    other, profile = await world.mentor()
    await world.pair(mentee_id, other, profile["id"])


async def test_a_paused_episode_rests_on_when_its_match_ends_and_then_waits(world: World) -> None:
    mentee_id, _, _, match = await paired(world)
    body_of(await world.coordinator.post(f"/v1/mentees/{mentee_id}/pause", {"reason": "In hospital"}))
    body_of(await world.coordinator.post(f"/v1/matches/{match['id']}/end", MISMATCH))
    assert (await row(world, "mentees", mentee_id))["status"] == "paused"
    assert body_of(await world.coordinator.post(f"/v1/mentees/{mentee_id}/resume"))["status"] == "waiting"


async def test_a_match_that_has_ended_does_not_end_again(world: World) -> None:
    _, mentor, profile, match = await paired(world)
    path = f"/v1/matches/{match['id']}/end"
    body_of(await mentor.post(path, MISMATCH), 403)
    body_of(await world.coordinator.post(path, MISMATCH))
    again = body_of(await world.coordinator.post(path, MISMATCH), 409)
    assert (again["current"], again["possible"]) == ("ended", [])
    offer = await world.offer(await waiting(world), profile["id"])
    body_of(await world.coordinator.post(f"/v1/matches/{offer['id']}/end", MISMATCH), 409)


async def test_the_mentors_place_is_free_after_the_end(world: World) -> None:
    _, mentor, profile, match = await paired(world, capacity=1)
    body_of(await world.coordinator.post(f"/v1/matches/{match['id']}/end", MISMATCH))
    await world.pair(await waiting(world), mentor, profile["id"])


async def test_a_former_mentor_reaches_the_record_for_the_days_of_grace_and_reads_no_reason(world: World) -> None:
    mentee_id, mentor, _, match = await paired(world)
    path = f"/v1/matches/{match['id']}"
    ended = body_of(await world.coordinator.post(f"{path}/end", MISMATCH | {"note": "Complaint"}))
    last_night = datetime.combine(clock.today() + timedelta(days=15), time.min, clock.LONDON).astimezone(UTC)
    assert datetime.fromisoformat(ended["visible_until"]) == last_night
    until = "SELECT until FROM access_caseloads WHERE source_id = $1"
    assert await world.owner.fetchval(until, match["id"]) == last_night
    seen = await mentor.get(path)
    assert body_of(seen)["status"] == "ended"
    assert "mismatch" not in seen.text
    assert "Complaint" not in seen.text
    body_of(await mentor.get(f"/v1/mentees/{mentee_id}/briefing"))


async def test_a_former_mentor_reaches_nothing_once_the_grace_is_over(world: World) -> None:
    mentee_id, mentor, _, match = await paired(world)
    await confirmed_before(world, match, 20)
    await world.owner.execute("UPDATE programmes SET grace_days = 3 WHERE id = $1", world.programme_id)
    yesterday = MISMATCH | {"ended_on": str(clock.today() - timedelta(days=4))}
    body_of(await world.coordinator.post(f"/v1/matches/{match['id']}/end", yesterday))
    for path in (f"/v1/matches/{match['id']}", f"/v1/mentees/{mentee_id}", f"/v1/mentees/{mentee_id}/briefing"):
        body_of(await mentor.get(path), 404)
    assert body_of(await mentor.get("/v1/matches"))["items"] == []
    assert body_of(await mentor.get("/v1/mentees"))["items"] == []


async def test_sessions_to_come_are_cancelled_and_past_ones_can_still_be_written_up(world: World) -> None:
    mentee_id, _, _, match = await paired(world)
    other_mentee, _, _, other_match = await paired(world)
    tomorrow, yesterday = clock.now() + timedelta(days=1), clock.now() - timedelta(days=1)
    coming = await book(world, mentee_id, match, tomorrow)
    past = await book(world, mentee_id, match, yesterday)
    others = await book(world, other_mentee, other_match, tomorrow)
    body_of(await world.coordinator.post(f"/v1/matches/{match['id']}/end", MISMATCH))
    cancelled = await row(world, "sessions", coming)
    assert (cancelled["status"], cancelled["cancelled_by"]) == ("cancelled", "service")
    assert cancelled["cancelled_at"] is not None
    flags = "SELECT session_id, is_cancelled FROM sessions_mentors WHERE programme_id = $1"
    assert dict(await world.owner.fetch(flags, world.programme_id)) == {coming: True, past: False, others: False}
    for kept in (past, others):
        assert (await row(world, "sessions", kept))["status"] == "booked"


@pytest.mark.parametrize(
    ("ended_on", "code"), [(-30, "before_confirmation"), (-3, "session_held_later"), (1, "date_in_future")]
)
async def test_a_match_ends_between_its_last_session_held_and_today(world: World, ended_on: int, code: str) -> None:
    mentee_id, _, _, match = await paired(world)
    await confirmed_before(world, match, 10)
    held = {"status": "held", "held_on": clock.today() - timedelta(days=2), "minutes": 60}
    await book(world, mentee_id, match, clock.now() - timedelta(days=2), **held)
    given = MISMATCH | {"ended_on": str(clock.today() + timedelta(days=ended_on))}
    refused = body_of(await world.coordinator.post(f"/v1/matches/{match['id']}/end", given), 422)
    assert [(e["field"], e["code"]) for e in refused["errors"]] == [("/ended_on", code)]


async def test_a_death_is_no_reason_to_put_somebody_back_on_the_waiting_list(world: World) -> None:
    mentee_id, _, _, match = await paired(world)
    died = {"reason": "died", "is_planned": False}
    refused = body_of(await world.coordinator.post(f"/v1/matches/{match['id']}/end", died), 422)
    assert refused["errors"][0]["code"] == "ends_the_episode"
    assert body_of(await world.coordinator.post(f"/v1/mentees/{mentee_id}/end", died))["status"] == "ended"
    assert (await row(world, "matches", match["id"]))["status"] == "ended"


async def test_with_an_episode_its_match_and_its_booked_sessions_end(world: World) -> None:
    mentee_id, _, _, match = await paired(world)
    coming = await book(world, mentee_id, match, clock.now() + timedelta(days=1))
    given = COMPLETED | {"barriers_at_end": ["transport"], "note": "A good run"}
    ended = body_of(await world.coordinator.post(f"/v1/mentees/{mentee_id}/end", given))
    assert (ended["status"], ended["ended_on"], ended["ending_reason"]) == (
        "ended",
        str(clock.today()),
        "completed_planned",
    )
    assert (ended["is_planned_ending"], ended["barriers_at_end"], ended["actions"]) == (True, ["transport"], [])
    assert (await row(world, "mentees", mentee_id))["ending_note"] == "A good run"
    shown = body_of(await world.coordinator.get(f"/v1/matches/{match['id']}"))
    assert (shown["status"], shown["ending_reason"]) == ("ended", "completed_planned")
    assert (await row(world, "sessions", coming))["status"] == "cancelled"
    again = body_of(await world.coordinator.post(f"/v1/mentees/{mentee_id}/end", given), 409)
    assert (again["current"], again["possible"]) == ("ended", [])


async def test_with_an_episode_that_waits_its_open_offers_are_withdrawn(world: World) -> None:
    mentor, profile = await world.mentor()
    mentee_id = await waiting(world)
    offer = await world.offer(mentee_id, profile["id"])
    gone = {"reason": "moved_away", "is_planned": False}
    body_of(await world.coordinator.post(f"/v1/mentees/{mentee_id}/end", gone))
    assert body_of(await mentor.get(f"/v1/matches/{offer['id']}"))["status"] == "withdrawn"
    pair = {"mentee_id": str(mentee_id), "mentor_id": profile["id"]}
    assert body_of(await world.coordinator.post("/v1/matches", pair), 409)["current"] == "ended"


async def test_an_episode_does_not_end_before_its_referral_was_received(world: World) -> None:
    mentee_id = await waiting(world)
    given = COMPLETED | {"ended_on": str(clock.today() - timedelta(days=11))}
    refused = body_of(await world.coordinator.post(f"/v1/mentees/{mentee_id}/end", given), 422)
    assert refused["errors"][0]["code"] == "before_referral"
    given["ended_on"] = str(clock.today() - timedelta(days=10))
    body_of(await world.coordinator.post(f"/v1/mentees/{mentee_id}/end", given))


async def test_an_ending_without_reason_or_plan_is_refused(world: World) -> None:
    mentee_id = await waiting(world)
    refused = body_of(await world.coordinator.post(f"/v1/mentees/{mentee_id}/end", {}), 422)
    assert {e["field"] for e in refused["errors"]} == {"/reason", "/is_planned"}


async def test_another_programmes_coordinator_ends_nothing_here(world: World, elsewhere: World) -> None:
    mentee_id, _, profile, match = await paired(world)
    for path, body in (
        (f"/v1/matches/{match['id']}/end", MISMATCH),
        (f"/v1/mentees/{mentee_id}/end", COMPLETED),
        (f"/v1/mentors/{profile['id']}/leave", {}),
    ):
        body_of(await elsewhere.coordinator.post(path, body), 404)


async def test_when_a_mentor_leaves_the_mentees_wait_again_and_offers_are_withdrawn(world: World) -> None:
    mentee_id, mentor, profile, match = await paired(world)
    await book(world, mentee_id, match, clock.now() + timedelta(days=1))
    offered = await waiting(world)
    offer = await world.offer(offered, profile["id"])
    path = f"/v1/mentors/{profile['id']}"
    left = body_of(await world.coordinator.post(f"{path}/leave", {"reason": "Moves to Leeds"}))
    assert (left["status"], left["left_on"], left["actions"]) == ("left", str(clock.today()), ["resume"])
    assert (left["is_matchable"], left["active_match_count"]) == (False, 0)
    shown = body_of(await world.coordinator.get(f"/v1/matches/{match['id']}"))
    assert (shown["status"], shown["ending_reason"]) == ("ended", "mentor_left")
    assert (await row(world, "matches", offer["id"]))["status"] == "withdrawn"
    for waits in (mentee_id, offered):
        assert (await row(world, "mentees", waits))["status"] == "waiting"
    cancelled = "SELECT count(*) FROM sessions WHERE match_id = $1 AND status = 'cancelled'"
    assert await world.owner.fetchval(cancelled, match["id"]) == 1
    assert "Leeds" not in (await mentor.get(path)).text
    body_of(await world.coordinator.post(f"{path}/leave"), 409)
    back = body_of(await world.coordinator.post(f"{path}/resume"))
    assert (back["status"], back["left_on"]) == ("active", None)


async def test_a_mentor_does_not_leave_before_a_match_was_confirmed(world: World) -> None:
    mentee_id, _, profile, _ = await paired(world)
    given = {"left_on": str(clock.today() - timedelta(days=1))}
    refused = body_of(await world.coordinator.post(f"/v1/mentors/{profile['id']}/leave", given), 422)
    assert (refused["errors"][0]["field"], refused["errors"][0]["code"]) == ("/left_on", "before_confirmation")
    assert (await row(world, "mentees", mentee_id))["status"] == "matched"


async def test_a_mentor_who_leaves_while_matches_are_confirmed_keeps_none(world: World) -> None:
    mentor_id, account_id = await ready_mentor(world, capacity=3)
    matches = [await accepted_offer(world, await waiting(world), mentor_id, account_id) for _ in range(6)]
    confirms = [world.coordinator.post(f"/v1/matches/{match_id}/confirm") for match_id in matches]
    requests = [*confirms[:3], world.coordinator.post(f"/v1/mentors/{mentor_id}/leave"), *confirms[3:]]
    answers = await asyncio.gather(*requests)
    assert {answer.status_code for answer in answers} <= {200, 409}, [answer.text for answer in answers]
    assert answers[3].status_code == 200
    states = await world.owner.fetch("SELECT status FROM matches WHERE mentor_id = $1", mentor_id)
    assert {state[0] for state in states} <= {"ended", "withdrawn"}
    waits = await world.owner.fetch("SELECT status FROM mentees WHERE programme_id = $1", world.programme_id)
    assert {state[0] for state in waits} == {"waiting"}


async def test_ends_asked_for_while_a_mentor_leaves_are_done_or_refused_and_never_stuck(world: World) -> None:
    for _ in range(3):
        mentor_id, account_id = await ready_mentor(world, capacity=3)
        matches = [await accepted_offer(world, await waiting(world), mentor_id, account_id) for _ in range(3)]
        for match_id in matches:
            body_of(await world.coordinator.post(f"/v1/matches/{match_id}/confirm"))
        ends = [world.coordinator.post(f"/v1/matches/{match_id}/end", MISMATCH) for match_id in matches]
        answers = await asyncio.gather(*ends, world.coordinator.post(f"/v1/mentors/{mentor_id}/leave"))
        assert {answer.status_code for answer in answers} <= {200, 409}, [answer.text for answer in answers]
    active = "SELECT count(*) FROM matches WHERE programme_id = $1 AND status = 'active'"
    assert await world.owner.fetchval(active, world.programme_id) == 0


async def test_sessions_written_up_while_their_match_ends_are_done_or_refused_and_none_is_held_after_the_end(
    world: World,
) -> None:
    for _ in range(4):
        mentee_id, mentor, _, match = await paired(world)
        await confirmed_before(world, match, 60)
        begun = [clock.true_now() - timedelta(days=days) for days in range(1, 5)]
        booked = [await book(world, mentee_id, match, at) for at in begun]
        held = [
            mentor.post(f"/v1/sessions/{one}/hold", {"held_on": str(at.date()), "minutes": 60, "mode": "face_to_face"})
            for one, at in zip(booked, begun, strict=True)
        ]
        end = world.coordinator.post(
            f"/v1/matches/{match['id']}/end", MISMATCH | {"ended_on": str(clock.today() - timedelta(days=3))}
        )
        answers = await asyncio.gather(*held[:2], end, *held[2:])
        assert {answer.status_code for answer in answers} <= {200, 409, 422}, [answer.text for answer in answers]
    after = "SELECT count(*) FROM sessions s JOIN matches m ON m.id = s.match_id WHERE s.held_on > m.ended_on"
    assert await world.owner.fetchval(after) == 0


async def test_a_person_who_returns_after_an_ending_begins_a_new_episode_with_a_place_of_its_own(world: World) -> None:
    _, match = await world.match()
    body_of(await world.coordinator.post(f"/v1/mentees/{match['mentee_id']}/end", COMPLETED))
    first = await row(world, "mentees", match["mentee_id"])
    sent = await world.owner.fetchrow("SELECT * FROM people_identifiers WHERE person_id = $1", first["person_id"])
    again = await world.enrol(nhs_number=sent["nhs_number"], birth_date=str(sent["birth_date"]))
    second = await row(world, "mentees", again["id"])
    assert second["person_id"] == first["person_id"]
    assert (second["status"], second["first_confirmed_on"]) == ("waiting", None)
    mentor, profile = await world.mentor()
    await world.pair(again["id"], mentor, profile["id"])
    assert (await row(world, "mentees", again["id"]))["contract_year_id"] == first["contract_year_id"]


async def test_an_ending_to_keep_somebody_safe_leaves_the_mentor_no_days_of_grace(world: World) -> None:
    mentee_id, mentor, _, match = await paired(world)
    ending = MISMATCH | {"reason": "safeguarding"}
    body_of(await world.coordinator.post(f"/v1/matches/{match['id']}/end", ending))
    body_of(await mentor.get(f"/v1/mentees/{mentee_id}"), 404)
    body_of(await mentor.get(f"/v1/matches/{match['id']}"), 404)


async def test_a_mentor_whose_role_is_taken_away_reaches_nothing_even_as_a_mentor_elsewhere(
    world: World, elsewhere: World
) -> None:
    mentee_id, mentor, _, _ = await paired(world)
    await elsewhere.membership(mentor.id, Role.MENTOR)
    account = body_of(await world.coordinator.get(f"/v1/accounts/{mentor.id}"))
    held = next(m for m in account["memberships"] if m["programme_id"] == str(world.programme_id))
    body_of(await mentor.get(f"/v1/mentees/{mentee_id}"))
    taken = await world.coordinator.send("DELETE", f"/v1/accounts/{mentor.id}/memberships/{held['id']}")
    assert taken.status_code == 204
    body_of(await mentor.get(f"/v1/mentees/{mentee_id}"), 404)
    body_of(await mentor.get(f"/v1/mentees/{mentee_id}/briefing"), 404)
