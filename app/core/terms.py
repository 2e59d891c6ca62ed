"""The dictionary between the charity and the NHS: every concept and every code in the words of both."""

import re
from inspect import getdoc

from pydantic import BaseModel, ConfigDict

from app.core.codes import CODE_LISTS, Code


class Concept(BaseModel):
    """One idea of the service; `key` is the word this API uses for it."""

    model_config = ConfigDict(frozen=True)

    key: str
    label: str
    nhs_label: str
    note: str


class CodeTerm(BaseModel):
    """One code of a list; `nhs_code` is the NHS Data Dictionary's code where ours is another."""

    model_config = ConfigDict(frozen=True)

    code: str
    label: str
    nhs_label: str
    nhs_code: str | None


class CodeList(BaseModel):
    """A list of codes, in the order in which a form should show them."""

    model_config = ConfigDict(frozen=True)

    key: str
    description: str
    codes: list[CodeTerm]


class Terms(BaseModel):
    """Every concept and every coded list, each with the charity's label and the NHS's."""

    model_config = ConfigDict(frozen=True)

    concepts: list[Concept]
    code_lists: list[CodeList]


# key, the charity's words, the NHS's words, what to know about the difference
_CONCEPTS = (
    ("mentee", "Mentee", "Patient or service user", "The person who receives support."),
    (
        "mentor",
        "Mentor",
        "Volunteer peer supporter",
        "Lives with the condition too and is trained to support.",
    ),
    ("match", "Match", "Allocation", "One mentor and one mentee, from the offer to the end."),
    ("referral", "Introduction", "Referral", "A request that somebody be supported."),
    ("self_referral", "Sign-up", "Self-referral", "The person asks for support without anybody between."),
    ("referrer", "Introducer", "Referrer", "Who sent the referral; may be told what became of it."),
    ("acceptance", "Acceptance", "Triage outcome: accepted", "The charity takes the person on."),
    (
        "initial_conversation",
        "First conversation",
        "Assessment",
        "What the person needs; no clinical examination.",
    ),
    (
        "waiting_list",
        "Waiting list",
        "Queue",
        "Accepted and not yet matched; not a waiting time for treatment.",
    ),
    ("match_agreement", "Match agreement", "Support plan", "What mentor and mentee agree before they start."),
    ("session", "Session", "Contact or appointment", "One planned meeting, whether it is held or not."),
    ("no_show", "No-show", "DNA (did not attend)", "Nobody came and nobody said so beforehand."),
    ("cancellation", "Cancellation", "Cancelled appointment", "Called off beforehand; who did so is kept."),
    ("caseload", "Matches held", "Caseload", "The people a mentor supports now."),
    (
        "supervision",
        "Support meeting",
        "Supervision",
        "The coordinator and a mentor talk about the mentoring.",
    ),
    ("ending", "Ending", "Discharge or closure", "Support is over; the reason is kept."),
    ("rematch", "Rematch", "Re-allocation", "Another mentor within the same episode."),
    ("return", "Return", "Re-referral", "A new episode for somebody supported before."),
    (
        "activation",
        "Confidence to self-manage",
        "Patient activation",
        "Knowledge, skill and confidence; see level.",
    ),
    ("outcome_measure", "Survey", "Outcome measure (PROM)", "Questions asked at the start and at the end."),
    ("goal", "Goal", "Care plan goal", "What the mentee wants to reach; its steps are actions."),
    (
        "concern",
        "Worry about somebody",
        "Safeguarding concern",
        "Told to the safeguarding lead the same day.",
    ),
    ("incident", "Something went wrong, or nearly", "Patient safety incident", "A near miss counts as well."),
    ("safeguarding_lead", "Safeguarding lead", "Named professional", "Decides what is done about a concern."),
    ("voice", "Story", "Patient experience", "Told in the person's own words and used only as agreed."),
    ("contract_return", "Monitoring form", "Contract return", "The figures a funder is owed, and when."),
    ("commissioner", "Funder", "Commissioner", "Pays for the service; often an integrated care board."),
    ("contract", "Grant or agreement to provide", "Contract", "Places, price, dates and targets."),
    (
        "provider",
        "Partner",
        "Provider or subcontractor",
        "An organisation that delivers part of the service.",
    ),
    (
        "coordinator",
        "Coordinator",
        "Care coordinator",
        "Takes people on, matches them and looks after mentors.",
    ),
    ("consent", "Permission", "Consent", "Lifts the duty of confidence; not a lawful basis for processing."),
    (
        "agreement",
        "Data promise",
        "Information sharing agreement",
        "Which items may pass between whom, until when.",
    ),
    ("journey", "Journey", "Pathway", "The stations from referral to ending."),
    ("nhs_number", "Member number", "NHS number", "The national one; a reference like PM-7K3Q-97 is ours."),
    ("protected_characteristics", "About you", "Protected characteristics", "Asked to see who is left out."),
    ("supporter", "Supporter", "Carer", "A relative or friend who helps the mentee."),
    ("remission", "Reversed", "Remission", "A clinician's word; this service only records that it was told."),
    (
        "mentoring",
        "Mentoring",
        "Peer mentoring",
        "Has goals and an end; befriending has neither, coaching no peer.",
    ),
    ("episode", "Time with us", "Episode", "One run from a referral to its ending."),
    ("level", "Level", "PAM level", "1 to 4; never the score, which runs from 0 to 100."),
)


def terms(*more: type[Code]) -> Terms:
    """All concepts and lists; `more` are the lists of higher slices, which this module cannot know."""
    return Terms(
        concepts=[
            Concept(key=key, label=label, nhs_label=nhs_label, note=note) for key, label, nhs_label, note in _CONCEPTS
        ],
        code_lists=[_code_list(codes) for codes in (*CODE_LISTS, *more)],
    )


def _code_list(codes: type[Code]) -> CodeList:
    words = re.sub(r"(?<!^)(?=[A-Z])", "_", codes.__name__)
    return CodeList(
        key=words.lower(),
        description=getdoc(codes) or "",
        codes=[
            CodeTerm(code=entry.value, label=entry.label, nhs_label=entry.nhs_label, nhs_code=entry.nhs_code)
            for entry in codes
        ],
    )
