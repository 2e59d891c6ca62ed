"""The requests that must never be answered wrongly, each as a sentence with the status written by hand."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    """Somebody at the door, and the status of the answer."""

    sentence: str
    who: str
    method: str
    path: str
    status: int
    body: Any = None


def _get(sentence: str, who: str, path: str, status: int) -> Request:
    return Request(sentence, who, "GET", path, status)


def _post(sentence: str, who: str, path: str, status: int, body: Any = None) -> Request:
    return Request(sentence, who, "POST", path, status, {} if body is None else body)


MENTEE, MATCH, PERSON, REFERRAL = (
    "/v1/mentees/{mentee_id}",
    "/v1/matches/{match_id}",
    "/v1/people/{person_id}",
    "/v1/referrals/{referral_id}",
)

REQUESTS = (
    _get("A mentor opens the person behind the episode", "mentor/own", PERSON, 403),
    _get("A mentor opens the referral", "mentor/own", REFERRAL, 403),
    _get("A mentor asks where the episode stands with PAM", "mentor/own", f"{MENTEE}/pam", 403),
    _get("A mentor lists PAM assessments", "mentor/own", "/v1/pam-assessments", 403),
    _get("A mentor reads what matters in a mentor", "mentor/own", f"{MENTEE}/preferences", 403),
    _get("A mentor asks for the person along with the episode", "mentor/own", f"{MENTEE}?include=person", 422),
    _get("A mentor sees who else waits", "mentor/own", "/v1/screens/waiting-list", 403),
    _get("A mentor reads the outcome report", "mentor/own", "/v1/reports/outcomes", 403),
    _get("A mentor opens another mentor's profile", "mentor/own", "/v1/mentors/{fellow}", 404),
    _post("A mentor confirms a match", "mentor/own", "/v1/matches/{offer to accept}/confirm", 403),
    _post("A mentor ends a match", "mentor/own", f"{MATCH}/end", 403, {"reason": "mismatch", "is_planned": False}),
    _post("A mentor accepts what was offered to another", "mentor/fellow", "/v1/matches/{offer to accept}/accept", 404),
    _get("Another mentor opens the episode", "mentor/fellow", MENTEE, 404),
    _get("Another mentor opens the briefing", "mentor/fellow", f"{MENTEE}/briefing", 404),
    _get("Another mentor opens a session", "mentor/fellow", "/v1/sessions/{session_id}?include=note", 404),
    _get("A mentor within the days of grace opens the episode", "mentor/in grace", MENTEE, 200),
    _get(
        "A mentor within the days of grace opens the own match", "mentor/in grace", "/v1/matches/{match in grace}", 200
    ),
    _get("A mentor within the days of grace opens the next mentor's match", "mentor/in grace", MATCH, 404),
    _get(
        "A mentor within the days of grace opens the next mentor's pair",
        "mentor/in grace",
        "/v1/screens/pair/{match_id}",
        404,
    ),
    _get("A mentor after the days of grace opens the episode", "mentor/after grace", MENTEE, 404),
    _get("A mentor after the days of grace opens the briefing", "mentor/after grace", f"{MENTEE}/briefing", 404),
    _get(
        "A mentor after the days of grace opens the own match",
        "mentor/after grace",
        "/v1/matches/{match after grace}",
        404,
    ),
    _get("A mentor whose account is disabled opens the episode", "mentor/disabled", MENTEE, 401),
    _get("A mentor who has signed out opens the episode", "mentor/signed out", MENTEE, 401),
    _get("A coordinator elsewhere opens this person", "coordinator/elsewhere", PERSON, 404),
    _get(
        "A coordinator elsewhere opens this referral", "coordinator/elsewhere", "/v1/screens/triage/{referral_id}", 404
    ),
    _post("A coordinator elsewhere accepts this referral", "coordinator/elsewhere", f"{REFERRAL}/accept", 404),
    _post(
        "A coordinator elsewhere makes itself one of this programme",
        "coordinator/elsewhere",
        "/v1/accounts/{own account}/memberships",
        422,
        {"role": "coordinator", "programme_id": "{programme_id}"},
    ),
    _post(
        "A coordinator elsewhere asks for a link into an account of this programme",
        "coordinator/elsewhere",
        "/v1/accounts/{account_id}/password-link",
        404,
    ),
    _post("A coordinator answers for a mentor", "coordinator/own", "/v1/matches/{offer to accept}/accept", 403),
    _post(
        "A coordinator gives governance",
        "coordinator/own",
        "/v1/accounts/{account_id}/memberships",
        403,
        {"role": "governance", "programme_id": "{programme_id}"},
    ),
    _post(
        "A coordinator asks for a link into an account with governance",
        "coordinator/own",
        "/v1/accounts/{governance account}/password-link",
        409,
    ),
    _get("A referrer opens the episode", "referrer/own", MENTEE, 403),
    _get("A referrer opens the triage", "referrer/own", "/v1/screens/triage/{referral_id}", 403),
    _post("A referrer accepts the own referral", "referrer/own", f"{REFERRAL}/accept", 403),
    _get("Another practice's staff open this referral", "referrer/other practice", REFERRAL, 404),
    _post("Another practice's staff withdraw this referral", "referrer/other practice", f"{REFERRAL}/withdraw", 404),
    _get(
        "Whom another programme made this practice's referrer opens the referral",
        "referrer/own practice elsewhere",
        REFERRAL,
        404,
    ),
    _get("A system of another practice reads this referral", "client/other practice", REFERRAL, 404),
    _get(
        "A system of another practice reads this referral as FHIR",
        "client/other practice",
        "/fhir/R4/ServiceRequest/{referral_id}",
        404,
    ),
    _post("A system with the scope to read refers", "client/reads only", "/v1/referrals", 403),
    _get("A system without a scope reads referrals", "client/without scope", "/v1/referrals", 403),
    _get("A revoked system reads referrals", "client/revoked", "/v1/referrals", 401),
    _get("An analyst opens episodes", "analyst/own", "/v1/mentees", 403),
    _get("An analyst lists PAM assessments", "analyst/own", "/v1/pam-assessments", 403),
    _get(
        "An analyst elsewhere reads this programme's report",
        "analyst/elsewhere",
        "/v1/reports/outcomes?programme_id={programme_id}&from=2026-01-01&until=2026-06-30",
        404,
    ),
    _get("Governance opens episodes", "governance/own", "/v1/mentees", 403),
    _get("Safeguarding opens people", "safeguarding/own", PERSON, 403),
)
