-- Reading notes itself: a caller may add a line of what it read, never see, change or remove one. Who, when and
-- which request are filled in by PostgreSQL from the transaction's identity; only shape and ids are given.
GRANT INSERT (shape, ids) ON audit_reads TO pm_coordinator, pm_mentor, pm_referrer, pm_analyst, pm_exporter, pm_governance, pm_safeguarding;
CREATE POLICY notes_reads ON audit_reads FOR INSERT
  TO pm_coordinator, pm_mentor, pm_referrer, pm_analyst, pm_exporter, pm_governance, pm_safeguarding
  WITH CHECK (actor_id = (SELECT me()));
