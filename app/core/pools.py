"""How full the connections to the database are: lent out, and waited for."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.database import Database


@dataclass(frozen=True)
class PoolUse:
    """How full one pool of connections is; `waiting` counts requests."""

    name: str
    size: int
    in_use: int
    waiting: int


def of(database: Database) -> list[PoolUse]:
    """The three pools of one process at this moment; without any question to PostgreSQL."""
    plain = {"reading": database._reading, "reporting": database._reporting}
    return [
        _of_engine("writing", database._engine),
        *(_of_pool(name, pool) for name, pool in plain.items() if pool is not None),
    ]


# Neither library tells how many wait; both keep them in the queue that they wait at.
def _of_engine(name: str, engine: AsyncEngine) -> PoolUse:
    pool: Any = engine.pool
    return PoolUse(name, pool.size(), pool.checkedout(), _waiting(pool._pool._queue))


def _of_pool(name: str, pool: Any) -> PoolUse:
    return PoolUse(name, pool.get_max_size(), pool.get_size() - pool.get_idle_size(), _waiting(pool._queue))


def _waiting(queue: Any) -> int:
    return sum(not waits.done() for waits in queue._getters)
