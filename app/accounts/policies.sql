-- Everybody sees the own account; a coordinator those with a role in its programmes, each looked up by itself: all of
-- a programme's accounts would be a long list to make for every statement. Credentials and links are for the gate
-- alone: no signed-in role can read a password hash or make a sign-in for somebody else.
GRANT SELECT ON accounts TO pm_coordinator, pm_mentor, pm_referrer, pm_analyst, pm_exporter, pm_governance, pm_safeguarding;
CREATE POLICY own ON accounts FOR SELECT TO pm_mentor, pm_referrer, pm_analyst, pm_exporter, pm_governance, pm_safeguarding
  USING (id = (SELECT me()));
CREATE POLICY coordinator_own ON accounts FOR SELECT TO pm_coordinator USING (id = (SELECT me()));
CREATE POLICY coordinator_reads ON accounts FOR SELECT TO pm_coordinator
  USING (EXISTS (SELECT FROM access_memberships m WHERE m.account_id = accounts.id AND m.programme_id = ANY (ARRAY(SELECT my_programmes()))));
GRANT INSERT ON accounts TO pm_coordinator;
CREATE POLICY coordinator_adds ON accounts FOR INSERT TO pm_coordinator WITH CHECK (status = 'invited');
GRANT UPDATE (status) ON accounts TO pm_coordinator;
CREATE POLICY coordinator_changes ON accounts FOR UPDATE TO pm_coordinator
  USING (EXISTS (SELECT FROM access_memberships m WHERE m.account_id = accounts.id AND m.programme_id = ANY (ARRAY(SELECT my_programmes()))))
  WITH CHECK (is_all_mine(id));
GRANT INSERT ON accounts_password_links TO pm_coordinator;
CREATE POLICY coordinator_invites ON accounts_password_links FOR INSERT TO pm_coordinator
  WITH CHECK (EXISTS (SELECT FROM access_memberships m WHERE m.account_id = accounts_password_links.account_id AND m.programme_id = ANY (ARRAY(SELECT my_programmes())))
    AND is_all_mine(account_id));

GRANT SELECT ON clients TO pm_coordinator;
CREATE POLICY coordinator_reads ON clients FOR SELECT TO pm_coordinator
  USING (EXISTS (SELECT FROM access_memberships m WHERE m.account_id = clients.id AND m.programme_id = ANY (ARRAY(SELECT my_programmes()))));
GRANT INSERT, UPDATE (jwks, status) ON clients TO pm_coordinator;
CREATE POLICY coordinator_adds ON clients FOR INSERT TO pm_coordinator WITH CHECK (role IN ('referrer', 'analyst'));
CREATE POLICY coordinator_changes ON clients FOR UPDATE TO pm_coordinator
  USING (EXISTS (SELECT FROM access_memberships m WHERE m.account_id = clients.id AND m.programme_id = ANY (ARRAY(SELECT my_programmes()))))
  WITH CHECK (is_all_mine(id));

-- A machine client sees itself, without its keys: who am I.
GRANT SELECT (id, name, organisation_id, role, scopes, status) ON clients TO pm_referrer, pm_analyst;
CREATE POLICY own ON clients FOR SELECT TO pm_referrer, pm_analyst USING (id = (SELECT me()));

GRANT SELECT, UPDATE ON accounts, accounts_credentials, accounts_password_links TO pm_gate;
GRANT INSERT ON accounts_credentials TO pm_gate;
GRANT SELECT ON clients TO pm_gate;
CREATE POLICY gate ON accounts TO pm_gate USING (true) WITH CHECK (true);
CREATE POLICY gate ON accounts_credentials TO pm_gate USING (true) WITH CHECK (true);
CREATE POLICY gate ON accounts_password_links TO pm_gate USING (true) WITH CHECK (true);
CREATE POLICY gate ON clients FOR SELECT TO pm_gate USING (true);

-- The command line.
GRANT SELECT, INSERT, UPDATE ON accounts, clients TO pm_worker;
GRANT INSERT ON accounts_password_links TO pm_worker;
CREATE POLICY worker ON accounts TO pm_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON clients TO pm_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON accounts_password_links FOR INSERT TO pm_worker WITH CHECK (true);
