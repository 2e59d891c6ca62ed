"""times and circumstances of mentors and mentees, pairs that must not be, and a programme's weights for suggestions"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
import app.core.models

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

CIRCUMSTANCES = (
    'works', 'shift_work', 'cares_for_somebody', 'young_children', 'lives_alone', 'retired', 'looks_for_work',
)  # fmt: skip
TEXTS = postgresql.ARRAY(sa.Text())
IDS = postgresql.ARRAY(sa.Uuid())
JSON = postgresql.JSONB(none_as_null=True)


def upgrade() -> None:
    # whoever asks anything reads this table first: several tables are changed only while nobody holds any of them
    op.execute('LOCK TABLE access_memberships IN ACCESS EXCLUSIVE MODE')
    for table in ('mentors', 'mentees_preferences'):
        # a constant default changes the catalogue only
        _add(table, 'slots', JSON, "'[]'")
        _add(table, 'circumstances', TEXTS, "'{}'")
    _add('mentees_preferences', 'excluded_mentor_ids', IDS, "'{}'")
    op.create_table('matches_weights',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.Column('changed_xid', app.core.models.Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.Column('programme_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('weights', JSON, nullable=False),
    sa.ForeignKeyConstraint(['programme_id'], ['programmes.id'], name=op.f('fk_matches_weights_programme_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_matches_weights')),
    sa.UniqueConstraint('programme_id', 'number', name=op.f('uq_matches_weights_programme_id_number')),
    if_not_exists=True,
    )
    op.create_index('ix_matches_weights_changed_xid', 'matches_weights', ['changed_xid', 'id'], if_not_exists=True)
    with op.get_context().autocommit_block():
        allowed = ','.join(f"'{code}'" for code in CIRCUMSTANCES)
        for table in ('mentors', 'mentees_preferences'):
            _promise(table, f'ck_{table}_circumstances', f'circumstances <@ ARRAY[{allowed}]::text[]')


def _add(table: str, name: str, kind: sa.types.TypeEngine, empty: str) -> None:
    op.add_column(table, sa.Column(name, kind, nullable=False, server_default=sa.text(empty)), if_not_exists=True)


def _promise(table: str, name: str, rule: str) -> None:
    """A constraint that holds for new rows at once, and for the older ones after a check that blocks nobody."""
    op.execute(f"""
            -- squawk-ignore ban-drop-constraint
            ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}""")
    op.execute(f'ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({rule}) NOT VALID')
    op.execute(f'ALTER TABLE {table} VALIDATE CONSTRAINT {name}')


def downgrade() -> None:
    op.drop_table('matches_weights')
    op.drop_column('mentees_preferences', 'excluded_mentor_ids')
    for table in ('mentees_preferences', 'mentors'):
        op.drop_column(table, 'circumstances')
        op.drop_column(table, 'slots')
