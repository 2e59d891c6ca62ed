-- A session is booked on an active match only. The match's row is held meanwhile, so that an ending at the same
-- moment either comes first and refuses the booking, or comes later and cancels it.
CREATE OR REPLACE FUNCTION sessions_need_active_match() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_status text;
BEGIN
  SELECT status INTO v_status FROM matches WHERE id = NEW.match_id FOR SHARE;
  IF v_status IS DISTINCT FROM 'active' THEN
    RAISE EXCEPTION 'the match is not active' USING ERRCODE = '23514', CONSTRAINT = 'sessions_match_active';
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER b_active_match BEFORE INSERT ON sessions
  FOR EACH ROW WHEN (NEW.status = 'booked') EXECUTE FUNCTION sessions_need_active_match();
