"""Accounts of people and clients of systems; what proves them lies in tables of its own."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field as Shape
from sqlmodel import Field

from app.core.actor import Kind, Role
from app.core.codes import Code
from app.core.fields import Email, Text
from app.core.models import Inbound, Outbound, Row, coded, document, instant, needed_instant, texts


class AccountStatus(Code):
    """Whether an account can be used."""

    INVITED = "invited", "Invited"
    ACTIVE = "active", "Active"
    DISABLED = "disabled", "Disabled"


class Account(Row, table=True):
    """Somebody who signs in."""

    __tablename__ = "accounts"
    __table_args__ = (
        sa.Index("uq_accounts_email", sa.text("lower(email)"), unique=True),
        sa.Index("ix_accounts_name", "name", "id"),
    )

    email: str = Field(max_length=254)
    name: str = Field(max_length=200)
    status: AccountStatus = coded(AccountStatus, "status", default=AccountStatus.INVITED)


class Credential(Row, table=True):
    """The argon2id hash of an account's password."""

    __tablename__ = "accounts_credentials"
    __table_args__ = (sa.UniqueConstraint("account_id"),)

    account_id: UUID = Field(foreign_key="accounts.id")
    password_hash: str = Field(max_length=400)


class PasswordLink(Row, table=True):
    """A single-use link to set a password, known by its SHA-256 alone."""

    __tablename__ = "accounts_password_links"
    __table_args__ = (
        sa.UniqueConstraint("token_hash"),
        sa.Index("ix_accounts_password_links_account_id", "account_id"),
    )

    account_id: UUID = Field(foreign_key="accounts.id")
    token_hash: str = Field(max_length=64)
    expires_at: datetime = needed_instant()
    used_at: datetime | None = instant()


class ClientStatus(Code):
    """Whether a machine client can be used."""

    ACTIVE = "active", "Active"
    REVOKED = "revoked", "Revoked"


class Client(Row, table=True):
    """A practice's or partner's system, bound to its organisation; proven by its registered public keys."""

    __tablename__ = "clients"
    __table_args__ = (sa.Index("ix_clients_organisation_id", "organisation_id"),)

    name: str = Field(max_length=200)
    organisation_id: UUID = Field(foreign_key="organisations.id")
    role: Role = coded(Role, "role")
    scopes: list[str] = texts()
    jwks: dict[str, Any] = document(nullable=False)
    status: ClientStatus = coded(ClientStatus, "status", default=ClientStatus.ACTIVE)


class MembershipCreate(Inbound):
    """One role, in a programme, for an organisation where the role is a referrer's."""

    role: Role
    programme_id: UUID | None = None
    """Needed from a coordinator: one of its own programmes."""
    organisation_id: UUID | None = None
    """Needed for a referrer, and for nobody else: the practice or other organisation it refers for."""


class AccountCreate(Inbound):
    """A new account with its first roles."""

    email: Email
    name: Text
    memberships: Annotated[list[MembershipCreate], Shape(min_length=1, max_length=50)]


class MembershipPublic(Outbound):
    """A role somebody holds."""

    id: UUID
    role: Role
    programme_id: UUID | None
    organisation_id: UUID | None


class MyMembership(MembershipPublic):
    """A role of the caller's own, with the names of where it is held."""

    programme_name: str | None
    organisation_name: str | None


class AccountPublic(Outbound):
    """An account as the coordinators of its programmes see it; roles in other programmes are not shown."""

    id: UUID
    email: str
    name: str
    status: AccountStatus
    memberships: list[MembershipPublic]
    actions: list[str]
    """What may be done to the account now: `disable`, `enable`, `password-link`."""
    version: int


class PasswordLinkPublic(Outbound):
    """A single-use link to set the password; shown this once."""

    account_id: UUID
    url: str
    """Where the frontend lets the password be set; the token stands behind the #, so no server logs it."""
    token: str
    expires_at: datetime


class AccountCreated(Outbound):
    """A new account and the link by which its owner sets a password."""

    account: AccountPublic
    password_link: PasswordLinkPublic


class PasswordSet(Inbound):
    """The token of a single-use link, and the password its owner chose."""

    token: Annotated[str, Shape(min_length=20, max_length=200, examples=["q3T0bV8mX2kLr5Yc7WnE1uHs"])]
    password: Annotated[str, Shape(min_length=12, max_length=128, examples=["lantern gravel Tuesday"])]


class RoleSwitch(Inbound):
    """Another role the caller holds."""

    role: Role


class SignedIn(Outbound):
    """A sign-in in one role: the pass to send with each request, and the token that renews it once."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 -- the scheme's name, no secret
    expires_in: int
    """Seconds until the access token expires."""
    refresh_token: str
    """Taken once: using it a second time ends the sign-in."""
    role: Role
    """The role of these tokens."""
    roles: list[Role]
    """Every role the account holds, for `POST /v1/auth/switch-role`."""


class MePublic(Outbound):
    """Who the caller is and what it may do."""

    id: UUID
    kind: Kind
    name: str
    email: str | None
    """Empty for a machine client."""
    organisation_id: UUID | None
    """The organisation a machine client is bound to."""
    role: Role
    """The role of the token this was asked with."""
    roles: list[Role]
    memberships: list[MyMembership]
    permissions: list[str]
    """What this token may do."""


class ClientCreate(Inbound):
    """A new machine client."""

    name: Text
    organisation_id: UUID
    programme_ids: Annotated[list[UUID], Shape(min_length=1, max_length=50)]
    role: Role
    """`referrer` or `analyst`."""
    scopes: Annotated[list[str], Shape(min_length=1, max_length=20)]
    jwks: dict[str, Any]
    """Public keys as a JWK set: RSA from 2048 bits, or P-384."""


class ClientKeysReplace(Inbound):
    """The public keys that count from now on; those not among them no longer do."""

    jwks: dict[str, Any]


class ClientPublic(Outbound):
    """A machine client; its id is `iss` and `sub` of its assertions."""

    id: UUID
    name: str
    organisation_id: UUID
    role: Role
    scopes: list[str]
    status: ClientStatus
    jwks: dict[str, Any]
    memberships: list[MembershipPublic]
    actions: list[str]
    """What may be done to the client now: `keys`, `revoke`."""
    version: int


class ClientToken(Outbound):
    """An access token for a machine client (RFC 6749 section 5.1)."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 -- the scheme's name, no secret
    expires_in: int
    scope: str


class OAuthRefusal(Outbound):
    """Why no token was given (RFC 6749 section 5.2)."""

    error: str
    error_description: str
