GRANT SELECT, INSERT, UPDATE ON sessions, sessions_mentors, sessions_attendances, sessions_notes, sessions_goal_reviews TO pm_coordinator, pm_mentor;
GRANT DELETE ON sessions_goal_reviews, sessions_attendances TO pm_coordinator, pm_mentor;
CREATE POLICY coordinator ON sessions TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes()))) WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY coordinator ON sessions_mentors TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes()))) WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY coordinator ON sessions_attendances TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes()))) WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY coordinator ON sessions_notes TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes()))) WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY coordinator ON sessions_goal_reviews TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes()))) WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));

-- A mentor: the own matches' sessions, while the caseload holds; a former mentor's notes stay unseen.
CREATE POLICY mentor ON sessions TO pm_mentor
  USING (match_id = ANY (ARRAY(SELECT my_matches()))) 
  WITH CHECK (match_id = ANY (ARRAY(SELECT my_matches())) AND programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY mentor ON sessions_mentors TO pm_mentor
  USING (mentor_id = ANY (ARRAY(SELECT my_mentor_ids())) AND mentee_id = ANY (ARRAY(SELECT my_mentees())))
  WITH CHECK (mentor_id = ANY (ARRAY(SELECT my_mentor_ids())) AND mentee_id = ANY (ARRAY(SELECT my_mentees()))
    AND programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY mentor ON sessions_attendances TO pm_mentor
  USING (EXISTS (SELECT FROM sessions s WHERE s.id = sessions_attendances.session_id))
  WITH CHECK (EXISTS (SELECT FROM sessions s WHERE s.id = sessions_attendances.session_id AND s.mentee_id = sessions_attendances.mentee_id)
    AND programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY mentor ON sessions_notes TO pm_mentor
  USING (EXISTS (SELECT FROM sessions s WHERE s.id = sessions_notes.session_id))
  WITH CHECK (EXISTS (SELECT FROM sessions s WHERE s.id = sessions_notes.session_id AND s.mentee_id = sessions_notes.mentee_id)
    AND programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY mentor ON sessions_goal_reviews TO pm_mentor
  USING (EXISTS (SELECT FROM sessions s WHERE s.id = sessions_goal_reviews.session_id))
  WITH CHECK (EXISTS (SELECT FROM sessions s WHERE s.id = sessions_goal_reviews.session_id AND s.mentee_id = sessions_goal_reviews.mentee_id)
    AND programme_id = ANY (ARRAY(SELECT my_programmes())));

GRANT SELECT (id, created_at, version, programme_id, mentee_id, match_id, status, planned_starts_at, held_on, minutes, mode,
  topics, was_booked, cancelled_by) ON sessions TO pm_analyst;
CREATE POLICY analyst ON sessions FOR SELECT TO pm_analyst USING (programme_id = ANY (ARRAY(SELECT my_programmes())));
