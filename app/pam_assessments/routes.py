"""/v1/pam-assessments, where an episode stands with them, and the rules by which a programme counts them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.access.guards import CursorSecret, Pages, Reading, Writing, allow
from app.access.permissions import Permission
from app.core.documents import created, found, listed
from app.core.door import Door
from app.core.errors import StepNotPossible
from app.core.etags import answer, list_answer
from app.core.reading import one, page
from app.pam_assessments import service
from app.pam_assessments.levels import Occasion
from app.pam_assessments.models import (
    EpisodePamPublic,
    PamAssessmentCreate,
    PamAssessmentPublic,
    PamAssessmentWithdraw,
    PamRulesUpdate,
)
from app.programmes.shapes import ProgrammePublic

router = APIRouter(prefix="/v1", tags=["pam-assessments"], route_class=Door)
assesses = [allow(Permission.ASSESS)]


@router.post(
    "/pam-assessments",
    summary="Record a PAM assessment",
    dependencies=assesses,
    **created(PamAssessmentPublic, service.PamLevelMismatch),
)
async def record_pam_assessment(assessment: PamAssessmentCreate, db: Writing) -> Response:
    """Records score and level as the licensed tool gave them, and says in `placement` what becomes of them.

    No answers to items are taken. One taken too early is kept as early, and `GET /v1/mentees/{id}/pam` goes on
    asking for another.
    """
    made = await service.record(db, assessment)
    shown = await one(db, service.PAM_ASSESSMENTS, "t.id = $1", made.id)
    return answer(shown, 201, f"/v1/pam-assessments/{made.id}")


@router.get("/pam-assessments", summary="List PAM assessments", dependencies=assesses, **listed(PamAssessmentPublic))
async def list_pam_assessments(
    request: Request,
    db: Reading,
    pages: Pages,
    secret: CursorSecret,
    mentee_id: Annotated[UUID | None, Query(description="Only of this mentee.")] = None,
    programme_id: Annotated[UUID | None, Query(description="Only in this programme.")] = None,
    occasion: Annotated[Occasion | None, Query(description="Only those taken for this.")] = None,
) -> Response:
    """Newest first by the day they were taken, each with what became of it; withdrawn ones too."""
    filters = {"mentee_id": mentee_id, "programme_id": programme_id, "occasion": occasion}
    where = [(f"t.{name} = {{}}", value) for name, value in filters.items() if value is not None]
    return list_answer(request, await page(db, service.PAM_ASSESSMENTS, where, pages, secret=secret))


@router.get(
    "/pam-assessments/{assessment_id}",
    summary="Read a PAM assessment",
    dependencies=assesses,
    **found(PamAssessmentPublic),
)
async def read_pam_assessment(assessment_id: UUID, db: Reading) -> Response:
    """One assessment, and what became of it."""
    return answer(await one(db, service.PAM_ASSESSMENTS, "t.id = $1", assessment_id))


@router.post(
    "/pam-assessments/{assessment_id}/withdraw",
    summary="Take back a PAM assessment",
    dependencies=assesses,
    **found(PamAssessmentPublic, StepNotPossible),
)
async def withdraw_pam_assessment(assessment_id: UUID, wish: PamAssessmentWithdraw, db: Writing) -> Response:
    """Keeps it as entered by mistake, so that it counts no more; to correct one, withdraw it and record another."""
    return answer(await service.withdraw(db, assessment_id, wish))


@router.get(
    "/mentees/{mentee_id}/pam",
    summary="Read where an episode stands with PAM",
    dependencies=assesses,
    **found(EpisodePamPublic),
)
async def read_episode_pam(mentee_id: UUID, db: Reading) -> Response:
    """The baseline and the follow-up that count, the change in points, and what is asked for today."""
    shown = await service.stand(db, mentee_id)
    return Response(shown.model_dump_json(), media_type="application/json")


@router.patch(
    "/programmes/{programme_id}/pam-rules",
    summary="Change which PAM assessments count",
    dependencies=[allow(Permission.MANAGE_PROGRAMMES)],
    **found(ProgrammePublic),
)
async def change_pam_rules(programme_id: UUID, changes: PamRulesUpdate, db: Writing) -> Response:
    """Changes the programme's PAM settings and counts every episode anew by them, those that have ended too.

    `If-Match` names the version of the programme, and the answer is the programme. A report of a past year may
    change with it. Recorded assessments keep their level and cut set; another `pam_cut_set` is for new ones.
    """
    return answer(await service.change_rules(db, programme_id, changes))
