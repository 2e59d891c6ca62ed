"""The coordinator enters PAM assessments; each finds its place among the windows of its episode."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.core.actor import Role
from tests.factories import World, body_of
from tests.sessions.pairs import Pair, day, paired

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pair(world: World) -> Pair:
    """A mentor and a mentee who have been matched for a while."""
    return await paired(world, ago=150)


def measured(pair: Pair, ago: int, **changes: Any) -> dict[str, Any]:
    """A baseline of level 2, taken so many days ago."""
    body: dict[str, Any] = {
        "mentee_id": pair.mentee_id,
        "form": "pam_13",
        "score": 51.0,
        "level": 2,
        "cut_set": "current",
        "occasion": "baseline",
        "assessed_on": str(day(ago)),
        "mode": "interpreted",
        "language": "so",
        "items_answered": 13,
    }
    return body | changes


FOLLOW_UP = {"occasion": "follow_up", "score": 70.1, "level": 3}


async def assess(pair: Pair, ago: int, **changes: Any) -> dict[str, Any]:
    """An assessment entered."""
    body = measured(pair, ago, **changes)
    made: dict[str, Any] = body_of(await pair.world.coordinator.post("/v1/pam-assessments", body), 201)
    return made


async def stand(pair: Pair) -> dict[str, Any]:
    """Where the episode stands."""
    seen: dict[str, Any] = body_of(await pair.world.coordinator.get(f"/v1/mentees/{pair.mentee_id}/pam"))
    return seen


async def placement(pair: Pair, made: dict[str, Any]) -> str:
    """What became of an assessment."""
    seen = body_of(await pair.world.coordinator.get(f"/v1/pam-assessments/{made['id']}"))
    return str(seen["placement"])


async def stored_pair(pair: Pair) -> tuple[str | None, str | None]:
    """The ids that reports count, as they are really kept."""
    row = await pair.world.owner.fetchrow(
        "SELECT baseline_id::text, follow_up_id::text FROM pam_assessments_pairs WHERE mentee_id = $1", pair.mentee_id
    )
    return row["baseline_id"], row["follow_up_id"]


async def test_baseline_and_follow_up_make_a_pair_with_its_change(pair: Pair) -> None:
    await pair.record(130)
    first = await assess(pair, 131)
    second = await assess(pair, 130 - 16 * 7, **FOLLOW_UP)
    assert (first["placement"], second["placement"]) == ("counts", "counts")
    assert (first["score"], first["level"], first["mode"], first["match_id"]) == (51.0, 2, "interpreted", pair.match_id)
    seen = await stand(pair)
    assert (seen["baseline"]["id"], seen["follow_up"]["id"], seen["change"]) == (first["id"], second["id"], 19.1)
    assert (seen["first_held_on"], seen["planned_end_on"]) == (str(day(130)), str(day(130) + timedelta(weeks=16)))
    assert {seen["baseline_due"]["prompt"], seen["follow_up_due"]["prompt"]} == {"counted"}
    assert await stored_pair(pair) == (first["id"], second["id"])


async def test_a_baseline_waits_for_the_first_session_and_then_counts(pair: Pair) -> None:
    made = await assess(pair, 20)
    assert made["placement"] == "no_anchor"
    assert (await stand(pair))["baseline_due"]["prompt"] == "wanted"
    await pair.record(15)
    assert await placement(pair, made) == "counts"
    assert await stored_pair(pair) == (made["id"], None)


async def test_one_taken_early_is_kept_as_early_and_a_new_one_is_asked_for(pair: Pair) -> None:
    await pair.record(10)
    early = await assess(pair, 30)
    assert early["placement"] == "early"
    seen = await stand(pair)
    assert (seen["baseline"], seen["baseline_due"]["prompt"]) == (None, "wanted")
    again = await assess(pair, 5)
    assert (await stand(pair))["baseline"]["id"] == again["id"]
    assert await placement(pair, early) == "early"


async def test_a_late_entry_of_an_earlier_session_moves_the_windows(pair: Pair) -> None:
    await pair.record(20)
    made = await assess(pair, 40)
    assert made["placement"] == "early"
    await pair.record(41)
    assert await placement(pair, made) == "counts"


async def test_an_early_ending_moves_the_follow_up_window(pair: Pair) -> None:
    await pair.record(80)
    baseline = await assess(pair, 79)
    follow_up = await assess(pair, 1, **FOLLOW_UP)
    assert follow_up["placement"] == "early"
    ending = {"reason": "goals_met_early", "is_planned": True, "ended_on": str(day(2)), "barriers_at_end": []}
    body_of(await pair.world.coordinator.post(f"/v1/mentees/{pair.mentee_id}/end", ending))
    assert await placement(pair, follow_up) == "counts"
    assert await stored_pair(pair) == (baseline["id"], follow_up["id"])


async def test_of_several_the_nearest_to_the_start_counts(pair: Pair) -> None:
    await pair.record(60)
    far, near = await assess(pair, 67), await assess(pair, 57)
    assert (await placement(pair, far), await placement(pair, near)) == ("in_window_not_nearest", "counts")


async def test_too_few_items_and_straight_lines_are_kept_and_do_not_count(pair: Pair) -> None:
    await pair.record(60)
    thin = await assess(pair, 60, items_answered=9)
    straight = await assess(pair, 60, is_straight_line=True)
    assert (thin["placement"], straight["placement"]) == ("excluded_items", "excluded_straight_line")
    assert (await stand(pair))["baseline"] is None


async def test_the_programmes_settings_decide_what_is_too_thin(pair: Pair) -> None:
    await pair.world.owner.execute(
        "UPDATE programmes SET pam_min_items_pam_13 = 8 WHERE id = $1", pair.world.programme_id
    )
    await pair.record(60)
    assert (await assess(pair, 60, items_answered=9))["placement"] == "counts"


@pytest.mark.parametrize(("score", "older", "current"), [(67.0, 3, 3), (67.1, 4, 3), (72.4, 4, 3), (72.5, 4, 4)])
async def test_the_level_must_follow_from_score_and_cut_set(pair: Pair, score: float, older: int, current: int) -> None:
    for cut_set, right in (("older", older), ("current", current)):
        await assess(pair, 3, score=score, level=right, cut_set=cut_set)
        wrong = measured(pair, 3, score=score, level=7 - right, cut_set=cut_set)
        refused = body_of(await pair.world.coordinator.post("/v1/pam-assessments", wrong), 422)
        assert refused["type"] == "/problems/pam-level-mismatch"
        assert [(e["field"], e["code"]) for e in refused["errors"]] == [("/level", "pam_level_mismatch")]


async def test_without_a_cut_set_the_programmes_is_taken(pair: Pair) -> None:
    await pair.world.owner.execute("UPDATE programmes SET pam_cut_set = 'older' WHERE id = $1", pair.world.programme_id)
    made = await assess(pair, 3, score=70.0, level=4, cut_set=None)
    assert made["cut_set"] == "older"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("score", 100.1),
        ("score", 51.05),
        ("level", 0),
        ("items_answered", 0),
        ("items_answered", 14),
        ("assessed_on", "2999-01-01"),
        ("form", "pam_12"),
        ("answers", [1, 2, 3]),
    ],
)
async def test_an_assessment_that_cannot_be_is_refused_by_field(pair: Pair, field: str, value: object) -> None:
    body = measured(pair, 3, **{field: value})
    refused = body_of(await pair.world.coordinator.post("/v1/pam-assessments", body), 422)
    assert [e["field"] for e in refused["errors"]] == [f"/{field}"]


async def test_a_withdrawn_assessment_is_kept_and_counts_no_more(pair: Pair) -> None:
    await pair.record(60)
    far, near = await assess(pair, 67), await assess(pair, 60)
    path = f"/v1/pam-assessments/{near['id']}"
    assert near["actions"] == ["withdraw"]
    gone = body_of(await pair.world.coordinator.post(f"{path}/withdraw", {"reason": "Another person's form"}))
    assert (gone["is_withdrawn"], gone["placement"], gone["actions"]) == (True, None, [])
    assert gone["withdrawal_reason"] == "Another person's form"
    assert await placement(pair, far) == "counts"
    assert await stored_pair(pair) == (far["id"], None)
    again = await pair.world.coordinator.post(f"{path}/withdraw", {"reason": "Again"})
    assert body_of(again, 409)["type"] == "/problems/step-not-possible"


async def test_assessments_entered_at_once_leave_one_that_counts(pair: Pair) -> None:
    await pair.record(60)
    bodies = [measured(pair, ago) for ago in range(58, 66)]
    answers = await asyncio.gather(*(pair.world.coordinator.post("/v1/pam-assessments", body) for body in bodies))
    assert {a.status_code for a in answers} == {201}
    seen = body_of(await pair.world.coordinator.get(f"/v1/pam-assessments?mentee_id={pair.mentee_id}"))["items"]
    assert [a["assessed_on"] for a in seen if a["placement"] == "counts"] == [str(day(60))]
    assert len(seen) == 8


async def test_the_list_is_filtered_and_the_latest_day_comes_first(pair: Pair) -> None:
    old, new = await assess(pair, 40), await assess(pair, 20, **FOLLOW_UP)
    other = await paired(pair.world)
    await assess(other, 3)
    path = f"/v1/pam-assessments?mentee_id={pair.mentee_id}"
    items = body_of(await pair.world.coordinator.get(path))["items"]
    assert [a["id"] for a in items] == [new["id"], old["id"]]
    follow_ups = body_of(await pair.world.coordinator.get(f"{path}&occasion=follow_up"))["items"]
    assert [a["id"] for a in follow_ups] == [new["id"]]
    everything = f"/v1/pam-assessments?programme_id={pair.world.programme_id}&include=total"
    assert body_of(await pair.world.coordinator.get(everything))["total"] == 3


async def test_nobody_but_the_programmes_coordinators_reaches_pam(pair: Pair, elsewhere: World) -> None:
    made = await assess(pair, 3)
    analyst = await pair.world.caller(Role.ANALYST)
    for caller in (pair.mentor, pair.world.referrer, analyst):
        assert (await caller.get("/v1/pam-assessments")).status_code == 403
        assert (await caller.get(f"/v1/mentees/{pair.mentee_id}/pam")).status_code == 403
        assert (await caller.post("/v1/pam-assessments", measured(pair, 3))).status_code == 403
    stranger = elsewhere.coordinator
    assert (await stranger.get(f"/v1/pam-assessments/{made['id']}")).status_code == 404
    assert (await stranger.get(f"/v1/mentees/{pair.mentee_id}/pam")).status_code == 404
    assert (await stranger.post(f"/v1/pam-assessments/{made['id']}/withdraw", {"reason": "x"})).status_code == 404
    refused = await stranger.post("/v1/pam-assessments", measured(pair, 3))
    assert body_of(refused, 422)["errors"][0]["field"] == "/mentee_id"


async def test_what_was_read_of_an_episodes_pam_is_noted(pair: Pair) -> None:
    await stand(pair)
    noted = await pair.world.owner.fetchval(
        "SELECT count(*) FROM audit_reads WHERE actor_id = $1 AND shape = 'EpisodePamFacts' AND $2 = ANY (ids)",
        pair.world.coordinator.id,
        pair.mentee_id,
    )
    assert noted == 1


async def test_an_assessment_is_told_as_an_event(pair: Pair) -> None:
    made = await assess(pair, 3)
    told = await pair.world.owner.fetch("SELECT type FROM events WHERE subject_id = $1", made["id"])
    assert [row["type"] for row in told] == ["pam_assessment.recorded"]
