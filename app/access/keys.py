"""The keys with which tokens are signed and checked; the only file that hands anything to python-jose."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NoReturn

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jose import jwk, jws
from jose.exceptions import JOSEError

OUR_ALGORITHM = "RS256"

# The smallest RSA key NIST SP 800-131A still allows; the largest keeps one check short.
SMALLEST_RSA_BITS = 2048
LARGEST_RSA_BITS = 8192

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)")


class Unreadable(ValueError):
    """This is not a signed token in compact form."""


class BadSigningKey(ValueError):
    """A signing key in the settings cannot be used."""


@dataclass(frozen=True, eq=False, repr=False)
class VerifyingKey:
    """A public key bound to the one algorithm it may check."""

    algorithm: str
    handle: Any

    @classmethod
    def of(cls, public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, algorithm: str) -> "VerifyingKey":
        return cls(algorithm, jwk.construct(public_key, algorithm))


@dataclass(frozen=True, eq=False, repr=False)
class SigningKeys:
    """Our own RS256 keys, parsed once: one that signs, and all that may still check, found by their `kid`."""

    kid: str
    private: Any
    verifying: MappingProxyType[str, VerifyingKey]
    published: tuple[MappingProxyType[str, str], ...]

    @classmethod
    def from_pem(cls, pems: Sequence[str]) -> "SigningKeys":
        """The first text is the private key that signs; the others, private or public, check older tokens.

        Raises BadSigningKey, which names the position of the faulty text and never its content.
        """
        if not pems:
            raise BadSigningKey("At least one signing key is needed.")
        private = _private_key(pems[0])
        publics = [private.public_key(), *(_public_key(pem, at) for at, pem in enumerate(pems[1:], start=2))]
        by_kid = {thumbprint(key): key for key in publics}
        return cls(
            kid=thumbprint(publics[0]),
            private=jwk.construct(_pem_of(private), OUR_ALGORITHM),
            verifying=MappingProxyType({k: VerifyingKey.of(v, OUR_ALGORITHM) for k, v in by_kid.items()}),
            published=tuple(_public_jwk(kid, key) for kid, key in by_kid.items()),
        )

    @classmethod
    def generate(cls) -> "SigningKeys":
        """Fresh keys that live as long as the process."""
        return cls.from_pem([new_private_pem()])

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public set for `/.well-known/jwks.json` (RFC 7517)."""
        return {"keys": [dict(key) for key in self.published]}


def new_private_pem() -> str:
    """A fresh 2048-bit RSA private key as PKCS#8 PEM text, to be kept where only the service can read it."""
    return _pem_of(rsa.generate_private_key(public_exponent=65537, key_size=SMALLEST_RSA_BITS))


def thumbprint(key: rsa.RSAPublicKey) -> str:
    """The RFC 7638 SHA-256 thumbprint of the public key, base64url without padding: our `kid`."""
    members = json.dumps(_rsa_members(key), separators=(",", ":"), sort_keys=True)
    return _base64url(hashlib.sha256(members.encode("ascii")).digest())


def sign(claims: dict[str, object], keys: SigningKeys, *, kind: str) -> str:
    """The claims signed with the active key, `kind` being the header's `typ`."""
    headers = {"typ": kind, "kid": keys.kid}
    token: str = jws.sign(claims, keys.private, headers=headers, algorithm=OUR_ALGORITHM)
    return token


def unverified_parts(token: str) -> tuple[dict[str, object], dict[str, object]]:
    """Header and claims as sent, trusted in nothing yet; raises Unreadable."""
    match = _COMPACT.fullmatch(token)
    if match is None:
        raise Unreadable
    header, claims, _ = match.groups()
    return _json_object(_decoded(header)), _json_object(_decoded(claims))


def verified_claims(token: str, key: VerifyingKey) -> dict[str, object] | None:
    """The claims, if the key's owner signed them with the key's one algorithm; else None."""
    try:
        # The key is an object bound to its algorithm: the header can neither choose another nor turn it
        # into a shared secret.
        payload: bytes = jws.verify(token, key.handle, algorithms=[key.algorithm])
        return _json_object(payload)
    except (JOSEError, Unreadable, RecursionError):
        return None


def _decoded(segment: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except binascii.Error:
        raise Unreadable from None


def _json_object(raw: bytes) -> dict[str, object]:
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Unreadable from None
    if not isinstance(value, dict):
        raise Unreadable
    return value


def _no_constant(_name: str) -> NoReturn:
    """NaN and Infinity are no JSON, though Python reads them."""
    raise Unreadable


def _private_key(pem: str) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        raise BadSigningKey("Signing key 1 is no private key in PEM form without a passphrase.") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise BadSigningKey("Signing key 1 is no RSA key.")
    _check_size(key.key_size, 1)
    return key


def _public_key(pem: str, at: int) -> rsa.RSAPublicKey:
    try:
        if "PRIVATE KEY" in pem:
            key = serialization.load_pem_private_key(pem.encode(), password=None).public_key()
        else:
            key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, TypeError):
        raise BadSigningKey(f"Signing key {at} is no key in PEM form without a passphrase.") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise BadSigningKey(f"Signing key {at} is no RSA key.")
    _check_size(key.key_size, at)
    return key


def _check_size(bits: int, at: int) -> None:
    if bits < SMALLEST_RSA_BITS:
        raise BadSigningKey(f"Signing key {at} is shorter than {SMALLEST_RSA_BITS} bits.")


def _pem_of(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode("ascii")


def _public_jwk(kid: str, key: rsa.RSAPublicKey) -> MappingProxyType[str, str]:
    return MappingProxyType({**_rsa_members(key), "kid": kid, "use": "sig", "alg": OUR_ALGORITHM})


def _rsa_members(key: rsa.RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    return {"e": _base64url_number(numbers.e), "kty": "RSA", "n": _base64url_number(numbers.n)}


def _base64url_number(number: int) -> str:
    return _base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
