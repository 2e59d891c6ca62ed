"""The epoch of the change feed: transaction numbers count within it, and a restored database begins the next."""

from typing import Any
from uuid import uuid4


async def present(connection: Any) -> int:
    """The epoch; 0 for a database that was never restored, or is of a version that did not count."""
    if not await connection.fetchval("SELECT to_regclass('public.change_epochs') IS NOT NULL"):
        return 0
    number: int = await connection.fetchval("SELECT coalesce(max(number), 0) FROM change_epochs")
    return number


async def raise_epoch(connection: Any, *, above: int = 0) -> int:
    """The next epoch has begun, beyond any that was ever told; whoever follows the changes starts afresh.

    `above` is the highest epoch known from elsewhere: a backup does not know of the restores after it. Returns the
    new one.
    """
    number = max(await present(connection), above) + 1
    await connection.execute(
        "INSERT INTO change_epochs (id, created_at, number) VALUES ($1, clock_timestamp(), $2)", uuid4(), number
    )
    return number
