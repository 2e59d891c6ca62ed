-- Evidence of what came: a client writes and re-reads its own messages, nobody else's.
GRANT SELECT, INSERT ON fhir_messages TO pm_referrer;
CREATE POLICY own_messages ON fhir_messages TO pm_referrer
  USING (client_id = (SELECT me())) WITH CHECK (client_id = (SELECT me()));
