"""Below /fhir every refusal looks as GP systems expect it, and both ids of a message come back with it."""

import re

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.fhir.outcomes import refusal_of_face

MEDIA_TYPE = "application/fhir+json"
_UUID = re.compile(rb"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_REPLACED = (b"content-type", b"content-length")


class FhirFace:
    """Pure ASGI, outside everything that refuses: problem+json becomes an OperationOutcome."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; the request id is given back by the edge, the correlation id here."""
        if scope["type"] != "http" or not scope["path"].startswith("/fhir/"):
            await self.app(scope, receive, send)
            return
        echoed = _correlation(scope)
        held: list[Message] = []

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *echoed]
                if _is_problem(message):
                    held.append(message)
                    return
            elif held:
                held.append(message)
                if not message.get("more_body", False):
                    await _send_outcome(held, send)
                return
            await send(message)

        await self.app(scope, receive, sending)


def _correlation(scope: Scope) -> list[tuple[bytes, bytes]]:
    sent = next((value for name, value in scope["headers"] if name == b"x-correlation-id"), b"")
    return [(b"x-correlation-id", sent)] if _UUID.fullmatch(sent) else []


def _is_problem(start: Message) -> bool:
    kinds = [value for name, value in start["headers"] if name.lower() == b"content-type"]
    return any(kind.startswith(b"application/problem+json") for kind in kinds)


async def _send_outcome(held: list[Message], send: Send) -> None:
    start, *parts = held
    refusal = refusal_of_face(orjson.loads(b"".join(part.get("body", b"") for part in parts)))
    body = orjson.dumps(refusal.as_json())
    kept = [(name, value) for name, value in start["headers"] if name.lower() not in _REPLACED]
    own = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": refusal.status, "headers": [*kept, *own]})
    await send({"type": "http.response.body", "body": body})
