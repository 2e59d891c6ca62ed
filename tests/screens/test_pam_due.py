"""What PAM is due, asked for many episodes at once, is what the windows say of each."""

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from uuid6 import uuid7

from app.core import clock
from app.pam_assessments.levels import CutSet, Form, Occasion, level
from app.pam_assessments.windows import Assessment, EpisodeDates, EpisodePam, PamRules, place
from app.screens.pam_due import PAM_DUE
from tests.factories import World

pytestmark = pytest.mark.anyio

EPISODES = 150


def dates(chance: random.Random, today: date) -> EpisodeDates:
    first_held_on = today - timedelta(days=chance.randint(-3, 170)) if chance.random() < 0.8 else None
    matched_on = (first_held_on or today) - timedelta(days=chance.randint(-2, 20)) if chance.random() < 0.9 else None
    began_on = first_held_on or matched_on or today
    ended_on = began_on + timedelta(days=chance.choice([0, 3, 20, 60, 112, 120])) if chance.random() < 0.4 else None
    planned_end_on = None
    if first_held_on is not None and chance.random() < 0.8:
        # of an episode that began when the programme was shorter, longer, or as it is
        planned_end_on = first_held_on + timedelta(weeks=chance.choice([8, 16, 20]))
    return EpisodeDates(first_held_on, ended_on, matched_on, planned_end_on)


def assessments(chance: random.Random, around: date) -> list[Assessment]:
    return [
        Assessment(
            id=uuid7(),
            occasion=chance.choice(list(Occasion)),
            assessed_on=around + timedelta(days=chance.choice([-20, -14, 0, 5, 14, 15, 84, 100, 112, 140, 141])),
            form=Form.PAM_13,
            score=Decimal("51.0"),
            level=level(Decimal("51.0"), CutSet.CURRENT),
            cut_set=CutSet.CURRENT,
            items_answered=chance.choice([9, 10, 13, 13]),
            is_straight_line=chance.random() < 0.15,
        )
        for _ in range(chance.randint(0, 3))
    ]


async def written(
    world: World, person: dict[str, Any], told: EpisodeDates, taken: list[Assessment], pam: EpisodePam
) -> UUID:
    mentee_id = await world.insert(
        "mentees",
        {
            "programme_id": world.programme_id,
            **person,
            "status": "ended" if told.ended_on else "matched",
            "received_on": clock.today(),
            "waiting_since": clock.now(),
            "barriers": [],
            "barriers_at_end": [],
            "first_confirmed_on": told.matched_on,
            "first_held_on": told.first_held_on,
            "planned_end_on": told.planned_end_on,
            "ended_on": told.ended_on,
            "ending_reason": "other" if told.ended_on else None,
        },
    )
    for each in taken:
        await world.insert(
            "pam_assessments",
            {
                "id": each.id,
                "programme_id": world.programme_id,
                "mentee_id": mentee_id,
                "form": each.form.value,
                "score": each.score,
                "level": each.level,
                "cut_set": each.cut_set.value,
                "occasion": each.occasion.value,
                "assessed_on": each.assessed_on,
                "mode": "self",
                "items_answered": each.items_answered,
                "is_straight_line": each.is_straight_line,
                "is_withdrawn": False,
                "placement": pam.placed[each.id].value,
            },
        )
    await world.insert(
        "pam_assessments_pairs",
        {
            "programme_id": world.programme_id,
            "mentee_id": mentee_id,
            "baseline_id": pam.baseline.id if pam.baseline else None,
            "follow_up_id": pam.follow_up.id if pam.follow_up else None,
        },
    )
    return mentee_id


async def test_what_is_due_is_what_the_windows_of_each_episode_say(world: World) -> None:
    chance = random.Random(20_260_302)
    today, rules = clock.today(), PamRules()
    expected = {}
    for _ in range(EPISODES):
        told = dates(chance, today)
        taken = assessments(chance, told.first_held_on or today)
        pam = place(told, taken, rules, today)
        mentee_id = await written(world, await somebody(world), told, taken, pam)
        for occasion, due in (("baseline", pam.baseline_due), ("follow_up", pam.follow_up_due)):
            expected[mentee_id, occasion] = (due.opens_on, due.closes_on, due.prompt.value)
    rows = await world.owner.fetch(f"SELECT * FROM ({PAM_DUE}) d WHERE d.programme_id = $1", world.programme_id)
    found = {(r["mentee_id"], r["occasion"]): (r["opens_on"], r["closes_on"], r["prompt"]) for r in rows}
    assert found == expected
    assert {prompt for _, _, prompt in found.values()} == {"not_yet", "wanted", "counted", "missed", "not_needed"}


async def somebody(world: World) -> dict[str, Any]:
    person_id = await world.insert(
        "people", {"given_name": "A", "family_name": "B", "is_interpreter_needed": False, "communication_needs": []}
    )
    referral_id = await world.insert(
        "referrals",
        {
            "programme_id": world.programme_id,
            "posted_by": world.referrer.id,
            "reference": person_id.hex[-12:],
            "status": "accepted",
            "source": "gp",
            "made_on": clock.today(),
            "received_at": clock.now(),
            "decided_at": clock.now(),
            "reasons": ["isolation"],
            "barriers": [],
            "consent_given_on": clock.today(),
            "consent_method": "in_person",
            "person": "{}",
            "flags": "[]",
            "facts": "{}",
        },
    )
    return {"person_id": person_id, "referral_id": referral_id}
