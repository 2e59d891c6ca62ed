"""People with a password, and systems with keys, for the tests of signing in."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jose import jwk, jws
from jose.constants import ALGORITHMS

from app.core import clock
from app.core.actor import Role
from tests.factories import Caller, World, body_of

PASSWORD = "copper lantern seven otters"
TOKEN_URL = "http://127.0.0.1:8000/oauth2/token"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class Person:
    """Somebody with a password."""

    id: UUID
    email: str
    tokens: dict[str, Any]

    def caller(self, http: httpx.AsyncClient) -> Caller:
        """Sends requests with the newest access token."""
        return Caller(http, self.id, Role(self.tokens["role"]), self.tokens["access_token"])


def somebody() -> str:
    """An e-mail address nobody has."""
    return f"{uuid4().hex}@example.org"


def role_in(world: World, role: Role) -> dict[str, Any]:
    """A membership as it is sent."""
    given = {"role": role.value, "programme_id": str(world.programme_id)}
    return given | ({"organisation_id": str(world.practice_id)} if role is Role.REFERRER else {})


async def invite(world: World, *roles: Role, email: str = "") -> httpx.Response:
    """The coordinator invites somebody with these roles in its programme."""
    memberships = [role_in(world, role) for role in roles]
    body = {"email": email or somebody(), "name": "Robin Okafor", "memberships": memberships}
    return await world.coordinator.post("/v1/accounts", body)


async def invited(world: World, *roles: Role) -> dict[str, Any]:
    """What the invitation answers."""
    made: dict[str, Any] = body_of(await invite(world, *roles), 201)
    return made


async def set_password(http: httpx.AsyncClient, token: str, password: str = PASSWORD) -> httpx.Response:
    """Setting a password by a link's token."""
    return await http.post("/v1/auth/password", json={"token": token, "password": password})


async def sign_in(http: httpx.AsyncClient, email: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    """The password form."""
    form = {"grant_type": "password", "username": email, "password": password} | more
    return await http.post("/v1/auth/token", data=form)


async def renew(http: httpx.AsyncClient, tokens: dict[str, Any]) -> httpx.Response:
    """The refresh form."""
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    return await http.post("/v1/auth/token", data=form)


async def person(world: World, *roles: Role) -> Person:
    """Somebody invited, with a password, and signed in."""
    made = await invited(world, *roles)
    body_of_204(await set_password(world.http, made["password_link"]["token"]))
    tokens = body_of(await sign_in(world.http, made["account"]["email"]))
    return Person(UUID(made["account"]["id"]), made["account"]["email"], tokens)


def body_of_204(response: httpx.Response) -> None:
    """The answer must be 204."""
    assert response.status_code == 204, (response.status_code, response.text)


@dataclass
class System:
    """A practice's system with a key of its own."""

    key: Any
    kid: str
    id: str = ""

    @classmethod
    def make(cls) -> "System":
        """With a fresh P-384 key."""
        return cls(jwk.construct(_pem(ec.generate_private_key(ec.SECP384R1())), ALGORITHMS.ES384), uuid4().hex)

    def jwks(self) -> dict[str, Any]:
        """Its public keys."""
        public = {k: _text(v) for k, v in self.key.public_key().to_dict().items()}
        return {"keys": [public | {"kid": self.kid}]}

    def assertion(self, **changes: Any) -> str:
        """A signed statement, right unless changed."""
        now = int(clock.true_now().timestamp())
        claims = {
            "iss": self.id,
            "sub": self.id,
            "aud": TOKEN_URL,
            "jti": uuid4().hex,
            "exp": now + int(timedelta(minutes=4).total_seconds()),
        } | changes
        signed: str = jws.sign(claims, self.key, headers={"kid": self.kid}, algorithm="ES384")
        return signed


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def client_body(world: World, system: System, **changes: Any) -> dict[str, Any]:
    """A new client as it is sent: the practice's, for referrals."""
    return {
        "name": "Practice system",
        "organisation_id": str(world.practice_id),
        "programme_ids": [str(world.programme_id)],
        "role": "referrer",
        "scopes": ["referrals.write", "referrals.read"],
        "jwks": system.jwks(),
    } | changes


async def registered(world: World, **changes: Any) -> System:
    """A system whose keys the coordinator has registered."""
    system = System.make()
    answer = await world.coordinator.post("/v1/clients", client_body(world, system, **changes))
    system.id = body_of(answer, 201)["id"]
    return system


async def ask_token(http: httpx.AsyncClient, assertion: str, **changes: str) -> httpx.Response:
    """The client credentials form."""
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": JWT_BEARER,
        "client_assertion": assertion,
    } | changes
    return await http.post("/oauth2/token", data=form)
