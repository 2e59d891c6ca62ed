-- A programme is no secret: whoever refers chooses among them. Changing one is its coordinators' affair.
GRANT SELECT ON programmes, programmes_service_ids TO pm_coordinator, pm_mentor, pm_referrer, pm_analyst, pm_worker, pm_gate;
CREATE POLICY everybody ON programmes FOR SELECT TO pm_referrer, pm_worker, pm_gate USING (true);
CREATE POLICY own ON programmes FOR SELECT TO pm_coordinator, pm_mentor, pm_analyst
  USING (id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY everybody ON programmes_service_ids FOR SELECT TO pm_referrer, pm_worker, pm_gate USING (true);
CREATE POLICY own ON programmes_service_ids FOR SELECT TO pm_coordinator, pm_mentor, pm_analyst
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())));
GRANT UPDATE ON programmes TO pm_coordinator;
CREATE POLICY coordinator_changes ON programmes FOR UPDATE TO pm_coordinator
  USING (id = ANY (ARRAY(SELECT my_programmes())));
GRANT INSERT, DELETE ON programmes_service_ids TO pm_coordinator;
CREATE POLICY coordinator_adds ON programmes_service_ids FOR INSERT TO pm_coordinator
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY coordinator_removes ON programmes_service_ids FOR DELETE TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())));

GRANT SELECT, INSERT, UPDATE ON programmes_contract_years TO pm_coordinator;
GRANT SELECT ON programmes_contract_years TO pm_analyst;
CREATE POLICY coordinator ON programmes_contract_years TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())))
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
CREATE POLICY analyst ON programmes_contract_years FOR SELECT TO pm_analyst
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())));

-- The rules are read wherever a referral is received, to tell the coordinator what they say of it.
GRANT SELECT ON programmes_eligibility_rules TO pm_coordinator, pm_analyst, pm_referrer;
CREATE POLICY referrer ON programmes_eligibility_rules FOR SELECT TO pm_referrer USING (true);
CREATE POLICY own ON programmes_eligibility_rules FOR SELECT TO pm_coordinator, pm_analyst
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())));
GRANT INSERT ON programmes_eligibility_rules TO pm_coordinator;
CREATE POLICY coordinator_adds ON programmes_eligibility_rules FOR INSERT TO pm_coordinator
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
