"""Which messages the standard lets through: the right resources, enough of them, in a known step."""

from collections.abc import Iterable
from enum import Enum

from app.fhir.contents import Contents
from app.fhir.messages import CarePlan, Encounter, MessageHeader, ServiceRequest
from app.fhir.outcomes import Fault
from app.fhir.words import codes_of

# How many of each resource the standard's two message definitions ask for; no upper end is None.
REFERRAL: dict[str, tuple[int, int | None]] = {
    "MessageHeader": (1, 1),
    "ServiceRequest": (1, 1),
    "Patient": (1, 1),
    "Encounter": (1, 1),
    "CarePlan": (1, 1),
    "HealthcareService": (1, 1),
    "Organization": (2, None),
    "Practitioner": (1, None),
    "PractitionerRole": (1, None),
    "Consent": (1, None),
}
CANCELLATION: dict[str, tuple[int, int | None]] = {
    "MessageHeader": (1, 1),
    "ServiceRequest": (1, 1),
    "Patient": (1, 1),
    "Organization": (2, None),
}
REVOKED = ("revoked", "entered-in-error")


class Step(Enum):
    """What a message asks for."""

    REFER = "new"
    CANCEL = "cancel"


def step_of(header: MessageHeader, contents: Contents, faults: list[Fault]) -> Step | None:
    """What the reason and the status of the request ask for together; a fault if nothing known.

    A cancellation is written with reason update or delete, and status revoked or entered-in-error.
    """
    reasons = codes_of([header.reason])
    request = contents.first(ServiceRequest)
    status = request.resource.status if request else None
    if "new" in reasons and (request is None or status == "active"):
        return Step.REFER
    if reasons & {"update", "delete"} and (request is None or status in REVOKED):
        return Step.CANCEL
    paths = ["Bundle.entry[0].resource.reason"]
    if request is not None:
        paths.append(f"{request.path}.status")
    words = (
        "MessageHeader.reason and ServiceRequest.status together are no step known here: new with active "
        "is a referral, update or delete with revoked or entered-in-error a cancellation."
    )
    faults.append(_invariant(words, paths))
    return None


def check_counts(contents: Contents, wanted: dict[str, tuple[int, int | None]]) -> Iterable[Fault]:
    """A fault for each resource that is missing or one too many."""
    for kind, (least, most) in wanted.items():
        places = contents.places(kind)
        asked = f"exactly {least}" if most == least else f"at least {least}"
        words = f"{kind}: {asked} needed, {len(places)} found."
        if len(places) < least:
            yield _invariant(words, ["Bundle.entry"])
        elif most is not None and len(places) > most:
            yield _invariant(words, places[most:])


def check_referral(contents: Contents) -> Iterable[Fault]:
    """A fault for each resource that is not as a new referral has it."""
    for request in contents.all(ServiceRequest)[:1]:
        if "referral" not in codes_of(request.resource.category):
            words = "ServiceRequest.category must be referral; other kinds of request are not taken here."
            yield _invariant(words, [f"{request.path}.category"])
    for plan in contents.all(CarePlan)[:1]:
        if plan.resource.status != "completed":
            yield _invariant("CarePlan.status of a new referral must be completed.", [f"{plan.path}.status"])
    for encounter in contents.all(Encounter)[:1]:
        if encounter.resource.status not in ("triaged", "finished"):
            words = "Encounter.status of a new referral must be triaged or finished."
            yield _invariant(words, [f"{encounter.path}.status"])


def _invariant(words: str, paths: list[str]) -> Fault:
    return Fault(400, "invariant", words, tuple(paths))
