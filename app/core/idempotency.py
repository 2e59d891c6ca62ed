"""A request sent twice is done once: the second gets the first's answer, marked as a replay.

With an `Idempotency-Key`, the answer (also a refusal) is stored in the transaction of the work itself and kept 24
hours; the worker clears it away, and now and then the caller's next requests do. 408, 412, 428, 429 and 5xx store
nothing, so that trying again can succeed.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import orjson
import sqlalchemy as sa
from fastapi import Request, Response
from sqlmodel import Field
from sqlmodel.ext.asyncio.session import AsyncSession
from uuid6 import uuid7

from app.core import clock
from app.core.actor import Actor
from app.core.database import Database, Reader, fetch
from app.core.errors import (
    KeyInUse,
    KeyReused,
    NotAllowed,
    invalid,
)
from app.core.identity import Origin
from app.core.models import TEXTS, Row, needed_instant, typed
from app.core.sealing import Sealer

DEEPEST = 100
KEPT = timedelta(hours=24)
NOTE_REPLAY = "INSERT INTO audit_reads (shape, ids) VALUES ('StoredAnswer', $1)"
NOT_STORED = frozenset({401, 403, 408, 412, 425, 428, 429})
SAVED_HEADERS = ("etag", "location", "link")
KEEP = """INSERT INTO idempotent_answers
  (id, created_at, actor_id, key_hash, fingerprint, status, headers, body, reach, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, my_reach(), $9)"""


class IdempotentAnswer(Row, table=True):
    """The stored answer of one (caller, key)."""

    __tablename__ = "idempotent_answers"
    __table_args__ = (
        sa.UniqueConstraint("actor_id", "key_hash"),
        sa.Index("ix_idempotent_answers_actor_id", "actor_id", "expires_at"),
    )

    actor_id: UUID
    key_hash: str = Field(max_length=64)
    fingerprint: str = Field(max_length=64)
    status: int
    headers: str
    body: bytes
    reach: list[str] = typed(sa_type=TEXTS, nullable=False, sa_column_kwargs={"server_default": sa.text("'{}'")})
    """The rights the answer rested on (`my_reach()`); it is given again only while they all still hold."""
    expires_at: datetime = needed_instant()


class AnswerOutOfReach(NotAllowed):
    """This was done before, under rights you no longer hold; it is not done again, and its answer is not shown."""


class Replayed(Exception):
    """Carries a stored answer out of the dependency that found it."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


@dataclass
class Unit:
    """The one transaction of a request, opened when the caller is known, ended before the answer leaves."""

    database: Database
    sealer: Sealer
    db: AsyncSession | None = None
    reader: Reader | None = None
    key_hash: str = ""
    fingerprint: str = ""

    async def read(self, actor: Actor, source: Origin) -> Reader:
        """The transaction of a request that only looks."""
        self.reader = await self.database.read(actor, source)
        return self.reader

    async def report(self, actor: Actor, source: Origin) -> Reader:
        """The transaction of a report."""
        self.reader = await self.database.report(actor, source)
        return self.reader

    async def open(self, actor: Actor, source: Origin, request: Request) -> AsyncSession:
        """The transaction of a change; with an Idempotency-Key, after looking whether this was done before."""
        self.db = self.database.session(actor, source)
        key = request.headers.get("idempotency-key")
        if key is None:
            return self.db
        if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
            raise invalid("header:Idempotency-Key", "key_form", "1 to 255 printable ASCII characters.")
        self.key_hash = hashlib.sha256(key.encode()).hexdigest()
        self.fingerprint = hashlib.sha256(
            f"{request.method} {request.url.path}?{request.url.query}\n".encode() + await request.body()
        ).hexdigest()
        await self.look_up(actor)
        return self.db

    async def look_up(self, actor: Actor) -> None:
        """Take this key; raises what became of it where somebody has it or had it."""
        assert self.db is not None
        assert actor.id is not None
        # through SQLAlchemy, which begins with it: a connection that was lost is noticed there
        connection = await self.db.connection()
        sql = "SELECT * FROM idempotency_begin($1, $2)"
        found = (await connection.exec_driver_sql(sql, (actor.id, self.key_hash))).mappings().one()
        if not found["locked"]:
            raise KeyInUse(headers={"Retry-After": "1"})
        if found["id"] is None:
            return
        if found["fingerprint"] != self.fingerprint:
            raise KeyReused()
        if not found["is_in_reach"]:
            raise AnswerOutOfReach()
        await fetch(self.db, NOTE_REPLAY, [found["id"]])
        body = self.sealer.open(found["body"], "idempotent_answers", found["id"], "body")
        headers = orjson.loads(found["headers"]) | {"Idempotent-Replayed": "true"}
        raise Replayed(Response(body, found["status"], headers))

    def keeps(self, response: Response) -> bool:
        """Whether this answer is one to give again."""
        return bool(self.key_hash) and response.status_code < 500 and response.status_code not in NOT_STORED

    async def keep(self, actor: Actor, response: Response) -> None:
        """Store the answer beside the work, if this request has a key; one statement, with the rights it rests on."""
        if self.db is None or not self.keeps(response):
            return
        headers = {n: v for n, v in response.headers.items() if n in (*SAVED_HEADERS, "content-type")}
        answer_id, now = uuid7(), clock.true_now()
        body = self.sealer.seal(bytes(response.body), "idempotent_answers", answer_id, "body")
        stored = (answer_id, now, actor.id, self.key_hash, self.fingerprint, response.status_code)
        await fetch(self.db, KEEP, *stored, orjson.dumps(headers).decode(), body, now + KEPT)

    async def commit(self) -> None:
        """Everything of this request becomes true at once; where that fails nothing does."""
        try:
            if self.db is not None:
                await self.db.commit()
                await self.db.close()
            await self._end_reading("COMMIT")
        except BaseException:
            await self.abandon()
            raise

    async def abandon(self) -> None:
        """Nothing of this request becomes true."""
        if self.db is not None:
            await self.db.rollback()
            await self.db.close()
        await self._end_reading("ROLLBACK")

    async def _end_reading(self, how: Literal["COMMIT", "ROLLBACK"]) -> None:
        reader, self.reader = self.reader, None
        if reader is not None:
            await reader.end(how)
