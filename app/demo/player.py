"""The year itself: who does what on which day, each step one request through a door of the service.

It knows the service only by its addresses and imports nothing of it; what it remembers are the answers it got.
"""

import base64
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.demo import message, people
from app.demo.caller import Caller, Sign, System

MENTORS = 20
REFERRALS = 60
MENTEES = 40
SERVICE = "2000099001"
TRAINING = (
    "mentoring motivational_interviewing goal_setting action_planning boundaries confidentiality safeguarding"
).split()
PASSWORDS = "three random words for "
REFERRED_UNTIL = 300
"""Day of the year of the last referral; the late ones are still open when the year ends, as in life."""


@dataclass
class Practice:
    """A GP practice and how it refers: by message, by JSON from its system, or by hand."""

    ods_code: str
    id: str
    caller: Caller
    by: str


@dataclass
class Mentor:
    """A volunteer signed in on a phone."""

    id: str
    caller: Caller
    busy: int = 0


@dataclass
class Episode:
    """What the player remembers of one mentee: ids and the dates and scores it was answered with."""

    mentee_id: str
    match_id: str
    mentor: Mentor
    goals: list[str] = field(default_factory=list)
    sessions: int = 0


@dataclass
class Year:
    """The year as it was played."""

    starts_on: date
    ends_on: date
    programme_id: str = ""
    signs: list[Sign] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    recount: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
