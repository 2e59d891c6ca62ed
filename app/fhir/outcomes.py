"""A refusal as a GP system reads it: an OperationOutcome with one issue per fault, naming the element."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.errors import Problem, StepNotPossible
from app.referrals.sameness import ReferralOpen

PROFILE = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-OperationOutcome"
ERROR_CODES = "https://fhir.nhs.uk/CodeSystem/http-error-codes"


@dataclass(frozen=True)
class Answer:
    """What the booking and referral standard calls an HTTP status, and the usual kind of issue behind it."""

    code: str
    issue: str


ANSWERS: Mapping[int, Answer] = {
    400: Answer("REC_BAD_REQUEST", "invalid"),
    401: Answer("REC_UNAUTHORIZED", "security"),
    404: Answer("REC_NOT_FOUND", "not-found"),
    405: Answer("REC_METHOD_NOT_ALLOWED", "not-supported"),
    406: Answer("REC_NOT_ACCEPTABLE", "processing"),
    408: Answer("REC_TIMEOUT", "timeout"),
    409: Answer("REC_CONFLICT", "conflict"),
    413: Answer("REC_BAD_REQUEST", "too-long"),
    415: Answer("REC_BAD_REQUEST", "not-supported"),
    422: Answer("REC_UNPROCESSABLE_ENTITY", "not-supported"),
    425: Answer("REC_TOO_EARLY", "duplicate"),
    429: Answer("REC_TOO_MANY_REQUESTS", "throttled"),
    500: Answer("REC_SERVER_ERROR", "exception"),
    503: Answer("REC_SERVICE_UNAVAILABLE", "transient"),
}

# The national proxy puts a text of its own in place of the body of a 403; senders try again after 408 but
# not after 504; and 422 is kept for a version of the message that we do not take.
_STATUS = {403: 401, 410: 404, 422: 400, 504: 408}
_ISSUE = {403: "forbidden", 410: "deleted", 422: "value"}


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a message: the HTTP status it leads to, the kind of issue, where, and in words.

    `expression` holds FHIRPaths from the Bundle, or `http.<header>`; the words never repeat what was sent.
    """

    status: int
    issue: str
    diagnostics: str
    expression: tuple[str, ...]

    @property
    def code(self) -> str:
        """The standard's error code, such as REC_BAD_REQUEST."""
        return ANSWERS[self.status].code


@dataclass(frozen=True)
class Refusal:
    """Why a message is not taken: all faults found, at least one."""

    faults: tuple[Fault, ...]

    @property
    def status(self) -> int:
        """The HTTP status of the answer: 400, unless all faults agree on another."""
        found = {fault.status for fault in self.faults}
        return found.pop() if len(found) == 1 else 400

    def as_json(self) -> dict[str, Any]:
        """The OperationOutcome."""
        return outcome(self.faults)


def outcome(faults: Sequence[Fault]) -> dict[str, Any]:
    """An OperationOutcome with one issue per fault."""
    return {
        "resourceType": "OperationOutcome",
        "meta": {"profile": [PROFILE]},
        "issue": [_issue(fault) for fault in faults],
    }


def _issue(fault: Fault) -> dict[str, Any]:
    coding = {"system": ERROR_CODES, "code": fault.code, "display": f"{fault.status} - {fault.code}"}
    issue: dict[str, Any] = {
        "severity": "error",
        "code": fault.issue,
        "details": {"coding": [coding]},
        "diagnostics": fault.diagnostics,
    }
    if fault.expression:
        issue["expression"] = list(fault.expression)
    return issue


def refusal_of(problem: Problem, origins: Mapping[str, str] | None = None, path: str | None = None) -> Refusal:
    """The FHIR face of a problem raised below; `origins` says from which element each field was read.

    A field that came from no element is laid to the whole message, a refusal of no field to the one at `path`.
    """
    found = [(error.field, error.message) for error in problem.errors]
    if found:
        return _refusal(problem.status, problem.detail, found, origins or {})
    return _refusal(problem.status, _in_words(problem), (), {}, (path,) if path else ())


def _in_words(problem: Problem) -> str:
    """The sentence with the facts in it: an OperationOutcome has no members beside it to point to."""
    if isinstance(problem, ReferralOpen):
        words = "Your organisation has an open referral of this person to this service already"
        link: str = problem.facts.get("link", "")
        return f"{words}: ServiceRequest/{link.rpartition('/')[2]}." if link else f"{words}."
    if isinstance(problem, StepNotPossible) and "current" in problem.facts:
        return f"This step is not possible any more: the referral is {problem.facts['current']}."
    return problem.detail


def refusal_of_face(face: Mapping[str, Any]) -> Refusal:
    """The same from a problem that has its other face, problem+json, already."""
    found = [(error["field"], error["message"]) for error in face.get("errors", ())]
    return _refusal(face["status"], face["detail"], found, {})


def _refusal(
    status: int,
    detail: str,
    errors: Sequence[tuple[str, str]],
    origins: Mapping[str, str],
    expression: tuple[str, ...] = (),
) -> Refusal:
    answered = _STATUS.get(status, status)
    if answered not in ANSWERS:
        answered = 400 if answered < 500 else 500
    issue = _ISSUE.get(status, ANSWERS[answered].issue)
    if not errors:
        return Refusal((Fault(answered, issue, detail, expression),))
    faults = (Fault(answered, issue, words, (_expression(field, origins),)) for field, words in errors)
    return Refusal(tuple(faults))


def _expression(field: str, origins: Mapping[str, str]) -> str:
    if field.startswith("header:"):
        return "http." + field.removeprefix("header:")
    while field and field not in origins:
        field = field.rpartition("/")[0]
    return origins.get(field, "Bundle")
