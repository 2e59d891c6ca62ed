"""What of a referral message reaches the referral."""

from datetime import date, timedelta
from typing import Any

import pytest

from app.consents.models import ConsentMethod
from app.core import clock
from app.core.codes import ReferralReason, ReferralSource
from app.fhir.words import Key
from app.programmes.models import Condition
from app.referrals.models import FlagKind
from tests.fhir.messages import DOCTOR, NHS_NUMBER, ROLE, SENDER, concept, flag, identifier, patient, referral
from tests.fhir.reading import faults, refused, taken

REASONS = "https://peer.example/CodeSystem/referral-reasons"


def test_a_practices_message_becomes_a_referral_like_any_other() -> None:
    read = taken(referral())
    sent = read.referral
    assert (sent.person.given_name, sent.person.family_name) == ("Sam Ada", "Nwosu")
    assert sent.person.nhs_number == NHS_NUMBER
    assert sent.source is ReferralSource.GP
    assert sent.reasons == [ReferralReason.NEWLY_DIAGNOSED]
    assert sent.clinical_reason == "Newly diagnosed; Type 2 diabetes mellitus"
    assert sent.needs == "Would like to talk with somebody who has been through it."
    assert sent.facts.condition is Condition.TYPE_2_DIABETES
    assert read.notes == ()


def test_the_day_a_referral_was_made_is_the_day_in_london() -> None:
    summer = referral(request_changes={"authoredOn": "2024-06-02T23:30:00.1234567+00:00"})
    assert taken(referral()).referral.made_on == date(2024, 3, 2)
    assert taken(summer).referral.made_on == date(2024, 6, 3)


@pytest.mark.parametrize("sent", ["2024", "2024-03", None])
def test_a_referral_without_its_day_counts_from_the_message_and_says_so(sent: str | None) -> None:
    read = taken(referral(request_changes={"authoredOn": sent}))
    assert read.referral.made_on == date(2024, 3, 3)
    assert any("day on which the referral was made" in note for note in read.notes)


def test_a_senders_clock_may_run_a_little_ahead() -> None:
    tomorrow = (clock.today() + timedelta(days=1)).isoformat()
    later = (clock.today() + timedelta(days=2)).isoformat()
    assert taken(referral(request_changes={"authoredOn": tomorrow})).referral.made_on == clock.today()
    path = "Bundle.entry[1].resource.authoredOn"
    assert faults(referral(request_changes={"authoredOn": later})) == [(400, "value", path)]


@pytest.mark.parametrize(
    "sent", ["2024-02-30", "2024-03-02T10:00:00", "yesterday", "2024-13", "2024-03-02T25:00:00Z", ""]
)
def test_a_day_that_cannot_be_is_refused_where_it_stands(sent: str) -> None:
    path = "Bundle.entry[1].resource.authoredOn"
    assert faults(referral(request_changes={"authoredOn": sent})) == [(400, "value", path)]
    words = refused(referral(request_changes={"authoredOn": sent})).faults[0].diagnostics
    assert "YYYY, YYYY-MM, YYYY-MM-DD, or a moment with seconds and time zone" in words


@pytest.mark.parametrize(
    ("said", "has_died"),
    [({"deceasedBoolean": True}, True), ({"deceasedBoolean": False}, False), ({"deceasedDateTime": "2024"}, True)],
)
def test_a_person_said_to_have_died_has_a_flag_and_a_note(said: dict[str, Any], has_died: bool) -> None:
    read = taken(referral(person=patient(**said), flags=[flag("SG", "417430008")]))
    assert ("has died" in str(read.referral.flags[0].note)) is has_died
    assert any("has died" in note for note in read.notes) is has_died


def test_the_consent_has_the_day_the_person_agreed() -> None:
    consent = taken(referral()).referral.consent
    assert (consent.given_on, consent.method) == (date(2024, 3, 1), ConsentMethod.ELECTRONIC)
    undated = taken(referral(consent={"resourceType": "Consent"})).referral
    assert undated.consent.given_on == undated.made_on
    partly = taken(referral(consent={"resourceType": "Consent", "dateTime": "2024-02"}))
    assert partly.referral.consent.given_on == partly.referral.made_on
    assert any("date of consent" in note for note in partly.notes)


@pytest.mark.parametrize(
    "consent",
    [{"status": "rejected"}, {"status": "inactive"}, {"status": "active", "provision": {"type": "deny"}}],
)
def test_nobody_is_referred_against_their_will(consent: dict[str, Any]) -> None:
    message = referral(consent={"resourceType": "Consent"} | consent)
    assert faults(message) == [(400, "invariant", "Bundle.entry[10].resource.status")]


def test_the_referrer_is_the_requester_with_their_role() -> None:
    referrer = taken(referral()).referral.referrer
    assert (referrer.name, referrer.role) == ("Dr Ngozi Okafor", "General practitioner")
    assert referrer.phone == "+441174960999"


@pytest.mark.parametrize(
    ("pointer", "name"), [(ROLE, "Dr Ngozi Okafor"), (SENDER, "Quay Surgery"), ("urn:uuid:nowhere", None)]
)
def test_the_requester_may_be_a_role_a_practice_or_unknown(pointer: str, name: str | None) -> None:
    read = taken(referral(request_changes={"requester": {"reference": pointer}}))
    assert read.referral.referrer.name == name


def test_a_referrers_unusable_phone_is_left_out_with_a_note() -> None:
    message = referral()
    practitioner = next(e["resource"] for e in message["entry"] if e["fullUrl"] == DOCTOR)
    practitioner["telecom"][0]["value"] = "ext. 12"
    read = taken(message)
    assert read.referral.referrer.phone is None
    assert any("referrer's phone" in note for note in read.notes)


def test_reasons_from_our_own_list_are_kept_and_without_any_the_reason_is_other() -> None:
    own = [concept("low_confidence", system=REASONS), concept("isolation", system=REASONS)]
    read = taken(referral(request_changes={"reasonCode": own}))
    assert read.referral.reasons == [ReferralReason.LOW_CONFIDENCE, ReferralReason.ISOLATION]
    plain = referral()
    plain["entry"][-1]["resource"]["code"] = concept("1325161000000102")
    assert taken(plain).referral.reasons == [ReferralReason.OTHER]
    assert taken(plain).referral.facts.condition is Condition.LONG_COVID


def test_flags_are_kept_safeguarding_first_and_ended_ones_are_not() -> None:
    flags = [
        flag("RA", "wheelchairaccess", display="Wheelchair access"),
        flag("SG", "417430008", display="Vulnerable adult"),
        flag("CW", "x", status="inactive"),
        flag("AC", "police"),
    ]
    kept = taken(referral(flags=flags)).referral.flags
    assert [f.kind for f in kept] == [
        FlagKind.SAFEGUARDING,
        FlagKind.REASONABLE_ADJUSTMENT,
        FlagKind.OTHER,
    ]
    assert (kept[0].code, kept[0].note) == ("417430008", "Vulnerable adult")


def test_a_flags_category_may_be_in_words_alone() -> None:
    said = {"category": [{"text": "Reasonable Adjustment - support"}], "code": {"text": "A quiet room"}}
    kept = taken(referral(flags=[{"resourceType": "Flag", **said}])).referral.flags[0]
    assert (kept.kind, kept.code, kept.note) == (FlagKind.REASONABLE_ADJUSTMENT, None, "A quiet room")


def test_of_too_many_flags_the_urgent_ones_are_kept_and_a_note_says_so() -> None:
    read = taken(referral(flags=[*(flag("AC", str(n)) for n in range(25)), flag("SG", "417430008")]))
    assert len(read.referral.flags) == 20
    assert read.referral.flags[0].kind is FlagKind.SAFEGUARDING
    assert any("More flags" in note for note in read.notes)


def test_a_senders_identifiers_and_return_address_are_kept() -> None:
    listed = [identifier("HTTPS://Quay.example/Id/Request/", "R-1"), {"system": "x"}]
    read = taken(referral(request_changes={"identifier": listed}))
    assert read.identifiers == (Key("quay.example/id/request", "R-1"),)
    assert read.bundle_id == "5f1b0e9c-4a52-4d6e-8f3d-1d2c3b4a5f60"
    assert read.sender.ods_code == "L81023"
    assert read.sender.return_address == "https://fhir.nhs.uk/Id/dos-service-id|2000011147"


def test_long_remarks_are_cut_with_a_mark() -> None:
    needs = taken(referral(request_changes={"note": [{"text": "word " * 2000}]})).referral.needs
    assert needs is not None
    assert len(needs) == 4000
    assert needs.endswith("[…]")


def test_each_field_knows_the_element_it_came_from() -> None:
    origins = taken(referral()).origins
    assert origins["/person/birth_date"] == "Bundle.entry[2].resource.birthDate"
    assert origins["/person/phone"] == "Bundle.entry[2].resource.contact[0].telecom[1].value"


def test_elements_we_do_not_know_and_nulls_are_passed_over() -> None:
    message = referral(person=patient(managingOrganization={"reference": "x"}, deceasedBoolean=False))
    message["entry"][2]["resource"] |= {"gender": None, "photo": [{}], "telecom": None}
    message["entry"].append({"fullUrl": "urn:uuid:new", "resource": {"resourceType": "Basic", "x": 1}})
    message["entry"].append({"fullUrl": "urn:uuid:empty"})
    assert taken(message).referral.person.stated_gender is None
