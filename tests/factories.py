"""A small world for a test: a programme with its people, whose requests go through the real HTTP doors."""

import itertools
import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
from fastapi import FastAPI
from uuid6 import uuid7

from app.access.permissions import SCOPES
from app.access.tokens import issue
from app.core import clock
from app.core.actor import Kind, Role
from app.core.codes import TrainingModule

_counter = itertools.count(1)
_random = random.Random(20_260_302)


def nhs_number() -> str:
    """A made-up NHS number of the range that is never issued (999…), with its check digit."""
    while True:
        digits = "999" + "".join(str(_random.randrange(10)) for _ in range(6))
        check = 11 - sum(int(d) * (10 - i) for i, d in enumerate(digits)) % 11
        if check != 10:
            return digits + str(check % 11)


def person(**changes: Any) -> dict[str, Any]:
    """A person as a referral names them."""
    n = next(_counter)
    given: dict[str, Any] = {
        "given_name": f"Given{n}",
        "family_name": f"Family{n}",
        "nhs_number": nhs_number(),
        "birth_date": "1968-04-12",
        "stated_gender": "2",
        "ethnic_category": "A",
        "language": "en",
        "postcode": "BS5 6XX",
        "phone": "07700 900123",
    }
    return {k: v for k, v in (given | changes).items() if v is not None}


def referral(programme_id: str | UUID, **changes: Any) -> dict[str, Any]:
    """A referral body that a practice would post."""
    given: dict[str, Any] = {
        "programme_id": str(programme_id),
        "source": "nurse",
        "referrer": {"name": "Pat Nurse", "role": "Practice nurse"},
        "made_on": str(clock.today() - timedelta(days=1)),
        "reasons": ["struggling_to_manage"],
        "clinical_reason": "HbA1c has risen over the year.",
        "barriers": ["food_knowledge"],
        "consent": {
            "is_given": True,
            "given_on": str(clock.today() - timedelta(days=1)),
            "method": "in_person",
        },
        "person": person(),
        "facts": {"condition": "type_2_diabetes"},
    }
    return {k: v for k, v in (given | changes).items() if v is not None}


@dataclass
class Caller:
    """Somebody signed in, or a system with a token; sends requests."""

    http: httpx.AsyncClient
    id: UUID
    role: Role
    token: str
    sign_in_id: UUID | None = None
    email: str = ""

    async def send(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        """One request with this caller's token."""
        sent = {"Authorization": f"Bearer {self.token}"} | (headers or {})
        return await self.http.request(method, path, headers=sent, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """GET."""
        return await self.send("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """POST with a JSON body ({} where none is given)."""
        return await self.send("POST", path, json={} if body is None else body, **options)

    async def patch(self, path: str, body: Any, version: str | None, **options: Any) -> httpx.Response:
        """PATCH with If-Match where a version (an ETag) is given."""
        headers = {"If-Match": version} if version else {}
        return await self.send("PATCH", path, json=body, headers=headers, **options)


def body_of(response: httpx.Response, status: int = 200) -> Any:
    """The JSON of an answer that must have this status; otherwise what it says instead."""
    assert response.status_code == status, (response.status_code, response.text)
    return response.json()


@dataclass
class World:
    """One programme, its practice, and who works in it."""

    app: FastAPI
    http: httpx.AsyncClient
    owner: Any
    programme_id: UUID
    practice_id: UUID
    ods_code: str
    coordinator: Caller = field(init=False)
    referrer: Caller = field(init=False)

    @classmethod
    async def make(cls, app: FastAPI, http: httpx.AsyncClient, owner: Any, **settings: Any) -> "World":
        """A fresh programme for type 2 diabetes, with one coordinator and one practice's referrer."""
        world = cls(app, http, owner, uuid7(), uuid7(), "")
        await world.insert(
            "programmes",
            {
                "id": world.programme_id,
                "name": "Diabetes peer support",
                "condition": "type_2_diabetes",
                "footprint": "Bristol",
            }
            | PROGRAMME
            | settings,
        )
        rules = orjson.dumps(
            [
                {"kind": "minimum_age", "number": 18, "values": []},
                {"kind": "condition", "number": None, "values": ["type_2_diabetes"]},
            ]
        ).decode()
        await world.insert(
            "programmes_eligibility_rules", {"programme_id": world.programme_id, "number": 1, "rules": rules}
        )
        await world.insert(
            "programmes_contract_years",
            {
                "programme_id": world.programme_id,
                "starts_on": clock.today() - timedelta(days=180),
                "ends_on": clock.today() + timedelta(days=184),
                "mentor_places": 20,
                "mentee_places": 40,
            },
        )
        world.practice_id, world.ods_code = await world.organisation()
        world.coordinator = await world.caller(Role.COORDINATOR)
        world.referrer = await world.caller(Role.REFERRER, organisation_id=world.practice_id)
        return world

    async def insert(self, table: str, values: dict[str, Any]) -> UUID:
        """A row as the owner, for what a test takes as given."""
        row = {"id": uuid7(), "created_at": clock.true_now()} | values
        names = ", ".join(row)
        marks = ", ".join(f"${n}" for n in range(1, len(row) + 1))
        await self.owner.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", *row.values())
        made = row["id"]
        assert isinstance(made, UUID)
        return made

    async def organisation(self, kind: str = "gp_practice") -> tuple[UUID, str]:
        """An organisation and its ODS code."""
        ods_code = f"T{uuid4().hex[:8].upper()}"
        made = await self.insert("organisations", {"ods_code": ods_code, "name": "A practice", "kind": kind})
        return made, ods_code

    async def membership(
        self,
        account_id: UUID,
        role: Role,
        *,
        programme_id: UUID | None = None,
        organisation_id: UUID | None = None,
    ) -> UUID:
        """Give a role."""
        return await self.insert(
            "access_memberships",
            {
                "account_id": account_id,
                "role": role.value,
                "programme_id": programme_id or self.programme_id,
                "organisation_id": organisation_id,
            },
        )

    async def caller(self, role: Role, *, organisation_id: UUID | None = None) -> Caller:
        """Somebody new in this programme, signed in with a role."""
        email = f"{uuid4().hex}@example.org"
        account_id = await self.insert("accounts", {"email": email, "name": f"A {role.value}", "status": "active"})
        await self.membership(account_id, role, organisation_id=organisation_id)
        return await self.signed_in(account_id, role, email)

    async def signed_in(self, account_id: UUID, role: Role, email: str = "") -> Caller:
        """A sign-in of an account in a role, with its access token."""
        sign_in_id = await self.insert("access_sign_ins", {"account_id": account_id, "role": role.value})
        token = issue(
            self.app.state.signing_keys,
            issuer=self.app.state.settings.public_url,
            audience=self.app.state.settings.public_url,
            subject=account_id,
            kind=Kind.ACCOUNT,
            role=role,
            lifetime=timedelta(minutes=15),
            now=clock.true_now(),
            sign_in_id=sign_in_id,
        )
        return Caller(self.http, account_id, role, token, sign_in_id, email)

    async def client(self, role: Role = Role.REFERRER, scopes: frozenset[str] = frozenset(SCOPES)) -> Caller:
        """A machine client of this world's practice, with a token."""
        client_id = await self.insert(
            "clients",
            {
                "name": "A system",
                "organisation_id": self.practice_id,
                "role": role.value,
                "scopes": sorted(scopes),
                "jwks": '{"keys": []}',
                "status": "active",
            },
        )
        await self.membership(client_id, role, organisation_id=self.practice_id)
        token = issue(
            self.app.state.signing_keys,
            issuer=self.app.state.settings.public_url,
            audience=self.app.state.settings.public_url,
            subject=client_id,
            kind=Kind.CLIENT,
            role=role,
            lifetime=timedelta(minutes=5),
            now=clock.true_now(),
            client_id=str(client_id),
            scopes=scopes,
        )
        return Caller(self.http, client_id, role, token)

    async def refer(self, caller: Caller | None = None, **changes: Any) -> dict[str, Any]:
        """A referral received through the door."""
        answer = await (caller or self.referrer).post("/v1/referrals", referral(self.programme_id, **changes))
        made: dict[str, Any] = body_of(answer, 201)
        return made

    async def accept(self, referral_id: str, **decision: Any) -> dict[str, Any]:
        """A referral accepted; the answer is the episode."""
        accepted = body_of(await self.coordinator.post(f"/v1/referrals/{referral_id}/accept", decision))
        mentee: dict[str, Any] = body_of(await self.coordinator.get(f"/v1/mentees/{accepted['mentee_id']}"))
        return mentee

    async def enrol(self, **changes: Any) -> dict[str, Any]:
        """Somebody referred and accepted, with these changes to the person; the answer is the episode."""
        made = await self.refer(person=person(**changes))
        return await self.accept(made["id"])

    async def mentor(self, *, trained: bool = True, **changes: Any) -> tuple[Caller, dict[str, Any]]:
        """A mentor of this programme, signed in, and the profile; trained in all seven modules unless said."""
        caller = await self.caller(Role.MENTOR)
        profile = {
            "account_id": str(caller.id),
            "programme_id": str(self.programme_id),
            "name": "Sam Okafor",
            "known_as": "Sam",
            "languages": ["en"],
            "modes": ["face_to_face", "telephone"],
        }
        made: dict[str, Any] = body_of(await self.coordinator.post("/v1/mentors", profile | changes), 201)
        for module in TrainingModule if trained else ():
            done = {"module": module.value, "completed_on": str(clock.today() - timedelta(days=30))}
            made = body_of(await self.coordinator.post(f"/v1/mentors/{made['id']}/training", done))
        return caller, made

    async def offer(self, mentee_id: str | UUID, mentor_id: str | UUID, **changes: Any) -> dict[str, Any]:
        """A mentee offered to a mentor."""
        pair = {"mentee_id": str(mentee_id), "mentor_id": str(mentor_id)}
        made: dict[str, Any] = body_of(await self.coordinator.post("/v1/matches", pair | changes), 201)
        return made

    async def pair(self, mentee_id: str | UUID, mentor: Caller, mentor_id: str | UUID) -> dict[str, Any]:
        """A mentee and a mentor made a pair: offered, accepted, confirmed."""
        offer = await self.offer(mentee_id, mentor_id)
        body_of(await mentor.post(f"/v1/matches/{offer['id']}/accept"))
        made: dict[str, Any] = body_of(await self.coordinator.post(f"/v1/matches/{offer['id']}/confirm"))
        return made

    async def match(self, **changes: Any) -> tuple[Caller, dict[str, Any]]:
        """Somebody enrolled (with these changes to the person) and paired with a mentor of their own."""
        mentee = await self.enrol(**changes)
        mentor, profile = await self.mentor()
        return mentor, await self.pair(mentee["id"], mentor, profile["id"])


PROGRAMME: dict[str, Any] = {
    "delivery": "one_to_one",
    "postcode_areas": [],
    "is_open": True,
    "length_weeks": 16,
    "extension_weeks": 4,
    "session_minutes": 60,
    "days_between_sessions": 7,
    "grace_days": 14,
    "pam_cut_set": "current",
    "pam_baseline_before_days": 14,
    "pam_baseline_after_days": 14,
    "pam_follow_up_days": 28,
    "pam_min_items_pam_13": 10,
    "pam_min_items_pam_10": 8,
    "pam_exclude_straight_line": True,
    "pam_meaningful_change": 4.0,
    "pam_reliable_change": 14.6,
}


def day(text: str) -> date:
    """A date from its ISO form."""
    return date.fromisoformat(text)
