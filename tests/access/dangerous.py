"""The statements that must never be answered wrongly, each as a sentence with the answer written by hand."""

from dataclasses import dataclass
from typing import Final

DENIED: Final = "permission denied"
"""The role has no grant: whatever the rows, nothing is told."""
REFUSED: Final = "row-level security"
"""The role may write such rows, but not this one."""
SHUT_OUT: Final = "not signed in"


@dataclass(frozen=True)
class Statement:
    """Somebody at the database with nothing between: the number a statement gives or changes, or its refusal."""

    sentence: str
    who: str
    sql: str
    answer: int | str


_SESSION = (
    "INSERT INTO sessions (id, created_at, programme_id, mentee_id, match_id, status, planned_starts_at, topics, "
    "was_booked) VALUES (gen_random_uuid(), now(), '{programme_id}', '{mentee_id}', '{match_id}', 'booked', "
    "now() + interval '9 days', ARRAY[]::text[], true)"
)
_GOAL = (
    "INSERT INTO goals (id, created_at, programme_id, mentee_id, area, statement, importance, confidence, "
    "latest_confidence, set_on, status) VALUES (gen_random_uuid(), now(), '{programme_id}', '{mentee_id}', 'food', "
    "'Cook', 5, 5, 5, current_date, 'active')"
)
_REFERRAL = (
    "INSERT INTO referrals (id, created_at, programme_id, organisation_id, posted_by, reference, status, source, "
    "made_on, received_at, reasons, barriers, consent_given_on, consent_method, person, flags, facts, decided_at) "
    "SELECT gen_random_uuid(), now(), programme_id, {organisation}, me(), 'PM-0000-00', '{status}', source, made_on, "
    "received_at, reasons, barriers, consent_given_on, consent_method, person, flags, facts, {decided} "
    "FROM referrals LIMIT 1"
)
_MEMBERSHIP = (
    "INSERT INTO access_memberships (id, created_at, account_id, role, programme_id) "
    "VALUES (gen_random_uuid(), now(), me(), '{role}', '{programme_id}')"
)
_CONSENT = (
    "INSERT INTO consents (id, created_at, programme_id, person_id, purpose, decision, wording_version, decided_on, "
    "method) VALUES (gen_random_uuid(), now(), '{programme_id}', '{person_id}', 'research', 'given', '1', "
    "current_date, 'written')"
)


def _as(template: str, **words: str) -> str:
    for name, word in words.items():
        template = template.replace(f"{{{name}}}", word)
    return template


_MENTOR = (
    Statement("A mentor reads NHS numbers", "mentor/own", "SELECT nhs_number FROM people_identifiers", DENIED),
    Statement("A mentor reads birth dates", "mentor/own", "SELECT birth_date FROM people_identifiers", DENIED),
    Statement("A mentor counts people", "mentor/own", "SELECT count(*) FROM people", DENIED),
    Statement("A mentor reads why somebody was referred", "mentor/own", "SELECT count(*) FROM referrals", DENIED),
    Statement("A mentor counts PAM assessments", "mentor/own", "SELECT count(*) FROM pam_assessments", DENIED),
    Statement("A mentor learns which person an episode is of", "mentor/own", "SELECT person_id FROM mentees", DENIED),
    Statement("A mentor reads why an episode ended", "mentor/own", "SELECT ending_note FROM mentees", DENIED),
    Statement("A mentor reads what coordinators wrote", "mentor/own", "SELECT count(*) FROM matches_notes", DENIED),
    Statement(
        "A mentor reads what matters in a mentor", "mentor/own", "SELECT count(*) FROM mentees_preferences", DENIED
    ),
    Statement("A mentor sees the one episode it supports", "mentor/own", "SELECT count(*) FROM mentees", 1),
    Statement(
        "A mentor reads what a former mentor wrote",
        "mentor/own",
        "SELECT count(*) FROM sessions_notes n JOIN sessions s ON s.id = n.session_id WHERE s.match_id <> '{match_id}'",
        0,
    ),
    Statement(
        "A mentor confirms the own match",
        "mentor/own",
        "UPDATE matches SET status = 'active' WHERE id = '{offer to accept}'",
        REFUSED,
    ),
    Statement(
        "A mentor accepts what was offered to another",
        "mentor/fellow",
        "UPDATE matches SET status = 'accepted' WHERE id = '{offer to accept}'",
        0,
    ),
    Statement("A mentor rewrites the briefing", "mentor/own", "UPDATE mentees_briefings SET needs = 'x'", DENIED),
    Statement(
        "A mentor lengthens the own access", "mentor/own", "UPDATE access_caseloads SET until = 'infinity'", DENIED
    ),
    Statement("A mentor makes itself a coordinator", "mentor/own", _as(_MEMBERSHIP, role="coordinator"), DENIED),
    Statement("A mentor books for somebody else's mentee", "mentor/fellow", _SESSION, REFUSED),
    Statement("A mentor sets a goal for somebody else's mentee", "mentor/fellow", _GOAL, REFUSED),
    Statement(
        "Another mentor counts the episode", "mentor/fellow", "SELECT count(*) FROM mentees WHERE id = '{mentee_id}'", 0
    ),
    Statement(
        "Another mentor reads the briefing",
        "mentor/fellow",
        "SELECT count(*) FROM mentees_briefings WHERE mentee_id = '{mentee_id}'",
        0,
    ),
    Statement(
        "A mentor within the days of grace sees the episode", "mentor/in grace", "SELECT count(*) FROM mentees", 1
    ),
    Statement(
        "A mentor within the days of grace reads the next mentor's sessions",
        "mentor/in grace",
        "SELECT count(*) FROM sessions WHERE match_id = '{match_id}'",
        0,
    ),
    Statement(
        "A mentor after the days of grace sees episodes", "mentor/after grace", "SELECT count(*) FROM mentees", 0
    ),
    Statement("A mentor after the days of grace sees matches", "mentor/after grace", "SELECT count(*) FROM matches", 0),
    Statement(
        "A mentor after the days of grace sees sessions", "mentor/after grace", "SELECT count(*) FROM sessions", 0
    ),
    Statement("A mentor after the days of grace sees goals", "mentor/after grace", "SELECT count(*) FROM goals", 0),
    Statement("A mentor whose account is disabled asks anything", "mentor/disabled", "SELECT 1", SHUT_OUT),
    Statement("A mentor who has signed out asks anything", "mentor/signed out", "SELECT 1", SHUT_OUT),
)

_COORDINATOR = (
    Statement("A coordinator elsewhere sees this person", "coordinator/elsewhere", "SELECT count(*) FROM people", 0),
    Statement(
        "A coordinator elsewhere changes this episode",
        "coordinator/elsewhere",
        "UPDATE mentees SET status = 'paused' WHERE id = '{mentee_id}'",
        0,
    ),
    Statement(
        "A coordinator elsewhere looks for this person by name",
        "coordinator/elsewhere",
        "SELECT count(*) FROM people_alike(jsonb_build_object('name', 'Quillfeather'))",
        0,
    ),
    Statement(
        "A coordinator elsewhere makes itself one of this programme",
        "coordinator/elsewhere",
        _as(_MEMBERSHIP, role="coordinator"),
        REFUSED,
    ),
    Statement("A coordinator elsewhere adds a consent here", "coordinator/elsewhere", _CONSENT, REFUSED),
    Statement(
        "A coordinator elsewhere shuts an account of this programme",
        "coordinator/elsewhere",
        "UPDATE accounts SET status = 'disabled' WHERE id = '{account_id}'",
        0,
    ),
    Statement("A coordinator gives itself governance", "coordinator/own", _as(_MEMBERSHIP, role="governance"), REFUSED),
    Statement(
        "A coordinator gives itself safeguarding", "coordinator/own", _as(_MEMBERSHIP, role="safeguarding"), REFUSED
    ),
    Statement(
        "A coordinator makes an account that needs no link",
        "coordinator/own",
        "INSERT INTO accounts (id, created_at, email, name, status) "
        "VALUES (gen_random_uuid(), now(), 'x@example.org', 'X', 'active')",
        REFUSED,
    ),
    Statement(
        "A coordinator reads password hashes", "coordinator/own", "SELECT count(*) FROM accounts_credentials", DENIED
    ),
    Statement("A coordinator makes a sign-in", "coordinator/own", "INSERT INTO access_sign_ins DEFAULT VALUES", DENIED),
    Statement(
        "A coordinator takes over an account by its e-mail address",
        "coordinator/own",
        "UPDATE accounts SET email = 'x@example.org' WHERE id = '{account_id}'",
        DENIED,
    ),
    Statement(
        "A coordinator unsays a consent", "coordinator/own", "UPDATE consents SET decision = 'withdrawn'", DENIED
    ),
    Statement("A coordinator deletes an episode", "coordinator/own", "DELETE FROM mentees", DENIED),
    Statement("A coordinator reads the audit", "coordinator/own", "SELECT count(*) FROM audit_entries", DENIED),
    Statement("A coordinator empties the history", "coordinator/own", "DELETE FROM history", DENIED),
    Statement(
        "Somebody notes a read in another's name",
        "coordinator/own",
        "INSERT INTO audit_reads (shape, ids, actor_id) VALUES ('X', ARRAY[]::uuid[], gen_random_uuid())",
        DENIED,
    ),
)

_REFERRER = (
    Statement(
        "Another practice's staff count this referral",
        "referrer/other practice",
        "SELECT count(*) FROM referrals WHERE id = '{referral_id}'",
        0,
    ),
    Statement(
        "Another practice's staff withdraw this referral",
        "referrer/other practice",
        "UPDATE referrals SET status = 'withdrawn', decided_at = now() WHERE id = '{referral_id}'",
        0,
    ),
    Statement(
        "Whom another programme made this practice's referrer counts referrals",
        "referrer/own practice elsewhere",
        "SELECT count(*) FROM referrals",
        0,
    ),
    Statement(
        "A referrer accepts the own referral",
        "referrer/own",
        "UPDATE referrals SET status = 'accepted', decided_at = now() WHERE id = '{referral_id}'",
        REFUSED,
    ),
    Statement(
        "A referrer rewrites what it sent",
        "referrer/own",
        "UPDATE referrals SET person = '{{}}' WHERE id = '{referral_id}'",
        DENIED,
    ),
    Statement(
        "A referrer refers in another practice's name",
        "referrer/own",
        _as(_REFERRAL, organisation="'{second practice}'", status="received", decided="NULL"),
        REFUSED,
    ),
    Statement(
        "A referrer sends an accepted referral",
        "referrer/own",
        _as(_REFERRAL, organisation="organisation_id", status="accepted", decided="now()"),
        REFUSED,
    ),
    Statement("A referrer reads the triage", "referrer/own", "SELECT count(*) FROM referrals_triage", DENIED),
    Statement(
        "A referrer learns of another practice's referral",
        "referrer/own",
        "SELECT count(*) FROM referrals_links",
        DENIED,
    ),
    Statement("A referrer counts episodes", "referrer/own", "SELECT count(*) FROM mentees", DENIED),
    Statement(
        "A client of another practice counts this referral",
        "client/other practice",
        "SELECT count(*) FROM referrals WHERE id = '{referral_id}'",
        0,
    ),
    Statement(
        "A client of another practice reads this one's messages",
        "client/other practice",
        "SELECT count(*) FROM fhir_messages",
        0,
    ),
    Statement("A client reads its registered keys", "client/own", "SELECT jwks FROM clients", DENIED),
    Statement("A revoked client asks anything", "client/revoked", "SELECT 1", SHUT_OUT),
)

_OTHERS = (
    Statement("An analyst counts people", "analyst/own", "SELECT count(*) FROM people", DENIED),
    Statement(
        "An analyst learns which person an episode is of", "analyst/own", "SELECT person_id FROM mentees", DENIED
    ),
    Statement("An analyst reads a person as referred", "analyst/own", "SELECT person FROM referrals", DENIED),
    Statement("An analyst reads a goal's words", "analyst/own", "SELECT statement FROM goals", DENIED),
    Statement("An analyst reads session notes", "analyst/own", "SELECT count(*) FROM sessions_notes", DENIED),
    Statement("An analyst elsewhere counts scores", "analyst/elsewhere", "SELECT count(*) FROM pam_assessments", 0),
    Statement("An analyst corrects a score", "analyst/own", "UPDATE pam_assessments SET score = 99", DENIED),
    Statement("Governance counts episodes", "governance/own", "SELECT count(*) FROM mentees", DENIED),
    Statement("Safeguarding counts people", "safeguarding/own", "SELECT count(*) FROM people", DENIED),
    Statement("An exporter counts people", "exporter/own", "SELECT count(*) FROM people", DENIED),
    Statement("The gate reads people", "gate", "SELECT count(*) FROM people", DENIED),
    Statement("The gate reads referrals", "gate", "SELECT count(*) FROM referrals", DENIED),
    Statement("The command line reads people", "worker", "SELECT count(*) FROM people", DENIED),
    Statement("The command line reads password hashes", "worker", "SELECT count(*) FROM accounts_credentials", DENIED),
)

STATEMENTS = (*_MENTOR, *_COORDINATOR, *_REFERRER, *_OTHERS)
