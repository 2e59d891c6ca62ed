"""What stands on the outside of a message: its two ids, the service it is for, and who sent it with what."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from app.fhir.outcomes import Fault, Refusal
from app.fhir.words import Key, key, plain, same_system

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEADER_LIMIT = 16_384


@dataclass(frozen=True)
class Envelope:
    """The headers of a message, read; what the sender says of itself is kept for the audit, not trusted."""

    request_id: UUID
    correlation_id: UUID
    target: Key
    organisation_ods_code: str | None = None
    organisation_name: str | None = None
    software: str | None = None
    practitioner: str | None = None


def read_envelope(headers: Mapping[str, str]) -> Envelope | Refusal:
    """The envelope from the request's headers (a mapping that ignores case), or every fault found in them."""
    faults: list[Fault] = []
    request_id = _uuid(headers, "X-Request-Id", faults)
    correlation_id = _uuid(headers, "X-Correlation-Id", faults)
    target = _target(headers, faults)
    if request_id is None or correlation_id is None or target is None:
        return Refusal(tuple(faults))
    organisation = _sent(headers, "NHSD-End-User-Organisation", "Organization")
    software = _sent(headers, "NHSD-Requesting-Software", "Device")
    practitioner = _sent(headers, "NHSD-Requesting-Practitioner", "PractitionerRole")
    return Envelope(
        request_id,
        correlation_id,
        target,
        organisation_ods_code=_identifier(organisation),
        organisation_name=plain(organisation.get("name"), 200) or None,
        software=_software(software),
        practitioner=_identifier(practitioner),
    )


def _uuid(headers: Mapping[str, str], name: str, faults: list[Fault]) -> UUID | None:
    value = headers.get(name)
    if value is None:
        faults.append(_fault(name, "required", f"The header {name} is needed."))
        return None
    if not _UUID.fullmatch(value.strip()):
        faults.append(_fault(name, "invalid", f"The header {name} must be a UUID."))
        return None
    return UUID(value.strip())


def _target(headers: Mapping[str, str], faults: list[Fault]) -> Key | None:
    name = "NHSD-Target-Identifier"
    value = headers.get(name)
    if value is None:
        faults.append(_fault(name, "required", f"The header {name} is needed."))
        return None
    sent = _decoded(value)
    system, number = sent.get("system"), sent.get("value")
    if not isinstance(system, str) or not isinstance(number, str) or not same_system(system):
        words = f"The header {name} must be Base64 of JSON with the texts system and value."
        faults.append(_fault(name, "invalid", words))
        return None
    found = key(system, number)
    if found is None:
        faults.append(_fault(name, "invalid", f"The header {name} names no service."))
    return found


def _fault(header: str, issue: str, words: str) -> Fault:
    return Fault(400, issue, words, (f"http.{header}",))


def _decoded(value: str) -> dict[str, Any]:
    """The JSON object in a Base64 header, either alphabet, padded or not; empty when it is none."""
    letters = "".join(value.split()).rstrip("=").replace("-", "+").replace("_", "/")
    if len(letters) > _HEADER_LIMIT or not letters.isascii():
        return {}
    try:
        sent = orjson.loads(base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True))
    except (binascii.Error, orjson.JSONDecodeError):
        return {}
    return sent if isinstance(sent, dict) else {}


def _sent(headers: Mapping[str, str], name: str, resource_type: str) -> dict[str, Any]:
    """What the sender says of itself in a header; nothing when it is absent or not what it should be."""
    sent = _decoded(headers.get(name, ""))
    return sent if sent.get("resourceType") == resource_type else {}


def _identifier(resource: Mapping[str, Any]) -> str | None:
    listed = resource.get("identifier")
    first = listed[0] if isinstance(listed, list) and listed else listed
    return plain(first.get("value"), 200) or None if isinstance(first, dict) else None


def _software(device: Mapping[str, Any]) -> str | None:
    listed = device.get("deviceName")
    first = listed[0] if isinstance(listed, list) and listed else None
    named = plain(first.get("name"), 200) if isinstance(first, dict) else ""
    return named or _identifier(device)
