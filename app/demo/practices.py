"""Three GP practices and the three ways they refer: by message, by JSON from their system, and by hand."""

import base64
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Protocol
from uuid import uuid4

import httpx

from app.demo import message
from app.demo.caller import Caller, Sign, System

SERVICE = "2000099001"
SCOPES = ["system/ServiceRequest.cru"]


class Knows(Protocol):
    """What of the year a practice has to know."""

    programme_id: str
    signs: list[Sign]


@dataclass
class Practice(ABC):
    """A GP practice."""

    ods_code: str
    id: str
    caller: Caller
    programme_id: str

    @abstractmethod
    async def refer(self, person: dict[str, Any], day: date, number: int) -> str:
        """Refer a person; gives the referral's id."""

    async def take_back(self, person: dict[str, Any], referral_id: str, day: date) -> None:
        """The person has changed their mind."""
        del person, day
        await self.caller.post(f"/v1/referrals/{referral_id}/withdraw", {"reason": "Changed their mind"})

    def _referral(self, person: dict[str, Any], day: date, source: str) -> dict[str, Any]:
        return {
            "programme_id": self.programme_id,
            "source": source,
            "referrer": {"name": "Robin Nurse", "role": "Practice nurse"},
            "made_on": str(day),
            "reasons": ["struggling_to_manage"],
            "clinical_reason": "HbA1c has risen; finds the advice hard to follow.",
            "barriers": ["food_knowledge", "low_mood"],
            "consent": {"is_given": True, "given_on": str(day), "method": "in_person"},
            "person": person | {"practice_ods_code": self.ods_code},
            "facts": {"condition": "type_2_diabetes"},
        }


class ByHand(Practice):
    """A practice nurse with a form on the screen."""

    async def refer(self, person: dict[str, Any], day: date, number: int) -> str:
        """One form, sent."""
        del number
        made = await self.caller.post("/v1/referrals", self._referral(person, day, "nurse"), expect=201)
        return str(made["id"])


class BySystem(Practice):
    """A broker's system that posts JSON, and may post the same twice."""

    async def refer(self, person: dict[str, Any], day: date, number: int) -> str:
        """Posted twice with the same reference: the second answer is the first referral."""
        body = self._referral(person, day, "gp") | {"source_system": "broker", "source_reference": f"R{number}"}
        made = await self.caller.post("/v1/referrals", body, expect=201)
        await self.caller.post("/v1/referrals", body, expect=200)
        return str(made["id"])


class ByMessage(Practice):
    """A GP system that sends messages."""

    async def refer(self, person: dict[str, Any], day: date, number: int) -> str:
        """One message; the answer carries the id the service gave."""
        del number
        made_at = datetime.combine(day, time(11), UTC).isoformat()
        sent = message.referral(person, service=SERVICE, ods_code=self.ods_code, made_at=made_at)
        return _request_id(await self._process(sent))

    async def take_back(self, person: dict[str, Any], referral_id: str, day: date) -> None:
        """A cancelling message that names the service's own id."""
        made_at = datetime.combine(day, time(11), UTC).isoformat()
        sent = message.cancellation(
            person, service=SERVICE, ods_code=self.ods_code, made_at=made_at, our_id=referral_id
        )
        await self._process(sent)

    async def _process(self, sent: dict[str, Any]) -> dict[str, Any]:
        target = json.dumps({"system": message.SERVICE_SYSTEM, "value": SERVICE}).encode()
        headers = {
            "X-Request-Id": str(uuid4()),
            "X-Correlation-Id": str(uuid4()),
            "NHSD-Target-Identifier": base64.b64encode(target).decode(),
            "Content-Type": "application/fhir+json; version=1.2.0",
        }
        answer: dict[str, Any] = await self.caller.send("POST", "/fhir/R4/$process-message", sent, headers=headers)
        return answer


def _request_id(bundle: dict[str, Any]) -> str:
    resources = (entry["resource"] for entry in bundle["entry"])
    return next(str(r["id"]) for r in resources if r["resourceType"] == "ServiceRequest")


async def set_password(http: httpx.AsyncClient, token: str, password: str) -> None:
    """Follow a single-use link."""
    answer = await http.post("/v1/auth/password", json={"token": token, "password": password})
    answer.raise_for_status()


async def account(http: httpx.AsyncClient, coordinator: Caller, sign: Sign, membership: dict[str, Any]) -> str:
    """An account whose owner has set a password; gives its id."""
    body = {"email": sign.email, "name": sign.email.split("@")[0], "memberships": [{"role": sign.role} | membership]}
    made = await coordinator.post("/v1/accounts", body, expect=201)
    await set_password(http, made["password_link"]["token"], sign.password)
    return str(made["account"]["id"])


async def join(
    http: httpx.AsyncClient, coordinator: Caller, year: Knows, number: int, organisation_id: str, ods_code: str
) -> Practice:
    """A practice begins to refer: the first by messages, the second by JSON, the third by hand."""
    if number == 2:
        sign = Sign("referrer", "robin@example.org", "clinic room with a window")
        membership = {"programme_id": year.programme_id, "organisation_id": organisation_id}
        await account(http, coordinator, sign, membership)
        year.signs.append(sign)
        return ByHand(ods_code, organisation_id, Caller(http, sign), year.programme_id)
    system = System(http, f"{str(http.base_url).rstrip('/')}/oauth2/token")
    body = {
        "name": f"System of {ods_code}",
        "organisation_id": organisation_id,
        "programme_ids": [year.programme_id],
        "role": "referrer",
        "scopes": SCOPES,
        "jwks": system.jwks(),
    }
    system.client_id = (await coordinator.post("/v1/clients", body, expect=201))["id"]
    kind = (ByMessage, BySystem)[number]
    return kind(ods_code, organisation_id, system, year.programme_id)
