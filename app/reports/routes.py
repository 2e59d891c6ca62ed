"""/v1/reports."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.access.guards import Reporting, allow
from app.access.permissions import Permission
from app.core.documents import found
from app.core.door import Door
from app.core.fields import Day
from app.pam_assessments.levels import CutSet
from app.reports import service
from app.reports.shapes import OutcomeReport

router = APIRouter(prefix="/v1/reports", tags=["reports"], route_class=Door)


@router.get(
    "/outcomes",
    summary="Read the outcome report",
    dependencies=[allow(Permission.READ_REPORTS)],
    **found(OutcomeReport),
)
async def read_outcomes(
    db: Reporting,
    programme_id: Annotated[UUID, Query(description="The programme reported on.")],
    starts_on: Annotated[Day, Query(alias="from", description="First day of the period (Europe/London).")],
    ends_on: Annotated[Day, Query(alias="until", description="Last day of the period, included.")],
    cut_set: Annotated[
        CutSet | None, Query(description="Work all levels out afresh from the scores under this cut set.")
    ] = None,
) -> OutcomeReport:
    """How many came, how many ended in the period, and how their activation changed: means with intervals,
    shares with intervals, levels before and after. Levels of two cut sets never stand in one matrix."""
    return await service.report_outcomes(db, service.Question(programme_id, starts_on, ends_on, cut_set))
