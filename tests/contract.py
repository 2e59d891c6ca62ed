"""Every answer of the whole suite is held against the API's document: same fields, same JSON types."""

from typing import Any

import httpx
import orjson
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from scripts.generated_docs import routes_of

_adapters: dict[str, TypeAdapter[Any]] = {}
_routes: list[APIRoute] = []


def _route_of(app: FastAPI, request: httpx.Request) -> APIRoute | None:
    if not _routes:
        _routes.extend(routes_of(app))
        assert len(_routes) > 100, "the app's routes are not where they are looked for"
    fitting = [
        route
        for route in _routes
        if request.method in (route.methods or ()) and route.path_regex.fullmatch(request.url.path)
    ]
    # an address without parameters goes before one that would read its last part as an id
    return min(fitting, key=lambda route: route.path.count("{"), default=None)


def check(app: FastAPI, response: httpx.Response) -> None:
    """Raise AssertionError when a success has other fields or types than its shape, or a refusal is not documented."""
    route = _route_of(app, response.request)
    if route is None or not response.content or route.path.startswith(("/fhir/", "/oauth2/", "/.well-known/")):
        return
    where = f"{response.request.method} {route.path} answered {response.status_code}"
    if response.status_code >= 400:
        assert response.headers["content-type"] == "application/problem+json", where
        documented = {int(status) for status in route.responses} | {401, 403, 413, 422}
        assert response.status_code in documented, f"{where}, which its document does not say"
        return
    if route.response_model is None:
        return
    adapter = _adapters.setdefault(route.unique_id, TypeAdapter(route.response_model))
    parsed = adapter.validate_json(response.content, strict=True)
    shown = orjson.loads(adapter.dump_json(parsed))
    unknown = _unknown(orjson.loads(response.content), shown)
    assert not unknown, f"{where} with fields its document does not have: {unknown}"


def _unknown(sent: Any, known: Any, path: str = "") -> list[str]:
    if isinstance(sent, dict) and isinstance(known, dict):
        found = [f"{path}/{name}" for name in sent if name not in known]
        return found + [
            f for name in sent if name in known for f in _unknown(sent[name], known[name], f"{path}/{name}")
        ]
    if isinstance(sent, list) and isinstance(known, list):
        return [f for a, b in zip(sent, known, strict=True) for f in _unknown(a, b, f"{path}[]")]
    return []
