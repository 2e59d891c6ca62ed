-- A mentor's places are never given twice: whoever makes a match active holds the mentor's row first, then counts.
CREATE OR REPLACE FUNCTION matches_hold_capacity() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_capacity int;
  v_active int;
BEGIN
  IF NEW.status <> 'active' OR (TG_OP = 'UPDATE' AND OLD.status = 'active' AND OLD.mentor_id = NEW.mentor_id) THEN
    RETURN NEW;
  END IF;
  SELECT capacity INTO v_capacity FROM mentors WHERE id = NEW.mentor_id FOR NO KEY UPDATE;
  SELECT count(*) INTO v_active FROM matches WHERE mentor_id = NEW.mentor_id AND status = 'active' AND id <> NEW.id;
  IF v_active >= v_capacity THEN
    RAISE EXCEPTION 'the mentor has no place left' USING ERRCODE = '23514', CONSTRAINT = 'matches_capacity';
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER b_capacity BEFORE INSERT OR UPDATE OF status, mentor_id ON matches
  FOR EACH ROW EXECUTE FUNCTION matches_hold_capacity();
