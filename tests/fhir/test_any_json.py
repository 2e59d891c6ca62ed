"""Whatever a sender breaks in a message, the answer is a reading of it or faults with a place each."""

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.fhir.inbound import Cancellation, NewReferral, read_message
from app.fhir.outcomes import Refusal
from tests.fhir.messages import Resource, cancellation, flag, patient, referral
from tests.fhir.reading import target

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=30),
    st.sampled_from(["", "\x00", "\u200b", "\ufdfa" * 200, "x" * 9000, "2024-02-30", "Patient/1", "referral"]),
    st.sampled_from([[], {}, [[]], [None], [{}], {"coding": None}, {"extension": [{"extension": [{}]}]}]),
    st.recursive(st.text(max_size=5), lambda inner: st.lists(inner, max_size=2), max_leaves=4),
)
SPOKEN = {
    "extension": [
        {
            "url": "x/Extension-UKCore-NHSCommunication",
            "extension": [{"url": "language", "valueCodeableConcept": {"coding": [{"code": "so"}]}}],
        }
    ]
}
WHOLE = referral(
    person=patient(telecom=[{"system": "phone", "value": "0117 496 0123", "rank": 1}], communication=[SPOKEN]),
    flags=[flag("SG", "417430008", display="Vulnerable adult")],
    request_changes={"identifier": [{"system": "x", "value": "y"}], "note": [{"text": "A remark."}]},
)


def places(sent: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value in a message."""
    steps = list(sent.items()) if isinstance(sent, dict) else list(enumerate(sent)) if isinstance(sent, list) else []
    return [at, *(way for step, inner in steps for way in places(inner, (*at, step)))]


def within(holder: Any, step: Any) -> Any:
    """What stands at a step of the way, if there is still such a step."""
    if isinstance(holder, dict):
        return holder.get(step)
    return holder[step] if isinstance(holder, list) and isinstance(step, int) and step < len(holder) else None


def broken(message: Resource, way: tuple[Any, ...], act: str, junk: Any) -> Any:
    """The message with the value at one place dropped, doubled or replaced."""
    if not way:
        return junk
    changed = copy.deepcopy(message)
    holder: Any = changed
    for step in way[:-1]:
        holder = within(holder, step)
    last = way[-1]
    if isinstance(holder, list) and isinstance(last, int) and last < len(holder):
        holder[last : last + 1] = {"drop": [], "double": [holder[last]] * 2, "put": [junk]}[act]
    elif isinstance(holder, dict) and last in holder:
        holder[last] = {"drop": None, "double": [holder[last]] * 2, "put": junk}[act]
    return changed


@given(data=st.data(), base=st.sampled_from([WHOLE, cancellation()]), lenient=st.booleans())
@settings(max_examples=400, deadline=None)
def test_a_broken_message_is_read_or_refused_with_a_place_for_each_fault(
    data: st.DataObject, base: Resource, lenient: bool
) -> None:
    message: Any = base
    for _ in range(data.draw(st.integers(1, 4))):
        way = data.draw(st.sampled_from(places(base)))
        act = data.draw(st.sampled_from(["drop", "double", "put"]))
        if isinstance(message, dict):
            message = broken(message, way, act, data.draw(JUNK))
    result = read_message(message, target(), lenient_nhs_numbers=lenient)
    assert isinstance(result, NewReferral | Cancellation | Refusal)
    if isinstance(result, Refusal):
        assert result.faults
        assert result.status in (400, 404, 422)
        assert all(fault.expression and fault.diagnostics for fault in result.faults)


@given(message=st.recursive(JUNK, lambda inner: st.dictionaries(st.text(max_size=12), inner), max_leaves=8))
def test_no_json_at_all_breaks_the_reading(message: Any) -> None:
    assert isinstance(read_message(message, target()), Refusal)


def test_extensions_nested_without_end_are_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(400):
        deep = {"extension": [deep]}
    message = referral()
    message["entry"][2]["resource"] |= deep
    result = read_message(message, target())
    assert isinstance(result, Refusal)
    assert result.faults[0].issue == "invalid"
