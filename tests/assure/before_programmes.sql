-- What functions said before a row's programme was noted in audit, history and caseloads: the version that is
-- still running while the next one's migrations are applied. Only for the test that plays an upgrade.

-- Every change of every row: who, when, which columns; the old values beside it, where they can be erased.
-- With the argument 'no values' (password hashes) nothing of the values is kept.
CREATE OR REPLACE FUNCTION audit_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_changed text[];
  v_old jsonb;
  v_entry bigint;
  v_row uuid;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    v_row := NEW.id;
    SELECT array_agg(n.key ORDER BY n.key), jsonb_object_agg(n.key, o.old -> n.key) INTO v_changed, v_old
      FROM (SELECT to_jsonb(OLD) AS old) o, jsonb_each(to_jsonb(NEW)) n
      WHERE o.old -> n.key IS DISTINCT FROM n.value AND n.key NOT IN ('version', 'updated_at', 'changed_xid');
    IF v_changed IS NULL THEN
      RETURN NULL;
    END IF;
  ELSIF TG_OP = 'DELETE' THEN
    v_row := OLD.id;
    v_old := to_jsonb(OLD);
    INSERT INTO tombstones (table_name, row_id) VALUES (TG_TABLE_NAME, OLD.id);
  ELSE
    v_row := NEW.id;
  END IF;
  INSERT INTO audit_entries (verb, table_name, row_id, columns)
    VALUES (lower(TG_OP), TG_TABLE_NAME, v_row, v_changed) RETURNING id INTO v_entry;
  IF v_old IS NOT NULL AND TG_NARGS = 0 THEN
    INSERT INTO history (entry_id, table_name, row_id, old_values) VALUES (v_entry, TG_TABLE_NAME, v_row, v_old);
  END IF;
  RETURN NULL;
END $$;

-- Hang the two triggers of the house on every table that has the columns of the house. The tables named here
-- are the audit itself or bookkeeping of sign-ins and retries without a person in it.
DO $$
DECLARE
  t record;
BEGIN
  FOR t IN
    SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'changed_xid'
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
      AND c.relname NOT IN ('audit_entries', 'audit_reads', 'tombstones')
  LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER a_touch BEFORE INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION touch_row()', t.relname);
    IF t.relname IN ('idempotent_answers', 'access_refresh_tokens', 'access_used_jtis', 'access_tries', 'events') THEN
      CONTINUE;
    END IF;
    EXECUTE format('CREATE OR REPLACE TRIGGER z_audit AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION audit_row(%s)',
      t.relname, CASE WHEN t.relname IN ('accounts_credentials', 'accounts_password_links', 'fhir_messages') THEN '''no values''' ELSE '' END);
  END LOOP;
END $$;

-- A mentor's caseload: while it lasts, and only where the account is a mentor of the episode's programme today.
CREATE OR REPLACE FUNCTION my_mentees() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT c.mentee_id FROM access_caseloads c JOIN mentees m ON m.id = c.mentee_id
  WHERE c.account_id = me() AND c.until > app_now() AND m.programme_id IN (SELECT my_programmes())
$$;

-- The matches (or enrolments) behind the present caseload.
CREATE OR REPLACE FUNCTION my_matches() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT c.source_id FROM access_caseloads c JOIN mentees m ON m.id = c.mentee_id
  WHERE c.account_id = me() AND c.until > app_now() AND m.programme_id IN (SELECT my_programmes())
$$;

-- The policies as they stand are to be made afresh.
UPDATE schema_state SET digest = '';

-- Present code stands in for the version before, and writes these columns already; that they are there changes none of
-- the locks that adding them takes.
ALTER TABLE mentors ADD COLUMN slots jsonb NOT NULL DEFAULT '[]', ADD COLUMN circumstances text[] NOT NULL DEFAULT '{}';
ALTER TABLE mentees_preferences ADD COLUMN slots jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN circumstances text[] NOT NULL DEFAULT '{}', ADD COLUMN excluded_mentor_ids uuid[] NOT NULL DEFAULT '{}';
