"""/v1/me, /v1/accounts and /v1/clients."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.access.guards import CursorSecret, Pages, Reading, Writing, allow
from app.access.permissions import Permission
from app.accounts import clients, service
from app.accounts.giving import RoleNotYours, SharedBeyondYou
from app.accounts.models import (
    AccountCreate,
    AccountCreated,
    AccountPublic,
    ClientCreate,
    ClientKeysReplace,
    ClientPublic,
    MembershipCreate,
    MePublic,
    PasswordLinkPublic,
)
from app.core.actor import Role
from app.core.documents import created, found, listed
from app.core.door import Door
from app.core.errors import StepNotPossible
from app.core.etags import answer, list_answer
from app.core.reading import one, page

router = APIRouter(prefix="/v1", tags=["accounts"], route_class=Door)

WHOLE = (SharedBeyondYou, StepNotPossible)
"""What refuses a verb on an account or client as a whole."""
RoleWanted = Annotated[Role | None, Query(description="Only those who hold this role.")]
ProgrammeWanted = Annotated[UUID | None, Query(description="Only those who work in this programme.")]


@router.get(
    "/me",
    tags=["auth"],
    summary="Who am I, and what may I do?",
    dependencies=[allow(Permission.OWN_ACCOUNT)],
    **found(MePublic),
)
async def read_me(db: Reading) -> Response:
    """The account or machine client behind the token, its present role, all its roles, and its permissions."""
    mine = await service.me(db)
    return Response(mine.body, media_type="application/json")


@router.post(
    "/accounts",
    summary="Invite somebody",
    dependencies=[allow(Permission.MANAGE_ACCOUNTS)],
    **created(AccountCreated, service.AccountKnown, RoleNotYours),
)
async def invite(account: AccountCreate, request: Request, db: Writing) -> Response:
    """Makes an account with its first roles, and a single-use link by which its owner sets a password.

    The link is shown this once; hand it over on a way on which you know the person.
    """
    made = await service.invite(db, account, request.app.state.settings)
    return answer(made.body(), 201, location=f"/v1/accounts/{made.link.account_id}")


@router.get(
    "/accounts",
    summary="List accounts",
    dependencies=[allow(Permission.MANAGE_ACCOUNTS)],
    **listed(AccountPublic),
)
async def list_accounts(
    request: Request,
    db: Reading,
    pages: Pages,
    secret: CursorSecret,
    role: RoleWanted = None,
    programme_id: ProgrammeWanted = None,
) -> Response:
    """The accounts with a role in your programmes, by name."""
    where = service.holding(role, programme_id)
    return list_answer(request, await page(db, service.ACCOUNTS, where, pages, secret=secret))


@router.get(
    "/accounts/{account_id}",
    summary="Read an account",
    dependencies=[allow(Permission.MANAGE_ACCOUNTS)],
    **found(AccountPublic),
)
async def read_account(account_id: UUID, db: Reading) -> Response:
    """One account, with its roles in your programmes."""
    return answer(await one(db, service.ACCOUNTS, "t.id = $1", account_id))


@router.post(
    "/accounts/{account_id}/memberships",
    summary="Give a role",
    dependencies=[allow(Permission.MANAGE_ACCOUNTS)],
    **created(AccountPublic, service.RoleHeld, RoleNotYours),
)
async def give_role(account_id: UUID, membership: MembershipCreate, db: Writing) -> Response:
    """Gives one more role in one of your programmes; answers with the account."""
    return answer(await service.give(db, account_id, membership), 201, location=f"/v1/accounts/{account_id}")


@router.delete(
    "/accounts/{account_id}/memberships/{membership_id}",
    summary="Take a role away",
    dependencies=[allow(Permission.MANAGE_ACCOUNTS)],
    **{**found(AccountPublic, service.LastRole, RoleNotYours), "response_model": None, "status_code": 204},
)
async def take_role(account_id: UUID, membership_id: UUID, db: Writing) -> Response:
    """Takes a role in one of your programmes away; the last one of all stays, disable the account instead."""
    await service.take(db, account_id, membership_id)
    return Response(status_code=204)


@router.post(
    "/accounts/{account_id}/disable",
    summary="Disable an account",
    dependencies=[allow(Permission.MANAGE_ACCOUNTS)],
    **found(AccountPublic, *WHOLE),
)
async def disable_account(account_id: UUID, db: Writing) -> Response:
    """Shuts somebody out from the next request on; refused for who also works outside your programmes."""
    return answer(await service.disable(db, account_id))


@router.post(
    "/accounts/{account_id}/enable",
    summary="Enable an account again",
    dependencies=[allow(Permission.MANAGE_ACCOUNTS)],
    **found(AccountPublic, *WHOLE),
)
async def enable_account(account_id: UUID, db: Writing) -> Response:
    """Lets somebody in again, with the password of before, or by a new link where there was none."""
    return answer(await service.enable(db, account_id))


@router.post(
    "/accounts/{account_id}/password-link",
    summary="Make a new link to set the password",
    dependencies=[allow(Permission.MANAGE_ACCOUNTS)],
    **created(PasswordLinkPublic, *WHOLE),
)
async def new_password_link(account_id: UUID, request: Request, db: Writing) -> Response:
    """Makes a new single-use link; older ones open nothing from now on. Shown this once."""
    link = await service.new_link(db, account_id, request.app.state.settings)
    return Response(link.model_dump_json(), 201, media_type="application/json")


@router.post(
    "/clients",
    summary="Register a machine client",
    dependencies=[allow(Permission.MANAGE_ACCOUNTS)],
    **created(ClientPublic),
)
async def register_client(client: ClientCreate, db: Writing) -> Response:
    """Registers a practice's or partner's system with its public keys, for your programmes.

    Its id is the client id: `iss` and `sub` of the assertions it sends to `POST /oauth2/token`.
    """
    made = await clients.register(db, client)
    return answer(made, 201)


@router.get(
    "/clients",
    summary="List machine clients",
    dependencies=[allow(Permission.MANAGE_ACCOUNTS)],
    **listed(ClientPublic),
)
async def list_clients(
    request: Request,
    db: Reading,
    pages: Pages,
    secret: CursorSecret,
    programme_id: ProgrammeWanted = None,
) -> Response:
    """The machine clients of your programmes, by name."""
    where = service.holding(None, programme_id)
    return list_answer(request, await page(db, clients.CLIENTS, where, pages, secret=secret))


@router.get(
    "/clients/{client_id}",
    summary="Read a machine client",
    dependencies=[allow(Permission.MANAGE_ACCOUNTS)],
    **found(ClientPublic),
)
async def read_client(client_id: UUID, db: Reading) -> Response:
    """One machine client with its public keys."""
    return answer(await one(db, clients.CLIENTS, "t.id = $1", client_id))


@router.post(
    "/clients/{client_id}/keys",
    summary="Replace a machine client's keys",
    dependencies=[allow(Permission.MANAGE_ACCOUNTS)],
    **found(ClientPublic, *WHOLE),
)
async def replace_client_keys(client_id: UUID, keys: ClientKeysReplace, db: Writing) -> Response:
    """Puts new public keys in the place of the old; send both for a while to change them without a gap."""
    return answer(await clients.replace_keys(db, client_id, keys))


@router.post(
    "/clients/{client_id}/revoke",
    summary="Shut a machine client out",
    dependencies=[allow(Permission.MANAGE_ACCOUNTS)],
    **found(ClientPublic, *WHOLE),
)
async def revoke_client(client_id: UUID, db: Writing) -> Response:
    """Refuses the client from its next request on, for good; register it anew to let it in again."""
    return answer(await clients.revoke(db, client_id))
