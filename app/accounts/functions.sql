-- The caller's own roles in words: no role needs to reach the directories to read where it works.
CREATE OR REPLACE FUNCTION my_memberships()
RETURNS TABLE (id uuid, role text, programme_id uuid, programme_name text, organisation_id uuid, organisation_name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT m.id, m.role, m.programme_id, g.name, m.organisation_id, o.name
  FROM access_memberships m
  LEFT JOIN programmes g ON g.id = m.programme_id
  LEFT JOIN organisations o ON o.id = m.organisation_id
  WHERE m.account_id = me()
$$;
