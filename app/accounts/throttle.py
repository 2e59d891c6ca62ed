"""Guessing a password is slow: after some failed tries, signing in waits.

A try counts as failed until it has succeeded, so tries sent side by side are counted as well. What is kept are
keyed hashes and numbers, never an address or e-mail; the true clock counts.
"""

import hashlib
import hmac
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession
from uuid6 import uuid7

from app.core import clock
from app.core.database import fetch

WINDOW = timedelta(minutes=15)
SPREAD = 5
"""From all addresses together an account takes this many times the tries of one address: one stranger cannot
lock its owner out, and many addresses do not help a guesser much."""

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 2))"
# Bounded, and past rows that somebody else is sweeping: no sign-in waits for another's broom.
SWEEP = (
    "DELETE FROM access_tries WHERE id IN "
    "(SELECT id FROM access_tries WHERE window_at < $1 LIMIT 100 FOR UPDATE SKIP LOCKED)"
)
COUNT = (
    "INSERT INTO access_tries (id, created_at, bucket, window_at, count) VALUES ($1, $2, $3, $4, 1) "
    "ON CONFLICT (bucket, window_at) DO UPDATE SET count = access_tries.count + 1"
)


@dataclass(frozen=True)
class Try:
    """One try to sign in: where it is counted, the account's own bucket first, and how many seconds to wait if
    it was one too many."""

    buckets: tuple[str, ...]
    minute: datetime
    wait_seconds: int = 0


async def begin(db: AsyncSession, *, secret: bytes, email: str, address: str, limit: int) -> Try:
    """The try is counted, unless `limit` from this address or `SPREAD` times as many from anywhere are used up.

    Tries are counted by the minute and forgotten 15 minutes later.
    """
    now = clock.true_now()
    minute = now.replace(second=0, microsecond=0)
    anywhere, here = _bucket(secret, email), _bucket(secret, email, address)
    limits = {anywhere: limit * SPREAD, here: limit}
    # Look only once the lock is held: one statement's picture would be older than its lock.
    await fetch(db, LOCK, anywhere)
    rows = await fetch(
        db,
        "SELECT bucket, sum(count) AS tries, min(window_at) AS since FROM access_tries "
        "WHERE bucket = ANY($1) AND window_at > $2 AND count > 0 GROUP BY bucket",
        list(limits),
        now - WINDOW,
    )
    full = [row["since"] + WINDOW - now for row in rows if row["tries"] >= limits[row["bucket"]]]
    if full:
        return Try((), minute, wait_seconds=max(1, math.ceil(max(full).total_seconds())))
    await fetch(db, SWEEP, now - 2 * WINDOW)
    for bucket in limits:
        await fetch(db, COUNT, uuid7(), now, bucket, minute)
    return Try(tuple(limits), minute)


async def forgive(db: AsyncSession, tried: Try) -> None:
    """The try succeeded and no longer counts."""
    await fetch(db, LOCK, tried.buckets[0])
    await fetch(
        db,
        "UPDATE access_tries SET count = count - 1 WHERE bucket = ANY($1) AND window_at = $2 AND count > 0",
        list(tried.buckets),
        tried.minute,
    )


def _bucket(secret: bytes, *parts: str) -> str:
    words = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hmac.new(secret, words, hashlib.sha256).hexdigest()
