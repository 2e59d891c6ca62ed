"""What the API's document says beyond the shapes: every answer an operation may give, with an example of each."""

import json
from importlib.metadata import version
from typing import Any, Generic, TypeVar

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from app.core import errors
from app.core.errors import Problem
from app.core.examples import add_examples

VERSION = version("peer-support")
S = TypeVar("S", bound=BaseModel)

DESCRIPTION = """
Runs one-to-one peer support for people with long-term conditions: a practice refers, a coordinator accepts and
matches, a mentor who lives with the condition meets the person weekly, activation (PAM) is measured before and
after, and the report says what changed.

- Sign in at `POST /v1/auth/token`; send `Authorization: Bearer …`. Systems use `POST /oauth2/token`.
- Every refusal is `application/problem+json` with a documented `type`; `errors[]` names each field.
- Send an `Idempotency-Key` with every change: sent again, it gives the first answer back.
- Lists are pages of up to 200 with an opaque `cursor`; `Link: rel="next"` leads on.
- `actions` on each thing are the verbs you may use on it now.
"""

TAGS: list[dict[str, Any]] = [
    {"name": name, "description": words}
    for name, words in {
        "auth": "Signing in and out, and who you are.",
        "accounts": "People who sign in and machine clients.",
        "organisations": "GP practices, charity, providers, commissioners, and agreements between them.",
        "programmes": "Conditions, contract years, rules and settings.",
        "people": "Who is supported, and how to reach them.",
        "consents": "What people agreed to.",
        "referrals": "How a person arrives.",
        "mentees": "Episodes of support.",
        "mentors": "Volunteers and their training.",
        "matches": "A mentor beside a mentee.",
        "goals": "What a mentee wants to change.",
        "pam-assessments": "Patient activation, before and after.",
        "sessions": "Weekly meetings.",
        "screens": "Answers made for one screen in one request.",
        "reports": "What a commissioner reads.",
        "fhir": "The GP systems' door.",
        "service": "Health, terms, the clock of a sandbox.",
    }.items()
]


class FieldFault(BaseModel):
    """One fault of one field."""

    field: str = Field(description="JSON pointer into the body, or `query:`, `path:`, `header:` and a name.")
    code: str = Field(description="Stable name of the rule.")
    message: str = Field(description="What to do about it; never what was sent.")


class ProblemFace(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(description="Address of the explanation of this kind of problem.")
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[FieldFault] | None = None


class ListFace(BaseModel, Generic[S]):
    """One page of a list."""

    items: list[S]
    next: str | None = Field(description="Cursor of the next page; null on the last.")
    total: int | None = Field(default=None, description="Only with `?include=total`.")


def raises(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """These refusals as FastAPI `responses`, one entry per status, each kind as a named example."""
    answers: dict[int | str, dict[str, Any]] = {}
    for problem in problems:
        entry = answers.setdefault(
            problem.status,
            {"description": "", "content": {"application/problem+json": {"examples": {}}}},
        )
        entry["description"] = (entry["description"] + " " + problem.sentence()).strip()
        example = problem().face("0190f3c4-7c1e-7c3a-9d55-2f6a8f1f0b11")
        entry["content"]["application/problem+json"]["examples"][problem.slug()] = {"value": example}
    return answers


CHANGES = (
    errors.MalformedJson,
    errors.BodyTooLarge,
    errors.MediaTypeNotSupported,
    errors.KeyInUse,
    errors.KeyReused,
)
ALWAYS = (errors.NotSignedIn, errors.NotAllowed, errors.NotValid, errors.Unavailable, errors.TookTooLong)


def created(shape: type[BaseModel], *problems: type[Problem]) -> dict[str, Any]:
    """Route options of an operation that makes something."""
    return {
        "status_code": 201,
        "response_model": shape,
        "responses": raises(*ALWAYS, *CHANGES, errors.NotFound, errors.VersionChanged, *problems),
    }


def found(shape: type[BaseModel], *problems: type[Problem]) -> dict[str, Any]:
    """Route options of an operation about one thing: reading, changing or a verb."""
    common = (*ALWAYS, errors.NotFound, errors.VersionChanged, errors.VersionRequired, *CHANGES)
    return {"response_model": shape, "responses": raises(*common, *problems)}


def listed(shape: type[BaseModel], *problems: type[Problem]) -> dict[str, Any]:
    """Route options of a list."""
    return {
        "response_model": ListFace[shape],  # type: ignore[valid-type]  # a shape chosen at run time
        "responses": raises(*ALWAYS, errors.CursorNotValid, *problems),
    }


def as_text(app: FastAPI) -> str:
    """The document as it is committed: sorted, indented, the same bytes each time."""
    return json.dumps(app.openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def complete(app: FastAPI) -> None:
    """Make the document say what the doors do: examples, headers, and no answer that a method cannot give."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = make()
            document["components"]["schemas"].update(_schema(ProblemFace))
            _say_where_tokens_are_asked(app, document)
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    _complete_operation(path, method, operation)
            document["components"]["examples"] = _shared_examples(document)
            add_examples(document)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _say_where_tokens_are_asked(app: FastAPI, document: dict[str, Any]) -> None:
    """The guards are plain functions, which FastAPI does not know for a security scheme."""
    words = "An access token from /v1/auth/token or /oauth2/token."
    scheme = {"type": "http", "scheme": "bearer", "description": words}
    document["components"]["securitySchemes"] = {"HTTPBearer": scheme}
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema and _asks_for_token(route.dependant):
            for method in route.methods or ():
                document["paths"][route.path_format][method.lower()]["security"] = [{"HTTPBearer": []}]


def _asks_for_token(dependant: Dependant) -> bool:
    return any(getattr(d.call, "asks_for_token", False) or _asks_for_token(d) for d in dependant.dependencies)


def _shared_examples(document: dict[str, Any]) -> dict[str, Any]:
    """Each problem's example once; every answer refers to it."""
    shared: dict[str, Any] = {}
    for operations in document["paths"].values():
        for operation in operations.values():
            for answer in operation["responses"].values():
                examples = answer.get("content", {}).get("application/problem+json", {}).get("examples", {})
                for name, example in examples.items():
                    shared.setdefault(name, example)
                    examples[name] = {"$ref": f"#/components/examples/{name}"}
    return dict(sorted(shared.items()))


def _schema(shape: type[BaseModel]) -> dict[str, Any]:
    schema = shape.model_json_schema(ref_template="#/components/schemas/{model}")
    parts: dict[str, Any] = schema.pop("$defs", {})
    return parts | {shape.__name__: schema}


def _complete_operation(path: str, method: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    if "application/json" in operation.get("requestBody", {}).get("content", {}):
        for status, answer in raises(errors.MalformedJson, errors.BodyTooLarge, errors.MediaTypeNotSupported).items():
            answers.setdefault(str(status), answer)
    if method == "get":
        for status in ("412", "428", "413", "415"):
            answers.pop(status, None)
    elif method != "patch":
        answers.pop("428", None)
    for answer in answers.values():
        for kind, content in answer.get("content", {}).items():
            if kind == "application/problem+json":
                content["schema"] = {"$ref": "#/components/schemas/ProblemFace"}
    if method in ("post", "put", "patch") and path.startswith("/v1/") and "/auth/" not in path:
        operation.setdefault("parameters", []).extend(_change_headers(method))


def _change_headers(method: str) -> list[dict[str, Any]]:
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "A key of your own; sent again within 24 hours it gives the first answer back.",
            "schema": {"type": "string", "maxLength": 255},
        },
        {
            "name": "If-Match",
            "in": "header",
            "required": method == "patch",
            "description": "The ETag of what you read.",
            "schema": {"type": "string", "pattern": '^"v[0-9]+"$'},
        },
    ]
