"""What reading a message brings to light: faults that refuse it, and notes on what to complete."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from app.core import clock
from app.core.fields import (
    BirthDate,
    Day,
    Email,
    Instant,
    LanguageTag,
    OdsCode,
    PastDate,
    PersonName,
    Phone,
    Postcode,
)
from app.fhir.outcomes import Fault

T = TypeVar("T")


class Kind(Generic[T]):
    """A field type, ready to take one value."""

    def __init__(self, annotation: Any) -> None:
        self._adapter: TypeAdapter[T] = TypeAdapter(annotation)

    def take(self, value: object) -> T:
        """The value in its one written form; raises ValidationError."""
        return self._adapter.validate_python(value)


NAME: Kind[str] = Kind(PersonName)
BIRTH_DATE: Kind[date] = Kind(BirthDate)
DAY: Kind[date] = Kind(Day)
PAST_DATE: Kind[date] = Kind(PastDate)
INSTANT: Kind[datetime] = Kind(Instant)
POSTCODE: Kind[str] = Kind(Postcode)
PHONE: Kind[str] = Kind(Phone)
EMAIL: Kind[str] = Kind(Email)
ODS_CODE: Kind[str] = Kind(OdsCode)
LANGUAGE: Kind[str] = Kind(LanguageTag)

DATE_FORMS = (
    "Must be a FHIR dateTime of a day that exists: YYYY, YYYY-MM, YYYY-MM-DD, "
    "or a moment with seconds and time zone, YYYY-MM-DDThh:mm:ss+zz:zz or ending in Z."
)
_PARTIAL_DATE = re.compile("[0-9]{4}(-(0[1-9]|1[0-2]))?")


@dataclass
class Findings:
    """Collects while reading; where each field of the referral came from is in `origins`."""

    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)

    def needed(self, kind: Kind[T], value: object, path: str, pointer: str) -> T | None:
        """The value, or a fault where it stands: what would be wrong to keep refuses the message."""
        self.origins[pointer] = path
        try:
            return kind.take(value)
        except ValidationError as error:
            self.faults.append(Fault(400, "value", error.errors()[0]["msg"] + ".", (path,)))
            return None

    def usable(self, kind: Kind[T], value: object, path: str, pointer: str, note: str) -> T | None:
        """The value if it was sent and can be used; one that cannot is left out, with a note."""
        if value is None:
            return None
        try:
            taken = kind.take(value)
        except ValidationError:
            self.notes.append(note)
            return None
        self.origins[pointer] = path
        return taken

    def missing(self, path: str, words: str) -> None:
        """A fault: something without which the message says too little."""
        self.faults.append(Fault(400, "invariant", words, (path,)))

    def day(self, sent: str | None, path: str, pointer: str) -> date | None:
        """The Europe/London day of a FHIR date or moment; none for a year or a month alone.

        A day that cannot be is a fault. The sender's clock may be ahead: up to one day too late is today.
        """
        self.origins[pointer] = path
        if sent is None or is_partial_date(sent):
            return None
        try:
            written = clock.day_of(INSTANT.take(sent)) if len(sent) > len("2026-03-02") else DAY.take(sent)
        except ValidationError:
            self.faults.append(Fault(400, "value", DATE_FORMS, (path,)))
            return None
        try:
            today = clock.today()
            return PAST_DATE.take(today if written == today + timedelta(days=1) else written)
        except ValidationError as error:
            self.faults.append(Fault(400, "value", error.errors()[0]["msg"] + ".", (path,)))
            return None


def is_partial_date(sent: str | None) -> bool:
    """Whether a FHIR date names only a year, or a year and a month."""
    return sent is not None and _PARTIAL_DATE.fullmatch(sent) is not None
