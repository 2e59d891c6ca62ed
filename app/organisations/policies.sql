-- The directory of organisations: open to all who refer or coordinate; it names no person.
GRANT SELECT ON organisations TO pm_coordinator, pm_referrer, pm_worker, pm_gate;
CREATE POLICY directory ON organisations FOR SELECT TO pm_coordinator, pm_referrer, pm_worker, pm_gate USING (true);
GRANT INSERT, UPDATE ON organisations TO pm_coordinator, pm_worker;
CREATE POLICY adds ON organisations FOR INSERT TO pm_coordinator, pm_worker WITH CHECK (true);
CREATE POLICY corrects ON organisations FOR UPDATE TO pm_coordinator, pm_worker USING (true) WITH CHECK (true);

GRANT SELECT, INSERT ON organisations_agreements TO pm_coordinator;
CREATE POLICY coordinator ON organisations_agreements TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())))
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
