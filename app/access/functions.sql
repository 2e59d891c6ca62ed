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

-- A mentor's caseload: while it lasts, and only where the account is a mentor of the episode's programme today.
CREATE OR REPLACE FUNCTION my_mentees() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT mentee_id FROM access_caseloads
  WHERE account_id = me() AND until > app_now() AND programme_id IN (SELECT my_programmes())
$$;

-- The matches (or enrolments) behind the present caseload.
CREATE OR REPLACE FUNCTION my_matches() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT source_id FROM access_caseloads
  WHERE account_id = me() AND until > app_now() AND programme_id IN (SELECT my_programmes())
$$;

-- What a stored answer rested on: the role, the memberships and the caseload. It is given again only while all of
-- that still holds.
CREATE OR REPLACE FUNCTION my_reach() RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT ARRAY['role ' || current_setting('app.role', true)]
    || ARRAY(SELECT 'in ' || coalesce(programme_id::text, '-') || ' for ' || coalesce(organisation_id::text, '-')
             FROM access_memberships WHERE account_id = me() AND role = current_setting('app.role', true))
    || ARRAY(SELECT 'match ' || source_id FROM access_caseloads WHERE account_id = me() AND until > app_now())
$$;

-- Whether an account or client works in the caller's programmes alone, in roles that coordinators give.
CREATE OR REPLACE FUNCTION is_all_mine(p_id uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT NOT EXISTS (SELECT FROM access_memberships m WHERE m.account_id = p_id AND (
    m.programme_id IS NULL OR m.programme_id NOT IN (SELECT my_programmes())
    OR m.role NOT IN ('coordinator', 'mentor', 'referrer', 'analyst')))
$$;

-- Whether the caller may give an account or client a role: it has one in the caller's programmes, it is the
-- caller's own, or it was made in this very transaction.
CREATE OR REPLACE FUNCTION is_mine_or_new(p_id uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT p_id = me()
    OR EXISTS (SELECT FROM access_memberships WHERE account_id = p_id AND programme_id IN (SELECT my_programmes()))
    OR EXISTS (SELECT FROM accounts WHERE id = p_id AND changed_xid = pg_current_xact_id())
    OR EXISTS (SELECT FROM clients WHERE id = p_id AND changed_xid = pg_current_xact_id())
$$;

-- A caseload's row lies in the programme of its episode, whoever writes it.
CREATE OR REPLACE FUNCTION access_caseloads_keep_programme() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.programme_id := (SELECT programme_id FROM mentees WHERE id = NEW.mentee_id);
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER b_programme BEFORE INSERT OR UPDATE OF mentee_id, programme_id ON access_caseloads
  FOR EACH ROW EXECUTE FUNCTION access_caseloads_keep_programme();
