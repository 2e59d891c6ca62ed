"""The desk where people sign in: with a password, by renewing, in another role, and out again.

Each verb opens its own short transactions, as the gate: what a refusal notes (a failed try, the end of a sign-in
whose refresh token was used twice) is committed before it is refused, and none is open while a password is hashed.
"""

import hashlib
import secrets
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.access.keys import SigningKeys
from app.access.models import RefreshToken, SignIn
from app.access.passwords import PasswordHasher, PasswordTooWeak
from app.access.tokens import issue
from app.accounts import throttle
from app.accounts.models import Account, AccountStatus, Credential, PasswordLink, SignedIn
from app.core import clock
from app.core.actor import Actor, Kind, Role, public
from app.core.database import Database, fetch
from app.core.errors import Gone, NotAllowed, NotSignedIn, TooManyRequests, invalid
from app.core.identity import Origin
from app.core.rows import get
from app.settings import Settings


class SignInRefused(NotSignedIn):
    """These do not open an account: the e-mail address, the password or the role is not right, or the account is
    not in use."""


class RefreshRefused(NotSignedIn):
    """This refresh token renews nothing: it was used, has expired, or its sign-in has ended; sign in again."""


class RoleNotHeld(NotAllowed):
    """You do not hold this role; `roles` at /v1/me says which you hold."""


class LinkUsed(Gone):
    """This link was used, was replaced or has expired; ask your coordinator for a new one."""


@dataclass(frozen=True)
class Desk:
    """What the desk works with."""

    database: Database
    settings: Settings
    keys: SigningKeys
    passwords: PasswordHasher
    secret: bytes
    """What the counted tries are keyed with."""
    origin: Origin

    def gate(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A transaction as the gate, committed at the end of its block."""
        return self.database.writing(public(), self.origin)


@dataclass(frozen=True)
class Known:
    """What an account proves itself by."""

    account_id: UUID
    password_hash: str


def hashed(secret: str) -> str:
    """What is kept of a token: its SHA-256; 256 random bits need no salt."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


async def with_password(desk: Desk, email: str, password: str, role: Role | None, address: str) -> SignedIn:
    """Somebody is signed in, in the role asked for or the first held in the order of `Role`.

    Refuses alike, and after the same time, an unknown address, a wrong password, a role not held and an account
    that is not active; after too many failed tries, 429 for known and unknown alike.
    """
    email = email.strip().lower()
    async with desk.gate() as db:
        tried = await throttle.begin(
            db, secret=desk.secret, email=email, address=address, limit=desk.settings.sign_in_tries
        )
        known = await _known(db, email)
    if tried.wait_seconds:
        raise TooManyRequests(headers={"Retry-After": str(tried.wait_seconds)})
    is_right, fresh_hash = await desk.passwords.verify(password, known.password_hash if known else None)
    if known is None or not is_right:
        raise SignInRefused()
    async with desk.gate() as db:
        signed_in = await _open(db, desk, known, role, fresh_hash)
        if signed_in is not None:
            await throttle.forgive(db, tried)
    if signed_in is None:
        raise SignInRefused()
    return signed_in


async def _known(db: AsyncSession, email: str) -> Known | None:
    if not email.isprintable():  # PostgreSQL takes no NUL and no broken characters
        return None
    rows = await fetch(
        db,
        "SELECT a.id, c.password_hash FROM accounts a JOIN accounts_credentials c ON c.account_id = a.id "
        "WHERE lower(a.email) = lower($1)",
        email,
    )
    return Known(rows[0]["id"], rows[0]["password_hash"]) if rows else None


async def _open(
    db: AsyncSession, desk: Desk, known: Known, role: Role | None, fresh_hash: str | None
) -> SignedIn | None:
    """The sign-in, unless the account was disabled or its password changed meanwhile, or it lacks the role."""
    account = await get(db, Account, known.account_id, lock=True)
    credential = await _credential(db, account.id)
    if account.status is not AccountStatus.ACTIVE or credential is None:
        return None
    held = await _roles(db, account.id)
    chosen = role or next(iter(held), None)
    if credential.password_hash != known.password_hash or chosen not in held:
        return None
    if fresh_hash is not None:
        credential.password_hash = fresh_hash
    return await _begin(db, desk, account.id, chosen, held)


async def _credential(db: AsyncSession, account_id: UUID) -> Credential | None:
    query = select(Credential).where(col(Credential.account_id) == account_id)
    return (await db.exec(query.execution_options(populate_existing=True))).one_or_none()


async def _roles(db: AsyncSession, account_id: UUID) -> list[Role]:
    rows = await fetch(db, "SELECT DISTINCT role FROM access_memberships WHERE account_id = $1", account_id)
    held = {row["role"] for row in rows}
    return [role for role in Role if role.value in held]


async def _begin(db: AsyncSession, desk: Desk, account_id: UUID, role: Role, held: Sequence[Role]) -> SignedIn:
    sign_in = SignIn(account_id=account_id, role=role)
    db.add(sign_in)
    await db.flush()
    return _tokens(db, desk, sign_in, held)


def _tokens(db: AsyncSession, desk: Desk, sign_in: SignIn, held: Sequence[Role]) -> SignedIn:
    """A fresh pair of tokens of this sign-in."""
    now, settings = clock.true_now(), desk.settings
    refresh_token = secrets.token_urlsafe(32)
    expires_at = now + timedelta(days=settings.refresh_token_days)
    db.add(RefreshToken(sign_in_id=sign_in.id, token_hash=hashed(refresh_token), expires_at=expires_at))
    lifetime = timedelta(minutes=settings.access_token_minutes)
    access_token = issue(
        desk.keys,
        issuer=settings.public_url,
        audience=settings.public_url,
        subject=sign_in.account_id,
        kind=Kind.ACCOUNT,
        role=sign_in.role,
        lifetime=lifetime,
        now=now,
        sign_in_id=sign_in.id,
        authenticated_at=sign_in.created_at,
    )
    return SignedIn(
        access_token=access_token,
        expires_in=int(lifetime.total_seconds()),
        refresh_token=refresh_token,
        role=sign_in.role,
        roles=list(held),
    )


async def renew(desk: Desk, refresh_token: str) -> SignedIn:
    """The refresh token is used up and a new pair of tokens given.

    One that was used before ends its whole sign-in: it was copied, and nobody can tell which copy is the owner's.
    Of two uses at the same moment one is answered with tokens, the other ends them.
    """
    async with desk.gate() as db:
        renewed = await _renew(db, desk, hashed(refresh_token))
    if renewed is None:
        raise RefreshRefused()
    return renewed


async def _renew(db: AsyncSession, desk: Desk, token_hash: str) -> SignedIn | None:
    query = select(RefreshToken).where(col(RefreshToken.token_hash) == token_hash).with_for_update()
    token = (await db.exec(query)).one_or_none()
    if token is None:
        return None
    sign_in = await get(db, SignIn, token.sign_in_id, lock=True)
    if sign_in.ended_at is not None:
        return None
    if token.used_at is not None:
        _end(sign_in, "refresh_token_reused")
        return None
    account = await get(db, Account, sign_in.account_id)
    held = await _roles(db, sign_in.account_id)
    if account.status is not AccountStatus.ACTIVE or sign_in.role not in held:
        return None
    now = clock.true_now()
    if token.expires_at <= now:
        return None
    token.used_at = now
    return _tokens(db, desk, sign_in, held)


def _end(sign_in: SignIn, why: str) -> None:
    sign_in.ended_at = clock.true_now()
    sign_in.ended_because = why


async def sign_out(desk: Desk, actor: Actor) -> None:
    """The caller's sign-in has ended, and with it its access and refresh tokens."""
    async with desk.gate() as db:
        sign_in = await _present(db, actor)
        _end(sign_in, "signed_out")


async def _present(db: AsyncSession, actor: Actor) -> SignIn:
    """The caller's sign-in, locked; refuses machine clients, which have none, and one that has ended."""
    if actor.kind is not Kind.ACCOUNT or actor.id is None:
        raise NotAllowed()
    if actor.sign_in_id is None:
        raise NotSignedIn()
    account = await get(db, Account, actor.id, lock=True)
    sign_in = await get(db, SignIn, actor.sign_in_id, lock=True)
    is_live = sign_in.ended_at is None and sign_in.account_id == account.id
    if account.status is not AccountStatus.ACTIVE or not is_live:
        raise NotSignedIn()
    return sign_in


async def switch_role(desk: Desk, actor: Actor, role: Role) -> SignedIn:
    """The caller is signed in anew, in another role it holds; the sign-in it came with has ended."""
    async with desk.gate() as db:
        sign_in = await _present(db, actor)
        held = await _roles(db, sign_in.account_id)
        if role not in held:
            raise RoleNotHeld()
        _end(sign_in, "role_switched")
        return await _begin(db, desk, sign_in.account_id, role, held)


async def set_password(desk: Desk, token: str, password: str) -> None:
    """The account has this password and is active; the link is used, and every sign-in of the account has ended.

    Refuses a password that is easy to guess, and a link that was used, replaced, or is older than its hours.
    """
    async with desk.gate() as db:
        _, account = await _open_link(db, token)
        about = [account.name, account.email]
    try:
        password_hash = await desk.passwords.hash(password, about=about)
    except PasswordTooWeak as weak:
        raise invalid("/password", weak.fault.value, str(weak)) from None
    async with desk.gate() as db:
        link, account = await _open_link(db, token)
        link.used_at = clock.true_now()
        account.status = AccountStatus.ACTIVE
        credential = await _credential(db, account.id)
        if credential is None:
            db.add(Credential(account_id=account.id, password_hash=password_hash))
        else:
            credential.password_hash = password_hash
        await end_all(db, account.id, "password_set")


async def _open_link(db: AsyncSession, token: str) -> tuple[PasswordLink, Account]:
    """A link that may still be used and its account, both locked; the account first, as everywhere."""
    query = select(PasswordLink).where(col(PasswordLink.token_hash) == hashed(token))
    link = (await db.exec(query)).one_or_none()
    if link is None:
        raise LinkUsed()
    account = await get(db, Account, link.account_id, lock=True)
    link = await get(db, PasswordLink, link.id, lock=True)
    is_over = link.used_at is not None or link.expires_at <= clock.true_now()
    if is_over or account.status is AccountStatus.DISABLED:
        raise LinkUsed()
    return link, account


async def end_all(db: AsyncSession, account_id: UUID, why: str) -> None:
    """Every sign-in of the account has ended."""
    await fetch(
        db,
        "UPDATE access_sign_ins SET ended_at = clock_timestamp(), ended_because = $2 "
        "WHERE account_id = $1 AND ended_at IS NULL",
        account_id,
        why,
    )
