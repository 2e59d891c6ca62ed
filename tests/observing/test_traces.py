"""A request leaves one span at the collector that the settings name: what was done and how it went, not for whom."""

import json
import sys
from uuid import uuid4

import pytest

from app import installation
from app.core import logs, traces
from app.main import create_app
from tests.conftest import make_settings
from tests.factories import World, body_of, person, referral
from tests.observing.collector import collecting, living

pytestmark = pytest.mark.anyio
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SERVER = 2


async def test_each_request_is_one_span_by_its_route_in_the_callers_trace(
    signing_key: str, addresses: installation.Addresses, owner: object, capfd: pytest.CaptureFixture[str]
) -> None:
    request_id = str(uuid4())
    with collecting() as collector:
        app = create_app(make_settings(signing_key, traces_url=collector.url, log_level="INFO"), addresses)
        async with living(app) as http:
            world = await World.make(app, http, owner)
            sent = referral(world.programme_id, person=person(given_name="Zebedee", family_name="Quartermaine"))
            headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "x-request-id": request_id}
            made = body_of(await world.referrer.post("/v1/referrals", sent, headers=headers), 201)
            await world.coordinator.get("/v1/mentees?nothing=Quartermaine")
            await http.request("QUARTERMAINE", "/v1/nobody/Quartermaine")
        logs.configure("ERROR")
    transaction, receive, *others = collector.spans()
    assert (receive.name, receive.kind, receive.is_error) == ("POST /v1/referrals", SERVER, False)
    assert (receive.trace_id, receive.parent_id) == (TRACE, PARENT)
    assert receive.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/referrals",
        "http.response.status_code": 201,
        "peer_support.request_id": request_id,
        "peer_support.role": "referrer",
    }
    assert (transaction.name, transaction.parent_id) == ("transaction", receive.span_id)
    assert transaction.attributes == {"db.system.name": "postgresql", "db.operation.name": "COMMIT"}
    assert [(span.name, span.attributes["http.response.status_code"], span.parent_id) for span in others] == [
        ("GET /v1/mentees", 422, ""),
        ("other other", 404, ""),
    ]
    everything = b"".join(collector.raw)
    for word in ("Zebedee", "uartermaine", "UARTERMAINE", made["id"], str(world.referrer.id), world.referrer.token):
        assert word.encode() not in everything
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["trace_id"] for line in lines if line["event"] == "request"] == [
        span.trace_id for span in collector.spans() if span.kind == SERVER
    ]


async def test_a_request_that_ends_in_a_fault_of_ours_is_marked_as_one(
    signing_key: str, addresses: installation.Addresses
) -> None:
    with collecting() as collector:
        app = create_app(make_settings(signing_key, traces_url=collector.url), addresses)

        @app.get("/broken")
        async def broken() -> None:
            raise RuntimeError("Zebedee")

        async with living(app) as http:
            assert (await http.get("/broken")).status_code == 500
    (span,) = collector.spans()
    assert span.is_error
    assert span.attributes["error.type"] == "RuntimeError"
    assert b"Zebedee" not in b"".join(collector.raw)


def test_without_what_sends_traces_the_service_says_what_to_install(
    signing_key: str, addresses: installation.Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("opentelemetry")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, traces.ADAPTER, raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(traces.TracesNotInstalled, match=r"requirements-traces\.txt"):
        create_app(make_settings(signing_key, traces_url="http://127.0.0.1:4318"), addresses)


def test_without_an_address_for_traces_nothing_of_it_is_loaded(
    signing_key: str, addresses: installation.Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, traces.ADAPTER, raising=False)
    app = create_app(make_settings(signing_key), addresses)
    assert traces.ADAPTER not in sys.modules
    assert "Traced" not in [getattr(layer.cls, "__name__", "") for layer in app.user_middleware]
