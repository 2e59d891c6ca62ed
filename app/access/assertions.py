"""How a GP practice's system proves who it is: a short signed statement, checked against its registered keys.

The statement is a JWT client assertion (`private_key_jwt`, RFC 7523); the keys are a JWK set (RFC 7517).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from app.access.client_keys import ALGORITHMS, LONGEST_NAME, ClientKeys, is_name
from app.access.keys import Unreadable, VerifyingKey, unverified_parts, verified_claims

LONGEST_ASSERTION: Final = 4096  # characters
LONGEST_LIFE: Final = timedelta(seconds=300)  # SMART backend services
# Clocks differ, and a widely used export client rounds `exp` up past the 300 seconds.
CLOCK_SKEW: Final = timedelta(seconds=5)

# Each would let the sender choose the key or the rules by which it is checked.
_FORBIDDEN_HEADERS = frozenset({"crit", "jku", "jwk", "x5u", "x5c"})


class AssertionFault(StrEnum):
    """Why a client assertion is refused."""

    TOO_LONG = "too_long"
    MALFORMED = "malformed"
    FORBIDDEN_HEADER = "forbidden_header"
    WRONG_ALGORITHM = "wrong_algorithm"
    WRONG_TYPE = "wrong_type"
    UNKNOWN_KEY = "unknown_key"
    WRONG_SIGNATURE = "wrong_signature"
    MISSING_CLAIM = "missing_claim"
    BAD_CLAIM = "bad_claim"
    WRONG_CLIENT = "wrong_client"
    WRONG_AUDIENCE = "wrong_audience"
    EXPIRED = "expired"
    LIVES_TOO_LONG = "lives_too_long"
    NOT_YET_VALID = "not_yet_valid"


class AssertionRefused(Exception):
    """The client assertion is refused; the message names the fault and repeats nothing of the assertion."""

    def __init__(self, fault: AssertionFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


@dataclass(frozen=True)
class Assertion:
    """A client that has proved who it is; the pair (client_id, jti) may be used once until `expires_at`."""

    client_id: str
    jti: str
    expires_at: datetime


def peek_client_id(assertion: str) -> str:
    """Who the assertion says it is from, nothing proved yet: only to find that client's keys.

    Raises AssertionRefused.
    """
    _, claims = _parts(assertion)
    return _name(claims, "sub")


def verify(assertion: str, keys: ClientKeys, *, client_id: str, audiences: Collection[str], now: datetime) -> Assertion:
    """The client's proof, once its form, key, signature, parties and times are found right.

    `audiences` are the addresses of our token endpoint; `now` is the true clock. That the `jti` was not used
    before is for the caller to record. Raises AssertionRefused.
    """
    header, _ = _parts(assertion)
    claims = verified_claims(assertion, _key_for(keys, header))
    if claims is None:
        raise AssertionRefused(AssertionFault.WRONG_SIGNATURE, "The signature does not match the registered key.")
    for name in ("iss", "sub"):
        if _name(claims, name) != client_id:
            raise AssertionRefused(AssertionFault.WRONG_CLIENT, f"{name} must be the client id.")
    _check_audience(claims, audiences)
    expires_at = _check_times(claims, now)
    return Assertion(client_id=client_id, jti=_name(claims, "jti"), expires_at=expires_at)


def _parts(assertion: str) -> tuple[dict[str, object], dict[str, object]]:
    if len(assertion) > LONGEST_ASSERTION:
        raise AssertionRefused(AssertionFault.TOO_LONG, f"The assertion is longer than {LONGEST_ASSERTION} characters.")
    try:
        return unverified_parts(assertion)
    except Unreadable:
        raise AssertionRefused(AssertionFault.MALFORMED, "The assertion is no signed JWT.") from None


def _key_for(keys: ClientKeys, header: dict[str, object]) -> VerifyingKey:
    for name in sorted(_FORBIDDEN_HEADERS & header.keys()):
        raise AssertionRefused(AssertionFault.FORBIDDEN_HEADER, f"The header {name} is not accepted.")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        allowed = ", ".join(sorted(ALGORITHMS))
        raise AssertionRefused(AssertionFault.WRONG_ALGORITHM, f"alg must be one of {allowed}.")
    if header.get("typ", "JWT") != "JWT":
        raise AssertionRefused(AssertionFault.WRONG_TYPE, "typ must be JWT or absent.")
    return _registered(keys, algorithm, header)


def _registered(keys: ClientKeys, algorithm: str, header: dict[str, object]) -> VerifyingKey:
    """The one key the header means; its own kind, not the header, says with which algorithms it checks."""
    if "kid" in header:
        found = [key for key in keys.keys if key.kid == header["kid"] and key.kid is not None]
        if not found:
            raise AssertionRefused(AssertionFault.UNKNOWN_KEY, "kid names no registered key.")
        if algorithm not in found[0].checks:
            raise AssertionRefused(AssertionFault.WRONG_ALGORITHM, "alg does not fit the key that kid names.")
        return found[0].checks[algorithm]
    fitting = [key for key in keys.keys if algorithm in key.checks]
    if len(fitting) != 1:
        raise AssertionRefused(AssertionFault.UNKNOWN_KEY, "Without kid, exactly one registered key must fit alg.")
    return fitting[0].checks[algorithm]


def _check_audience(claims: dict[str, object], audiences: Collection[str]) -> None:
    audience = _required(claims, "aud")
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    # A statement also meant for somebody else could be replayed by them.
    if not isinstance(audience, str) or audience not in audiences:
        raise AssertionRefused(AssertionFault.WRONG_AUDIENCE, "aud must be the address of this token endpoint alone.")


def _check_times(claims: dict[str, object], now: datetime) -> datetime:
    clock, skew = now.timestamp(), CLOCK_SKEW.total_seconds()
    expires = _seconds(claims, "exp")
    if expires <= clock:
        raise AssertionRefused(AssertionFault.EXPIRED, "exp has passed.")
    if expires > clock + LONGEST_LIFE.total_seconds() + skew:
        raise AssertionRefused(
            AssertionFault.LIVES_TOO_LONG,
            f"exp must be at most {LONGEST_LIFE.total_seconds():.0f} seconds ahead.",
        )
    for name in ("iat", "nbf"):
        if name in claims and _seconds(claims, name) > clock + skew:
            raise AssertionRefused(AssertionFault.NOT_YET_VALID, f"{name} lies in the future.")
    return datetime.fromtimestamp(expires, UTC)


def _required(claims: dict[str, object], name: str) -> object:
    if name not in claims:
        raise AssertionRefused(AssertionFault.MISSING_CLAIM, f"{name} is missing.")
    return claims[name]


def _name(claims: dict[str, object], name: str) -> str:
    value = _required(claims, name)
    if not is_name(value):
        raise AssertionRefused(
            AssertionFault.BAD_CLAIM, f"{name} must be text of 1 to {LONGEST_NAME} printable characters."
        )
    return value


def _seconds(claims: dict[str, object], name: str) -> float:
    value = _required(claims, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e12 < value < 1e12:
        raise AssertionRefused(AssertionFault.BAD_CLAIM, f"{name} must be a number of seconds since 1970.")
    return value
