"""the outcome report and the lists read from indexes alone, however many episodes there are

Each index is built while the service goes on writing, and an older one goes only when its successor is there. Run
again after a failure, it begins with what the failure left half built.
"""

from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

# name, table, columns, what else it carries, of which rows
MADE = (
    (
        'ix_mentees_outcomes',
        'mentees',
        'programme_id, id',
        'waiting_since, first_confirmed_on, first_held_on, ended_on, is_planned_ending',
        '',
    ),
    ('ix_accounts_name', 'accounts', 'name, id', '', ''),
    ('ix_mentors_name', 'mentors', 'name, id', '', ''),
    ('ix_sessions_of_programme', 'sessions', 'programme_id, takes_place_on, id', '', ''),
    ('ix_sessions_open', 'sessions', 'takes_place_on, id', '', "status IN ('draft', 'booked')"),
    ('ix_pam_assessments_of_programme', 'pam_assessments', 'programme_id, assessed_on, id', '', ''),
    ('ix_referrals_outcomes', 'referrals', 'programme_id, id', 'received_at, decided_at, status', ''),
    (
        'ix_pam_assessments_baseline_counts',
        'pam_assessments',
        'programme_id, mentee_id',
        'score, cut_set',
        "placement = 'counts' AND occasion = 'baseline'",
    ),
    (
        'ix_pam_assessments_follow_up_counts',
        'pam_assessments',
        'programme_id, mentee_id',
        'score, cut_set',
        "placement = 'counts' AND occasion = 'follow_up'",
    ),
    (
        'ix_pam_assessments_not_counted',
        'pam_assessments',
        'programme_id, mentee_id',
        'occasion, placement',
        "placement IS DISTINCT FROM 'counts'",
    ),
)
REPLACED = (
    ('ix_mentees_programme_id_id', 'mentees', 'programme_id, id', '', ''),
    ('ix_referrals_programme_id_id', 'referrals', 'programme_id, id', '', ''),
    ('ix_sessions_programme_id', 'sessions', 'programme_id, id', '', ''),
    ('ix_pam_assessments_programme_id', 'pam_assessments', 'programme_id, id', '', ''),
)


def upgrade() -> None:
    _exchange(MADE, REPLACED)


def downgrade() -> None:
    _exchange(REPLACED, MADE)


def _exchange(new: tuple[tuple[str, ...], ...], old: tuple[tuple[str, ...], ...]) -> None:
    with op.get_context().autocommit_block():
        # building waits for who is at work, and holds up nobody meanwhile
        op.execute("SET lock_timeout = '15min'")
        for name, table, columns, carried, rows in new:
            op.execute(f'DROP INDEX CONCURRENTLY IF EXISTS {name}')
            op.execute(
                f'CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {table} ({columns})'
                + (f' INCLUDE ({carried})' if carried else '')
                + (f' WHERE {rows}' if rows else '')
            )
        for name, *_ in old:
            op.execute(f'DROP INDEX CONCURRENTLY IF EXISTS {name}')
        op.execute("SET lock_timeout = '1s'")
