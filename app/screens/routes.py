"""/v1/screens: each answer serves one screen in one request; nothing is changed here."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import RootModel

from app.access.guards import CursorSecret, Pages, Reading, allow
from app.access.permissions import Permission
from app.core.actor import Actor
from app.core.documents import ListFace, found, listed
from app.core.door import Door
from app.core.errors import CursorNotValid, invalid
from app.core.etags import answer, list_answer
from app.core.reading import one, page
from app.referrals.models import ReferralStatus
from app.screens import mentor_home, pair, today, triage
from app.screens.pair_shapes import PairForCoordinator, PairForMentor
from app.screens.shapes import (
    DueItem,
    DueKind,
    MentorHomeScreen,
    OurReferral,
    TodayScreen,
    TriageScreen,
    WaitingMentee,
)
from app.screens.waiting import OUR_REFERRALS, WAITING

router = APIRouter(prefix="/v1/screens", tags=["screens"], route_class=Door)
JSON = "application/json"


class TodayOrOneKind(RootModel[TodayScreen | ListFace[DueItem]]):
    """The morning, or one page of one kind."""


class PairAsSeen(RootModel[PairForCoordinator | PairForMentor]):
    """A pair, as much of it as the caller's role sees."""


@router.get(
    "/today",
    summary="Today, for a coordinator",
    dependencies=[allow(Permission.MANAGE_MENTEES)],
    **found(TodayOrOneKind, CursorNotValid),
)
async def show_today(
    request: Request,
    db: Reading,
    pages: Pages,
    secret: CursorSecret,
    programme_id: Annotated[UUID | None, Query(description="Only of this programme.")] = None,
    kind: Annotated[DueKind | None, Query(description="All of this kind, page by page.")] = None,
) -> Response:
    """What is due or late in your programmes: each kind counted, with the longest standing of it.

    With `kind` the answer is that kind's list instead, the longest standing first; only then do `limit`,
    `cursor` and `include` matter.
    """
    if kind is None:
        if pages.cursor is not None:
            raise invalid("query:kind", "kind_needed", "A cursor belongs to the list of one kind: send its `kind`.")
        return Response(await today.today(db, programme_id), media_type=JSON)
    where: list[tuple[str, object]] = [("t.kind = {}", kind.value)]
    if programme_id is not None:
        where.append(("t.programme_id = {}", programme_id))
    return list_answer(request, await page(db, today.due_of(kind), where, pages, secret=secret))


@router.get(
    "/triage/{referral_id}",
    summary="Triage one referral",
    dependencies=[allow(Permission.TRIAGE)],
    **found(TriageScreen),
)
async def show_triage(referral_id: UUID, db: Reading) -> Response:
    """The referral as sent, eligibility explained, flags, linked referrals, and people who may be the same."""
    return Response(await triage.triage(db, referral_id), media_type=JSON)


@router.get(
    "/waiting-list",
    summary="Who waits for a mentor",
    dependencies=[allow(Permission.MANAGE_MENTEES)],
    **listed(WaitingMentee),
)
async def show_waiting_list(
    request: Request,
    db: Reading,
    pages: Pages,
    secret: CursorSecret,
    programme_id: Annotated[UUID | None, Query(description="Only of this programme.")] = None,
) -> Response:
    """Longest waiting first, with days, band, needs, preferences, flags and who looks after each."""
    where: list[tuple[str, object]] = [("t.status = 'waiting'", None)]
    if programme_id is not None:
        where.append(("t.programme_id = {}", programme_id))
    return list_answer(request, await page(db, WAITING, where, pages, secret=secret))


@router.get("/pair/{match_id}", summary="One pair", **found(PairAsSeen))
async def show_pair(actor: Annotated[Actor, allow(Permission.READ_MATCHES)], match_id: UUID, db: Reading) -> Response:
    """The match with briefing, sessions, goals and planned end; for a coordinator also what PAM is due."""
    return answer(await one(db, pair.source_for(actor), "t.id = $1", match_id))


@router.get(
    "/mentor-home",
    summary="Home, for a mentor",
    dependencies=[allow(Permission.ANSWER_OFFERS)],
    **found(MentorHomeScreen),
)
async def show_mentor_home(db: Reading) -> Response:
    """Your next session, offers to answer, sessions to write up, and whom you support."""
    return Response(await mentor_home.mentor_home(db), media_type=JSON)


@router.get(
    "/our-referrals",
    summary="Our referrals, for a practice",
    dependencies=[allow(Permission.READ_REFERRALS)],
    **listed(OurReferral),
)
async def show_our_referrals(
    request: Request,
    db: Reading,
    pages: Pages,
    secret: CursorSecret,
    status: Annotated[ReferralStatus | None, Query(description="Only in this state.")] = None,
    organisation_id: Annotated[UUID | None, Query(description="Only from this organisation.")] = None,
) -> Response:
    """Newest first: where each stands in words, how long it has waited, and when it last changed."""
    filters = {"status": status, "organisation_id": organisation_id}
    where: list[tuple[str, object]] = [(f"t.{n} = {{}}", v) for n, v in filters.items() if v is not None]
    return list_answer(request, await page(db, OUR_REFERRALS, where, pages, secret=secret))
