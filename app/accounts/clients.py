"""Registering practices' and partners' systems, changing their keys, and shutting them out."""

import re
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.access.client_keys import KeysRefused, parse_jwks
from app.access.models import Membership
from app.access.permissions import CLIENT_SCOPES, Permission
from app.accounts import giving
from app.accounts.models import Client, ClientCreate, ClientKeysReplace, ClientPublic, ClientStatus
from app.accounts.service import MEMBERSHIPS
from app.core.actor import Role
from app.core.errors import invalid
from app.core.reading import Found, Key, Source, one
from app.core.rows import target
from app.core.steps import Step, Steps

_MANAGE = Permission.MANAGE_ACCOUNTS.value
STEPS = Steps(
    {
        "keys": Step(("active",), None, _MANAGE),
        "revoke": Step(("active",), "revoked", _MANAGE),
    }
)
CLIENTS = Source(
    ClientPublic,
    "clients t",
    fields={"memberships": MEMBERSHIPS},
    keys=(Key("t.name", "text"), Key("t.id", "uuid")),
    newest_first=False,
    personal=False,
    steps=STEPS,
)


async def register(db: AsyncSession, client: ClientCreate) -> Found:
    """The client can ask for tokens, for its organisation and programmes, with the given public keys.

    Refuses roles other than referrer and analyst, scopes its role does not have, secret or weak keys, programmes
    that are not the caller's and organisations unknown.
    """
    _check_scopes(client.role, client.scopes)
    programmes = {f"/programme_ids/{at}": found for at, found in enumerate(client.programme_ids)}
    await giving.check_programmes(db, programmes)
    await giving.check_organisations(db, {"/organisation_id": client.organisation_id})
    row = Client(
        name=client.name,
        organisation_id=client.organisation_id,
        role=client.role,
        scopes=sorted(set(client.scopes)),
        jwks=_public_keys(client.jwks),
    )
    db.add(row)
    await db.flush()
    organisation_id = client.organisation_id if client.role is Role.REFERRER else None
    for programme_id in dict.fromkeys(client.programme_ids):
        db.add(
            Membership(
                account_id=row.id,
                role=client.role,
                programme_id=programme_id,
                organisation_id=organisation_id,
            )
        )
    return await one(db, CLIENTS, "t.id = $1", row.id)


def _check_scopes(role: Role, scopes: list[str]) -> None:
    offered = CLIENT_SCOPES.get(role)
    if offered is None:
        raise invalid("/role", "role_of_clients", "A machine client is a referrer or an analyst.")
    for at, scope in enumerate(scopes):
        if scope not in offered:
            words = "This role has the scopes " + ", ".join(sorted(offered)) + "."
            raise invalid(f"/scopes/{at}", "scope_of_role", words)


def _public_keys(jwks: dict[str, Any]) -> dict[str, Any]:
    try:
        return dict(parse_jwks(jwks).jwks())
    except KeysRefused as refused:
        pointer = re.sub(r"\[(\d+)\]", r"/\1", refused.field).replace(".", "/")
        raise invalid(f"/jwks/{pointer}", "key_refused", str(refused)) from None


async def replace_keys(db: AsyncSession, client_id: UUID, keys: ClientKeysReplace) -> Found:
    """These public keys count from now on, and no others.

    Refuses a client that also works outside the caller's programmes, and one that was revoked.
    """
    row = await _whole(db, client_id, "keys")
    row.jwks = _public_keys(keys.jwks)
    return await one(db, CLIENTS, "t.id = $1", row.id)


async def revoke(db: AsyncSession, client_id: UUID) -> Found:
    """The client is refused from its next request on, for good.

    Refuses a client that also works outside the caller's programmes.
    """
    row = await _whole(db, client_id, "revoke")
    row.status = ClientStatus.REVOKED
    return await one(db, CLIENTS, "t.id = $1", row.id)


async def _whole(db: AsyncSession, client_id: UUID, verb: str) -> Client:
    row = await target(db, Client, client_id)
    await giving.check_whole(db, row.id)
    STEPS.check(row.status, verb)
    return row
