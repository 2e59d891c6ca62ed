"""The national sample messages, read: which are taken, and why the others are not.

The samples are not ours to copy. They are read where PEER_SUPPORT_SAMPLES says, or beside the repository.
"""

import os
from pathlib import Path

import orjson
import pytest

from app.fhir.inbound import Cancellation, NewReferral, read_message
from app.fhir.outcomes import Refusal
from tests.fhir.reading import target

BESIDE = Path(__file__).parents[3] / "shared" / "data" / "fhir" / "bars"
FOLDER = Path(os.environ.get("PEER_SUPPORT_SAMPLES", BESIDE))
SAMPLES = sorted(FOLDER.rglob("*.json"))
SERVICE = target("111111111")
CHECK_DIGIT = "3478526985"
TABLE = orjson.loads((Path(__file__).parent / "national_samples.json").read_bytes())

pytestmark = pytest.mark.skipif(not SAMPLES, reason="the national sample messages are not here")


def answer_to(path: Path, *, lenient: bool = True) -> object:
    """What reading one sample gives."""
    return read_message(orjson.loads(path.read_bytes()), SERVICE, lenient_nhs_numbers=lenient)


def described(answer: object) -> list[str]:
    """An answer in the form of the expected table."""
    if isinstance(answer, NewReferral):
        return ["taken"]
    if isinstance(answer, Cancellation):
        return ["cancellation"]
    assert isinstance(answer, Refusal)
    return [f"{f.status} {f.issue} {' '.join(f.expression)}" for f in answer.faults]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_gets_the_answer_in_the_table(path: Path) -> None:
    expected = TABLE.get(path.relative_to(FOLDER).as_posix(), ["400 invariant Bundle"])
    assert described(answer_to(path)) == expected


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_no_sample_is_taken_with_its_nhs_number_that_fails_the_check(path: Path) -> None:
    raw = path.read_text()
    answer = answer_to(path, lenient=False)
    if CHECK_DIGIT in raw and described(answer_to(path)) in (["taken"], ["cancellation"]):
        assert isinstance(answer, Refusal)
        assert [(f.issue, f.code) for f in answer.faults] == [("value", "REC_BAD_REQUEST")]
        assert answer.faults[0].expression[0].endswith(".resource.identifier[0].value")
        assert CHECK_DIGIT not in str(answer.as_json())


def test_every_line_of_the_table_has_its_sample() -> None:
    assert {path.relative_to(FOLDER).as_posix() for path in SAMPLES} >= TABLE.keys()
