"""How a person arrives: received, then accepted, declined or withdrawn."""

from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.access.permissions import Permission
from app.core import clock
from app.core.actor import Actor, Role
from app.core.database import actor_of, as_service, fetch
from app.core.errors import Conflict, FieldError, NotAllowed, NotValid, Unavailable, invalid
from app.core.fields import age_on
from app.core.reading import BY_ORGANISATION, BY_PROGRAMME, Found, Source, one
from app.core.rows import insert, insert_values, target
from app.core.steps import Step, Steps
from app.events import service as events
from app.people.models import PersonDetails
from app.programmes import service as programmes
from app.programmes.eligibility import ADULT
from app.referrals.judging import judge
from app.referrals.models import Referral, ReferralLink, ReferralStatus, Triage
from app.referrals.references import new_reference, parse
from app.referrals.sameness import (
    SourceReferenceUsed,
    already_open,
    name_key,
    open_ones,
    sent_before,
    subject_key,
    wait_for_the_person,
)
from app.referrals.shapes import ReferralCreate, ReferralDecline, ReferralForReferrer, ReferralPublic, ReferralWithdraw

STEPS = Steps(
    {
        "accept": Step(("received",), "accepted", Permission.TRIAGE),
        "decline": Step(("received",), "declined", Permission.TRIAGE),
        "withdraw": Step(("received",), "withdrawn", Permission.WITHDRAW_REFERRALS),
    }
)

_REFERRER = (
    "json_build_object('name', t.referrer_name, 'role', t.referrer_role, "
    "'phone', t.referrer_phone, 'email', t.referrer_email)"
)
REFERRALS = Source(
    ReferralPublic,
    "referrals t LEFT JOIN organisations o ON o.id = t.organisation_id "
    "LEFT JOIN referrals_triage g ON g.referral_id = t.id",
    fields={
        "organisation_name": "o.name",
        "eligibility": "g.eligibility",
        "eligibility_version": "g.eligibility_version",
        "override_reason": "g.override_reason",
        "decline_note": "g.decline_note",
        "referrer": _REFERRER,
        "days_waiting": "greatest(0, coalesce((t.decided_at AT TIME ZONE 'Europe/London')::date, app_today()) "
        "- (t.received_at AT TIME ZONE 'Europe/London')::date)",
        "mentee_id": "(SELECT m.id FROM mentees m WHERE m.referral_id = t.id)",
        "linked": "ARRAY(SELECT l.other_referral_id FROM referrals_links l WHERE l.referral_id = t.id "
        "UNION ALL SELECT l.referral_id FROM referrals_links l WHERE l.other_referral_id = t.id)",
    },
    steps=STEPS,
    walks=BY_PROGRAMME,
)
_WORDS = " ".join(f"WHEN '{s.value}' THEN '{s.label}'" for s in ReferralStatus)
OWN_REFERRALS = Source(
    ReferralForReferrer,
    "referrals t",
    fields={"status_words": f"CASE t.status {_WORDS} END", "referrer": _REFERRER},
    steps=STEPS,
    walks=BY_ORGANISATION,
)


class ProgrammeClosed(Conflict):
    """This programme takes no referrals at present."""


class OrganisationNeeded(NotValid):
    """Your account serves several organisations; say in `organisation_id` on whose behalf you refer."""


def source_for(actor: Actor) -> Source[Any]:
    """What this caller may see of a referral."""
    return REFERRALS if actor.role is Role.COORDINATOR else OWN_REFERRALS


async def receive(db: AsyncSession, referral: ReferralCreate) -> tuple[Found, UUID, bool]:
    """The referral is there, with its human reference and what the rules say of it; nobody is accepted yet.

    Gives the referral, its id and whether it is new: the same `source_system` and `source_reference` give the
    first back, and are refused for another person or programme (`SourceReferenceUsed`). Refuses a second open one
    of the same person from the same organisation (`ReferralOpen`); both with a link. One from another organisation is
    received, and linked for the coordinator alone.
    """
    actor = actor_of(db)
    programme = await programmes.find(db, programme_id=referral.programme_id, service_id=referral.service_id)
    organisation_id = await _on_behalf_of(db, referral, programme)
    known = await sent_before(db, referral, programme)
    if known is not None:
        return await one(db, source_for(actor), "t.id = $1", known), known, False
    if not programme.is_open:
        raise ProgrammeClosed()
    _check_age(referral.person)
    assert actor.id is not None
    row = await _insert(db, _row(referral, programme, organisation_id, actor.id))
    await _lay_out(db, row, referral)
    await events.record(db, "referral.received", row)
    return await one(db, source_for(actor), "t.id = $1", row.id), row.id, True


async def decline(db: AsyncSession, referral_id: UUID, decision: ReferralDecline) -> Found:
    """The referral is declined with its reason, and where else the person may turn."""
    row = await target(db, Referral, referral_id)
    _decide(row, "decline")
    row.decline_reason = decision.reason
    row.elsewhere = decision.elsewhere
    triage = await triage_of(db, referral_id)
    triage.decline_note = decision.note
    triage.decided_by = actor_of(db).id
    await events.record(db, "referral.declined", row)
    return await one(db, REFERRALS, "t.id = $1", row.id)


async def withdraw(db: AsyncSession, referral_id: UUID, wish: ReferralWithdraw) -> Found:
    """The referral is taken back before a decision."""
    row = await target(db, Referral, referral_id)
    _decide(row, "withdraw")
    row.withdrawal_reason = wish.reason
    await events.record(db, "referral.withdrawn", row)
    return await one(db, source_for(actor_of(db)), "t.id = $1", row.id)


async def triage_of(db: AsyncSession, referral_id: UUID) -> Triage:
    """The coordinators' side of a referral."""
    return (await db.exec(select(Triage).where(col(Triage.referral_id) == referral_id))).one()


def _decide(row: Referral, verb: str) -> None:
    STEPS.check(row.status, verb)
    row.status = ReferralStatus(STEPS.verbs[verb].to or row.status)
    row.decided_at = clock.now()


async def _on_behalf_of(db: AsyncSession, referral: ReferralCreate, programme: programmes.Door) -> UUID | None:
    """The organisation the referral counts for: a client's own, an account's only one, or the one it names."""
    actor = actor_of(db)
    if actor.role is Role.COORDINATOR:
        mine = [r[0] for r in await fetch(db, "SELECT my_programmes()")]
        if programme.id not in mine:
            raise NotAllowed()
        if referral.organisation_id is not None:
            known = await fetch(db, "SELECT 1 FROM organisations WHERE id = $1", referral.organisation_id)
            if not known:
                raise invalid("/organisation_id", "organisation_unknown", "There is no such organisation.")
        return referral.organisation_id
    mine = sorted({r[0] for r in await fetch(db, "SELECT my_organisations()")})
    if referral.organisation_id is None and len(mine) == 1:
        only: UUID = mine[0]
        return only
    if referral.organisation_id is None:
        fault = FieldError("/organisation_id", "missing", "This field is needed.")
        raise OrganisationNeeded(errors=[fault])
    if referral.organisation_id not in mine:
        raise NotAllowed()
    return referral.organisation_id


def _check_age(person: PersonDetails) -> None:
    if person.birth_date and age_on(person.birth_date, clock.today()) < ADULT:
        raise invalid("/person/birth_date", "too_young", "The service is for adults of 18 and over.")


def _row(referral: ReferralCreate, programme: programmes.Door, organisation_id: UUID | None, by: UUID) -> Referral:
    given = referral.model_dump(
        mode="json", include={"source", "source_system", "source_reference", "reasons", "barriers", "needs"}
    )
    return Referral.model_validate(
        given
        | {
            "programme_id": programme.id,
            "organisation_id": organisation_id,
            "posted_by": by,
            "reference": new_reference(),
            "made_on": referral.made_on,
            "received_at": clock.now(),
            "clinical_reason": referral.clinical_reason,
            "consent_given_on": referral.consent.given_on,
            "consent_method": referral.consent.method,
            "person": referral.person.model_dump(mode="json", exclude_none=True),
            "subject_key": subject_key(referral.person),
            "name_key": name_key(referral.person),
            "flags": [flag.model_dump(mode="json") for flag in referral.flags],
            "facts": referral.facts.model_dump(mode="json"),
        }
        | {f"referrer_{name}": value for name, value in referral.referrer.model_dump().items()}
    )


async def _insert(db: AsyncSession, row: Referral) -> Referral:
    """Add the row, drawing another human reference in the rare case that one is taken."""
    await wait_for_the_person(db, row)
    for _ in range(5):
        if await insert(db, row):
            return row
        refusal = await already_open(db, row)
        taken = await _taken(db, row)
        if taken["source"]:
            raise SourceReferenceUsed()
        if "link" in refusal.facts or not taken["reference"]:
            raise refusal
        row = Referral.model_validate(row.model_dump() | {"reference": new_reference()})
    raise Unavailable(headers={"Retry-After": "1"})


async def _taken(db: AsyncSession, row: Referral) -> Any:
    """Which of its names another referral has, whoever may see that one: the `reference`, or the `source`'s."""
    async with as_service(db, "a referral that the database refused: which of its names is another's"):
        sql = (
            "SELECT EXISTS (SELECT FROM referrals WHERE reference = $1) AS reference, EXISTS (SELECT FROM referrals "
            "WHERE posted_by = $2 AND source_system = $3 AND source_reference = $4) AS source"
        )
        found = await fetch(db, sql, row.reference, row.posted_by, row.source_system, row.source_reference)
        return found[0]


async def _lay_out(db: AsyncSession, row: Referral, referral: ReferralCreate) -> None:
    """For the coordinators: what the rules say, and the person's open referrals from elsewhere.

    Refuses a second open one of the organisation (`ReferralOpen`), which also undoes the first step of this one.
    """
    number, results = await judge(db, row.programme_id, referral.person, referral.facts)
    async with as_service(db, "a referral is laid beside the person's others and before the coordinators"):
        others = await open_ones(db, row)
        is_second = row.organisation_id is not None and any(is_ours for _, is_ours in others)
        if not is_second:
            about: dict[str, Any] = {"programme_id": row.programme_id, "referral_id": row.id}
            await insert_values(db, Triage, **about, eligibility=results, eligibility_version=number)
            for other_id, _ in others:
                await insert_values(db, ReferralLink, **about, other_referral_id=other_id)
    if is_second:
        raise await already_open(db, row)


def known_reference(text: str) -> str:
    """A human reference as it is stored, from however it was typed."""
    try:
        return parse(text)
    except ValueError as error:
        raise invalid("query:reference", "reference_form", "A reference such as PM-7K3Q-97.") from error
