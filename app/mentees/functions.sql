-- The contract year's places: whoever first confirms an episode holds the year's row, then counts; beyond the
-- last place a reason is needed.
CREATE OR REPLACE FUNCTION mentees_hold_places() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_places int;
  v_taken int;
BEGIN
  IF NEW.contract_year_id IS NULL OR (TG_OP = 'UPDATE' AND OLD.contract_year_id IS NOT DISTINCT FROM NEW.contract_year_id) THEN
    RETURN NEW;
  END IF;
  SELECT mentee_places INTO v_places FROM programmes_contract_years WHERE id = NEW.contract_year_id FOR UPDATE;
  SELECT count(*) INTO v_taken FROM mentees WHERE contract_year_id = NEW.contract_year_id AND id <> NEW.id;
  IF v_taken >= v_places AND NEW.extra_place_reason IS NULL THEN
    RAISE EXCEPTION 'the contract year is full' USING ERRCODE = '23514', CONSTRAINT = 'mentees_places';
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER b_places BEFORE INSERT OR UPDATE OF contract_year_id ON mentees
  FOR EACH ROW EXECUTE FUNCTION mentees_hold_places();

-- Whom a mentor turns to: the name of its mentee's coordinator, and nothing else of that account.
CREATE OR REPLACE FUNCTION coordinator_name(p_mentee uuid) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT a.name FROM mentees m JOIN accounts a ON a.id = m.coordinator_id
  WHERE m.id = p_mentee AND (m.id IN (SELECT my_mentees())
    OR current_setting('app.role', true) = 'coordinator' AND m.programme_id IN (SELECT my_programmes()))
$$;
