"""A light load generator in a process of its own: so many connections that ask again when answered, or a fixed rate.

Reads its order as JSON (`Order`) from standard input and prints what happened (`Happened`) as JSON.
"""

import asyncio
import itertools
import json
import random
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast
from uuid import uuid4

import uvloop

PATIENCE_SECONDS = 60.0
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Order:
    """What to ask and how: each of `asked` in turn, like "GET /v1/mentees", until `seconds` or `count` are reached.

    A POST sends `body`, where `NHS-NUMBER` becomes another made-up number each time; with `is_keyed` it has an
    Idempotency-Key of its own. With a `rate` requests come so many a second, whether or not those before them are
    answered, on at most so many connections; without, each connection asks again when it is answered, or after the
    seconds that `Retry-After` says.
    """

    port: int
    token: str
    asked: tuple[str, ...]
    body: str = ""
    is_keyed: bool = False
    connections: int = 8
    seconds: float = 5.0
    count: int = 10**9
    rate: float | None = None


@dataclass
class Happened:
    """Milliseconds are those of answers 2xx: from when the request was due to the last byte; statuses by count.

    A request whose connection the server closed counts as "lost"; one that found no connection free as "not sent".
    """

    requests: int = 0
    seconds: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    answer_bytes: int = 0
    """Of the last answer, its head included."""
    statuses: dict[str, int] = field(default_factory=dict)

    @property
    def throughput(self) -> float:
        """Answers 2xx per second."""
        return self.good / self.seconds if self.seconds else 0.0

    @property
    def good(self) -> int:
        """How many were answered 2xx."""
        return sum(count for status, count in self.statuses.items() if status.startswith("2"))


def nhs_numbers() -> Iterator[str]:
    """Made-up NHS numbers of a range that is never issued (91… to 99…), each once, with their check digits."""
    for number in itertools.count(random.randrange(910_000_000, 990_000_000)):
        digits = str(number)
        check = (11 - sum(int(d) * (10 - i) for i, d in enumerate(digits)) % 11) % 11
        if check != 10:
            yield digits + str(check)


def requests_of(order: Order) -> Iterator[bytes]:
    """The bytes of one request after the other, without end."""
    numbers = nhs_numbers()
    for asked in itertools.cycle(order.asked):
        head = f"{asked} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {order.token}\r\n"
        body = b""
        if asked.startswith("POST"):
            body = order.body.replace("NHS-NUMBER", next(numbers)).encode()
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            if order.is_keyed:
                head += f"Idempotency-Key: {uuid4()}\r\n"
        yield head.encode() + b"\r\n" + body


class Connection(asyncio.Protocol):
    """One kept-alive connection with one request under way at a time; tells its run what comes of it."""

    def __init__(self, run: "Run") -> None:
        self.run = run
        self.buffer = bytearray()
        self.awaited = 0
        self.status = 0
        self.stays = True
        self.retry_after = 0.0
        self.due: float | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready to ask."""
        self.transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes, due: float) -> None:
        """Send a request that was due at this moment."""
        assert self.transport is not None
        self.due = due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Gather the answer: head, then as many bytes as it says."""
        self.buffer += data
        if not self.awaited:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self.buffer[:end]).lower()
            self.status = int(head[9:12])
            self.stays = b"\r\nconnection: close" not in head
            after = head.partition(b"\r\nretry-after:")[2].partition(b"\r\n")[0]
            self.retry_after = float(after or 0)
            length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
            self.awaited = end + 4 + int(length or 0)
        if len(self.buffer) >= self.awaited:
            size, due = self.awaited, self.due
            del self.buffer[:size]
            self.awaited, self.due = 0, None
            assert due is not None
            self.run.answered(self, str(self.status), size, due)

    def connection_lost(self, _: Exception | None) -> None:
        """The server closed, or we did."""
        self.transport = None
        self.run.lost(self)


class Run:
    """One order being carried out."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.requests = requests_of(order)
        self.latencies: list[float] = []
        self.happened = Happened()
        self.statuses: Counter[str] = Counter()
        self.free: deque[Connection] = deque()
        self.due: deque[float] = deque()
        self.sent = 0
        self.open = 0
        self.ends_at = float("inf")
        self.ended = asyncio.Event()

    async def carry_out(self) -> Happened:
        """Ask all there is to ask and wait for the answers."""
        await asyncio.gather(*(self._connect() for _ in range(self.order.connections)))
        began = time.perf_counter()
        self.ends_at = began + self.order.seconds
        if self.order.rate is None:
            self.due.extend(began for _ in range(self.order.connections))
        else:
            asyncio.get_running_loop().create_task(self._arrivals(began, self.order.rate))
        self._send()
        await asyncio.wait_for(self.ended.wait(), self.order.seconds + PATIENCE_SECONDS)
        self.happened.seconds = time.perf_counter() - began
        for connection in self.free:
            if connection.transport is not None:
                connection.transport.close()
        self.happened.requests = sum(self.statuses.values())
        if self.order.rate is not None and self.due:
            self.statuses["not sent"] = len(self.due)
        self.happened.statuses = dict(self.statuses)
        self.happened.p50_ms, self.happened.p99_ms = (percentile(self.latencies, share) * 1000 for share in (0.5, 0.99))
        return self.happened

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: Connection(self), "127.0.0.1", self.order.port)
        self.open += 1
        self.free.append(connection)
        self._send()

    async def _arrivals(self, began: float, rate: float) -> None:
        number = 0
        while (now := time.perf_counter()) < self.ends_at:
            while (at := began + number / rate) <= now:
                self.due.append(at)
                number += 1
            self._send()
            await asyncio.sleep(0.001)
        self._send()

    def _send(self) -> None:
        """Whatever is due goes out on whatever is free; after the last answer it is over."""
        goes_on = time.perf_counter() < self.ends_at and self.sent < self.order.count
        while goes_on and self.due and self.free:
            self.sent += 1
            self.free.popleft().ask(next(self.requests), self.due.popleft())
            goes_on = self.sent < self.order.count
        if not goes_on and len(self.free) == self.open:
            self.ended.set()

    def answered(self, connection: Connection, status: str, size: int, due: float) -> None:
        """One answer is whole."""
        now = time.perf_counter()
        self.statuses[status] += 1
        self.happened.answer_bytes = size
        if status.startswith("2"):
            self.latencies.append(now - due)
        if self.order.rate is None:
            if connection.retry_after:
                asyncio.get_running_loop().call_later(connection.retry_after, self._again)
            else:
                self.due.append(now)
        if connection.stays:
            self.free.append(connection)
            self._send()
        else:  # the server closes it, and then another takes its place
            connection.transport.close() if connection.transport else None

    def _again(self) -> None:
        """Somebody who was told to come back does."""
        self.due.append(time.perf_counter())
        self._send()

    def lost(self, connection: Connection) -> None:
        """A connection has gone; another takes its place."""
        if self.ended.is_set():
            return
        self.open -= 1
        if connection in self.free:
            self.free.remove(connection)
        elif connection.due is not None:
            self.statuses["lost"] += 1
            if self.order.rate is None:
                self.due.append(time.perf_counter())
        asyncio.get_running_loop().create_task(self._connect())


def percentile(values: list[float], share: float) -> float:
    """The value that this share of all does not exceed; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def in_own_process(order: Order) -> Happened:
    """The same, done by another process, so that its work is not counted as the caller's."""
    command, told = [sys.executable, "-m", "benchmarks.load"], json.dumps(asdict(order))
    done = subprocess.run(command, input=told, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    return Happened(**json.loads(done.stdout))


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    print(json.dumps(asdict(uvloop.run(Run(Order(**asked | {"asked": tuple(asked["asked"])})).carry_out()))))
