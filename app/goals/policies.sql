GRANT SELECT, INSERT, UPDATE ON goals, goals_actions TO pm_coordinator, pm_mentor;
CREATE POLICY coordinator ON goals TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())))
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY coordinator ON goals_actions TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())))
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY mentor ON goals TO pm_mentor
  USING (mentee_id = ANY (ARRAY(SELECT my_mentees()))) 
  WITH CHECK (mentee_id = ANY (ARRAY(SELECT my_mentees())) AND programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY mentor ON goals_actions TO pm_mentor
  USING (mentee_id = ANY (ARRAY(SELECT my_mentees()))) 
  WITH CHECK (mentee_id = ANY (ARRAY(SELECT my_mentees())) AND programme_id = ANY (ARRAY(SELECT my_programmes())));
GRANT SELECT (id, created_at, version, programme_id, mentee_id, area, importance, confidence, latest_confidence, set_on,
  status, closed_on) ON goals TO pm_analyst;
CREATE POLICY analyst ON goals FOR SELECT TO pm_analyst USING (programme_id = ANY (ARRAY(SELECT my_programmes())));
