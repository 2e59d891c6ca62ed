-- Entered by the coordinator; no mentor and no referrer has a way here.
GRANT SELECT, INSERT, UPDATE ON pam_assessments, pam_assessments_pairs TO pm_coordinator;
CREATE POLICY coordinator ON pam_assessments TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())))
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY coordinator ON pam_assessments_pairs TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())))
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
GRANT SELECT ON pam_assessments, pam_assessments_pairs TO pm_analyst;
CREATE POLICY analyst ON pam_assessments FOR SELECT TO pm_analyst USING (programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY analyst ON pam_assessments_pairs FOR SELECT TO pm_analyst USING (programme_id = ANY (ARRAY(SELECT my_programmes())));
