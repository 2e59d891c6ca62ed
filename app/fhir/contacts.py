"""How to reach the person: their own numbers, best first, or somebody to be called in their place."""

from typing import NamedTuple

from app.fhir.contents import Found
from app.fhir.elements import CodeableConcept, ContactPoint
from app.fhir.findings import Findings, Kind
from app.fhir.messages import Contact, Patient
from app.fhir.words import codes_of, extension, of_concept, of_name, paragraphs, plain

_UNRANKED = 99


class Way(NamedTuple):
    """One way to reach the person, and where it stood."""

    path: str
    point: ContactPoint


def ways_to(found: Found[Patient]) -> list[Way]:
    """How to reach the person, best first: their own entry among the contacts, then their own numbers."""
    own = [(_rank(c), i, c) for i, c in enumerate(found.resource.contact) if _is_self(c)]
    ways: list[Way] = []
    for _, index, contact in sorted(own, key=lambda entry: entry[:2]):
        ways += _by_rank(contact.telecom, f"{found.path}.contact[{index}].telecom")
    return ways + _by_rank(found.resource.telecom, f"{found.path}.telecom")


def _by_rank(points: list[ContactPoint], path: str) -> list[Way]:
    listed = [Way(f"{path}[{i}].value", p) for i, p in enumerate(points) if p.use != "old" and p.value]
    return sorted(listed, key=lambda way: way.point.rank or _UNRANKED)


def _rank(contact: Contact) -> int:
    said = extension(contact.extension, "Extension-UKCore-ContactRank")
    return (said.value_positive_int if said else None) or _UNRANKED


def _is_self(contact: Contact) -> bool:
    """Whether a contact is the person: said so, or no relationship and no name given."""
    if not contact.relationship:
        return contact.name is None
    said = {code.lower() for code in codes_of(contact.relationship)}
    return bool(said & {"oneself", "self"}) or any(_words(r) == "self" for r in contact.relationship)


def _words(concept: CodeableConcept) -> str:
    return (of_concept(concept) or "").lower()


def reachable(ways: list[Way], systems: tuple[str, ...], kind: Kind[str], name: str, findings: Findings) -> str | None:
    """The first number or address of these systems that can be used; a note if none can that was sent."""
    sent = [way for way in ways if (way.point.system or "").lower() in systems]
    tried = Findings()
    for way in sent:
        taken = tried.usable(kind, way.point.value, way.path, f"/person/{name}", "")
        if taken is not None:
            findings.origins |= tried.origins
            return taken
    if sent:
        findings.notes.append(f"No {name} that was sent for the person can be used.")
    return None


def contact_person(sent: Patient) -> str | None:
    """Who is to be called in place of the person, when the message ranks somebody else first."""
    first = [c for c in sent.contact if _rank(c) == 1 and not _is_self(c)]
    return paragraphs(
        ", ".join(
            filter(
                None,
                [
                    f"Call first: {of_name(contact.name) or 'a contact person'}",
                    "; ".join(filter(None, map(of_concept, contact.relationship))),
                    *(plain(point.value, 100) for point in contact.telecom),
                ],
            )
        )
        for contact in first
    )
