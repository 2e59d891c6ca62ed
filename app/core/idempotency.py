"""A request sent twice is done once: the second gets the first's answer, marked as a replay.

With an `Idempotency-Key`, the answer (also a refusal) is stored in the transaction of the work itself and
kept 24 hours, then cleared away by the caller's next requests with a key; 408, 412, 428, 429 and 5xx store
nothing, so that trying again can succeed.
"""

import hashlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa
from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.params import Form
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError
from sqlmodel import Field
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.actor import Actor
from app.core.database import Database, Origin, problem_of
from app.core.errors import (
    FieldError,
    KeyInUse,
    KeyReused,
    MalformedJson,
    MediaTypeNotSupported,
    NotAllowed,
    NotValid,
    Problem,
    invalid,
)
from app.core.faces import problem_response
from app.core.models import TEXTS, Row, needed_instant, typed
from app.core.sealing import Sealer

DEEPEST = 100
KEPT = timedelta(hours=24)
NOTE_REPLAY = "INSERT INTO audit_reads (shape, ids) VALUES ('StoredAnswer', $1)"
NOT_STORED = frozenset({401, 403, 408, 412, 425, 428, 429})
SAVED_HEADERS = ("etag", "location", "link")


class IdempotentAnswer(Row, table=True):
    """The stored answer of one (caller, key)."""

    __tablename__ = "idempotent_answers"
    __table_args__ = (
        sa.UniqueConstraint("actor_id", "key_hash"),
        sa.Index("ix_idempotent_answers_actor_id", "actor_id", "expires_at"),
    )

    actor_id: UUID
    key_hash: str = Field(max_length=64)
    fingerprint: str = Field(max_length=64)
    status: int
    headers: str
    body: bytes
    reach: list[str] = typed(sa_type=TEXTS, nullable=False, sa_column_kwargs={"server_default": sa.text("'{}'")})
    """The rights the answer rested on (`my_reach()`); it is given again only while they all still hold."""
    expires_at: datetime = needed_instant()


class AnswerOutOfReach(NotAllowed):
    """This was done before, under rights you no longer hold; it is not done again, and its answer is not shown."""


class Replayed(Exception):
    """Carries a stored answer out of the dependency that found it."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


@dataclass
class Unit:
    """The one writing transaction of a request, opened when the caller is known, ended before the answer leaves."""

    database: Database
    sealer: Sealer
    db: AsyncSession | None = None
    key_hash: str = ""
    fingerprint: str = ""

    async def open(self, actor: Actor, source: Origin, request: Request) -> AsyncSession:
        """The transaction; with an Idempotency-Key, after looking whether this was done before."""
        self.db = self.database.session(actor, source)
        key = request.headers.get("idempotency-key")
        if key is None:
            return self.db
        if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
            raise invalid("header:Idempotency-Key", "key_form", "1 to 255 printable ASCII characters.")
        self.key_hash = hashlib.sha256(key.encode()).hexdigest()
        self.fingerprint = hashlib.sha256(
            f"{request.method} {request.url.path}?{request.url.query}\n".encode() + await request.body()
        ).hexdigest()
        await self._look_up(actor)
        await self.db.begin_nested()
        return self.db

    async def _look_up(self, actor: Actor) -> None:
        assert self.db is not None
        assert actor.id is not None
        connection = await self.db.connection()
        sql = "SELECT locked, id, fingerprint, status, headers, body, is_in_reach FROM idempotency_begin($1, $2)"
        found = (await connection.exec_driver_sql(sql, (actor.id, self.key_hash))).one()
        if not found.locked:
            raise KeyInUse(headers={"Retry-After": "1"})
        if found.id is None:
            return
        if found.fingerprint != self.fingerprint:
            raise KeyReused()
        if not found.is_in_reach:
            raise AnswerOutOfReach()
        await connection.exec_driver_sql(NOTE_REPLAY, ([found.id],))
        body = self.sealer.open(found.body, "idempotent_answers", found.id, "body")
        headers = orjson.loads(found.headers) | {"Idempotent-Replayed": "true"}
        raise Replayed(Response(body, found.status, headers))

    async def keep(self, actor: Actor, response: Response) -> None:
        """Store the answer beside the work, if this request has a key."""
        if self.db is None or not self.key_hash or response.status_code in NOT_STORED:
            return
        if response.status_code >= 500:
            return
        assert actor.id is not None
        headers = {n: v for n, v in response.headers.items() if n in (*SAVED_HEADERS, "content-type")}
        answer = IdempotentAnswer(
            actor_id=actor.id,
            key_hash=self.key_hash,
            fingerprint=self.fingerprint,
            status=response.status_code,
            headers=orjson.dumps(headers).decode(),
            body=b"",
            expires_at=clock.true_now() + KEPT,
        )
        rights = await (await self.db.connection()).exec_driver_sql("SELECT my_reach()")
        answer.reach = list(rights.scalar_one())
        answer.body = self.sealer.seal(bytes(response.body), "idempotent_answers", answer.id, "body")
        self.db.add(answer)

    async def commit(self) -> None:
        """Everything of this request becomes true at once."""
        if self.db is not None:
            await self.db.commit()
            await self.db.close()

    async def abandon(self) -> None:
        """Nothing of this request becomes true."""
        if self.db is not None:
            await self.db.rollback()
            await self.db.close()


def strict_json(raw: bytes) -> Any:
    """Parse a body as strict JSON; raises `MalformedJson`, which repeats nothing of it."""
    try:
        parsed = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise MalformedJson() from error
    if raw.count(b"[") + raw.count(b"{") > DEEPEST and _is_deeper(parsed, DEEPEST):
        raise MalformedJson()
    return parsed


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether anything lies further down than so many levels; level by level, so that no stack is needed."""
    layer = [value]
    for _ in range(levels):
        layer = [part for whole in layer for part in _parts(whole) if isinstance(part, dict | list)]
        if not layer:
            return False
    return True


def _parts(whole: Any) -> Iterable[Any]:
    if isinstance(whole, dict):
        return whole.values()
    return whole if isinstance(whole, list) else ()


def _check_media_type(request: Request) -> None:
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise MediaTypeNotSupported()


class Door(APIRoute):
    """A route whose change and answer are one transaction: committed before the answer leaves, or not at all.

    It also reads the body as strict JSON before anything else looks at it.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler FastAPI made, inside the unit of work."""
        handle = super().get_route_handler()
        takes_json = self.body_field is not None and not _is_form(self)
        known = set(_query_names(self.dependant))

        async def through(request: Request) -> Response:
            _check_query(request, known)
            if takes_json:
                await _prepare_json(request)
            if request.method in ("GET", "HEAD"):
                return await handle(request)
            return await _once(request, handle)

        return through


def _is_form(route: APIRoute) -> bool:
    return route.body_field is not None and isinstance(route.body_field.field_info, Form)


def _query_names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for part in dependant.dependencies:
        yield from _query_names(part)


def _check_query(request: Request, known: set[str]) -> None:
    """A parameter that is not known is refused: a misspelt filter would show everybody."""
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name not in known:
            offered = ", ".join(sorted(known)) or "none"
            raise NotValid(errors=[FieldError("query", "parameter_unknown", f"These are known here: {offered}.")])
        if name in seen:
            raise invalid(f"query:{name}", "parameter_repeated", "Once is enough; only one value can be taken.")
        seen.add(name)


async def _prepare_json(request: Request) -> None:
    """Strict JSON for the handler; no body at all counts as one without fields, so that each missing one is named."""
    raw = await request.body()
    if raw:
        _check_media_type(request)
    else:
        raw = request._body = b"{}"
        request.scope["headers"] = [*request.scope["headers"], (b"content-type", b"application/json")]
        vars(request).pop("_headers", None)
    request._json = strict_json(raw)


async def _once(request: Request, handle: Callable[[Request], Awaitable[Response]]) -> Response:
    state = request.app.state
    unit = Unit(state.database, state.sealer)
    request.state.unit = unit
    try:
        response = await handle(request)
        await unit.keep(request.state.actor, response) if unit.key_hash else None
        await unit.commit()
    except Replayed as replay:
        await unit.commit()
        return replay.response
    except Problem as refusal:
        try:
            return await _refuse(request, unit, refusal)
        except BaseException:
            await unit.abandon()
            raise
    except DBAPIError as error:
        await unit.abandon()
        problem = problem_of(error)
        if problem is None:
            raise
        raise problem from error
    except BaseException:
        await unit.abandon()
        raise
    return response


async def _refuse(request: Request, unit: Unit, refusal: Problem) -> Response:
    """Undo the work, keep the refusal as the answer to this key, and give it."""
    response = problem_response(request, refusal)
    keeps = unit.key_hash and response.status_code not in NOT_STORED and response.status_code < 500
    if not keeps or unit.db is None or isinstance(refusal, KeyInUse | KeyReused | AnswerOutOfReach):
        await unit.abandon()
        raise refusal
    nested = unit.db.get_nested_transaction()
    if nested is not None:
        await nested.rollback()
    await unit.keep(request.state.actor, response)
    await unit.commit()
    return response
