"""/v1/referrals: posting, reading and deciding."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.access.guards import CursorSecret, Pages, Reading, Writing, allow
from app.access.permissions import Permission
from app.core.actor import Actor
from app.core.documents import created, found, listed
from app.core.door import Door
from app.core.errors import StepNotPossible
from app.core.etags import answer, list_answer
from app.core.fields import Text
from app.core.reading import one, page
from app.mentees import service as mentees
from app.people import service as people
from app.referrals import acceptance, sameness, service
from app.referrals.models import ReferralStatus
from app.referrals.shapes import (
    ReferralAccept,
    ReferralAsSeen,
    ReferralCreate,
    ReferralDecline,
    ReferralPublic,
    ReferralWithdraw,
)

router = APIRouter(prefix="/v1/referrals", tags=["referrals"], route_class=Door)
Reader = Annotated[Actor, allow(Permission.READ_REFERRALS)]


@router.post(
    "",
    summary="Refer a person",
    dependencies=[allow(Permission.REFER)],
    **created(
        ReferralAsSeen,
        sameness.ReferralOpen,
        sameness.SourceReferenceUsed,
        service.ProgrammeClosed,
        service.OrganisationNeeded,
    ),
)
async def receive_referral(referral: ReferralCreate, db: Writing) -> Response:
    """Receives a referral and gives its human reference at once. Sent twice with the same `source_system` and
    `source_reference`, the first is given back with 200; for another person or programme they are refused."""
    made, referral_id, is_new = await service.receive(db, referral)
    return answer(made, 201 if is_new else 200, location=f"/v1/referrals/{referral_id}")


@router.get("", summary="List referrals", **listed(ReferralAsSeen))
async def list_referrals(
    actor: Reader,
    request: Request,
    db: Reading,
    pages: Pages,
    secret: CursorSecret,
    status: Annotated[ReferralStatus | None, Query(description="Only in this state.")] = None,
    programme_id: Annotated[UUID | None, Query(description="Only to this programme.")] = None,
    organisation_id: Annotated[UUID | None, Query(description="Only from this organisation.")] = None,
    reference: Annotated[Text | None, Query(description="Only the one with this human reference.")] = None,
) -> Response:
    """Newest first: a coordinator sees those of its programmes, a referrer those its organisations sent."""
    filters = {"status": status, "programme_id": programme_id, "organisation_id": organisation_id}
    where: list[tuple[str, object]] = [(f"t.{n} = {{}}", v) for n, v in filters.items() if v is not None]
    if reference is not None:
        where.append(("t.reference = {}", service.known_reference(reference)))
    return list_answer(request, await page(db, service.source_for(actor), where, pages, secret=secret))


@router.get("/{referral_id}", summary="Read a referral", **found(ReferralAsSeen))
async def read_referral(actor: Reader, referral_id: UUID, db: Reading) -> Response:
    """The referral as sent and where it stands; for a coordinator also what the rules say and what is linked."""
    return answer(await one(db, service.source_for(actor), "t.id = $1", referral_id))


@router.post(
    "/{referral_id}/accept",
    summary="Accept a referral",
    dependencies=[allow(Permission.TRIAGE)],
    **found(
        ReferralPublic,
        StepNotPossible,
        acceptance.NotEligible,
        mentees.EpisodeOpen,
        people.PersonDiffers,
        people.PersonKnown,
    ),
)
async def accept_referral(referral_id: UUID, decision: ReferralAccept, db: Writing) -> Response:
    """Takes the person on: links or makes their record and begins the episode, which `mentee_id` names."""
    return answer(await acceptance.accept(db, referral_id, decision))


@router.post(
    "/{referral_id}/decline",
    summary="Decline a referral",
    dependencies=[allow(Permission.TRIAGE)],
    **found(ReferralPublic, StepNotPossible),
)
async def decline_referral(referral_id: UUID, decision: ReferralDecline, db: Writing) -> Response:
    """Declines with a reason, and says where else the person may turn."""
    return answer(await service.decline(db, referral_id, decision))


@router.post(
    "/{referral_id}/withdraw",
    summary="Withdraw a referral",
    dependencies=[allow(Permission.WITHDRAW_REFERRALS)],
    **found(ReferralAsSeen, StepNotPossible),
)
async def withdraw_referral(referral_id: UUID, wish: ReferralWithdraw, db: Writing) -> Response:
    """Takes a referral back before it was decided on."""
    return answer(await service.withdraw(db, referral_id, wish))
