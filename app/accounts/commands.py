"""Accounts and machine clients by the command line, which may give every role; the first coordinator is made here."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
from pydantic import BaseModel, ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from app import installation
from app.access.permissions import permissions_of
from app.accounts import clients, service
from app.accounts.models import (
    AccountCreate,
    ClientCreate,
    ClientKeysReplace,
    MembershipCreate,
    PasswordLinkPublic,
)
from app.core.actor import Role, job
from app.core.database import Database, fetch
from app.core.errors import Problem
from app.core.faces import not_valid
from app.core.identity import origin
from app.settings import Settings

accounts_app = typer.Typer(no_args_is_help=True)
clients_app = typer.Typer(no_args_is_help=True)

T = TypeVar("T")
S = TypeVar("S", bound=BaseModel)
Email = Annotated[str, typer.Argument(help="The account's e-mail address.")]
Roles = Annotated[list[Role], typer.Option("--role", help="A role; may be repeated.")]
Programmes = Annotated[list[UUID] | None, typer.Option("--programme", help="A programme's id; may be repeated.")]
OdsCode = Annotated[str | None, typer.Option("--ods-code", help="For a referrer: its organisation.")]
KeysFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The public keys, a JWK set as JSON.")]


def _run(work: Callable[[AsyncSession, Settings], Awaitable[T]]) -> T:
    """The work as one transaction of the command line; a refusal is told in words and changes nothing."""
    settings = Settings()

    async def through(addresses: installation.Addresses) -> T:
        database = Database(settings, addresses.login)
        actor = job("command-line", permissions_of(Role.WORKER))
        try:
            async with database.writing(actor, origin("command-line")) as db:
                return await work(db, settings)
        finally:
            await database.close()

    with installation.database(settings) as addresses:
        try:
            return asyncio.run(through(addresses))
        except Problem as refusal:
            raise _told(refusal) from None


def _told(refusal: Problem) -> typer.Exit:
    typer.echo(refusal.detail, err=True)
    for fault in refusal.errors:
        typer.echo(f"{fault.field}: {fault.message}", err=True)
    return typer.Exit(1)


def _shape(shape: type[S], **values: Any) -> S:
    """What was typed, checked as an API request would be."""
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]
        raise _told(not_valid(faults)) from None


async def _organisation(db: AsyncSession, ods_code: str) -> UUID:
    rows = await fetch(db, "SELECT id FROM organisations WHERE ods_code = upper($1)", ods_code)
    if not rows:
        raise typer.BadParameter("No organisation of the directory has this ODS code.")
    found: UUID = rows[0]["id"]
    return found


async def _account(db: AsyncSession, email: str) -> UUID:
    rows = await fetch(db, "SELECT id FROM accounts WHERE lower(email) = lower($1)", email)
    if not rows:
        raise typer.BadParameter("No account has this e-mail address.")
    found: UUID = rows[0]["id"]
    return found


async def _memberships(
    db: AsyncSession, roles: list[Role], programmes: list[UUID] | None, ods_code: str | None
) -> list[MembershipCreate]:
    organisation_id = await _organisation(db, ods_code) if ods_code else None
    where: list[UUID | None] = [*programmes] if programmes else [None]
    return [
        MembershipCreate(
            role=role,
            programme_id=programme_id,
            organisation_id=organisation_id if role is Role.REFERRER else None,
        )
        for role in roles
        for programme_id in where
    ]


def _show_link(link: PasswordLinkPublic) -> None:
    typer.echo(f"Account {link.account_id}")
    typer.echo(f"Link to set the password, until {link.expires_at:%d %B %Y %H:%M} UTC, shown this once:")
    typer.echo(link.url)


@accounts_app.command("create")
def create_account(
    email: Email,
    name: Annotated[str, typer.Option(help="The person's name.")],
    role: Roles,
    programme: Programmes = None,
    ods_code: OdsCode = None,
) -> None:
    """Make an account with roles, in programmes where given; prints the link to set its password."""

    async def work(db: AsyncSession, settings: Settings) -> PasswordLinkPublic:
        memberships = await _memberships(db, role, programme, ods_code)
        account = _shape(AccountCreate, email=email, name=name, memberships=memberships)
        return (await service.invite(db, account, settings)).link

    _show_link(_run(work))


@accounts_app.command("give")
def give_roles(email: Email, role: Roles, programme: Programmes = None, ods_code: OdsCode = None) -> None:
    """Give an account more roles."""

    async def work(db: AsyncSession, _: Settings) -> None:
        account_id = await _account(db, email)
        for membership in await _memberships(db, role, programme, ods_code):
            await service.give(db, account_id, membership)

    _run(work)
    typer.echo("Given.")


@accounts_app.command("take")
def take_role(email: Email, membership_id: Annotated[UUID, typer.Argument(help="As `list` shows it.")]) -> None:
    """Take one role of an account away."""

    async def work(db: AsyncSession, _: Settings) -> None:
        await service.take(db, await _account(db, email), membership_id)

    _run(work)
    typer.echo("Taken away.")


@accounts_app.command("link")
def make_link(email: Email) -> None:
    """Print a new link to set the password; older ones open nothing any more."""

    async def work(db: AsyncSession, settings: Settings) -> PasswordLinkPublic:
        return await service.new_link(db, await _account(db, email), settings)

    _show_link(_run(work))


@accounts_app.command("disable")
def disable_account(email: Email) -> None:
    """Shut an account out at once."""

    async def work(db: AsyncSession, _: Settings) -> None:
        await service.disable(db, await _account(db, email))

    _run(work)
    typer.echo("Disabled.")


@accounts_app.command("enable")
def enable_account(email: Email) -> None:
    """Let a disabled account in again."""

    async def work(db: AsyncSession, _: Settings) -> None:
        await service.enable(db, await _account(db, email))

    _run(work)
    typer.echo("Enabled.")


HOLDERS = (
    "SELECT t.{name} AS holder, t.status, t.id, coalesce(string_agg(concat_ws(' ', m.role, "
    "'in ' || m.programme_id, 'for ' || m.organisation_id, '[' || m.id || ']'), '; ' ORDER BY m.role, m.id) "
    "FILTER (WHERE m.id IS NOT NULL), 'no role') AS roles "
    "FROM {table} t LEFT JOIN access_memberships m ON m.account_id = t.id GROUP BY t.id ORDER BY 1"
)


def _show_holders(table: str, name: str) -> None:
    async def work(db: AsyncSession, _: Settings) -> list[Any]:
        return await fetch(db, HOLDERS.format(table=table, name=name))

    for row in _run(work):
        typer.echo(f"{row['id']}  {row['status']:<8}  {row['holder']}: {row['roles']}")


@accounts_app.command("list")
def list_accounts() -> None:
    """Every account with its roles, their programmes, organisations and membership ids."""
    _show_holders("accounts", "email")


@clients_app.command("new")
def new_client(
    keys: KeysFile,
    name: Annotated[str, typer.Option(help="What the system is called.")],
    ods_code: Annotated[str, typer.Option("--ods-code", help="The organisation it is bound to.")],
    programme: Annotated[list[UUID], typer.Option("--programme", help="A programme's id; may be repeated.")],
    scope: Annotated[list[str], typer.Option("--scope", help="A scope; may be repeated.")],
    role: Annotated[Role, typer.Option(help="referrer or analyst.")] = Role.REFERRER,
) -> None:
    """Register a practice's or partner's system; prints its client id."""

    async def work(db: AsyncSession, _: Settings) -> bytes:
        client = _shape(
            ClientCreate,
            name=name,
            organisation_id=await _organisation(db, ods_code),
            programme_ids=programme,
            role=role,
            scopes=scope,
            jwks=_json(keys),
        )
        return (await clients.register(db, client)).body

    typer.echo(f"Client {json.loads(_run(work))['id']}")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except ValueError:
        raise typer.BadParameter("The file is not JSON.") from None


@clients_app.command("rotate")
def rotate_keys(client_id: UUID, keys: KeysFile) -> None:
    """Put new public keys in the place of the old."""

    async def work(db: AsyncSession, _: Settings) -> None:
        await clients.replace_keys(db, client_id, _shape(ClientKeysReplace, jwks=_json(keys)))

    _run(work)
    typer.echo("These keys count from now on.")


@clients_app.command("revoke")
def revoke_client(client_id: UUID) -> None:
    """Shut a machine client out at once, for good."""

    async def work(db: AsyncSession, _: Settings) -> None:
        await clients.revoke(db, client_id)

    _run(work)
    typer.echo("Revoked.")


@clients_app.command("list")
def list_clients() -> None:
    """Every machine client with its role, programmes and organisation."""
    _show_holders("clients", "name")
