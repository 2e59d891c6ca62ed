"""The headers around a message."""

import base64
import json
from typing import Any

import pytest

from app.fhir.envelope import Envelope, read_envelope
from app.fhir.outcomes import Refusal
from tests.fhir.messages import SERVICE, SERVICE_VALUE
from tests.fhir.reading import target

REQUEST_ID = "c1ab3fba-6bae-4ba4-b257-5a87c44d4a91"
CORRELATION_ID = "9562466f-c982-4bd5-bb0e-255e9f5e6689"


def coded(content: Any) -> str:
    """A header's JSON as senders code it."""
    return base64.b64encode(json.dumps(content).encode()).decode()


def headers(**changes: str | None) -> dict[str, str]:
    """The headers of a message; a change of None leaves one out."""
    sent: dict[str, str | None] = {
        "X-Request-Id": REQUEST_ID,
        "X-Correlation-Id": CORRELATION_ID,
        "NHSD-Target-Identifier": coded({"system": SERVICE, "value": SERVICE_VALUE}),
    }
    sent.update((name.replace("_", "-"), value) for name, value in changes.items())
    return {name: value for name, value in sent.items() if value is not None}


def opened(**changes: str | None) -> Envelope:
    """The envelope must be readable."""
    read = read_envelope(headers(**changes))
    assert isinstance(read, Envelope), read
    return read


def test_an_envelope_gives_both_ids_and_the_service() -> None:
    read = opened(X_Request_Id=REQUEST_ID.upper())
    assert (str(read.request_id), str(read.correlation_id)) == (REQUEST_ID, CORRELATION_ID)
    assert read.target == target()
    assert read.software is None


@pytest.mark.parametrize("name", ["X-Request-Id", "X-Correlation-Id", "NHSD-Target-Identifier"])
@pytest.mark.parametrize(
    ("value", "issue"),
    [
        (None, "required"),
        ("", "invalid"),
        ("{c1ab3fba-6bae-4ba4-b257-5a87c44d4a91}", "invalid"),
        ("c1ab3fba6bae4ba4b2575a87c44d4a91", "invalid"),
        ("bm90IEpTT04=", "invalid"),
    ],
)
def test_each_needed_header_is_refused_when_absent_or_wrong(name: str, value: str | None, issue: str) -> None:
    read = read_envelope(headers(**{name.replace("-", "_"): value}))
    assert isinstance(read, Refusal)
    assert [(f.status, f.code, f.issue, f.expression) for f in read.faults] == [
        (400, "REC_BAD_REQUEST", issue, (f"http.{name}",))
    ]


def test_all_faults_of_an_envelope_are_told_at_once() -> None:
    read = read_envelope({})
    assert isinstance(read, Refusal)
    assert len(read.faults) == 3


@pytest.mark.parametrize(
    "content",
    [
        [],
        1,
        {"system": SERVICE},
        {"system": 1, "value": "2"},
        {"system": "", "value": "2"},
        {"system": SERVICE, "value": " "},
    ],
)
def test_a_target_needs_a_system_and_a_value(content: Any) -> None:
    assert isinstance(read_envelope(headers(NHSD_Target_Identifier=coded(content))), Refusal)


def test_base64_is_read_in_both_alphabets_and_without_padding() -> None:
    content = json.dumps({"system": SERVICE, "value": "æÿ?>~~"}, ensure_ascii=False).encode()
    for letters in (base64.b64encode(content), base64.urlsafe_b64encode(content).rstrip(b"=")):
        assert opened(NHSD_Target_Identifier=letters.decode()).target.value == "æÿ?>~~"


def test_what_a_sender_says_of_itself_is_kept() -> None:
    ods = {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "L81023"}
    read = opened(
        NHSD_End_User_Organisation=coded({"resourceType": "Organization", "identifier": [ods], "name": "Quay Surgery"}),
        NHSD_Requesting_Software=coded({"resourceType": "Device", "deviceName": [{"name": "Quay System"}]}),
        NHSD_Requesting_Practitioner=coded({"resourceType": "PractitionerRole", "identifier": ods}),
    )
    assert (read.organisation_ods_code, read.organisation_name) == ("L81023", "Quay Surgery")
    assert (read.software, read.practitioner) == ("Quay System", "L81023")


@pytest.mark.parametrize("value", ["???", coded({"resourceType": "Patient", "name": "x"}), "é", "A" * 50_000])
def test_what_a_sender_says_of_itself_is_passed_over_when_unreadable(value: str) -> None:
    read = opened(NHSD_End_User_Organisation=value, NHSD_Requesting_Software=value)
    assert (read.organisation_name, read.software) == (None, None)


def test_the_use_context_is_ignored() -> None:
    assert opened(use_context="nonsense") == opened()
