"""The year itself: who does what on which day, each step one request through a door of the service.

It knows the service only by its addresses and imports nothing of it; what it remembers are the answers it got.
"""

import random
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.demo import people, practices
from app.demo.calendar import Calendar, Year
from app.demo.caller import Caller, Sign
from app.demo.pairs import Episode, Mentor, Pairs
from app.demo.practices import Practice

MENTORS = 20
REFERRALS = 60
MENTEES = 40
TRAINING = [
    "mentoring",
    "motivational_interviewing",
    "goal_setting",
    "action_planning",
    "boundaries",
    "confidentiality",
    "safeguarding",
]
REFERRED_UNTIL = 300
"""Day of the year of the last referral; the late ones are still open when the year ends, as in life."""


class Player:
    """Plays everybody: coordinator, practices, mentors; day by day, in the order of the calendar."""

    def __init__(self, http: httpx.AsyncClient, coordinator: Caller, year: Year, progress: Progress) -> None:
        self.http = http
        self.coordinator = coordinator
        self.year = year
        self.draw = random.Random(2018)
        self.practices: list[Practice] = []
        totals = {"mentors": MENTORS, "referrals": REFERRALS, "mentees": MENTEES, "days": 364}
        tasks = {name: progress.add_task(name, total=total) for name, total in totals.items()}
        self.advance = {name: partial(progress.advance, task) for name, task in tasks.items()}
        self.calendar = Calendar(coordinator, year, lambda days: progress.update(tasks["days"], completed=days))
        self.pairs = Pairs(self.calendar, coordinator, self.draw, self.advance["mentees"])

    async def set_up(self) -> None:
        """The charity, the commissioner, the agreement, the programme, three practices and twenty mentors."""
        await self.calendar.go_to(self.year.starts_on)
        charity = await self.organisation("8HA01", "The Peer Partnership", "charity")
        commissioner = await self.organisation("QUY", "The commissioner", "commissioner")
        programme = await self.coordinator.post(
            "/v1/programmes",
            {
                "name": "Peer support for type 2 diabetes",
                "condition": "type_2_diabetes",
                "footprint": "Bristol",
                "postcode_areas": ["BS"],
                "service_ids": [{"system": "https://fhir.nhs.uk/Id/dos-service-id", "value": practices.SERVICE}],
                "contract_years": [
                    {
                        "starts_on": str(self.year.starts_on),
                        "ends_on": str(self.year.ends_on),
                        "mentor_places": MENTORS,
                        "mentee_places": MENTEES,
                        "commissioner_id": commissioner,
                    }
                ],
            },
            expect=201,
        )
        self.year.programme_id = programme["id"]
        for number in range(3):
            ods_code, name = (("L81001", "Quay Surgery"), ("L81002", "Hill Practice"), ("L81003", "Park Health"))[
                number
            ]
            organisation = await self.organisation(ods_code, name, "gp_practice")
            made = await practices.join(self.http, self.coordinator, self.year, number, organisation, ods_code)
            self.practices.append(made)
        await self.coordinator.post("/v1/agreements", self._agreement(charity, commissioner), expect=201)
        for number in range(MENTORS):
            await self.add_mentor(number)
        for module in TRAINING:
            await self.train(module)

    def _agreement(self, charity: str, commissioner: str) -> dict[str, Any]:
        return {
            "programme_id": self.year.programme_id,
            "reference": "ISA 1",
            "purpose": "Referral to peer support, and what became of it",
            "legal_basis": "UK GDPR Articles 6(1)(e) and 9(2)(h)",
            "party_ids": [charity, commissioner, *(practice.id for practice in self.practices)],
            "items": ["referral", "referral_status", "statistics"],
            "starts_on": str(self.year.starts_on),
            "ends_on": str(self.year.ends_on),
        }

    async def organisation(self, ods_code: str, name: str, kind: str) -> str:
        """One more organisation of the directory."""
        body = {"ods_code": ods_code, "name": name, "kind": kind}
        return str((await self.coordinator.post("/v1/organisations", body, expect=201))["id"])

    async def add_mentor(self, number: int) -> None:
        """A volunteer with an account and a profile."""
        name = people.MENTORS[number]
        sign = Sign("mentor", f"{name.lower()}@example.org", f"{name} walks to the harbour")
        account_id = await practices.account(
            self.http, self.coordinator, sign, {"programme_id": self.year.programme_id}
        )
        profile = {
            "account_id": account_id,
            "programme_id": self.year.programme_id,
            "name": f"{name} {people.FAMILY[number]}",
            "known_as": name,
            "languages": ["en", "so"] if number % 7 == 0 else ["en"],
            "modes": ["face_to_face", "telephone"],
            "condition": {
                "condition": "type_2_diabetes",
                "treatments": [("tablets", "insulin", "diet_only")[number % 3]],
                "diagnosed_year": 2006 + number % 12,
                "consent_given_on": str(self.calendar.day),
                "consent_wording_version": "2025-1",
            },
        }
        mentor = await self.coordinator.post("/v1/mentors", profile, expect=201)
        self.pairs.mentors.append(Mentor(mentor["id"], Caller(self.http, sign)))
        if number < 1:
            self.year.signs.append(sign)
        self.advance["mentors"]()

    async def train(self, module: str) -> None:
        """All mentors have been to an evening about this module."""
        evening = {
            "programme_id": self.year.programme_id,
            "module": module,
            "completed_on": str(self.calendar.day - timedelta(days=20)),
            "mentor_ids": [mentor.id for mentor in self.pairs.mentors],
        }
        await self.coordinator.post("/v1/training-events", evening)

    def plan_referrals(self) -> None:
        """Sixty, spread over the first ten months, from three practices in turn."""
        for number in range(REFERRALS):
            self.calendar.later(2 + number * REFERRED_UNTIL // REFERRALS, partial(self.refer, number))

    async def refer(self, number: int) -> None:
        """One person is referred; a third are declined, taken back or still undecided at the end."""
        practice = self.practices[number % 3]
        person = people.patient(self.draw, number)
        referral_id = await practice.refer(person, self.calendar.day, number)
        self.advance["referrals"]()
        if number % 3 != 2 or number in (2, 5, 8, 11):
            if number % 15 == 6:
                self.calendar.later(2, lambda: practice.take_back(person, referral_id, self.calendar.day))
            else:
                self.calendar.later(self.draw.randint(1, 4), lambda: self.accept(number, referral_id, person))
        elif number < REFERRALS - 2:
            self.calendar.later(self.draw.randint(1, 4), lambda: self.decline(referral_id))

    async def decline(self, referral_id: str) -> None:
        """Not for this service, and where else to turn."""
        reason = self.draw.choice(("declined_by_person", "not_contactable", "inappropriate"))
        body = {"reason": reason, "elsewhere": "The structured education course at the health park."}
        await self.coordinator.post(f"/v1/referrals/{referral_id}/decline", body)

    async def accept(self, number: int, referral_id: str, person: dict[str, Any]) -> None:
        """The person is taken on, and the briefing written."""
        referral = await self.coordinator.post(f"/v1/referrals/{referral_id}/accept")
        episode = Episode(number, referral["mentee_id"])
        briefing = {"contact_route": f"Text message to {person['phone']}", "needs": "Has tried alone and lost heart."}
        path = f"/v1/mentees/{episode.mentee_id}/briefing"
        await self.coordinator.send("PATCH", path, briefing, headers={"If-Match": '"v1"'})
        self.calendar.later(self.draw.randint(2, 9), lambda: self.pairs.offer(episode))

    async def collect(self) -> None:
        """Ask for the report, and for everything it can be checked against."""
        programme = f"programme_id={self.year.programme_id}"
        period = f"from={self.year.starts_on}&until={self.year.ends_on}"
        self.year.report = await self.coordinator.get(f"/v1/reports/outcomes?{programme}&{period}")
        for name in ("referrals", "mentees", "sessions", "pam-assessments"):
            self.year.answers[name] = await self.coordinator.pages(f"/v1/{name}?{programme}")


async def play(url: str, sign: Sign, link: str, console: Console) -> Year:
    """Play the year up to yesterday and bring back what the service says of it."""
    ends_on = datetime.now(UTC).date() - timedelta(days=1)
    year = Year(starts_on=ends_on - timedelta(days=364), ends_on=ends_on, signs=[sign])
    bars = (TextColumn("{task.description:>10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        await practices.set_password(http, link, sign.password)
        with Progress(*bars, console=console, transient=True) as progress:
            player = Player(http, Caller(http, sign), year, progress)
            await player.set_up()
            player.plan_referrals()
            await player.calendar.live()
            await player.collect()
    return year
