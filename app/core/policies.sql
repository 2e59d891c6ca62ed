GRANT SELECT, INSERT, DELETE ON idempotent_answers TO pm_coordinator, pm_mentor, pm_referrer, pm_analyst, pm_exporter;
CREATE POLICY own_answers ON idempotent_answers TO pm_coordinator, pm_mentor, pm_referrer, pm_analyst, pm_exporter
  USING (actor_id = (SELECT me())) WITH CHECK (actor_id = (SELECT me()));

-- The moved clock: read through identify, moved by a coordinator where the setting offers that.
GRANT SELECT, UPDATE, INSERT ON clock TO pm_coordinator;
CREATE POLICY sandbox_clock ON clock TO pm_coordinator USING (true) WITH CHECK (true);

-- What the worker does by the clock; the metrics and the doctor look as the worker does.
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO pm_worker;
CREATE POLICY worker ON jobs TO pm_worker USING (true) WITH CHECK (true);

-- Which epoch the change feeds are in is no secret of anybody; the owner begins the next one when it restores.
GRANT SELECT ON change_epochs TO pm_worker;
CREATE POLICY worker ON change_epochs FOR SELECT TO pm_worker USING (true);
