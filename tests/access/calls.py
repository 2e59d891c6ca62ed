"""A valid request for every operation, about the target; what a verb would use up has a spare of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jose import jwk
from jose.constants import ALGORITHMS

from app.matches.factors import START_WEIGHTS
from tests.access.scene import Scene, agreement, pam
from tests.factories import person, referral
from tests.sessions.pairs import at, day


@dataclass(frozen=True)
class Call:
    """Body and query of a request; `about` are the things they name, `spare` what the path names instead of the target.

    `finds` is the kind of thing that a list shows to those who reach it; `tagged_by` the address whose ETag a PATCH
    sends, where it is not its own.
    """

    body: Any = None
    about: frozenset[str] = frozenset()
    query: str = ""
    spare: Mapping[str, str] = field(default_factory=dict)
    finds: str = ""
    tagged_by: str = ""


def _about(body: Any, *kinds: str, **spare: str) -> Call:
    return Call(body, frozenset(kinds), spare=spare)


def _lists(kind: str, query: str = "") -> Call:
    return Call(finds=kind, query=query)


def _spending(body: Any = None, **spare: str) -> Call:
    return Call({} if body is None else body, spare=spare)


NONE = Call()
ENDING = {"reason": "mismatch", "is_planned": False}
SESSION = {"match_id": "{match_id}", "mode": "face_to_face"}
HELD = {"minutes": 45, "mode": "telephone"}

CALLS: Mapping[str, Call] = MappingProxyType(
    {
        "invite": _about(
            {
                "email": "{unique}@example.org",
                "name": "New",
                "memberships": [{"role": "mentor", "programme_id": "{programme_id}"}],
            },
            "programme_id",
        ),
        "list_accounts": _lists("account_id"),
        "give_role": _spending({"role": "coordinator", "programme_id": "{programme_id}"}),
        "register_client": _about(
            {
                "name": "System",
                "organisation_id": "{organisation_id}",
                "programme_ids": ["{programme_id}"],
                "role": "referrer",
                "scopes": ["referrals.read"],
                "jwks": "{jwks}",
            },
            "programme_id",
        ),
        "disable_account": _spending(account_id="account to shut"),
        "enable_account": _spending(account_id="shut account"),
        "list_clients": _lists("client_id"),
        "replace_client_keys": _spending({"jwks": "{jwks}"}),
        "switch_role": _spending({"role": "{role}"}),
        "register_agreement": _about("{agreement}", "programme_id", "agreement_id"),
        "list_agreements": _lists("agreement_id"),
        "add_organisation": _spending({"ods_code": "{ods_code}", "name": "A practice", "kind": "gp_practice"}),
        # its own, so that the directory's first page shows it however many tests run beside this one
        "list_organisations": _lists("organisation_id", "?ods_code={own_ods_code}"),
        "correct_organisation": _spending({"name": "The practice"}),
        "make_programme": _spending({"name": "New", "condition": "type_2_diabetes", "footprint": "Leeds"}),
        "list_programmes": _lists("programme_id", "?limit=200"),
        "change_programme": _spending({"footprint": "Bath"}),
        "add_contract_year": _spending({"starts_on": "2091-04-01", "ends_on": "2092-03-31"}),
        "replace_match_weights": _spending({"weights": {factor.value: w for factor, w in START_WEIGHTS.items()}}),
        "replace_eligibility_rules": _spending({"rules": [{"kind": "minimum_age", "number": 18, "values": []}]}),
        "add_service_id": _spending({"system": "https://example.org/ids", "value": "{unique}"}),
        "search_people": Call({"name": "Quillfeather"}, finds="person_id"),
        "correct_person": _spending({"known_as": "Quill"}),
        "record_consent": _about(
            {
                "programme_id": "{programme_id}",
                "person_id": "{person_id}",
                "purpose": "research",
                "decision": "withdrawn",
                "wording_version": "1",
                "decided_on": "{yesterday}",
                "method": "telephone",
            },
            "programme_id",
            "person_id",
        ),
        "list_consents": _lists("consent_id", "?person_id={person_id}"),
        "receive_referral": _about("{referral}", "programme_id"),
        "list_referrals": _lists("referral_id"),
        "accept_referral": _spending(referral_id="to accept"),
        "decline_referral": _spending({"reason": "not_eligible"}, referral_id="to decline"),
        "withdraw_referral": _spending(referral_id="to withdraw"),
        "show_our_referrals": _lists("referral_id"),
        "list_mentees": _lists("mentee_id"),
        "change_mentee": _spending({"barriers": ["transport"]}),
        "change_preferences": _spending({"availability": "Mornings"}),
        "change_briefing": _spending({"needs": "Walking"}),
        "pause_mentee": _spending(mentee_id="resting"),
        "resume_mentee": _spending(mentee_id="paused mentee"),
        "end_episode": _spending(ENDING, mentee_id="ending mentee"),
        "add_mentor": _about(
            {"account_id": "{account_id}", "programme_id": "{programme_id}", "name": "Jo", "known_as": "Jo"},
            "programme_id",
            "account_id",
        ),
        "list_mentors": _lists("mentor_id"),
        "change_mentor": _spending({"availability": "Evenings"}),
        "complete_module": _spending({"module": "boundaries", "completed_on": "{yesterday}"}),
        "keep_condition": _spending(
            {"condition": "type_2_diabetes", "consent_given_on": "{yesterday}", "consent_wording_version": "1"}
        ),
        "forget_condition": _spending(mentor_id="free mentor"),
        "pause_mentor": _spending(mentor_id="resting mentor"),
        "resume_mentor": _spending(mentor_id="paused mentor"),
        "leave": _spending(mentor_id="leaving mentor"),
        "hold_training_event": _about(
            {
                "programme_id": "{programme_id}",
                "module": "mentoring",
                "completed_on": "2026-01-05",
                "mentor_ids": ["{mentor_id}"],
            },
            "programme_id",
            "mentor_id",
        ),
        "propose_match": _about(
            {"mentee_id": "{mentee_id}", "mentor_id": "{mentor_id}"},
            "mentee_id",
            "mentor_id",
            mentee_id="alone",
            mentor_id="free mentor",
        ),
        "list_matches": _lists("match_id"),
        "accept_offer": _spending(match_id="offer to accept"),
        "decline_offer": _spending({"reason": "no_time"}, match_id="offer to decline"),
        "confirm_match": _spending(match_id="offer to confirm"),
        "withdraw_offer": _spending(match_id="offer to withdraw"),
        "end_match": _spending(ENDING, match_id="ending match"),
        "set_goal": _about(
            {"mentee_id": "{mentee_id}", "area": "food", "statement": "Cook", "importance": 7, "confidence": 5},
            "mentee_id",
        ),
        "list_goals": _lists("goal_id"),
        "change_goal": _spending({"importance": 9}),
        "plan_action": _spending({"what": "Walk to the shop"}),
        "achieve_goal": _spending(goal_id="to achieve"),
        "stop_goal": _spending(goal_id="to stop"),
        "reopen_goal": _spending(goal_id="to reopen"),
        "change_action": _spending({"barrier": "Rain"}),
        "do_action": _spending(action_id="done"),
        "drop_action": _spending(action_id="dropped"),
        "book_session": _about(SESSION | {"starts_at": "{ahead}"}, "match_id"),
        "record_session": _about(
            SESSION | {"outcome": "held", "held_on": "{today}", "minutes": 50, "is_another": True}, "match_id"
        ),
        "list_sessions": _lists("session_id", "?limit=200"),
        "save_session": _spending({"note": "To bring along."}, session_id="to save"),
        "hold_session": _spending(HELD, session_id="to hold"),
        "finish_session": _spending(HELD, session_id="to finish"),
        "miss_session": _spending(session_id="to miss"),
        "move_session": _spending({"starts_at": "{ahead}"}, session_id="to move"),
        "cancel_session": _spending({"by": "mentee"}, session_id="to cancel"),
        "correct_session": _spending({"minutes": 55}),
        "record_pam_assessment": _about("{pam}", "mentee_id", "assessment_id"),
        "list_pam_assessments": _lists("assessment_id"),
        "change_pam_rules": Call({"pam_follow_up_days": 28}, tagged_by="/v1/programmes/{programme_id}"),
        "withdraw_pam_assessment": _spending({"reason": "Another person's."}, assessment_id="taken back"),
        "read_outcomes": Call(
            about=frozenset({"programme_id"}), query="?programme_id={programme_id}&from={yesterday}&until={today}"
        ),
    }
)


def words(scene: Scene, call: Call, role: str) -> dict[str, Any]:
    """What the braces in a call stand for, this time."""
    ids = scene.ids | {kind: scene.spare[name] for kind, name in call.spare.items()}
    return ids | {
        "unique": uuid4().hex,
        "ods_code": f"M{uuid4().hex[:7].upper()}",
        "own_ods_code": scene.world.ods_code,
        "role": role,
        "today": str(day(0)),
        "yesterday": str(day(1)),
        "ahead": at(20 + uuid4().int % 340, uuid4().int % 24).isoformat(),
        "jwks": public_keys(),
        "agreement": agreement(scene),
        "pam": pam(ids["mentee_id"], "interim", str(day(20))),
        "referral": referral(ids["programme_id"], person=person()),
    }


def public_keys() -> dict[str, Any]:
    """A key set as a machine client registers it."""
    private = ec.generate_private_key(ec.SECP384R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    members = jwk.construct(pem, ALGORITHMS.ES384).public_key().to_dict()
    public = {k: v.decode() if isinstance(v, bytes) else v for k, v in members.items()}
    return {"keys": [public | {"kid": uuid4().hex}]}


def filled(template: Any, given: Mapping[str, Any]) -> Any:
    """The template with what its braces stand for, which may be more than text."""
    if isinstance(template, dict):
        return {name: filled(value, given) for name, value in template.items()}
    if isinstance(template, list):
        return [filled(value, given) for value in template]
    if not isinstance(template, str):
        return template
    whole = template.strip("{}")
    if template == f"{{{whole}}}" and whole in given:
        return given[whole]
    return template.format_map(given)
