"""Role by operation by relation, through the doors: every operation of the service, asked by everybody."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.core.actor import Role
from app.installation import Addresses
from app.main import ROUTERS, create_app
from scripts.generated_docs import permission_of, routes_of
from tests.access.calls import CALLS, NONE, Call, filled, words
from tests.access.dangerous_requests import REQUESTS, Request
from tests.access.relations import EVERYTHING, RELATIONS, WHO, Relation
from tests.access.scene import Scene
from tests.conftest import make_settings, serving
from tests.factories import Caller
from tests.fhir.practices import Practice

pytestmark = pytest.mark.anyio


def _operations() -> Iterator[APIRoute]:
    bare = FastAPI()
    for router in ROUTERS:
        bare.include_router(router)
    return routes_of(bare)


OPERATIONS = {route.name: route for route in _operations()}
CLOSED = sorted(name for name, route in OPERATIONS.items() if permission_of(route))
OPEN = sorted(set(OPERATIONS) - set(CLOSED))
OF_THE_SIGN_IN = {"log_out", "switch_role"}
"""These end the sign-in they come with, so each is asked with a fresh one."""


@pytest.fixture(scope="session")
async def scene(app: FastAPI, http: httpx.AsyncClient, owner: Any, anyio_backend: str) -> Scene:
    """One scene for all operations: refusals change nothing, and what a verb uses up is spare."""
    return await Scene.make(app, http, owner)


def kinds_in(route: APIRoute) -> set[str]:
    """What the address of an operation names; a kind that no scene has is a gap in these tests."""
    kinds = {parameter.name for parameter in route.dependant.path_params}
    unknown = kinds - EVERYTHING
    if unknown:
        pytest.fail(
            f"{route.path}: add {sorted(unknown)} to tests/access/relations.py and scene.py, and who reaches it."
        )
    return kinds


def expected(route: APIRoute, call: Call, relation: Relation) -> str:
    """What this relation must be answered: done (a list: its own part of it), or refused in one of the ways."""
    if permission_of(route) not in relation.permissions or not _has_a_door(route, relation):
        return "not allowed"
    if not relation.is_let_in:
        return "not signed in"
    kinds = kinds_in(route)
    if kinds | call.about <= relation.reaches:
        return "done"
    if kinds or (call.about and "GET" in (route.methods or ())):
        return "not found"
    return "refused"


def _has_a_door(route: APIRoute, relation: Relation) -> bool:
    """Whether the operation is for this kind of caller at all: practices have one door, who signs in another."""
    if route.path.startswith("/fhir/"):
        return relation.role is Role.REFERRER
    return relation.scopes is None or route.name not in OF_THE_SIGN_IN


ALLOWED: dict[str, frozenset[int]] = {
    "not allowed": frozenset({403}),
    "not signed in": frozenset({401}),
    "not found": frozenset({404}),
    "refused": frozenset({403, 404, 409, 422}),
    # a verb that somebody before has done already is refused by the state
    "done": frozenset({200, 201, 204, 409}),
}


def allowed(route: APIRoute, wanted: str) -> frozenset[int]:
    """The statuses that mean this answer."""
    if wanted == "not allowed" and route.path.startswith("/fhir/"):
        # the national proxy would put a text of its own in place of a 403
        return frozenset({401})
    return ALLOWED[wanted]


async def ask(scene: Scene, route: APIRoute, name: str, token: str | None = None) -> httpx.Response:
    """The operation asked by this relation, or with this token."""
    call = CALLS.get(route.name, NONE)
    caller = scene.callers[name]
    if route.name in OF_THE_SIGN_IN and caller.sign_in_id and RELATIONS[name].is_let_in:
        caller = await scene.world.signed_in(caller.id, caller.role)
    if token is not None:
        caller = Caller(caller.http, caller.id, caller.role, token)
    if route.name == "process_message":
        practice = await Practice.of(scene.world)
        return await practice.send(practice.referral(), client=caller)
    given = words(scene, call, caller.role.value)
    path = filled(route.path + call.query, given)
    method = next(iter(route.methods or ()))
    headers = {"If-Match": await _tag(scene, filled(call.tagged_by, given) or path)} if method == "PATCH" else {}
    options = {} if call.body is None else {"json": filled(call.body, given)}
    return await caller.send(method, path, headers=headers, **options)


async def _tag(scene: Scene, path: str) -> str:
    return str((await scene.world.coordinator.get(path)).headers["ETag"])


def leaks(scene: Scene, call: Call, relation: Relation, answer: httpx.Response) -> list[str]:
    """What an answer tells that this relation may not know."""
    ids = scene.ids | {kind: scene.spare[name] for kind, name in call.spare.items()}
    told = [kind for kind, value in ids.items() if kind not in relation.reaches and value in answer.text]
    if not relation.reaches & WHO:
        told += [secret for secret in scene.secrets if secret in answer.text]
    return told


async def _fault(scene: Scene, route: APIRoute, name: str) -> tuple[str, int, str]:
    call, relation = CALLS.get(route.name, NONE), RELATIONS[name]
    wanted = expected(route, call, relation)
    answer = await ask(scene, route, name)
    faults = []
    if answer.status_code not in allowed(route, wanted):
        faults.append(f"{answer.status_code} instead of {wanted}: {answer.text[:300]}")
    if told := leaks(scene, call, relation, answer):
        faults.append(f"tells {told}")
    if call.finds in relation.reaches and wanted == "done" and scene.ids[call.finds] not in answer.text:
        faults.append(f"does not show its {call.finds}")
    return wanted, answer.status_code, f"{name}: {'; '.join(faults)}" if faults else ""


@pytest.mark.parametrize("operation", CLOSED)
async def test_an_operation_answers_everybody_as_role_and_relation_say(scene: Scene, operation: str) -> None:
    route, call = OPERATIONS[operation], CALLS.get(operation, NONE)
    last_first = sorted(RELATIONS, key=lambda name: expected(route, call, RELATIONS[name]) == "done")
    before = await _changes(scene, last_first, route, call)
    answers = [await _fault(scene, route, name) for name in last_first if _is_refused(route, call, name)]
    assert [fault for _, _, fault in answers if fault] == []
    assert await _changes(scene, last_first, route, call) == before, "a refusal left a trace"
    done = [await _fault(scene, route, name) for name in last_first if not _is_refused(route, call, name)]
    assert [fault for _, _, fault in done if fault] == []
    statuses = [status for _, status, _ in done]
    assert not statuses or min(statuses) < 300, "nobody could do it: the request of tests/access/calls.py is not valid"


def _is_refused(route: APIRoute, call: Call, name: str) -> bool:
    return expected(route, call, RELATIONS[name]) != "done"


async def _changes(scene: Scene, names: list[str], route: APIRoute, call: Call) -> int:
    """How many rows those have changed, up to now, who are refused this operation."""
    refused = [scene.callers[name].id for name in names if _is_refused(route, call, name)]
    changed: int = await scene.world.owner.fetchval(
        "SELECT count(*) FROM audit_entries WHERE actor_id = ANY($1)", refused
    )
    return changed


@pytest.mark.parametrize("operation", CLOSED)
async def test_an_operation_that_asks_for_a_permission_answers_nobody_without_a_token(
    scene: Scene, operation: str
) -> None:
    answer = await ask(scene, OPERATIONS[operation], "coordinator/own", token="")
    assert answer.status_code == 401, answer.text
    assert leaks(scene, CALLS.get(operation, NONE), Relation(Role.GATE), answer) == []


@pytest.mark.parametrize("operation", OPEN)
async def test_an_open_operation_tells_nothing_of_anybody(scene: Scene, operation: str) -> None:
    route = OPERATIONS[operation]
    path = route.path.replace("{kind}", "not-found")
    answer = await scene.world.http.request(next(iter(route.methods or ())), path)
    assert answer.status_code < 500, answer.text
    assert answer.status_code not in (401, 403), answer.text
    assert leaks(scene, NONE, Relation(Role.GATE), answer) == []


def test_the_matrix_has_every_operation_of_the_service(app: FastAPI) -> None:
    assert {route.name for route in routes_of(app)} == set(OPERATIONS)
    assert len(CLOSED) > 100
    assert set(CALLS) <= set(CLOSED)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda r: r.sentence)
async def test_a_dangerous_request_is_answered_as_written_by_hand(scene: Scene, request_: Request) -> None:
    caller = scene.callers[request_.who]
    accounts = {"own account": caller.id, "governance account": scene.callers["governance/own"].id}
    given = scene.ids | scene.spare | {name: str(account_id) for name, account_id in accounts.items()}
    options = {} if request_.body is None else {"json": filled(request_.body, given)}
    answer = await caller.send(request_.method, filled(request_.path, given), **options)
    assert answer.status_code == request_.status, answer.text
    if answer.status_code >= 400:
        assert leaks(scene, NONE, RELATIONS[request_.who], answer) == []


async def test_a_clock_that_can_be_moved_is_moved_by_coordinators_alone(
    scene: Scene, addresses: Addresses, signing_key: str
) -> None:
    async with serving(create_app(make_settings(signing_key, clock_movable=True), addresses)) as sandbox:
        for name, relation in RELATIONS.items():
            if relation.role is not Role.COORDINATOR:
                caller = replace(scene.callers[name], http=sandbox)
                answer = await caller.send("PUT", "/v1/clock", json={"now": "2027-01-01T00:00:00Z"})
                assert answer.status_code == 403, name
    absent = await scene.world.coordinator.send("PUT", "/v1/clock", json={"now": "2027-01-01T00:00:00Z"})
    assert absent.status_code == 404
