"""The building blocks of a message, as FHIR R4 shapes them: codes, names, numbers, references.

A tolerant reader: an element not named here is passed over, a JSON null counts as not sent. What is named
must have FHIR's type, so that a sender hears of a mistake instead of losing what it meant to say.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel


def _without_nulls(value: Any) -> Any:
    # Lists of plain values hold a null where only an extension of the value was sent.
    return [item for item in value if item is not None] if isinstance(value, list) else value


Texts = Annotated[list[str], BeforeValidator(_without_nulls)]


class Element(BaseModel):
    """Any element: the fields named, with FHIR's spelling, each of exactly its type."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_not_sent(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None}
        return data


class Coding(Element):
    """One code of one list."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(Element):
    """A concept: codes, words or both."""

    coding: list[Coding] = Field(default_factory=list)
    text: str | None = None


class Extension(Element):
    """Something said beyond the standard's own elements."""

    url: str | None = None
    extension: list["Extension"] = Field(default_factory=list)
    value_codeable_concept: CodeableConcept | None = None
    value_boolean: bool | None = None
    value_positive_int: int | None = None


class Extended(Element):
    """An element whose extensions we read."""

    extension: list[Extension] = Field(default_factory=list)


class Identifier(Extended):
    """A number or code given by somebody."""

    system: str | None = None
    value: str | None = None


class Reference(Element):
    """A pointer to another resource, by address or by identifier."""

    reference: str | None = None
    identifier: Identifier | None = None


class Period(Element):
    """From when until when."""

    start: str | None = None
    end: str | None = None


class HumanName(Element):
    """A name, in its parts."""

    use: str | None = None
    text: str | None = None
    family: str | None = None
    given: Texts = Field(default_factory=list)
    prefix: Texts = Field(default_factory=list)


class ContactPoint(Element):
    """A phone number or an address for mail; rank 1 is tried first."""

    system: str | None = None
    value: str | None = None
    use: str | None = None
    rank: int | None = None


class Address(Element):
    """Where somebody lives."""

    use: str | None = None
    text: str | None = None
    line: Texts = Field(default_factory=list)
    city: str | None = None
    district: str | None = None
    postal_code: str | None = None


class Annotation(Element):
    """A remark."""

    text: str | None = None
