"""The plain baseline: three of the service's resources as users of SQLModel write them, without its guarantees.

The tables and shapes are the service's own, so that both answer the same; everything between them is the common
way: a session per request, the user looked up by it, joined queries, offset and count, rows to shapes to JSON.
"""

import os
import secrets
from collections.abc import Iterator, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer
from jose import JWTError, jwt
from pydantic import BaseModel
from sqlmodel import Session, col, create_engine, func, select

from app.access.models import Membership
from app.accounts.models import Account
from app.core import clock
from app.mentees.models import Mentee
from app.mentees.shapes import MenteePublic
from app.mentees.waiting import band_of
from app.people.models import Person
from app.programmes.models import Programme
from app.referrals.models import Referral
from app.referrals.sameness import subject_key
from app.referrals.shapes import ReferralCreate, ReferralForReferrer

SECRET = "a secret of the baseline, long enough for HS256"
ACTIONS = {"ended": [], "paused": ["resume", "end"]}
OTHERWISE = ["pause", "end"]
SENT = {"programme_id", "source", "source_system", "source_reference", "made_on", "reasons", "clinical_reason"}


class MenteePage(BaseModel):
    """One page of the list, and how many there are in all where that was asked for."""

    items: list[MenteePublic]
    total: int | None


url = os.environ.get("PLAIN_URL", "postgresql://")
engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), pool_size=10, max_overflow=0)
app = FastAPI(title="The plain baseline")


def get_db() -> Iterator[Session]:
    with Session(engine) as db:
        yield db


Db = Annotated[Session, Depends(get_db)]
Token = Annotated[str, Depends(OAuth2PasswordBearer("token"))]


def account_id_of(token: str) -> UUID:
    try:
        return UUID(jwt.decode(token, SECRET, algorithms=["HS256"])["sub"])
    except (JWTError, KeyError, ValueError) as error:
        raise HTTPException(401) from error


def get_user(db: Db, token: Token) -> Account:
    user = db.get(Account, account_id_of(token))
    if user is None or user.status != "active":
        raise HTTPException(401)
    return user


User = Annotated[Account, Depends(get_user)]
signed_in = [Depends(get_user)]
MENTEES = (
    select(Mentee, Person, Account.name, Referral.flags)
    .join(Person, col(Person.id) == Mentee.person_id)
    .join(Account, col(Account.id) == Mentee.coordinator_id, isouter=True)
    .join(Referral, col(Referral.id) == Mentee.referral_id)
)


def public(mentee: Mentee, person: Person, coordinator: str | None, flags: Sequence[Any]) -> MenteePublic:
    until = mentee.first_confirmed_on or mentee.ended_on or clock.today()
    days = max(0, (until - mentee.received_on).days)
    return MenteePublic(
        **mentee.model_dump(exclude={"created_at", "updated_at", "changed_xid"}),
        **person.model_dump(include={"given_name", "family_name", "known_as"}),
        coordinator_name=coordinator,
        days_waiting=days,
        waiting_band=band_of(days),
        flags=list(flags),
        actions=ACTIONS.get(mentee.status, OTHERWISE),
    )


def referral_of(body: ReferralCreate, user: Account, organisation_id: UUID | None, key: str | None) -> Referral:
    given = body.model_dump(mode="json", include=SENT | {"needs", "barriers", "flags", "facts"})
    more = {f"referrer_{name}": value for name, value in body.referrer.model_dump().items()} | {
        "organisation_id": organisation_id,
        "posted_by": user.id,
        "reference": f"P-{secrets.token_hex(5)}",
        "received_at": clock.now(),
        "consent_given_on": body.consent.given_on,
        "consent_method": body.consent.method,
        "person": body.person.model_dump(mode="json", exclude_none=True),
        "subject_key": key,
    }
    return Referral.model_validate(given | more)


def public_referral(row: Referral, body: ReferralCreate) -> ReferralForReferrer:
    answer = row.model_dump() | {"person": body.person, "referrer": body.referrer.model_dump()}
    return ReferralForReferrer(**answer, status_words=row.status.label, actions=["withdraw"])


@app.get("/mentees/{mentee_id}", dependencies=signed_in, response_model=MenteePublic, response_model_exclude_unset=True)
def read_mentee(mentee_id: UUID, db: Db) -> MenteePublic:
    found = db.exec(MENTEES.where(Mentee.id == mentee_id)).first()
    if found is None:
        raise HTTPException(404)
    return public(*found)


@app.get("/mentees", dependencies=signed_in, response_model=MenteePage, response_model_exclude_unset=True)
def list_mentees(db: Db, offset: int = 0, limit: int = 50, count: bool = True) -> MenteePage:
    found = db.exec(MENTEES.order_by(col(Mentee.id).desc()).offset(offset).limit(limit)).all()
    total = db.exec(select(func.count()).select_from(Mentee)).one() if count and offset == 0 else None
    return MenteePage(items=[public(*row) for row in found], total=total)


@app.post("/referrals", response_model=ReferralForReferrer, status_code=201)
def receive_referral(body: ReferralCreate, db: Db, user: User) -> ReferralForReferrer:
    programme = db.get(Programme, body.programme_id)
    if programme is None or not programme.is_open:
        raise HTTPException(404)
    organisation_id = db.exec(select(Membership.organisation_id).where(Membership.account_id == user.id)).first()
    key = subject_key(body.person)
    of_the_same = select(Referral).where(Referral.programme_id == programme.id, Referral.subject_key == key)
    if db.exec(of_the_same.where(Referral.status == "received")).first() is not None:
        raise HTTPException(409)
    row = referral_of(body, user, organisation_id, key)
    db.add(row)
    db.commit()
    db.refresh(row)
    return public_referral(row, body)
