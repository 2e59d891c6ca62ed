"""Every refusal is a fact with a name, a status and a sentence; one face turns it into problem+json.

    Problem
    ├── 400 BadRequest, MalformedJson, CursorNotValid
    ├── 401 NotSignedIn          ├── 403 NotAllowed
    ├── 404 NotFound             ├── 405 MethodNotAllowed     ├── 406 NotAcceptable
    ├── 408 RequestTimedOut      ├── 409 Conflict             ├── 410 Gone
    ├── 412 VersionChanged       ├── 413 BodyTooLarge         ├── 415 MediaTypeNotSupported
    ├── 422 NotValid             ├── 425 TooEarly             ├── 428 VersionRequired
    ├── 429 TooManyRequests      ├── 503 Unavailable          └── 504 TookTooLong

A slice names its own facts below these (`ReferralClosed(Conflict)`); the docstring is the message the
caller reads, the class name in kebab-case is the `type`. No message repeats what the caller sent.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class FieldError:
    """One fault of one field: a JSON pointer into the body (or `query:` and the like), a stable code, a sentence."""

    field: str
    code: str
    message: str

    def as_json(self) -> dict[str, str]:
        """The fault as it stands in `errors[]`."""
        return {"field": self.field, "code": self.code, "message": self.message}


class Problem(Exception):
    """Something went wrong on our side; it has been noted."""

    status: ClassVar[int] = 500

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **facts: Any,
    ) -> None:
        self.detail = detail or self.sentence()
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.facts = facts
        super().__init__(self.detail)

    @classmethod
    def slug(cls) -> str:
        """The stable name of the problem: `ReferralClosed` is `referral-closed`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()

    @classmethod
    def sentence(cls) -> str:
        """What the docstring's first paragraph says."""
        return " ".join((cls.__doc__ or "").strip().split("\n\n")[0].split())

    @classmethod
    def title(cls) -> str:
        """The class name as words."""
        return cls.slug().replace("-", " ").capitalize()

    def face(self, request_id: str) -> dict[str, Any]:
        """RFC 9457 problem+json, with `errors` and whatever facts (links, what is missing) belong to it."""
        body: dict[str, Any] = {
            "type": f"/problems/{self.slug()}",
            "title": self.title(),
            "status": self.status,
            "detail": self.detail,
            "request_id": request_id,
        }
        if self.errors:
            body["errors"] = [e.as_json() for e in self.errors]
        return body | self.facts


def known_problems(of: type[Problem] = Problem) -> Iterator[type[Problem]]:
    """Every problem the service can answer with, parents first."""
    yield of
    for child in sorted(of.__subclasses__(), key=lambda c: c.__name__):
        yield from known_problems(child)


class BadRequest(Problem):
    """The request cannot be read."""

    status = 400


class MalformedJson(BadRequest):
    """The body is not JSON as RFC 8259 has it: no NaN, no Infinity, no lone surrogates, at most 100 levels deep."""


class CursorNotValid(BadRequest):
    """This cursor was not made by us for this list; start again from the first page."""


class NotSignedIn(Problem):
    """A valid access token is needed; sign in again."""

    status = 401


class NotAllowed(Problem):
    """Your role may not do this."""

    status = 403


class NotFound(Problem):
    """There is no such thing here, or it is not yours to see."""

    status = 404


class MethodNotAllowed(Problem):
    """This address does not answer that method."""

    status = 405


class NotAcceptable(Problem):
    """None of the media types asked for can be given; ask for application/json."""

    status = 406


class RequestTimedOut(Problem):
    """The request was not complete in time; nothing was stored."""

    status = 408


class Conflict(Problem):
    """This cannot be done in the present state."""

    status = 409


class StepNotPossible(Conflict):
    """This step is not possible in the present state; `current` is where it stands, `possible` what can be done."""


class KeyInUse(Conflict):
    """A request with this Idempotency-Key is still being worked on; ask again shortly."""


class Gone(Problem):
    """This was here and is no longer."""

    status = 410


class VersionChanged(Problem):
    """Somebody changed this since you read it; read it again, then decide."""

    status = 412


class BodyTooLarge(Problem):
    """The body is larger than this address takes."""

    status = 413


class MediaTypeNotSupported(Problem):
    """Send the body as application/json in UTF-8."""

    status = 415


class NotValid(Problem):
    """Some fields cannot be taken as they are; `errors` names each."""

    status = 422


class KeyReused(NotValid):
    """This Idempotency-Key was used before with another request; use a new key for a new request."""


class TooEarly(Problem):
    """The first try of this message is still being worked on; ask again shortly."""

    status = 425


class VersionRequired(Problem):
    """Send If-Match with the ETag of what you read, so that nobody's change is overwritten unseen."""

    status = 428


class TooManyRequests(Problem):
    """Too many tries; wait for as long as Retry-After says."""

    status = 429


class Unavailable(Problem):
    """The service cannot answer at the moment; try again as Retry-After says."""

    status = 503


class ReplicaGone(Unavailable):
    """The copy of the database that reports are read from does not answer; the rest of the service works."""


class TookTooLong(Problem):
    """The answer took longer than this service allows itself; nothing was stored."""

    status = 504


def invalid(field: str, code: str, message: str) -> NotValid:
    """A refusal of one field, found after the shapes were checked."""
    return NotValid(errors=[FieldError(field, code, message)])
