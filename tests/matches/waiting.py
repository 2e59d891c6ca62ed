"""People who wait for a mentor, put there by the owner where a test needs many of them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from app.core import clock
from app.core.actor import Role
from app.core.codes import TrainingModule
from tests.factories import World

BRIEFING: dict[str, Any] = {
    "known_as": "Ade",
    "contact_route": "Phone, evenings",
    "needs": "Would like to walk more.",
    "access_needs": "No stairs",
    "communication_needs": ["more_time"],
    "language": "en",
    "is_interpreter_needed": False,
    "safety_note": "A large dog at home",
}

OFFER = """{"known_as": "Sam", "language": null, "needs": null, "access_needs": null, "communication_needs": [],
"is_interpreter_needed": false}"""
"""What an offer tells, for matches made by statement."""


async def waiting(world: World, *, email: str | None = None) -> UUID:
    """Somebody accepted ten days ago, with a briefing, waiting for a mentor."""
    person_id = await world.insert(
        "people",
        {
            "given_name": "Adeola",
            "family_name": "Bello",
            "is_interpreter_needed": False,
            "communication_needs": [],
            "email": email,
        },
    )
    accepted_at = clock.now() - timedelta(days=10)
    referral_id = await world.insert(
        "referrals",
        {
            "programme_id": world.programme_id,
            "posted_by": world.referrer.id,
            "reference": str(person_id)[-12:],
            "status": "accepted",
            "source": "gp",
            "made_on": accepted_at.date(),
            "received_at": accepted_at,
            "reasons": ["isolation"],
            "barriers": [],
            "consent_given_on": accepted_at.date(),
            "consent_method": "in_person",
            "person": "{}",
            "flags": "[]",
            "facts": "{}",
            "decided_at": accepted_at,
        },
    )
    mentee_id = await world.insert(
        "mentees",
        {
            "programme_id": world.programme_id,
            "person_id": person_id,
            "referral_id": referral_id,
            "status": "waiting",
            "received_on": accepted_at.date(),
            "waiting_since": accepted_at,
            "barriers": ["transport"],
            "barriers_at_end": [],
        },
    )
    await world.insert("mentees_briefings", {"programme_id": world.programme_id, "mentee_id": mentee_id} | BRIEFING)
    return mentee_id


async def accepted_offer(world: World, mentee_id: UUID, mentor_id: UUID, account_id: UUID) -> UUID:
    """An offer that the mentor has accepted, ready to be confirmed."""
    match_id = await world.insert(
        "matches",
        {
            "programme_id": world.programme_id,
            "mentee_id": mentee_id,
            "mentor_id": mentor_id,
            "mentor_account_id": account_id,
            "status": "accepted",
            "offer": OFFER,
            "proposed_at": clock.now(),
            "answered_at": clock.now(),
            "visible_until": clock.now() + timedelta(days=999),
        },
    )
    await world.insert(
        "matches_notes",
        {"programme_id": world.programme_id, "match_id": match_id, "proposed_by": world.coordinator.id},
    )
    return match_id


async def ready_mentor(world: World, *, capacity: int) -> tuple[UUID, UUID]:
    """A trained mentor (id and account) without a sign-in."""
    account_id = await world.insert(
        "accounts",
        {"email": f"{world.programme_id}{clock.true_now().timestamp()}@example.org", "name": "M", "status": "active"},
    )
    await world.membership(account_id, Role.MENTOR)
    mentor_id = await world.insert(
        "mentors",
        {
            "programme_id": world.programme_id,
            "account_id": account_id,
            "name": "M",
            "known_as": "M",
            "status": "active",
            "capacity": capacity,
            "languages": [],
            "modes": [],
            "interests": [],
        },
    )
    await world.owner.execute(
        "INSERT INTO mentors_training (id, created_at, programme_id, mentor_id, module, completed_on) "
        "SELECT gen_random_uuid(), now(), $1, $2, unnest($3::text[]), current_date",
        world.programme_id,
        mentor_id,
        [module.value for module in TrainingModule],
    )
    return mentor_id, account_id
