"""How a refusal looks from outside: problem+json, naming the field and the rule and nothing that was sent."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from app.core.errors import (
    BadRequest,
    FieldError,
    MethodNotAllowed,
    NotFound,
    NotSignedIn,
    NotValid,
    Problem,
    known_problems,
)

# Pydantic's sentences for these repeat a piece of what was sent; ours do not.
OWN_WORDS = {
    "uuid_parsing": "An id is a UUID.",
    "uuid_type": "An id is a UUID.",
    "date_parsing": "A real calendar date as YYYY-MM-DD.",
    "date_from_datetime_parsing": "A real calendar date as YYYY-MM-DD.",
    "date_from_datetime_inexact": "A calendar date without a time, as YYYY-MM-DD.",
    "datetime_parsing": "A real instant as YYYY-MM-DDThh:mm:ss with a zone.",
    "datetime_from_date_parsing": "A real instant as YYYY-MM-DDThh:mm:ss with a zone.",
    "timezone_aware": "An instant needs its zone: end with Z or an offset such as +01:00.",
    "int_parsing": "A whole number.",
    "int_from_float": "A whole number.",
    "float_parsing": "A number.",
    "decimal_parsing": "A number.",
    "bool_parsing": "true or false.",
    "extra_forbidden": "This field is not known here.",
    "missing": "This field is needed.",
    "string_unicode": "Text must be valid Unicode.",
    "url_parsing": "A web address.",
    "model_attributes_type": "An object with the fields that the documentation names.",
    "model_type": "An object with the fields that the documentation names.",
    "dict_type": "An object.",
    "list_type": "A list.",
    "literal_error": "Nothing else than the documentation names can be taken here.",
}


FIELD_NAME = re.compile(r"[a-z][a-z_]{0,40}")


def problem_response(request: Request, problem: Problem) -> Response:
    """The problem as an answer to this request."""
    headers = dict(problem.headers)
    if isinstance(problem, NotSignedIn):
        headers.setdefault("WWW-Authenticate", 'Bearer realm="peer-support"')
    return Response(
        orjson.dumps(problem.face(str(request.state.request_id))),
        problem.status,
        headers,
        media_type="application/problem+json",
    )


def not_valid(errors: Sequence[Mapping[str, Any]]) -> NotValid:
    """Pydantic's list of faults as ours: where, which rule, what to do; without input, context or links."""
    return NotValid(errors=[_field_error(error) for error in errors[:50]])


def _field_error(error: Mapping[str, Any]) -> FieldError:
    kind = str(error["type"])
    where = error["loc"]
    if kind == "extra_forbidden" and not FIELD_NAME.fullmatch(str(where[-1])):
        where = where[:-1]  # what is no name of a field may be anybody's name
    return FieldError(_pointer(where), kind, OWN_WORDS.get(kind) or _words(error))


def _words(error: Mapping[str, Any]) -> str:
    if error["type"] in ("value_error", "assertion_error"):
        return str(error.get("ctx", {}).get("error", "")) or "This value cannot be taken."
    return str(error["msg"])


def _pointer(location: Sequence[str | int]) -> str:
    where, *rest = location or ("body",)
    if where == "body":
        return "".join("/" + part for part in _parts(rest))
    return f"{where}:{'.'.join(str(part)[:64] for part in rest)}"


def _parts(rest: Sequence[str | int]) -> list[str]:
    """The steps of a JSON pointer, as RFC 6901 writes them; none means the whole body."""
    return [str(part)[:64].replace("~", "~0").replace("/", "~1") for part in rest]


def problem_of_http(error: HTTPException) -> Problem:
    """The framework's own refusals (no such address, wrong method) as ours."""
    kinds = {404: NotFound, 405: MethodNotAllowed, 400: BadRequest}
    known = kinds.get(error.status_code) or next(
        (kind for kind in known_problems() if kind.status == error.status_code), BadRequest
    )
    return known(headers=error.headers)


def problem_of_validation(error: RequestValidationError) -> NotValid:
    """The framework's list of faults as ours."""
    return not_valid(error.errors())
