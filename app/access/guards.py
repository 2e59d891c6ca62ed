"""What a route asks for by type: the caller with a permission, and a transaction that carries the caller."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlmodel.ext.asyncio.session import AsyncSession
from structlog.contextvars import bind_contextvars

from app.access.permissions import Permission, permissions_of
from app.access.tokens import AccessClaims, TokenRefused, read
from app.core import clock
from app.core.actor import Actor, Kind, public
from app.core.database import Database, Origin, Reader
from app.core.errors import NotAllowed, NotSignedIn
from app.core.etags import wanted_version
from app.core.reading import Paging

bearer = HTTPBearer(auto_error=False, description="An access token from /v1/auth/token or /oauth2/token.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


async def claims_of(request: Request, credentials: Credentials) -> AccessClaims:
    """The verified claims of the access token sent; `NotSignedIn` for anything else, without saying why."""
    if credentials is None:
        raise NotSignedIn()
    state = request.app.state
    try:
        return read(
            state.signing_keys,
            credentials.credentials,
            issuer=state.settings.public_url,
            audience=state.settings.public_url,
            now=clock.true_now(),
        )
    except TokenRefused as refused:
        raise NotSignedIn() from refused


async def signed_in(request: Request, claims: Annotated[AccessClaims, Depends(claims_of)]) -> Actor:
    """Who the token says is calling; the database has the last word in the first statement."""
    actor = Actor(
        kind=claims.kind,
        role=claims.role,
        id=claims.subject,
        sign_in_id=claims.sign_in_id,
        permissions=permissions_of(claims.role, claims.scopes if claims.kind is Kind.CLIENT else None),
    )
    request.state.actor = actor
    bind_contextvars(kind=actor.kind.value, role=actor.role.value, actor_id=str(actor.id))
    return actor


Caller = Annotated[Actor, Depends(signed_in)]


def allow(permission: Permission) -> Any:
    """The caller, if its role (and a client's scopes) hold this permission; else 401 or 403."""

    async def allowed(actor: Caller) -> Actor:
        if permission.value not in actor.permissions:
            raise NotAllowed()
        return actor

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


async def reading(request: Request) -> AsyncIterator[Reader]:
    """A reading transaction that notes what it shows."""
    database: Database = request.app.state.database
    async with database.reading(request.state.actor, origin_of(request)) as db:
        yield db


async def reporting(request: Request) -> AsyncIterator[Reader]:
    """One unchanging picture for a report."""
    database: Database = request.app.state.database
    async with database.reporting(request.state.actor, origin_of(request)) as db:
        yield db


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
Reading = Annotated[Reader, Depends(reading, scope="function")]
Reporting = Annotated[Reader, Depends(reporting, scope="function")]
Pages = Annotated[Paging, Depends(paging)]
CursorSecret = Annotated[bytes, Depends(cursor_secret)]
Gate = Annotated[Actor, Depends(at_the_gate)]
