"""How a practice's or partner's system gets its short-lived pass: a signed statement, taken once."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession
from uuid6 import uuid7

from app.access.assertions import (
    Assertion,
    AssertionFault,
    AssertionRefused,
    peek_client_id,
    verify,
)
from app.access.client_keys import KeysRefused, parse_jwks
from app.access.tokens import issue
from app.accounts.models import Client, ClientStatus, ClientToken
from app.accounts.sign_in import Desk, hashed
from app.core import clock
from app.core.actor import Kind
from app.core.database import fetch
from app.core.errors import NotFound
from app.core.rows import get

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_PATH = "/oauth2/token"  # noqa: S105 -- a path, no secret
UNKNOWN = "No client of this id with this key is known here."
# Which of the three it was would tell a stranger whether the client exists.
_ALIKE = frozenset({AssertionFault.UNKNOWN_KEY, AssertionFault.WRONG_SIGNATURE})
# Bounded, and past rows that another request is sweeping.
_SWEEP = (
    "DELETE FROM access_used_jtis WHERE id IN "
    "(SELECT id FROM access_used_jtis WHERE expires_at < $1 LIMIT 100 FOR UPDATE SKIP LOCKED)"
)
_USE = (
    "INSERT INTO access_used_jtis (id, created_at, client_id, jti_hash, expires_at) "
    "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (client_id, jti_hash) DO NOTHING RETURNING id"
)


class TokenRefusal(Exception):
    """No token is given; `error` is the word of RFC 6749 section 5.2, `status` 400 or 401."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = 401 if error == "invalid_client" else 400


async def with_assertion(
    desk: Desk, grant_type: str | None, assertion_type: str | None, assertion: str | None, scope: str | None
) -> ClientToken:
    """A machine client has a pass for the scopes asked for, or for all its own.

    The assertion is used up, also when the scopes are refused. Raises `TokenRefusal`.
    """
    if grant_type is None:
        raise TokenRefusal("invalid_request", "grant_type is missing.")
    if grant_type != "client_credentials":
        raise TokenRefusal("unsupported_grant_type", "grant_type must be client_credentials.")
    if assertion_type != JWT_BEARER or not assertion:
        raise TokenRefusal("invalid_client", f"Send a client_assertion, of the type {JWT_BEARER}.")
    async with desk.gate() as db:
        client = await _proven(db, desk, assertion)
    held = frozenset(client.scopes)
    scopes = frozenset(scope.split()) if scope and scope.strip() else held
    if not scopes or not scopes <= held:
        raise TokenRefusal("invalid_scope", "Only the scopes registered for this client can be asked for.")
    return _token(desk, client, scopes)


async def _proven(db: AsyncSession, desk: Desk, statement: str) -> Client:
    """The client that made the statement, which is noted as used."""
    try:
        client = await _client(db, peek_client_id(statement))
        proof = verify(
            statement,
            parse_jwks(client.jwks),
            client_id=str(client.id),
            audiences=_audiences(desk),
            now=clock.true_now(),
        )
    except AssertionRefused as refused:
        description = UNKNOWN if refused.fault in _ALIKE else str(refused)
        raise TokenRefusal("invalid_client", description) from None
    except KeysRefused:  # registered when smaller keys were still taken
        raise TokenRefusal("invalid_client", UNKNOWN) from None
    await _use_up(db, client, proof)
    return client


async def _client(db: AsyncSession, client_id: str) -> Client:
    try:
        client = await get(db, Client, UUID(client_id))
    except (ValueError, NotFound):
        raise TokenRefusal("invalid_client", UNKNOWN) from None
    if client.status is not ClientStatus.ACTIVE:
        raise TokenRefusal("invalid_client", UNKNOWN)
    return client


def _audiences(desk: Desk) -> Sequence[str]:
    return (desk.settings.public_url + TOKEN_PATH, *desk.settings.extra_token_urls)


async def _use_up(db: AsyncSession, client: Client, proof: Assertion) -> None:
    """The statement cannot be used again, not even at the same moment."""
    now = clock.true_now()
    await fetch(db, _SWEEP, now)
    if not await fetch(db, _USE, uuid7(), now, client.id, hashed(proof.jti), proof.expires_at):
        raise TokenRefusal("invalid_client", "This assertion was used before; make one with a new jti.")


def _token(desk: Desk, client: Client, scopes: frozenset[str]) -> ClientToken:
    settings = desk.settings
    access_token = issue(
        desk.keys,
        issuer=settings.public_url,
        audience=settings.public_url,
        subject=client.id,
        kind=Kind.CLIENT,
        role=client.role,
        lifetime=timedelta(seconds=settings.client_token_seconds),
        now=clock.true_now(),
        client_id=str(client.id),
        scopes=scopes,
    )
    return ClientToken(
        access_token=access_token, expires_in=settings.client_token_seconds, scope=" ".join(sorted(scopes))
    )
