"""Every request comes through a door: read strictly, worked on in one transaction, and answered when that has ended."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.params import Form
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError
from starlette.routing import Match
from starlette.types import Scope

from app.core.errors import (
    FieldError,
    KeyInUse,
    KeyReused,
    MalformedJson,
    MediaTypeNotSupported,
    NotValid,
    Problem,
    invalid,
)
from app.core.faces import problem_response
from app.core.idempotency import AnswerOutOfReach, Replayed, Unit
from app.core.refusals import problem_of

DEEPEST = 100
"""Levels of a JSON body."""


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

    def __init__(self, path: str, *args: Any, **options: Any) -> None:
        super().__init__(path, *args, **options)
        self._stem = self.path_format.partition("{")[0]

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether this is the address asked for; of a hundred doors most are told apart by their first letters."""
        if not scope["path"].startswith(self._stem):
            return Match.NONE, {}
        return super().matches(scope)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler FastAPI made, inside the unit of work."""
        handle = super().get_route_handler()
        takes_json = self.body_field is not None and not _is_form(self)
        known = set(_query_names(self.dependant))

        async def through(request: Request) -> Response:
            _check_query(request, known)
            if takes_json:
                await _prepare_json(request)
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
        if unit.key_hash:
            await unit.keep(request.state.actor, response)
        await unit.commit()
    except Replayed as replay:
        await unit.commit()
        return replay.response
    except Problem as refusal:
        await unit.abandon()
        return await _refuse(request, unit, refusal)
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
    """The refusal; kept as the answer to this key, in a transaction of its own since the work's is undone.

    Where another request with this key was quicker in between, its answer is the one.
    """
    response = problem_response(request, refusal)
    if not unit.keeps(response) or isinstance(refusal, KeyInUse | KeyReused | AnswerOutOfReach):
        raise refusal
    actor = request.state.actor
    try:
        await unit.look_up(actor)
        await unit.keep(actor, response)
        await unit.commit()
    except Replayed as replay:
        await unit.commit()
        return replay.response
    except Exception as error:
        await unit.abandon()
        raise refusal from error
    except BaseException:  # given up: that goes on, and is no refusal
        await unit.abandon()
        raise
    return response
