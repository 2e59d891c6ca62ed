"""Noting what people agree to and withdraw, and telling whether a consent is given now."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.consents.models import Consent, ConsentCreate, ConsentPublic, Decision, Purpose
from app.core.database import Db, actor_of, fetch
from app.core.errors import invalid
from app.core.reading import Source
from app.core.rows import refused_as
from app.events import service as events

_SHARED_WITH = frozenset({Purpose.SHARE_STATUS, Purpose.SHARE_OUTCOME})
# of two decisions of one day the one written down later counts
_LATER = (
    "SELECT FROM consents l WHERE l.person_id = t.person_id AND l.programme_id = t.programme_id "
    "AND l.purpose = t.purpose AND l.recipient_id IS NOT DISTINCT FROM t.recipient_id "
    "AND (l.decided_on, l.id) > (t.decided_on, t.id)"
)
_IS_GIVEN = f"t.decision = 'given' AND NOT EXISTS ({_LATER})"

CONSENTS = Source(ConsentPublic, "consents t", fields={"is_given": f"({_IS_GIVEN})"})


async def record(db: AsyncSession, consent: ConsentCreate) -> Consent:
    """The decision is noted beside all earlier ones, which stay as they are.

    Refuses a person without an episode in the programme, an unknown recipient, and sharing with nobody named.
    """
    known = await fetch(
        db,
        "SELECT FROM mentees WHERE person_id = $1 AND programme_id = $2 LIMIT 1",
        consent.person_id,
        consent.programme_id,
    )
    if not known:
        raise invalid("/person_id", "person_unknown", "There is no such person in a programme of yours.")
    if consent.purpose in _SHARED_WITH and consent.recipient_id is None:
        raise invalid("/recipient_id", "recipient_needed", "Say which organisation may be told.")
    row = Consent.model_validate(consent, update={"recorded_by": actor_of(db).id})
    unknown = invalid("/recipient_id", "recipient_unknown", "There is no such organisation.")
    async with refused_as(db, {"fk_consents_recipient_id": unknown}):
        db.add(row)
    await events.record(db, f"consent.{'given' if row.decision is Decision.GIVEN else 'withdrawn'}", row)
    return row


async def is_given(db: Db, person_id: UUID, programme_id: UUID, purpose: Purpose, recipient_id: UUID | None) -> bool:
    """Whether the person's latest decision for this purpose and recipient is a yes; no decision is a no."""
    rows = await fetch(
        db,
        f"SELECT FROM consents t WHERE t.person_id = $1 AND t.programme_id = $2 AND t.purpose = $3 "
        f"AND t.recipient_id IS NOT DISTINCT FROM $4 AND {_IS_GIVEN}",
        person_id,
        programme_id,
        purpose.value,
        recipient_id,
    )
    return bool(rows)
