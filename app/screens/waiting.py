"""Who waits: for a mentor, as the coordinator sees it; for a decision, as the practice that referred sees it."""

from app.core.reading import Source
from app.mentees.service import WAITING_LIST
from app.mentees.waiting import band_sql
from app.referrals.service import OWN_REFERRALS, REFERRALS
from app.screens.shapes import OurReferral, WaitingMentee

WAITING = Source(
    WaitingMentee,
    WAITING_LIST.rows,
    fields={
        **WAITING_LIST.fields,
        "days_since": "app_today() - (t.waiting_since AT TIME ZONE 'Europe/London')::date",
        "reasons": "(SELECT r.reasons FROM referrals r WHERE r.id = t.referral_id)",
        "briefing": f"({WAITING_LIST.includes['briefing']})",
        "preferences": f"({WAITING_LIST.includes['preferences']})",
        "open_offer_count": "(SELECT count(*) FROM matches c WHERE c.mentee_id = t.id "
        "AND c.status IN ('proposed', 'accepted'))",
    },
    keys=WAITING_LIST.keys,
    newest_first=False,
    steps=WAITING_LIST.steps,
    walks=WAITING_LIST.walks,
)

_DAYS_WAITING = REFERRALS.fields["days_waiting"]
OUR_REFERRALS = Source(
    OurReferral,
    "referrals t JOIN programmes g ON g.id = t.programme_id JOIN organisations o ON o.id = t.organisation_id",
    fields={
        "status_words": OWN_REFERRALS.fields["status_words"],
        "programme_name": "g.name",
        "organisation_name": "o.name",
        "given_name": "t.person ->> 'given_name'",
        "family_name": "t.person ->> 'family_name'",
        "days_since_received": "app_today() - (t.received_at AT TIME ZONE 'Europe/London')::date",
        "days_waiting": _DAYS_WAITING,
        "waiting_band": band_sql(_DAYS_WAITING),
        "last_change_at": "coalesce(t.decided_at, t.received_at)",
    },
    keys=OWN_REFERRALS.keys,
    steps=OWN_REFERRALS.steps,
    walks=OWN_REFERRALS.walks,
)
