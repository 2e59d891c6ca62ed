"""What may stand in each kind of field: a name, an NHS number, a postcode, a score.

Each type is used by tables and API shapes alike, brings what is sent to one written form, and carries its own
JSON schema. In a schema, `pattern` is the form that may be sent; what is stored and answered fits it too.
"""

from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Annotated, Any

from annotated_types import Ge, Le, MaxLen
from pydantic import BeforeValidator, Field, PlainSerializer, StrictInt, WithJsonSchema

from app.core import normalise
from app.core.normalise import nhs_number_is_valid as nhs_number_is_valid

# One character that may stand in a line, and one that may stand among several lines (tab, newline).
_IN_LINE = r"[^\u0000-\u001f\u007f-\u009f\u2028\u2029\u202d\u202e]"
_IN_LINES = r"[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029\u202d\u202e]"
_NHS_NUMBER = "^[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}$"


def _schema(description: str, *examples: object, **rules: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "description": description, "examples": [*examples], **rules})


def _line(description: str, example: str, max_length: int) -> WithJsonSchema:
    pattern = rf"^{_IN_LINE}*\S{_IN_LINE}*$"
    return _schema(description, example, minLength=1, maxLength=max_length, pattern=pattern)


def age_on(birth_date: date, day: date) -> int:
    """Completed years of life on a day; who is born on 29 February is a year older from 1 March."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


Text = Annotated[
    str,
    MaxLen(200),
    BeforeValidator(partial(normalise.text, max_length=200)),
    _line("One line of text.", "Central Library, ground floor", 200),
]

LongText = Annotated[
    str,
    MaxLen(4000),
    BeforeValidator(partial(normalise.text, max_length=4000, has_lines=True)),
    _schema(
        "Text of one or more lines.",
        "Would like to walk more.\nMornings are best.",
        minLength=1,
        maxLength=4000,
        pattern=rf"^{_IN_LINES}*\S{_IN_LINES}*$",
    ),
]

PersonName = Annotated[
    str,
    MaxLen(100),
    BeforeValidator(partial(normalise.text, max_length=100)),
    _line("A name as its owner writes it; never split, never re-cased.", "Siân O’Neill-Nwosu", 100),
]

NhsNumber = Annotated[
    str,
    MaxLen(10),
    BeforeValidator(normalise.nhs_number),
    _schema(
        "Ten digits, the last a modulus 11 check digit; kept without spaces and hyphens.",
        "9434765919",
        "943 476 5870",
        pattern=_NHS_NUMBER,
    ),
]

LenientNhsNumber = Annotated[
    str,
    MaxLen(10),
    BeforeValidator(normalise.nhs_number_form),
    _schema(
        "Ten digits in place of an NHS number; the check digit is not tested.",
        "9434765919",
        pattern=_NHS_NUMBER,
    ),
]

OdsCode = Annotated[
    str,
    MaxLen(9),
    BeforeValidator(normalise.ods_code),
    _schema("The NHS directory's code of an organisation, in capitals.", "L81023", pattern="^[A-Za-z0-9]{1,9}$"),
]

Postcode = Annotated[
    str,
    MaxLen(8),
    BeforeValidator(normalise.postcode),
    _schema(
        "A UK postcode, kept in capitals with one space; ZZ99 3VZ is no fixed abode, ZZ99 3WZ unknown.",
        "BS1 4DJ",
        "ZZ99 3VZ",
        pattern="^([A-Za-z]{1,2}[0-9][A-Za-z0-9]?|[Gg][Ii][Rr]) ?[0-9][A-Za-z]{2}$",
    ),
]

Phone = Annotated[
    str,
    MaxLen(16),
    BeforeValidator(normalise.phone),
    _schema(
        "A phone number, kept in E.164 form. Without a country code it is read as British.",
        "+447700900123",
        "0117 496 0123",
        pattern="^[(]?[+0][0-9 ().-]{6,38}$",
    ),
]

Email = Annotated[
    str,
    MaxLen(254),
    BeforeValidator(normalise.email),
    _schema(
        "An e-mail address, kept with its domain in lower case.",
        "sam@example.org",
        format="email",
        maxLength=254,
    ),
]

LanguageTag = Annotated[
    str,
    MaxLen(3),
    BeforeValidator(normalise.language),
    _schema(
        "A language by its ISO 639-1 or 639-3 code, in lower case; British Sign Language is bfi.",
        "en",
        "so",
        "bfi",
        pattern="^[A-Za-z]{2,3}$",
    ),
]

Day = Annotated[
    date,
    BeforeValidator(normalise.day),
    _schema("A day between 1900 and 2199.", "2026-03-02", format="date"),
]

PastDate = Annotated[
    date,
    BeforeValidator(normalise.past_date),
    _schema("A day since 1900, not after today in Europe/London.", "2026-03-02", format="date"),
]

BirthDate = Annotated[
    date,
    BeforeValidator(normalise.birth_date),
    _schema("A date of birth: since 1880, not after today in Europe/London.", "1961-04-09", format="date"),
]

Instant = Annotated[
    datetime,
    BeforeValidator(normalise.instant),
    _schema("A moment with its zone, kept in UTC.", "2026-03-02T14:30:00Z", format="date-time"),
]

Confidence = Annotated[
    StrictInt,
    Ge(0),
    Le(10),
    _schema("From 0, not at all, to 10, completely.", 7, type="integer", minimum=0, maximum=10),
]

PamScore = Annotated[
    Decimal,
    Field(max_digits=4, decimal_places=1),
    BeforeValidator(normalise.pam_score),
    PlainSerializer(float, return_type=float, when_used="json"),
    _schema(
        "A Patient Activation Measure score as the licensed tool gave it, one decimal place; not a level.",
        57.1,
        type="number",
        minimum=0,
        maximum=100,
        multipleOf=0.1,
    ),
]

PamLevel = Annotated[
    StrictInt,
    Ge(1),
    Le(4),
    _schema("A Patient Activation Measure level, 1 to 4; not a score.", 2, type="integer", minimum=1, maximum=4),
]

Minutes = Annotated[
    StrictInt,
    Ge(1),
    Le(600),
    _schema("A length of time in minutes.", 60, type="integer", minimum=1, maximum=600),
]
