"""The plain baseline written with `AsyncSession` and asyncpg; everything else is that of `plain`."""

import os
from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.access.models import Membership
from app.accounts.models import Account
from app.mentees.models import Mentee
from app.mentees.shapes import MenteePublic
from app.programmes.models import Programme
from app.referrals.models import Referral
from app.referrals.sameness import subject_key
from app.referrals.shapes import ReferralCreate, ReferralForReferrer
from benchmarks.plain import MENTEES, MenteePage, Token, account_id_of, public, public_referral, referral_of

# asyncpg takes the schema by name, psycopg inside `options`
given = urlsplit(os.environ.get("PLAIN_URL", "postgresql://"))
asked = {name: values[0] for name, values in parse_qs(given.query).items()}
schema = {"search_path": asked.pop("options", "").removeprefix("-csearch_path=")}
address = {"user": given.username, "database": given.path.removeprefix("/"), "server_settings": schema} | asked
engine = create_async_engine("postgresql+asyncpg://", connect_args=address, pool_size=10, max_overflow=0)
app = FastAPI(title="The plain baseline, with AsyncSession")


async def get_db() -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine, expire_on_commit=False) as db:
        yield db


Db = Annotated[AsyncSession, Depends(get_db)]


async def get_user(db: Db, token: Token) -> Account:
    user = await db.get(Account, account_id_of(token))
    if user is None or user.status != "active":
        raise HTTPException(401)
    return user


User = Annotated[Account, Depends(get_user)]
signed_in = [Depends(get_user)]


@app.get("/mentees/{mentee_id}", dependencies=signed_in, response_model=MenteePublic, response_model_exclude_unset=True)
async def read_mentee(mentee_id: UUID, db: Db) -> MenteePublic:
    found = (await db.exec(MENTEES.where(Mentee.id == mentee_id))).first()
    if found is None:
        raise HTTPException(404)
    return public(*found)


@app.get("/mentees", dependencies=signed_in, response_model=MenteePage, response_model_exclude_unset=True)
async def list_mentees(db: Db, offset: int = 0, limit: int = 50, count: bool = True) -> MenteePage:
    found = (await db.exec(MENTEES.order_by(col(Mentee.id).desc()).offset(offset).limit(limit))).all()
    total = (await db.exec(select(func.count()).select_from(Mentee))).one() if count and offset == 0 else None
    return MenteePage(items=[public(*row) for row in found], total=total)


@app.post("/referrals", response_model=ReferralForReferrer, status_code=201)
async def receive_referral(body: ReferralCreate, db: Db, user: User) -> ReferralForReferrer:
    programme = await db.get(Programme, body.programme_id)
    if programme is None or not programme.is_open:
        raise HTTPException(404)
    mine = await db.exec(select(Membership.organisation_id).where(Membership.account_id == user.id))
    key = subject_key(body.person)
    of_the_same = select(Referral).where(Referral.programme_id == programme.id, Referral.subject_key == key)
    if (await db.exec(of_the_same.where(Referral.status == "received"))).first() is not None:
        raise HTTPException(409)
    row = referral_of(body, user, mine.first(), key)
    db.add(row)
    await db.commit()
    await db.refresh(row)
    return public_referral(row, body)
