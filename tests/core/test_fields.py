"""What may stand in each kind of field, beginning with text, numbers and the published schemas."""

import json
import re
import unicodedata
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlmodel import Field, SQLModel

from app.core import fields
from tests.core.taking import refusal, taken

TYPES = {name: kind for name, kind in vars(fields).items() if hasattr(kind, "__metadata__") and name != "StrictInt"}


def test_every_kind_of_field_brings_its_own_schema() -> None:
    assert set(TYPES) == {
        *("Text", "LongText", "PersonName", "NhsNumber", "LenientNhsNumber", "OdsCode", "Postcode", "Phone"),
        *("Email", "LanguageTag", "Day", "PastDate", "BirthDate", "Instant"),
        *("Confidence", "PamScore", "PamLevel", "Minutes"),
    }


@pytest.mark.parametrize("name", TYPES)
def test_a_schema_describes_its_field_and_its_examples_are_taken(name: str) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(TYPES[name])
    schema = adapter.json_schema()
    json_type = {"string": str, "integer": int, "number": float}[schema["type"]]
    assert schema["description"].endswith(".")
    assert schema["examples"]
    for example in schema["examples"]:
        answered = json.loads(adapter.dump_json(taken(TYPES[name], example)))
        assert type(example) is type(answered) is json_type
        assert re.search(schema.get("pattern", ""), str(example))
        assert re.search(schema.get("pattern", ""), str(answered))


def test_a_shape_keeps_the_schema_where_the_field_may_be_missing_or_has_words_of_its_own() -> None:
    class Shape(BaseModel):
        practice: fields.OdsCode | None = None
        family_name: fields.PersonName

        model_config = {"use_attribute_docstrings": True}
        given_name: fields.PersonName
        """As on the passport."""

    properties = Shape.model_json_schema()["properties"]
    assert properties["practice"]["anyOf"][0]["pattern"] == "^[A-Za-z0-9]{1,9}$"
    assert properties["family_name"]["description"].startswith("A name as its owner writes it")
    assert properties["given_name"]["description"] == "As on the passport."
    assert properties["given_name"]["maxLength"] == 100


def test_a_table_takes_its_columns_from_the_fields() -> None:
    class KeptRow(SQLModel, table=True):
        __tablename__ = "fields_of_a_test"
        metadata = sa.MetaData()
        id: int = Field(primary_key=True)
        name: fields.PersonName = Field(index=True)
        score: fields.PamScore
        met_at: fields.Instant
        born_on: fields.BirthDate | None = None

    columns = {
        column.name: f"{column.type}{'' if column.nullable else ' NOT NULL'}" for column in sa.inspect(KeptRow).columns
    }
    assert columns == {
        "id": "INTEGER NOT NULL",
        "name": "VARCHAR(100) NOT NULL",
        "score": "NUMERIC(4, 1) NOT NULL",
        "met_at": "DATETIME NOT NULL",
        "born_on": "DATE",
    }


@given(st.text(max_size=60))
def test_whatever_text_is_taken_is_clean_and_stays_as_it_is_when_sent_again(text: str) -> None:
    try:
        kept = taken(fields.Text, text)
    except ValidationError:
        return
    assert kept == kept.strip() == unicodedata.normalize("NFC", kept) != ""
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in kept)
    assert taken(fields.Text, kept) == kept


@given(st.text(min_size=1, max_size=60, alphabet=st.characters(categories=["L", "Nd", "P"])))
def test_ordinary_words_of_any_script_are_taken_and_fit_the_published_pattern(text: str) -> None:
    assert taken(fields.Text, text) == unicodedata.normalize("NFC", text)
    assert re.search(TypeAdapter(fields.Text).json_schema()["pattern"], text)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "text_empty"),
        (" \u00a0 ", "text_empty"),
        ("\u200b\u200d", "text_empty"),
        ("a\x00b", "text_control"),
        ("\x1fa", "text_control"),
        ("two\nlines", "text_control"),
        ("two\u2028lines", "text_control"),
        ("a\x85b", "text_control"),
        ("evil \u202etxt.exe", "text_control"),
        ("half \ud83d alone", "text_surrogate"),
        ("\udc00", "text_surrogate"),
        ("x" * 201, "text_too_long"),
        ("x" * 1_000_000, "text_too_long"),
        (b"bytes", "text_type"),
        (7, "text_type"),
        (None, "text_type"),
        (["a"], "text_type"),
    ],
    ids=count(),
)
def test_a_line_that_cannot_be_kept_is_refused(value: object, code: str) -> None:
    assert refusal(fields.Text, value) == code


def test_accents_typed_apart_count_once_but_a_pile_of_marks_is_refused_unread() -> None:
    assert taken(fields.Text, "o\u0323\u0302" * 200) == "\u1ed9" * 200
    assert refusal(fields.Text, "\u03b1\u0313\u0300\u0345" * 200) == "text_too_long"


def test_notes_keep_their_lines_and_tabs_and_nothing_else_that_is_invisible() -> None:
    assert taken(fields.LongText, " one\r\ntwo\rthree\n\n\tfour\n") == "one\ntwo\nthree\n\n\tfour"
    assert taken(fields.LongText, "x" * 4000) == "x" * 4000
    assert refusal(fields.LongText, "x" * 4001) == "text_too_long"
    assert refusal(fields.LongText, "one\x0btwo") == "text_control"
    assert refusal(fields.LongText, "one\x00two") == "text_control"


@pytest.mark.parametrize(
    "name",
    ["Björk", "O’Neill-Nwosu", "de la Cruz", "McDONALD", "नागेश", "李", "van  der Berg", "X Æ A-12", "👩🏽‍🦱"],
)
def test_a_name_is_kept_as_its_owner_writes_it(name: str) -> None:
    assert taken(fields.PersonName, f"  {name}\n") == name


def test_a_name_is_the_same_name_however_its_accents_were_typed() -> None:
    assert taken(fields.PersonName, "Zoe\u0308") == "Zo\u00eb"
    assert taken(fields.PersonName, "x" * 100) == "x" * 100
    assert refusal(fields.PersonName, "x" * 101) == "text_too_long"


@pytest.mark.parametrize(
    ("kind", "lowest", "highest"),
    [(fields.Confidence, 0, 10), (fields.PamLevel, 1, 4), (fields.Minutes, 1, 600)],
)
def test_a_whole_number_stays_within_its_range(kind: Any, lowest: int, highest: int) -> None:
    assert [taken(kind, lowest), taken(kind, highest)] == [lowest, highest]
    assert refusal(kind, lowest - 1) == "greater_than_equal"
    assert refusal(kind, highest + 1) == "less_than_equal"
    for wrong in (1.0, "1", True, float("nan"), float("inf"), None):
        assert refusal(kind, wrong) == "int_type"


@given(st.integers(min_value=0, max_value=1000))
def test_every_pam_score_with_one_decimal_comes_back_as_the_number_that_was_sent(tenths: int) -> None:
    sent = tenths / 10
    kept = taken(fields.PamScore, json.loads(json.dumps(sent)))
    assert kept == Decimal(tenths) / 10
    assert kept.as_tuple().exponent == -1
    assert TypeAdapter(fields.PamScore).dump_json(kept) == json.dumps(sent).encode()


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (57.15, "pam_score_decimals"),
        (Decimal("57.15"), "pam_score_decimals"),
        (1e-300, "pam_score_decimals"),
        (-0.1, "pam_score_range"),
        (100.1, "pam_score_range"),
        (10**5000, "pam_score_range"),
        (float("nan"), "pam_score_range"),
        (Decimal("sNaN"), "pam_score_range"),
        (float("inf"), "pam_score_range"),
        (1e400, "pam_score_range"),
        ("57.1", "number_type"),
        (True, "number_type"),
        (None, "number_type"),
    ],
    ids=count(),
)
def test_what_the_licensed_tool_cannot_have_given_is_no_pam_score(value: object, code: str) -> None:
    assert refusal(fields.PamScore, value) == code


def test_a_pam_score_of_minus_zero_is_zero() -> None:
    assert str(taken(fields.PamScore, -0.0)) == "0.0"
