"""Shorthand for tests that read messages: what came out, or which faults where."""

from typing import Any

from app.fhir.inbound import Cancellation, NewReferral, read_message
from app.fhir.outcomes import Refusal
from app.fhir.words import Key, key
from tests.fhir.messages import SERVICE, SERVICE_VALUE


def target(value: str = SERVICE_VALUE, system: str = SERVICE) -> Key:
    """The service as the request's header names it."""
    found = key(system, value)
    assert found is not None
    return found


def taken(message: Any, *, lenient: bool = False) -> NewReferral:
    """The message must be a new referral."""
    result = read_message(message, target(), lenient_nhs_numbers=lenient)
    assert isinstance(result, NewReferral), result
    return result


def cancelled(message: Any) -> Cancellation:
    """The message must be a cancellation."""
    result = read_message(message, target())
    assert isinstance(result, Cancellation), result
    return result


def refused(message: Any) -> Refusal:
    """The message must be refused."""
    result = read_message(message, target())
    assert isinstance(result, Refusal), result
    return result


def faults(message: Any) -> list[tuple[int, str, str]]:
    """Status, issue and first path of each fault."""
    return [(f.status, f.issue, f.expression[0]) for f in refused(message).faults]
