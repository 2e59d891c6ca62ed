"""Somebody who talks to the service over HTTP and remembers the token."""

import base64
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jose import jwt


class Unexpected(Exception):
    """The service answered otherwise than this made-up year expects."""


@dataclass
class Sign:
    """How to sign in as somebody."""

    role: str
    email: str
    password: str


class Caller:
    """One account or system with its token, renewed before it runs out."""

    def __init__(self, http: httpx.AsyncClient, sign: Sign | None = None) -> None:
        self.http = http
        self.sign = sign
        self._token = ""
        self._until = 0.0

    async def _signed_in(self) -> str:
        if time.monotonic() >= self._until:
            answer = await self._ask_for_token()
            self._token = answer["access_token"]
            self._until = time.monotonic() + answer["expires_in"] - 30
        return self._token

    async def _ask_for_token(self) -> dict[str, Any]:
        if self.sign is None:
            raise Unexpected("nobody to sign in as")
        form = {"grant_type": "password", "username": self.sign.email, "password": self.sign.password}
        answer: dict[str, Any] = _checked(await self.http.post("/v1/auth/token", data=form), 200)
        return answer

    async def send(
        self, method: str, path: str, body: Any = None, *, expect: int = 200, headers: dict[str, str] | None = None
    ) -> Any:
        """One request; each change with an Idempotency-Key of its own. Raises `Unexpected` on another status."""
        sent = {"Authorization": f"Bearer {await self._signed_in()}"} | (headers or {})
        if method != "GET" and "X-Correlation-Id" not in sent:
            sent["Idempotency-Key"] = str(uuid4())
        return _checked(await self.http.request(method, path, json=body, headers=sent), expect)

    async def get(self, path: str) -> Any:
        """Read."""
        return await self.send("GET", path)

    async def post(self, path: str, body: Any = None, *, expect: int = 200) -> Any:
        """Change."""
        return await self.send("POST", path, {} if body is None else body, expect=expect)

    async def pages(self, path: str) -> list[Any]:
        """All items of a list, page by page."""
        items: list[Any] = []
        cursor = None
        while True:
            link = "&" if "?" in path else "?"
            page = await self.get(f"{path}{link}limit=200" + (f"&cursor={cursor}" if cursor else ""))
            items += page["items"]
            cursor = page["next"]
            if cursor is None:
                return items


class System(Caller):
    """A practice's system: a key pair of its own, and a signed assertion instead of a password."""

    def __init__(self, http: httpx.AsyncClient, token_url: str) -> None:
        super().__init__(http)
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._token_url = token_url
        self.client_id = ""

    def jwks(self) -> dict[str, Any]:
        """The public half, for registration."""
        numbers = self._key.public_key().public_numbers()
        return {
            "keys": [
                {
                    "kty": "RSA",
                    "kid": "practice",
                    "alg": "RS384",
                    "use": "sig",
                    "n": _b64(numbers.n),
                    "e": _b64(numbers.e),
                }
            ]
        }

    async def _ask_for_token(self) -> dict[str, Any]:
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self._token_url,
            "jti": str(uuid4()),
            "exp": datetime.now(UTC) + timedelta(minutes=4),
        }
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode(claims, pem, algorithm="RS384", headers={"kid": "practice"}),
        }
        answer: dict[str, Any] = _checked(await self.http.post("/oauth2/token", data=form), 200)
        return answer


def _b64(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _checked(answer: httpx.Response, expect: int) -> Any:
    if answer.status_code != expect:
        where = f"{answer.request.method} {answer.request.url.path}"
        raise Unexpected(f"{where} answered {answer.status_code} instead of {expect}: {answer.text[:600]}")
    return answer.json() if answer.content else None
