"""/v1/mentees/{id}/suggestions and the weights that rank them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.access.guards import CursorSecret, Pages, Reading, Writing, allow
from app.access.permissions import Permission
from app.core.documents import created, found, listed
from app.core.door import Door
from app.core.errors import NotFound
from app.core.etags import answer, list_answer
from app.matches import suggesting
from app.matches.suggestion_shapes import MatchWeightsCreate, MatchWeightsPublic, Suggestions

router = APIRouter(prefix="/v1", tags=["matches"], route_class=Door)
MANAGES = [allow(Permission.MANAGE_MATCHES)]
SETS_UP = [allow(Permission.MANAGE_PROGRAMMES)]


@router.get(
    "/mentees/{mentee_id}/suggestions",
    summary="Suggest mentors for a mentee",
    dependencies=MANAGES,
    **found(Suggestions),
)
async def suggest_mentors(
    mentee_id: UUID,
    db: Reading,
    limit: Annotated[int, Query(ge=1, le=50, description="How many suggestions at most.")] = 10,
) -> Response:
    """The mentors of the mentee's programme, the best first, each factor told in words; and whom which rule excludes.

    It proposes nothing by itself: `POST /v1/matches` does. Need and PAM level count neither for nor against anybody.
    """
    return Response(await suggesting.suggestions(db, mentee_id, limit), media_type="application/json")


@router.post(
    "/programmes/{programme_id}/match-weights",
    summary="Replace the weights for matching",
    dependencies=SETS_UP,
    **created(MatchWeightsPublic),
)
async def replace_match_weights(programme_id: UUID, new: MatchWeightsCreate, db: Writing) -> Response:
    """Puts the next version of the weights in force, whole; older versions stay to explain older choices."""
    return answer(await suggesting.replace_weights(db, programme_id, new), 201)


@router.get(
    "/programmes/{programme_id}/match-weights",
    summary="List the versions of the weights for matching",
    dependencies=SETS_UP,
    **listed(MatchWeightsPublic, NotFound),
)
async def list_match_weights(
    programme_id: UUID, request: Request, db: Reading, pages: Pages, secret: CursorSecret
) -> Response:
    """Every version, the one in force first. None: the programme has the weights that every programme starts with."""
    return list_answer(request, await suggesting.list_weights(db, programme_id, pages, secret=secret))
