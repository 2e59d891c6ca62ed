"""Bad input: a clear refusal that names the field and the rule, repeats nothing that was sent, and loses nothing."""

import asyncio
import base64
import string
from typing import Any
from uuid import uuid4

import httpx
import pytest
from jose import jwt

from app.access.keys import SigningKeys
from tests.factories import World, body_of, person, referral

pytestmark = pytest.mark.anyio
SECRET = "Zebedee-Quartermaine"


async def _raw(world: World, body: bytes, **headers: str) -> httpx.Response:
    sent = {"Authorization": f"Bearer {world.referrer.token}", "Content-Type": "application/json"} | headers
    return await world.http.post("/v1/referrals", content=body, headers=sent)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"a": NaN}',
        b'{"a": 1e400}',
        b'{"a": Infinity}',
        b'{"a": "\\ud800"}',
        b"\xff\xfe",
        b"[" * 5000 + b"]" * 5000,
        b'{"a":' * 3000 + b"1" + b"}" * 3000,
        b'{"a":' * 101 + b"1" + b"}" * 101,
        b"{'a': 1}",
        b'{"a": 1,}',
    ],
)
async def test_what_is_not_strict_json_is_refused_as_malformed(world: World, body: bytes) -> None:
    problem = body_of(await _raw(world, body), 400)
    assert problem["type"] == "/problems/malformed-json"


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"null", b"true"])
async def test_json_that_is_no_object_is_refused(world: World, body: bytes) -> None:
    assert body_of(await _raw(world, body), 422)["type"] == "/problems/not-valid"


async def test_an_empty_body_is_refused(world: World) -> None:
    assert body_of(await _raw(world, b""), 422)["type"] == "/problems/not-valid"


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "multipart/form-data", ""])
async def test_another_media_type_is_refused(world: World, media_type: str) -> None:
    refused = await _raw(world, b"{}", **{"Content-Type": media_type})
    assert body_of(refused, 415)["type"] == "/problems/media-type-not-supported"


async def test_a_body_over_a_mebibyte_is_refused(world: World) -> None:
    refused = await _raw(world, b'{"needs": "' + b"x" * (1024 * 1024) + b'"}')
    assert body_of(refused, 413)["type"] == "/problems/body-too-large"


async def test_a_long_body_sent_without_its_length_is_refused_too(world: World) -> None:
    async def pieces() -> Any:
        for _ in range(40):
            yield b"x" * 65536

    headers = {"Authorization": f"Bearer {world.referrer.token}", "Content-Type": "application/json"}
    refused = await world.http.post("/v1/referrals", content=pieces(), headers=headers)
    assert refused.status_code == 413


PERSON_FAULTS: list[tuple[str, Any, str]] = [
    ("nhs_number", "9434765910", "nhs_number_check_digit"),
    ("nhs_number", "1111111111", "nhs_number_all_alike"),
    ("nhs_number", "９４３４７６５９１９", "nhs_number_form"),
    ("nhs_number", 9434765919, "text_type"),
    ("birth_date", "2999-01-01", "date_in_future"),
    ("birth_date", "2001-02-29", "date_impossible"),
    ("birth_date", "1968-04-12T00:00:00", "date_form"),
    ("given_name", "Nul\x00byte", "text_control"),
    ("given_name", "", "text_empty"),
    ("given_name", "x" * 101, "text_too_long"),
    ("postcode", "NOWHERE", "postcode_form"),
    ("phone", "12", "phone_form"),
    ("email", "nobody", "email_form"),
    ("ethnic_category", "Q", "enum"),
    ("language", "?!", "language_form"),
    ("practice_ods_code", "A-1", "ods_code_form"),
    ("is_interpreter_needed", "yes", "bool_type"),
    ("shoe_size", 9, "extra_forbidden"),
]


@pytest.mark.parametrize(("name", "value", "code"), PERSON_FAULTS)
async def test_a_faulty_field_of_a_person_is_named(world: World, name: str, value: Any, code: str) -> None:
    refused = await world.referrer.post("/v1/referrals", referral(world.programme_id, person=person() | {name: value}))
    problem = body_of(refused, 422)
    assert [(e["field"], e["code"]) for e in problem["errors"]] == [(f"/person/{name}", code)]
    if isinstance(value, str) and value:
        # The request's own number is drawn, and two digits may occur in it by chance.
        assert value not in refused.text.replace(problem["request_id"], "")


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("made_on", "2999-01-01", "/made_on"),
        ("made_on", "tomorrow", "/made_on"),
        ("programme_id", SECRET, "/programme_id"),
        ("reasons", [], "/reasons"),
        ("reasons", [SECRET], "/reasons/0"),
        ("consent", {"is_given": False, "given_on": "2026-01-01", "method": "in_person"}, "/consent/is_given"),
        ("status", "accepted", "/status"),
        ("id", "0190f3c4-7c1e-7c3a-9d55-2f6a8f1f0b11", "/id"),
        ("person", {"given_name": SECRET}, "/person/family_name"),
    ],
)
async def test_a_faulty_field_is_named_and_its_value_not_repeated(
    world: World, name: str, value: Any, field: str
) -> None:
    refused = await world.referrer.post("/v1/referrals", referral(world.programme_id) | {name: value})
    problem = body_of(refused, 422)
    assert field in [e["field"] for e in problem["errors"]]
    assert SECRET not in refused.text
    assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/v1/referrals/nonsense", f"/v1/referrals/{SECRET}/decline"])
async def test_an_id_that_is_no_uuid_is_refused(world: World, path: str) -> None:
    method = "POST" if path.endswith("decline") else "GET"
    refused = await world.coordinator.send(method, path, json={"reason": "other"} if method == "POST" else None)
    problem = body_of(refused, 422)
    assert problem["errors"][0]["field"] == "path:referral_id"
    assert SECRET not in refused.text


async def test_an_address_that_is_not_there_says_so(world: World) -> None:
    assert body_of(await world.coordinator.get("/v1/nothing"), 404)["type"] == "/problems/not-found"
    refused = await world.coordinator.send("DELETE", "/v1/referrals")
    assert body_of(refused, 405)["type"] == "/problems/method-not-allowed"


async def test_a_change_without_if_match_is_refused_and_a_stale_one_too(world: World) -> None:
    path = f"/v1/organisations/{world.practice_id}"
    absent = await world.coordinator.patch(path, {"name": "B"}, None)
    assert body_of(absent, 428)["type"] == "/problems/version-required"
    changed = await world.coordinator.patch(path, {"name": "B"}, '"v1"')
    assert (changed.status_code, changed.headers["etag"]) == (200, '"v2"')
    stale = await world.coordinator.patch(path, {"name": "C"}, '"v1"')
    assert body_of(stale, 412)["type"] == "/problems/version-changed"
    malformed = await world.coordinator.patch(path, {"name": "C"}, "v1")
    assert body_of(malformed, 422)["errors"][0]["field"] == "header:If-Match"


async def test_on_a_verb_if_match_is_optional_and_checked_when_sent(world: World) -> None:
    made = await world.refer()
    path = f"/v1/referrals/{made['id']}/decline"
    stale = await world.coordinator.post(path, {"reason": "other"}, headers={"If-Match": '"v7"'})
    assert stale.status_code == 412
    assert (await world.coordinator.post(path, {"reason": "other"}, headers={"If-Match": '"v1"'})).status_code == 200


async def test_a_cursor_with_any_other_last_letter_is_refused(world: World) -> None:
    for _ in range(2):
        await world.refer()
    cursor = body_of(await world.coordinator.get("/v1/referrals?limit=1"))["next"]
    for letter in set(string.ascii_letters + string.digits + "-_") - {cursor[-1]}:
        refused = await world.coordinator.get(f"/v1/referrals?limit=1&cursor={cursor[:-1]}{letter}")
        assert body_of(refused, 400)["type"] == "/problems/cursor-not-valid", letter


@pytest.mark.parametrize("twist", ["flip", "cut", "other list", "other filter", "garbage"])
async def test_a_tampered_cursor_is_refused(world: World, twist: str) -> None:
    for _ in range(3):
        await world.refer()
    cursor = body_of(await world.coordinator.get("/v1/referrals?limit=1"))["next"]
    path = {
        "flip": f"/v1/referrals?limit=1&cursor={'A' if cursor[0] != 'A' else 'B'}{cursor[1:]}",
        "cut": f"/v1/referrals?limit=1&cursor={cursor[:10]}",
        "other list": f"/v1/organisations?limit=1&cursor={cursor}",
        "other filter": f"/v1/referrals?limit=1&status=declined&cursor={cursor}",
        "garbage": "/v1/referrals?limit=1&cursor=AAAA",
    }[twist]
    assert body_of(await world.coordinator.get(path), 400)["type"] == "/problems/cursor-not-valid"


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=many", "include=everything", "status=lost", "cursor=%00"]
)
async def test_a_faulty_query_names_its_parameter(world: World, query: str) -> None:
    problem = body_of(await world.coordinator.get(f"/v1/referrals?{query}"), 422)
    assert problem["errors"][0]["field"] == f"query:{query.split('=')[0]}"


async def test_no_token_and_tokens_that_are_not_ours_answer_alike(world: World) -> None:
    other = SigningKeys.generate()
    claims = {"sub": str(world.coordinator.id), "iss": "x", "aud": "x", "exp": 9999999999, "role": "coordinator"}
    tokens = ["", "nonsense", world.coordinator.token[:-4] + "AAAA", jwt.encode(claims, "secret", algorithm="HS256")]
    for token in [*tokens, jwt.encode(claims, other.jwks()["keys"][0]["n"], algorithm="HS256")]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        refused = await world.http.get("/v1/referrals", headers=headers)
        problem = body_of(refused, 401)
        assert problem["type"] == "/problems/not-signed-in"
        assert refused.headers["www-authenticate"].startswith("Bearer")


async def test_a_disabled_accounts_live_token_is_refused_at_once(world: World) -> None:
    assert (await world.coordinator.get("/v1/referrals")).status_code == 200
    await world.owner.execute("UPDATE accounts SET status = 'disabled' WHERE id = $1", world.coordinator.id)
    assert (await world.coordinator.get("/v1/referrals")).status_code == 401


async def test_a_role_taken_away_is_refused_at_once(world: World) -> None:
    await world.owner.execute("DELETE FROM access_memberships WHERE account_id = $1", world.referrer.id)
    assert (await world.referrer.post("/v1/referrals", referral(world.programme_id))).status_code == 401


async def test_a_commit_that_fails_leaves_nothing_and_is_not_answered_with_success(world: World) -> None:
    await world.owner.execute(
        """CREATE OR REPLACE FUNCTION fails_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'; END $$"""
    )
    await world.owner.execute(
        "CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON organisations DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW WHEN (NEW.name = 'Fails at commit') EXECUTE FUNCTION fails_at_commit()"
    )
    try:
        sent = {"ods_code": "FAILS1", "name": "Fails at commit", "kind": "other"}
        refused = await world.coordinator.post("/v1/organisations", sent, headers={"Idempotency-Key": "once"})
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
    finally:
        await world.owner.execute("DROP TRIGGER fails ON organisations; DROP FUNCTION fails_at_commit()")
    assert await world.owner.fetchval("SELECT count(*) FROM organisations WHERE ods_code = 'FAILS1'") == 0
    again = await world.coordinator.post("/v1/organisations", sent, headers={"Idempotency-Key": "once"})
    assert again.status_code == 201


async def test_a_key_in_use_is_told_to_wait(world: World) -> None:
    sent = referral(world.programme_id)
    key = {"Idempotency-Key": "same-moment"}
    answers = await asyncio.gather(*(world.referrer.post("/v1/referrals", sent, headers=key) for _ in range(8)))
    statuses = {a.status_code for a in answers}
    assert statuses <= {201, 409}
    assert len({a.json()["id"] for a in answers if a.status_code == 201}) == 1
    for waiting in (a for a in answers if a.status_code == 409):
        assert waiting.json()["type"] == "/problems/key-in-use"
        assert waiting.headers["retry-after"]


async def test_every_answer_carries_a_request_id_and_safe_headers(world: World) -> None:
    wanted = str(uuid4())
    answer = await world.coordinator.get("/v1/referrals", headers={"X-Request-Id": wanted})
    assert answer.headers["x-request-id"] == wanted
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    odd = await world.coordinator.get("/v1/referrals", headers={"X-Request-Id": SECRET})
    assert odd.headers["x-request-id"] != SECRET


async def test_a_browser_of_a_named_origin_may_read_what_it_needs_and_others_nothing(world: World) -> None:
    named = await world.coordinator.get("/v1/referrals", headers={"Origin": "https://app.example.org"})
    assert named.headers["access-control-allow-origin"] == "https://app.example.org"
    exposed = set(named.headers["access-control-expose-headers"].split(", "))
    assert {"ETag", "Link", "Location", "Retry-After", "X-Request-Id", "Idempotent-Replayed"} <= exposed
    assert "access-control-allow-credentials" not in named.headers
    other = await world.coordinator.get("/v1/referrals", headers={"Origin": "https://elsewhere.example.org"})
    assert "access-control-allow-origin" not in other.headers


async def test_a_body_that_needs_no_field_may_be_left_out(world: World) -> None:
    made = await world.refer()
    headers = {"Authorization": f"Bearer {world.referrer.token}"}
    withdrawn = await world.http.post(f"/v1/referrals/{made['id']}/withdraw", headers=headers)
    assert body_of(withdrawn)["status"] == "withdrawn"


async def test_an_unknown_or_repeated_query_parameter_is_refused(world: World) -> None:
    unknown = await world.coordinator.get(f"/v1/referrals?{SECRET}=1")
    assert body_of(unknown, 422)["errors"][0]["code"] == "parameter_unknown"
    assert SECRET not in unknown.text
    repeated = await world.coordinator.get("/v1/referrals?status=received&status=accepted")
    assert body_of(repeated, 422)["errors"][0]["field"] == "query:status"


async def test_a_key_that_is_no_field_name_is_not_repeated(world: World) -> None:
    refused = await world.referrer.post(
        "/v1/referrals", referral(world.programme_id, person=person() | {f"{SECRET} 9434765919": 1})
    )
    assert body_of(refused, 422)["errors"][0]["field"] == "/person"
    assert SECRET not in refused.text


async def test_a_cursor_carries_nothing_that_can_be_read(world: World) -> None:
    for n in range(2):
        sent = {"ods_code": f"C{uuid4().hex[:6]}".upper(), "name": f"{SECRET} {n}", "kind": "other"}
        body_of(await world.coordinator.post("/v1/organisations", sent), 201)
    cursor = body_of(await world.coordinator.get("/v1/organisations?limit=1"))["next"]
    assert SECRET.encode() not in base64.urlsafe_b64decode(cursor + "===")


async def test_an_address_with_a_slash_at_its_end_is_another_one(world: World) -> None:
    assert (await world.coordinator.get("/v1/referrals/")).status_code in (404, 405)
