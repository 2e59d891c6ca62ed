"""What signing in and trying again leave behind is cleared away once it is of no more use, and not before."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app import worker
from app.accounts.expiry import EXPIRED
from app.core import clock, expiry
from app.core.database import Database
from app.settings import Settings
from tests.factories import World

pytestmark = pytest.mark.anyio


def ago(**parts: float) -> Any:
    """So long before now; negative: after."""
    return clock.true_now() - timedelta(**parts)


async def _sign_in(world: World, **columns: Any) -> UUID:
    return await world.insert("access_sign_ins", {"account_id": world.coordinator.id, "role": "coordinator"} | columns)


async def _token(world: World, sign_in_id: UUID, expires_at: Any) -> UUID:
    return await world.insert(
        "access_refresh_tokens", {"sign_in_id": sign_in_id, "token_hash": uuid4().hex, "expires_at": expires_at}
    )


async def _is_there(owner: Any, table: str, row_id: UUID) -> bool:
    return bool(await owner.fetchval(f"SELECT 1 FROM {table} WHERE id = $1", row_id))


async def test_old_sign_ins_go_with_their_tokens_and_live_ones_stay(
    database: Database, world: World, owner: Any
) -> None:
    long_ago = ago(days=20)
    over, signed_out, live, fresh = [
        await _sign_in(world, **columns)
        for columns in (
            {"created_at": long_ago},
            {"created_at": long_ago, "ended_at": ago(days=2), "ended_because": "signed_out"},
            {"created_at": long_ago},
            {},
        )
    ]
    gone = [await _token(world, over, ago(days=2)), await _token(world, signed_out, ago(days=-3))]
    stays = [await _token(world, live, ago(days=-3)), await _token(world, live, ago(hours=1))]
    await expiry.clear(database, "expired-sign-ins", EXPIRED)
    assert [await _is_there(owner, "access_sign_ins", each) for each in (over, signed_out, live, fresh)] == [
        False,
        False,
        True,
        True,
    ]
    assert not any([await _is_there(owner, "access_refresh_tokens", each) for each in gone])
    assert all([await _is_there(owner, "access_refresh_tokens", each) for each in stays])
    assert (await world.coordinator.get("/v1/me")).status_code == 200


async def test_bookkeeping_goes_as_soon_as_it_stops_nobody_any_more(
    database: Database, world: World, owner: Any
) -> None:
    made = {
        "access_used_jtis": [
            {"client_id": uuid4(), "jti_hash": uuid4().hex, "expires_at": at} for at in (ago(hours=2), ago(hours=-1))
        ],
        "access_tries": [
            {"bucket": uuid4().hex, "window_at": at, "count": 9} for at in (ago(minutes=31), ago(minutes=14))
        ],
        "accounts_password_links": [
            {"account_id": world.coordinator.id, "token_hash": uuid4().hex, "expires_at": at}
            for at in (ago(days=31), ago(days=29))
        ],
        "idempotent_answers": [_answer(ago(seconds=1)), _answer(ago(hours=-1))],
    }
    ids = {table: [await world.insert(table, row) for row in rows] for table, rows in made.items()}
    await expiry.clear(database, "expired", EXPIRED | expiry.ANSWERS)
    for table, (old, young) in ids.items():
        assert not await _is_there(owner, table, old), table
        assert await _is_there(owner, table, young), table


def _answer(expires_at: Any) -> dict[str, Any]:
    return {
        "actor_id": uuid4(),
        "key_hash": uuid4().hex,
        "fingerprint": "",
        "status": 201,
        "headers": "{}",
        "body": b"",
        "reach": [],
        "expires_at": expires_at,
    }


async def test_much_is_cleared_in_small_steps_and_past_what_somebody_holds(
    database: Database, world: World, owner: Any
) -> None:
    rows = [await world.insert("idempotent_answers", _answer(ago(hours=1))) for _ in range(7)]
    async with owner.transaction():
        await owner.execute("SELECT 1 FROM idempotent_answers WHERE id = $1 FOR UPDATE", rows[0])
        assert await expiry.clear(database, "expired-answers", expiry.ANSWERS, batch=2) >= 6
    assert [await _is_there(owner, "idempotent_answers", each) for each in rows] == [True] + [False] * 6
    assert await expiry.clear(database, "expired-answers", expiry.ANSWERS) == 1


async def test_everything_that_expires_is_on_the_workers_list(
    database: Database, world: World, owner: Any, settings: Settings, addresses: Any
) -> None:
    old = await world.insert("idempotent_answers", _answer(ago(hours=1)))
    token = await _token(world, await _sign_in(world, created_at=ago(days=20)), ago(days=2))
    given = {job.name: job for job in worker.jobs(database, settings, addresses)}
    assert {"heartbeat", "expired-sign-ins", "expired-answers", "backup", "restore-drill"} <= set(given)
    for name in ("heartbeat", "expired-sign-ins", "expired-answers"):
        await given[name].work()
    assert not await _is_there(owner, "idempotent_answers", old)
    assert not await _is_there(owner, "access_refresh_tokens", token)
