"""Who waits: for a mentor, and for a decision."""

from datetime import timedelta

import pytest

from app.core import clock
from tests.factories import World, body_of
from tests.screens.pairs import noted, pair

pytestmark = pytest.mark.anyio


async def test_the_waiting_list_is_oldest_first_with_what_matters_for_a_match(world: World) -> None:
    newer = await world.enrol()
    older = await world.enrol(language="so", is_interpreter_needed=True)
    await world.owner.execute(
        "UPDATE mentees SET received_on = $2, waiting_since = $3 WHERE id = $1",
        older["id"],
        clock.today() - timedelta(days=30),
        clock.now() - timedelta(days=20),
    )
    wish = {"mentor_gender": "2", "is_mentor_gender_required": True}
    etag = (await world.coordinator.get(f"/v1/mentees/{older['id']}/preferences")).headers["etag"]
    body_of(await world.coordinator.patch(f"/v1/mentees/{older['id']}/preferences", wish, etag))
    shown = body_of(await world.coordinator.get("/v1/screens/waiting-list"))["items"]
    assert [item["id"] for item in shown] == [older["id"], newer["id"]]
    first = shown[0]
    assert (first["days_waiting"], first["days_since"], first["waiting_band"]) == (30, 20, "29-84")
    assert (first["briefing"]["language"], first["briefing"]["is_interpreter_needed"]) == ("so", True)
    assert (first["preferences"]["mentor_gender"], first["preferences"]["is_mentor_gender_required"]) == ("2", True)
    assert (first["coordinator_id"], first["coordinator_name"]) == (str(world.coordinator.id), "A coordinator")
    assert (first["reasons"], first["flags"], first["open_offer_count"]) == (["struggling_to_manage"], [], 0)
    assert "pause" in first["actions"]
    assert await noted(world, world.coordinator, "WaitingMentee") == {older["id"], newer["id"]}


async def test_an_open_offer_shows_and_a_pair_waits_no_more(world: World) -> None:
    await pair(world)
    _, profile = await world.mentor()
    mentee = await world.enrol()
    await world.offer(mentee["id"], profile["id"])
    (shown,) = body_of(await world.coordinator.get("/v1/screens/waiting-list"))["items"]
    assert (shown["id"], shown["open_offer_count"]) == (mentee["id"], 1)


async def test_the_waiting_list_is_read_page_by_page_and_by_programme(world: World, elsewhere: World) -> None:
    made = [(await world.enrol())["id"] for _ in range(3)]
    path = f"/v1/screens/waiting-list?limit=2&programme_id={world.programme_id}"
    first = await world.coordinator.get(path)
    second = body_of(await world.coordinator.get(first.links["next"]["url"]))
    assert [item["id"] for item in body_of(first)["items"] + second["items"]] == made
    assert body_of(await elsewhere.coordinator.get(path))["items"] == []
    for caller in (world.referrer, (await world.mentor())[0]):
        assert (await caller.get(path)).status_code == 403


async def test_a_practice_follows_its_referrals_in_words(world: World) -> None:
    waiting, declined = await world.refer(), await world.refer()
    decision = {"reason": "not_eligible", "elsewhere": "The structured education course."}
    body_of(await world.coordinator.post(f"/v1/referrals/{declined['id']}/decline", decision))
    await world.owner.execute(
        "UPDATE referrals SET received_at = received_at - interval '9 days' WHERE programme_id = $1",
        world.programme_id,
    )
    await world.owner.execute(
        "UPDATE referrals SET decided_at = decided_at - interval '8 days' WHERE id = $1", declined["id"]
    )
    shown = {item["id"]: item for item in body_of(await world.referrer.get("/v1/screens/our-referrals"))["items"]}
    first = shown[waiting["id"]]
    assert (first["status_words"], first["days_since_received"], first["waiting_band"]) == ("Received", 9, "8-14")
    assert (first["given_name"], first["programme_name"]) == (waiting["person"]["given_name"], "Diabetes peer support")
    assert first["organisation_name"] == await world.owner.fetchval(
        "SELECT name FROM organisations WHERE id = $1", world.practice_id
    )
    assert (first["last_change_at"], first["actions"]) == (first["received_at"], ["withdraw"])
    second = shown[declined["id"]]
    assert (second["status_words"], second["days_waiting"], second["waiting_band"]) == ("Declined", 1, "0-7")
    assert second["last_change_at"] > second["received_at"]
    assert (second["elsewhere"], second["actions"]) == ("The structured education course.", [])
    only = body_of(await world.referrer.get("/v1/screens/our-referrals?status=declined"))["items"]
    assert [item["id"] for item in only] == [declined["id"]]
    assert await noted(world, world.referrer, "OurReferral") == {waiting["id"], declined["id"]}


async def test_a_practice_sees_no_other_practices_referrals(world: World) -> None:
    await world.refer()
    other_id, _ = await world.organisation()
    other = await world.caller(world.referrer.role, organisation_id=other_id)
    assert body_of(await other.get("/v1/screens/our-referrals"))["items"] == []
    assert (await (await world.mentor())[0].get("/v1/screens/our-referrals")).status_code == 403
