"""A practice's system proves who it is with its own key, and with nothing else."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jose import jwk, jws, jwt

from app.access.assertions import (
    LONGEST_ASSERTION,
    Assertion,
    AssertionFault,
    AssertionRefused,
    peek_client_id,
    verify,
)
from app.access.client_keys import ClientKeys, KeysRefused, parse_jwks

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
STAMP = int(NOW.timestamp())
CLIENT = "01930000-0000-7000-8000-00000000000a"
TOKEN_URL = "https://peer.example/oauth2/token"
URLS = (TOKEN_URL, "http://127.0.0.1:8000/oauth2/token")

Members = dict[str, object]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def pem_of(key: PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


RSA_PEM = pem_of(rsa.generate_private_key(65537, 2048))
OTHER_RSA_PEM = pem_of(rsa.generate_private_key(65537, 2048))
EC_PEM = pem_of(ec.generate_private_key(ec.SECP384R1()))


@cache
def private_key(pem: str, algorithm: str) -> Any:
    return jwk.construct(pem, algorithm)


def members(pem: str, kid: str | None = None, **more: object) -> Members:
    """The public JWK of a private key, without `alg`."""
    algorithm = "ES384" if pem == EC_PEM else "RS384"
    key: Members = dict(private_key(pem, algorithm).public_key().to_dict())
    del key["alg"]
    return key | ({"kid": kid} if kid else {}) | more


KEYS = parse_jwks({"keys": [members(RSA_PEM, "rsa-1"), members(EC_PEM, "ec-1")]})


def claims(**changes: object) -> Members:
    return {"iss": CLIENT, "sub": CLIENT, "aud": TOKEN_URL, "exp": STAMP + 300, "jti": "5d1f"} | changes


def signed(
    stated: Members | bytes | None = None, *, algorithm: str = "RS384", pem: str = RSA_PEM, **header: object
) -> str:
    headers = {"kid": "rsa-1"} | header
    payload = claims() if stated is None else stated
    return str(jws.sign(payload, private_key(pem, algorithm), headers, algorithm))


def segment(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def bare(header: Members, stated: Members, pem: str = RSA_PEM, algorithm: str = "RS384") -> str:
    """Signed with exactly this header: python-jose would add a `typ`."""
    signing_input = f"{segment(header)}.{segment(stated)}"
    return f"{signing_input}.{segment(private_key(pem, algorithm).sign(signing_input.encode()))}"


def proved(assertion: str, keys: ClientKeys = KEYS, now: datetime = NOW) -> Assertion:
    return verify(assertion, keys, client_id=CLIENT, audiences=URLS, now=now)


def refusal(assertion: str, keys: ClientKeys = KEYS, now: datetime = NOW) -> AssertionRefused:
    with pytest.raises(AssertionRefused) as caught:
        proved(assertion, keys, now)
    assert str(caught.value)
    assert len(assertion) < 8 or assertion not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("algorithm", "pem", "kid"),
    [("RS384", RSA_PEM, "rsa-1"), ("RS512", RSA_PEM, "rsa-1"), ("ES384", EC_PEM, "ec-1")],
)
def test_a_client_proves_itself_with_each_accepted_algorithm(algorithm: str, pem: str, kid: str) -> None:
    proof = proved(signed(algorithm=algorithm, pem=pem, kid=kid))
    assert proof == Assertion(CLIENT, "5d1f", NOW + timedelta(seconds=300))


def test_typ_may_be_left_out_and_the_times_may_have_fractions() -> None:
    stated = claims(exp=STAMP + 299.5, iat=STAMP - 0.5, nbf=STAMP)
    proof = proved(bare({"alg": "RS384", "kid": "rsa-1"}, stated))
    assert proof.expires_at == NOW + timedelta(seconds=299.5)


@pytest.mark.parametrize("url", URLS)
def test_any_address_of_the_token_endpoint_is_an_audience_also_as_a_list_of_one(url: str) -> None:
    assert proved(signed(claims(aud=url)))
    assert proved(signed(claims(aud=[url])))


# --- keys ------------------------------------------------------------------------------------------


def test_without_kid_the_only_key_that_fits_is_used() -> None:
    assert proved(bare({"alg": "ES384"}, claims(), EC_PEM, "ES384"))
    assert proved(bare({"alg": "RS512", "typ": "JWT"}, claims(), RSA_PEM, "RS512"))


def test_without_kid_two_keys_that_fit_are_one_too_many_and_none_too_few() -> None:
    two = parse_jwks({"keys": [members(RSA_PEM, "a"), members(OTHER_RSA_PEM, "b")]})
    assert refusal(bare({"alg": "RS384"}, claims()), two).fault is AssertionFault.UNKNOWN_KEY
    assert refusal(bare({"alg": "ES384"}, claims(), EC_PEM, "ES384"), two).fault is AssertionFault.UNKNOWN_KEY


@pytest.mark.parametrize("kid", ["rsa-2", "", None, 1, ["rsa-1"]])
def test_a_kid_that_is_not_registered_is_refused(kid: object) -> None:
    assert refusal(signed(kid=kid)).fault is AssertionFault.UNKNOWN_KEY


def test_a_null_kid_does_not_pick_the_key_without_kid() -> None:
    nameless = parse_jwks({"keys": [members(RSA_PEM)]})
    assert proved(bare({"alg": "RS384"}, claims()), nameless)
    assert refusal(signed(kid=None), nameless).fault is AssertionFault.UNKNOWN_KEY


def test_another_key_under_a_registered_kid_is_refused() -> None:
    assert refusal(signed(pem=OTHER_RSA_PEM)).fault is AssertionFault.WRONG_SIGNATURE


def test_the_algorithm_must_fit_the_key() -> None:
    assert refusal(signed(kid="ec-1")).fault is AssertionFault.WRONG_ALGORITHM
    elliptic = signed(algorithm="ES384", pem=EC_PEM, kid="rsa-1")
    assert refusal(elliptic).fault is AssertionFault.WRONG_ALGORITHM


def test_a_key_registered_for_one_algorithm_checks_no_other() -> None:
    only_512 = parse_jwks({"keys": [members(RSA_PEM, "rsa-1", alg="RS512")]})
    assert proved(signed(algorithm="RS512"), only_512)
    assert refusal(signed(algorithm="RS384"), only_512).fault is AssertionFault.WRONG_ALGORITHM


def test_a_header_that_claims_another_hash_does_not_verify() -> None:
    _, payload, signature = signed(algorithm="RS384").split(".")
    header = segment({"alg": "RS512", "kid": "rsa-1"})
    assert refusal(f"{header}.{payload}.{signature}").fault is AssertionFault.WRONG_SIGNATURE


@pytest.mark.parametrize("name", ["none", "None", "", "HS256", "HS384", "RS256", "ES256", "PS384", "rs384"])
def test_no_other_algorithm_is_accepted_not_even_none(name: str) -> None:
    _, payload, signature = signed().split(".")
    header = segment({"alg": name, "kid": "rsa-1"})
    assert refusal(f"{header}.{payload}.{signature}").fault is AssertionFault.WRONG_ALGORITHM
    assert refusal(f"{header}.{payload}.").fault is AssertionFault.WRONG_ALGORITHM


def test_without_kid_too_a_foreign_algorithm_is_named_as_the_fault() -> None:
    refused = refusal(f"{segment({'alg': 'RS256'})}.{segment(claims())}.e30")
    assert refused.fault is AssertionFault.WRONG_ALGORITHM
    assert "ES384, RS384, RS512" in str(refused)


@pytest.mark.parametrize("algorithm", [None, 384, ["RS384"], {"a": 1}])
def test_an_algorithm_that_is_no_text_is_refused(algorithm: object) -> None:
    header = segment({"alg": algorithm, "kid": "rsa-1"})
    assert refusal(f"{header}.{segment(claims())}.e30").fault is AssertionFault.WRONG_ALGORITHM


@pytest.mark.parametrize("encoding", [serialization.Encoding.DER, serialization.Encoding.PEM])
def test_a_registered_public_key_is_no_shared_secret(encoding: serialization.Encoding) -> None:
    public = serialization.load_pem_private_key(RSA_PEM.encode(), None).public_key()
    secret = public.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    signing_input = f"{segment({'alg': 'HS384', 'kid': 'rsa-1'})}.{segment(claims())}"
    forged = hmac.new(secret, signing_input.encode(), hashlib.sha384).digest()
    assert refusal(f"{signing_input}.{segment(forged)}").fault is AssertionFault.WRONG_ALGORITHM


@pytest.mark.parametrize("name", ["crit", "jku", "jwk", "x5u", "x5c"])
def test_a_header_that_brings_its_own_key_or_rules_is_refused_by_name(name: str) -> None:
    brought = ["exp"] if name == "crit" else "https://evil.example/keys"
    refused = refusal(bare({"alg": "RS384", "kid": "rsa-1", name: brought}, claims()))
    assert refused.fault is AssertionFault.FORBIDDEN_HEADER
    assert name in str(refused)


@pytest.mark.parametrize("kind", ["at+jwt", "", None, 1, ["JWT"]])
def test_another_type_of_token_is_no_assertion(kind: object) -> None:
    assert refusal(signed(typ=kind)).fault is AssertionFault.WRONG_TYPE


def test_a_changed_claim_breaks_the_signature() -> None:
    header, _, signature = signed().split(".")
    changed = f"{header}.{segment(claims(jti='another'))}.{signature}"
    assert refusal(changed).fault is AssertionFault.WRONG_SIGNATURE


@pytest.mark.parametrize("kid", ["rsa-1", "ec-1"])
def test_an_empty_or_shortened_signature_is_refused(kid: str) -> None:
    algorithm, pem = ("RS384", RSA_PEM) if kid == "rsa-1" else ("ES384", EC_PEM)
    header, payload, signature = signed(algorithm=algorithm, pem=pem, kid=kid).split(".")
    for broken in ("", signature[:-4], segment(bytes(96))):
        assert refusal(f"{header}.{payload}.{broken}").fault is AssertionFault.WRONG_SIGNATURE


# --- claims -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "jti"])
def test_an_assertion_without_a_required_claim_is_refused_by_name(name: str) -> None:
    stated = claims()
    del stated[name]
    refused = refusal(signed(stated))
    assert refused.fault is AssertionFault.MISSING_CLAIM
    assert name in str(refused)


@pytest.mark.parametrize("name", ["iss", "sub"])
def test_a_client_speaks_only_for_itself(name: str) -> None:
    refused = refusal(signed(claims(**{name: "another-client"})))
    assert refused.fault is AssertionFault.WRONG_CLIENT
    assert name in str(refused)
    assert "another-client" not in str(refused)


@pytest.mark.parametrize(
    "audience",
    [
        "https://peer.example",
        TOKEN_URL + "/",
        "",
        None,
        [],
        [TOKEN_URL, "https://evil.example"],
        [[TOKEN_URL]],
        1,
    ],
)
def test_an_assertion_meant_for_anybody_else_as_well_is_refused(audience: object) -> None:
    assert refusal(signed(claims(aud=audience))).fault is AssertionFault.WRONG_AUDIENCE


def test_an_assertion_ends_at_the_second_of_its_expiry() -> None:
    assert proved(signed(claims(exp=STAMP + 1)))
    assert refusal(signed(claims(exp=STAMP))).fault is AssertionFault.EXPIRED


def test_five_minutes_ahead_are_allowed_with_a_little_skew_and_no_more() -> None:
    assert proved(signed(claims(exp=STAMP + 300.3)))
    assert proved(signed(claims(exp=STAMP + 305)))
    refused = refusal(signed(claims(exp=STAMP + 306)))
    assert refused.fault is AssertionFault.LIVES_TOO_LONG
    assert "300 seconds" in str(refused)


@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_an_assertion_from_the_future_is_refused_beyond_a_little_skew(name: str) -> None:
    assert proved(signed(claims(**{name: STAMP + 5})))
    refused = refusal(signed(claims(**{name: STAMP + 6})))
    assert refused.fault is AssertionFault.NOT_YET_VALID
    assert name in str(refused)


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("value", ["soon", str(STAMP + 60), None, True, [1], 10**30, -(10**30), 1e300])
def test_a_time_of_the_wrong_form_is_refused_by_name(name: str, value: object) -> None:
    refused = refusal(signed(claims(**{name: value})))
    assert refused.fault is AssertionFault.BAD_CLAIM
    assert name in str(refused)


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
def test_a_time_that_is_no_json_number_is_refused_as_malformed(number: bytes) -> None:
    payload = json.dumps(claims()).encode().replace(str(STAMP + 300).encode(), number)
    assert refusal(signed(payload)).fault is AssertionFault.MALFORMED


def test_a_number_too_great_to_hold_is_refused() -> None:
    payload = json.dumps(claims()).encode().replace(str(STAMP + 300).encode(), b"1e400")
    assert refusal(signed(payload)).fault is AssertionFault.BAD_CLAIM


UNUSABLE_NAMES = ["", "x" * 129, 7, None, ["a"], "a\x00b", "\ud800", "a\nb"]


@pytest.mark.parametrize("value", UNUSABLE_NAMES)
def test_a_jti_that_could_not_be_kept_is_refused(value: object) -> None:
    refused = refusal(signed(claims(jti=value)))
    assert refused.fault is AssertionFault.BAD_CLAIM
    assert "jti" in str(refused)


def test_a_jti_may_have_128_characters() -> None:
    assert proved(signed(claims(jti="x" * 128))).jti == "x" * 128


# --- form, and finding the client ---------------------------------------------------------------------


def test_the_client_id_can_be_read_before_anything_is_proved() -> None:
    assert peek_client_id(signed(pem=OTHER_RSA_PEM)) == CLIENT


@pytest.mark.parametrize("value", UNUSABLE_NAMES)
def test_a_client_id_that_cannot_be_looked_up_is_refused(value: object) -> None:
    with pytest.raises(AssertionRefused) as caught:
        peek_client_id(signed(claims(sub=value)))
    assert caught.value.fault is AssertionFault.BAD_CLAIM


def test_an_assertion_without_a_client_id_is_refused_at_the_first_look() -> None:
    with pytest.raises(AssertionRefused) as caught:
        peek_client_id(signed({"iss": CLIENT}))
    assert caught.value.fault is AssertionFault.MISSING_CLAIM


NESTED = b"[" * 1200 + b"]" * 1200
MAKERS: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "one part": lambda: "garbage",
    "two parts": lambda: "a.b",
    "four parts": lambda: signed() + ".e30",
    "blank around": lambda: f" {signed()} ",
    "newline": lambda: signed() + "\n",
    "not ASCII": lambda: "é.ü.ß",
    "NUL": lambda: "\x00.\x00.\x00",
    "lone surrogate": lambda: "\ud800.\ud800.\ud800",
    "impossible base64 length": lambda: "abcde.e30.e30",
    "header no JSON": lambda: f"{segment(b'hello')}.e30.e30",
    "header a list": lambda: f"{segment([])}.e30.e30",
    "payload no JSON": lambda: signed(b"hello"),
    "payload no UTF-8": lambda: signed(b"\xff\xfe"),
    "payload a list": lambda: signed(b"[1]"),
    "payload nested": lambda: signed(b'{"sub":' + NESTED + b"}"),
    "header nested": lambda: f"{segment(NESTED)}.e30.e30",
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_what_is_no_signed_statement_is_refused_as_malformed(make: Callable[[], str]) -> None:
    assert refusal(make()).fault is AssertionFault.MALFORMED
    with pytest.raises(AssertionRefused) as caught:
        peek_client_id(make())
    assert caught.value.fault is AssertionFault.MALFORMED


def test_an_overlong_assertion_is_refused_unread() -> None:
    assert refusal("a" * (LONGEST_ASSERTION + 1)).fault is AssertionFault.TOO_LONG
    with pytest.raises(AssertionRefused) as caught:
        peek_client_id("a" * (LONGEST_ASSERTION + 1))
    assert caught.value.fault is AssertionFault.TOO_LONG


def test_nesting_at_the_edge_of_what_can_be_parsed_is_refused_too() -> None:
    for depth in range(800, 1010):
        header = b'{"alg":"RS384","kid":"rsa-1","x":' + b"[" * depth + b"]" * depth + b"}"
        expected = (AssertionFault.MALFORMED, AssertionFault.WRONG_SIGNATURE)
        assert refusal(f"{segment(header)}.e30.e30").fault in expected


# --- registering keys -----------------------------------------------------------------------------------


def test_what_is_stored_of_registered_keys_is_only_their_public_part() -> None:
    sent = {
        "keys": [members(RSA_PEM, "rsa-1", alg="RS512", note="a\x00b"), members(EC_PEM, x5t="x")],
        "more": 1,
    }
    stored = parse_jwks(sent).jwks()
    assert [sorted(key) for key in stored["keys"]] == [
        ["alg", "e", "kid", "kty", "n", "use"],
        ["crv", "kty", "use", "x", "y"],
    ]
    assert parse_jwks(stored).jwks() == stored


def test_stored_keys_still_check_what_their_owner_signs() -> None:
    assert proved(signed(), parse_jwks(KEYS.jwks()))


def small_rsa() -> Members:
    return dict(jwk.construct(pem_of(rsa.generate_private_key(65537, 1024)), "RS384").public_key().to_dict())


def p256() -> Members:
    key = jwk.construct(pem_of(ec.generate_private_key(ec.SECP256R1())), "ES256").public_key().to_dict()
    return {name: value for name, value in key.items() if name != "alg"}


FAULTY_SETS: dict[str, tuple[object, str]] = {
    "no object": ([], "keys"),
    "nothing": (None, "keys"),
    "no keys": ({}, "keys"),
    "keys no list": ({"keys": {}}, "keys"),
    "no key": ({"keys": []}, "keys"),
    "too many": ({"keys": [members(RSA_PEM)] * 11}, "keys"),
    "key no object": ({"keys": [members(RSA_PEM), "x"]}, "keys[1]"),
    "symmetric": ({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}, "keys[0].k"),
    "symmetric without k": ({"keys": [{"kty": "oct"}]}, "keys[0].kty"),
    "other kind": ({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}, "keys[0].kty"),
    "kind no text": ({"keys": [{"kty": ["RSA"]}]}, "keys[0].kty"),
    "private RSA": ({"keys": [members(RSA_PEM, p="AQAB")]}, "keys[0].p"),
    "private EC": ({"keys": [members(EC_PEM, d="AQAB")]}, "keys[0].d"),
    "short RSA": ({"keys": [small_rsa() | {"alg": "RS384"}]}, "keys[0].n"),
    "huge RSA": ({"keys": [members(RSA_PEM, n="_" * 1400)]}, "keys[0].n"),
    "RSA without n": ({"keys": [{"kty": "RSA", "e": "AQAB"}]}, "keys[0].n"),
    "padded n": ({"keys": [members(RSA_PEM, n="AQAB==")]}, "keys[0].n"),
    "impossible n": ({"keys": [members(RSA_PEM, n="AQABA")]}, "keys[0].n"),
    "small e": ({"keys": [members(RSA_PEM, e="Aw")]}, "keys[0].e"),
    "even e": ({"keys": [members(RSA_PEM, e="AQAC")]}, "keys[0]"),
    "e a number": ({"keys": [members(RSA_PEM, e=65537)]}, "keys[0].e"),
    "other curve": ({"keys": [p256()]}, "keys[0].crv"),
    "x too short": ({"keys": [members(EC_PEM, x="AQAB")]}, "keys[0].x"),
    "off the curve": ({"keys": [members(EC_PEM, x=segment(bytes(48)))]}, "keys[0]"),
    "kid no text": ({"keys": [members(RSA_PEM, kid=None) | {"kid": 5}]}, "keys[0].kid"),
    "kid too long": ({"keys": [members(RSA_PEM, "x" * 129)]}, "keys[0].kid"),
    "kid twice": (
        {"keys": [members(RSA_PEM, "a"), members(EC_PEM, "b"), members(EC_PEM, "a")]},
        "keys[0].kid",
    ),
    "for encryption": ({"keys": [members(RSA_PEM, use="enc")]}, "keys[0].use"),
    "for signing only": ({"keys": [members(RSA_PEM, key_ops=["sign"])]}, "keys[0].key_ops"),
    "operations no list": ({"keys": [members(RSA_PEM, key_ops="verify")]}, "keys[0].key_ops"),
    "weak algorithm": ({"keys": [members(RSA_PEM, alg="RS256")]}, "keys[0].alg"),
    "algorithm of another kind": ({"keys": [members(RSA_PEM, alg="ES384")]}, "keys[0].alg"),
    "algorithm no text": ({"keys": [members(RSA_PEM, alg=["RS384"])]}, "keys[0].alg"),
}


@pytest.mark.parametrize(("document", "field"), FAULTY_SETS.values(), ids=FAULTY_SETS.keys())
def test_keys_that_cannot_be_registered_are_refused_by_the_name_of_the_member(document: object, field: str) -> None:
    with pytest.raises(KeysRefused) as caught:
        parse_jwks(document)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")


def test_the_key_that_was_made_for_a_client_does_not_show_itself_when_printed() -> None:
    assert repr(KEYS).startswith("<")
    assert str(jwt.get_unverified_header(signed())["kid"]) not in repr(KEYS)
