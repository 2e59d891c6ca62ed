"""What decides who reaches what: memberships, caseloads, sign-ins and the tokens that belong to them."""

from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.core.actor import Role
from app.core.models import Row, coded, instant, needed_instant

FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
"""`until` of a row whose end is not known yet."""


class Membership(Row, table=True):
    """One account or client holds one role: as such, in a programme, or for an organisation (or both)."""

    __tablename__ = "access_memberships"
    __table_args__ = (
        sa.UniqueConstraint(
            "account_id",
            "role",
            "programme_id",
            "organisation_id",
            name="uq_access_memberships_given_once",
            postgresql_nulls_not_distinct=True,
        ),
        sa.Index("ix_access_memberships_programme_id", "programme_id"),
        sa.Index("ix_access_memberships_organisation_id", "organisation_id"),
    )

    account_id: UUID
    """An account or a machine client."""
    role: Role = coded(Role, "role")
    programme_id: UUID | None = Field(default=None, foreign_key="programmes.id")
    organisation_id: UUID | None = Field(default=None, foreign_key="organisations.id")


class Caseload(Row, table=True):
    """A mentor's account reaches one episode until a moment; one row per match, written at its confirmation."""

    __tablename__ = "access_caseloads"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "source_id"),
        sa.Index("ix_access_caseloads_mentee_id", "mentee_id"),
        sa.Index("ix_access_caseloads_person_id", "person_id"),
    )

    programme_id: UUID | None = Field(default=None, nullable=False)
    """The episode's own; kept by a trigger, so that no writer can name another."""
    account_id: UUID = Field(foreign_key="accounts.id")
    person_id: UUID = Field(foreign_key="people.id")
    mentee_id: UUID = Field(foreign_key="mentees.id")
    source_id: UUID
    """The match (later also the group enrolment) that gives the access."""
    until: datetime = needed_instant(default=FOREVER)


class SignIn(Row, table=True):
    """One sign-in of an account in one role; its refresh tokens are one family, which ends as a whole."""

    __tablename__ = "access_sign_ins"
    __table_args__ = (sa.Index("ix_access_sign_ins_account_id", "account_id"),)

    account_id: UUID = Field(foreign_key="accounts.id")
    role: Role = coded(Role, "role")
    ended_at: datetime | None = instant()
    ended_because: str | None = Field(default=None, max_length=40)


class RefreshToken(Row, table=True):
    """One refresh token, known by its SHA-256 alone; used once, then replaced."""

    __tablename__ = "access_refresh_tokens"
    __table_args__ = (
        sa.UniqueConstraint("token_hash"),
        sa.Index("ix_access_refresh_tokens_sign_in_id", "sign_in_id"),
    )

    sign_in_id: UUID = Field(foreign_key="access_sign_ins.id")
    token_hash: str = Field(max_length=64)
    expires_at: datetime = needed_instant()
    used_at: datetime | None = instant()


class UsedJti(Row, table=True):
    """A client assertion's `jti`, so that it is taken once."""

    __tablename__ = "access_used_jtis"
    __table_args__ = (
        sa.UniqueConstraint("client_id", "jti_hash"),
        sa.Index("ix_access_used_jtis_expires_at", "expires_at"),
    )

    client_id: UUID
    jti_hash: str = Field(max_length=64)
    expires_at: datetime = needed_instant()


class Tries(Row, table=True):
    """How often something was tried in one window of time; the bucket is a hash, never an address or e-mail."""

    __tablename__ = "access_tries"
    __table_args__ = (sa.UniqueConstraint("bucket", "window_at"),)

    bucket: str = Field(max_length=64)
    window_at: datetime = needed_instant()
    count: int = 0
