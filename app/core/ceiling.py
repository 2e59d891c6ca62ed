"""Under more load than it can carry the service bends: what it takes on it answers soon, the rest is told to come back.

A burst waits a moment. Where the queue has not been empty for a while it is no burst, and whoever cannot be
served almost at once is refused: a long queue serves nobody sooner, it only makes every answer late (the rule is
that of CoDel, Nichols and Jacobson, RFC 8289, with the waiting of requests in place of packets).
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

BURST_SECONDS = 0.5
"""How long a queue may last before it counts as overload, and how long one waits in it at most until then."""
OVERLOAD_SECONDS = 0.005
"""How long one waits for a turn under overload."""
AT_THE_DOOR = 2
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
        self._queue: deque[asyncio.Future[bool]] = deque()
        self._busy_since = 0.0

    async def take(self) -> None:
        """Wait for a turn, which is taken on return. Raises `Overloaded` where it would come too late."""
        if self._free:
            self._free -= 1
        else:
            await self._wait()

    @property
    def is_overloaded(self) -> bool:
        """The queue has stood for longer than a burst, and somebody waits in it still."""
        if len(self._queue) < AT_THE_DOOR:
            return False
        return asyncio.get_running_loop().time() - self._busy_since >= BURST_SECONDS

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        if not self._queue:
            self._busy_since = now
        if len(self._queue) >= self._most:
            self._refuse()
        patience = BURST_SECONDS if now - self._busy_since < BURST_SECONDS else OVERLOAD_SECONDS
        turn: asyncio.Future[bool] = loop.create_future()
        late = loop.call_later(patience, _come, turn, False)
        self._queue.append(turn)
        try:
            is_mine = await turn
        except asyncio.CancelledError:  # the request itself is given up
            if turn.done() and not turn.cancelled() and turn.result():
                self.pass_on()
            self._leave(turn)
            raise
        finally:
            late.cancel()
        if not is_mine:
            self._leave(turn)
            self._refuse()

    def _leave(self, turn: "asyncio.Future[bool]") -> None:
        with suppress(ValueError):
            self._queue.remove(turn)

    def _refuse(self) -> None:
        self.refused()
        raise Overloaded(headers={"Retry-After": "1"})

    def pass_on(self) -> None:
        """A turn has ended; who waits longest is next."""
        while self._queue:
            if _come(self._queue.popleft(), True):
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
        if scope["type"] != "http" or scope["path"].startswith(ALWAYS) or not self._turns.is_overloaded:
            await self.app(scope, receive, send)
            return
        self._turns.refused()
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
