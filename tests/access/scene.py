"""One pair in the middle of its year with everything that hangs on it, and a caller for every relation to it."""

import copy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI

from app.core import clock
from app.core.actor import Role
from tests.access.relations import READS_AND_WRITES
from tests.factories import Caller, World, body_of, person, referral
from tests.sessions.pairs import Pair, at, day, days_ago, paired

FAMILY_NAME = "Quillfeather"
POSTCODE = "BS16 2QQ"


@dataclass
class Scene:
    """The target's ids as addresses name them, spare things that a verb may use up, and who calls."""

    world: World
    other: World
    ids: dict[str, str] = field(default_factory=dict)
    spare: dict[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    callers: dict[str, Caller] = field(default_factory=dict)

    @classmethod
    async def make(cls, app: FastAPI, http: httpx.AsyncClient, owner: Any) -> "Scene":
        """Through the doors where there is one, so that what a verb writes for row security is what is tested."""
        scene = cls(await World.make(app, http, owner), await World.make(app, http, owner))
        await _practices(scene)
        pair = await _pairs(scene)
        await _meetings(scene, pair)
        await _referrals(scene)
        await _offers(scene)
        await _office(scene)
        await _staff(scene)
        await _systems(scene)
        return scene


async def _made(caller: Caller, path: str, body: Any = None, status: int = 201) -> str:
    return str(body_of(await caller.post(path, body), status)["id"])


async def _practices(scene: Scene) -> None:
    world, other = scene.world, scene.other
    second = copy.copy(world)
    second.practice_id, second.ods_code = await world.organisation()
    scene.spare["second practice"] = str(second.practice_id)
    referrers = {
        "referrer/own": world.referrer,
        "referrer/other practice": await world.caller(Role.REFERRER, organisation_id=second.practice_id),
        "referrer/elsewhere": other.referrer,
        # another programme's coordinator has vouched for this practice's staff there, which opens nothing here
        "referrer/own practice elsewhere": await other.caller(Role.REFERRER, organisation_id=world.practice_id),
        "client/own": await world.client(scopes=READS_AND_WRITES),
        "client/reads only": await world.client(scopes=frozenset({"referrals.read"})),
        "client/without scope": await world.client(scopes=frozenset()),
        "client/other practice": await second.client(scopes=READS_AND_WRITES),
        "client/elsewhere": await other.client(scopes=READS_AND_WRITES),
    }
    scene.callers |= referrers
    scene.ids |= {"programme_id": str(world.programme_id), "organisation_id": str(world.practice_id)}


async def _pairs(scene: Scene) -> Pair:
    """One episode with three mentors one after the other, and a neighbouring pair."""
    world = scene.world
    with days_ago(100):
        mentee = await world.enrol(family_name=FAMILY_NAME, postcode=POSTCODE)
    late = await paired(world, 100, mentee["id"])
    await late.record(80, note="Long ago.")
    await _end(late, day(50))
    recent = await paired(world, 40, mentee["id"])
    await recent.record(20, note="Of late.")
    await _end(recent, day(3))
    own = await paired(world, 2, mentee["id"])
    fellow = await paired(world, 30)
    scene.callers |= {
        "mentor/own": own.mentor,
        "mentor/fellow": fellow.mentor,
        "mentor/in grace": recent.mentor,
        "mentor/after grace": late.mentor,
    }
    scene.ids |= {"mentee_id": own.mentee_id, "mentor_id": own.mentor_id, "match_id": own.match_id}
    scene.spare |= {"ending match": fellow.match_id, "fellow": fellow.mentor_id}
    scene.spare |= {"match in grace": recent.match_id, "match after grace": late.match_id}
    scene.ids["person_id"] = mentee["person_id"]
    number = await world.owner.fetchval(
        "SELECT nhs_number FROM people_identifiers WHERE person_id = $1", UUID(mentee["person_id"])
    )
    scene.secrets = (FAMILY_NAME, POSTCODE, number)
    return own


async def _end(pair: Pair, on: Any) -> None:
    ending = {"reason": "mismatch", "is_planned": False, "ended_on": str(on)}
    body_of(await pair.world.coordinator.post(f"/v1/matches/{pair.match_id}/end", ending))


async def _meetings(scene: Scene, own: Pair) -> None:
    """Goals, sessions and assessments of the present pair."""
    goal = await own.goal()
    review = {"goal_id": goal["id"], "progress": "better", "confidence": 6}
    held = await own.record(1, note="First meeting.", goal_reviews=[review])
    scene.ids |= {"goal_id": goal["id"], "session_id": held["id"]}
    scene.spare |= {name: (await own.goal(area="activity"))["id"] for name in ("to achieve", "to stop", "to reopen")}
    body_of(await own.mentor.post(f"/v1/goals/{scene.spare['to reopen']}/stop"))
    with days_ago(3):
        for name, hour in (("to hold", 8), ("to miss", 10), ("to finish", 14)):
            scene.spare[name] = (await own.book(at(-1, hour)))["id"]
    for name, hour in (("to save", 9), ("to cancel", 12), ("to move", 15)):
        scene.spare[name] = (await own.book(at(3, hour)))["id"]
    body_of(await own.mentor.patch(f"/v1/sessions/{scene.spare['to finish']}", {"note": "So far."}, '"v1"'))
    steps = f"/v1/goals/{goal['id']}/actions"
    scene.ids["action_id"] = await _made(own.mentor, steps, {"what": "Buy a lunch box"})
    scene.spare |= {name: await _made(own.mentor, steps, {"what": "Walk"}) for name in ("done", "dropped")}
    coordinator = scene.world.coordinator
    for name, occasion, ago in (("baseline", "baseline", 79), ("taken back", "interim", 30)):
        scene.spare[name] = await _made(coordinator, "/v1/pam-assessments", pam(own.mentee_id, occasion, str(day(ago))))
    scene.ids["assessment_id"] = scene.spare["baseline"]


def pam(mentee_id: str, occasion: str, on: str) -> dict[str, Any]:
    """An assessment as the coordinator enters it."""
    given = {"mentee_id": mentee_id, "form": "pam_13", "score": 51.0, "level": 2, "occasion": occasion}
    return given | {"assessed_on": on, "mode": "phone", "items_answered": 13}


async def _referrals(scene: Scene) -> None:
    """Open referrals, one of them of a person whom another practice has sent too."""
    world, callers = scene.world, scene.callers
    somebody = person()
    scene.ids["referral_id"] = (await world.refer(person=somebody))["id"]
    rival = referral(world.programme_id, person=somebody)
    scene.spare["rival"] = await _made(callers["referrer/other practice"], "/v1/referrals", rival)
    for name in ("to accept", "to decline", "to withdraw"):
        scene.spare[name] = (await world.refer())["id"]
    await world.insert(
        "fhir_messages",
        {
            "client_id": callers["client/own"].id,
            "message_request_id": uuid4(),
            "correlation_id": uuid4(),
            "state": "done",
            "status": 200,
            "referral_id": UUID(scene.ids["referral_id"]),
            "kind": "new",
            "identifiers": [],
            "body_hash": "0" * 64,
            "body": b"",
            "answer": b"",
        },
    )


async def _offers(scene: Scene) -> None:
    """Two people who wait, with offers in every state that a verb may start from."""
    world = scene.world
    waiting, resting = (await world.enrol())["id"], (await world.enrol())["id"]
    scene.spare |= {"waiting": waiting, "resting": resting}
    scene.spare |= {name: (await world.enrol())["id"] for name in ("ending mentee", "paused mentee", "alone")}
    scene.spare["free mentor"] = (await world.mentor())[1]["id"]
    for name in ("leaving mentor", "resting mentor", "paused mentor"):
        scene.spare[name] = (await world.mentor(trained=False))[1]["id"]
    body_of(await world.coordinator.post(f"/v1/mentors/{scene.spare['paused mentor']}/pause"))
    body_of(await world.coordinator.post(f"/v1/mentees/{scene.spare['paused mentee']}/pause"))
    own, fellow = scene.ids["mentor_id"], scene.spare["fellow"]
    for name, mentee_id, mentor_id in (
        ("offer to accept", waiting, own),
        ("offer to decline", resting, own),
        ("offer to confirm", waiting, fellow),
        ("offer to withdraw", resting, fellow),
    ):
        scene.spare[name] = (await world.offer(mentee_id, mentor_id))["id"]
    for name in ("offer to confirm", "offer to withdraw"):
        body_of(await scene.callers["mentor/fellow"].post(f"/v1/matches/{scene.spare[name]}/accept"))


async def _office(scene: Scene) -> None:
    """What only coordinators keep: consents, agreements, notes, accounts and clients."""
    world, ids = scene.world, scene.ids
    consent = {"programme_id": ids["programme_id"], "person_id": ids["person_id"], "purpose": "research"}
    consent |= {"decision": "given", "wording_version": "1", "decided_on": str(day(1)), "method": "in_person"}
    kept = await world.coordinator.post("/v1/consents", consent, headers={"Idempotency-Key": "once"})
    ids["consent_id"] = body_of(kept, 201)["id"]
    ids["agreement_id"] = await _made(world.coordinator, "/v1/agreements", agreement(scene))
    for name in ("service_id_id", "removed"):
        given = {"system": "https://fhir.nhs.uk/Id/dos-service-id", "value": uuid4().hex[:10]}
        scene.spare[name] = await _made(world.coordinator, f"/v1/programmes/{world.programme_id}/service-ids", given)
    ids["service_id_id"] = scene.spare["removed"]
    programme = {"programme_id": world.programme_id}
    free_mentor = UUID(scene.spare["free mentor"])
    await world.insert("mentors_leavings", programme | {"mentor_id": free_mentor, "left_on": day(400)})
    own_condition: dict[str, Any] = {"condition": "type_2_diabetes", "treatments": [], "consent_given_on": day(1)}
    own_condition |= {"mentor_id": free_mentor, "consent_wording_version": "1"}
    await world.insert("mentors_conditions", programme | own_condition)
    account = await world.caller(Role.MENTOR)
    scene.spare |= {name: str((await world.caller(Role.MENTOR)).id) for name in ("shut account", "account to shut")}
    body_of(await world.coordinator.post(f"/v1/accounts/{scene.spare['shut account']}/disable"))
    ids["account_id"] = str(account.id)
    ids["membership_id"] = str(await world.membership(account.id, Role.ANALYST))
    ids["client_id"] = str((await world.client()).id)


def agreement(scene: Scene) -> dict[str, Any]:
    """A sharing agreement between the two practices."""
    given: dict[str, Any] = {"programme_id": scene.ids["programme_id"], "reference": "ISA 1", "purpose": "Support"}
    given |= {"legal_basis": "Article 6(1)(e)", "items": ["referral"]}
    parties = [scene.ids["organisation_id"], scene.spare["second practice"]]
    return given | {"party_ids": parties, "starts_on": str(day(10)), "ends_on": str(day(-300))}


async def _staff(scene: Scene) -> None:
    """The people of the charity and of the one next door, and those whose accounts are shut."""
    world, other = scene.world, scene.other
    practice = {"organisation_id": world.practice_id}
    elsewhere, _ = await other.mentor(trained=False)
    callers = {
        "coordinator/own": world.coordinator,
        "coordinator/elsewhere": other.coordinator,
        "coordinator/disabled": await world.caller(Role.COORDINATOR),
        "mentor/elsewhere": elsewhere,
        "mentor/disabled": await world.caller(Role.MENTOR),
        "mentor/signed out": await world.caller(Role.MENTOR),
        "referrer/disabled": await world.caller(Role.REFERRER, **practice),
        "analyst/own": await world.caller(Role.ANALYST),
        "analyst/elsewhere": await other.caller(Role.ANALYST),
        "analyst/disabled": await world.caller(Role.ANALYST),
    } | {f"{role.value}/own": await world.caller(role) for role in (Role.EXPORTER, Role.GOVERNANCE, Role.SAFEGUARDING)}
    scene.callers |= callers
    # shut out, they would reach the pair if only their account's row were forgotten
    for name in ("mentor/disabled", "mentor/signed out"):
        reached = {"mentee_id": UUID(scene.ids["mentee_id"]), "person_id": UUID(scene.ids["person_id"])}
        reached |= {"account_id": callers[name].id, "source_id": UUID(scene.ids["match_id"])}
        await world.insert("access_caseloads", reached | {"until": clock.true_now() + timedelta(days=30)})
    disabled = [caller.id for name, caller in callers.items() if name.endswith("/disabled")]
    await world.owner.execute("UPDATE accounts SET status = 'disabled' WHERE id = ANY($1)", disabled)
    await world.owner.execute(
        "UPDATE access_sign_ins SET ended_at = now() WHERE id = $1", callers["mentor/signed out"].sign_in_id
    )


async def _systems(scene: Scene) -> None:
    world = scene.world
    scene.callers["client/revoked"] = await world.client(scopes=READS_AND_WRITES)
    scene.callers["client/analyst"] = await world.client(Role.ANALYST, frozenset({"reports.read"}))
    await world.owner.execute("UPDATE clients SET status = 'revoked' WHERE id = $1", scene.callers["client/revoked"].id)
