"""Text out of a message, fit to be stored and shown: full names, concepts in words, remarks."""

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from app.fhir.elements import CodeableConcept, Extension, HumanName, Identifier

_UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202d\u202e]")
_UNWANTED_IN_LINES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202d\u202e]")
_SCHEME = re.compile("^https?://")
_CUT = " […]"


class Key(NamedTuple):
    """A value under a naming system, the system in the one form in which we compare."""

    system: str
    value: str

    def __str__(self) -> str:
        return f"{self.system}|{self.value}"


def same_system(uri: str | None) -> str:
    """A naming system's address, as senders spell it variously: no scheme, no final slash, lower case."""
    return _SCHEME.sub("", plain(uri, 400).lower()).rstrip("/")


def key(system: str | None, value: str | None) -> Key | None:
    """The key of an identifier, or nothing when it has no value."""
    written = plain(value, 200)
    return Key(same_system(system), written) if written else None


def value_of(identifiers: Iterable[Identifier], system: str) -> str | None:
    """The first value under a naming system, however the system is spelt."""
    found = (key(i.system, i.value) for i in identifiers)
    return next((k.value for k in found if k and k.system == same_system(system)), None)


def plain(value: object, length: int) -> str:
    """One line of text, cut to length; empty when there is nothing to see."""
    if not isinstance(value, str):
        return ""
    # Cut before composing, which takes quadratic time on a long run of combining marks.
    line = " ".join(_UNWANTED.sub(" ", value[: 3 * length]).split())
    return _visible(unicodedata.normalize("NFC", line)[:length].strip())


def paragraphs(values: Iterable[str | None], length: int = 4000) -> str | None:
    """Remarks, each on lines of its own, none twice; cut to length with a mark; nothing if empty."""
    cleaned = (_remark(value, length) for value in values if value)
    joined = unicodedata.normalize("NFC", "\n".join(dict.fromkeys(text for text in cleaned if text)))
    return (joined if len(joined) <= length else joined[: length - len(_CUT)] + _CUT) or None


def _remark(value: str, length: int) -> str:
    lines = value[: 3 * length].replace("\r\n", "\n")
    return _visible(_UNWANTED_IN_LINES.sub(" ", lines).strip())


def _visible(text: str) -> str:
    return text if any(letter.isprintable() and not letter.isspace() for letter in text) else ""


def of_concept(concept: CodeableConcept | None) -> str | None:
    """A concept in words: its codes' displays, and its own text where that says something else."""
    if concept is None:
        return None
    said = [coding.display for coding in concept.coding if coding.display]
    return plain("; ".join(dict.fromkeys([*([concept.text] if concept.text else []), *said])), 2000) or None


def of_name(name: HumanName | None) -> str | None:
    """A name in full, as written out or from its parts."""
    if name is None:
        return None
    parts = [*name.prefix, *name.given, name.family or ""]
    return plain(name.text or " ".join(parts), 100) or None


def codes_of(concepts: Iterable[CodeableConcept | None]) -> set[str]:
    """All codes of some concepts, whatever their lists."""
    return {coding.code for concept in concepts if concept for coding in concept.coding if coding.code}


def extension(extensions: Iterable[Extension], name: str) -> Extension | None:
    """The extension whose address ends in this name."""
    wanted = name.lower()
    return next((e for e in extensions if (e.url or "").rsplit("/", 1)[-1].lower() == wanted), None)
