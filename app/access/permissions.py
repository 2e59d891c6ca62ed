"""Who may do what: the whole policy of roles and scopes on one screen."""

from enum import StrEnum

from app.core.actor import Role


class Permission(StrEnum):
    """A verb on a resource; each route declares the one it needs."""

    MANAGE_ACCOUNTS = "accounts:manage"
    MANAGE_ORGANISATIONS = "organisations:manage"
    READ_ORGANISATIONS = "organisations:read"
    MANAGE_PROGRAMMES = "programmes:manage"
    READ_PROGRAMMES = "programmes:read"
    READ_PEOPLE = "people:read"
    EDIT_PEOPLE = "people:edit"
    MANAGE_CONSENTS = "consents:manage"
    REFER = "referrals:receive"
    READ_REFERRALS = "referrals:read"
    WITHDRAW_REFERRALS = "referrals:withdraw"
    TRIAGE = "referrals:triage"
    READ_MENTEES = "mentees:read"
    MANAGE_MENTEES = "mentees:manage"
    READ_MENTORS = "mentors:read"
    MANAGE_MENTORS = "mentors:manage"
    READ_MATCHES = "matches:read"
    MANAGE_MATCHES = "matches:manage"
    ANSWER_OFFERS = "matches:answer"
    READ_SESSIONS = "sessions:read"
    WRITE_SESSIONS = "sessions:write"
    READ_GOALS = "goals:read"
    WRITE_GOALS = "goals:write"
    ASSESS = "pam-assessments:manage"
    READ_REPORTS = "reports:read"
    MOVE_CLOCK = "clock:move"
    OWN_ACCOUNT = "me:read"


P = Permission

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.COORDINATOR: frozenset(Permission) - {P.ANSWER_OFFERS},
    Role.MENTOR: frozenset(
        {
            P.OWN_ACCOUNT,
            P.READ_PROGRAMMES,
            P.READ_MENTEES,
            P.READ_MENTORS,
            P.READ_MATCHES,
            P.ANSWER_OFFERS,
            P.READ_SESSIONS,
            P.WRITE_SESSIONS,
            P.READ_GOALS,
            P.WRITE_GOALS,
        }
    ),
    Role.REFERRER: frozenset(
        {
            P.OWN_ACCOUNT,
            P.READ_PROGRAMMES,
            P.READ_ORGANISATIONS,
            P.REFER,
            P.READ_REFERRALS,
            P.WITHDRAW_REFERRALS,
        }
    ),
    Role.ANALYST: frozenset({P.OWN_ACCOUNT, P.READ_PROGRAMMES, P.READ_REPORTS}),
    Role.EXPORTER: frozenset({P.OWN_ACCOUNT}),
    Role.GOVERNANCE: frozenset({P.OWN_ACCOUNT}),
    Role.SAFEGUARDING: frozenset({P.OWN_ACCOUNT}),
    Role.GATE: frozenset(),
    Role.WORKER: frozenset({P.MANAGE_ACCOUNTS, P.MANAGE_ORGANISATIONS, P.MANAGE_PROGRAMMES}),
    Role.SERVICE: frozenset(),
}

# A machine client's scopes narrow its role, never widen it; the names follow SMART v2 where it has one.
SCOPES: dict[str, frozenset[Permission]] = {
    "referrals.write": frozenset({P.REFER, P.WITHDRAW_REFERRALS, P.READ_PROGRAMMES}),
    "referrals.read": frozenset({P.READ_REFERRALS, P.READ_PROGRAMMES}),
    "reports.read": frozenset({P.READ_REPORTS, P.READ_PROGRAMMES}),
    "system/ServiceRequest.cru": frozenset({P.REFER, P.WITHDRAW_REFERRALS, P.READ_REFERRALS, P.READ_PROGRAMMES}),
    "system/ServiceRequest.rs": frozenset({P.READ_REFERRALS}),
}

# Which scopes a client of a role may hold.
CLIENT_SCOPES: dict[Role, frozenset[str]] = {
    Role.REFERRER: frozenset(
        {"referrals.write", "referrals.read", "system/ServiceRequest.cru", "system/ServiceRequest.rs"}
    ),
    Role.ANALYST: frozenset({"reports.read"}),
}

# What a coordinator may give; the rest is given by the command line.
GIVEN_BY_COORDINATORS = frozenset({Role.COORDINATOR, Role.MENTOR, Role.REFERRER, Role.ANALYST})


def permissions_of(role: Role, scopes: frozenset[str] | None = None) -> frozenset[str]:
    """What a caller may do: the role's grants, for a client only those its scopes name, and asking who it is."""
    granted = GRANTS[role]
    if scopes is not None:
        named = frozenset(p for scope in scopes for p in SCOPES.get(scope, frozenset()))
        granted &= named | {P.OWN_ACCOUNT}
    return frozenset(p.value for p in granted)
