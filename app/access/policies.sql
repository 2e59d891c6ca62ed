-- Membership rows: one's own for everybody who acts; a coordinator also those of its programmes.
GRANT SELECT ON access_memberships TO pm_coordinator, pm_mentor, pm_referrer, pm_analyst, pm_exporter, pm_governance, pm_safeguarding;
CREATE POLICY own ON access_memberships FOR SELECT
  TO pm_mentor, pm_referrer, pm_analyst, pm_exporter, pm_governance, pm_safeguarding
  USING (account_id = (SELECT me()));
CREATE POLICY coordinator_own ON access_memberships FOR SELECT TO pm_coordinator USING (account_id = (SELECT me()));
CREATE POLICY coordinator_reads ON access_memberships FOR SELECT TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())));
GRANT INSERT, DELETE ON access_memberships TO pm_coordinator;
CREATE POLICY coordinator_gives ON access_memberships FOR INSERT TO pm_coordinator
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())) AND role IN ('coordinator', 'mentor', 'referrer', 'analyst')
    AND is_mine_or_new(account_id));
CREATE POLICY coordinator_takes ON access_memberships FOR DELETE TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())) AND role IN ('coordinator', 'mentor', 'referrer', 'analyst'));

-- The gate: signing in, refreshing, links, machine clients' tokens. Nothing about anybody's health is reachable here.
GRANT SELECT ON access_memberships TO pm_gate;
CREATE POLICY gate ON access_memberships FOR SELECT TO pm_gate USING (true);
GRANT SELECT, INSERT, UPDATE ON access_sign_ins, access_refresh_tokens, access_used_jtis, access_tries TO pm_gate;
CREATE POLICY gate ON access_sign_ins TO pm_gate USING (true) WITH CHECK (true);
CREATE POLICY gate ON access_refresh_tokens TO pm_gate USING (true) WITH CHECK (true);
CREATE POLICY gate ON access_used_jtis TO pm_gate USING (true) WITH CHECK (true);
CREATE POLICY gate ON access_tries TO pm_gate USING (true) WITH CHECK (true);
GRANT DELETE ON access_used_jtis, access_tries TO pm_gate;

-- The command line.
GRANT SELECT, INSERT, DELETE ON access_memberships TO pm_worker;
CREATE POLICY worker ON access_memberships TO pm_worker USING (true) WITH CHECK (true);
