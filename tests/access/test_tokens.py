"""An access token lets in its bearer, and nobody who bends it."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jose import jwk, jws, jwt

from app.access.keys import BadSigningKey, SigningKeys, new_private_pem, verified_claims
from app.access.tokens import LONGEST_TOKEN, AccessClaims, TokenFault, TokenRefused, issue, read
from app.core.actor import Kind, Role

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ISSUER = "https://peer.example"
AUDIENCE = "https://peer.example/v1"
SUBJECT = UUID("01930000-0000-7000-8000-000000000001")
PEM = new_private_pem()
OTHER_PEM = new_private_pem()
KEYS = SigningKeys.from_pem([PEM])

Claims = dict[str, object]
LAX = {"verify_exp": False, "verify_aud": False}


def issued(now: datetime = NOW, keys: SigningKeys = KEYS, audience: str = AUDIENCE) -> str:
    return issue(
        keys,
        issuer=ISSUER,
        audience=audience,
        subject=SUBJECT,
        kind=Kind.ACCOUNT,
        role=Role.MENTOR,
        lifetime=timedelta(minutes=15),
        now=now,
    )


def read_at(token: str, now: datetime = NOW, keys: SigningKeys = KEYS) -> AccessClaims:
    return read(keys, token, issuer=ISSUER, audience=AUDIENCE, now=now)


def refusal(token: str, now: datetime = NOW, keys: SigningKeys = KEYS) -> TokenRefused:
    with pytest.raises(TokenRefused) as caught:
        read_at(token, now, keys)
    assert len(token) < 8 or token not in str(caught.value)
    return caught.value


def claims_with(**changes: object) -> Claims:
    claims: Claims = dict(jwt.get_unverified_claims(issued()))
    return claims | changes


def signed(claims: Claims | bytes, pem: str = PEM, **header: object) -> str:
    """Signed with our own real key, whatever it says: a token only a fault of ours could make."""
    headers = {"typ": "at+jwt", "kid": KEYS.kid} | header
    return str(jws.sign(claims, private_key(pem), headers=headers, algorithm="RS256"))


@cache
def private_key(pem: str) -> object:
    return jwk.construct(pem, "RS256")


def segment(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def public_key() -> rsa.RSAPublicKey:
    key = serialization.load_pem_private_key(PEM.encode(), None).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return key


def public_bytes(encoding: serialization.Encoding) -> bytes:
    return public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)


def hmac_signed(secret: bytes) -> str:
    header = {"alg": "HS256", "typ": "at+jwt", "kid": KEYS.kid}
    signing_input = f"{segment(header)}.{segment(claims_with())}"
    return f"{signing_input}.{segment(hmac.new(secret, signing_input.encode(), hashlib.sha256).digest())}"


def test_a_token_says_who_bears_it_and_until_when() -> None:
    sign_in = uuid4()
    token = issue(
        KEYS,
        issuer=ISSUER,
        audience=AUDIENCE,
        subject=SUBJECT,
        kind=Kind.CLIENT,
        role=Role.REFERRER,
        lifetime=timedelta(minutes=5),
        now=NOW,
        client_id="gp-system",
        scopes=frozenset({"referral.write", "system/ServiceRequest.r"}),
        sign_in_id=sign_in,
        authenticated_at=NOW - timedelta(minutes=1),
    )
    claims = read_at(token)
    assert claims == AccessClaims(
        issuer=ISSUER,
        audience=AUDIENCE,
        subject=SUBJECT,
        kind=Kind.CLIENT,
        role=Role.REFERRER,
        sign_in_id=sign_in,
        client_id="gp-system",
        scopes=frozenset({"referral.write", "system/ServiceRequest.r"}),
        token_id=claims.token_id,
        issued_at=NOW,
        expires_at=NOW + timedelta(minutes=5),
        authenticated_at=NOW - timedelta(minutes=1),
    )


def test_an_account_needs_neither_scopes_nor_a_client_id() -> None:
    claims = read_at(issued())
    assert (claims.client_id, claims.scopes, claims.sign_in_id, claims.authenticated_at) == (
        None,
        frozenset(),
        None,
        None,
    )


def test_no_two_tokens_share_their_id() -> None:
    assert read_at(issued()).token_id != read_at(issued()).token_id


def test_the_header_names_the_type_the_algorithm_and_the_key() -> None:
    assert jwt.get_unverified_header(issued()) == {"alg": "RS256", "typ": "at+jwt", "kid": KEYS.kid}


def test_anybody_can_check_a_token_with_the_published_keys_and_learns_nothing_private() -> None:
    published = KEYS.jwks()["keys"]
    assert [set(key) for key in published] == [{"kty", "n", "e", "kid", "use", "alg"}]
    assert jws.verify(issued(), jwk.construct(published[0], "RS256"), ["RS256"])


def test_the_kid_is_the_thumbprint_of_the_standards_own_example() -> None:
    """RFC 7638, section 3.1."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZC"
        "iFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZg"
        "nYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIq"
        "bw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    example = jwk.construct({"kty": "RSA", "n": modulus, "e": "AQAB"}, "RS256").to_pem().decode()
    keys = SigningKeys.from_pem([PEM, example])
    assert "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" in keys.verifying


def test_tokens_of_the_key_before_are_still_read_after_a_change_of_keys() -> None:
    after = SigningKeys.from_pem([OTHER_PEM, PEM])
    assert after.kid != KEYS.kid
    assert read_at(issued(), keys=after).subject == SUBJECT
    assert read_at(issued(keys=after), keys=after).subject == SUBJECT
    assert len(after.jwks()["keys"]) == 2


def test_a_former_key_may_be_kept_as_its_public_half_alone() -> None:
    after = SigningKeys.from_pem([OTHER_PEM, public_bytes(serialization.Encoding.PEM).decode()])
    assert read_at(issued(), keys=after).subject == SUBJECT


def test_fresh_keys_know_no_older_token() -> None:
    assert refusal(issued(), keys=SigningKeys.generate()).reason is TokenFault.WRONG_KEY


# --- what python-jose would let through ---------------------------------------------------------------


def test_the_header_does_not_choose_the_algorithm() -> None:
    """python-jose with no algorithms trusts the header: the same key read as RS512 is accepted."""
    token = str(jws.sign(claims_with(), PEM, {"typ": "at+jwt", "kid": KEYS.kid}, "RS512"))
    assert jwt.decode(token, public_bytes(serialization.Encoding.PEM), options=LAX)
    assert refusal(token).reason is TokenFault.WRONG_ALGORITHM


def test_a_key_checks_nothing_that_names_another_algorithm_than_its_own() -> None:
    signing_input = f"{segment({'alg': 'RS512', 'kid': KEYS.kid})}.{segment(claims_with())}"
    signature = jwk.construct(PEM, "RS256").sign(signing_input.encode())
    assert verified_claims(f"{signing_input}.{segment(signature)}", KEYS.verifying[KEYS.kid]) is None


def test_our_public_key_is_no_shared_secret() -> None:
    """python-jose with the key as DER bytes and mixed families takes a token anybody could forge."""
    der = public_bytes(serialization.Encoding.DER)
    assert jwt.decode(hmac_signed(der), der, ["RS256", "HS256"], options=LAX)
    assert refusal(hmac_signed(der)).reason is TokenFault.WRONG_ALGORITHM
    assert refusal(hmac_signed(public_bytes(serialization.Encoding.PEM))).reason is TokenFault.WRONG_ALGORITHM


@pytest.mark.parametrize("name", ["none", "None", "NONE", "", "HS256", "RS512", "PS256", "ES256", "rs256"])
def test_no_other_algorithm_is_accepted_not_even_none(name: str) -> None:
    header, payload, signature = issued().split(".")
    changed = segment(json.loads(base64.urlsafe_b64decode(header + "==")) | {"alg": name})
    assert refusal(f"{changed}.{payload}.{signature}").reason is TokenFault.WRONG_ALGORITHM
    assert refusal(f"{changed}.{payload}.").reason is TokenFault.WRONG_ALGORITHM


@pytest.mark.parametrize("name", ["aud", "exp", "iat", "iss", "sub", "jti", "role", "kind"])
def test_a_token_without_a_required_claim_is_refused(name: str) -> None:
    """python-jose requires none of them, and lets a token without aud pass where an audience is asked for."""
    claims = claims_with()
    del claims[name]
    refused = refusal(signed(claims))
    assert (refused.reason, refused.claim) == (TokenFault.MISSING_CLAIM, name)
    assert name in str(refused)


def test_a_critical_extension_is_refused() -> None:
    """python-jose ignores crit."""
    token = signed(claims_with(), crit=["b64"], b64=False)
    assert jws.verify(token, public_bytes(serialization.Encoding.PEM), ["RS256"])
    assert refusal(token).reason is TokenFault.CRITICAL_HEADER


@pytest.mark.parametrize("kind", ["JWT", "id+jwt", "AT+JWT", "", None, ["at+jwt"]])
def test_a_token_of_another_type_is_refused(kind: object) -> None:
    assert refusal(signed(claims_with(), typ=kind)).reason is TokenFault.WRONG_TYPE


# --- keys and signatures ---------------------------------------------------------------------------


def test_a_token_signed_with_another_key_under_our_kid_is_refused() -> None:
    assert refusal(signed(claims_with(), pem=OTHER_PEM)).reason is TokenFault.WRONG_SIGNATURE


@pytest.mark.parametrize("kid", ["unknown", "", None, 7, ["x"], {"x": 1}])
def test_a_token_that_names_no_key_of_ours_is_refused(kid: object) -> None:
    assert refusal(signed(claims_with(), kid=kid)).reason is TokenFault.WRONG_KEY


def test_a_key_brought_along_in_the_header_is_not_used() -> None:
    other = jwk.construct(OTHER_PEM, "RS256").public_key().to_dict()
    token = signed(claims_with(), pem=OTHER_PEM, jwk=other, kid="theirs")
    assert refusal(token).reason is TokenFault.WRONG_KEY


def test_a_changed_claim_breaks_the_signature() -> None:
    header, _, signature = issued().split(".")
    changed = segment(claims_with(role="coordinator"))
    assert refusal(f"{header}.{changed}.{signature}").reason is TokenFault.WRONG_SIGNATURE


def test_a_shortened_or_empty_signature_is_refused() -> None:
    header, payload, signature = issued().split(".")
    for broken in (signature[:-4], "", signature[:-4] + "AAAA"):
        assert refusal(f"{header}.{payload}.{broken}").reason is TokenFault.WRONG_SIGNATURE


# --- times, issuer, audience -------------------------------------------------------------------------


def test_a_token_ends_at_the_second_of_its_expiry() -> None:
    token = issued()
    assert read_at(token, NOW + timedelta(minutes=15, seconds=-1))
    assert refusal(token, NOW + timedelta(minutes=15)).reason is TokenFault.EXPIRED


def test_a_server_whose_clock_runs_a_little_ahead_is_believed_and_no_more() -> None:
    token = issued(now=NOW)
    assert read_at(token, NOW - timedelta(seconds=5))
    assert refusal(token, NOW - timedelta(seconds=6)).reason is TokenFault.NOT_YET_VALID


def test_a_token_is_not_valid_before_its_nbf() -> None:
    later = int(NOW.timestamp()) + 60
    assert refusal(signed(claims_with(nbf=later))).reason is TokenFault.NOT_YET_VALID


def test_the_time_given_counts_and_not_the_machines() -> None:
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    assert read_at(issued(now=long_ago), long_ago).issued_at == long_ago


def test_a_token_of_another_issuer_is_refused() -> None:
    assert refusal(signed(claims_with(iss="https://other.example"))).reason is TokenFault.WRONG_ISSUER


@pytest.mark.parametrize("audience", ["https://other.example", "", None, [], ["x"], 5, {"a": 1}, AUDIENCE[:-1]])
def test_a_token_meant_for_another_service_is_refused(audience: object) -> None:
    assert refusal(signed(claims_with(aud=audience))).reason is TokenFault.WRONG_AUDIENCE


def test_a_token_meant_for_us_among_others_is_read() -> None:
    assert read_at(signed(claims_with(aud=["https://other.example", AUDIENCE]))).audience == AUDIENCE


# --- form ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sub", "nobody"),
        ("sub", 5),
        ("sub", ""),
        ("sid", "x"),
        ("jti", ""),
        ("jti", 1),
        ("role", "owner"),
        ("kind", "job"),
        ("kind", "public"),
        ("scope", ["a"]),
        ("client_id", 3),
        ("exp", "1900000000"),
        ("exp", 1900000000.5),
        ("exp", True),
        ("exp", 10**30),
        ("iat", None),
        ("nbf", "soon"),
        ("auth_time", "today"),
    ],
)
def test_a_claim_of_the_wrong_form_is_refused_by_name(name: str, value: object) -> None:
    refused = refusal(signed(claims_with(**{name: value})))
    assert (refused.reason, refused.claim) == (TokenFault.BAD_CLAIM, name)


def test_a_client_token_names_its_client() -> None:
    refused = refusal(signed(claims_with(kind="client", role="referrer")))
    assert (refused.reason, refused.claim) == (TokenFault.MISSING_CLAIM, "client_id")


def test_an_overlong_token_is_refused_unread() -> None:
    assert refusal("a" * (LONGEST_TOKEN + 1)).reason is TokenFault.TOO_LONG
    assert refusal(signed(claims_with(scope="s" * LONGEST_TOKEN))).reason is TokenFault.TOO_LONG


def test_no_token_is_issued_that_would_not_be_read() -> None:
    scopes = frozenset(f"system/Resource{number}.rs" for number in range(300))
    with pytest.raises(ValueError, match="too long"):
        issue(
            KEYS,
            issuer=ISSUER,
            audience=AUDIENCE,
            subject=SUBJECT,
            kind=Kind.CLIENT,
            role=Role.EXPORTER,
            lifetime=timedelta(minutes=5),
            now=NOW,
            client_id="script",
            scopes=scopes,
        )


NESTED = ("[" * 1400) + ("]" * 1400)
MAKERS: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "one part": lambda: "a",
    "two parts": lambda: ".".join(issued().split(".")[:2]),
    "four parts": lambda: issued() + ".e30",
    "dots": lambda: "...",
    "blank around": lambda: f" {issued()} ",
    "newline": lambda: issued() + "\n",
    "padded": lambda: issued() + "=",
    "standard alphabet": lambda: "e+/0." + issued(),
    "garbage": lambda: "%%%.$$$.&&&",
    "not ASCII": lambda: "é.ü.ß",
    "full-width": lambda: "ｅｙＪ.ｅｙＪ.ｅｙＪ",
    "NUL": lambda: "\x00.\x00.\x00",
    "lone surrogate": lambda: "\ud800.a.b",
    "impossible base64 length": lambda: "abcde.e30.e30",
    "header no JSON": lambda: f"{segment(b'hello')}.e30.e30",
    "header no UTF-8": lambda: f"{segment(bytes([0xFF, 0xFE]))}.e30.e30",
    "header a list": lambda: f"{segment([1])}.e30.e30",
    "header nested": lambda: f"{segment(NESTED.encode())}.e30.e30",
    "payload nested": lambda: signed(b'{"a":' + NESTED[:1200].encode() + NESTED[-1200:].encode() + b"}"),
    "payload a list": lambda: signed(b"[]"),
    "payload text": lambda: signed(b"hello"),
    "payload NaN": lambda: signed(b'{"exp": NaN}'),
    "payload Infinity": lambda: signed(b'{"exp": Infinity}'),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_what_is_no_signed_token_is_refused_as_malformed(make: Callable[[], str]) -> None:
    assert refusal(make()).reason is TokenFault.MALFORMED


def test_nesting_at_the_edge_of_what_can_be_parsed_is_refused_too() -> None:
    """At some depth in this range our reading succeeds and python-jose's, a few calls deeper, fails."""
    start = b'{"alg":"RS256","typ":"at+jwt","kid":"' + KEYS.kid.encode() + b'","x":'
    reasons = {refusal(f"{segment(start + nested(n) + b'}')}.e30.e30").reason for n in range(800, 1010)}
    assert reasons == {TokenFault.MALFORMED, TokenFault.WRONG_SIGNATURE}


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


# --- signing keys -------------------------------------------------------------------------------------


def pem_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def test_signing_keys_that_cannot_sign_are_refused_without_repeating_them() -> None:
    public = public_bytes(serialization.Encoding.PEM).decode()
    short = pem_of(rsa.generate_private_key(65537, 1024))
    elliptic = pem_of(ec.generate_private_key(ec.SECP256R1()))
    faulty: list[tuple[list[str], str]] = [
        ([], "At least one"),
        ([public], "Signing key 1"),
        (["nonsense"], "Signing key 1"),
        ([short], "Signing key 1"),
        ([elliptic], "Signing key 1"),
        ([PEM, "nonsense"], "Signing key 2"),
        ([PEM, "PRIVATE KEY nonsense"], "Signing key 2"),
        ([PEM, short], "Signing key 2"),
        ([PEM, OTHER_PEM, elliptic], "Signing key 3"),
    ]
    for pems, message in faulty:
        with pytest.raises(BadSigningKey, match=message) as caught:
            SigningKeys.from_pem(pems)
        assert not any(pem in str(caught.value) for pem in pems)


def test_keys_do_not_show_themselves_when_printed() -> None:
    assert "PRIVATE" not in repr(KEYS)
    assert KEYS.kid not in repr(KEYS)
