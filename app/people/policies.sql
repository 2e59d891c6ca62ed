-- A person is seen through an episode in one of the coordinator's programmes, row by row: a list of all ids would
-- be as long as the programme. Mentors, referrers and analysts have no way here.
GRANT SELECT, UPDATE ON people, people_identifiers TO pm_coordinator;
CREATE POLICY coordinator ON people TO pm_coordinator
  USING (EXISTS (SELECT FROM mentees m WHERE m.person_id = people.id AND m.programme_id = ANY (ARRAY(SELECT my_programmes()))));
CREATE POLICY coordinator ON people_identifiers TO pm_coordinator
  USING (EXISTS (SELECT FROM mentees m WHERE m.person_id = people_identifiers.person_id AND m.programme_id = ANY (ARRAY(SELECT my_programmes()))));
GRANT SELECT ON people_candidates TO pm_coordinator;
CREATE POLICY coordinator ON people_candidates FOR SELECT TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())));
