"""What signing in leaves behind, and how long it is of any use."""

from app.accounts.throttle import WINDOW

_OLD_TRIES = f"interval '{2 * WINDOW.total_seconds():.0f} seconds'"

EXPIRED = {
    # A day longer than it works: no token of a sign-in that has just ended goes before the sign-in's own end is seen.
    "access_refresh_tokens": (
        "t.expires_at < clock_timestamp() - interval '1 day' OR EXISTS (SELECT FROM access_sign_ins s "
        "WHERE s.id = t.sign_in_id AND s.ended_at < clock_timestamp() - interval '1 day')"
    ),
    # Without a refresh token and older than any access token: nobody can come back to it. The audit remembers it.
    "access_sign_ins": (
        "t.created_at < clock_timestamp() - interval '1 day' "
        "AND NOT EXISTS (SELECT FROM access_refresh_tokens r WHERE r.sign_in_id = t.id)"
    ),
    "access_used_jtis": "t.expires_at < clock_timestamp() - interval '1 hour'",
    "access_tries": f"t.window_at < clock_timestamp() - {_OLD_TRIES}",
    # A link that was used or is too old opens nothing; for a month it can still be told when it was made and used.
    "accounts_password_links": "coalesce(t.used_at, t.expires_at) < clock_timestamp() - interval '30 days'",
}
"""Table → which of its rows are of no more use, in the order in which they may go (tokens before their sign-ins)."""
