"""No work is done for a caller who has gone: its request is given up, its statement cancelled, its changes undone."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

ATTENDED_SECONDS = 0.25
"""After so long it is looked whether the caller is still there; what is answered sooner is not worth the look."""


class Attendance:
    """One request, worked on for as long as its caller is there."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._is_read = asyncio.Event()
        self._is_gone = self._is_answered = False
        self._look: asyncio.Task[None] | None = None
        if not any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"]):
            self._is_read.set()

    async def work(self, app: ASGIApp) -> None:
        """Answer the request, or return without an answer when nobody is there to take it."""
        task = asyncio.current_task()
        assert task is not None
        later = asyncio.get_running_loop().call_later(ATTENDED_SECONDS, self._begin, task)
        try:
            await app(self._scope, self._receiving, self._sending)
        except asyncio.CancelledError:
            if not self._is_gone:
                raise
            task.uncancel()
        finally:
            later.cancel()
            if self._look is not None:
                self._look.cancel()

    async def _receiving(self) -> Message:
        message = await self._receive()
        if not message.get("more_body", False):
            self._is_read.set()
        return message

    async def _sending(self, message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._is_answered = True
        await self._send(message)

    def _begin(self, task: "asyncio.Task[None]") -> None:
        self._look = asyncio.create_task(self._watch(task))

    async def _watch(self, task: "asyncio.Task[None]") -> None:
        await self._is_read.wait()  # until then whoever takes in the body sees it end
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self._is_answered:
            self._is_gone = True
            task.cancel()
