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


PROGRAMME = frozenset({"programme_id", "service_id_id"})
CHOOSING = PROGRAMME | {"organisation_id"}
"""What everybody sees who refers: programmes to choose from, and the directory."""
SENT = CHOOSING | {"referral_id"}
EPISODE = PROGRAMME | {"mentee_id", "goal_id", "action_id"}


def _shut_out(role: Role, scopes: frozenset[str] | None = None) -> Relation:
    return Relation(role, frozenset(), scopes, is_let_in=False)


RELATIONS: Mapping[str, Relation] = MappingProxyType(
    {
        "coordinator/own": Relation(Role.COORDINATOR, EVERYTHING),
        "coordinator/elsewhere": Relation(Role.COORDINATOR, frozenset({"organisation_id"})),
        "coordinator/disabled": _shut_out(Role.COORDINATOR),
        "mentor/own": Relation(Role.MENTOR, EPISODE | {"mentor_id", "match_id", "session_id"}),
        "mentor/fellow": Relation(Role.MENTOR, PROGRAMME),
        # of the match before the present one: the episode is still reached, what the present pair does is not
        "mentor/in grace": Relation(Role.MENTOR, EPISODE),
        "mentor/after grace": Relation(Role.MENTOR, PROGRAMME),
        "mentor/elsewhere": Relation(Role.MENTOR),
        "mentor/disabled": _shut_out(Role.MENTOR),
        "mentor/signed out": _shut_out(Role.MENTOR),
        "referrer/own": Relation(Role.REFERRER, SENT),
        "referrer/other practice": Relation(Role.REFERRER, CHOOSING),
        "referrer/elsewhere": Relation(Role.REFERRER, CHOOSING),
        # another programme's coordinator made it a referrer of this practice there
        "referrer/own practice elsewhere": Relation(Role.REFERRER, CHOOSING),
        "referrer/disabled": _shut_out(Role.REFERRER),
        "analyst/own": Relation(Role.ANALYST, PROGRAMME),
        "analyst/elsewhere": Relation(Role.ANALYST),
        "analyst/disabled": _shut_out(Role.ANALYST),
        # these three know their own membership's programme, and so far nothing else
        "exporter/own": Relation(Role.EXPORTER, PROGRAMME),
        "governance/own": Relation(Role.GOVERNANCE, PROGRAMME),
        "safeguarding/own": Relation(Role.SAFEGUARDING, PROGRAMME),
        "client/own": Relation(Role.REFERRER, SENT, READS_AND_WRITES),
        "client/reads only": Relation(Role.REFERRER, SENT, frozenset({"referrals.read"})),
        "client/without scope": Relation(Role.REFERRER, SENT, frozenset()),
        "client/other practice": Relation(Role.REFERRER, CHOOSING, READS_AND_WRITES),
        "client/elsewhere": Relation(Role.REFERRER, CHOOSING, READS_AND_WRITES),
        "client/revoked": _shut_out(Role.REFERRER, READS_AND_WRITES),
        # a client knows the organisation it is bound to
        "client/analyst": Relation(Role.ANALYST, CHOOSING, frozenset({"reports.read"})),
    }
)
