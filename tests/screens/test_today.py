"""A coordinator's morning: what is due or late, counted by kind, the longest standing first."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.core import clock
from tests.factories import Caller, World, body_of
from tests.screens.pairs import noted, pair, session, starts

pytestmark = pytest.mark.anyio


async def kinds(world: World, caller: Caller | None = None, query: str = "") -> dict[str, dict[str, Any]]:
    shown = body_of(await (caller or world.coordinator).get(f"/v1/screens/today{query}"))
    assert shown["today"] == str(clock.today())
    return {kind["kind"]: kind for kind in shown["kinds"]}


async def ids(world: World, kind: str) -> list[str]:
    return [item["id"] for item in (await kinds(world))[kind]["items"]]


async def test_a_quiet_morning_shows_every_kind_with_none(world: World) -> None:
    shown = await kinds(world)
    assert {name: kind["count"] for name, kind in shown.items()} == {
        "referral_undecided": 0,
        "offer_unanswered": 0,
        "match_to_confirm": 0,
        "mentee_waiting": 0,
        "pair_quiet": 0,
        "baseline_wanted": 0,
        "follow_up_wanted": 0,
        "session_not_written_up": 0,
        "planned_end_passed": 0,
    }
    assert all(kind["items"] == [] for kind in shown.values())


async def test_undecided_referrals_are_counted_and_the_five_longest_standing_named(world: World) -> None:
    made = [await world.refer() for _ in range(7)]
    for days, referral in enumerate(made):
        await _received(world, referral["id"], clock.now() - timedelta(days=days))
    shown = (await kinds(world))["referral_undecided"]
    assert (shown["count"], shown["label"]) == (7, "Referral to decide on")
    assert [item["id"] for item in shown["items"]] == [referral["id"] for referral in made[:1:-1]]
    oldest = shown["items"][0]
    person = made[-1]["person"]
    assert oldest["who"] == f"{person['given_name']} {person['family_name']}"
    assert (oldest["days"], oldest["mentor"]) == (6, None)
    assert oldest["link"] == f"/v1/screens/triage/{made[-1]['id']}"
    body_of(await world.coordinator.get(oldest["link"]))
    assert await noted(world, world.coordinator, "TodayScreen") == {referral["id"] for referral in made[2:]}


async def test_all_seven_of_a_kind_are_reached_page_by_page_by_the_link_of_their_kind(world: World) -> None:
    made = [await world.refer() for _ in range(7)]
    # two on the same day: the id decides between them
    for days, referral in zip((6, 5, 5, 4, 3, 2, 1), made, strict=True):
        await _received(world, referral["id"], clock.now() - timedelta(days=days))
    link = (await kinds(world, None, f"?programme_id={world.programme_id}"))["referral_undecided"]["link"]
    assert link == f"/v1/screens/today?programme_id={world.programme_id}&kind=referral_undecided"
    shown: list[dict[str, Any]] = []
    sizes = []
    address: str | None = f"{link}&limit=2"
    while address:
        answer = await world.coordinator.get(address)
        sizes.append(len(body_of(answer)["items"]))
        shown += body_of(answer)["items"]
        address = answer.links["next"]["url"] if "next" in answer.links else None
    assert ([item["id"] for item in shown], sizes) == ([referral["id"] for referral in made], [2, 2, 2, 1])
    assert await noted(world, world.coordinator, "DueItem") == {referral["id"] for referral in made}
    plain = (await kinds(world))["referral_undecided"]
    assert plain["items"] == shown[:5]
    assert body_of(await world.coordinator.get(plain["link"]))["items"] == shown


async def test_each_kinds_list_holds_what_the_morning_counts(world: World) -> None:
    await world.refer()
    made = await pair(world, confirmed_days_ago=60)
    await session(world, made, "booked", days_ago=3)
    _, profile = await world.mentor()
    await world.offer((await world.enrol())["id"], profile["id"])
    shown = await kinds(world)
    assert sum(kind["count"] for kind in shown.values()) >= 5
    for kind in shown.values():
        assert body_of(await world.coordinator.get(kind["link"]))["items"] == kind["items"]


async def test_a_cursor_is_of_its_own_kind_and_programme(world: World, elsewhere: World) -> None:
    for _ in range(2):
        await world.refer()
    path = "/v1/screens/today?kind=referral_undecided&limit=1"
    cursor = body_of(await world.coordinator.get(path))["next"]
    for other in ("?kind=mentee_waiting", f"?kind=referral_undecided&programme_id={world.programme_id}"):
        refused = await world.coordinator.get(f"/v1/screens/today{other}&cursor={cursor}")
        assert (refused.status_code, refused.json()["type"]) == (400, "/problems/cursor-not-valid")
    assert (await world.coordinator.get(f"/v1/screens/today?cursor={cursor}")).status_code == 422
    assert (await world.coordinator.get("/v1/screens/today?kind=lunch")).status_code == 422
    assert body_of(await elsewhere.coordinator.get(path))["items"] == []


async def _received(world: World, referral_id: str, at: datetime) -> None:
    await world.owner.execute("UPDATE referrals SET received_at = $2 WHERE id = $1", referral_id, at)


async def test_a_mentee_goes_from_waiting_over_offer_and_answer_to_the_pair(world: World) -> None:
    mentor, profile = await world.mentor()
    mentee = await world.enrol(known_as="Ade")
    shown = await kinds(world)
    assert [item["id"] for item in shown["mentee_waiting"]["items"]] == [mentee["id"]]
    assert shown["mentee_waiting"]["items"][0]["who"] == f"Ade {mentee['family_name']}"
    assert shown["referral_undecided"]["count"] == 0
    offer = await world.offer(mentee["id"], profile["id"])
    (item,) = (await kinds(world))["offer_unanswered"]["items"]
    assert (item["id"], item["mentor"], item["link"]) == (offer["id"], "Sam", f"/v1/screens/pair/{offer['id']}")
    body_of(await mentor.post(f"/v1/matches/{offer['id']}/accept"))
    assert await ids(world, "offer_unanswered") == []
    assert await ids(world, "match_to_confirm") == [offer["id"]]
    body_of(await world.coordinator.post(f"/v1/matches/{offer['id']}/confirm"))
    assert await ids(world, "match_to_confirm") == []
    assert await ids(world, "mentee_waiting") == []


@pytest.mark.parametrize(("held_days_ago", "is_quiet"), [(22, True), (21, False)])
async def test_a_pair_is_quiet_after_twenty_one_days_without_a_session(
    world: World, held_days_ago: int, is_quiet: bool
) -> None:
    made = await pair(world, confirmed_days_ago=60)
    await session(world, made, "held", days_ago=held_days_ago)
    await session(world, made, "cancelled", days_ago=2)
    assert (await ids(world, "pair_quiet") == [made.match_id]) is is_quiet


async def test_a_pair_that_never_met_is_quiet_since_its_confirmation_unless_it_rests(world: World) -> None:
    made = await pair(world, confirmed_days_ago=22)
    (item,) = (await kinds(world))["pair_quiet"]["items"]
    assert (item["id"], item["days"]) == (made.match_id, 22)
    body_of(await world.coordinator.post(f"/v1/mentees/{made.mentee_id}/pause"))
    assert await ids(world, "pair_quiet") == []


async def test_a_session_booked_in_the_past_is_to_be_written_up_and_one_ahead_is_not(world: World) -> None:
    made = await pair(world)
    late = await session(world, made, "booked", days_ago=3)
    draft = await session(world, made, "draft", days_ago=1)
    await session(world, made, "booked", days_ago=-3)
    await session(world, made, "held", days_ago=10)
    shown = (await kinds(world))["session_not_written_up"]
    assert [UUID(item["id"]) for item in shown["items"]] == [late, draft]
    assert (shown["items"][0]["days"], shown["items"][0]["mentor"]) == (3, "Sam")


async def test_pam_is_asked_for_around_the_start_and_the_end(world: World) -> None:
    made = await pair(world)
    assert await ids(world, "baseline_wanted") == [made.mentee_id]
    await starts(world, made, clock.today() - timedelta(days=15))
    assert await ids(world, "baseline_wanted") == []
    await starts(world, made, clock.today() - timedelta(days=100))
    shown = (await kinds(world))["follow_up_wanted"]
    assert [item["id"] for item in shown["items"]] == [made.mentee_id]
    assert shown["items"][0]["since_on"] == str(clock.today() - timedelta(days=16))


@pytest.mark.parametrize(("weeks_and_days", "is_late"), [(112, False), (113, True)])
async def test_a_planned_end_that_has_passed_is_shown(world: World, weeks_and_days: int, is_late: bool) -> None:
    made = await pair(world)
    await starts(world, made, clock.today() - timedelta(days=weeks_and_days))
    assert (await ids(world, "planned_end_passed") == [made.mentee_id]) is is_late


async def test_nothing_of_another_programme_is_due(world: World, elsewhere: World) -> None:
    await world.refer()
    await world.enrol()
    shown = await kinds(elsewhere, elsewhere.coordinator)
    assert all(kind["count"] == 0 for kind in shown.values())
    shown = await kinds(world, elsewhere.coordinator, f"?programme_id={world.programme_id}")
    assert all(kind["count"] == 0 for kind in shown.values())
    shown = await kinds(world, None, f"?programme_id={elsewhere.programme_id}")
    assert all(kind["count"] == 0 for kind in shown.values())
    assert (await kinds(world, None, f"?programme_id={world.programme_id}"))["mentee_waiting"]["count"] == 1


async def test_today_is_for_coordinators(world: World) -> None:
    mentor, _ = await world.mentor()
    for caller in (mentor, world.referrer):
        for query in ("", "?kind=mentee_waiting"):
            assert (await caller.get(f"/v1/screens/today{query}")).status_code == 403
