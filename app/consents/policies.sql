-- Added and read, never changed: a withdrawal is a new row.
GRANT SELECT, INSERT ON consents TO pm_coordinator;
CREATE POLICY coordinator_reads ON consents FOR SELECT TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY coordinator_adds ON consents FOR INSERT TO pm_coordinator
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
