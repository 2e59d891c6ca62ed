"""A contract year whose every figure is known, put there by the owner."""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx

from app.core import clock
from app.pam_assessments.levels import CutSet, level
from tests.factories import Caller, World, body_of

STARTS_ON, ENDS_ON = date(2025, 4, 1), date(2026, 3, 31)
PERIOD = f"from={STARTS_ON}&until={ENDS_ON}"
_FACTS = json.loads((Path(__file__).parents[1] / "data" / "outcomes.json").read_text("utf-8"))
PAIRS = [tuple(Decimal(score).quantize(Decimal("0.1")) for score in pair) for pair in _FACTS["health_workers"]["pairs"]]
"""The published diabetes arm, each score with one decimal as the licensed tool gives it."""

Score = tuple[Decimal, CutSet]
CURRENT, OLDER = CutSet.CURRENT, CutSet.OLDER


@dataclass(frozen=True)
class Aside:
    """An assessment on record that does not count; no placement: it was withdrawn."""

    occasion: str
    placement: str | None


@dataclass(frozen=True)
class Told:
    """One episode."""

    first_held_on: date | None = date(2025, 6, 2)
    ended_on: date | None = date(2025, 9, 22)
    is_planned: bool = True
    baseline: Score | None = None
    follow_up: Score | None = None
    aside: list[Aside] = field(default_factory=list)
    first_confirmed_on: date | None = date(2025, 5, 20)
    waiting_since: datetime = datetime(2025, 5, 6, 9, tzinfo=UTC)


class Year:
    """Writes episodes and referrals of a past year into a world."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def referred(
        self, received_at: datetime, status: str = "received", decided_at: datetime | None = None
    ) -> UUID:
        """A referral, decided on or not."""
        return await self.world.insert(
            "referrals",
            {
                "programme_id": self.world.programme_id,
                "posted_by": self.world.referrer.id,
                "reference": uuid4().hex[:12],
                "status": status,
                "source": "gp",
                "made_on": received_at.date(),
                "received_at": received_at,
                "reasons": ["isolation"],
                "barriers": [],
                "consent_given_on": received_at.date(),
                "consent_method": "in_person",
                "person": "{}",
                "flags": "[]",
                "facts": "{}",
                "decided_at": decided_at,
                "decline_reason": "other" if status == "declined" else None,
            },
        )

    async def episode(self, told: Told) -> UUID:
        """An episode with its assessments, of a person of its own."""
        person_id = await self.world.insert(
            "people",
            {"given_name": "A", "family_name": "B", "is_interpreter_needed": False, "communication_needs": []},
        )
        # long before the year, so that it counts in nothing
        referral_id = await self.referred(
            datetime(2024, 1, 1, tzinfo=UTC), "accepted", datetime(2024, 1, 2, tzinfo=UTC)
        )
        has_ended = told.ended_on is not None
        mentee_id = await self.world.insert(
            "mentees",
            {
                "programme_id": self.world.programme_id,
                "person_id": person_id,
                "referral_id": referral_id,
                "status": "ended" if has_ended else "matched",
                "received_on": date(2025, 5, 1),
                "waiting_since": told.waiting_since,
                "first_confirmed_on": told.first_confirmed_on,
                "barriers": [],
                "barriers_at_end": [],
                "first_held_on": told.first_held_on,
                "ended_on": told.ended_on,
                "ending_reason": "completed_planned" if has_ended else None,
                "is_planned_ending": told.is_planned if has_ended else None,
            },
        )
        await self._pair(mentee_id, told)
        for each in told.aside:
            await self._assessment(mentee_id, each.occasion, (Decimal("51.0"), CURRENT), each.placement)
        return mentee_id

    async def _pair(self, mentee_id: UUID, told: Told) -> None:
        counted = {
            f"{occasion}_id": await self._assessment(mentee_id, occasion, score, "counts") if score else None
            for occasion, score in (("baseline", told.baseline), ("follow_up", told.follow_up))
        }
        await self.world.insert(
            "pam_assessments_pairs", {"programme_id": self.world.programme_id, "mentee_id": mentee_id} | counted
        )

    async def _assessment(self, mentee_id: UUID, occasion: str, scored: Score, placement: str | None) -> UUID:
        score, cut_set = scored
        given: dict[str, Any] = {
            "programme_id": self.world.programme_id,
            "mentee_id": mentee_id,
            "form": "pam_13",
            "score": score,
            "level": level(score, cut_set),
            "cut_set": cut_set.value,
            "occasion": occasion,
            "assessed_on": clock.today(),
            "mode": "self",
            "items_answered": 13,
            "is_straight_line": False,
            "is_withdrawn": placement is None,
            "placement": placement,
        }
        return await self.world.insert("pam_assessments", given)


async def ask(caller: Caller, world: World, query: str = PERIOD) -> httpx.Response:
    """The request for the report."""
    return await caller.get(f"/v1/reports/outcomes?programme_id={world.programme_id}&{query}")


async def report(world: World, query: str = PERIOD, caller: Caller | None = None) -> dict[str, Any]:
    """The report as the coordinator, or somebody else, gets it."""
    made: dict[str, Any] = body_of(await ask(caller or world.coordinator, world, query))
    return made
