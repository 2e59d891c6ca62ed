-- Who agrees with what is known of somebody, and in what: the coordinator's search for duplicates. It runs as the
-- owner because similarity of names cannot use its index behind row security; it keeps to the same rule itself:
-- people with an episode in one of the coordinator's programmes, and nobody for any other role.
CREATE OR REPLACE FUNCTION people_alike(p_known jsonb)
RETURNS TABLE (person_id uuid, same text[], weight int)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  WITH known AS MATERIALIZED (
    SELECT p_known ->> 'nhs_number' AS nhs_number, lower(p_known ->> 'name') AS name,
      (p_known ->> 'birth_date')::date AS birth_date, p_known ->> 'phone' AS phone,
      -- "no fixed abode" and "not known" are nobody's address
      CASE WHEN p_known ->> 'postcode' NOT LIKE 'ZZ99%' THEN p_known ->> 'postcode' END AS postcode
  ), hits AS (
    SELECT i.person_id FROM people_identifiers i WHERE i.nhs_number = (SELECT nhs_number FROM known)
    UNION SELECT i.person_id FROM people_identifiers i WHERE i.birth_date = (SELECT birth_date FROM known)
    UNION SELECT i.person_id FROM people_identifiers i WHERE i.postcode = (SELECT postcode FROM known)
    UNION SELECT p.id FROM people p WHERE p.phone = (SELECT phone FROM known)
    UNION SELECT p.id FROM people p WHERE lower(p.given_name || ' ' || p.family_name) %> (SELECT name FROM known)
  ), compared AS (
    SELECT h.person_id,
      i.nhs_number = k.nhs_number AS number_agrees, lower(p.given_name || ' ' || p.family_name) = k.name AS name_agrees,
      word_similarity(k.name, lower(p.given_name || ' ' || p.family_name)) AS likeness,
      i.birth_date = k.birth_date AS birth_date_agrees, i.postcode = k.postcode AS postcode_agrees, p.phone = k.phone AS phone_agrees
    FROM hits h JOIN people p ON p.id = h.person_id JOIN people_identifiers i ON i.person_id = h.person_id CROSS JOIN known k
    WHERE current_setting('app.role', true) = 'coordinator' AND EXISTS (
      SELECT FROM mentees m WHERE m.person_id = h.person_id AND m.programme_id = ANY (ARRAY(SELECT my_programmes())))
  )
  SELECT c.person_id,
    array_remove(ARRAY[
      CASE WHEN c.number_agrees THEN 'nhs_number' END,
      CASE WHEN c.name_agrees THEN 'name' WHEN c.likeness >= 0.6 THEN 'similar_name' END,
      CASE WHEN c.birth_date_agrees THEN 'birth_date' END,
      CASE WHEN c.postcode_agrees THEN 'postcode' END,
      CASE WHEN c.phone_agrees THEN 'phone' END], NULL),
    CASE WHEN c.number_agrees THEN 100 ELSE 0 END + coalesce(c.likeness * 40, 0)::int
      + CASE WHEN c.birth_date_agrees THEN 30 ELSE 0 END + CASE WHEN c.phone_agrees THEN 25 ELSE 0 END
      + CASE WHEN c.postcode_agrees THEN 15 ELSE 0 END
  FROM compared c
$$;
