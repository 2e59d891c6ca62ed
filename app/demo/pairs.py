"""What happens between two people: the offer, the weekly hour, the goals, the measuring, the ending."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

from app.demo import people
from app.demo.calendar import Calendar
from app.demo.caller import Caller


@dataclass
class Mentor:
    """A volunteer signed in on a phone."""

    id: str
    caller: Caller
    busy: int = 0


@dataclass
class Episode:
    """One mentee, as far as the next step needs it."""

    number: int
    mentee_id: str
    match_id: str = ""
    mentor: Mentor | None = None
    goals: list[str] = field(default_factory=list)
    held: int = 0
    baseline: float = 0.0
    is_rematched: bool = False


class Pairs:
    """Plays coordinator and mentors from the first offer to the end of an episode."""

    def __init__(
        self, calendar: Calendar, coordinator: Caller, draw: random.Random, matched: Callable[[], None]
    ) -> None:
        self.calendar = calendar
        self.coordinator = coordinator
        self.draw = draw
        self.matched = matched
        self.mentors: list[Mentor] = []

    async def offer(self, episode: Episode) -> None:
        """Offer the person to the mentor with most room; one in eight declines, and the next is asked."""
        free = [mentor for mentor in self.mentors if mentor.busy < 2 and mentor is not episode.mentor]
        if not free:
            self.calendar.later(7, lambda: self.offer(episode))
            return
        mentor = min(free, key=lambda m: (m.busy, self.mentors.index(m)))
        mentor.busy += 1
        body = {"mentee_id": episode.mentee_id, "mentor_id": mentor.id}
        match = await self.coordinator.post("/v1/matches", body, expect=201)
        self.calendar.later(self.draw.randint(1, 2), lambda: self.answer(episode, mentor, match["id"]))

    async def answer(self, episode: Episode, mentor: Mentor, match_id: str) -> None:
        """The mentor answers on the phone; the coordinator confirms what was accepted."""
        if self.draw.random() < 0.12:
            await mentor.caller.post(f"/v1/matches/{match_id}/decline", {"reason": "no_time"})
            mentor.busy -= 1
            self.calendar.later(1, lambda: self.offer(episode))
            return
        await mentor.caller.post(f"/v1/matches/{match_id}/accept")
        await self.coordinator.post(f"/v1/matches/{match_id}/confirm")
        if not episode.is_rematched:
            self.matched()
        episode.mentor, episode.match_id = mentor, match_id
        if episode.number % 11 == 5 and not episode.is_rematched:
            await self.assess(episode, "baseline")  # taken long before the start: kept as early, asked again
            await self.arrange(episode, mentor, 21)
        else:
            await self.arrange(episode, mentor, self.draw.randint(3, 8))

    # --- sessions

    async def arrange(self, episode: Episode, mentor: Mentor, days: int) -> None:
        """Book the next hour ahead; now and then it is only written down afterwards."""
        if self.draw.random() < 0.06:
            self.calendar.later(days, lambda: self.record_late(episode, mentor))
            return
        starts_at = datetime.combine(self.calendar.day, time(9 + 2 * (episode.number % 4)), UTC) + timedelta(days=days)
        body = {
            "match_id": episode.match_id,
            "starts_at": starts_at.isoformat(),
            "mode": "face_to_face",
            "place": self.draw.choice(people.PLACES),
        }
        session = await mentor.caller.post("/v1/sessions", body, expect=201)
        self.calendar.later(days, lambda: self.meet(episode, mentor, session["id"]))

    async def meet(self, episode: Episode, mentor: Mentor, session_id: str) -> None:
        """The hour: held, missed or cancelled, and written up the same evening."""
        path, chance = f"/v1/sessions/{session_id}", self.draw.random()
        if episode.held and chance < 0.06:
            await mentor.caller.post(f"{path}/miss")
        elif episode.held and chance < 0.12:
            await mentor.caller.post(f"{path}/cancel", {"by": self.draw.choice(("mentee", "mentor"))})
        else:
            await mentor.caller.post(f"{path}/hold", self._write_up(episode))
            await self.after(episode, mentor)
        await self.next(episode, mentor)

    async def record_late(self, episode: Episode, mentor: Mentor) -> None:
        """Held without having been booked, and written down two days later with its true date."""
        body = self._write_up(episode) | {"match_id": episode.match_id, "outcome": "held"}
        self.calendar.later(2, lambda: self._record(episode, mentor, body))

    async def _record(self, episode: Episode, mentor: Mentor, body: dict[str, Any]) -> None:
        await mentor.caller.post("/v1/sessions/record", body, expect=201)
        await self.after(episode, mentor)
        await self.next(episode, mentor)

    def _write_up(self, episode: Episode) -> dict[str, Any]:
        progress = ("same", "better", "better", "achieved")[min(3, episode.held // 4)]
        confidence = min(10, 4 + episode.held // 2)
        reviews = [{"goal_id": goal, "progress": progress, "confidence": confidence} for goal in episode.goals]
        if progress == "achieved":
            episode.goals.clear()
        return {
            "held_on": str(self.calendar.day),
            "minutes": self.draw.choice((45, 60, 60, 60, 75)),
            "mode": "face_to_face",
            "topics": self.draw.sample(("food", "activity", "medication", "feelings", "goals"), 2),
            "note": "Talked about the week and what to try next.",
            "goal_reviews": reviews,
        }

    async def after(self, episode: Episode, mentor: Mentor) -> None:
        """After the first session activation is measured, after the second goals are set."""
        episode.held += 1
        if episode.held == 1:
            await self.assess(episode, "baseline")
        if episode.held == 2:
            for area, statement in self.draw.sample(people.STATEMENTS, 2):
                await self.set_goal(episode, mentor, area, statement)

    async def set_goal(self, episode: Episode, mentor: Mentor, area: str, statement: str) -> None:
        """A goal with a first small step."""
        body = {
            "mentee_id": episode.mentee_id,
            "area": area,
            "statement": statement,
            "importance": self.draw.randint(6, 10),
            "confidence": self.draw.randint(3, 6),
            "actions": [
                {
                    "what": "Try it once this week",
                    "when_where": "Saturday morning",
                    "barrier": "Tired",
                    "plan": "Ask a friend",
                }
            ],
        }
        episode.goals.append((await mentor.caller.post("/v1/goals", body, expect=201))["id"])

    async def next(self, episode: Episode, mentor: Mentor) -> None:
        """Another week, another mentor, or the ending."""
        if episode.number % 17 == 3 and episode.held == 5 and not episode.is_rematched:
            body = {"reason": "mentor_withdrew", "is_planned": False}
            await self.coordinator.post(f"/v1/matches/{episode.match_id}/end", body)
            mentor.busy -= 1
            episode.is_rematched = True
            self.calendar.later(3, lambda: self.offer(episode))
        elif episode.number % 9 == 4 and episode.held >= 6:
            self.calendar.later(5, lambda: self.end(episode, mentor, "health", planned=False))
        elif episode.held >= 14:
            self.calendar.later(5, lambda: self.end(episode, mentor, "completed_planned", planned=True))
        else:
            await self.arrange(episode, mentor, 7)

    # --- measuring and ending

    async def assess(self, episode: Episode, occasion: str) -> None:
        """Score and level as the licensed calculator gave them; here they are made up."""
        if occasion == "baseline":
            score = episode.baseline or round(min(90.0, max(25.0, self.draw.gauss(51.5, 9.5))), 1)
            episode.baseline = score
        else:
            score = round(min(100.0, max(20.0, episode.baseline + self.draw.gauss(9, 11))), 1)
        body = {
            "mentee_id": episode.mentee_id,
            "form": "pam_13",
            "score": score,
            "level": level_of(score),
            "cut_set": "current",
            "occasion": occasion,
            "assessed_on": str(self.calendar.day),
            "mode": "interpreted" if episode.number % 20 == 0 else "interview",
            "items_answered": 7 if episode.number % 23 == 6 and occasion == "follow_up" else 13,
            "is_straight_line": episode.number % 19 == 10 and occasion == "follow_up",
        }
        await self.coordinator.post("/v1/pam-assessments", body, expect=201)

    async def end(self, episode: Episode, mentor: Mentor, reason: str, *, planned: bool) -> None:
        """Measure again, unless the person cannot be reached any more, and end."""
        if episode.number % 6 != 1 or planned:
            await self.assess(episode, "follow_up")
        body = {"reason": reason, "is_planned": planned, "barriers_at_end": self.draw.sample(people.BARRIERS, 1)}
        await self.coordinator.post(f"/v1/mentees/{episode.mentee_id}/end", body)
        mentor.busy -= 1
        episode.mentor = None


def level_of(score: float) -> int:
    """PAM level by the current published cut-offs: 47.0, 55.1 and 72.4 are the highest of levels 1 to 3."""
    return 1 + sum(score > bound for bound in (47.0, 55.1, 72.4))
