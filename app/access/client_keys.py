"""The public keys a GP practice's system registers with us, as a JWK set (RFC 7517)."""

import base64
import binascii
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeGuard

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app.access.keys import LARGEST_RSA_BITS, SMALLEST_RSA_BITS, VerifyingKey

# SMART backend services ask for RS384 or ES384, NHS-style senders sign with RS512.
ALGORITHMS_OF: Final = MappingProxyType({"RSA": ("RS384", "RS512"), "EC": ("ES384",)})
ALGORITHMS: Final = frozenset(name for names in ALGORITHMS_OF.values() for name in names)

LONGEST_NAME: Final = 128  # characters of a client id, `jti` or `kid`
MOST_KEYS: Final = 10

_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_P384_BYTES = 48
# FIPS 186-5, appendix A.1.1: 2^16 < e < 2^256.
_SMALLEST_EXPONENT = 2**16 + 1
_LARGEST_EXPONENT = 2**256 - 1


class KeysRefused(ValueError):
    """The JWK set cannot be registered; `field` is its faulty member, like `keys[0].n`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


@dataclass(frozen=True, eq=False, repr=False)
class ClientKey:
    """One registered public key: the algorithms it may check, and its members as published."""

    kid: str | None
    checks: MappingProxyType[str, VerifyingKey]
    published: MappingProxyType[str, str]


@dataclass(frozen=True, eq=False, repr=False)
class ClientKeys:
    """The public keys of one machine client."""

    keys: tuple[ClientKey, ...]

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The set as it should be stored: public members only, whatever else was sent left out."""
        return {"keys": [dict(key.published) for key in self.keys]}


def parse_jwks(document: object) -> ClientKeys:
    """The keys of a JWK set: RSA from 2048 bits or P-384, public, each `kid` once.

    Raises KeysRefused, which names the faulty member and repeats no value.
    """
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= MOST_KEYS:
        raise KeysRefused("keys", f"must be a list of 1 to {MOST_KEYS} keys.")
    parsed = tuple(_client_key(key, f"keys[{at}]") for at, key in enumerate(keys))
    named = [key.kid for key in parsed if key.kid is not None]
    for at, key in enumerate(parsed):
        if key.kid is not None and named.count(key.kid) > 1:
            raise KeysRefused(f"keys[{at}].kid", "must differ from the kid of each other key.")
    return ClientKeys(parsed)


def is_name(value: object) -> TypeGuard[str]:
    """Text short and plain enough to be stored: `isprintable` also refuses NUL and lone surrogates."""
    return isinstance(value, str) and 1 <= len(value) <= LONGEST_NAME and value.isprintable()


def _client_key(member: object, at: str) -> ClientKey:
    if not isinstance(member, dict):
        raise KeysRefused(at, "must be an object.")
    for name in sorted(_PRIVATE_MEMBERS & member.keys()):
        raise KeysRefused(f"{at}.{name}", "is a secret member; register the public key only.")
    kind = member.get("kty")
    if not isinstance(kind, str) or kind not in ALGORITHMS_OF:
        raise KeysRefused(f"{at}.kty", "must be RSA or EC.")
    kid = member.get("kid")
    if kid is not None and not is_name(kid):
        raise KeysRefused(f"{at}.kid", f"must be text of 1 to {LONGEST_NAME} printable characters.")
    algorithms = _algorithms(member, kind, at)
    numbers, public = _rsa_key(member, at) if kind == "RSA" else _p384_key(member, at)
    published = {"kty": kind, **numbers, "use": "sig"} | ({"kid": kid} if kid is not None else {})
    if "alg" in member:
        published["alg"] = member["alg"]
    checks = {name: VerifyingKey.of(public, name) for name in algorithms}
    return ClientKey(kid, MappingProxyType(checks), MappingProxyType(published))


def _algorithms(member: dict[str, object], kind: str, at: str) -> tuple[str, ...]:
    """What the key may check: all its kind allows, or the one its `alg` names."""
    allowed = ALGORITHMS_OF[kind]
    if member.get("use", "sig") != "sig":
        raise KeysRefused(f"{at}.use", "must be sig or absent.")
    operations = member.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise KeysRefused(f"{at}.key_ops", "must be a list that holds verify, or absent.")
    if "alg" not in member:
        return allowed
    if member["alg"] not in allowed:
        raise KeysRefused(f"{at}.alg", f"must be {' or '.join(allowed)}, or absent.")
    return (str(member["alg"]),)


def _rsa_key(member: dict[str, object], at: str) -> tuple[dict[str, str], rsa.RSAPublicKey]:
    numbers = {name: _octets(member, name, at) for name in ("n", "e")}
    modulus, exponent = (int.from_bytes(octets, "big") for octets in numbers.values())
    if not SMALLEST_RSA_BITS <= modulus.bit_length() <= LARGEST_RSA_BITS:
        raise KeysRefused(f"{at}.n", f"must have {SMALLEST_RSA_BITS} to {LARGEST_RSA_BITS} bits.")
    if not _SMALLEST_EXPONENT <= exponent <= _LARGEST_EXPONENT:
        raise KeysRefused(f"{at}.e", "must be between 65537 and 2^256.")
    try:
        public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError:
        raise KeysRefused(at, "is no RSA key.") from None
    return {name: str(member[name]) for name in numbers}, public


def _p384_key(member: dict[str, object], at: str) -> tuple[dict[str, str], ec.EllipticCurvePublicKey]:
    if member.get("crv") != "P-384":
        raise KeysRefused(f"{at}.crv", "must be P-384.")
    point = {name: _octets(member, name, at) for name in ("x", "y")}
    for name, octets in point.items():
        if len(octets) != _P384_BYTES:
            raise KeysRefused(f"{at}.{name}", f"must be {_P384_BYTES} bytes long.")
    x, y = (int.from_bytes(octets, "big") for octets in point.values())
    try:
        public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP384R1()).public_key()
    except ValueError:
        raise KeysRefused(at, "is no point of the curve P-384.") from None
    return {"crv": "P-384"} | {name: str(member[name]) for name in point}, public


def _octets(member: dict[str, object], name: str, at: str) -> bytes:
    text = member.get(name)
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text):
        raise KeysRefused(f"{at}.{name}", "must be base64url without padding.")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise KeysRefused(f"{at}.{name}", "must be base64url without padding.") from None
