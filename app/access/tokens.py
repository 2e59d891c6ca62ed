"""The pass a signed-in person or a machine client shows with each request: written here, and checked here.

A pass is a JWT access token as RFC 9068 describes it, signed with RS256.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid4

from app.access.keys import (
    OUR_ALGORITHM,
    SigningKeys,
    Unreadable,
    VerifyingKey,
    sign,
    unverified_parts,
    verified_claims,
)
from app.access.permissions import permissions_of
from app.core.actor import Actor, Kind, Role

TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 -- a media type, no secret
LONGEST_TOKEN: Final = 4096  # characters
# Two servers' clocks may differ; an expiry gets no such grace, since it was chosen by us.
CLOCK_SKEW: Final = timedelta(seconds=5)

_REQUIRED = ("iss", "sub", "aud", "exp", "iat", "jti", "role", "kind")
_BEARERS = {Kind.ACCOUNT, Kind.CLIENT}


class TokenFault(StrEnum):
    """Why an access token is refused."""

    TOO_LONG = "too_long"
    MALFORMED = "malformed"
    CRITICAL_HEADER = "critical_header"
    WRONG_ALGORITHM = "wrong_algorithm"
    WRONG_TYPE = "wrong_type"
    WRONG_KEY = "wrong_key"
    WRONG_SIGNATURE = "wrong_signature"
    MISSING_CLAIM = "missing_claim"
    BAD_CLAIM = "bad_claim"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"


_MESSAGES = {
    TokenFault.TOO_LONG: f"The access token is longer than {LONGEST_TOKEN} characters.",
    TokenFault.MALFORMED: "The access token is no signed JWT.",
    TokenFault.CRITICAL_HEADER: "The access token's header names a critical extension; none is understood.",
    TokenFault.WRONG_ALGORITHM: f"The access token is not signed with {OUR_ALGORITHM}.",
    TokenFault.WRONG_TYPE: f"The token is not of type {TOKEN_TYPE}.",
    TokenFault.WRONG_KEY: "The access token names no key of this service.",
    TokenFault.WRONG_SIGNATURE: "The access token's signature does not match.",
    TokenFault.MISSING_CLAIM: "The access token lacks a required claim",
    TokenFault.BAD_CLAIM: "The access token has a claim of the wrong form",
    TokenFault.WRONG_ISSUER: "The access token was issued by another service.",
    TokenFault.WRONG_AUDIENCE: "The access token is meant for another service.",
    TokenFault.NOT_YET_VALID: "The access token is not valid yet.",
    TokenFault.EXPIRED: "The access token has expired.",
}


class TokenRefused(Exception):
    """The access token is refused; the message names the fault and repeats nothing of the token."""

    def __init__(self, reason: TokenFault, claim: str = "") -> None:
        super().__init__(_MESSAGES[reason] + (f": {claim}." if claim else ""))
        self.reason = reason
        self.claim = claim


@dataclass(frozen=True, kw_only=True)
class AccessClaims:
    """What a valid access token says about its bearer; times are aware, in UTC, in whole seconds."""

    issuer: str
    audience: str
    subject: UUID
    kind: Kind
    role: Role
    sign_in_id: UUID | None
    client_id: str | None
    scopes: frozenset[str]
    token_id: str
    issued_at: datetime
    expires_at: datetime
    authenticated_at: datetime | None


def issue(
    keys: SigningKeys,
    *,
    issuer: str,
    audience: str,
    subject: UUID,
    kind: Kind,
    role: Role,
    lifetime: timedelta,
    now: datetime,
    sign_in_id: UUID | None = None,
    client_id: str | None = None,
    scopes: frozenset[str] = frozenset(),
    authenticated_at: datetime | None = None,
) -> str:
    """A new access token with a fresh `jti`; `now` is the true clock, never the one that can be moved.

    `sign_in_id` becomes the claim `sid`, by which signing out ends the token.
    Raises ValueError if the token would be longer than `read` accepts.
    """
    issued = int(now.timestamp())
    claims: dict[str, object | None] = {
        "iss": issuer,
        "sub": str(subject),
        "aud": audience,
        "exp": issued + int(lifetime.total_seconds()),
        "iat": issued,
        "jti": str(uuid4()),
        "role": role.value,
        "kind": kind.value,
        "sid": str(sign_in_id) if sign_in_id else None,
        "client_id": client_id,
        "scope": " ".join(sorted(scopes)) or None,
        "auth_time": int(authenticated_at.timestamp()) if authenticated_at else None,
    }
    token = sign({k: v for k, v in claims.items() if v is not None}, keys, kind=TOKEN_TYPE)
    if len(token) > LONGEST_TOKEN:
        raise ValueError("The access token would be too long: too many scopes.")
    return token


def read(keys: SigningKeys, token: str, *, issuer: str, audience: str, now: datetime) -> AccessClaims:
    """What the token says, once its form, key, signature, times, issuer and audience are found right.

    `now` is the true clock. Raises TokenRefused.
    """
    if len(token) > LONGEST_TOKEN:
        raise TokenRefused(TokenFault.TOO_LONG)
    try:
        header, _ = unverified_parts(token)
    except Unreadable:
        raise TokenRefused(TokenFault.MALFORMED) from None
    claims = verified_claims(token, _key_for(keys, header))
    if claims is None:
        raise TokenRefused(TokenFault.WRONG_SIGNATURE)
    _check_addressing(claims, issuer, audience)
    _check_times(claims, now)
    return _access_claims(claims, audience)


def _key_for(keys: SigningKeys, header: dict[str, object]) -> VerifyingKey:
    if "crit" in header:
        raise TokenRefused(TokenFault.CRITICAL_HEADER)
    if header.get("alg") != OUR_ALGORITHM:
        raise TokenRefused(TokenFault.WRONG_ALGORITHM)
    if header.get("typ") != TOKEN_TYPE:
        raise TokenRefused(TokenFault.WRONG_TYPE)
    kid = header.get("kid")
    key = keys.verifying.get(kid) if isinstance(kid, str) else None
    if key is None:
        raise TokenRefused(TokenFault.WRONG_KEY)
    return key


def _check_addressing(claims: dict[str, object], issuer: str, audience: str) -> None:
    for name in _REQUIRED:
        if name not in claims:
            raise TokenRefused(TokenFault.MISSING_CLAIM, name)
    if claims["iss"] != issuer:
        raise TokenRefused(TokenFault.WRONG_ISSUER)
    meant_for = claims["aud"]
    if meant_for != audience and not (isinstance(meant_for, list) and audience in meant_for):
        raise TokenRefused(TokenFault.WRONG_AUDIENCE)


def _check_times(claims: dict[str, object], now: datetime) -> None:
    if now >= _instant(claims, "exp"):
        raise TokenRefused(TokenFault.EXPIRED)
    starts = [_instant(claims, name) for name in ("iat", "nbf") if name in claims]
    if any(at > now + CLOCK_SKEW for at in starts):
        raise TokenRefused(TokenFault.NOT_YET_VALID)


def _access_claims(claims: dict[str, object], audience: str) -> AccessClaims:
    kind, role = _text(claims, "kind"), _text(claims, "role")
    if kind not in _BEARERS:
        raise TokenRefused(TokenFault.BAD_CLAIM, "kind")
    if role not in set(Role):
        raise TokenRefused(TokenFault.BAD_CLAIM, "role")
    if kind == Kind.CLIENT and "client_id" not in claims:
        raise TokenRefused(TokenFault.MISSING_CLAIM, "client_id")
    return AccessClaims(
        issuer=_text(claims, "iss"),
        audience=audience,
        subject=_uuid(claims, "sub"),
        kind=Kind(kind),
        role=Role(role),
        sign_in_id=_uuid(claims, "sid") if "sid" in claims else None,
        client_id=_text(claims, "client_id") if "client_id" in claims else None,
        scopes=frozenset(_text(claims, "scope").split(" ")) if "scope" in claims else frozenset(),
        token_id=_text(claims, "jti"),
        issued_at=_instant(claims, "iat"),
        expires_at=_instant(claims, "exp"),
        authenticated_at=_instant(claims, "auth_time") if "auth_time" in claims else None,
    )


def _text(claims: dict[str, object], name: str) -> str:
    value = claims[name]
    if not isinstance(value, str) or not value:
        raise TokenRefused(TokenFault.BAD_CLAIM, name)
    return value


def _uuid(claims: dict[str, object], name: str) -> UUID:
    try:
        return UUID(_text(claims, name))
    except ValueError:
        raise TokenRefused(TokenFault.BAD_CLAIM, name) from None


def _instant(claims: dict[str, object], name: str) -> datetime:
    value = claims[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TokenRefused(TokenFault.BAD_CLAIM, name)
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise TokenRefused(TokenFault.BAD_CLAIM, name) from None


class Passes:
    """Who each access token is for. A token's form, signature and addressing are checked once and remembered by
    its hash; its times are checked each time, and the database refuses who may no longer act."""

    MOST = 10_000
    """Tokens remembered; the longest known are forgotten first, and checked again."""

    def __init__(self, keys: SigningKeys, address: str) -> None:
        self._keys = keys
        self._address = address
        self._known: dict[bytes, tuple[Actor, datetime]] = {}

    def actor(self, token: str, now: datetime) -> Actor:
        """The bearer, with what its role and scopes permit. `now` is the true clock. Raises TokenRefused."""
        digest = sha256(token.encode("utf-8", "replace")).digest()
        known = self._known.get(digest)
        if known is None:
            claims = read(self._keys, token, issuer=self._address, audience=self._address, now=now)
            known = _actor(claims), claims.expires_at
            if len(self._known) >= self.MOST:
                del self._known[next(iter(self._known))]
            self._known[digest] = known
        actor, expires_at = known
        if now >= expires_at:
            del self._known[digest]
            raise TokenRefused(TokenFault.EXPIRED)
        return actor


def _actor(claims: AccessClaims) -> Actor:
    scopes = claims.scopes if claims.kind is Kind.CLIENT else None
    permissions = permissions_of(claims.role, scopes)
    return Actor(claims.kind, claims.role, claims.subject, sign_in_id=claims.sign_in_id, permissions=permissions)
