"""Every answer of the whole suite is held against the API's document: same fields, same JSON types."""

from typing import Any

import httpx
import orjson
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.routing import Match

_adapters: dict[str, TypeAdapter[Any]] = {}


def _route_of(app: FastAPI, request: httpx.Request) -> APIRoute | None:
    scope = {"type": "http", "method": request.method, "path": request.url.path, "headers": []}
    for route in app.routes:
        if isinstance(route, APIRoute) and route.matches(scope)[0] is Match.FULL:
            return route
    return None


def check(app: FastAPI, response: httpx.Response) -> None:
    """Raise AssertionError when a success has other fields or types than its shape, or a refusal is not documented."""
    route = _route_of(app, response.request)
    if route is None or not response.content or route.path.startswith(("/fhir/", "/oauth2/", "/.well-known/")):
        return
    where = f"{response.request.method} {route.path} answered {response.status_code}"
    if response.status_code >= 400:
        assert response.headers["content-type"] == "application/problem+json", where
        documented = {int(status) for status in route.responses} | {401, 403, 413, 422}
        assert response.status_code in documented | {500}, f"{where}, which its document does not say"
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
