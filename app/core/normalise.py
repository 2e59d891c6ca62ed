"""How a name, an NHS number, a phone number or a date is brought to its one written form, or refused.

Every refusal has a stable code and names the rule, never the value. The types built on this are in `fields`.
"""

import re
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import LiteralString

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from pydantic_core import PydanticCustomError

from app.core import clock

_LINE_BREAKS = re.compile(r"\r\n?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202d\u202e]")
_UNWANTED_IN_LINES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202d\u202e]")
_NHS_NUMBER_SEPARATORS = re.compile("[ \u00a0\u2010\u2011-]")
_POSTCODE = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?|GIR)([0-9][A-Z]{2})")
_INVISIBLE_IN_PHONE = re.compile("[\u00a0\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ISO_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)

EARLIEST_BIRTH = date(1880, 1, 1)
# The service's calendar. Beyond it lie the dates that PostgreSQL's driver takes for "infinity" and the
# instants that have no equivalent in UTC.
EARLIEST_DAY = date(1900, 1, 1)
LATEST_DAY = date(2199, 12, 31)


def _refusal(code: LiteralString, rule: LiteralString) -> PydanticCustomError:
    return PydanticCustomError(code, rule)


def text(value: object, max_length: int, has_lines: bool = False) -> str:
    """NFC and trimmed; no control characters, no marks that reverse reading order; something to see.

    `has_lines` allows tabs and line breaks, which become a plain newline. Lengths count code points.
    """
    if not isinstance(value, str):
        raise _refusal("text_type", "Must be text")
    # Checked before normalising, which takes quadratic time on a long run of combining marks. A letter of a
    # living language is at most three code points when taken apart.
    if len(value) > 3 * max_length:
        raise _too_long(max_length)
    if _SURROGATE.search(value):
        raise _refusal("text_surrogate", "Must be valid Unicode: half of a surrogate pair stands alone")
    trimmed = value.strip(" \t\r\n")
    if has_lines:
        trimmed = _LINE_BREAKS.sub("\n", trimmed)
    if (_UNWANTED_IN_LINES if has_lines else _UNWANTED).search(trimmed):
        raise _refusal("text_control", "Must not contain control characters")
    composed = unicodedata.normalize("NFC", trimmed).strip()
    if not any(character.isprintable() and not character.isspace() for character in composed):
        raise _refusal("text_empty", "Must contain at least one visible character")
    if len(composed) > max_length:
        raise _too_long(max_length)
    return composed


def _too_long(max_length: int) -> PydanticCustomError:
    rule: LiteralString = "Must have at most {max_length} characters"
    return PydanticCustomError("text_too_long", rule, {"max_length": max_length})


def nhs_number_is_valid(number: str) -> bool:
    """Whether ten ASCII digits, not all alike, end in the check digit of the NHS Data Dictionary.

    The first nine digits are weighted 10 down to 2; the check digit is 11 less the sum modulo 11, where
    11 stands for 0 and 10 means that no such number exists.
    """
    if not re.fullmatch(r"[0-9]{10}", number) or len(set(number)) == 1:
        return False
    weighted = sum(int(digit) * weight for digit, weight in zip(number[:9], range(10, 1, -1), strict=True))
    return (11 - weighted % 11) % 11 == int(number[9])


def nhs_number_form(value: object) -> str:
    """Ten ASCII digits, not all alike, whatever the check digit; spaces and hyphens are dropped."""
    number = _NHS_NUMBER_SEPARATORS.sub("", text(value, 40))
    if not re.fullmatch(r"[0-9]{10}", number):
        raise _refusal("nhs_number_form", "An NHS number has ten digits, 0 to 9")
    if len(set(number)) == 1:
        raise _refusal("nhs_number_all_alike", "An NHS number never has ten digits all alike")
    return number


def nhs_number(value: object) -> str:
    """Ten ASCII digits that fit their check digit."""
    number = nhs_number_form(value)
    if not nhs_number_is_valid(number):
        raise _refusal("nhs_number_check_digit", "The last digit of the NHS number does not fit the others")
    return number


def ods_code(value: object) -> str:
    """The code of an organisation in the NHS directory, in capitals."""
    code = text(value, 9)
    # Tested before upper-casing, which would turn some other letters into A to Z.
    if not re.fullmatch(r"[A-Za-z0-9]{1,9}", code):
        raise _refusal("ods_code_form", "An ODS code has one to nine letters A to Z or digits")
    return code.upper()


def postcode(value: object) -> str:
    """Outward part, one space, inward part, in capitals."""
    letters = "".join(text(value, 20).split())
    # Upper-casing turns some letters outside ASCII into A to Z.
    parts = _POSTCODE.fullmatch(letters.upper()) if letters.isascii() else None
    if parts is None:
        raise _refusal("postcode_form", "A UK postcode looks like BS1 4DJ")
    return f"{parts[1]} {parts[2]}"


def phone(value: object) -> str:
    """E.164; a number without a country code is British."""
    # Phones paste numbers wrapped in marks of reading direction.
    visible = _INVISIBLE_IN_PHONE.sub(" ", value) if isinstance(value, str) else value
    written = text(visible, 40)
    # Without its leading 0 or + a number is a local one, and the country code would be put before half of it.
    if not re.fullmatch(r"[(]?[+0][0-9 ().-]+", written):
        raise _refusal("phone_form", "A phone number starts with 0 or + and has digits only")
    try:
        number = phonenumbers.parse(written, "GB")
    except phonenumbers.NumberParseException:
        raise _refusal("phone_unknown", "No country has phone numbers of this form") from None
    # "Possible", not "valid": the numbers set aside for tests and drama (07700 900xxx) belong to nobody.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise _refusal("phone_length", "The phone number is too short or too long for its country")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def email(value: object) -> str:
    """The address in NFC with its domain in lower case; whether mail arrives there is not tried."""
    address = text(value, 254)
    try:
        return validate_email(address, check_deliverability=False).normalized
    except EmailNotValidError:
        # The library's own message repeats parts of the address.
        raise _refusal("email_form", "An e-mail address looks like name@example.org") from None


def language(value: object) -> str:
    """An ISO 639 code in lower case; whether the list has it is not checked."""
    tag = text(value, 3)
    if not re.fullmatch(r"[A-Za-z]{2,3}", tag):
        raise _refusal("language_form", "A language is an ISO 639 code of two or three letters")
    return tag.lower()


def _calendar_day(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _ISO_DATE.fullmatch(value):
        raise _refusal("date_form", "A date is written YYYY-MM-DD, without a time")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise _refusal("date_impossible", "There is no such day in the calendar") from None


def day(value: object) -> date:
    """A day of the service's calendar, past or future."""
    written = _calendar_day(value)
    if not EARLIEST_DAY <= written <= LATEST_DAY:
        raise _refusal("date_range", "The date must lie between 1900-01-01 and 2199-12-31")
    return written


def past_date(value: object) -> date:
    """A day not after today in Europe/London."""
    return _not_in_future(day(value))


def birth_date(value: object) -> date:
    """A day from 1880 to today in Europe/London."""
    written = _calendar_day(value)
    if written < EARLIEST_BIRTH:
        raise _refusal("birth_date_too_early", "A birth date must not lie before 1880")
    return _not_in_future(written)


def _not_in_future(written: date) -> date:
    if written > clock.today():
        raise _refusal("date_in_future", "The date must not lie in the future")
    return written


def instant(value: object) -> datetime:
    """A moment with its zone, as UTC; a time without a zone is refused."""
    moment = _moment(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        raise _refusal("instant_form", "A time is written like 2026-03-02T14:30:00Z")
    if moment.utcoffset() is None:
        raise _refusal("instant_zone", "A time needs its zone: Z, or an offset like +01:00")
    if not EARLIEST_DAY < moment.date() < LATEST_DAY:
        raise _refusal("instant_range", "The time must lie between the years 1900 and 2199")
    return moment.astimezone(UTC)


def _moment(written: str) -> datetime:
    if not _ISO_INSTANT.fullmatch(written):
        raise _refusal("instant_form", "A time is written like 2026-03-02T14:30:00Z")
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        raise _refusal("instant_impossible", "There is no such time in the calendar") from None


def pam_score(value: object) -> Decimal:
    """0.0 to 100.0 with one decimal place, from a JSON number or a Decimal."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise _refusal("number_type", "Must be a number")
    # A float is read by its shortest decimal form, which is what the sender wrote.
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite() or not 0 <= number <= 100:
        raise _refusal("pam_score_range", "A PAM score lies between 0.0 and 100.0")
    if number != number.quantize(Decimal("0.1")):
        raise _refusal("pam_score_decimals", "A PAM score has at most one decimal place")
    return abs(number.quantize(Decimal("0.1")))  # abs: a "-0.0" is zero
