"""A practice's system for tests: sends messages to a programme and reads the answers."""

import base64
import json
from typing import Any
from uuid import UUID, uuid4

import httpx
from fhir.resources.R4B.operationoutcome import OperationOutcome

from tests.factories import Caller, World, body_of, nhs_number
from tests.fhir.messages import SERVICE, Resource, cancellation, patient, referral
from tests.fhir.test_bundles import resources

DOOR = "/fhir/R4/$process-message"


class Practice:
    """A practice's system in a world whose programme has a service id."""

    def __init__(self, world: World, client: Caller, service: str) -> None:
        self.world = world
        self.client = client
        self.service = service
        self.destination = f"{SERVICE}|{service}"

    @classmethod
    async def of(cls, world: World) -> "Practice":
        """A client of the world's practice; the programme is found by a number of its own."""
        service = str(uuid4().int)[:10]
        found_by = {"programme_id": world.programme_id, "system": SERVICE, "value": service}
        await world.insert("programmes_service_ids", found_by)
        return cls(world, await world.client(), service)

    def headers(self, request_id: UUID, correlation_id: UUID) -> dict[str, str]:
        """The envelope of a message."""
        target = json.dumps({"system": SERVICE, "value": self.service}).encode()
        return {
            "Content-Type": "application/fhir+json; version=1.1.0",
            "Accept": "application/fhir+json; version=1.1.0",
            "NHSD-Target-Identifier": base64.b64encode(target).decode(),
            "X-Request-Id": str(request_id),
            "X-Correlation-Id": str(correlation_id),
        }

    async def send(
        self,
        message: Any,
        *,
        ids: tuple[UUID, UUID] | None = None,
        correlation_id: UUID | None = None,
        client: Caller | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """A message under these ids (request, correlation), or fresh ones."""
        own, journey = ids or (uuid4(), correlation_id or uuid4())
        envelope = self.headers(own, journey) | (headers or {})
        raw = message if isinstance(message, bytes) else json.dumps(message).encode()
        return await (client or self.client).send("POST", DOOR, headers=envelope, content=raw)

    def referral(self, **changes: Any) -> Resource:
        """A referral to this programme of somebody new."""
        changes.setdefault("person", patient(nhs_number=nhs_number()))
        return referral(destination=self.destination, **changes)

    def cancellation(self, of: Resource, **changes: Any) -> Resource:
        """The cancellation of a referral that was sent."""
        return cancellation(destination=self.destination, person=of["entry"][2]["resource"], **changes)


def outcome_of(response: httpx.Response, status: int) -> list[Resource]:
    """The issues of a refusal that must have this status."""
    body = body_of(response, status)
    OperationOutcome.model_validate(body)
    assert response.headers["content-type"].startswith("application/fhir+json")
    issues: list[Resource] = body["issue"]
    return issues


def id_in(response: httpx.Response) -> str:
    """Our id of the referral that a message brought."""
    found: str = resources(body_of(response), "ServiceRequest")[0]["id"]
    return found
