"""The outermost layer: a request id, a size limit, safe headers, and one log line that names no person."""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from app.core.errors import BodyTooLarge, Problem
from app.core.logs import logger, where_of

SAFE_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"x-frame-options", b"DENY"),
]


class _TooLarge(Exception):
    pass


class Edge:
    """Pure ASGI; `limit_of(path)` gives the most bytes a body may have."""

    def __init__(self, app: ASGIApp, limit_of: Callable[[str], int]) -> None:
        self.app = app
        self.limit_of = limit_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        clear_contextvars()
        bind_contextvars(request_id=str(request_id))
        started = time.perf_counter()
        answered: dict[str, Any] = {"status": 500, "sent": False}
        limited = self._limited(scope, receive)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered.update(status=message["status"], sent=True)
                message["headers"] = _headers(scope, message, request_id)
            await send(message)

        try:
            await self.app(scope, limited, sending)
        except _TooLarge:
            await _refuse(BodyTooLarge(), request_id, sending, b"close")
        except Problem as problem:  # raised by what stands between this and the routes
            await _refuse(problem, request_id, sending, b"close" if problem.status == 408 else b"keep-alive")
        except Exception as error:  # the last resort: the caller learns nothing of it, the log where it arose
            logger().error("bug", exception_type=type(error).__name__, where=where_of(error))
            if answered["sent"]:
                raise
            await _refuse(Problem(), request_id, sending, b"close")
        finally:
            _note(scope, answered["status"], started)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        limit = self.limit_of(scope["path"])
        seen = 0

        async def receiving() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit or _declared(scope) > limit:
                raise _TooLarge()
            return message

        return receiving


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _request_id(scope: Scope) -> UUID:
    """The caller's X-Request-Id where it is a UUID, so that both sides speak of the same request; else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            try:
                return UUID(value.decode("ascii"))
            except ValueError:
                break
    return uuid4()


def _headers(scope: Scope, message: Message, request_id: UUID) -> list[tuple[bytes, bytes]]:
    headers: list[tuple[bytes, bytes]] = list(message["headers"])
    present = {name.lower() for name, _ in headers}
    docs = scope["path"].startswith(("/docs", "/redoc", "/static-offline-docs"))
    for name, value in SAFE_HEADERS:
        if name not in present and not (docs and name == b"cache-control"):
            headers.append((name, value))
    headers.append((b"x-request-id", str(request_id).encode()))
    return headers


async def _refuse(problem: Problem, request_id: UUID, send: Send, connection: bytes = b"keep-alive") -> None:
    body = orjson.dumps(problem.face(str(request_id)))
    headers = [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    headers += [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", connection),
    ]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _note(scope: Scope, status: int, started: float) -> None:
    route = scope.get("route")
    logger().info(
        "request",
        method=scope["method"],
        route=getattr(route, "path", "no such address"),
        status=status,
        ms=round((time.perf_counter() - started) * 1000, 1),
    )
