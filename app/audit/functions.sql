-- Every change of every row: who, when, which columns; the old values beside it, where they can be erased.
-- The trigger's two arguments: 'no values' (password hashes) keeps nothing of the values; 'programme' says that the
-- table's rows lie in a programme, whose id then stands on every line about them.
CREATE OR REPLACE FUNCTION audit_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_changed text[];
  v_old jsonb;
  v_entry bigint;
  v_row uuid;
  v_programme uuid;
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
  ELSE
    v_row := NEW.id;
  END IF;
  IF TG_ARGV[1] = 'programme' THEN
    v_programme := coalesce(NEW.programme_id, OLD.programme_id);
  END IF;
  IF TG_OP = 'DELETE' THEN
    INSERT INTO tombstones (table_name, row_id, programme_id) VALUES (TG_TABLE_NAME, v_row, v_programme);
  END IF;
  INSERT INTO audit_entries (verb, table_name, row_id, columns, programme_id)
    VALUES (lower(TG_OP), TG_TABLE_NAME, v_row, v_changed, v_programme) RETURNING id INTO v_entry;
  IF v_old IS NOT NULL AND TG_ARGV[0] = 'values' THEN
    INSERT INTO history (entry_id, table_name, row_id, programme_id, old_values)
      VALUES (v_entry, TG_TABLE_NAME, v_row, v_programme, v_old);
  END IF;
  RETURN NULL;
END $$;

-- Hang the two triggers of the house on every table that has the columns of the house. The tables named here
-- are the audit itself or bookkeeping of sign-ins, retries and periodic jobs without a person in it.
DO $$
DECLARE
  t record;
BEGIN
  FOR t IN
    SELECT c.relname, EXISTS (SELECT FROM pg_attribute p WHERE p.attrelid = c.oid AND p.attname = 'programme_id') AS keyed
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'changed_xid'
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
      AND c.relname NOT IN ('audit_entries', 'audit_reads', 'tombstones')
  LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER a_touch BEFORE INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION touch_row()', t.relname);
    IF t.relname IN ('idempotent_answers', 'access_refresh_tokens', 'access_used_jtis', 'access_tries', 'events', 'jobs') THEN
      CONTINUE;
    END IF;
    EXECUTE format('CREATE OR REPLACE TRIGGER z_audit AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION audit_row(%L, %L)',
      t.relname, CASE WHEN t.relname IN ('accounts_credentials', 'accounts_password_links', 'fhir_messages') THEN 'no values' ELSE 'values' END,
      CASE WHEN t.keyed THEN 'programme' ELSE '' END);
  END LOOP;
END $$;
