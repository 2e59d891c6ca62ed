-- What every policy, view and trigger may ask: what time it is for the service, and who is asking.

CREATE OR REPLACE FUNCTION app_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT coalesce(nullif(current_setting('app.now', true), '')::timestamptz, now()) $$;

CREATE OR REPLACE FUNCTION app_today() RETURNS date LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT (app_now() AT TIME ZONE 'Europe/London')::date $$;

-- An unset setting reads NULL before its first use and '' after it; both mean nobody.
CREATE OR REPLACE FUNCTION me() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('app.account_id', true), '')::uuid $$;

-- Version, time of change and transaction number of every row; what was created, when and as what stays.
CREATE OR REPLACE FUNCTION touch_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.changed_xid := pg_current_xact_id();
  NEW.updated_at := clock_timestamp();
  IF TG_OP = 'UPDATE' THEN
    NEW.id := OLD.id;
    NEW.created_at := OLD.created_at;
    NEW.version := OLD.version + 1;
  ELSE
    NEW.version := 1;
  END IF;
  RETURN NEW;
END $$;

-- Lock first, look second, as two statements: one statement's snapshot would be older than its lock.
DROP FUNCTION IF EXISTS idempotency_begin(uuid, text);
CREATE FUNCTION idempotency_begin(p_actor uuid, p_key_hash text)
RETURNS TABLE (locked boolean, id uuid, fingerprint text, status int, headers text, body bytea, is_in_reach boolean)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_now timestamptz := clock_timestamp();
  v_found idempotent_answers;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended(p_actor::text || p_key_hash, 1)) THEN
    RETURN QUERY SELECT false, NULL::uuid, NULL::text, NULL::int, NULL::text, NULL::bytea, NULL::boolean;
    RETURN;
  END IF;
  SELECT a.* INTO v_found FROM idempotent_answers a WHERE a.actor_id = p_actor AND a.key_hash = p_key_hash;
  IF v_found.expires_at <= v_now THEN
    DELETE FROM idempotent_answers a WHERE a.id = v_found.id;
    v_found := NULL;
  END IF;
  -- Now and then whoever comes back clears away some of the own old answers (the worker clears all of them), one
  -- request at a time: two would wait for each other.
  IF right(p_key_hash, 1) = '0' AND pg_try_advisory_xact_lock(hashtextextended(p_actor::text, 2)) THEN
    DELETE FROM idempotent_answers a WHERE a.id IN (
      SELECT b.id FROM idempotent_answers b WHERE b.actor_id = p_actor AND b.expires_at <= v_now
      ORDER BY b.expires_at LIMIT 100);
  END IF;
  RETURN QUERY SELECT true, v_found.id, v_found.fingerprint::text, v_found.status, v_found.headers::text, v_found.body,
    CASE WHEN v_found.id IS NOT NULL THEN v_found.reach <@ my_reach() END;
END $$;
