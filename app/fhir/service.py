"""Taking a GP system's message once: a new referral is received, a cancellation withdraws one."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from uuid6 import uuid7

from app.core import clock
from app.core.codes import DeclineReason
from app.core.database import Reader, actor_of, fetch
from app.core.door import strict_json
from app.core.errors import MalformedJson, Problem, TooEarly
from app.core.idempotency import NOT_STORED
from app.core.models import Outbound
from app.core.reading import Source, one
from app.core.sealing import Sealer
from app.fhir import bundles
from app.fhir.envelope import Envelope
from app.fhir.inbound import Cancellation, NewReferral, read_message, unknown_referral
from app.fhir.models import FhirMessage, MessageState
from app.fhir.outcomes import Fault, Refusal, refusal_of
from app.fhir.words import Key, paragraphs, same_system
from app.referrals import service as referrals
from app.referrals.models import ReferralStatus
from app.referrals.shapes import ReferralWithdraw


class ReferralForSender(Outbound):
    """A referral as the system that sent it may read it back."""

    id: UUID
    version: int
    updated_at: datetime
    reference: str
    status: ReferralStatus
    made_on: date
    nhs_number: str | None
    decline_reason: DeclineReason | None


FOR_SENDER = Source(ReferralForSender, "referrals t", fields={"nhs_number": "t.person->>'nhs_number'"})


@dataclass(frozen=True)
class Door:
    """What taking messages needs to know of this installation."""

    base_url: str
    sealer: Sealer
    lenient_nhs_numbers: bool


@dataclass(frozen=True)
class Answer:
    """An HTTP status and a FHIR resource as JSON."""

    status: int
    body: bytes


@dataclass(frozen=True)
class Done:
    """What became of a message."""

    status: int
    resource: Mapping[str, Any]
    read: NewReferral | Cancellation | None = None
    referral_id: UUID | None = None


async def process(db: AsyncSession, door: Door, envelope: Envelope, raw: bytes) -> Answer:
    """The message is taken or refused, once for its two ids; body and answer are kept, sealed.

    Sent again, a message that was taken is a duplicate (409), and one that was refused gets the same refusal.
    Raises `TooEarly` while the first is still worked on, and what may pass when tried again.
    """
    before = await _sent_before(db, door, envelope, raw)
    if before is not None:
        return before
    done = await _work(db, door, envelope, raw)
    body = orjson.dumps(done.resource)
    _keep(db, door, envelope, raw, done, body)
    return Answer(done.status, body)


async def read(db: Reader, referral_id: UUID, base_url: str) -> Answer:
    """A referral of the caller's organisation as a ServiceRequest; noted in the read-audit."""
    found = await one(db, FOR_SENDER, "t.id = $1", referral_id)
    shown = ReferralForSender.model_validate_json(found.body)
    facts = shown.model_dump(exclude={"id"})
    return Answer(200, orjson.dumps(bundles.service_request(base_url=base_url, referral_id=shown.id, **facts)))


async def _sent_before(db: AsyncSession, door: Door, envelope: Envelope, raw: bytes) -> Answer | None:
    client_id = actor_of(db).id
    name = f"{client_id} {envelope.request_id} {envelope.correlation_id}"
    # Lock first, look second: one statement's picture of the table would be older than its lock.
    locked = await fetch(db, "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 2))", name)
    if not locked[0][0]:
        raise TooEarly(headers={"Retry-After": "1"})
    same = select(FhirMessage).where(
        col(FhirMessage.client_id) == client_id,
        col(FhirMessage.message_request_id) == envelope.request_id,
        col(FhirMessage.correlation_id) == envelope.correlation_id,
    )
    first = (await db.exec(same)).one_or_none()
    if first is None:
        return None
    if first.body_hash != _hash(raw):
        words = "Another message was sent with these two ids; a new message has a new X-Request-Id."
        return _answer(Refusal((Fault(400, "value", words, ("http.X-Request-Id",)),)))
    if first.state is MessageState.DONE:
        words = "This message has been received and processed already."
        return _answer(Refusal((Fault(409, "duplicate", words, ("http.X-Request-Id",)),)))
    return Answer(first.status, door.sealer.open(first.answer, "fhir_messages", first.id, "answer"))


def _answer(refusal: Refusal) -> Answer:
    return Answer(refusal.status, orjson.dumps(refusal.as_json()))


async def _work(db: AsyncSession, door: Door, envelope: Envelope, raw: bytes) -> Done:
    """Read and carry out; a refusal undoes whatever was begun."""
    try:
        message = strict_json(raw)
    except MalformedJson as problem:
        return _refused(refusal_of(problem))
    result = read_message(message, envelope.target, lenient_nhs_numbers=door.lenient_nhs_numbers)
    if isinstance(result, Refusal):
        return _refused(result)
    origins = result.origins if isinstance(result, NewReferral) else {}
    try:
        async with db.begin_nested():
            if isinstance(result, NewReferral):
                return await _receive(db, door, message, result)
            return await _withdraw(db, door, message, envelope, result)
    except Problem as problem:
        if problem.status in NOT_STORED or problem.status >= 500:
            raise
        return _refused(refusal_of(problem, origins, result.path), result)


def _refused(refusal: Refusal, result: NewReferral | Cancellation | None = None) -> Done:
    return Done(refusal.status, refusal.as_json(), result)


async def _receive(db: AsyncSession, door: Door, message: Mapping[str, Any], new: NewReferral) -> Done:
    programme_id = await _programme(db, new.destination)
    if programme_id is None:
        words = "There is no such service here."
        path = "Bundle.entry[0].resource.destination[0].endpoint"
        return _refused(Refusal((Fault(400, "value", words, (path,)),)), new)
    to_complete = [f"To complete: {note}" for note in new.notes]
    needs = paragraphs([new.referral.needs, *to_complete]) if to_complete else new.referral.needs
    referral = new.referral.model_copy(update={"programme_id": programme_id, "needs": needs})
    found, referral_id, _ = await referrals.receive(db, referral)
    answer = bundles.answer_to_referral(
        message,
        base_url=door.base_url,
        referral_id=referral_id,
        reference=orjson.loads(found.body)["reference"],
        bundle_id=uuid7(),
        encounter_id=uuid7(),
        at=clock.now(),
    )
    return Done(200, answer, new, referral_id)


async def _programme(db: AsyncSession, service: Key) -> UUID | None:
    rows = await fetch(
        db,
        "SELECT programme_id FROM programmes_service_ids WHERE value = $1 "
        "AND rtrim(regexp_replace(lower(system), '^https?://', ''), '/') = $2",
        service.value,
        service.system,
    )
    return rows[0][0] if rows else None


async def _withdraw(
    db: AsyncSession, door: Door, message: Mapping[str, Any], envelope: Envelope, cancel: Cancellation
) -> Done:
    referral_id = await _meant(db, door, envelope, cancel)
    if referral_id is None:
        return _refused(unknown_referral(cancel), cancel)
    await referrals.withdraw(db, referral_id, ReferralWithdraw(reason=cancel.reason))
    answer = bundles.answer(message, referral_id=referral_id, bundle_id=uuid7(), at=clock.now())
    return Done(200, answer, cancel, referral_id)


async def _meant(db: AsyncSession, door: Door, envelope: Envelope, cancel: Cancellation) -> UUID | None:
    """The referral a cancellation is about: by our id, by either side's identifier, else by its correlation id
    and the NHS number. Never one of a person with another NHS number; an open one before a closed one."""
    ours = same_system(bundles.reference_system(door.base_url))
    rows = await fetch(
        db,
        "WITH named AS (SELECT $1::uuid AS id, 1 AS rank "
        "UNION ALL SELECT id, 2 FROM referrals WHERE reference = ANY ($2::text[]) "
        "UNION ALL SELECT referral_id, 2 FROM fhir_messages WHERE kind = 'new' AND identifiers && $3::text[] "
        "UNION ALL SELECT m.referral_id, 3 FROM fhir_messages m JOIN referrals r ON r.id = m.referral_id "
        "WHERE m.kind = 'new' AND m.correlation_id = $4 AND r.person->>'nhs_number' = $5::text) "
        "SELECT r.id FROM named JOIN referrals r ON r.id = named.id "
        "WHERE $5 IS NULL OR coalesce(r.person->>'nhs_number', $5) = $5 "
        "ORDER BY named.rank, (r.status = 'received') DESC, r.received_at DESC LIMIT 1",
        cancel.referral_id,
        [key.value for key in cancel.identifiers if key.system == ours],
        [str(key) for key in cancel.identifiers],
        envelope.correlation_id,
        cancel.nhs_number,
    )
    return rows[0][0] if rows else None


def _hash(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _keep(db: AsyncSession, door: Door, envelope: Envelope, raw: bytes, done: Done, answer: bytes) -> None:
    """The message is evidence from now on, with what its envelope said."""
    client_id = actor_of(db).id
    assert client_id is not None
    read = done.read
    kind = {NewReferral: "new", Cancellation: "cancel"}.get(type(read), "unknown")
    row = FhirMessage(
        client_id=client_id,
        message_request_id=envelope.request_id,
        correlation_id=envelope.correlation_id,
        state=MessageState.DONE if done.status == 200 else MessageState.REFUSED,
        status=done.status,
        referral_id=done.referral_id,
        kind=kind,
        bundle_id=read.bundle_id if read else None,
        identifiers=[str(key) for key in read.identifiers] if read else [],
        sender=(read.sender.ods_code if read else None) or envelope.organisation_ods_code,
        return_address=read.sender.return_address if read else None,
        body_hash=_hash(raw),
        body=b"",
        answer=b"",
    )
    evidence = orjson.dumps(envelope, default=str) + b"\n" + raw
    row.body = door.sealer.seal(evidence, "fhir_messages", row.id, "body")
    row.answer = door.sealer.seal(answer, "fhir_messages", row.id, "answer")
    db.add(row)
