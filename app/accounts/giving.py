"""Who may give which role to whom: coordinators a few, in their own programmes; the command line every one."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.access.permissions import GIVEN_BY_COORDINATORS
from app.accounts.models import MembershipCreate
from app.core.actor import Role
from app.core.database import actor_of, as_service, fetch
from app.core.errors import Conflict, NotAllowed, invalid

HELD_BY_PEOPLE = frozenset(Role) - {Role.GATE, Role.WORKER, Role.SERVICE}


class RoleNotYours(NotAllowed):
    """Coordinators give the roles coordinator, mentor, referrer and analyst; all others are given by who runs
    the service."""


class SharedBeyondYou(Conflict):
    """This reaches beyond your programmes, so you cannot change it as a whole: take its roles in your programmes
    away, or ask who runs the service."""


async def check(db: AsyncSession, given: Mapping[str, MembershipCreate]) -> None:
    """Nothing happens when the caller may give all these; the keys are JSON pointers to where each stands.

    Refuses a role that is not the caller's to give (403), a programme that is not its own, an unknown
    organisation, and a referrer without one (422). Unknown programmes and other people's are refused alike.
    """
    by_command_line = actor_of(db).role is Role.WORKER
    allowed = HELD_BY_PEOPLE if by_command_line else GIVEN_BY_COORDINATORS
    for pointer, membership in given.items():
        if membership.role not in allowed:
            raise RoleNotYours()
        if membership.programme_id is None and not by_command_line:
            raise invalid(f"{pointer}/programme_id", "programme_needed", "Name one of your programmes.")
        if (membership.role is Role.REFERRER) != (membership.organisation_id is not None):
            raise invalid(
                f"{pointer}/organisation_id",
                "organisation_of_referrers",
                "A referrer refers for one organisation; other roles have none.",
            )
    programmes = {f"{at}/programme_id": m.programme_id for at, m in given.items()}
    await check_programmes(db, programmes)
    organisations = {f"{at}/organisation_id": m.organisation_id for at, m in given.items()}
    await check_organisations(db, organisations)


async def check_programmes(db: AsyncSession, named: Mapping[str, UUID | None]) -> None:
    """Nothing happens when each is a programme the caller sees, which for a coordinator are its own."""
    seen = await _seen(db, "SELECT id FROM programmes WHERE id = ANY($1)", named)
    for pointer, programme_id in named.items():
        if programme_id is not None and programme_id not in seen:
            raise invalid(pointer, "programme_not_yours", "This is not one of your programmes.")


async def check_organisations(db: AsyncSession, named: Mapping[str, UUID | None]) -> None:
    """Nothing happens when each is an organisation of the directory."""
    seen = await _seen(db, "SELECT id FROM organisations WHERE id = ANY($1)", named)
    for pointer, organisation_id in named.items():
        if organisation_id is not None and organisation_id not in seen:
            raise invalid(pointer, "organisation_unknown", "This is no organisation of the directory.")


async def _seen(db: AsyncSession, sql: str, named: Mapping[str, UUID | None]) -> set[UUID]:
    wanted: Sequence[UUID] = [found for found in named.values() if found is not None]
    return {row["id"] for row in await fetch(db, sql, wanted)}


async def check_whole(db: AsyncSession, holder_id: UUID) -> None:
    """Nothing happens when every role of the account or client is the caller's to give and to take.

    Else a coordinator who gave a role to somebody could, by a new password link or new keys, become that
    somebody in another programme, or in a role that coordinators do not give.
    """
    if actor_of(db).role is Role.WORKER:
        return
    async with as_service(db, "whether all roles of an account or client lie with the caller"):
        beyond = await fetch(
            db,
            "SELECT 1 FROM access_memberships WHERE account_id = $1 AND (programme_id IS NULL "
            "OR role <> ALL($2) OR programme_id <> ALL(ARRAY(SELECT my_programmes()))) LIMIT 1",
            holder_id,
            [role.value for role in GIVEN_BY_COORDINATORS],
        )
    if beyond:
        raise SharedBeyondYou()
