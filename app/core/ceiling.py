"""Under more load than it can carry the service bends: what it takes on it answers soon, the rest is told to come back.

A burst waits a moment. Where for a while nobody in the queue got a turn soon it is no burst, and whoever cannot
be served almost at once is refused: a long queue serves nobody sooner, it only makes every answer late (the rule
is that of CoDel, Nichols and Jacobson, RFC 8289, with the waiting of requests in place of packets).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.attendance import Attendance
from app.core.errors import RequestTimedOut, Unavailable

SOON_SECONDS = 0.02
"""Who waits no longer than this got a turn soon."""
BURST_SECONDS = 0.5
"""How long nobody in the queue may get a turn soon before it counts as overload, and how long one waits until then."""
OVERLOAD_SECONDS = 0.05
"""How long one waits for a turn under overload."""
CALM_SECONDS = 1.0
"""Overload is over when nobody had to be refused for so long: a queue that is empty for a moment says nothing."""
AT_THE_DOOR = 1
"""So many must be waiting for others to be refused at the door."""
BODY_SECONDS = 20.0
"""How long a body may take to arrive."""
ALWAYS = ("/health/", "/metrics")
"""What tells how the service is must be told above all when it has too much to do."""


class Overloaded(Unavailable):
    """More is asked than can be answered soon; nothing was done. Try again after the seconds in Retry-After."""


class Turns:
    """`at_once` requests are worked on, `waiting` more may wait; `refused` is called for each of the others."""

    def __init__(self, at_once: int, waiting: int, refused: Callable[[], None]) -> None:
        self.refused = refused
        self._free = at_once
        self._most = waiting
        self._queue: deque[tuple[asyncio.Future[bool], float]] = deque()
        self._late_since = 0.0
        self._calm_at = 0.0

    async def take(self) -> None:
        """Wait for a turn, which is taken on return. Raises `Overloaded` where it would come too late."""
        if self._free:
            self._free -= 1
        else:
            await self._wait()

    @property
    def is_full(self) -> bool:
        """There is overload, and others are waiting already."""
        return len(self._queue) >= AT_THE_DOOR and self._is_overload(asyncio.get_running_loop().time())

    def refuse(self) -> None:
        """Somebody is told to come back; overload lasts a while longer."""
        self._calm_at = asyncio.get_running_loop().time() + CALM_SECONDS
        self.refused()

    def _is_overload(self, now: float) -> bool:
        """The queue has been slow for longer than a burst, or was so a moment ago."""
        return now < self._calm_at or (bool(self._queue) and now - self._late_since >= BURST_SECONDS)

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        if not self._queue:
            self._late_since = now
        if len(self._queue) >= self._most:
            self._refuse()
        patience = OVERLOAD_SECONDS if self._is_overload(now) else BURST_SECONDS
        turn: asyncio.Future[bool] = loop.create_future()
        late = loop.call_later(patience, _come, turn, False)
        place = (turn, now)
        self._queue.append(place)
        try:
            is_mine = await turn
        except asyncio.CancelledError:  # the request itself is given up
            if turn.done() and not turn.cancelled() and turn.result():
                self.pass_on()
            self._leave(place)
            raise
        finally:
            late.cancel()
        if not is_mine:
            self._leave(place)
            self._refuse()

    def _leave(self, place: tuple["asyncio.Future[bool]", float]) -> None:
        with suppress(ValueError):
            self._queue.remove(place)

    def _refuse(self) -> None:
        self.refuse()
        raise Overloaded(headers={"Retry-After": "1"})

    def pass_on(self) -> None:
        """A turn has ended; who waits longest is next."""
        while self._queue:
            turn, since = self._queue.popleft()
            if _come(turn, True):
                now = asyncio.get_running_loop().time()
                if now - since <= SOON_SECONDS:
                    self._late_since = now
                return
        self._free += 1


class Ceiling:
    """Pure ASGI: each request in its turn, with its body in; raises `Overloaded` and `RequestTimedOut`.

    A request whose caller has gone is given up (`Attendance`).
    """

    def __init__(self, app: ASGIApp, turns: Turns) -> None:
        self.app = app
        self._turns = turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"].startswith(ALWAYS):
            await self.app(scope, receive, send)
            return
        taken_in = await _taken_in(scope, receive)
        await self._turns.take()
        is_held = True

        async def sending(message: Message) -> None:
            nonlocal is_held
            if is_held and message["type"] == "http.response.start":  # the work is done; a slow reader holds no turn
                is_held = False
                self._turns.pass_on()
            await send(message)

        try:
            await Attendance(scope, taken_in, sending).work(self.app)
        finally:
            if is_held:
                self._turns.pass_on()


class Turnstile:
    """Pure ASGI, far outside: under overload a request is refused before anything is spent on it.

    What is refused here is counted and has no line in the log: a thousand a second would cost what the others need.
    """

    def __init__(self, app: ASGIApp, turns: Turns) -> None:
        self.app = app
        self._turns = turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"].startswith(ALWAYS) or not self._turns.is_full:
            await self.app(scope, receive, send)
            return
        self._turns.refuse()
        request_id = str(uuid4())
        body = orjson.dumps(Overloaded().face(request_id))
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
            (b"retry-after", b"1"),
            (b"x-request-id", request_id.encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": Overloaded.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _taken_in(scope: Scope, receive: Receive) -> Receive:
    """The request with its body in: who sends slowly, or sends nothing, holds up nobody's turn.

    Raises `RequestTimedOut` when it takes longer than `BODY_SECONDS`.
    """
    if not any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"]):
        return receive
    messages: deque[Message] = deque()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while not messages or messages[-1].get("more_body", False):
                messages.append(await receive())
    except TimeoutError as error:
        raise RequestTimedOut() from error

    async def receiving() -> Message:
        return messages.popleft() if messages else await receive()

    return receiving


def _come(turn: "asyncio.Future[bool]", is_mine: bool) -> bool:
    """Tell who waits that the turn has come, or that it has become too late for it; False where it is told already."""
    if turn.done():
        return False
    turn.set_result(is_mine)
    return True
