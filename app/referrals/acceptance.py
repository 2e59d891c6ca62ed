"""Accepting a referral: the person's record is linked or made, and the episode begins."""

from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.consents import service as consents
from app.consents.models import ConsentCreate, Decision, Purpose
from app.core import clock
from app.core.database import actor_of, fetch
from app.core.errors import Conflict, StepNotPossible, invalid
from app.core.fields import age_on
from app.core.reading import Found, one
from app.core.rows import target
from app.events import service as events
from app.mentees import service as mentees
from app.people import service as people
from app.people.models import KeptDetails, Person, PersonDetails
from app.programmes.eligibility import ADULT
from app.referrals.judging import judge
from app.referrals.models import Referral, ReferralStatus
from app.referrals.service import REFERRALS, STEPS, triage_of
from app.referrals.shapes import EligibilityFacts, ReferralAccept

AS_SENT = "as-sent"
"""The wording of a consent that came with a referral: the referrer's own."""


class NotEligible(Conflict):
    """The programme's rules are not met, as `rules` says; accept with `override_reason` if it is right all the same."""


async def accept(db: AsyncSession, referral_id: UUID, decision: ReferralAccept) -> Found:
    """The person is taken on: record linked or made, consent to refer noted, episode begun.

    Refuses a referral decided on, an unknown birth date or one under 18 years, a rule not met without a reason
    (`NotEligible`), and a person with an open episode in the programme (`EpisodeOpen`, with its link).
    """
    row = await target(db, Referral, referral_id)
    await _check_open(db, row)
    details = _details(row, decision)
    await _judge(db, row, details, decision)
    person = await people.link_or_make(db, details, decision.person_id)
    await _enrol(db, row, person, decision)
    await people.note_candidates(db, person, row.programme_id)
    await _note_consent(db, row, person)
    row.status = ReferralStatus.ACCEPTED
    row.decided_at = clock.now()
    await events.record(db, "referral.accepted", row)
    return await one(db, REFERRALS, "t.id = $1", row.id)


async def _check_open(db: AsyncSession, row: Referral) -> None:
    """Only a received referral is accepted; the refusal of an accepted one leads to the episode it began."""
    try:
        STEPS.check(row.status, "accept")
    except StepNotPossible as refusal:
        for (mentee_id,) in await fetch(db, "SELECT id FROM mentees WHERE referral_id = $1", row.id):
            refusal.facts["link"] = f"/v1/mentees/{mentee_id}"
        raise


def _details(row: Referral, decision: ReferralAccept) -> PersonDetails:
    """The person as sent, with the birth date that acceptance needs."""
    details = KeptDetails.model_validate(row.person)
    birth_date = details.birth_date or decision.birth_date
    if birth_date is None:
        raise invalid("/birth_date", "missing", "The referral has no date of birth; acceptance needs one.")
    if decision.birth_date not in (None, birth_date):
        words = "The referral has another date of birth; correct the person's record afterwards if it is wrong."
        raise invalid("/birth_date", "birth_date_differs", words)
    if age_on(birth_date, clock.today()) < ADULT:
        raise invalid("/birth_date", "too_young", "The service is for adults of 18 and over.")
    return details.model_copy(update={"birth_date": birth_date})


async def _judge(db: AsyncSession, row: Referral, details: PersonDetails, decision: ReferralAccept) -> None:
    """The present rules' answers are kept with the decision."""
    number, results = await judge(db, row.programme_id, details, EligibilityFacts.model_validate(row.facts))
    not_met: list[dict[str, Any]] = [result for result in results if result["result"] == "not_met"]
    if not_met and decision.override_reason is None:
        raise NotEligible(rules=not_met)
    triage = await triage_of(db, row.id)
    triage.eligibility = results
    triage.eligibility_version = number
    triage.override_reason = decision.override_reason if not_met else None
    triage.decided_by = actor_of(db).id


async def _enrol(db: AsyncSession, row: Referral, person: Person, decision: ReferralAccept) -> None:
    coordinator_id = decision.coordinator_id or actor_of(db).id
    assert coordinator_id is not None
    arrival = mentees.Arrival(
        programme_id=row.programme_id,
        referral_id=row.id,
        received_on=clock.day_of(row.received_at),
        coordinator_id=coordinator_id,
        barriers=row.barriers,
        needs=row.needs,
    )
    await mentees.enrol(db, person, arrival)


async def _note_consent(db: AsyncSession, row: Referral, person: Person) -> None:
    given = ConsentCreate(
        programme_id=row.programme_id,
        person_id=person.id,
        purpose=Purpose.REFERRAL,
        decision=Decision.GIVEN,
        wording_version=AS_SENT,
        decided_on=row.consent_given_on,
        method=row.consent_method,
    )
    await consents.record(db, given)
