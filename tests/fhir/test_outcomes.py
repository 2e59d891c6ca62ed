"""Refusals as a GP system reads them."""

import pytest

from app.core.errors import (
    BadRequest,
    BodyTooLarge,
    Conflict,
    FieldError,
    KeyReused,
    MediaTypeNotSupported,
    NotAcceptable,
    NotAllowed,
    NotFound,
    NotSignedIn,
    NotValid,
    Problem,
    TookTooLong,
    TooManyRequests,
    Unavailable,
    VersionChanged,
    known_problems,
)
from app.fhir.outcomes import ANSWERS, Fault, Refusal, outcome, refusal_of


def test_an_outcome_has_one_issue_per_fault() -> None:
    faults = [
        Fault(400, "invariant", "A.", ("Bundle.entry[0].resource.reason",)),
        Fault(400, "value", "B.", ("Bundle.type",)),
    ]
    assert outcome(faults)["issue"][0] == {
        "severity": "error",
        "code": "invariant",
        "details": {
            "coding": [
                {
                    "system": "https://fhir.nhs.uk/CodeSystem/http-error-codes",
                    "code": "REC_BAD_REQUEST",
                    "display": "400 - REC_BAD_REQUEST",
                }
            ]
        },
        "diagnostics": "A.",
        "expression": ["Bundle.entry[0].resource.reason"],
    }
    assert len(outcome(faults)["issue"]) == 2


def test_a_refusal_has_the_status_its_faults_agree_on() -> None:
    version, place = Fault(422, "not-supported", "", ("Bundle",)), Fault(400, "value", "", ("Bundle",))
    assert Refusal((version,)).status == 422
    assert Refusal((version, place)).status == 400


@pytest.mark.parametrize(
    ("problem", "status", "code", "issue"),
    [
        (BadRequest(), 400, "REC_BAD_REQUEST", "invalid"),
        (NotValid(), 400, "REC_BAD_REQUEST", "value"),
        (KeyReused(), 400, "REC_BAD_REQUEST", "value"),
        (NotSignedIn(), 401, "REC_UNAUTHORIZED", "security"),
        (NotAllowed(), 401, "REC_UNAUTHORIZED", "forbidden"),
        (NotFound(), 404, "REC_NOT_FOUND", "not-found"),
        (NotAcceptable(), 406, "REC_NOT_ACCEPTABLE", "processing"),
        (Conflict(), 409, "REC_CONFLICT", "conflict"),
        (VersionChanged(), 400, "REC_BAD_REQUEST", "invalid"),
        (BodyTooLarge(), 413, "REC_BAD_REQUEST", "too-long"),
        (MediaTypeNotSupported(), 415, "REC_BAD_REQUEST", "not-supported"),
        (TooManyRequests(), 429, "REC_TOO_MANY_REQUESTS", "throttled"),
        (Unavailable(), 503, "REC_SERVICE_UNAVAILABLE", "transient"),
        (TookTooLong(), 408, "REC_TIMEOUT", "timeout"),
        (Problem(), 500, "REC_SERVER_ERROR", "exception"),
    ],
)
def test_each_problem_has_the_standards_code(problem: Problem, status: int, code: str, issue: str) -> None:
    fault = refusal_of(problem).faults[0]
    assert (fault.status, fault.code, fault.issue) == (status, code, issue)
    assert fault.diagnostics == problem.detail
    assert "expression" not in outcome([fault])["issue"][0]


def test_every_problem_has_a_face() -> None:
    for kind in known_problems():
        assert refusal_of(kind("A sentence.")).status in ANSWERS


def test_faults_of_fields_are_laid_to_the_elements_they_came_from() -> None:
    errors = [
        FieldError("/person/birth_date", "too_young", "Too young."),
        FieldError("/consent/given_on/x", "x", "Deeper."),
        FieldError("/programme_id", "x", "From nowhere in the message."),
        FieldError("header:X-Request-Id", "x", "A header."),
    ]
    origins = {"/person/birth_date": "Bundle.entry[2].resource.birthDate", "/consent/given_on": "Bundle.entry[9]"}
    found = refusal_of(NotValid(errors=errors), origins).faults
    assert [f.expression[0] for f in found] == [
        "Bundle.entry[2].resource.birthDate",
        "Bundle.entry[9]",
        "Bundle",
        "http.X-Request-Id",
    ]
