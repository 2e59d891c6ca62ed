"""What to know before meeting the person: the flags of a message, and the needs of communication in them.

The codes are those of the booking and referral standard: flag categories and reasonable adjustments.
"""

from app.core.codes import CommunicationNeed
from app.fhir.contents import Contents
from app.fhir.findings import Findings
from app.fhir.messages import Flag as FlagResource
from app.fhir.messages import Patient
from app.fhir.words import codes_of, of_concept, plain
from app.referrals.models import FlagKind
from app.referrals.shapes import Flag

MOST_FLAGS = 20
DIED = "The message says that this person has died; check before any contact."
CATEGORIES = {
    "SG": FlagKind.SAFEGUARDING,
    "RA": FlagKind.REASONABLE_ADJUSTMENT,
    "CW": FlagKind.RISK,
    "IR": FlagKind.RISK,
    "PS": FlagKind.RISK,
    "SS": FlagKind.RISK,
}
CATEGORY_WORDS = {
    "safeguarding": FlagKind.SAFEGUARDING,
    "reasonable adjustment": FlagKind.REASONABLE_ADJUSTMENT,
    "risk": FlagKind.RISK,
    "warning": FlagKind.RISK,
}
ADJUSTMENTS = {
    "adjustforuseofcommunicationbookaid": CommunicationNeed.COMMUNICATION_AID,
    "doesusecommunicationdevice": CommunicationNeed.COMMUNICATION_AID,
    "doeslipread": CommunicationNeed.LIPREADS,
    "advocatetobepresent": CommunicationNeed.ADVOCATE,
    "needsanadvocate": CommunicationNeed.ADVOCATE,
    "carertobepresentforallcommunication": CommunicationNeed.SUPPORTER,
    "providelongerappointment": CommunicationNeed.MORE_TIME,
    "provideadditionaltimefordecisionmakingprocessing": CommunicationNeed.MORE_TIME,
    "britishsignlanguageinterpreterneeded": CommunicationNeed.BSL_INTERPRETER,
    "usesbritishsignlanguage": CommunicationNeed.BSL_INTERPRETER,
    "requireslipspeaker": CommunicationNeed.LIPSPEAKER,
    "useslipspeaker": CommunicationNeed.LIPSPEAKER,
    "requiresspeechtotextreporter": CommunicationNeed.SPEECH_TO_TEXT,
    "usesspeechtotextreporter": CommunicationNeed.SPEECH_TO_TEXT,
    "requirescontactbyemail": CommunicationNeed.BY_EMAIL,
    "requirescontactbyletter": CommunicationNeed.BY_LETTER,
    "requirescontactbyshortmessageservicetextmessage": CommunicationNeed.BY_TEXT,
    "requirescontactbytextrelay": CommunicationNeed.TEXT_RELAY,
    "requiresinformationineasyread": CommunicationNeed.EASY_READ,
    "requiresinformationincontractedgrade2braille": CommunicationNeed.BRAILLE,
    "requiresinformationinuncontractedgrade1braille": CommunicationNeed.BRAILLE,
    "requiresinformationinelectronicaudioformat": CommunicationNeed.AUDIO,
    "requiresinformationonaudiocassettetape": CommunicationNeed.AUDIO,
    "requireswritteninformationinatleast20pointsansseriffont": CommunicationNeed.LARGE_PRINT,
    "requireswritteninformationinatleast24pointsansseriffont": CommunicationNeed.LARGE_PRINT,
    "requireswritteninformationinatleast28pointsansseriffont": CommunicationNeed.LARGE_PRINT,
}
_ENDED = ("inactive", "entered-in-error")
_URGENCY = [FlagKind.SAFEGUARDING, FlagKind.RISK, FlagKind.REASONABLE_ADJUSTMENT, FlagKind.OTHER]


def read_flags(contents: Contents, findings: Findings) -> list[Flag]:
    """The flags in force, a death first, then safeguarding; of too many the least urgent are left out, with a note."""
    flags = sorted((_flag(sent) for sent in _in_force(contents)), key=lambda flag: _URGENCY.index(flag.kind))
    if any(_has_died(found.resource) for found in contents.all(Patient)):
        flags.insert(0, Flag(kind=FlagKind.OTHER, note=DIED))
        findings.notes.append(DIED)
    if len(flags) > MOST_FLAGS:
        findings.notes.append("More flags were sent than are kept here; ask the sender for the rest.")
    return flags[:MOST_FLAGS]


def communication_needs(contents: Contents) -> list[CommunicationNeed]:
    """The needs that the flags' reasonable adjustments name, each once."""
    return [need for need in CommunicationNeed if need in {ADJUSTMENTS.get(c) for c in _adjustments(contents)}]


def interpreter_is_flagged(contents: Contents) -> bool:
    """Whether a flag asks for an interpreter of any kind."""
    return any("interpreter" in code for code in _adjustments(contents)) or any(
        "interpreter" in (of_concept(sent.code) or "").lower() for sent in _in_force(contents)
    )


def _has_died(sent: Patient) -> bool:
    return sent.deceased_boolean is True or sent.deceased_date_time is not None


def _in_force(contents: Contents) -> list[FlagResource]:
    return [f.resource for f in contents.all(FlagResource) if f.resource.status not in _ENDED]


def _adjustments(contents: Contents) -> set[str]:
    return {code.lower() for code in codes_of(sent.code for sent in _in_force(contents))}


def _flag(sent: FlagResource) -> Flag:
    words = of_concept(sent.code) or "; ".join(filter(None, map(of_concept, sent.category)))
    code = next((plain(coding.code, 200) for coding in (sent.code.coding if sent.code else [])), "")
    return Flag(kind=_kind(sent), code=code or None, note=words or None)


def _kind(sent: FlagResource) -> FlagKind:
    for code in codes_of(sent.category):
        if code in CATEGORIES:
            return CATEGORIES[code]
    said = " ".join(filter(None, map(of_concept, sent.category))).lower()
    return next((kind for words, kind in CATEGORY_WORDS.items() if words in said), FlagKind.OTHER)
