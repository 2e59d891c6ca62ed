"""What is not about a person: health, words, explanations of problems, and a sandbox's clock."""

from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from pydantic import BaseModel
from sqlmodel import select

from app.access.guards import Writing, allow
from app.access.permissions import Permission
from app.core import clock
from app.core.codes import Code
from app.core.documents import found, raises
from app.core.door import Door
from app.core.errors import NotFound, Unavailable, known_problems
from app.core.fields import Instant
from app.core.models import Inbound
from app.core.tables import MovedClock
from app.core.terms import Terms, terms

router = APIRouter(tags=["service"], route_class=Door)


class Health(BaseModel):
    """Whether the service lives or is ready."""

    status: str


class ProblemExplained(BaseModel):
    """What one kind of problem means."""

    type: str
    title: str
    status: int
    meaning: str


class ClockSet(Inbound):
    """The instant it shall be."""

    now: Instant


class ClockPublic(BaseModel):
    """What time it is for the service, and how far that is from the true time."""

    now: datetime
    moved_by_seconds: float


@router.head("/health/live", include_in_schema=False)
@router.get("/health/live", summary="Is the process alive?", response_model=Health)
async def live() -> Health:
    """Answers as long as the process runs."""
    return Health(status="live")


@router.head("/health/ready", include_in_schema=False)
@router.get("/health/ready", summary="Can it serve?", response_model=Health, responses=raises(Unavailable))
async def ready(request: Request) -> Health:
    """Answers 200 when the database does, 503 otherwise."""
    try:
        await request.app.state.database.ready()
    except Exception as error:
        raise Unavailable(headers={"Retry-After": "5"}) from error
    return Health(status="ready")


@router.get("/v1/terms", summary="Words for every concept and code", response_model=Terms)
async def read_terms() -> Terms:
    """Each concept and each code with the charity's and the NHS's label."""
    lists = sorted(Code.__subclasses__(), key=lambda c: c.__name__)
    own = [c for c in lists if c.__module__ != "app.core.codes"]
    return terms(*own)


@router.get(
    "/problems/{kind}",
    summary="What a problem means",
    response_model=ProblemExplained,
    responses=raises(NotFound),
)
async def explain_problem(kind: str) -> ProblemExplained:
    """The explanation behind the `type` of a problem."""
    for problem in known_problems():
        if problem.slug() == kind:
            return ProblemExplained(
                type=f"/problems/{kind}",
                title=problem.title(),
                status=problem.status,
                meaning=problem.sentence(),
            )
    raise NotFound()


@router.get("/problems", summary="Every kind of problem", response_model=list[ProblemExplained])
async def list_problems() -> list[ProblemExplained]:
    """All kinds of refusals there are, each with its status and meaning."""
    kinds = {p.slug(): p for p in known_problems()}
    return [
        ProblemExplained(type=f"/problems/{slug}", title=p.title(), status=p.status, meaning=p.sentence())
        for slug, p in sorted(kinds.items())
    ]


sandbox = APIRouter(prefix="/v1", tags=["service"], route_class=Door)


@sandbox.put(
    "/clock",
    summary="Move a sandbox's clock",
    dependencies=[allow(Permission.MOVE_CLOCK)],
    **found(ClockPublic),
)
async def move_clock(wanted: ClockSet, db: Writing) -> ClockPublic:
    """Sets what time it is for every process of a sandbox; absent where the setting does not offer it."""
    moved_by = wanted.now - clock.true_now()
    row = (await db.exec(select(MovedClock).with_for_update())).one_or_none()
    if row is None:
        db.add(MovedClock(moved_by=moved_by))
    else:
        row.moved_by = moved_by
    clock.move(timedelta(seconds=moved_by.total_seconds()))
    return ClockPublic(now=clock.now(), moved_by_seconds=moved_by.total_seconds())
