"""Every table, imported once, and the slices in the order of the house, lowest first."""

import sqlalchemy as sa
from sqlmodel import SQLModel

from app.access import models as access
from app.accounts import models as accounts
from app.audit import models as audit
from app.consents import models as consents
from app.core import idempotency, jobs
from app.core import tables as core
from app.events import models as events
from app.fhir import models as fhir
from app.goals import models as goals
from app.matches import models as matches
from app.mentees import models as mentees
from app.mentors import models as mentors
from app.organisations import models as organisations
from app.pam_assessments import models as pam_assessments
from app.people import models as people
from app.programmes import models as programmes
from app.referrals import models as referrals
from app.sessions import models as sessions

MODULES = (
    access,
    accounts,
    audit,
    consents,
    core,
    events,
    fhir,
    goals,
    idempotency,
    jobs,
    matches,
    mentees,
    mentors,
    organisations,
    pam_assessments,
    people,
    programmes,
    referrals,
    sessions,
)

SLICES = (
    "core",
    "access",
    "audit",
    "events",
    "organisations",
    "accounts",
    "programmes",
    "people",
    "consents",
    "mentees",
    "mentors",
    "referrals",
    "matches",
    "goals",
    "pam_assessments",
    "sessions",
    "endings",
    "fhir",
    "screens",
    "reports",
)

metadata = SQLModel.metadata

# A change feed reads each table in commit order, so each is indexed by it.
for _table in metadata.tables.values():
    if "changed_xid" in _table.c and _table.name not in ("events", "tombstones"):
        sa.Index(f"ix_{_table.name}_changed_xid", _table.c.changed_xid, _table.c.id)
