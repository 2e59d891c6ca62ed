-- The first statement of every transaction. Refuses a disabled caller, an ended sign-in or a role not held
-- (SQLSTATE PS401), notes who asks and when it is, and returns the database role to become: a function that
-- runs as the owner cannot set the role itself.
CREATE OR REPLACE FUNCTION identify(
  p_kind text, p_id text, p_role text, p_sign_in text, p_source text, p_now text
) RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_id uuid;
  v_moved interval;
BEGIN
  IF p_kind IN ('account', 'client') THEN
    v_id := p_id::uuid;
    IF p_role IN ('gate', 'worker', 'service') OR NOT may_act(p_kind, v_id, p_role, p_sign_in) THEN
      RAISE EXCEPTION 'not signed in' USING ERRCODE = 'PS401';
    END IF;
  ELSIF NOT (p_kind = 'public' AND p_role = 'gate' OR p_kind = 'job' AND p_role = 'worker') THEN
    RAISE EXCEPTION 'not signed in' USING ERRCODE = 'PS401';
  END IF;
  PERFORM set_config('app.actor_kind', p_kind, true), set_config('app.role', p_role, true),
    set_config('app.account_id', coalesce(v_id::text, ''), true),
    set_config('app.actor_name', CASE WHEN v_id IS NULL THEN p_id ELSE '' END, true),
    set_config('app.request_id', split_part(p_source, ' ', 1), true),
    set_config('app.operation', split_part(p_source, ' ', 2), true),
    set_config('app.now', p_now, true), set_config('app.reason', '', true);
  IF p_now IS NULL THEN
    SELECT coalesce(max(moved_by), interval '0') INTO v_moved FROM clock;
    PERFORM set_config('app.now', (clock_timestamp() + v_moved)::text, true),
      set_config('app.offset', extract(epoch FROM v_moved)::text, true);
  END IF;
  RETURN 'pm_' || p_role;
END $$;

CREATE OR REPLACE FUNCTION may_act(p_kind text, p_id uuid, p_role text, p_sign_in text)
RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM access_memberships m WHERE m.account_id = p_id AND m.role = p_role)
    AND CASE p_kind
      WHEN 'account' THEN EXISTS (SELECT FROM accounts a WHERE a.id = p_id AND a.status = 'active')
        AND EXISTS (SELECT FROM access_sign_ins s WHERE s.id = nullif(p_sign_in, '')::uuid
                    AND s.account_id = p_id AND s.role = p_role AND s.ended_at IS NULL)
      ELSE EXISTS (SELECT FROM clients c WHERE c.id = p_id AND c.status = 'active')
    END
$$;

-- What the caller's present role reaches: the narrow lists that row policies read, as the owner, so that no
-- policy recurses. Each is called inside ARRAY(SELECT …), once a statement.
CREATE OR REPLACE FUNCTION my_programmes() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT programme_id FROM access_memberships
  WHERE account_id = me() AND role = current_setting('app.role', true) AND programme_id IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION my_organisations() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT organisation_id FROM access_memberships
  WHERE account_id = me() AND role = current_setting('app.role', true) AND organisation_id IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION my_mentees() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT mentee_id FROM access_caseloads WHERE account_id = me() AND until > app_now()
$$;

-- The matches (or enrolments) behind the present caseload.
CREATE OR REPLACE FUNCTION my_matches() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT source_id FROM access_caseloads WHERE account_id = me() AND until > app_now()
$$;
