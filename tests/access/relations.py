"""Every way in which somebody may stand to a pair: its own people, their neighbours, those who left, those shut out."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from app.access.permissions import permissions_of
from app.core.actor import Role

EVERYTHING = frozenset(
    {
        "account_id",
        "membership_id",
        "client_id",
        "organisation_id",
        "agreement_id",
        "programme_id",
        "service_id_id",
        "person_id",
        "consent_id",
        "mentee_id",
        "referral_id",
        "mentor_id",
        "match_id",
        "goal_id",
        "action_id",
        "assessment_id",
        "session_id",
    }
)
"""What the addresses of the service name, as they name it."""
WHO = frozenset({"person_id", "referral_id"})
"""Whoever reaches one of these may know name and NHS number."""
READS_AND_WRITES = frozenset({"referrals.write", "referrals.read", "system/ServiceRequest.cru"})


@dataclass(frozen=True)
class Relation:
    """How a caller stands to the target: its role, what it reaches of it, and whether it is let in at all."""

    role: Role
    reaches: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None
    is_let_in: bool = True

    @property
    def permissions(self) -> frozenset[str]:
        """What the role may do, for a machine client what its scopes leave of it."""
        return permissions_of(self.role, self.scopes)


def _of(role: Role, *reaches: str, scopes: frozenset[str] | None = None) -> Relation:
    return Relation(role, frozenset(reaches), scopes)


def _shut_out(role: Role, scopes: frozenset[str] | None = None) -> Relation:
    return Relation(role, frozenset(), scopes, is_let_in=False)


RELATIONS: Mapping[str, Relation] = MappingProxyType(
    {
        "coordinator/own": _of(Role.COORDINATOR, *EVERYTHING),
        "coordinator/elsewhere": _of(Role.COORDINATOR, "organisation_id"),
        "coordinator/disabled": _shut_out(Role.COORDINATOR),
        "mentor/own": _of(
            Role.MENTOR, "programme_id", "mentee_id", "mentor_id", "match_id", "goal_id", "action_id", "session_id"
        ),
        "mentor/fellow": _of(Role.MENTOR, "programme_id"),
        # the match before the present one: the episode is still reached, not what belongs to the present match
        "mentor/in grace": _of(Role.MENTOR, "programme_id", "mentee_id", "goal_id", "action_id"),
        "mentor/after grace": _of(Role.MENTOR, "programme_id"),
        "mentor/elsewhere": _of(Role.MENTOR),
        "mentor/disabled": _shut_out(Role.MENTOR),
        "mentor/signed out": _shut_out(Role.MENTOR),
        "referrer/own": _of(Role.REFERRER, "programme_id", "organisation_id", "referral_id"),
        "referrer/other practice": _of(Role.REFERRER, "programme_id", "organisation_id"),
        "referrer/elsewhere": _of(Role.REFERRER, "programme_id", "organisation_id"),
        "referrer/own practice elsewhere": _of(Role.REFERRER, "programme_id", "organisation_id"),
        "referrer/disabled": _shut_out(Role.REFERRER),
        "analyst/own": _of(Role.ANALYST, "programme_id"),
        "analyst/elsewhere": _of(Role.ANALYST),
        "analyst/disabled": _shut_out(Role.ANALYST),
        "exporter/own": _of(Role.EXPORTER),
        "governance/own": _of(Role.GOVERNANCE),
        "safeguarding/own": _of(Role.SAFEGUARDING),
        "client/own": _of(Role.REFERRER, "programme_id", "organisation_id", "referral_id", scopes=READS_AND_WRITES),
        "client/reads only": _of(
            Role.REFERRER,
            "programme_id",
            "organisation_id",
            "referral_id",
            scopes=frozenset({"referrals.read"}),
        ),
        "client/without scope": _of(
            Role.REFERRER, "programme_id", "organisation_id", "referral_id", scopes=frozenset()
        ),
        "client/other practice": _of(Role.REFERRER, "programme_id", "organisation_id", scopes=READS_AND_WRITES),
        "client/elsewhere": _of(Role.REFERRER, "programme_id", "organisation_id", scopes=READS_AND_WRITES),
        "client/revoked": _shut_out(Role.REFERRER, READS_AND_WRITES),
        "client/analyst": _of(Role.ANALYST, "programme_id", scopes=frozenset({"reports.read"})),
    }
)
