"""every large table carries its programme, by which the data can be spread over machines

Each step that may last is a transaction of its own, and none that is short waits behind one that lasts: the service
goes on meanwhile, also the version before this one. Run again after a failure, it goes on where it stopped.
"""

from alembic import op
import sqlalchemy as sa

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

BATCH = 5_000
NOTED = ('audit_entries', 'history', 'tombstones')


def upgrade() -> None:
    # whoever asks anything reads this table first: several tables are changed only while nobody holds any of them
    op.execute('LOCK TABLE access_memberships IN ACCESS EXCLUSIVE MODE')
    # lines written before name no programme: the audit is never rewritten
    for table in NOTED:
        op.add_column(table, sa.Column('programme_id', sa.Uuid(), nullable=True), if_not_exists=True)
    op.add_column('access_caseloads', sa.Column('programme_id', sa.Uuid(), nullable=True), if_not_exists=True)
    # kept by the slice's functions.sql from here on; it has to be there before the older rows are filled in
    op.execute("""
        CREATE OR REPLACE FUNCTION access_caseloads_keep_programme() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
        BEGIN
          NEW.programme_id := (SELECT programme_id FROM mentees WHERE id = NEW.mentee_id);
          RETURN NEW;
        END $$""")
    op.execute("""
        CREATE OR REPLACE TRIGGER b_programme BEFORE INSERT OR UPDATE OF mentee_id, programme_id ON access_caseloads
        FOR EACH ROW EXECUTE FUNCTION access_caseloads_keep_programme()""")
    with op.get_context().autocommit_block():
        _fill()
        _promise('access_caseloads', 'ck_access_caseloads_programme_named', 'programme_id IS NOT NULL')
        # finds the promise, so reads no row; done twice it changes nothing
        op.execute("""
            -- squawk-ignore prefer-robust-stmts
            ALTER TABLE access_caseloads ALTER COLUMN programme_id SET NOT NULL""")
        _take_back('access_caseloads', 'ck_access_caseloads_programme_named')
        _promise(
            'events',
            'ck_events_programme_named',
            "programme_id IS NOT NULL OR subject_type IN ('people', 'access_memberships')",
        )


def _fill() -> None:
    """Older rows, some thousands at a time, each batch for itself; the trigger looks the programme up."""
    if op.get_context().as_sql:
        op.execute('UPDATE access_caseloads SET programme_id = NULL WHERE programme_id IS NULL')
        return
    some = sa.text(
        'UPDATE access_caseloads SET programme_id = NULL WHERE id IN '
        f'(SELECT id FROM access_caseloads WHERE programme_id IS NULL LIMIT {BATCH})'
    )
    while op.get_bind().execute(some).rowcount:
        pass


def _promise(table: str, name: str, rule: str) -> None:
    """A constraint that holds for new rows at once, and for the older ones after a check that blocks nobody."""
    _take_back(table, name)
    op.execute(f'ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({rule}) NOT VALID')
    op.execute(f'ALTER TABLE {table} VALIDATE CONSTRAINT {name}')


def _take_back(table: str, name: str) -> None:
    op.execute(f"""
            -- squawk-ignore ban-drop-constraint
            ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}""")


def downgrade() -> None:
    op.execute('ALTER TABLE events DROP CONSTRAINT ck_events_programme_named')
    op.execute('DROP TRIGGER b_programme ON access_caseloads')
    op.execute('DROP FUNCTION access_caseloads_keep_programme()')
    for table in ('access_caseloads', *NOTED):
        op.drop_column(table, 'programme_id')
