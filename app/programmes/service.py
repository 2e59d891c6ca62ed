"""Making a programme and keeping its settings, service ids, contract years and eligibility rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import orjson
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.access.models import Membership
from app.core.actor import Role
from app.core.database import Reader, actor_of, as_service, fetch
from app.core.errors import Conflict, NotAllowed, NotFound, invalid
from app.core.reading import Found, Key, Page, Paging, Source, checked_include, one, page
from app.core.rows import get, refused_as, target, touch
from app.events import service as events
from app.programmes.eligibility import default_rules
from app.programmes.models import ContractYear, EligibilityRules, Programme, ServiceId
from app.programmes.shapes import (
    ContractYearCreate,
    ContractYearPublic,
    EligibilityRule,
    EligibilityRulesPublic,
    ProgrammeCreate,
    ProgrammeForMentor,
    ProgrammeForReferrer,
    ProgrammePublic,
    ProgrammeUpdate,
    ServiceIdGiven,
    ServiceIdPublic,
)

SERVICE_IDS_OF = (
    "SELECT coalesce(json_agg(json_build_object('id', s.id, 'system', s.system, 'value', s.value) "
    "ORDER BY s.system, s.value), '[]') FROM programmes_service_ids s WHERE s.programme_id = t.id"
)
_BY_SERVICE_ID = """SELECT id, is_open FROM programmes WHERE id IN (
  SELECT programme_id FROM programmes_service_ids WHERE value = $1 OR lower(system) = lower($2) AND value = $3)"""
PLACES_TAKEN = "SELECT count(*) FROM mentees m WHERE m.contract_year_id = {}.id"
CONTRACT_YEARS_OF = (
    "SELECT coalesce(json_agg(row_to_json(year)), '[]') FROM (SELECT y.id, y.starts_on, y.ends_on, y.mentor_places, "
    f"y.mentee_places, ({PLACES_TAKEN.format('y')}) AS places_taken, y.price_pence, y.commissioner_id "
    "FROM programmes_contract_years y WHERE y.programme_id = t.id ORDER BY y.starts_on) year"
)
RULES_IN_FORCE = (
    "SELECT json_build_object('number', r.number, 'rules', r.rules, 'created_at', r.created_at) "
    "FROM programmes_eligibility_rules r WHERE r.programme_id = t.id ORDER BY r.number DESC LIMIT 1"
)
BY_NAME = (Key("t.name", "text"), Key("t.id", "uuid"))

PROGRAMMES = Source(
    ProgrammePublic,
    "programmes t",
    fields={"service_ids": f"({SERVICE_IDS_OF})"},
    includes={"contract_years": CONTRACT_YEARS_OF, "eligibility_rules": RULES_IN_FORCE},
    keys=BY_NAME,
    newest_first=False,
    personal=False,
)
FOR_MENTORS = Source(
    ProgrammeForMentor,
    "programmes t",
    fields={"service_ids": f"({SERVICE_IDS_OF})"},
    keys=BY_NAME,
    newest_first=False,
    personal=False,
)
FOR_REFERRERS = Source(
    ProgrammeForReferrer,
    "programmes t",
    fields={"service_ids": f"({SERVICE_IDS_OF})"},
    keys=BY_NAME,
    newest_first=False,
    personal=False,
)
SEEN_BY: Mapping[Role, Source[ProgrammePublic] | Source[ProgrammeForMentor] | Source[ProgrammeForReferrer]] = {
    Role.COORDINATOR: PROGRAMMES,
    Role.ANALYST: PROGRAMMES,
    Role.MENTOR: FOR_MENTORS,
    Role.REFERRER: FOR_REFERRERS,
}
SERVICE_IDS = Source(ServiceIdPublic, "programmes_service_ids t", personal=False)
CONTRACT_YEARS = Source(
    ContractYearPublic,
    "programmes_contract_years t",
    fields={"places_taken": f"({PLACES_TAKEN.format('t')})"},
    personal=False,
)
RULES = Source(
    EligibilityRulesPublic,
    "programmes_eligibility_rules t",
    keys=(Key("t.number", "int"),),
    personal=False,
)


class ServiceIdTaken(Conflict):
    """This service id is in use already; one id leads to one programme."""


class ContractYearsOverlap(Conflict):
    """This contract year overlaps another one of the programme; its years follow one another."""


async def make(db: AsyncSession, given: ProgrammeCreate) -> Programme:
    """The programme is there with all that was given of it, and its maker coordinates it.

    Refuses a service id in use, contract years that overlap, and dates in the wrong order.
    """
    maker_id = actor_of(db).id
    if maker_id is None:
        raise NotAllowed()
    parts = {"service_ids", "contract_years", "eligibility_rules"}
    programme = Programme.model_validate(given.model_dump(exclude=parts, exclude_none=True))
    async with as_service(db, "a new programme has no coordinator yet who could add it"):
        db.add(programme)
        await db.flush()
        db.add(Membership(account_id=maker_id, role=Role.COORDINATOR, programme_id=programme.id))
    await events.record(db, "programme.made", programme, programme.id)
    for service_id in given.service_ids:
        await _add_service_id(db, programme, service_id)
    for position, year in enumerate(given.contract_years):
        await _add_contract_year(db, programme, year, f"/contract_years/{position}")
    rules = given.eligibility_rules
    _add_rules(db, programme, 1, default_rules(given.condition, programme.postcode_areas) if rules is None else rules)
    return programme


async def show(db: AsyncSession | Reader, programme_id: UUID, include: str | None = None) -> Found:
    """The programme, as much of it as the caller's role sees; `include` names further parts, with commas."""
    source = SEEN_BY[actor_of(db).role]
    return await one(db, source, "t.id = $1", programme_id, include=checked_include(source, include))


async def list_seen(db: Reader, paging: Paging, *, secret: bytes) -> Page:
    """The caller's own programmes by name; for a referrer those that take referrals."""
    role = db.actor.role
    where = [("t.is_open", None)] if role is Role.REFERRER else []
    return await page(db, SEEN_BY[role], where, paging, secret=secret)


async def change(db: AsyncSession, programme_id: UUID, changes: ProgrammeUpdate) -> Found:
    """The settings sent are as sent; what was not sent, or is null, stays."""
    programme = await target(db, Programme, programme_id)
    programme.sqlmodel_update(changes.model_dump(exclude_unset=True, exclude_none=True))
    await events.record(db, "programme.changed", programme, programme.id)
    return await show(db, programme_id)


async def add_service_id(db: AsyncSession, programme_id: UUID, given: ServiceIdGiven) -> Found:
    """Messages that name this id find the programme. Refuses one in use, alike whoever uses it."""
    programme = await target(db, Programme, programme_id)
    touch(programme)
    row = await _add_service_id(db, programme, given)
    return await one(db, SERVICE_IDS, "t.id = $1", row.id)


async def remove_service_id(db: AsyncSession, programme_id: UUID, service_id_id: UUID) -> None:
    """The id leads nowhere any more, and another programme may take it."""
    programme = await target(db, Programme, programme_id)
    touch(programme)
    row = await get(db, ServiceId, service_id_id)
    if row.programme_id != programme.id:
        raise NotFound()
    await db.delete(row)


async def add_contract_year(db: AsyncSession, programme_id: UUID, given: ContractYearCreate) -> Found:
    """The programme has one contract year more. Refuses an overlap and dates in the wrong order."""
    programme = await target(db, Programme, programme_id)
    touch(programme)
    row = await _add_contract_year(db, programme, given)
    await events.record(db, "programme.contract_year_added", row)
    return await one(db, CONTRACT_YEARS, "t.id = $1", row.id)


async def replace_rules(db: AsyncSession, programme_id: UUID, rules: Sequence[EligibilityRule]) -> Found:
    """These rules, as the next version, hold for referrals received from now on; older versions stay."""
    programme = await target(db, Programme, programme_id)
    touch(programme)
    number, _ = await current_rules(db, programme_id)
    row = _add_rules(db, programme, number + 1, rules)
    await events.record(db, "programme.rules_replaced", row)
    return await one(db, RULES, "t.id = $1", row.id)


async def list_rules(db: Reader, programme_id: UUID, paging: Paging, *, secret: bytes) -> Page:
    """All versions of the rules, the one in force first; `NotFound` for a programme not one's own."""
    await one(db, PROGRAMMES, "t.id = $1", programme_id)
    return await page(db, RULES, [("t.programme_id = {}", programme_id)], paging, secret=secret)


@dataclass(frozen=True)
class Door:
    """A programme as a referral meets it."""

    id: UUID
    is_open: bool


async def find(db: AsyncSession, *, programme_id: UUID | None = None, service_id: str | None = None) -> Door:
    """The programme that a referral names by its id or by a service id, open or not.

    A service id is a value of any system, or `system|value` where several programmes have the value.
    Refuses none, both, one that is not known, and one that is not enough to tell.
    """
    if (programme_id is None) == (service_id is None):
        raise invalid("/programme_id", "programme_needed", "Either programme_id or service_id is needed, not both.")
    if service_id is None:
        found = await fetch(db, "SELECT id, is_open FROM programmes WHERE id = $1", programme_id)
        if not found:
            raise invalid("/programme_id", "programme_unknown", "There is no such programme.")
    else:
        system, _, value = service_id.rpartition("|")
        found = await fetch(db, _BY_SERVICE_ID, service_id, system, value)
        if not found:
            raise invalid("/service_id", "service_unknown", "No programme has this service id.")
        if len(found) > 1:
            words = "Several programmes have this service id; send it as system|value."
            raise invalid("/service_id", "service_ambiguous", words)
    return Door(**found[0])


async def current_rules(db: AsyncSession, programme_id: UUID) -> tuple[int, list[EligibilityRule]]:
    """The number of the version in force, and its rules."""
    sql = (
        "SELECT number, rules::text FROM programmes_eligibility_rules WHERE programme_id = $1 "
        "ORDER BY number DESC LIMIT 1"
    )
    number, rules = (await fetch(db, sql, programme_id))[0]
    return number, [EligibilityRule.model_validate(rule) for rule in orjson.loads(rules)]


async def contract_year_on(db: AsyncSession, programme_id: UUID, day: date) -> ContractYear | None:
    """The programme's contract year to which a day belongs, or None between contracts."""
    years = select(ContractYear).where(
        col(ContractYear.programme_id) == programme_id,
        col(ContractYear.starts_on) <= day,
        col(ContractYear.ends_on) >= day,
    )
    return (await db.exec(years)).one_or_none()


async def _add_service_id(db: AsyncSession, programme: Programme, given: ServiceIdGiven) -> ServiceId:
    row = ServiceId(programme_id=programme.id, system=given.system, value=given.value)
    async with refused_as(db, {"uq_programmes_service_ids_value": ServiceIdTaken()}):
        db.add(row)
    return row


async def _add_contract_year(
    db: AsyncSession, programme: Programme, given: ContractYearCreate, pointer: str = ""
) -> ContractYear:
    if given.ends_on <= given.starts_on:
        raise invalid(f"{pointer}/ends_on", "dates_order", "The contract year ends after it starts.")
    row = ContractYear.model_validate(given, update={"programme_id": programme.id})
    unknown = invalid(f"{pointer}/commissioner_id", "organisation_unknown", "There is no such organisation.")
    refusals = {
        "ex_programmes_contract_years_overlap": ContractYearsOverlap(),
        "fk_programmes_contract_years_commissioner_id": unknown,
    }
    async with refused_as(db, refusals):
        db.add(row)
    return row


def _add_rules(
    db: AsyncSession, programme: Programme, number: int, rules: Sequence[EligibilityRule]
) -> EligibilityRules:
    row = EligibilityRules(
        programme_id=programme.id, number=number, rules=[rule.model_dump(mode="json") for rule in rules]
    )
    db.add(row)
    return row
