"""A message taken out of its Bundle: which resources it holds, where each stands, and what points to what."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from app.fhir.elements import Element, Reference
from app.fhir.messages import RESOURCES, BundleHead, EntryHead, Resource
from app.fhir.outcomes import Fault

R = TypeVar("R", bound=Resource)
E = TypeVar("E", bound=Element)

_DEPTH_NAMED = 12
_SHAPES = {
    "string_type": "a text",
    "list_type": "an array",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "dict_type": "an object",
    "model_type": "an object",
}


@dataclass(frozen=True)
class Found(Generic[R]):
    """One resource of the message, its FHIRPath and the address under which others point to it."""

    path: str
    full_url: str
    resource: R


@dataclass(frozen=True)
class Contents:
    """The resources of a message; `counts` also has the types we do not read."""

    head: BundleHead
    found: tuple[Found[Resource], ...]
    kinds: tuple[tuple[str, str], ...]
    """Resource type and FHIRPath of every entry, in order."""

    def all(self, kind: type[R]) -> list[Found[R]]:
        """The resources of one type, in the message's order."""
        return [Found(f.path, f.full_url, f.resource) for f in self.found if isinstance(f.resource, kind)]

    def first(self, kind: type[R]) -> Found[R] | None:
        """The first resource of a type."""
        return next(iter(self.all(kind)), None)

    def places(self, kind: str) -> list[str]:
        """The FHIRPaths of all resources of a type, readable or not."""
        return [path for name, path in self.kinds if name == kind]

    def pointed_at(self, reference: Reference | None, kind: type[R]) -> Found[R] | None:
        """The resource of this type that a reference means, by full address or by `Type/id`."""
        wanted = _address(reference.reference if reference else None)
        if not wanted:
            return None
        for found in self.all(kind):
            relative = f"{kind.__name__}/{found.resource.id}" if found.resource.id else ""
            if wanted in (_address(found.full_url), _address(relative)):
                return found
        return None

    def is_dangling(self, reference: Reference, kind: type[R]) -> bool:
        """Whether a reference points to none of the readable resources of a type, and all of them are readable."""
        readable = len(self.all(kind)) == len(self.places(kind.__name__))
        return readable and self.pointed_at(reference, kind) is None


def open_bundle(message: Any, faults: list[Fault]) -> Contents:
    """What a parsed message holds; what has not FHIR's shape goes to `faults`, with its path."""
    head = _read(BundleHead, message, "Bundle", faults) or BundleHead()
    entries = message.get("entry") if isinstance(message, dict) else None
    if entries is not None and not isinstance(entries, list):
        faults.append(_misshapen("Bundle.entry", "an array"))
    found: list[Found[Resource]] = []
    kinds: list[tuple[str, str]] = []
    for number, sent in enumerate(entries if isinstance(entries, list) else []):
        path = f"Bundle.entry[{number}]"
        entry = _read(EntryHead, sent, path, faults)
        if entry is None or entry.resource is None:
            continue
        path += ".resource"
        name = entry.resource.get("resourceType")
        if not isinstance(name, str):
            faults.append(_misshapen(f"{path}.resourceType", "a text"))
            continue
        kinds.append((name, path))
        resource = _read(RESOURCES[name], entry.resource, path, faults) if name in RESOURCES else None
        if resource is not None:
            found.append(Found(path, entry.full_url or "", resource))
    return Contents(head, tuple(found), tuple(kinds))


def _address(reference: str | None) -> str:
    return (reference or "").strip().lower()


def _read(shape: type[E], sent: Any, path: str, faults: list[Fault]) -> E | None:
    try:
        return shape.model_validate(sent)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False, include_context=False)[:20]:
            faults.append(_misshapen(path + _steps(fault["loc"]), _SHAPES.get(fault["type"], "")))
        return None


def _steps(location: tuple[str | int, ...]) -> str:
    steps = location[:_DEPTH_NAMED]
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def _misshapen(path: str, shape: str) -> Fault:
    words = f"Must be {shape}, as FHIR R4 has it." if shape else "Has not the form of FHIR R4."
    return Fault(400, "invalid", words, (path,))
