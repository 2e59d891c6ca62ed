"""The API's document tells of every door: what it does, an example of each side, every refusal."""

import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from app.core import documents
from app.core.errors import known_problems
from scripts import generated_docs

pytestmark = pytest.mark.anyio
COMMITTED = Path(__file__).parents[2] / "openapi" / "openapi.json"


def _operations(app: FastAPI) -> list[tuple[str, dict[str, Any]]]:
    document = app.openapi()
    return [
        (f"{method.upper()} {path}", operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


def test_the_committed_document_is_the_codes(app: FastAPI) -> None:
    assert COMMITTED.read_text() == documents.as_text(app), "peer-support openapi --out openapi/openapi.json"


def test_every_operation_has_a_summary_a_description_and_a_tag(app: FastAPI) -> None:
    for name, operation in _operations(app):
        assert operation.get("summary"), name
        assert len(operation.get("description", "")) > 10, name
        assert operation.get("tags"), name


def test_every_body_and_every_success_has_an_example(app: FastAPI) -> None:
    for name, operation in _operations(app):
        contents = [operation["requestBody"]] if "requestBody" in operation else []
        contents += [a for status, a in operation["responses"].items() if status.startswith("2")]
        for content in (c for holder in contents for c in holder.get("content", {}).values()):
            assert {"example", "examples"} & content.keys(), name


def test_every_example_of_a_request_can_be_sent_as_it_stands(app: FastAPI) -> None:
    document = app.openapi()
    for route in generated_docs.routes_of(app):
        for method in route.methods or ():
            operation = document["paths"][route.path][method.lower()]
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is None or route.body_field is None:
                continue
            _, errors = route.body_field.validate(content["example"], {}, loc=("body",))
            assert not errors, (route.path, errors)


def test_every_operation_behind_a_token_says_that_it_may_answer_401_and_403(app: FastAPI) -> None:
    for name, operation in _operations(app):
        if operation.get("security") and "/fhir/" not in name:  # there 403 leaves as 401, as its standard asks
            assert {"401", "403"} <= operation["responses"].keys(), name


def test_every_change_says_what_it_may_refuse(app: FastAPI) -> None:
    for name, operation in _operations(app):
        method, path = name.split(" ")
        if method in ("POST", "PATCH", "PUT") and path.startswith("/v1/") and "requestBody" in operation:
            wanted = {"400", "413", "415", "422"} | (set() if "/auth/" in path or "search" in path else {"409", "503"})
            assert wanted - _of_forms(operation) <= operation["responses"].keys(), name
        if method == "PATCH":
            assert {"412", "428"} <= operation["responses"].keys(), name


def _of_forms(operation: dict[str, Any]) -> set[str]:
    return set() if "application/json" in operation["requestBody"]["content"] else {"400", "413", "415"}


def test_every_problem_an_operation_names_is_explained(app: FastAPI) -> None:
    explained = {problem.slug() for problem in known_problems()}
    named = set(app.openapi()["components"]["examples"])
    assert named
    assert named <= explained


def test_addresses_are_plural_nouns_and_verbs_in_kebab_case(app: FastAPI) -> None:
    for name, _ in _operations(app):
        path = name.split(" ")[1]
        if path.startswith("/v1/"):
            assert re.fullmatch(r"/v1(/[a-z][a-z-]*|/\{[a-z_]+\})+", path), path


async def test_the_documentation_loads_without_any_network(http: Any) -> None:
    for address in ("/docs", "/redoc"):
        page = (await http.get(address)).text
        foreign = [u for u in re.findall(r"https?://[^\s\"'<>]+", page) if "127.0.0.1" not in u]
        assert foreign == [], address
        for asset in re.findall(r"(?:src|href)=\"(/[^\"]+)\"", page):
            assert (await http.get(asset)).status_code == 200, asset
