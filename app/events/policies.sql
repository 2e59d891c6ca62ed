GRANT INSERT ON events TO pm_coordinator, pm_mentor, pm_referrer, pm_gate, pm_worker;
CREATE POLICY adds ON events FOR INSERT TO pm_coordinator, pm_mentor, pm_referrer, pm_gate, pm_worker
  WITH CHECK (actor_id IS NOT DISTINCT FROM (SELECT me()));
GRANT SELECT ON events TO pm_coordinator;
CREATE POLICY coordinator_reads ON events FOR SELECT TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())));
