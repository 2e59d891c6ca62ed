"""Somebody who does not give up: asks again with the same key until there is an answer, and notes what was promised."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

PATIENCE_SECONDS = 60.0
ASK_AGAIN = frozenset({425, 429, 502, 503, 504})


@dataclass
class Persistent:
    """Sends like `httpx.AsyncClient.request`; each change has a key, under which it may happen once only."""

    url: str
    answers: Counter[int] = field(default_factory=Counter)
    unanswered_count: int = 0
    """Requests of which the sender never learnt what became of them, and sent again."""
    kept: dict[str, int] = field(default_factory=dict)
    """The status promised under each key."""
    _client: httpx.AsyncClient | None = None

    async def request(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        """The answer, however often it takes; `TimeoutError` after a minute without any."""
        key = uuid4().hex
        given = dict(headers or {}) | ({} if method == "GET" else {"Idempotency-Key": key})
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                response = await self._once(method, path, headers=given, **options)
                if response is not None and not _is_to_ask_again(response):
                    break
                await asyncio.sleep(0.05)
        self.answers[response.status_code] += 1
        if method != "GET":
            self.kept[key] = response.status_code
        return response

    async def _once(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        if self._client is None:
            self._client = httpx.AsyncClient(base_url=self.url, timeout=10)
        try:
            return await self._client.request(method, path, **options)
        except httpx.TransportError:
            self.unanswered_count += 1
            return None

    async def aclose(self) -> None:
        """Leave."""
        if self._client is not None:
            await self._client.aclose()


def _is_to_ask_again(response: httpx.Response) -> bool:
    """Whether nothing was decided yet: the service is not there, or still at work on this very key."""
    in_use = response.status_code == 409 and response.json().get("type") == "/problems/key-in-use"
    return in_use or response.status_code in ASK_AGAIN
