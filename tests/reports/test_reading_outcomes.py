"""Who may read the outcome report, and what it may be asked."""

from decimal import Decimal

import pytest

from app.core.actor import Role
from tests.factories import World, body_of
from tests.reports.year import CURRENT, PERIOD, Told, Year, ask, report

pytestmark = pytest.mark.anyio


async def test_an_analyst_reads_the_report_and_no_mentee(world: World) -> None:
    for score in ("50.0", "60.0"):
        await Year(world).episode(Told(baseline=(Decimal(score), CURRENT), follow_up=(Decimal("64.0"), CURRENT)))
    analyst = await world.caller(Role.ANALYST)
    seen = await report(world, caller=analyst)
    own = await report(world)
    assert seen | {"as_of": None} == own | {"as_of": None}
    for path in ("/v1/mentees", "/v1/screens/today", "/v1/screens/waiting-list", "/v1/pam-assessments"):
        assert (await analyst.get(path)).status_code == 403


async def test_a_client_reads_the_report_with_its_scope_alone(world: World) -> None:
    allowed = await world.client(Role.ANALYST, frozenset({"reports.read"}))
    assert (await ask(allowed, world)).status_code == 200
    narrower = await world.client(Role.ANALYST, frozenset())
    assert (await ask(narrower, world)).status_code == 403


@pytest.mark.parametrize("role", [Role.ANALYST, Role.COORDINATOR])
async def test_another_programmes_report_is_not_found(world: World, elsewhere: World, role: Role) -> None:
    stranger = await elsewhere.caller(role)
    assert (await ask(stranger, world)).status_code == 404


async def test_mentors_and_referrers_have_no_report(world: World) -> None:
    mentor = await world.caller(Role.MENTOR)
    for caller in (mentor, world.referrer):
        assert (await ask(caller, world)).status_code == 403


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-01-02&until=2026-01-01", "query:until"),
        ("from=2026-02-30&until=2026-03-31", "query:from"),
        ("from=2026-01-01", "query:until"),
        (f"{PERIOD}&cut_set=newest", "query:cut_set"),
    ],
)
async def test_an_impossible_period_is_refused_with_its_field(world: World, query: str, field: str) -> None:
    problem = body_of(await ask(world.coordinator, world, query), 422)
    assert [each["field"] for each in problem["errors"]] == [field]
