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
-- Who was made an organisation's referrer by one programme's coordinator sees what went to that programme, and
-- beyond it only what it sent itself: else any coordinator could open another programme's referrals. A membership
-- without a programme, which only the command line gives, stands for all.
GRANT SELECT, INSERT ON referrals TO pm_referrer;
GRANT UPDATE (status, decided_at, withdrawal_reason) ON referrals TO pm_referrer;
CREATE POLICY referrer_reads ON referrals FOR SELECT TO pm_referrer
  USING (organisation_id = ANY (ARRAY(SELECT my_organisations())) AND EXISTS (
    SELECT FROM access_memberships m
    WHERE m.account_id = (SELECT me()) AND m.role = 'referrer' AND m.organisation_id = referrals.organisation_id
      AND coalesce(m.programme_id, referrals.programme_id) = referrals.programme_id));
CREATE POLICY referrer_reads_own ON referrals FOR SELECT TO pm_referrer
  USING (organisation_id = ANY (ARRAY(SELECT my_organisations())) AND posted_by = (SELECT me()));
CREATE POLICY referrer_sends ON referrals FOR INSERT TO pm_referrer
  WITH CHECK (organisation_id = ANY (ARRAY(SELECT my_organisations())) AND posted_by = (SELECT me()) AND status = 'received');
CREATE POLICY referrer_withdraws ON referrals FOR UPDATE TO pm_referrer
  USING (organisation_id = ANY (ARRAY(SELECT my_organisations())) AND EXISTS (
    SELECT FROM access_memberships m
    WHERE m.account_id = (SELECT me()) AND m.role = 'referrer' AND m.organisation_id = referrals.organisation_id
      AND coalesce(m.programme_id, referrals.programme_id) = referrals.programme_id))
  WITH CHECK (organisation_id = ANY (ARRAY(SELECT my_organisations())) AND status = 'withdrawn');
CREATE POLICY referrer_withdraws_own ON referrals FOR UPDATE TO pm_referrer
  USING (organisation_id = ANY (ARRAY(SELECT my_organisations())) AND posted_by = (SELECT me()))
  WITH CHECK (organisation_id = ANY (ARRAY(SELECT my_organisations())) AND status = 'withdrawn');

-- An analyst: where referrals come from and what becomes of them, without a person.
GRANT SELECT (id, created_at, version, programme_id, organisation_id, status, source, made_on, received_at, reasons,
  decided_at, decline_reason) ON referrals TO pm_analyst;
CREATE POLICY analyst ON referrals FOR SELECT TO pm_analyst USING (programme_id = ANY (ARRAY(SELECT my_programmes())));
