"""/fhir/R4: the GP systems' door."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Request, Response

from app.access.guards import Caller, Reading, Writing, allow
from app.access.permissions import Permission
from app.core.actor import Actor, Role
from app.core.documents import VERSION
from app.core.door import Door
from app.core.errors import MediaTypeNotSupported, NotAcceptable, NotAllowed
from app.fhir import bundles, service
from app.fhir.envelope import read_envelope
from app.fhir.faces import MEDIA_TYPE
from app.fhir.outcomes import ANSWERS, Fault, Refusal, outcome
from app.settings import Settings

ACCEPTED = frozenset({"*/*", "application/*", MEDIA_TYPE, "application/json"})
"""Media types an answer may be asked for in; their parameters (`version=`) are passed over."""


async def from_practice(actor: Caller) -> Actor:
    """A practice's system or one of its staff; the others have doors of their own."""
    if actor.role is not Role.REFERRER:
        raise NotAllowed()
    return actor


async def acceptable(request: Request) -> None:
    """Whether the answer may be FHIR JSON."""
    asked = request.headers.get("accept", "*/*").split(",")
    if not {kind.split(";")[0].strip().lower() for kind in asked} & ACCEPTED:
        raise NotAcceptable(f"None of the media types asked for can be given; ask for {MEDIA_TYPE}.")


def _header(name: str, words: str, example: str, *, required: bool = True) -> dict[str, Any]:
    schema = {"type": "string", "examples": [example]}
    return {"name": name, "in": "header", "required": required, "description": words, "schema": schema}


def _answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Refusals for the document, each with an OperationOutcome as example."""
    answers: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        known = ANSWERS[status]
        fault = Fault(status, known.issue, "What is wrong, without what was sent.", ("Bundle.type",))
        answers[status] = {
            "description": f"{known.code}: an OperationOutcome with one issue per fault.",
            "content": {MEDIA_TYPE: {"schema": {"type": "object"}, "example": outcome([fault])}},
        }
    return answers


def _good(words: str, resource_type: str) -> dict[int | str, dict[str, Any]]:
    content = {MEDIA_TYPE: {"schema": {"type": "object"}, "example": {"resourceType": resource_type}}}
    return {200: {"description": words, "content": content}}


ID = "9562466f-c982-4bd5-bb0e-255e9f5e6689"
TARGET = "eyJzeXN0ZW0iOiJodHRwczovL2ZoaXIubmhzLnVrL0lkL2Rvcy1zZXJ2aWNlLWlkIiwidmFsdWUiOiIyMDAwMDk5MDAxIn0="
ENVELOPE = {
    "parameters": [
        _header("X-Request-Id", "A UUID, the same when the message is sent again.", ID),
        _header("X-Correlation-Id", "A UUID, the same for a referral and its cancellation.", ID),
        _header("NHSD-Target-Identifier", "The service: Base64 of JSON with system and value.", TARGET),
    ],
    "requestBody": {
        "required": True,
        "content": {MEDIA_TYPE: {"schema": {"type": "object"}, "example": {"resourceType": "Bundle"}}},
    },
}

router = APIRouter(prefix="/fhir/R4", tags=["fhir"], route_class=Door, dependencies=[Depends(acceptable)])
Practice = Annotated[Actor, Depends(from_practice)]


def _response(answer: service.Answer) -> Response:
    return Response(answer.body, answer.status, media_type=MEDIA_TYPE)


@router.post(
    "/$process-message",
    summary="Send a referral or its cancellation as a FHIR message",
    dependencies=[allow(Permission.REFER)],
    response_class=Response,
    responses=_good("The message with our id and the reference for the person.", "Bundle")
    | _answers(400, 401, 404, 406, 408, 409, 413, 415, 422, 425, 503),
    openapi_extra=ENVELOPE,
)
async def process_message(caller: Practice, request: Request, db: Writing) -> Response:
    """Takes a message Bundle in the shape of the Booking and Referral Standard: a new referral, or a cancellation
    of one. Every fault is named with its FHIRPath."""
    del caller
    envelope = read_envelope(request.headers)
    if isinstance(envelope, Refusal):
        return _response(service.Answer(envelope.status, orjson.dumps(envelope.as_json())))
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in (MEDIA_TYPE, "application/json"):
        raise MediaTypeNotSupported(f"Send the message as {MEDIA_TYPE}.")
    settings: Settings = request.app.state.settings
    door = service.Door(settings.public_url, request.app.state.sealer, settings.lenient_nhs_numbers)
    return _response(await service.process(db, door, envelope, await request.body()))


@router.get(
    "/ServiceRequest/{referral_id}",
    summary="Read a referral as a ServiceRequest",
    dependencies=[allow(Permission.READ_REFERRALS)],
    response_class=Response,
    responses=_good("The referral and where it stands.", "ServiceRequest") | _answers(400, 401, 404, 406, 503),
)
async def read_service_request(caller: Practice, referral_id: UUID, request: Request, db: Reading) -> Response:
    """A referral that the caller's organisation sent, by the id it was given in the answer."""
    del caller
    return _response(await service.read(db, referral_id, request.app.state.settings.public_url))


@router.get(
    "/metadata",
    summary="What this door can do",
    response_class=Response,
    responses=_good("A CapabilityStatement for FHIR 4.0.1.", "CapabilityStatement") | _answers(406),
)
async def read_metadata(request: Request) -> Response:
    """The CapabilityStatement; needs no token."""
    stated = bundles.capability_statement(base_url=request.app.state.settings.public_url, software_version=VERSION)
    return Response(orjson.dumps(stated), media_type=MEDIA_TYPE)
