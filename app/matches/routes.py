"""/v1/matches: offers, answers, confirmations."""

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
from app.core.reading import one, page
from app.matches import confirming, service
from app.matches.models import (
    MatchAsSeen,
    MatchConfirm,
    MatchCreate,
    MatchDecline,
    MatchForMentor,
    MatchPublic,
    MatchStatus,
)
from app.mentors.service import MentorNotReady

router = APIRouter(prefix="/v1/matches", tags=["matches"], route_class=Door)
Reader = Annotated[Actor, allow(Permission.READ_MATCHES)]
MANAGES = [allow(Permission.MANAGE_MATCHES)]
ANSWERS = [allow(Permission.ANSWER_OFFERS)]


@router.post(
    "",
    summary="Offer a mentee to a mentor",
    dependencies=MANAGES,
    **created(
        MatchPublic,
        service.MenteeNotWaiting,
        MentorNotReady,
        service.MentorIsFull,
        service.PairExcluded,
        service.OwnMentor,
        service.OfferOpen,
    ),
)
async def propose_match(match: MatchCreate, db: Writing) -> Response:
    """Offers a waiting mentee to a mentor, who sees part of the briefing and answers. Several mentors may be asked."""
    made = await service.propose(db, match)
    shown = await one(db, service.MATCHES, "t.id = $1", made.id)
    return answer(shown, 201, f"/v1/matches/{made.id}")


@router.get("", summary="List matches", **listed(MatchAsSeen))
async def list_matches(
    actor: Reader,
    request: Request,
    db: Reading,
    pages: Pages,
    secret: CursorSecret,
    status: Annotated[MatchStatus | None, Query(description="Only in this state.")] = None,
    mentee_id: Annotated[UUID | None, Query(description="Only of this mentee.")] = None,
    mentor_id: Annotated[UUID | None, Query(description="Only of this mentor.")] = None,
    programme_id: Annotated[UUID | None, Query(description="Only of this programme.")] = None,
) -> Response:
    """Newest first: a coordinator sees those of its programmes, a mentor the own offers and matches."""
    filters = {"status": status, "mentee_id": mentee_id, "mentor_id": mentor_id, "programme_id": programme_id}
    where: list[tuple[str, object]] = [(f"t.{name} = {{}}", value) for name, value in filters.items() if value]
    return list_answer(request, await page(db, service.source_for(actor), where, pages, secret=secret))


@router.get("/{match_id}", summary="Read a match", **found(MatchAsSeen))
async def read_match(actor: Reader, match_id: UUID, db: Reading) -> Response:
    """One match and where it stands; a mentor sees it until the days of grace after its end are over."""
    return answer(await one(db, service.source_for(actor), "t.id = $1", match_id))


@router.post(
    "/{match_id}/accept", summary="Accept an offer", dependencies=ANSWERS, **found(MatchForMentor, StepNotPossible)
)
async def accept_offer(match_id: UUID, db: Writing) -> Response:
    """The mentor would support this mentee; the coordinator confirms."""
    return answer(await service.accept(db, match_id))


@router.post(
    "/{match_id}/decline", summary="Decline an offer", dependencies=ANSWERS, **found(MatchForMentor, StepNotPossible)
)
async def decline_offer(match_id: UUID, reason: MatchDecline, db: Writing) -> Response:
    """The mentor says no and why; what the offer told of the mentee is taken back."""
    return answer(await service.decline(db, match_id, reason))


@router.post(
    "/{match_id}/withdraw", summary="Withdraw an offer", dependencies=MANAGES, **found(MatchPublic, StepNotPossible)
)
async def withdraw_offer(match_id: UUID, db: Writing) -> Response:
    """Takes an offer back, answered or not, before it is confirmed."""
    return answer(await service.withdraw(db, match_id))


@router.post(
    "/{match_id}/confirm",
    summary="Confirm a match",
    dependencies=MANAGES,
    **found(
        MatchPublic,
        StepNotPossible,
        service.MenteeNotWaiting,
        MentorNotReady,
        service.MentorIsFull,
        confirming.MenteeMatched,
        confirming.PlacesTaken,
        confirming.NoContractYear,
    ),
)
async def confirm_match(match_id: UUID, decision: MatchConfirm, db: Writing) -> Response:
    """Makes the two a pair. The mentee's other offers are withdrawn, and the mentor reaches the briefing. An
    episode's first confirmation takes a place of the contract year."""
    return answer(await confirming.confirm(db, match_id, decision))
