"""What each screen shows."""

from datetime import date, datetime
from uuid import UUID

from app.core.codes import Code, MeetingMode, ReferralReason
from app.core.models import Outbound
from app.matches.models import Offer
from app.mentees.models import MenteeStatus
from app.mentees.shapes import BriefingPublic, PreferencesPublic
from app.mentees.waiting import WaitingBand
from app.referrals.models import ReferralStatus
from app.referrals.shapes import ReferralPublic
from app.sessions.models import SessionStatus


class DueKind(Code):
    """A kind of thing a coordinator looks after every morning."""

    REFERRAL_UNDECIDED = "referral_undecided", "Referral to decide on"
    OFFER_UNANSWERED = "offer_unanswered", "Offer a mentor has not answered"
    MATCH_TO_CONFIRM = "match_to_confirm", "Accepted offer to confirm"
    MENTEE_WAITING = "mentee_waiting", "Mentee waiting for a mentor"
    PAIR_QUIET = "pair_quiet", "Pair without a session in 21 days"
    BASELINE_WANTED = "baseline_wanted", "Baseline PAM wanted"
    FOLLOW_UP_WANTED = "follow_up_wanted", "Follow-up PAM wanted"
    SESSION_NOT_WRITTEN_UP = "session_not_written_up", "Session not written up"
    PLANNED_END_PASSED = "planned_end_passed", "Planned end passed"


class DueItem(Outbound):
    """One thing to look after."""

    id: UUID
    """Of the referral, match, mentee or session."""
    who: str
    mentor: str | None
    since_on: date
    days: int
    link: str
    """The address that opens it."""


class DueKindShown(Outbound):
    """How many of one kind, and the longest standing of them."""

    kind: DueKind
    label: str
    count: int
    link: str
    """The address of all of this kind, page by page."""
    items: list[DueItem]


class TodayScreen(Outbound):
    """What there is to do today, by kind, the longest standing first."""

    today: date
    kinds: list[DueKindShown]


class PracticeNamed(Outbound):
    """The practice at which the person is registered; no name where the directory does not know its code."""

    ods_code: str
    name: str | None


class LinkedReferral(Outbound):
    """Another referral of the same person."""

    id: UUID
    reference: str
    status: ReferralStatus
    organisation_name: str | None
    received_at: datetime


class LatestEpisode(Outbound):
    """Somebody's latest episode in this programme."""

    mentee_id: UUID
    status: MenteeStatus
    ended_on: date | None


class PossibleDuplicate(Outbound):
    """A known person who may be the one referred."""

    id: UUID
    given_name: str
    family_name: str
    known_as: str | None
    birth_date: date | None
    nhs_number: str | None
    postcode: str | None
    same: list[str]
    """What agrees: `nhs_number`, `name`, `similar_name`, `birth_date`, `postcode`, `phone`."""
    episode: LatestEpisode | None


class TriageScreen(ReferralPublic):
    """Everything needed to decide on one referral."""

    practice: PracticeNamed | None
    linked_referrals: list[LinkedReferral]
    possible_duplicates: list[PossibleDuplicate]
    """Those who agree in most first, ten at most."""


class WaitingMentee(Outbound):
    """Somebody who waits for a mentor."""

    id: UUID
    programme_id: UUID
    given_name: str
    family_name: str
    known_as: str | None
    received_on: date
    waiting_since: datetime
    days_waiting: int
    """From receipt to today, or to the first match of those who wait for another."""
    days_since: int
    """Since acceptance, or since the last match ended."""
    waiting_band: WaitingBand
    coordinator_id: UUID | None
    coordinator_name: str | None
    flags: list[dict[str, str | None]]
    reasons: list[ReferralReason]
    briefing: BriefingPublic | None
    preferences: PreferencesPublic | None
    open_offer_count: int
    actions: list[str]
    version: int


class NextSession(Outbound):
    """The next meeting: with whom, when, where, and what the mentee needs there."""

    id: UUID
    match_id: UUID
    mentee_id: UUID
    known_as: str
    planned_starts_at: datetime
    planned_ends_at: datetime | None
    mode: MeetingMode | None
    place: str | None
    contact_route: str | None
    access_needs: str | None
    communication_needs: list[str]
    language: str | None
    is_interpreter_needed: bool
    safety_note: str | None
    actions: list[str]
    version: int


class OfferShown(Outbound):
    """An offer to answer."""

    id: UUID
    offer: Offer
    proposed_at: datetime
    actions: list[str]
    version: int


class UnwrittenSession(Outbound):
    """A session that still has to be written up."""

    id: UUID
    match_id: UUID
    mentee_id: UUID
    known_as: str
    status: SessionStatus
    since_on: date
    actions: list[str]
    version: int


class CaseloadMentee(Outbound):
    """Somebody the mentor supports at present."""

    match_id: UUID
    mentee_id: UUID
    known_as: str
    status: MenteeStatus
    coordinator_name: str | None
    """Whom to turn to about the mentee."""
    first_held_on: date | None
    planned_end_on: date | None
    held: int
    last_held_on: date | None
    next_starts_at: datetime | None
    actions: list[str]
    """What may be done with the match."""
    version: int
    """Of the match."""


class MentorHomeScreen(Outbound):
    """A mentor's first look at the phone."""

    next_session: NextSession | None
    offers: list[OfferShown]
    not_written_up: list[UnwrittenSession]
    caseload: list[CaseloadMentee]


class OurReferral(Outbound):
    """A referral as the practice that sent it follows it."""

    id: UUID
    reference: str
    status: ReferralStatus
    status_words: str
    programme_name: str
    organisation_id: UUID
    organisation_name: str
    given_name: str
    family_name: str
    received_at: datetime
    days_since_received: int
    days_waiting: int
    """Until the decision, or until today."""
    waiting_band: WaitingBand
    last_change_at: datetime
    elsewhere: str | None
    actions: list[str]
    version: int
