"""What ends: a match, an episode, a mentor's time with the service."""

from uuid import UUID

from fastapi import APIRouter, Response

from app.access.guards import Writing, allow
from app.access.permissions import Permission
from app.core.documents import found
from app.core.door import Door
from app.core.errors import StepNotPossible
from app.core.etags import answer
from app.endings import service
from app.endings.shapes import MatchEnd, MenteeEnd, MentorLeave
from app.matches.models import MatchPublic
from app.mentees.shapes import MenteePublic
from app.mentors.shapes import MentorPublic

router = APIRouter(prefix="/v1", route_class=Door)


@router.post(
    "/matches/{match_id}/end",
    summary="End a match",
    tags=["matches"],
    dependencies=[allow(Permission.MANAGE_MATCHES)],
    **found(MatchPublic, StepNotPossible),
)
async def end_match(match_id: UUID, ending: MatchEnd, db: Writing) -> Response:
    """Ends a match with its reason. Booked sessions are cancelled, the mentor's access runs out after the days of
    grace, and the mentee waits for another mentor."""
    return answer(await service.end_match(db, match_id, ending))


@router.post(
    "/mentees/{mentee_id}/end",
    summary="End an episode",
    tags=["mentees"],
    dependencies=[allow(Permission.MANAGE_MENTEES)],
    **found(MenteePublic, StepNotPossible),
)
async def end_episode(mentee_id: UUID, ending: MenteeEnd, db: Writing) -> Response:
    """Ends support with its reason: the match ends, offers are withdrawn, booked sessions are cancelled."""
    return answer(await service.end_episode(db, mentee_id, ending))


@router.post(
    "/mentors/{mentor_id}/leave",
    summary="Let a mentor leave",
    tags=["mentors"],
    dependencies=[allow(Permission.MANAGE_MENTORS)],
    **found(MentorPublic, StepNotPossible),
)
async def leave(mentor_id: UUID, leaving: MentorLeave, db: Writing) -> Response:
    """A mentor leaves: matches end, offers are withdrawn, and the mentees wait for another mentor."""
    return answer(await service.leave(db, mentor_id, leaving))
