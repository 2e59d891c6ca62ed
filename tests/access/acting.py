"""Somebody at the database itself, identified as the service identifies its callers, with no service between."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from app.core import clock
from app.core.actor import Role
from tests.access.relations import RELATIONS
from tests.access.scene import Scene

IDENTIFY = "SELECT set_config('role', identify($1, $2, $3, $4, $5, $6), true)"
OUTSIDE = {"gate": ("public", "", "gate"), "worker": ("job", "matrix", "worker")}
"""Who is nobody in particular: at sign-in, and the command line."""


def identity(scene: Scene, who: str, role: Role | None = None) -> tuple[Any, ...]:
    """What `identify` is asked for this relation, or for the same caller in another role."""
    kind, name, acts_as = OUTSIDE.get(who) or (
        "client" if who.startswith("client/") else "account",
        str(scene.callers[who].id),
        (role or RELATIONS[who].role).value,
    )
    sign_in = scene.callers[who].sign_in_id if who in scene.callers else None
    source = f"{uuid4()} matrix"
    return kind, name, acts_as, str(sign_in or ""), source, clock.true_now().isoformat()


@asynccontextmanager
async def acting(login: Any, asked: tuple[Any, ...]) -> AsyncIterator[None]:
    """A transaction of the API's login as somebody, which leaves nothing behind."""
    transaction = login.transaction()
    await transaction.start()
    try:
        await login.fetchrow(IDENTIFY, *asked)
        yield
    finally:
        await transaction.rollback()
