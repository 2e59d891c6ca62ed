"""Episodes: the waiting list, what a mentor sees, preferences, briefing, pausing and resuming."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from app.core import clock
from app.core.actor import Actor, Kind, Role
from app.core.database import Database
from app.mentees.shapes import MenteeForMentor, MenteePublic
from app.mentees.waiting import WaitingBand, band_of
from tests.factories import Caller, World, body_of, person
from tests.matches.waiting import OFFER

pytestmark = pytest.mark.anyio


async def test_the_waiting_list_shows_whoever_waits_longest_first_with_days_band_and_flags(world: World) -> None:
    flags = [{"kind": "risk", "note": "Lives with a large dog."}]
    late = await world.enrol()
    early = await world.accept((await world.refer(flags=flags))["id"])
    await waited(world, early, days=30)
    listed = body_of(await world.coordinator.get("/v1/mentees?status=waiting&include=total,preferences"))
    assert [m["id"] for m in listed["items"]] == [early["id"], late["id"]]
    assert listed["total"] == 2
    first = listed["items"][0]
    MenteePublic.model_validate(first)
    assert (first["days_waiting"], first["waiting_band"]) == (30, "29-84")
    assert first["flags"][0]["note"] == "Lives with a large dog."
    assert first["preferences"]["languages"] == []
    assert first["actions"] == ["pause", "end"]
    assert "briefing" not in first


async def test_the_waiting_list_goes_on_page_by_page_and_other_lists_are_newest_first(world: World) -> None:
    mentees = [await world.enrol() for _ in range(3)]
    ids = [m["id"] for m in mentees]
    first = body_of(await world.coordinator.get("/v1/mentees?status=waiting&limit=2"))
    second = body_of(await world.coordinator.get(f"/v1/mentees?status=waiting&limit=2&cursor={first['next']}"))
    assert [m["id"] for m in first["items"] + second["items"]] == ids
    newest = body_of(await world.coordinator.get("/v1/mentees"))
    assert [m["id"] for m in newest["items"]] == ids[::-1]


async def test_mentees_are_listed_by_coordinator_and_programme(world: World, elsewhere: World) -> None:
    mentee = await world.enrol()
    other = await world.enrol()
    colleague = await world.caller(Role.COORDINATOR)
    body_of(await world.coordinator.patch(f"/v1/mentees/{other['id']}", {"coordinator_id": str(colleague.id)}, '"v1"'))
    mine = body_of(await world.coordinator.get(f"/v1/mentees?coordinator_id={world.coordinator.id}"))
    assert [m["id"] for m in mine["items"]] == [mentee["id"]]
    theirs = body_of(await world.coordinator.get(f"/v1/mentees?programme_id={elsewhere.programme_id}"))
    assert theirs["items"] == []


async def test_the_wait_ends_with_the_first_confirmed_match_and_not_with_a_pause(world: World) -> None:
    mentee = await world.enrol()
    await waited(world, mentee, days=100)
    body_of(await world.coordinator.post(f"/v1/mentees/{mentee['id']}/pause"))
    assert await wait_of(world, mentee) == (100, "85-126")
    await world.owner.execute(
        "UPDATE mentees SET first_confirmed_on = received_on + 9 WHERE id = $1", UUID(mentee["id"])
    )
    assert await wait_of(world, mentee) == (9, "8-14")


async def test_a_wait_without_a_match_ends_with_the_episode(world: World) -> None:
    mentee = await world.enrol()
    await waited(world, mentee, days=400)
    assert await wait_of(world, mentee) == (400, "365+")
    await world.owner.execute(
        "UPDATE mentees SET status = 'ended', ended_on = received_on + 3, ending_reason = 'moved_away' WHERE id = $1",
        UUID(mentee["id"]),
    )
    assert await wait_of(world, mentee) == (3, "0-7")


@pytest.mark.parametrize(
    ("days", "band"),
    [
        (0, "0-7"),
        (7, "0-7"),
        (8, "8-14"),
        (14, "8-14"),
        (15, "15-28"),
        (28, "15-28"),
        (29, "29-84"),
        (84, "29-84"),
        (85, "85-126"),
        (126, "85-126"),
        (127, "127-364"),
        (364, "127-364"),
        (365, "365+"),
        (3000, "365+"),
    ],
)
def test_each_wait_falls_in_one_band(days: int, band: str) -> None:
    assert band_of(days) is WaitingBand(band)


async def test_a_mentor_sees_the_first_name_and_the_briefing_of_its_own_mentee_and_nothing_more(world: World) -> None:
    someone = person(given_name="Oluwaseun", known_as="Seun", family_name="Featherstonehaugh")
    mentee = await world.enrol(**someone)
    mentor = await mentor_of(world, mentee)
    answer = await mentor.get(f"/v1/mentees/{mentee['id']}?include=briefing")
    seen = body_of(answer)
    MenteeForMentor.model_validate(seen)
    assert set(seen) == set(MenteeForMentor.model_fields)
    assert (seen["known_as"], seen["briefing"]["known_as"], seen["actions"]) == ("Seun", "Seun", [])
    assert (seen["coordinator_id"], seen["coordinator_name"]) == (str(world.coordinator.id), "A coordinator")
    for hidden in ("Featherstonehaugh", "Oluwaseun", someone["nhs_number"], someone["birth_date"], "BS5", "HbA1c"):
        assert hidden not in answer.text
    listed = body_of(await mentor.get("/v1/mentees?status=waiting&include=total"))
    assert (listed["total"], listed["items"][0]["known_as"]) == (1, "Seun")
    assert body_of(await mentor.get(f"/v1/mentees/{mentee['id']}/briefing"))["known_as"] == "Seun"


async def test_a_mentor_cannot_see_another_mentors_mentee(world: World) -> None:
    mentee = await world.enrol()
    own = await mentor_of(world, await world.enrol())
    assert (await own.get(f"/v1/mentees/{mentee['id']}")).status_code == 404
    assert (await own.get(f"/v1/mentees/{mentee['id']}/briefing")).status_code == 404
    assert mentee["id"] not in (await own.get("/v1/mentees")).text


async def test_a_mentors_access_ends_with_its_caseload(world: World) -> None:
    mentee = await world.enrol()
    mentor = await mentor_of(world, mentee, days=-1)
    assert (await mentor.get(f"/v1/mentees/{mentee['id']}")).status_code == 404


async def test_a_mentor_includes_neither_person_nor_preferences_and_changes_nothing(world: World) -> None:
    mentee = await world.enrol()
    mentor = await mentor_of(world, mentee)
    path = f"/v1/mentees/{mentee['id']}"
    for part in ("person", "preferences", "pauses"):
        refused = body_of(await mentor.get(f"{path}?include={part}"), 422)
        assert refused["errors"][0]["field"] == "query:include"
    assert (await mentor.get(f"{path}/preferences")).status_code == 403
    assert (await mentor.patch(f"{path}/briefing", {"needs": "Other"}, '"v1"')).status_code == 403
    assert (await mentor.patch(path, {"barriers": []}, '"v1"')).status_code == 403
    assert (await mentor.post(f"{path}/pause")).status_code == 403


async def test_a_mentors_bare_sql_reaches_only_what_runs_an_episode(app: FastAPI, world: World) -> None:
    mentee = await world.enrol()
    await world.enrol()
    mentor = await mentor_of(world, mentee)
    actor = Actor(Kind.ACCOUNT, mentor.role, mentor.id, sign_in_id=mentor.sign_in_id)
    database: Database = app.state.database
    async with database.reading(actor) as db:
        rows = await db.fetch("SELECT id, status FROM mentees")
        briefings = await db.fetch("SELECT mentee_id FROM mentees_briefings")
    assert [row["id"] for row in rows] == [row["mentee_id"] for row in briefings] == [UUID(mentee["id"])]
    for sql in (
        "SELECT person_id FROM mentees",
        "SELECT barriers FROM mentees",
        "SELECT 1 FROM mentees_preferences",
        "SELECT 1 FROM mentees_pauses",
        "UPDATE mentees SET status = 'ended'",
        "UPDATE mentees_briefings SET needs = ''",
    ):
        with pytest.raises(Exception, match="permission denied"):
            async with database.reading(actor) as db:
                await db.fetch(sql)


async def test_others_see_no_mentees(world: World, elsewhere: World) -> None:
    mentee = await world.enrol()
    path = f"/v1/mentees/{mentee['id']}"
    assert (await elsewhere.coordinator.get(path)).status_code == 404
    assert (await elsewhere.coordinator.post(f"{path}/pause")).status_code == 404
    assert (await elsewhere.coordinator.get(f"{path}/preferences")).status_code == 404
    assert (await elsewhere.coordinator.patch(f"{path}/preferences", {}, '"v1"')).status_code == 404
    assert (await world.referrer.get(path)).status_code == 403


async def test_an_episode_shows_the_person_the_preferences_and_the_briefing_in_one_request(world: World) -> None:
    someone = person(email="sam@example.org")
    mentee = await world.enrol(**someone)
    seen = body_of(
        await world.coordinator.get(f"/v1/mentees/{mentee['id']}?include=person,preferences,briefing,pauses")
    )
    MenteePublic.model_validate(seen)
    assert (seen["person"]["email"], seen["person"]["birth_date"]) == ("sam@example.org", someone["birth_date"])
    assert (seen["briefing"]["version"], seen["preferences"]["version"], seen["pauses"]) == (1, 1, [])


async def test_coordinator_and_barriers_change_by_patch_and_the_state_does_not(world: World, elsewhere: World) -> None:
    mentee = await world.enrol()
    path = f"/v1/mentees/{mentee['id']}"
    changed = body_of(await world.coordinator.patch(path, {"barriers": ["transport"]}, '"v1"'))
    assert (changed["barriers"], changed["coordinator_id"]) == (["transport"], str(world.coordinator.id))
    stranger = {"coordinator_id": str(elsewhere.coordinator.id)}
    refused = body_of(await world.coordinator.patch(path, stranger, '"v2"'), 422)
    assert refused["errors"][0]["field"] == "/coordinator_id"
    assert (await world.coordinator.patch(path, {"status": "matched"}, '"v2"')).status_code == 422
    assert (await world.coordinator.patch(path, {"barriers": []}, '"v1"')).status_code == 412


async def test_preferences_have_an_etag_of_their_own(world: World) -> None:
    mentee = await world.enrol()
    path = f"/v1/mentees/{mentee['id']}/preferences"
    read = await world.coordinator.get(path)
    assert read.headers["etag"] == '"v1"'
    sent = {
        "mentor_gender": "2",
        "is_mentor_gender_required": True,
        "languages": ["so", "en"],
        "modes": ["face_to_face"],
        "treatments": ["insulin"],
        "interests": ["Allotment"],
        "travel_km": 5,
        "availability": "Mornings",
        "not_with": "A neighbour",
    }
    changed = await world.coordinator.patch(path, sent, '"v1"')
    assert sent.items() <= body_of(changed).items()
    assert changed.headers["etag"] == '"v2"'
    emptied = {"mentor_gender": None, "is_mentor_gender_required": False, "languages": None, "travel_km": None}
    again = body_of(await world.coordinator.patch(path, emptied, '"v2"'))
    assert (again["mentor_gender"], again["travel_km"], again["languages"]) == (None, None, ["so", "en"])
    assert (await world.coordinator.patch(path, {}, None)).status_code == 428
    assert (await world.coordinator.patch(path, {"travel_km": -1}, '"v3"')).status_code == 422


async def test_the_mentor_reads_the_briefing_as_the_coordinator_wrote_it(world: World) -> None:
    mentee = await world.enrol(known_as="Sam")
    mentor = await mentor_of(world, mentee)
    path = f"/v1/mentees/{mentee['id']}/briefing"
    sent = {"contact_route": "By text, 07700 900123", "access_needs": "No stairs", "known_as": None}
    body_of(await world.coordinator.patch(path, sent, '"v1"'))
    seen = body_of(await mentor.get(path))
    assert (seen["contact_route"], seen["access_needs"], seen["known_as"]) == (
        "By text, 07700 900123",
        "No stairs",
        "Sam",
    )
    assert (await world.coordinator.patch(path, {"needs": "Other"}, '"v1"')).status_code == 412


async def test_an_episode_is_paused_and_goes_on_waiting(world: World) -> None:
    mentee = await world.enrol()
    path = f"/v1/mentees/{mentee['id']}"
    paused = body_of(await world.coordinator.post(f"{path}/pause", {"reason": "In hospital."}))
    assert (paused["status"], paused["actions"]) == ("paused", ["resume", "end"])
    twice = body_of(await world.coordinator.post(f"{path}/pause"), 409)
    assert twice["possible"] == ["resume", "end"]
    resumed = body_of(await world.coordinator.post(f"{path}/resume"))
    assert resumed["status"] == "waiting"
    assert (await world.coordinator.post(f"{path}/resume")).status_code == 409
    pauses = body_of(await world.coordinator.get(f"{path}?include=pauses"))["pauses"]
    assert [p["reason"] for p in pauses] == ["In hospital."]
    assert pauses[0]["resumed_at"] is not None


async def test_a_paused_episode_goes_on_with_its_mentor_where_the_match_lasts(world: World) -> None:
    mentee = await world.enrol()
    await matched(world, mentee)
    path = f"/v1/mentees/{mentee['id']}"
    body_of(await world.coordinator.post(f"{path}/pause"))
    assert body_of(await world.coordinator.post(f"{path}/resume"))["status"] == "matched"


async def test_pausing_is_told_as_events(world: World) -> None:
    mentee = await world.enrol()
    body_of(await world.coordinator.post(f"/v1/mentees/{mentee['id']}/pause"))
    body_of(await world.coordinator.post(f"/v1/mentees/{mentee['id']}/resume"))
    told = await world.owner.fetch("SELECT type FROM events WHERE subject_id = $1 ORDER BY id", UUID(mentee["id"]))
    assert [row["type"] for row in told] == ["mentee.enrolled", "mentee.paused", "mentee.resumed"]


async def test_what_is_read_of_an_episode_is_noted(world: World) -> None:
    mentee = await world.enrol()
    mentor = await mentor_of(world, mentee)
    body_of(await mentor.get("/v1/mentees"))
    body_of(await mentor.get(f"/v1/mentees/{mentee['id']}/briefing"))
    noted = await world.owner.fetch("SELECT shape FROM audit_reads WHERE actor_id = $1", mentor.id)
    assert sorted(row["shape"] for row in noted) == ["BriefingPublic", "MenteeForMentor"]


async def waited(world: World, mentee: dict[str, Any], *, days: int) -> None:
    """The referral was received so many days ago and accepted at once; taken as given here."""
    await world.owner.execute(
        "UPDATE mentees SET received_on = $2, waiting_since = $3 WHERE id = $1",
        UUID(mentee["id"]),
        clock.today() - timedelta(days=days),
        clock.now() - timedelta(days=days),
    )


async def wait_of(world: World, mentee: dict[str, Any]) -> tuple[int, str]:
    """Days waited and their band, as a coordinator sees them."""
    seen = body_of(await world.coordinator.get(f"/v1/mentees/{mentee['id']}"))
    return seen["days_waiting"], seen["waiting_band"]


async def mentor_of(world: World, mentee: dict[str, Any], *, days: int = 30) -> Caller:
    """A mentor who reaches this episode for so many days more."""
    mentor = await world.caller(Role.MENTOR)
    await world.insert(
        "access_caseloads",
        {
            "account_id": mentor.id,
            "person_id": UUID(mentee["person_id"]),
            "mentee_id": UUID(mentee["id"]),
            "source_id": mentor.id,
            "until": clock.now() + timedelta(days=days),
        },
    )
    return mentor


async def matched(world: World, mentee: dict[str, Any]) -> None:
    """A match is active; taken as given here, below the slice that makes one."""
    account = await world.caller(Role.MENTOR)
    mentor_id = await world.insert(
        "mentors",
        {
            "programme_id": world.programme_id,
            "account_id": account.id,
            "name": "A mentor",
            "known_as": "Mo",
            "status": "active",
            "capacity": 2,
            "languages": [],
            "modes": [],
            "interests": [],
        },
    )
    await world.insert(
        "matches",
        {
            "programme_id": world.programme_id,
            "mentee_id": UUID(mentee["id"]),
            "mentor_id": mentor_id,
            "mentor_account_id": account.id,
            "status": "active",
            "offer": OFFER,
            "proposed_at": clock.now(),
            "confirmed_at": clock.now(),
            "visible_until": clock.now() + timedelta(days=100),
        },
    )
    await world.owner.execute("UPDATE mentees SET status = 'matched' WHERE id = $1", UUID(mentee["id"]))
