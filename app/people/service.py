"""Keeping people's records: correcting, finding, and linking a referral to the record of the same person."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import orjson
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.codes import NhsNumberStatus
from app.core.database import Reader, as_service, fetch
from app.core.errors import Conflict, NotFound, invalid
from app.core.fields import age_on
from app.core.reading import Found, Key, Page, Paging, Source, one, page
from app.core.rows import get, refused_as, target, touch
from app.events import service as events
from app.people.models import Agreement, Candidate, Identifiers, Person, PersonDetails
from app.people.shapes import CandidatePublic, PersonFound, PersonPublic, PersonSearch, PersonUpdate
from app.programmes.eligibility import ADULT

# each pair of records once from either side; `id` is the other person, so that the read-audit names people
_PAIRS = (
    "SELECT c.other_person_id AS id, c.person_id AS of_id, c.programme_id, c.same FROM people_candidates c "
    "UNION ALL SELECT c.person_id, c.other_person_id, c.programme_id, c.same FROM people_candidates c"
)
_NAMES = {name: f"p.{name}" for name in ("given_name", "family_name", "known_as")}
_IDENTIFIERS = {name: f"i.{name}" for name in ("nhs_number", "birth_date", "postcode")}

PEOPLE = Source(
    PersonPublic,
    "people t JOIN people_identifiers i ON i.person_id = t.id",
    fields=_IDENTIFIERS
    | {name: f"i.{name}" for name in ("nhs_number_status", "address_lines", "practice_ods_code")}
    | {"candidate_count": f"(SELECT count(*) FROM ({_PAIRS}) c WHERE c.of_id = t.id)"},
)
# the list's first value, $1, is what is looked for
FOUND = Source(
    PersonFound,
    "people_alike($1::text::jsonb) f JOIN people t ON t.id = f.person_id "
    "JOIN people_identifiers i ON i.person_id = t.id",
    fields=_IDENTIFIERS | {"same": "f.same"},
    keys=(Key("f.weight", "int"), Key("t.id", "uuid")),
)
CANDIDATES = Source(
    CandidatePublic,
    f"({_PAIRS}) t JOIN people p ON p.id = t.id JOIN people_identifiers i ON i.person_id = t.id",
    fields=_IDENTIFIERS | _NAMES,
    keys=(Key("t.id", "uuid"), Key("t.programme_id", "uuid")),
)

_PAIR_TAKEN = "uq_people_identifiers_nhs_number_birth_date"
_IDENTIFYING = frozenset(
    {"nhs_number", "nhs_number_status", "birth_date", "address_lines", "postcode", "practice_ods_code"}
)
_NEVER_EMPTY = frozenset(
    {"given_name", "family_name", "birth_date", "is_interpreter_needed", "address_lines", "communication_needs"}
)


class PersonKnown(Conflict):
    """Another record has this NHS number and date of birth; there is one record for each person."""


class PersonDiffers(Conflict):
    """The chosen record has another NHS number than the one given; correct whichever is wrong first."""


async def correct(db: AsyncSession, person_id: UUID, changes: PersonUpdate) -> Found:
    """The record is as corrected; what was not sent stays.

    Refuses a birth date under 18 years, and number and birth date of another record (`PersonKnown`).
    """
    row = await target(db, Person, person_id)
    identifiers = await identifiers_of(db, row.id)
    sent = changes.model_dump(exclude_unset=True)
    given = {name: value for name, value in sent.items() if value is not None or name not in _NEVER_EMPTY}
    if "nhs_number" in given and "nhs_number_status" not in given:
        given["nhs_number_status"] = _status_of(given["nhs_number"])
    if "birth_date" in given and age_on(given["birth_date"], clock.today()) < ADULT:
        raise invalid("/birth_date", "too_young", "The service is for adults of 18 and over.")
    async with refused_as(db, {_PAIR_TAKEN: PersonKnown()}):
        row.sqlmodel_update({name: value for name, value in given.items() if name not in _IDENTIFYING})
        identifiers.sqlmodel_update({name: value for name, value in given.items() if name in _IDENTIFYING})
        # one ETag stands for both tables
        touch(row)
    await events.record(db, "person.corrected", row)
    return await one(db, PEOPLE, "t.id = $1", row.id)


async def search(db: Reader, wanted: PersonSearch, *, secret: bytes) -> Page:
    """People of the caller's programmes who agree with what is known in anything; most agreement first."""
    known = wanted.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_none=True)
    paging = Paging(limit=wanted.limit, cursor=wanted.cursor)
    return await page(db, FOUND, [("{}::text IS NOT NULL", _as_text(known))], paging, secret=secret)


async def candidates(db: Reader, person_id: UUID, paging: Paging, *, secret: bytes) -> Page:
    """Other records of the caller's programmes that may be the same person; `NotFound` for a person unseen."""
    if not await fetch(db, "SELECT FROM people WHERE id = $1", person_id):
        raise NotFound()
    return await page(db, CANDIDATES, [("t.of_id = {}", person_id)], paging, secret=secret)


async def identifiers_of(db: AsyncSession, person_id: UUID) -> Identifiers:
    """The part of a person's record that mentors have no way to."""
    return (await db.exec(select(Identifiers).where(col(Identifiers.person_id) == person_id))).one()


async def link_or_make(db: AsyncSession, details: PersonDetails, chosen_person_id: UUID | None) -> Person:
    """The record of the person named: an existing one, or a new one.

    Linked is the record that a coordinator chose among those it sees, else the one with the same NHS number
    and birth date; anything less makes a new record. A record linked to keeps what it has; only what it lacks
    is filled in. Refuses a chosen record with another NHS number (`PersonDiffers`).
    """
    if chosen_person_id is not None:
        await _check_chosen(db, chosen_person_id, details)
    async with as_service(db, "a person is known by NHS number and birth date in whichever programme"):
        person_id = chosen_person_id or await _known(db, details)
        if person_id is None:
            try:
                return await _make(db, details)
            except PersonKnown:
                # somebody else has just accepted the same person
                person_id = await _known(db, details)
        assert person_id is not None
        return await _fill_in(db, person_id, details)


async def note_candidates(db: AsyncSession, person: Person, programme_id: UUID) -> None:
    """Records of this programme that may be the same person as this one are noted for its coordinators.

    People of other programmes are not compared: that somebody is there is theirs alone to know.
    """
    identifiers = await identifiers_of(db, person.id)
    known = identifiers.model_dump(mode="json", include={"nhs_number", "birth_date", "postcode"}, exclude_none=True)
    known |= {"name": f"{person.given_name} {person.family_name}"} | ({"phone": person.phone} if person.phone else {})
    alike = await fetch(
        db,
        "SELECT f.person_id, f.same FROM people_alike($1::text::jsonb) f WHERE f.person_id <> $2 "
        "AND EXISTS (SELECT FROM mentees m WHERE m.person_id = f.person_id AND m.programme_id = $3) "
        f"AND NOT EXISTS (SELECT FROM ({_PAIRS}) c WHERE c.of_id = $2 AND c.id = f.person_id AND c.programme_id = $3)",
        _as_text(known),
        person.id,
        programme_id,
    )
    async with as_service(db, "records that may be one person are laid out for the coordinators"):
        for other_id, agreeing in alike:
            same = [Agreement(name) for name in agreeing]
            if may_be_one_person(same):
                db.add(Candidate(programme_id=programme_id, person_id=person.id, other_person_id=other_id, same=same))


def may_be_one_person(same: Collection[Agreement]) -> bool:
    """Whether two records agree in enough for somebody to look: the number; or two of name, birth date and contact.

    Postcode and phone alone are a household, a similar name is none.
    """
    agreeing = set(same)
    contact = agreeing & {Agreement.POSTCODE, Agreement.PHONE}
    own = agreeing & {Agreement.NAME, Agreement.BIRTH_DATE}
    return Agreement.NHS_NUMBER in agreeing or len(own) == 2 or bool(own and contact)


def _as_text(known: Mapping[str, Any]) -> str:
    return orjson.dumps(known, option=orjson.OPT_SORT_KEYS).decode()


def _status_of(nhs_number: str | None) -> NhsNumberStatus | None:
    return NhsNumberStatus.NOT_TRACED if nhs_number else None


async def _check_chosen(db: AsyncSession, person_id: UUID, details: PersonDetails) -> None:
    try:
        person = await get(db, Person, person_id)
    except NotFound as unseen:
        raise invalid("/person_id", "person_unknown", "There is no such person among yours.") from unseen
    number = (await identifiers_of(db, person.id)).nhs_number
    if number and details.nhs_number and number != details.nhs_number:
        raise PersonDiffers()


async def _known(db: AsyncSession, details: PersonDetails) -> UUID | None:
    rows = await fetch(
        db,
        "SELECT person_id FROM people_identifiers WHERE nhs_number = $1 AND birth_date = $2",
        details.nhs_number,
        details.birth_date,
    )
    return rows[0][0] if rows else None


async def _make(db: AsyncSession, details: PersonDetails) -> Person:
    given = details.model_dump()
    given["nhs_number_status"] = details.nhs_number_status or _status_of(details.nhs_number)
    person = Person.model_validate({n: v for n, v in given.items() if n not in _IDENTIFYING})
    identifying = {n: v for n, v in given.items() if n in _IDENTIFYING}
    async with refused_as(db, {_PAIR_TAKEN: PersonKnown()}):
        db.add(person)
        await db.flush()
        db.add(Identifiers.model_validate(identifying | {"person_id": person.id}))
    return person


async def _fill_in(db: AsyncSession, person_id: UUID, details: PersonDetails) -> Person:
    person = await get(db, Person, person_id, lock=True)
    identifiers = await identifiers_of(db, person.id)
    given = details.model_dump(exclude_none=True)
    if identifiers.nhs_number:
        given.pop("nhs_number_status", None)
    elif details.nhs_number:
        given["nhs_number_status"] = details.nhs_number_status or _status_of(details.nhs_number)
    async with refused_as(db, {_PAIR_TAKEN: PersonKnown()}):
        for name, value in given.items():
            row = identifiers if name in _IDENTIFYING else person
            if value and not getattr(row, name):
                setattr(row, name, value)
    return person
