"""A sandbox's clock can be moved, for every process at once, and only where the setting offers it."""

from datetime import timedelta

import pytest

from app import installation
from app.core import clock
from app.main import create_app
from app.settings import Settings
from tests.conftest import make_settings, serving
from tests.factories import World, body_of

pytestmark = pytest.mark.anyio


async def test_the_clock_is_absent_unless_a_setting_offers_it(world: World) -> None:
    assert (await world.coordinator.send("PUT", "/v1/clock", json={})).status_code == 404


async def test_a_moved_clock_holds_for_waits_and_not_for_tokens(
    settings: Settings, signing_key: str, addresses: installation.Addresses, world: World
) -> None:
    sandbox = create_app(make_settings(signing_key, clock_movable=True), addresses)
    async with serving(sandbox) as http:
        there = await World.make(sandbox, http, world.owner)
        made = await there.refer()
        later = clock.true_now() + timedelta(days=30)
        body_of(await there.coordinator.send("PUT", "/v1/clock", json={"now": later.isoformat()}))
        try:
            seen = body_of(await there.coordinator.get(f"/v1/referrals/{made['id']}"))
            assert seen["days_waiting"] == 30
            refused = await there.coordinator.send("PUT", "/v1/clock", json={"now": "2026-01-01T09:00:00"})
            assert body_of(refused, 422)["errors"][0]["code"] == "instant_zone"
        finally:
            back = {"now": clock.true_now().isoformat()}
            body_of(await there.coordinator.send("PUT", "/v1/clock", json=back))
            await world.owner.execute("DELETE FROM clock")
