GRANT SELECT, INSERT, UPDATE ON mentors, mentors_conditions, mentors_training TO pm_coordinator;
GRANT SELECT, INSERT ON mentors_leavings TO pm_coordinator;
GRANT DELETE ON mentors_conditions TO pm_coordinator;
CREATE POLICY coordinator ON mentors TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())))
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY coordinator ON mentors_conditions TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())))
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY coordinator ON mentors_training TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())))
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY coordinator ON mentors_leavings TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())))
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));

-- A mentor reads the own profile, and no other mentor's.
GRANT SELECT ON mentors, mentors_conditions, mentors_training TO pm_mentor;
CREATE POLICY mentor ON mentors FOR SELECT TO pm_mentor USING (account_id = (SELECT me()));
CREATE POLICY mentor ON mentors_conditions FOR SELECT TO pm_mentor USING (mentor_id = ANY (ARRAY(SELECT my_mentor_ids())));
CREATE POLICY mentor ON mentors_training FOR SELECT TO pm_mentor USING (mentor_id = ANY (ARRAY(SELECT my_mentor_ids())));
