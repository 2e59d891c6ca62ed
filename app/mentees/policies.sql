-- An episode opens a person's record to a coordinator; so accepting makes it as the service, and no role by itself.
GRANT SELECT, UPDATE ON mentees TO pm_coordinator;
GRANT SELECT, INSERT, UPDATE ON mentees_preferences, mentees_briefings, mentees_pauses TO pm_coordinator;
CREATE POLICY coordinator ON mentees TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())))
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY coordinator ON mentees_preferences TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())))
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY coordinator ON mentees_briefings TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())))
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY coordinator ON mentees_pauses TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())))
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));

-- A mentor: its current caseload, and of an episode only what runs it; the briefing says the rest.
GRANT SELECT (id, created_at, updated_at, version, changed_xid, programme_id, coordinator_id, status, first_held_on,
  planned_end_on, ended_on) ON mentees TO pm_mentor;
CREATE POLICY mentor ON mentees FOR SELECT TO pm_mentor USING (id = ANY (ARRAY(SELECT my_mentees())));
GRANT SELECT ON mentees_briefings TO pm_mentor;
CREATE POLICY mentor ON mentees_briefings FOR SELECT TO pm_mentor USING (mentee_id = ANY (ARRAY(SELECT my_mentees())));

-- An analyst: dates and states without a person.
GRANT SELECT (id, created_at, version, programme_id, status, received_on, waiting_since, barriers, barriers_at_end,
  first_confirmed_on, contract_year_id, first_held_on, planned_end_on, ended_on, ending_reason, is_planned_ending)
  ON mentees TO pm_analyst;
CREATE POLICY analyst ON mentees FOR SELECT TO pm_analyst USING (programme_id = ANY (ARRAY(SELECT my_programmes())));
