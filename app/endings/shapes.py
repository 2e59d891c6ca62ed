"""What is said when a match or an episode ends, or a mentor leaves."""

from typing import Annotated

from pydantic import Field as Shape
from pydantic import StrictBool

from app.core.codes import Barrier, EndingReason
from app.core.fields import LongText, PastDate
from app.core.models import Inbound


class MatchEnd(Inbound):
    """How a match ended; the mentee waits for another mentor."""

    reason: EndingReason
    is_planned: StrictBool
    note: LongText | None = None
    """For the coordinators; no mentor reads it."""
    ended_on: PastDate | None = None
    """The last day; today where it is not sent."""


class MenteeEnd(Inbound):
    """How an episode ended."""

    reason: EndingReason
    is_planned: StrictBool
    note: LongText | None = None
    """For the coordinators; no mentor reads it."""
    ended_on: PastDate | None = None
    """The last day; today where it is not sent."""
    barriers_at_end: Annotated[list[Barrier], Shape(max_length=20)] = []
    """What still stands in the way, asked again."""


class MentorLeave(Inbound):
    """A mentor's last day, and why."""

    reason: LongText | None = None
    """For the coordinators; the mentor does not read it."""
    left_on: PastDate | None = None
    """The last day; today where it is not sent."""
