"""More than it can carry, and nobody there: the service refuses at once what it cannot answer soon, and works for
nobody who has gone."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from app import installation
from app.core import ceiling
from app.core.ceiling import Ceiling, Overloaded, Turns, Turnstile
from app.core.errors import RequestTimedOut
from app.main import create_app
from tests.conftest import make_settings, serving
from tests.factories import Caller, World, body_of, referral

pytestmark = pytest.mark.anyio


class Work:
    """An application whose requests last until they are let go."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.may_end = asyncio.Event()

    async def __call__(self, scope: Scope, _: Receive, __: Send) -> None:
        self.started.append(scope["path"])
        await self.may_end.wait()


async def _nothing() -> Message:
    await asyncio.Event().wait()
    return {"type": "http.disconnect"}


async def _sent(_: Message) -> None:
    return None


def _request(app: Callable[[Scope, Receive, Send], Awaitable[None]], path: str) -> "asyncio.Task[None]":
    async def run() -> None:
        await app({"type": "http", "path": path, "headers": []}, _nothing, _sent)

    return asyncio.create_task(run())


async def _soon() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_does_not_fit_waits_its_turn_and_what_cannot_wait_is_refused_at_once() -> None:
    work, counted = Work(), []
    app = Ceiling(work, Turns(1, 1, lambda: counted.append(1)))
    first, second = _request(app, "/first"), _request(app, "/second")
    await _soon()
    third = _request(app, "/third")
    await _soon()
    assert work.started == ["/first"]
    with pytest.raises(Overloaded) as refused:
        await third
    assert refused.value.headers["Retry-After"] == "1"
    assert counted == [1]
    work.may_end.set()
    await asyncio.gather(first, second)
    assert work.started == ["/first", "/second"]


async def test_a_burst_is_waited_for_and_a_queue_that_stays_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceiling, "BURST_SECONDS", 1.0)
    work = Work()
    app = Ceiling(work, Turns(1, 10, lambda: None))
    held, early = _request(app, "/held"), _request(app, "/early")
    await asyncio.sleep(0.5)
    assert not early.done()
    waiting = _request(app, "/waiting")
    await asyncio.sleep(0.52)
    late = _request(app, "/late")  # the queue has stood for longer than a burst: no more than a moment is waited
    await asyncio.sleep(0.1)
    assert (late.done(), waiting.done()) == (True, False)
    for refused in (early, late):
        with pytest.raises(Overloaded):
            await refused
    work.may_end.set()
    await asyncio.gather(held, waiting)


async def test_where_the_queue_stays_others_are_refused_at_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceiling, "BURST_SECONDS", 0.5)
    monkeypatch.setattr(ceiling, "OVERLOAD_SECONDS", 1.0)
    work, counted, answers = Work(), [], []
    turns = Turns(1, 10, lambda: counted.append(1))
    app = Turnstile(Ceiling(work, turns), turns)

    async def keep(message: Message) -> None:
        answers.append(message)

    held = _request(app, "/held")
    await _soon()
    early = _request(app, "/early")
    await asyncio.sleep(0.45)
    waiting = [_request(app, f"/{number}") for number in range(3)]
    await asyncio.sleep(0.1)  # the first has given up, the others wait still: it is no burst any more
    await app({"type": "http", "path": "/late", "headers": []}, _nothing, keep)
    assert (answers[0]["status"], dict(answers[0]["headers"])[b"retry-after"]) == (503, b"1")
    work.may_end.set()
    await asyncio.gather(held, *waiting, return_exceptions=True)
    assert isinstance((await asyncio.gather(early, return_exceptions=True))[0], Overloaded)
    await app({"type": "http", "path": "/after", "headers": []}, _nothing, keep)
    assert work.started[-1] == "/after"


async def test_a_queue_in_which_turns_come_soon_is_no_overload_however_long_it_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ceiling, "BURST_SECONDS", 0.7)
    monkeypatch.setattr(ceiling, "SOON_SECONDS", 0.5)
    turns = Turns(1, 10, lambda: None)
    ends_at = asyncio.get_running_loop().time() + 1.2

    refused_at_the_door = 0

    async def work_again_and_again() -> int:
        nonlocal refused_at_the_door
        done = 0
        while asyncio.get_running_loop().time() < ends_at:
            await turns.take()
            await asyncio.sleep(0.002)
            refused_at_the_door += turns.is_full
            turns.pass_on()
            done += 1
        return done

    assert min(await asyncio.gather(*(work_again_and_again() for _ in range(4)))) > 10
    assert refused_at_the_door == 0


async def test_overload_lasts_until_nobody_had_to_be_refused_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceiling, "BURST_SECONDS", 0.7)
    monkeypatch.setattr(ceiling, "CALM_SECONDS", 0.5)
    turns = Turns(1, 10, lambda: None)
    await turns.take()
    with pytest.raises(Overloaded):
        await turns.take()

    async def waited() -> float:
        began = asyncio.get_running_loop().time()
        with pytest.raises(Overloaded):
            await turns.take()
        return asyncio.get_running_loop().time() - began

    assert await waited() < 0.6, "an empty queue is no end of it"
    await asyncio.sleep(0.6)
    assert await waited() > 0.6, "after a while without refusals a burst is waited for again"


async def test_how_the_service_is_can_be_asked_whatever_the_load() -> None:
    work = Work()
    app = Ceiling(work, Turns(1, 1, lambda: None))
    asked = [_request(app, path) for path in ("/v1/mentees", "/health/live", "/health/ready", "/metrics")]
    await _soon()
    assert work.started == ["/v1/mentees", "/health/live", "/health/ready", "/metrics"]
    work.may_end.set()
    await asyncio.gather(*asked)


async def test_a_request_given_up_while_it_waits_leaves_the_turns_in_order() -> None:
    work = Work()
    app = Ceiling(work, Turns(1, 10, lambda: None))
    held, waiting, behind = (_request(app, path) for path in ("/held", "/waiting", "/behind"))
    await _soon()
    waiting.cancel()
    await _soon()
    work.may_end.set()
    await asyncio.gather(held, behind)
    assert work.started == ["/held", "/behind"]
    await asyncio.gather(_request(app, "/again"))


async def test_who_sends_no_body_holds_up_nobody_and_is_told_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceiling, "BODY_SECONDS", 0.1)
    work = Work()
    app = Ceiling(work, Turns(1, 1, lambda: None))
    headers = [(b"content-length", b"100")]
    silent = [
        asyncio.create_task(app({"type": "http", "path": "/slow", "headers": headers}, _nothing, _sent))
        for _ in range(5)
    ]
    await _soon()
    quick = _request(app, "/quick")
    await _soon()
    assert work.started == ["/quick"]
    for one in await asyncio.gather(*silent, return_exceptions=True):
        assert isinstance(one, RequestTimedOut)
    work.may_end.set()
    await quick


async def test_who_gave_up_waiting_takes_no_place_in_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceiling, "BURST_SECONDS", 0.5)
    monkeypatch.setattr(ceiling, "CALM_SECONDS", 0.0)
    work = Work()
    app = Ceiling(work, Turns(1, 1, lambda: None))
    held, first = _request(app, "/held"), _request(app, "/first")
    with pytest.raises(Overloaded):
        await first
    second = _request(app, "/second")  # the queue is empty again, so this one is waited for
    await asyncio.sleep(0.1)
    assert not second.done()
    work.may_end.set()
    await asyncio.gather(held, second)


async def test_a_refusal_for_load_is_a_problem_and_a_practices_system_reads_an_outcome(
    world: World, addresses: installation.Addresses, signing_key: str, owner: Any
) -> None:
    made = await world.refer()
    app = create_app(make_settings(signing_key, requests_at_once=1, request_limit=1), addresses)
    who = world.coordinator
    async with serving(app) as http:
        caller = Caller(http, who.id, who.role, who.token, who.sign_in_id)
        async with owner.transaction():
            await owner.execute("SELECT 1 FROM referrals WHERE id = $1 FOR UPDATE", made["id"])
            slow = asyncio.create_task(caller.post(f"/v1/referrals/{made['id']}/decline", {"reason": "other"}))
            await asyncio.sleep(0.1)
            waiting = asyncio.create_task(caller.get("/v1/me"))
            await asyncio.sleep(0.05)
            refused = await caller.get("/v1/me")
            assert body_of(refused, 503)["type"] == "/problems/overloaded"
            assert refused.headers["Retry-After"] == "1"
            assert refused.headers["X-Request-Id"]
            outcome = body_of(await http.get("/fhir/R4/metadata"), 503)
            assert outcome["resourceType"] == "OperationOutcome"
            assert (await http.get("/health/ready")).status_code == 200
            assert (await waiting).status_code == 503
        assert (await slow).status_code == 200


async def _left(app: FastAPI, caller: Caller, method: str, path: str, body: bytes) -> list[Message]:
    """A request whose caller goes away once the body is sent; what was answered."""
    answers: list[Message] = []
    incoming: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return incoming.pop() if incoming else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        answers.append(message)

    headers = {
        "authorization": f"Bearer {caller.token}",
        "content-type": "application/json",
        "content-length": str(len(body)),
    }
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope: Scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http"}
    scope.update(method=method, path=path, raw_path=path.encode(), query_string=b"", root_path="", headers=raw)
    scope.update(client=("127.0.0.1", 1), server=("127.0.0.1", 8000))
    await app(scope, receive, send)
    return answers


async def test_no_work_goes_on_once_the_caller_has_gone(app: FastAPI, world: World, owner: Any) -> None:
    made = await world.refer()
    path = f"/v1/referrals/{made['id']}/decline"
    async with owner.transaction():
        await owner.execute("SELECT 1 FROM referrals WHERE id = $1 FOR UPDATE", made["id"])
        assert await asyncio.wait_for(_left(app, world.coordinator, "POST", path, b'{"reason": "other"}'), 5) == []
        # the owner's lock still stands: had the statement not been cancelled, it would wait for it
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        assert await owner.fetchval(waiting) == 0
    assert body_of(await world.coordinator.get(f"/v1/referrals/{made['id']}"))["status"] == "received"
    assert (await world.coordinator.post(path, {"reason": "other"})).status_code == 200


async def test_what_is_answered_soon_is_done_whether_or_not_its_caller_stays(app: FastAPI, world: World) -> None:
    body = str(referral(world.programme_id)).replace("'", '"').replace("True", "true").encode()
    answers = await _left(app, world.referrer, "POST", "/v1/referrals", body)
    assert answers[0]["status"] == 201
