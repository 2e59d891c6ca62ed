"""What two people write at once, or one sends twice, is neither lost nor counted twice."""

import asyncio
from typing import Any

import pytest

from tests.factories import World, body_of
from tests.sessions.pairs import Pair, at, paired

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pair(world: World) -> Pair:
    """A mentor and a mentee who have been matched for a while."""
    return await paired(world)


async def _part(pair: Pair, part: str) -> dict[str, Any]:
    """A write-up of nothing but the note, or nothing but the goals."""
    if part == "note":
        return {"note": "By train."}
    return {"goal_reviews": [{"goal_id": (await pair.goal())["id"], "progress": "better", "confidence": 6}]}


@pytest.mark.parametrize("part", ["note", "goal_reviews"])
async def test_a_draft_changed_in_one_part_only_is_not_overwritten_unseen(pair: Pair, part: str) -> None:
    made, sent = await pair.book(at(3)), await _part(pair, part)
    path, read = f"/v1/sessions/{made['id']}", f'"v{made["version"]}"'
    saved = await pair.mentor.patch(path, sent, read)
    assert body_of(saved)["version"] > made["version"]
    assert saved.headers["etag"] != read
    assert (await pair.world.coordinator.patch(path, sent, read)).status_code == 412
    body_of(await pair.world.coordinator.patch(path, sent, saved.headers["etag"]))


@pytest.mark.parametrize("part", ["note", "goal_reviews"])
async def test_a_correction_of_one_part_only_is_not_overwritten_unseen(pair: Pair, part: str) -> None:
    made, sent = await pair.record(3), await _part(pair, part)
    path, read = f"/v1/sessions/{made['id']}/correct", {"If-Match": f'"v{made["version"]}"'}
    corrected = await pair.mentor.post(path, sent, headers=read)
    assert body_of(corrected)["version"] > made["version"]
    assert (await pair.world.coordinator.post(path, sent, headers=read)).status_code == 412


@pytest.mark.parametrize("verb", ["hold", "finish"])
async def test_a_write_up_sent_from_a_stale_draft_is_refused(pair: Pair, verb: str) -> None:
    made = await pair.booked(2)
    path = f"/v1/sessions/{made['id']}"
    draft = await pair.mentor.patch(path, {"minutes": 50}, f'"v{made["version"]}"')
    body_of(await pair.world.coordinator.patch(path, {"note": "Rang the mentee."}, draft.headers["etag"]))
    stale = {"If-Match": draft.headers["etag"]}
    assert (await pair.mentor.post(f"{path}/{verb}", {"note": "Went well."}, headers=stale)).status_code == 412


@pytest.mark.parametrize("outcome", ["held", "did_not_attend"])
async def test_a_session_recorded_again_for_the_same_day_is_refused_unless_it_is_another(
    pair: Pair, outcome: str
) -> None:
    first = await pair.record(3, outcome=outcome)
    refused = body_of(await pair.world.coordinator.post("/v1/sessions/record", pair.recorded(3)), 409)
    assert (refused["type"], refused["link"]) == ("/problems/session-that-day", f"/v1/sessions/{first['id']}")
    await pair.record(4)
    await pair.record(3, is_another=True)


async def test_of_ten_records_of_one_day_at_once_one_is_kept(pair: Pair) -> None:
    entries = (pair.mentor.post("/v1/sessions/record", pair.recorded(3)) for _ in range(10))
    assert sorted(a.status_code for a in await asyncio.gather(*entries)) == [201] + [409] * 9


async def test_a_booked_session_is_held_on_a_day_that_has_one_recorded(pair: Pair) -> None:
    booked = await pair.booked(3)
    await pair.record(3)
    body_of(await pair.mentor.post(f"/v1/sessions/{booked['id']}/hold", {"minutes": 60}))
