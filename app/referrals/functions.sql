-- A decision stands: no role, by whatever way, turns a decided referral into anything else.
CREATE OR REPLACE FUNCTION referrals_keep_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status <> 'received' AND NEW.status IS DISTINCT FROM OLD.status THEN
    RAISE EXCEPTION 'the referral was decided' USING ERRCODE = '23514', CONSTRAINT = 'referrals_decision_stands';
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER b_decision BEFORE UPDATE OF status ON referrals
  FOR EACH ROW EXECUTE FUNCTION referrals_keep_decision();
