"""What a route asks for by type: the caller with a permission, and a transaction that carries the caller."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request
from sqlmodel.ext.asyncio.session import AsyncSession
from structlog.contextvars import bind_contextvars

from app.access.permissions import Permission
from app.access.tokens import TokenRefused
from app.core import clock
from app.core.actor import Actor, public
from app.core.database import Reader
from app.core.errors import NotAllowed, NotSignedIn
from app.core.etags import wanted_version
from app.core.identity import Origin
from app.core.reading import Paging


async def signed_in(request: Request) -> Actor:
    """Who the access token says is calling; `NotSignedIn` for anything else, without saying why.

    The database has the last word in the transaction's first statement.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotSignedIn()
    try:
        actor: Actor = request.app.state.passes.actor(token.strip(), clock.true_now())
    except TokenRefused as refused:
        raise NotSignedIn() from refused
    request.state.actor = actor
    bind_contextvars(kind=actor.kind.value, role=actor.role.value, actor_id=str(actor.id))
    return actor


signed_in.asks_for_token = True  # type: ignore[attr-defined]  # read for the document
Caller = Annotated[Actor, Depends(signed_in)]


def allow(permission: Permission) -> Any:
    """The caller, if its role (and a client's scopes) hold this permission; else 401 or 403.

    One dependency and no chain of them: each link costs every request more than all that it does.
    """

    async def allowed(request: Request) -> Actor:
        actor = await signed_in(request)
        if permission.value not in actor.permissions:
            raise NotAllowed()
        return actor

    allowed.asks_for_token = True  # type: ignore[attr-defined]  # read for the document
    allowed.permission = permission  # type: ignore[attr-defined]  # read by the tests and docs/permissions.md
    return Depends(allowed)


async def at_the_gate(request: Request) -> Actor:
    """Nobody in particular: the few routes that need no token."""
    request.state.actor = public()
    return public()


def origin_of(request: Request) -> Origin:
    """The request's id and the operation's name, for the audit."""
    route = request.scope.get("route")
    return Origin(UUID(str(request.state.request_id)), getattr(route, "name", ""))


async def writing(request: Request) -> AsyncSession:
    """This request's one writing transaction; the door commits it before the answer leaves."""
    actor: Actor = request.state.actor
    db: AsyncSession = await request.state.unit.open(actor, origin_of(request), request)
    db.info["if_match"] = wanted_version(request, required=request.method == "PATCH")
    return db


async def reading(request: Request) -> Reader:
    """A reading transaction that notes what it shows; the door ends it before the answer leaves."""
    reader: Reader = await request.state.unit.read(request.state.actor, origin_of(request))
    return reader


async def reporting(request: Request) -> Reader:
    """One unchanging picture for a report; the door ends it before the answer leaves."""
    reader: Reader = await request.state.unit.report(request.state.actor, origin_of(request))
    return reader


async def paging(
    limit: Annotated[int, Query(ge=1, le=200, description="How many at most.")] = 50,
    cursor: Annotated[
        str | None,
        Query(max_length=1600, description="`next` of the page before.", pattern="^[A-Za-z0-9_-]+$"),
    ] = None,
    include: Annotated[
        str | None, Query(max_length=200, description="`total`, and what the list offers, with commas.")
    ] = None,
) -> Paging:
    """What was asked of a list."""
    return Paging(limit=limit, cursor=cursor, include=include)


async def cursor_secret(request: Request) -> bytes:
    """What list cursors are signed with."""
    secret: bytes = request.app.state.cursor_secret
    return secret


Writing = Annotated[AsyncSession, Depends(writing)]
Reading = Annotated[Reader, Depends(reading)]
Reporting = Annotated[Reader, Depends(reporting)]
Pages = Annotated[Paging, Depends(paging)]
CursorSecret = Annotated[bytes, Depends(cursor_secret)]
Gate = Annotated[Actor, Depends(at_the_gate)]
