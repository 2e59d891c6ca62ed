GRANT SELECT, INSERT, UPDATE ON matches, matches_notes TO pm_coordinator;
CREATE POLICY coordinator ON matches TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())))
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY coordinator ON matches_notes TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())))
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));

GRANT SELECT, INSERT ON matches_weights TO pm_coordinator;
CREATE POLICY coordinator ON matches_weights TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())))
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));

-- A mentor: the own offers and matches, until the days of grace are over; it may answer an open offer. What the
-- coordinators wrote lies in matches_notes, where it has no way.
GRANT SELECT ON matches TO pm_mentor;
GRANT UPDATE (status, answered_at, decline_reason, offer) ON matches TO pm_mentor;
CREATE POLICY mentor_reads ON matches FOR SELECT TO pm_mentor
  USING (mentor_account_id = (SELECT me()) AND visible_until > app_now()
    AND programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY mentor_answers ON matches FOR UPDATE TO pm_mentor
  USING (mentor_account_id = (SELECT me()) AND status = 'proposed' AND programme_id = ANY (ARRAY(SELECT my_programmes())))
  WITH CHECK (mentor_account_id = (SELECT me()) AND status IN ('accepted', 'declined'));

GRANT SELECT (id, created_at, version, programme_id, mentee_id, mentor_id, status, proposed_at, answered_at, confirmed_at,
  ended_on, is_planned_ending) ON matches TO pm_analyst;
GRANT SELECT (id, programme_id, match_id, ending_reason) ON matches_notes TO pm_analyst;
CREATE POLICY analyst ON matches FOR SELECT TO pm_analyst USING (programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY analyst ON matches_notes FOR SELECT TO pm_analyst USING (programme_id = ANY (ARRAY(SELECT my_programmes())));

-- Who reaches what (access_caseloads) is written at confirmation and ending, as the service, and read by functions only.
