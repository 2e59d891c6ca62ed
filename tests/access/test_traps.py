"""What goes wrong quietly with row security, each tried: identity, roles, work as the service, telling answers."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

from app import installation
from app.core import clock
from app.core.actor import Actor, Kind, Role, public
from app.core.database import Database, as_service, fetch
from app.core.errors import Conflict
from app.core.identity import beginning, origin
from app.organisations.models import Organisation, OrganisationKind
from app.programmes.models import ServiceId
from app.settings import Settings
from app.tables import metadata
from tests.conftest import PREFIX
from tests.factories import Caller, World, body_of, person

pytestmark = pytest.mark.anyio
WHO = "SELECT current_user::text"
SEEN = "SELECT count(*) FROM mentees"


@pytest.fixture
async def login(addresses: installation.Addresses) -> AsyncIterator[Any]:
    """A connection as the service has it: the API's own login."""
    connection = await asyncpg.connect(addresses.login)
    yield connection
    await connection.close()


def actor(caller: Caller) -> Actor:
    """The caller as the guards make it of a token."""
    return Actor(Kind.ACCOUNT, caller.role, caller.id, sign_in_id=caller.sign_in_id)


def begins_as(caller: Caller) -> str:
    """The message that begins a transaction of this caller."""
    return beginning(actor(caller), origin("trap"), Settings(), waits=True)


def database(app: FastAPI) -> Database:
    """The pools of the app under test."""
    found: Database = app.state.database
    return found


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
async def test_the_identity_is_gone_when_the_transaction_ends(login: Any, world: World, end: str) -> None:
    await world.enrol()
    await login.execute(begins_as(world.coordinator))
    assert await login.fetchval(WHO) == f"{PREFIX}coordinator"
    assert await login.fetchval(SEEN) == 1
    await login.execute(end)
    assert await login.fetchval(WHO) == f"{PREFIX}api"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await login.fetchval(SEEN)


async def test_nobody_is_identified_by_a_setting_that_was_used_before(login: Any, world: World) -> None:
    """An unset setting reads '' once it has been used: as a uuid it would fail, as an id it must mean nobody."""
    await world.enrol()
    await login.execute(begins_as(world.coordinator))
    await login.execute("COMMIT")
    assert await login.fetchval("SELECT current_setting('app.account_id', true)") == ""
    await login.execute("BEGIN")
    await login.execute(f"SET LOCAL ROLE {PREFIX}coordinator")
    assert await login.fetchval("SELECT me()") is None
    for table in ("mentees", "people", "referrals", "accounts", "access_memberships", "matches"):
        assert await login.fetchval(f"SELECT count(*) FROM {table}") == 0, table
    await login.execute("ROLLBACK")


@pytest.mark.parametrize("role", ["coordinator", "mentor", "referrer", "analyst", "exporter"])
async def test_a_role_without_an_identity_sees_nobodys_rows(login: Any, world: World, role: str) -> None:
    await world.enrol()
    await login.execute("BEGIN")
    await login.execute(f"SET LOCAL ROLE {PREFIX}{role}")
    granted = "SELECT has_any_column_privilege($1, 'SELECT')"
    for table in sorted(set(metadata.tables) - OPEN_TO_ROLES):
        if await login.fetchval(granted, table):
            assert await login.fetchval(f"SELECT count(*) FROM {table}") == 0, table
    await login.execute("ROLLBACK")


OPEN_TO_ROLES = {"organisations", "programmes", "programmes_service_ids", "programmes_eligibility_rules", "clock"}
"""The directory and what can be referred to: open to whoever refers."""


async def test_the_login_owns_nothing_inherits_nothing_and_is_no_superuser(login: Any) -> None:
    row = await login.fetchrow(
        "SELECT rolsuper, rolbypassrls, rolinherit, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles "
        "WHERE rolname = session_user"
    )
    assert set(row.values()) == {False}
    owned = "SELECT count(*) FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = session_user)"
    assert await login.fetchval(owned) == 0
    inherited = await login.fetchval(
        "SELECT count(*) FROM pg_roles WHERE rolname <> session_user "
        "AND (pg_has_role(session_user, oid, 'USAGE') OR pg_has_role(session_user, oid, 'MEMBER WITH ADMIN OPTION'))"
    )
    assert inherited == 0
    assert {r[0] for r in await login.fetch(CALLABLE)} == {"identify"}


CALLABLE = (
    "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
    "AND has_function_privilege(oid, 'EXECUTE') "
    "AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = pg_proc.oid AND d.deptype = 'e')"
)


async def test_the_login_cannot_ask_who_may_act_without_identifying(login: Any, world: World) -> None:
    for call in ("may_act('account', gen_random_uuid(), 'mentor', '')", "my_programmes()", "people_alike('{}')"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await login.fetch(f"SELECT {call}")


async def test_the_owner_of_the_tables_is_no_superuser(owner: Any) -> None:
    is_super = await owner.fetchval("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
    assert is_super is False
    owners = {
        r[0]
        for r in await owner.fetch(
            "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind IN ('r', 'v')"
        )
    }
    assert owners == {await owner.fetchval(WHO)}


async def test_what_runs_as_the_owner_trusts_no_search_path(owner: Any) -> None:
    loose = await owner.fetch(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef "
        "AND NOT coalesce(array_to_string(proconfig, ','), '') LIKE '%search_path=%pg_temp'"
    )
    assert [row[0] for row in loose] == []


async def test_a_row_one_may_not_see_is_not_changed_and_says_nothing(
    login: Any, world: World, elsewhere: World
) -> None:
    mentee = await world.enrol()
    await login.execute(begins_as(elsewhere.coordinator))
    changed = await login.execute("UPDATE mentees SET status = 'paused' WHERE id = $1", UUID(mentee["id"]))
    assert changed == "UPDATE 0"
    await login.execute("ROLLBACK")
    told = await elsewhere.coordinator.post(f"/v1/mentees/{mentee['id']}/pause")
    assert body_of(told, 404)["type"] == "/problems/not-found"


async def test_adding_a_row_and_reading_it_back_needs_the_right_to_see_it(login: Any, world: World) -> None:
    """So rows are made with ids of our own, and nothing is given back: RETURNING would be refused."""
    added = "INSERT INTO audit_reads (shape, ids) VALUES ('X', ARRAY[]::uuid[])"
    await login.execute(begins_as(world.coordinator))
    await login.execute(added)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await login.execute(f"{added} RETURNING id")
    await login.execute("ROLLBACK")


async def test_an_open_referral_from_elsewhere_does_not_change_the_answer_to_a_second_one(world: World) -> None:
    second, _ = await world.organisation()
    rival = await world.caller(Role.REFERRER, organisation_id=second)
    known, unknown = person(), person()
    await world.refer(person=known)
    told = [
        body_of(await rival.post("/v1/referrals", body), 201) for body in (_sent(world, known), _sent(world, unknown))
    ]
    assert told[0].keys() == told[1].keys()
    assert [answer["status"] for answer in told] == ["received", "received"]


def _sent(world: World, somebody: dict[str, Any]) -> dict[str, Any]:
    return {
        "programme_id": str(world.programme_id),
        "source": "gp",
        "made_on": str(clock.today()),
        "reasons": ["isolation"],
        "consent": {"is_given": True, "given_on": str(clock.today()), "method": "in_person"},
        "person": somebody,
        "facts": {"condition": "type_2_diabetes"},
    }


async def test_an_e_mail_address_known_elsewhere_is_refused_without_a_word_about_whose_it_is(
    world: World, elsewhere: World
) -> None:
    invitation = {"name": "Jo", "memberships": [{"role": "mentor", "programme_id": str(world.programme_id)}]}
    stranger = elsewhere.coordinator
    refused = body_of(await world.coordinator.post("/v1/accounts", invitation | {"email": stranger.email}), 409)
    assert str(stranger.id) not in str(refused)
    assert "link" not in refused


async def test_the_service_gives_its_role_back_when_the_work_is_done(app: FastAPI, world: World) -> None:
    async with database(app).writing(actor(world.referrer), origin("trap")) as db:
        async with as_service(db, "to look"):
            assert (await fetch(db, WHO))[0][0] == f"{PREFIX}service"
        assert (await fetch(db, WHO))[0][0] == f"{PREFIX}referrer"
        assert (await fetch(db, "SELECT current_setting('app.reason')"))[0][0] == ""


async def test_the_service_gives_its_role_back_when_the_work_is_refused(app: FastAPI, world: World) -> None:
    async with database(app).writing(actor(world.referrer), origin("trap")) as db:
        with pytest.raises(Conflict):
            await _refuse(db)
        assert (await fetch(db, WHO))[0][0] == f"{PREFIX}referrer"


async def _refuse(db: AsyncSession) -> None:
    async with as_service(db, "to look"):
        raise Conflict()


async def test_what_the_database_refuses_the_service_undoes_everything_and_is_said(
    app: FastAPI, world: World, owner: Any
) -> None:
    first = ServiceId(programme_id=world.programme_id, system="https://example.org", value="before")
    with pytest.raises(DBAPIError) as refused:
        await _first_and_double(app, world, first)
    assert "uq_organisations_ods_code" in str(refused.value)
    assert not await owner.fetchval("SELECT count(*) FROM programmes_service_ids WHERE id = $1", first.id)
    async with database(app).writing(actor(world.referrer), origin("trap")) as db:
        assert (await fetch(db, WHO))[0][0] == f"{PREFIX}referrer"


async def _first_and_double(app: FastAPI, world: World, first: ServiceId) -> None:
    async with database(app).writing(actor(world.coordinator), origin("trap")) as db:
        db.add(first)
        await _double(db, world)


async def _double(db: AsyncSession, world: World) -> None:
    async with as_service(db, "to add"):
        db.add(Organisation(ods_code=world.ods_code, name="Twice", kind=OrganisationKind.GP_PRACTICE))


async def test_what_the_service_changes_is_audited_in_the_callers_name_with_the_reason(
    app: FastAPI, world: World, owner: Any
) -> None:
    given = ServiceId(programme_id=world.programme_id, system="https://example.org", value=str(world.practice_id))
    writing = database(app).writing(actor(world.referrer), origin("trap"))
    async with writing as db, as_service(db, "because a test wants it"):
        db.add(given)
    noted = await owner.fetchrow("SELECT * FROM audit_entries WHERE row_id = $1", given.id)
    assert (noted["actor_id"], noted["role"]) == (world.referrer.id, "referrer")
    assert (noted["operation"], noted["reason"]) == ("trap", "because a test wants it")


async def test_what_the_caller_changes_afterwards_carries_no_reason(app: FastAPI, world: World, owner: Any) -> None:
    given = ServiceId(programme_id=world.programme_id, system="https://example.org", value=str(world.programme_id))
    async with database(app).writing(actor(world.coordinator), origin("trap")) as db:
        async with as_service(db, "to look"):
            pass
        db.add(given)
    noted = await owner.fetchrow("SELECT * FROM audit_entries WHERE row_id = $1", given.id)
    assert noted["reason"] is None


async def test_the_gate_is_nobody_and_reaches_no_programmes_people(app: FastAPI, world: World) -> None:
    await world.enrol()
    async with database(app).reading(public(), origin("trap")) as db:
        assert await db.fetch("SELECT me()") == [(None,)]
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await db.fetch(SEEN)
        await db.connection.execute("ROLLBACK")


async def test_a_disabled_account_is_refused_from_its_next_request_on(world: World) -> None:
    analyst = await world.caller(Role.ANALYST)
    body_of(await analyst.get("/v1/me"))
    body_of(await world.coordinator.post(f"/v1/accounts/{analyst.id}/disable"))
    assert (await analyst.get("/v1/me")).status_code == 401


async def test_a_role_taken_away_is_refused_from_the_next_request_on(world: World, owner: Any) -> None:
    analyst = await world.caller(Role.ANALYST)
    await owner.execute("UPDATE access_memberships SET role = 'exporter' WHERE account_id = $1", analyst.id)
    assert (await analyst.get("/v1/me")).status_code == 401


async def test_another_programmes_coordinator_opens_nothing_by_making_itself_the_practices_referrer(
    world: World, elsewhere: World
) -> None:
    """A referrer's membership counts for the programme whose coordinator gave it, not for all the practice sent."""
    made = await world.refer()
    stranger = elsewhere.coordinator
    role = {"role": "referrer", "programme_id": str(elsewhere.programme_id), "organisation_id": str(world.practice_id)}
    body_of(await stranger.post(f"/v1/accounts/{stranger.id}/memberships", role), 201)
    switched = body_of(await stranger.post("/v1/auth/switch-role", {"role": "referrer"}))
    turned = Caller(stranger.http, stranger.id, Role.REFERRER, switched["access_token"])
    assert body_of(await turned.get("/v1/referrals"))["items"] == []
    assert (await turned.get(f"/v1/referrals/{made['id']}")).status_code == 404
    assert (await turned.post(f"/v1/referrals/{made['id']}/withdraw")).status_code == 404


async def test_a_referrer_reads_back_what_it_sent_to_a_programme_it_was_not_made_for(
    world: World, elsewhere: World
) -> None:
    sent = body_of(await world.referrer.post("/v1/referrals", _sent(elsewhere, person())), 201)
    assert body_of(await world.referrer.get(f"/v1/referrals/{sent['id']}"))["status"] == "received"


async def test_a_membership_counts_for_its_own_role_only(world: World, elsewhere: World) -> None:
    """Whoever coordinates one programme and counts another's outcomes coordinates one."""
    mentee = await world.enrol()
    both = elsewhere.coordinator
    await world.membership(both.id, Role.ANALYST)
    assert (await both.get(f"/v1/mentees/{mentee['id']}")).status_code == 404
    assert (await both.get(f"/v1/programmes/{world.programme_id}")).status_code == 404
    as_analyst = await elsewhere.signed_in(both.id, Role.ANALYST)
    body_of(await as_analyst.get(f"/v1/programmes/{world.programme_id}"))
    assert (await as_analyst.get(f"/v1/programmes/{elsewhere.programme_id}")).status_code == 404
