-- Contract years of one programme may not overlap: two years paying for one place would hide a full contract.
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'ex_programmes_contract_years_overlap') THEN
    ALTER TABLE programmes_contract_years ADD CONSTRAINT ex_programmes_contract_years_overlap
      EXCLUDE USING gist (programme_id WITH =, daterange(starts_on, ends_on, '[]') WITH &&);
  END IF;
END $$;
