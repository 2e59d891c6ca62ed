GRANT SELECT, INSERT, UPDATE ON referrals TO pm_coordinator;
CREATE POLICY coordinator ON referrals TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())))
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));
GRANT SELECT ON referrals_links TO pm_coordinator;
CREATE POLICY coordinator ON referrals_links FOR SELECT TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())));

GRANT SELECT, UPDATE ON referrals_triage TO pm_coordinator;
CREATE POLICY coordinator ON referrals_triage TO pm_coordinator
  USING (programme_id = ANY (ARRAY(SELECT my_programmes())))
  WITH CHECK (programme_id = ANY (ARRAY(SELECT my_programmes())));

-- A referrer, person or machine: what its organisations sent and where it stands; it may withdraw, nothing else.
GRANT SELECT, INSERT ON referrals TO pm_referrer;
GRANT UPDATE (status, decided_at, withdrawal_reason) ON referrals TO pm_referrer;
CREATE POLICY referrer_reads ON referrals FOR SELECT TO pm_referrer
  USING (organisation_id = ANY (ARRAY(SELECT my_organisations())));
CREATE POLICY referrer_sends ON referrals FOR INSERT TO pm_referrer
  WITH CHECK (organisation_id = ANY (ARRAY(SELECT my_organisations())) AND posted_by = (SELECT me()) AND status = 'received');
CREATE POLICY referrer_withdraws ON referrals FOR UPDATE TO pm_referrer
  USING (organisation_id = ANY (ARRAY(SELECT my_organisations())))
  WITH CHECK (organisation_id = ANY (ARRAY(SELECT my_organisations())) AND status IN ('received', 'withdrawn'));

-- An analyst: where referrals come from and what becomes of them, without a person.
GRANT SELECT (id, created_at, version, programme_id, organisation_id, status, source, made_on, received_at, reasons,
  decided_at, decline_reason) ON referrals TO pm_analyst;
CREATE POLICY analyst ON referrals FOR SELECT TO pm_analyst USING (programme_id = ANY (ARRAY(SELECT my_programmes())));
