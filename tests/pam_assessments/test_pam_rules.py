"""Changing which PAM assessments count: every episode is counted anew at once, and none keeps what was right before."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.core.actor import Role
from tests.factories import World, body_of
from tests.pam_assessments.test_pam_through_http import FOLLOW_UP, assess, measured, placement, stand, stored_pair
from tests.sessions.pairs import Pair, day, paired

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pair(world: World) -> Pair:
    """A mentor and a mentee who have been matched for a while."""
    return await paired(world, ago=150)


async def change(world: World, **rules: Any) -> Any:
    """The PAM settings changed by whoever has just read the programme; the answer is the programme."""
    path = f"/v1/programmes/{world.programme_id}"
    etag = (await world.coordinator.get(path)).headers["etag"]
    return body_of(await world.coordinator.patch(f"{path}/pam-rules", rules, etag))


async def test_the_answer_is_the_programme_with_its_next_version(world: World) -> None:
    path = f"/v1/programmes/{world.programme_id}"
    rules = {
        "pam_cut_set": "older",
        "pam_baseline_before_days": 7,
        "pam_baseline_after_days": 10,
        "pam_follow_up_days": 21,
        "pam_min_items_pam_13": 11,
        "pam_min_items_pam_10": 9,
        "pam_exclude_straight_line": False,
        "pam_meaningful_change": 5.0,
        "pam_reliable_change": 12.5,
    }
    answer = await world.coordinator.patch(f"{path}/pam-rules", rules, '"v1"')
    assert answer.headers["etag"] == '"v2"'
    seen = await world.coordinator.get(path)
    assert body_of(answer) == body_of(seen)
    assert {name: seen.json()[name] for name in rules} == rules
    told = await world.owner.fetch("SELECT type FROM events WHERE subject_id = $1", world.programme_id)
    assert [row["type"] for row in told] == ["programme.pam_rules_changed"]


async def test_what_is_not_sent_stays(world: World) -> None:
    changed = await change(world, pam_follow_up_days=14, pam_cut_set=None)
    assert (changed["pam_follow_up_days"], changed["pam_cut_set"], changed["pam_baseline_after_days"]) == (
        14,
        "current",
        14,
    )


async def test_an_assessment_too_thin_before_counts_once_the_rules_say_so(pair: Pair) -> None:
    await pair.record(60)
    thin = await assess(pair, 60, items_answered=9)
    straight = await assess(pair, 62, is_straight_line=True)
    assert await stored_pair(pair) == (None, None)
    await change(pair.world, pam_min_items_pam_13=9)
    assert (await placement(pair, thin), await placement(pair, straight)) == ("counts", "excluded_straight_line")
    assert await stored_pair(pair) == (thin["id"], None)
    await change(pair.world, pam_exclude_straight_line=False, pam_min_items_pam_13=10)
    assert (await placement(pair, thin), await placement(pair, straight)) == ("excluded_items", "counts")
    assert await stored_pair(pair) == (straight["id"], None)


async def test_narrower_windows_take_apart_pairs_of_running_and_of_ended_episodes(pair: Pair) -> None:
    running, ended = pair, await paired(pair.world, ago=150)
    kept = []
    for each in (running, ended):
        await each.record(130)
        baseline = await assess(each, 120)
        follow_up = await assess(each, 130 - 16 * 7 - 10, **FOLLOW_UP)
        assert await stored_pair(each) == (baseline["id"], follow_up["id"])
        kept.append((each, baseline, follow_up))
    ending = {"reason": "completed_planned", "is_planned": True, "ended_on": str(day(1)), "barriers_at_end": []}
    body_of(await pair.world.coordinator.post(f"/v1/mentees/{ended.mentee_id}/end", ending))
    await change(pair.world, pam_baseline_after_days=9, pam_follow_up_days=9)
    for each, baseline, follow_up in kept:
        assert (await placement(each, baseline), await placement(each, follow_up)) == ("late", "late")
        assert await stored_pair(each) == (None, None)
    await change(pair.world, pam_baseline_after_days=14, pam_follow_up_days=28)
    for each, baseline, follow_up in kept:
        assert await stored_pair(each) == (baseline["id"], follow_up["id"])


async def test_what_was_withdrawn_stays_out_and_other_programmes_keep_their_pairs(pair: Pair, elsewhere: World) -> None:
    other = await paired(elsewhere, ago=150)
    await other.record(60)
    theirs = await assess(other, 50)
    await pair.record(60)
    made = await assess(pair, 60, items_answered=9)
    body_of(await pair.world.coordinator.post(f"/v1/pam-assessments/{made['id']}/withdraw", {"reason": "Mistaken"}))
    await change(pair.world, pam_min_items_pam_13=1, pam_baseline_after_days=0)
    assert await stored_pair(pair) == (None, None)
    assert await stored_pair(other) == (theirs["id"], None)


async def test_another_cut_set_is_for_new_entries_and_leaves_recorded_levels(pair: Pair) -> None:
    before = await assess(pair, 3, score=70.0, level=3, cut_set=None)
    await change(pair.world, pam_cut_set="older")
    after = await assess(pair, 3, score=70.0, level=4, cut_set=None)
    assert after["cut_set"] == "older"
    seen = body_of(await pair.world.coordinator.get(f"/v1/pam-assessments/{before['id']}"))
    assert (seen["level"], seen["cut_set"]) == (3, "current")


async def test_assessments_entered_while_the_rules_change_are_placed_by_the_new_ones(pair: Pair) -> None:
    others = [await paired(pair.world, ago=150) for _ in range(4)]
    for each in others:
        await each.record(60)
    bodies = [measured(each, 60, items_answered=9) for each in others]
    *made, _ = await asyncio.gather(
        *(pair.world.coordinator.post("/v1/pam-assessments", body) for body in bodies),
        change(pair.world, pam_min_items_pam_13=9),
    )
    for each, answer in zip(others, made, strict=True):
        assert await placement(each, body_of(answer, 201)) == "counts"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("pam_cut_set", "newest", "literal_error"),
        ("pam_meaningful_change", True, "float_type"),
        ("pam_reliable_change", 0.0, "greater_than"),
        ("pam_follow_up_days", 366, "less_than_equal"),
        ("pam_min_items_pam_13", 14, "less_than_equal"),
        ("pam_min_items_pam_10", 0, "greater_than_equal"),
        ("length_weeks", 12, "extra_forbidden"),
        ("name", "Another", "extra_forbidden"),
    ],
)
async def test_a_rule_out_of_its_range_and_what_is_no_rule_are_refused_by_field(
    world: World, field: str, value: object, code: str
) -> None:
    path = f"/v1/programmes/{world.programme_id}/pam-rules"
    refused = body_of(await world.coordinator.patch(path, {field: value}, '"v1"'), 422)
    assert [(e["field"], e["code"]) for e in refused["errors"]] == [(f"/{field}", code)]


async def test_rules_are_changed_by_whoever_read_the_present_version_of_the_programme(world: World) -> None:
    path = f"/v1/programmes/{world.programme_id}"
    body_of(await world.coordinator.patch(path, {"footprint": "Bath"}, '"v1"'))
    wish = {"pam_follow_up_days": 14}
    body_of(await world.coordinator.patch(f"{path}/pam-rules", wish, '"v1"'), 412)
    body_of(await world.coordinator.patch(f"{path}/pam-rules", wish, None), 428)
    assert body_of(await world.coordinator.get(path))["pam_follow_up_days"] == 28


async def test_nobody_but_the_programmes_coordinators_changes_its_rules(pair: Pair, elsewhere: World) -> None:
    path = f"/v1/programmes/{pair.world.programme_id}/pam-rules"
    analyst = await pair.world.caller(Role.ANALYST)
    for caller in (pair.mentor, pair.world.referrer, analyst):
        body_of(await caller.patch(path, {"pam_follow_up_days": 1}, '"v1"'), 403)
    body_of(await elsewhere.coordinator.patch(path, {"pam_follow_up_days": 1}, '"v1"'), 404)


async def test_another_length_of_the_programme_is_for_episodes_that_start_later(pair: Pair) -> None:
    await pair.record(130)
    await assess(pair, 130)
    follow_up = await assess(pair, 130 - 16 * 7, **FOLLOW_UP)
    path = f"/v1/programmes/{pair.world.programme_id}"
    body_of(await pair.world.coordinator.patch(path, {"length_weeks": 8}, '"v1"'))
    running = await stand(pair)
    assert running["planned_end_on"] == str(day(130) + timedelta(weeks=16))
    assert running["follow_up_due"]["opens_on"] == str(day(130) + timedelta(weeks=16, days=-28))
    await change(pair.world, pam_follow_up_days=27)
    assert await placement(pair, follow_up) == "counts"
    later = await paired(pair.world, ago=150)
    await later.record(130)
    started = await stand(later)
    assert started["planned_end_on"] == str(day(130) + timedelta(weeks=8))
    assert started["follow_up_due"]["closes_on"] == str(day(130) + timedelta(weeks=8, days=27))


async def test_a_late_entry_moves_the_planned_end_and_keeps_the_length_the_episode_began_with(pair: Pair) -> None:
    await pair.record(100)
    path = f"/v1/programmes/{pair.world.programme_id}"
    body_of(await pair.world.coordinator.patch(path, {"length_weeks": 8}, '"v1"'))
    await pair.record(103)
    assert (await stand(pair))["planned_end_on"] == str(day(103) + timedelta(weeks=16))
