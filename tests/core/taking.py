"""Handing a value to a kind of field: it is taken, or refused without being repeated."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError


def taken(kind: Any, value: object) -> Any:
    return TypeAdapter(kind).validate_python(value)


def refusal(kind: Any, value: object) -> str:
    """The code of the one refusal, which must not repeat the value."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value)
    [error] = caught.value.errors(include_input=False, include_url=False)
    if isinstance(value, str) and len(value.strip()) > 2:
        assert value.strip() not in str(error)
    return error["type"]
