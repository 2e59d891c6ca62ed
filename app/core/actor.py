"""Who is asking: a person signed in, a practice's system, a job of ours, or somebody not signed in yet."""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class Kind(StrEnum):
    """What sort of caller this is."""

    ACCOUNT = "account"
    CLIENT = "client"
    JOB = "job"
    PUBLIC = "public"


class Role(StrEnum):
    """The one role a caller acts in; each has a database role of its own (`pm_<role>`)."""

    COORDINATOR = "coordinator"
    MENTOR = "mentor"
    REFERRER = "referrer"
    ANALYST = "analyst"
    EXPORTER = "exporter"
    GOVERNANCE = "governance"
    SAFEGUARDING = "safeguarding"
    GATE = "gate"
    WORKER = "worker"
    SERVICE = "service"


@dataclass(frozen=True)
class Actor:
    """One caller with its one role.

    `permissions` is what the role, narrowed by a client's scopes, may do; `sign_in_id` ties an access
    token to its sign-in, so that signing out ends it at once.
    """

    kind: Kind
    role: Role
    id: UUID | None = None
    name: str = ""
    sign_in_id: UUID | None = None
    permissions: frozenset[str] = field(default_factory=frozenset)


def public() -> Actor:
    """Somebody at the gate: signing in, or opening a single-use link."""
    return Actor(kind=Kind.PUBLIC, role=Role.GATE)


def job(name: str, permissions: frozenset[str] = frozenset()) -> Actor:
    """A job of ours, or the command line, by name."""
    return Actor(kind=Kind.JOB, role=Role.WORKER, name=name, permissions=permissions)
