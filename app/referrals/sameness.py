"""Whether two referrals are about one person: sent twice, open twice, or sent from two places."""

import hashlib
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import actor_of, fetch
from app.core.errors import Conflict, invalid
from app.people.models import PersonDetails
from app.programmes.service import Door
from app.referrals.models import Referral
from app.referrals.shapes import ReferralCreate

# Whether the referral of a row `r` is about the person of two keys, $1 and $2, of whom $3 says whether the NHS
# number is known. Two people may share name, birth date and postcode: two different NHS numbers tell them apart.
_SAME_PERSON = "(r.subject_key = $1 OR r.name_key = $2 AND (NOT $3::boolean OR r.person->>'nhs_number' IS NULL))"


class ReferralOpen(Conflict):
    """Your organisation has an open referral of this person to this programme already; `link` leads to it."""


class SourceReferenceUsed(Conflict):
    """This `source_reference` belongs to a referral of another person or to another programme; `link` leads to it."""


def name_key(person: PersonDetails) -> str | None:
    """SHA-256 of names, birth date and postcode, case-folded; None without birth date or postcode."""
    if person.birth_date is None or person.postcode is None:
        return None
    parts = (person.given_name, person.family_name, person.birth_date.isoformat(), person.postcode)
    return _hashed("\0".join(part.casefold() for part in parts))


def subject_key(person: PersonDetails) -> str | None:
    """SHA-256 of the NHS number, else the name key; None when too little is known."""
    return _hashed(f"nhs:{person.nhs_number}") if person.nhs_number else name_key(person)


def _hashed(told: str) -> str:
    return hashlib.sha256(told.encode()).hexdigest()


async def sent_before(db: AsyncSession, referral: ReferralCreate, programme: Door) -> UUID | None:
    """The first referral under the same source system and reference; waits for one that is just being received.

    Refuses a reference that was used for another person or programme (`SourceReferenceUsed`, with its link).
    """
    if (referral.source_system is None) != (referral.source_reference is None):
        raise invalid("/source_reference", "source_pair", "Send source_system and source_reference together.")
    if referral.source_reference is None:
        return None
    name = (actor_of(db).id, referral.source_system, referral.source_reference)
    await _lock(db, *name)
    person = referral.person
    rows = await fetch(
        db,
        f"SELECT r.id, coalesce(r.programme_id = $4 AND ({_SAME_PERSON} OR r.person = $5::text::jsonb), false) "
        "FROM referrals r "
        "WHERE r.posted_by = $6 AND r.source_system = $7 AND r.source_reference = $8",
        subject_key(person),
        name_key(person),
        person.nhs_number is not None,
        programme.id,
        person.model_dump_json(exclude_none=True),
        *name,
    )
    if not rows:
        return None
    first: UUID = rows[0][0]
    if not rows[0][1]:
        raise SourceReferenceUsed(link=f"/v1/referrals/{first}")
    return first


async def wait_for_the_person(db: AsyncSession, row: Referral) -> None:
    """Referrals of one person by one organisation pass here one after the other.

    A unique index refuses two with one NHS number. Where one of the two lacks it no index can say what is refused.
    """
    if row.organisation_id is not None and row.name_key is not None:
        await _lock(db, row.organisation_id, row.programme_id, row.name_key)


async def open_ones(db: AsyncSession, row: Referral) -> list[tuple[UUID, bool]]:
    """The other open referrals of the person to the programme, and whether each is of the same organisation."""
    found = await fetch(
        db,
        "SELECT r.id, r.organisation_id IS NOT DISTINCT FROM $6 AS is_ours FROM referrals r "
        f"WHERE {_SAME_PERSON} AND r.programme_id = $4 AND r.status = 'received' AND r.id <> $5 "
        "ORDER BY r.received_at",
        row.subject_key,
        row.name_key,
        "nhs_number" in row.person,
        row.programme_id,
        row.id,
        row.organisation_id,
    )
    return [(one["id"], one["is_ours"]) for one in found]


async def already_open(db: AsyncSession, row: Referral) -> ReferralOpen:
    """The refusal of a second referral, with its `link` where the caller may see the first."""
    refusal = ReferralOpen()
    links = [other_id for other_id, is_ours in await open_ones(db, row) if is_ours]
    if links:
        refusal.facts["link"] = f"/v1/referrals/{links[0]}"
    return refusal


async def _lock(db: AsyncSession, *names: object) -> None:
    """Until the transaction ends, nobody else passes under these names; a statement of its own, because one
    statement's picture of the table would be older than its lock."""
    name = "\n".join(map(str, names))
    await fetch(db, "SELECT pg_advisory_xact_lock(hashtextextended($1, 2))", name)
