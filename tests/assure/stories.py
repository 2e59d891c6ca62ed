"""What people do all day, mixed: referrals, matches, sessions, assessments, endings; each promise noted down."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from app.core import clock
from tests.factories import Caller, World, body_of, person, referral

Pairing = tuple[Caller, dict[str, Any]]


@dataclass
class Promises:
    """What the service said is so: each row it made, the state it was last in, and what it said has happened."""

    rows: dict[str, dict[str, str]] = field(default_factory=dict)
    """Table, id, last state."""
    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Type and id of the subject."""

    def note(self, table: str, row_id: str, state: str, *happened: str) -> None:
        """The row is there, in this state, and these events of it."""
        self.rows.setdefault(table, {})[row_id] = state
        for event in happened:
            self.events[event, row_id] += 1


@dataclass
class Story:
    """One mentee's way through the service, told by coordinator, practice and mentor in turn."""

    world: World
    mentors: list[Pairing]
    promises: Promises
    chance: random.Random

    async def tell(self) -> None:
        """From referral to ending; what another took first (a mentor's last place, an hour) is left out."""
        mentee_id = await self._arrive()
        pairing = self.chance.choice(self.mentors)
        match_id = await self._match(mentee_id, pairing)
        if match_id is not None:
            await self._work(mentee_id, match_id, pairing[0])
        if match_id is None or self.chance.random() < 0.7:
            await self._end(mentee_id, match_id)

    async def _arrive(self) -> str:
        sent = referral(self.world.programme_id, person=person())
        referred = body_of(await self.world.referrer.post("/v1/referrals", sent), 201)
        self.promises.note("referrals", referred["id"], "received", "referral.received")
        accepted = body_of(await self.world.coordinator.post(f"/v1/referrals/{referred['id']}/accept"))
        self.promises.note("referrals", referred["id"], "accepted", "referral.accepted")
        mentee_id = str(accepted["mentee_id"])
        self.promises.note("mentees", mentee_id, "waiting", "mentee.enrolled")
        return mentee_id

    async def _match(self, mentee_id: str, pairing: Pairing) -> str | None:
        """The match confirmed, or None where the mentor has no place left."""
        mentor, profile = pairing
        pair = {"mentee_id": mentee_id, "mentor_id": profile["id"]}
        offer = await self.world.coordinator.post("/v1/matches", pair)
        if offer.status_code == 409:
            return None
        match_id = str(body_of(offer, 201)["id"])
        self.promises.note("matches", match_id, "proposed", "match.proposed")
        body_of(await mentor.post(f"/v1/matches/{match_id}/accept"))
        self.promises.note("matches", match_id, "accepted", "match.accepted")
        confirmed = await self.world.coordinator.post(f"/v1/matches/{match_id}/confirm")
        if confirmed.status_code == 409:
            body_of(await self.world.coordinator.post(f"/v1/matches/{match_id}/withdraw"))
            self.promises.note("matches", match_id, "withdrawn", "match.withdrawn")
            return None
        body_of(confirmed)
        self.promises.note("matches", match_id, "active", "match.confirmed")
        self.promises.note("mentees", mentee_id, "matched")
        return match_id

    async def _work(self, mentee_id: str, match_id: str, mentor: Caller) -> None:
        goal = {"mentee_id": mentee_id, "area": "food", "statement": "Cook at home", "importance": 8, "confidence": 4}
        made = body_of(await mentor.post("/v1/goals", goal), 201)
        self.promises.note("goals", made["id"], "active", "goal.set")
        for _ in range(3):
            await self._book(match_id, mentor)
        met = {"match_id": match_id, "outcome": "held", "held_on": str(clock.today()), "minutes": 45}
        held = body_of(await mentor.post("/v1/sessions/record", met | {"mode": "telephone"}), 201)
        self.promises.note("sessions", held["id"], "held", "session.held")
        taken = {"mentee_id": mentee_id, "form": "pam_13", "score": 51.0, "level": 2, "occasion": "baseline"}
        taken |= {"assessed_on": str(clock.today()), "mode": "interview", "items_answered": 13}
        assessed = body_of(await self.world.coordinator.post("/v1/pam-assessments", taken), 201)
        self.promises.note("pam_assessments", assessed["id"], "", "pam_assessment.recorded")

    async def _book(self, match_id: str, mentor: Caller) -> None:
        """One of few hours, so that mentors are asked for twice; every other session is called off again."""
        begins = (clock.now() + timedelta(days=self.chance.randint(1, 5))).replace(minute=0, second=0, microsecond=0)
        begins = begins.replace(hour=self.chance.randint(9, 16))
        booking = {"match_id": match_id, "starts_at": begins.isoformat(), "mode": "telephone"}
        booked = await mentor.post("/v1/sessions", booking)
        if booked.status_code == 409:
            return
        session_id = str(body_of(booked, 201)["id"])
        self.promises.note("sessions", session_id, "booked", "session.booked")
        if self.chance.random() < 0.5:
            body_of(await mentor.post(f"/v1/sessions/{session_id}/cancel", {"by": "mentor"}))
            self.promises.note("sessions", session_id, "cancelled", "session.cancelled")

    async def _end(self, mentee_id: str, match_id: str | None) -> None:
        ending = {"reason": "completed_planned", "is_planned": True}
        body_of(await self.world.coordinator.post(f"/v1/mentees/{mentee_id}/end", ending))
        self.promises.note("mentees", mentee_id, "ended", "mentee.ended")
        if match_id is not None:
            self.promises.note("matches", match_id, "ended", "match.ended")
            for session_id in await self._cancelled_with(match_id):
                self.promises.note("sessions", session_id, "cancelled", "session.cancelled")

    async def _cancelled_with(self, match_id: str) -> list[str]:
        """The sessions that the ending called off: those of this match still promised as booked."""
        answer: httpx.Response = await self.world.coordinator.get(f"/v1/sessions?match_id={match_id}&limit=50")
        booked = self.promises.rows.get("sessions", {})
        return [s["id"] for s in body_of(answer)["items"] if booked.get(s["id"]) == "booked"]


async def play(story: Callable[[], Story], tellers: int, ended: asyncio.Event) -> int:
    """So many people at once, each beginning a new story until it is enough; how many were told to their end."""

    async def one_after_another() -> int:
        told = 0
        while not ended.is_set():
            await story().tell()
            told += 1
        return told

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one_after_another()) for _ in range(tellers)]
    return sum(task.result() for task in tasks)
