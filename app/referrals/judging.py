"""What the programme's present rules say of a referred person, as it is kept for the coordinators."""

from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.people.models import PersonDetails
from app.programmes import eligibility
from app.programmes import service as programmes
from app.referrals.shapes import EligibilityFacts


async def judge(
    db: AsyncSession, programme_id: UUID, person: PersonDetails, facts: EligibilityFacts
) -> tuple[int, list[dict[str, Any]]]:
    """The number of the rules in force, and what each says today (`RuleResult`)."""
    number, rules = await programmes.current_rules(db, programme_id)
    known = eligibility.Facts(
        birth_date=person.birth_date,
        condition=facts.condition,
        diagnosed_on=facts.diagnosed_on,
        postcode=person.postcode,
        on=clock.today(),
    )
    return number, [result.model_dump(mode="json") for result in eligibility.evaluate(rules, known)]
