"""Inviting people, giving and taking their roles, disabling accounts, and telling callers who they are."""

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.access.models import Membership
from app.access.permissions import Permission
from app.accounts import giving
from app.accounts.models import (
    Account,
    AccountCreate,
    AccountPublic,
    AccountStatus,
    MembershipCreate,
    MePublic,
    PasswordLink,
    PasswordLinkPublic,
)
from app.accounts.sign_in import end_all, hashed
from app.core import clock
from app.core.actor import Kind, Role
from app.core.database import Reader, actor_of, as_service, fetch
from app.core.errors import Conflict, NotFound
from app.core.reading import Found, Key, Source, Where, link_to, one
from app.core.rows import get, refused_as, target
from app.core.steps import Step, Steps
from app.events import service as events
from app.settings import Settings

MEMBERSHIPS = (
    "(SELECT coalesce(json_agg(m ORDER BY m.role, m.id), '[]') FROM "
    "(SELECT id, role, programme_id, organisation_id FROM access_memberships WHERE account_id = t.id) m)"
)
_MY_MEMBERSHIPS = "(SELECT coalesce(json_agg(m ORDER BY m.role, m.id), '[]') FROM my_memberships() m)"
ROLES = (
    "(SELECT coalesce(json_agg(r.role ORDER BY array_position(ARRAY["
    + ",".join(f"'{role.value}'" for role in Role)
    + "], r.role::text)), '[]') FROM (SELECT DISTINCT role FROM access_memberships WHERE account_id = t.id) r)"
)
_MANAGE = Permission.MANAGE_ACCOUNTS.value
STEPS = Steps(
    {
        "disable": Step(("invited", "active"), "disabled", _MANAGE),
        "enable": Step(("disabled",), None, _MANAGE),
        "password-link": Step(("invited", "active"), None, _MANAGE),
    }
)
ACCOUNTS = Source(
    AccountPublic,
    "accounts t",
    fields={"memberships": MEMBERSHIPS},
    keys=(Key("t.name", "text"), Key("t.id", "uuid")),
    newest_first=False,
    steps=STEPS,
)
_ME = {"role": "current_setting('app.role')", "roles": ROLES, "memberships": _MY_MEMBERSHIPS}
ME = {
    Kind.ACCOUNT: Source(
        MePublic,
        "accounts t",
        fields=_ME | {"kind": "'account'", "organisation_id": "NULL::uuid"},
        personal=False,
    ),
    Kind.CLIENT: Source(
        MePublic, "clients t", fields=_ME | {"kind": "'client'", "email": "NULL::text"}, personal=False
    ),
}


class AccountKnown(Conflict):
    """An account with this e-mail address exists already; give it a role where it is among yours, else ask who
    runs the service."""


class RoleHeld(Conflict):
    """This role is held already."""


class LastRole(Conflict):
    """This is the only role; disable the account instead, so that it can be found again."""


@dataclass(frozen=True)
class Invited:
    """An account as it stands, and the link for its owner."""

    account: Found
    link: PasswordLinkPublic

    def body(self) -> Found:
        """Both, as `AccountCreated` has them."""
        body = b'{"account":' + self.account.body + b',"password_link":' + self.link.model_dump_json().encode()
        return Found(body + b"}", self.account.version)


async def me(db: Reader) -> Found:
    """The caller, with its present role, all its roles and what it may do."""
    actor = actor_of(db)
    names = ",".join(f"'{name}'" for name in sorted(actor.permissions))
    source = ME[actor.kind]
    fields = {**source.fields, "permissions": f"ARRAY[{names}]::text[]"}
    return await one(db, replace(source, fields=fields), "t.id = $1", actor.id)


def holding(role: Role | None, programme_id: UUID | None) -> Where:
    """Accounts that hold this role, in this programme: both in one and the same membership."""
    held = "" if role is None else f" AND m.role = '{role.value}'"
    exists = "EXISTS (SELECT FROM access_memberships m WHERE m.account_id = t.id" + held
    if programme_id is not None:
        return [(exists + " AND m.programme_id = {})", programme_id)]
    return [(exists + ")", None)] if role is not None else []


async def invite(db: AsyncSession, account: AccountCreate, settings: Settings) -> Invited:
    """The account is there, invited, with its roles and a link by which its owner sets a password.

    Refuses roles the caller may not give, and an e-mail address that is known: with a link to the account where
    the caller sees it, and otherwise without a word about whose it is.
    """
    given = {f"/memberships/{at}": membership for at, membership in enumerate(account.memberships)}
    await giving.check(db, given)
    known = await link_to(db, "SELECT id FROM accounts WHERE lower(email) = lower($1)", account.email)
    refusal = AccountKnown(link=f"/v1/accounts/{known}") if known else AccountKnown()
    row = Account(email=account.email, name=account.name)
    async with refused_as(db, {"uq_accounts_email": refusal}):
        db.add(row)
    once = {(m.role, m.programme_id, m.organisation_id): m for m in account.memberships}
    for membership in once.values():
        await _add(db, row.id, membership)
    await db.flush()
    link = await _link(db, row.id, settings)
    return Invited(await one(db, ACCOUNTS, "t.id = $1", row.id), link)


async def _add(db: AsyncSession, holder_id: UUID, membership: MembershipCreate) -> None:
    row = Membership(
        account_id=holder_id,
        role=membership.role,
        programme_id=membership.programme_id,
        organisation_id=membership.organisation_id,
    )
    db.add(row)
    await events.record(db, "membership.given", row)


async def give(db: AsyncSession, account_id: UUID, membership: MembershipCreate) -> Found:
    """The account holds one more role. Refuses one the caller may not give, and one it holds already."""
    row = await target(db, Account, account_id)
    await giving.check(db, {"": membership})
    async with refused_as(db, {"uq_access_memberships_given_once": RoleHeld()}):
        await _add(db, row.id, membership)
    return await one(db, ACCOUNTS, "t.id = $1", row.id)


async def take(db: AsyncSession, account_id: UUID, membership_id: UUID) -> None:
    """The account holds this role no longer. Refuses the last one of all, and one not the caller's to give."""
    account = await target(db, Account, account_id)
    membership = await get(db, Membership, membership_id)
    if membership.account_id != account.id:
        raise NotFound()
    await giving.check(db, {"": MembershipCreate.model_validate(membership, from_attributes=True)})
    async with as_service(db, "whether a role is an account's last"):
        others = await fetch(
            db,
            "SELECT 1 FROM access_memberships WHERE account_id = $1 AND id <> $2 LIMIT 1",
            account_id,
            membership_id,
        )
    if not others:
        raise LastRole()
    await db.delete(membership)
    if membership.role is Role.MENTOR and membership.programme_id is not None:
        await _end_caseload(db, account_id, membership.programme_id)
    await events.record(db, "membership.taken", membership)


async def _end_caseload(db: AsyncSession, account_id: UUID, programme_id: UUID) -> None:
    """Who is no mentor of the programme any more reaches none of its episodes, even as a mentor elsewhere."""
    async with as_service(db, "a role taken away takes its caseload with it"):
        await fetch(
            db,
            "UPDATE access_caseloads SET until = app_now() WHERE account_id = $1 AND until > app_now() "
            "AND programme_id = $2",
            account_id,
            programme_id,
        )


async def disable(db: AsyncSession, account_id: UUID) -> Found:
    """The account is refused from its next request on; its sign-ins have ended, its links open nothing.

    Refuses an account that also has roles outside the caller's programmes.
    """
    row = await _whole(db, account_id, "disable")
    row.status = AccountStatus.DISABLED
    async with as_service(db, "a disabled account's sign-ins and links end"):
        await end_all(db, row.id, "account_disabled")
        await _end_links(db, row.id)
    return await one(db, ACCOUNTS, "t.id = $1", row.id)


async def enable(db: AsyncSession, account_id: UUID) -> Found:
    """The account can be used again: at once where it has a password, else by a new link."""
    row = await _whole(db, account_id, "enable")
    async with as_service(db, "whether an enabled account has a password"):
        secret = await fetch(db, "SELECT 1 FROM accounts_credentials WHERE account_id = $1", row.id)
    row.status = AccountStatus.ACTIVE if secret else AccountStatus.INVITED
    return await one(db, ACCOUNTS, "t.id = $1", row.id)


async def new_link(db: AsyncSession, account_id: UUID, settings: Settings) -> PasswordLinkPublic:
    """There is a new link to set the password, and no older one opens anything."""
    row = await _whole(db, account_id, "password-link")
    async with as_service(db, "a new password link replaces the older ones"):
        await _end_links(db, row.id)
    return await _link(db, row.id, settings)


async def _whole(db: AsyncSession, account_id: UUID, verb: str) -> Account:
    row = await target(db, Account, account_id)
    await giving.check_whole(db, row.id)
    STEPS.check(row.status, verb)
    return row


async def _end_links(db: AsyncSession, account_id: UUID) -> None:
    await fetch(
        db,
        "UPDATE accounts_password_links SET used_at = clock_timestamp() WHERE account_id = $1 AND used_at IS NULL",
        account_id,
    )


async def _link(db: AsyncSession, account_id: UUID, settings: Settings) -> PasswordLinkPublic:
    token = secrets.token_urlsafe(32)
    expires_at = clock.true_now() + timedelta(hours=settings.password_link_hours)
    db.add(PasswordLink(account_id=account_id, token_hash=hashed(token), expires_at=expires_at))
    await db.flush()
    url = f"{settings.public_url}/set-password#token={token}"
    return PasswordLinkPublic(account_id=account_id, url=url, token=token, expires_at=expires_at)
