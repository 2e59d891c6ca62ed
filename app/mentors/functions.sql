CREATE OR REPLACE FUNCTION my_mentor_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT id FROM mentors WHERE account_id = me()
$$;
