-- A made-up service of many years, made by whole tables at a time. Statements end with a semicolon at the end of a
-- line; those that name `$1` run once for each of the ten sessions of an episode, so that the sessions of one
-- mentee lie apart on the disk, as they do in life.

DROP SCHEMA IF EXISTS seeding CASCADE;
CREATE SCHEMA seeding;

-- Ids in the order of time, as the service makes them; the last part is the number of the row.
CREATE FUNCTION seeding.id(made timestamptz, kind int, number bigint) RETURNS uuid STABLE LANGUAGE sql AS $$
  SELECT (lpad(to_hex((date_part('epoch', made) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(kind), 3, '0')
    || '8000' || lpad(to_hex(number), 12, '0'))::uuid $$;

CREATE FUNCTION seeding.pick(choices text[], number bigint) RETURNS text IMMUTABLE LANGUAGE sql AS $$
  SELECT choices[1 + number % cardinality(choices)] $$;

-- A number of the range that is never issued (900…), with its check digit; NULL where it would be 10.
CREATE FUNCTION seeding.nhs_number(number bigint) RETURNS text IMMUTABLE LANGUAGE sql AS $$
  SELECT CASE WHEN c % 11 = 1 THEN NULL ELSE d || ((11 - c % 11) % 11)::text END
  FROM (SELECT d, (SELECT sum(substr(d, i, 1)::int * (11 - i)) FROM generate_series(1, 9) i) AS c
    FROM (SELECT (900000000 + number)::text AS d) digits) sums $$;

CREATE UNLOGGED TABLE seeding.world AS SELECT
  current_setting('seed.mentees')::int AS mentees,
  current_setting('seed.mentors')::int AS mentors,
  greatest(2, least(200, current_setting('seed.mentees')::int / 2000)) AS coordinators,
  greatest(3, least(7000, current_setting('seed.mentees')::int / 140)) AS organisations,
  '2010-01-04T09:00:00Z'::timestamptz AS began,
  seeding.id('2010-01-04T09:00:00Z', 1, 1) AS programme_id;

CREATE UNLOGGED TABLE seeding.names AS SELECT
  '{Amina,Anne,Asha,Ben,Brenda,Carlos,Ceri,Chidi,Clive,Dawn,Derek,Donna,Elif,Emeka,Eve,Farah,Gary,Grace,Hassan,Helen,Idris,Irene,
    Ivor,Jan,Jaswinder,Joyce,Karim,Kath,Keith,Lech,Leila,Liam,Mair,Malik,Meera,Mo,Ngozi,Nia,Olu,Pat,Priya,Ravi,Rhys,Rosa,Ruth,
    Sam,Siân,Stan,Tariq,Una,Vera,Wes,Yusuf,Zofia}'::text[] AS given,
  '{Adams,Ahmed,Ali,Barker,Begum,Bevan,Brown,Clarke,Cohen,Cooper,Davies,Dhillon,Dixon,Edwards,Evans,Farah,Foster,Garcia,Green,
    Griffiths,Hall,Hassan,Hughes,Hussain,Iqbal,Jackson,James,Jones,Kaur,Khan,Kowalska,Lewis,Li,Lloyd,Mahmood,Martin,Mensah,Miah,
    Mohamed,Morgan,Morris,Nowak,Nwosu,O’Brien,Okafor,Owen,Parker,Patel,Phillips,Price,Rahman,Rees,Roberts,Robinson,Shah,
    Sharma,Singh,Smith,Taylor,Thomas,Turner,Walker,White,Williams,Wilson,Wright,Young}'::text[] AS family;

-- One line for each mentee: which mentor (two at a time, 16 weeks each, the latest pair still meeting) and when.
CREATE UNLOGGED TABLE seeding.plan AS
SELECT n, mentor, lane, state, start_on, CASE WHEN state = 'matched' THEN NULL ELSE start_on + 108 END AS match_ended_on,
  CASE WHEN state = 'ended' THEN start_on + 108 END AS ended_on, received_at, received_at + interval '3 days' AS accepted_at,
  seeding.id(received_at + interval '3 days', 2, n) AS person_id,
  seeding.id(received_at, 3, n) AS referral_id,
  seeding.id(received_at + interval '3 days', 4, n) AS mentee_id,
  seeding.id(start_on - interval '10 days', 5, n) AS match_id,
  seeding.id(began, 6, mentor) AS mentor_id,
  seeding.id(began, 7, mentor) AS mentor_account_id,
  seeding.id(began, 8, 1 + n % coordinators) AS coordinator_id,
  seeding.id(began, 9, 1 + n * 7919 % organisations) AS organisation_id,
  programme_id
FROM (
  SELECT *, CASE WHEN round = rounds - 1 THEN 'matched' WHEN round = rounds - 2 AND lane = 1 THEN 'waiting' ELSE 'ended' END
      AS state, (start_on - interval '40 days' - make_interval(days => (n % 30)::int, secs => n % 28800) + interval '9 hours')::timestamptz
      AS received_at
  FROM (
    SELECT *, current_date - 95 + (mentor % 6 - (rounds - 1 - round) * 112)::int AS start_on FROM (
      SELECT w.*, n::bigint AS n, 1 + (n - 1) % mentors AS mentor, (n - 1) / mentors / 2 AS round, (n - 1) / mentors % 2 AS lane,
        ((mentees - 1 - (n - 1) % mentors) / mentors + 2) / 2 AS rounds
      FROM seeding.world w, generate_series(1, mentees) n
    ) placed
  ) dated
) planned ORDER BY received_at;

INSERT INTO organisations (id, created_at, ods_code, name, kind)
SELECT seeding.id(began, 9, n), began, 'Y' || lpad(n::text, 5, '0'), 'Practice ' || n, 'gp_practice'
FROM seeding.world, generate_series(1, organisations) n;

INSERT INTO programmes (id, created_at, name, condition, delivery, footprint, postcode_areas, is_open, length_weeks,
  extension_weeks, session_minutes, days_between_sessions, grace_days, pam_cut_set, pam_baseline_before_days,
  pam_baseline_after_days, pam_follow_up_days, pam_min_items_pam_13, pam_min_items_pam_10, pam_exclude_straight_line,
  pam_meaningful_change, pam_reliable_change)
SELECT programme_id, began, 'A measured programme', 'type_2_diabetes', 'one_to_one', 'Everywhere', '{}', true, 16,
  4, 60, 7, 14, 'current', 14, 14, 28, 10, 8, true, 4.0, 14.6 FROM seeding.world;

INSERT INTO programmes_service_ids (id, created_at, programme_id, system, value)
SELECT seeding.id(began, 10, 1), began, programme_id, 'https://peer-support.example/service', '2000099001'
FROM seeding.world;

INSERT INTO programmes_eligibility_rules (id, created_at, programme_id, number, rules)
SELECT seeding.id(began, 11, 1), began, programme_id, 1, '[{"kind": "minimum_age", "number": 18, "values": []},
  {"kind": "condition", "number": null, "values": ["type_2_diabetes"]}]' FROM seeding.world;

INSERT INTO programmes_contract_years (id, created_at, programme_id, starts_on, ends_on, mentor_places, mentee_places)
SELECT seeding.id(began, 12, y), began, programme_id, make_date(y, 1, 1), make_date(y, 12, 31), mentors, mentees
FROM seeding.world, generate_series(
  (SELECT extract(year FROM min(start_on) - 7)::int FROM seeding.plan), extract(year FROM current_date)::int) y;

-- Accounts: coordinators, mentors, one analyst, and one referrer for the first practice.
INSERT INTO accounts (id, created_at, email, name, status)
SELECT seeding.id(began, kind, n), began, word || n || '@example.org', initcap(word) || ' ' || n, 'active'
FROM seeding.world, LATERAL (VALUES (8, 'coordinator', coordinators), (7, 'mentor', mentors), (13, 'analyst', 1),
  (14, 'referrer', 1)) kinds (kind, word, many), generate_series(1, many) n;

INSERT INTO access_memberships (id, created_at, account_id, role, programme_id, organisation_id)
SELECT seeding.id(began, 32 + kind, n), began, seeding.id(began, kind, n), role, programme_id,
  CASE WHEN role = 'referrer' THEN seeding.id(began, 9, 1) END
FROM seeding.world, LATERAL (VALUES (8, 'coordinator', coordinators), (7, 'mentor', mentors), (13, 'analyst', 1),
  (14, 'referrer', 1)) kinds (kind, role, many), generate_series(1, many) n;

INSERT INTO access_sign_ins (id, created_at, account_id, role)
SELECT seeding.id(began, 48 + kind, n), began, seeding.id(began, kind, n), role
FROM seeding.world, LATERAL (VALUES (8, 'coordinator', coordinators), (7, 'mentor', mentors), (13, 'analyst', 1),
  (14, 'referrer', 1)) kinds (kind, role, many), generate_series(1, many) n;

INSERT INTO accounts_credentials (id, created_at, account_id, password_hash)
SELECT seeding.id(began, 64 + kind, 1), began, seeding.id(began, kind, 1), current_setting('seed.password_hash')
FROM seeding.world, unnest(ARRAY[7, 8, 13, 14]) kind;

INSERT INTO mentors (id, created_at, programme_id, account_id, name, known_as, status, capacity, gender, birth_year,
  languages, modes, interests, postcode_district, travel_km)
SELECT seeding.id(began, 6, n), began, programme_id, seeding.id(began, 7, n), 'Mentor ' || n, 'Mentor ' || n, 'active', 3,
  seeding.pick('{1,2}', n), 1950 + n % 45, '{en}', '{face_to_face,telephone}', '{walking,cooking}', 'BS' || 1 + n % 20, 10
FROM seeding.world, generate_series(1, mentors) n;

INSERT INTO mentors_training (id, created_at, programme_id, mentor_id, module, completed_on)
SELECT seeding.id(began, 15, n * 8 + i), began, programme_id, seeding.id(began, 6, n), module, began::date
FROM seeding.world, generate_series(1, mentors) n, unnest(ARRAY['mentoring', 'motivational_interviewing', 'goal_setting',
  'action_planning', 'boundaries', 'confidentiality', 'safeguarding']) WITH ORDINALITY m (module, i);

INSERT INTO mentors_conditions (id, created_at, programme_id, mentor_id, condition, treatments, diagnosed_year,
  consent_given_on, consent_wording_version)
SELECT seeding.id(began, 16, n), began, programme_id, seeding.id(began, 6, n), 'type_2_diabetes', '{tablets}', 2005,
  began::date, '1' FROM seeding.world, generate_series(1, mentors) n;

INSERT INTO people (id, created_at, given_name, family_name, known_as, stated_gender, gender_identity, ethnic_category,
  language, is_interpreter_needed, communication_needs, phone, email)
SELECT person_id, accepted_at, seeding.pick(given, n),
  seeding.pick(family, n / 7)
    || CASE WHEN n % 3 = 0 THEN '-' || seeding.pick(family, n / 11) ELSE '' END,
  CASE WHEN n % 4 = 0 THEN left(seeding.pick(given, n), 3) END,
  seeding.pick('{1,2}', n), seeding.pick('{1,2}', n), seeding.pick('{A,C,H,J,M,N,R,S,Z}', n), 'en', false,
  CASE WHEN n % 9 = 0 THEN '{large_print}' ELSE '{}' END::text[], '+447700900' || lpad((n % 1000)::text, 3, '0'),
  'person' || n || '@example.org' FROM seeding.plan, seeding.names;

INSERT INTO people_identifiers (id, created_at, person_id, nhs_number, nhs_number_status, birth_date, address_lines,
  postcode, practice_ods_code)
SELECT seeding.id(accepted_at, 17, n), accepted_at, person_id, seeding.nhs_number(n), '01',
  '1940-01-01'::date + (n * 7907 % 20000)::int, ARRAY[n % 200 || ' High Street'],
  'BS' || 1 + n % 40 || ' ' || n % 10 || seeding.pick('{AA,AB,AD,BE,BG,DF,ER,HJ,LN,TX}', n / 13),
  'Y' || lpad((1 + n * 7919 % organisations)::text, 5, '0')
FROM seeding.plan, (SELECT organisations FROM seeding.world) w;

-- What was sent of somebody, with the keys by which a second referral of the same person is noticed.
CREATE UNLOGGED TABLE seeding.sent AS
SELECT n, json_build_object('given_name', p.given_name, 'family_name', p.family_name, 'nhs_number', i.nhs_number,
    'birth_date', i.birth_date, 'stated_gender', p.stated_gender, 'ethnic_category', p.ethnic_category, 'language', 'en',
    'is_interpreter_needed', false, 'address_lines', i.address_lines, 'postcode', i.postcode, 'phone', p.phone,
    'communication_needs', p.communication_needs)::jsonb AS person,
  encode(sha256(convert_to(lower(p.given_name), 'UTF8') || '\x00' || convert_to(lower(p.family_name), 'UTF8') || '\x00'
    || convert_to(i.birth_date::text, 'UTF8') || '\x00' || convert_to(lower(i.postcode), 'UTF8')), 'hex') AS name_key,
  encode(sha256(convert_to('nhs:' || i.nhs_number, 'UTF8')), 'hex') AS number_key
FROM seeding.plan JOIN people p ON p.id = person_id JOIN people_identifiers i ON i.person_id = p.id;

INSERT INTO referrals (id, created_at, programme_id, organisation_id, posted_by, reference, status, source, source_system,
  source_reference, referrer_name, referrer_role, referrer_phone, made_on, received_at, reasons, clinical_reason, needs,
  barriers, consent_given_on, consent_method, person, subject_key, name_key, flags, facts, decided_at)
SELECT referral_id, received_at, programme_id, organisation_id, seeding.id(began, 14, 1),
  'PM-' || upper(lpad(to_hex(n), 6, '0')), 'accepted', seeding.pick('{gp,nurse,link_worker}', n), 'broker', 'R-' || n,
  'Robin Okafor', 'Practice nurse', '+441632960123', received_at::date - 1, received_at, '{newly_diagnosed,isolation}',
  'Diagnosed lately; finds the advice on food hard to follow.', 'Somebody to talk to about food.', '{food_knowledge}',
  received_at::date - 1, 'in_person', person, coalesce(number_key, name_key), name_key,
  CASE WHEN n % 20 = 0 THEN '[{"kind": "risk", "code": null, "note": "A dog in the house."}]' ELSE '[]' END::jsonb,
  '{"condition": "type_2_diabetes", "diagnosed_on": null}', accepted_at
FROM seeding.plan JOIN seeding.sent USING (n), (SELECT began FROM seeding.world) w ORDER BY received_at;

INSERT INTO referrals_triage (id, created_at, programme_id, referral_id, eligibility, eligibility_version, decided_by)
SELECT seeding.id(received_at, 18, n), received_at, programme_id, referral_id, current_setting('seed.eligibility')::jsonb, 1,
  coordinator_id FROM seeding.plan;

-- Some have just arrived and nobody has looked at them yet: one for every hundred.
INSERT INTO referrals (id, created_at, programme_id, organisation_id, posted_by, reference, status, source, referrer_name,
  made_on, received_at, reasons, clinical_reason, barriers, consent_given_on, consent_method, person, subject_key, name_key,
  flags, facts)
SELECT seeding.id(current_date - interval '3 days', 19, n), current_date - interval '3 days', programme_id, organisation_id,
  seeding.id(began, 14, 1), 'PN-' || upper(lpad(to_hex(n), 6, '0')), 'received', 'gp', 'Robin Okafor', current_date - 4,
  current_date - interval '3 days', '{newly_diagnosed}', 'Diagnosed lately.', '{}', current_date - 4, 'in_person',
  person || '{"given_name": "Newly"}', 'new ' || n, 'new ' || n, '[]', '{"condition": "type_2_diabetes", "diagnosed_on": null}'
FROM seeding.plan JOIN seeding.sent USING (n), (SELECT began FROM seeding.world) w WHERE n % 100 = 1;

INSERT INTO referrals_triage (id, created_at, programme_id, referral_id, eligibility, eligibility_version)
SELECT seeding.id(created_at, 20, row_number() OVER ()), created_at, programme_id, id,
  current_setting('seed.eligibility')::jsonb, 1 FROM referrals WHERE status = 'received';

INSERT INTO consents (id, created_at, programme_id, person_id, purpose, decision, wording_version, decided_on, method,
  recorded_by)
SELECT seeding.id(accepted_at, 21, n), accepted_at, programme_id, person_id, 'referral', 'given', 'as-sent',
  received_at::date - 1, 'in_person', coordinator_id FROM seeding.plan;

INSERT INTO mentees (id, created_at, programme_id, person_id, referral_id, coordinator_id, status, received_on,
  waiting_since, barriers, first_confirmed_on, contract_year_id, first_held_on, planned_end_on, ended_on, ending_reason,
  is_planned_ending, barriers_at_end)
SELECT mentee_id, accepted_at, programme_id, person_id, referral_id, coordinator_id, state, received_at::date,
  CASE WHEN state = 'waiting' THEN match_ended_on + interval '10 hours' ELSE accepted_at END, '{food_knowledge}',
  start_on - 7, seeding.id(began, 12, extract(year FROM start_on - 7)::bigint), start_on, start_on + 112, ended_on,
  CASE WHEN ended_on IS NOT NULL THEN
    CASE n % 10 WHEN 0 THEN 'mentee_withdrew' WHEN 1 THEN 'no_contact' ELSE 'completed_planned' END END,
  CASE WHEN ended_on IS NOT NULL THEN n % 10 > 1 END, '{}'
FROM seeding.plan, (SELECT began FROM seeding.world) w ORDER BY plan.accepted_at;

INSERT INTO mentees_preferences (id, created_at, programme_id, mentee_id, is_mentor_gender_required, languages, modes,
  treatments, interests)
SELECT seeding.id(accepted_at, 22, n), accepted_at, programme_id, mentee_id, false, '{}', '{telephone}', '{tablets}', '{}'
FROM seeding.plan;

INSERT INTO mentees_briefings (id, created_at, programme_id, mentee_id, known_as, contact_route, needs,
  communication_needs, language, is_interpreter_needed)
SELECT seeding.id(accepted_at, 23, n), accepted_at, programme_id, mentee_id,
  seeding.pick(given, n), 'By phone, afternoons', 'Somebody to talk to about food.',
  CASE WHEN n % 9 = 0 THEN '{large_print}' ELSE '{}' END::text[], 'en', false FROM seeding.plan, seeding.names;

INSERT INTO matches (id, created_at, programme_id, mentee_id, mentor_id, mentor_account_id, status, offer, proposed_at,
  answered_at, confirmed_at, ended_on, is_planned_ending, visible_until)
SELECT match_id, start_on - interval '10 days', programme_id, mentee_id, mentor_id, mentor_account_id,
  CASE WHEN state = 'matched' THEN 'active' ELSE 'ended' END,
  jsonb_build_object('known_as', seeding.pick(given, n), 'language', 'en', 'needs',
    'Somebody to talk to about food.', 'access_needs', NULL, 'communication_needs', '[]'::jsonb, 'is_interpreter_needed', false),
  start_on - interval '10 days', start_on - interval '9 days', start_on - interval '7 days', match_ended_on,
  CASE WHEN state <> 'matched' THEN n % 10 > 1 END,
  CASE WHEN state = 'matched' THEN '9999-12-31T00:00:00Z' ELSE (match_ended_on + 15)::timestamp AT TIME ZONE 'Europe/London' END
FROM seeding.plan, seeding.names ORDER BY start_on, n;

INSERT INTO matches_notes (id, created_at, programme_id, match_id, proposed_by, proposal_reason, confirmed_by, ended_by,
  ending_reason)
SELECT seeding.id(start_on - interval '10 days', 24, n), start_on - interval '10 days', programme_id, match_id, coordinator_id,
  'They live near each other.', coordinator_id, CASE WHEN state <> 'matched' THEN coordinator_id END,
  CASE WHEN state <> 'matched' THEN
    CASE n % 10 WHEN 0 THEN 'mentee_withdrew' WHEN 1 THEN 'no_contact' ELSE 'completed_planned' END END FROM seeding.plan;

-- As the service keeps it: one row for each match, which gives access until the days of grace are over.
INSERT INTO access_caseloads (id, created_at, programme_id, account_id, person_id, mentee_id, source_id, until)
SELECT seeding.id(start_on - interval '7 days', 25, n), start_on - interval '7 days', programme_id, mentor_account_id, person_id,
  mentee_id, match_id,
  CASE WHEN state = 'matched' THEN '9999-12-31T00:00:00Z' ELSE (match_ended_on + 15)::timestamp AT TIME ZONE 'Europe/London' END
FROM seeding.plan;

-- Half of the episodes have a baseline and a second assessment: at the end where they ended, else in between.
CREATE UNLOGGED TABLE seeding.measured AS
SELECT n, programme_id, mentee_id, match_id, state, start_on, ended_on, (35 + n * 37 % 400 / 10.0)::numeric(4, 1) AS score,
  (35 + n * 37 % 400 / 10.0 + (n * 53 % 200 - 60) / 10.0)::numeric(4, 1) AS later_score,
  seeding.id(start_on - interval '4 days', 26, n) AS baseline_id,
  seeding.id(coalesce(ended_on - 3, start_on + 50)::timestamptz, 27, n) AS second_id
FROM seeding.plan WHERE n % 2 = 1;

INSERT INTO pam_assessments (id, created_at, programme_id, mentee_id, match_id, form, score, level, cut_set, occasion,
  assessed_on, mode, language, items_answered, is_straight_line, placement, is_withdrawn)
SELECT id, assessed_on, programme_id, mentee_id, match_id, 'pam_13', score,
  CASE WHEN score <= 47.0 THEN 1 WHEN score <= 55.1 THEN 2 WHEN score <= 72.4 THEN 3 ELSE 4 END, 'current', occasion,
  assessed_on, 'interview', 'en', 13, false, placement, false
FROM (
  SELECT *, baseline_id AS id, 'baseline' AS occasion, 'counts' AS placement, start_on - 4 AS assessed_on FROM seeding.measured
  UNION ALL
  SELECT n, programme_id, mentee_id, match_id, state, start_on, ended_on, later_score, later_score, baseline_id, second_id,
    second_id, CASE WHEN ended_on IS NULL THEN 'interim' ELSE 'follow_up' END,
    CASE WHEN ended_on IS NULL THEN 'interim' ELSE 'counts' END, coalesce(ended_on - 3, start_on + 50)
  FROM seeding.measured WHERE n < (SELECT mentees FROM seeding.world)
) taken ORDER BY assessed_on;

-- Every episode that has begun has its pair, be it empty.
INSERT INTO pam_assessments_pairs (id, created_at, programme_id, mentee_id, baseline_id, follow_up_id)
SELECT seeding.id(start_on - interval '4 days', 28, n), start_on - interval '4 days', p.programme_id, p.mentee_id,
  baseline_id, CASE WHEN p.ended_on IS NOT NULL AND n < (SELECT mentees FROM seeding.world) THEN second_id END
FROM seeding.plan p LEFT JOIN (SELECT n, baseline_id, second_id FROM seeding.measured) m USING (n);

-- Ten sessions, every eleventh day: most are held, some missed or cancelled, some were never booked, and the last
-- of those who still meet is to come.
WITH planned AS MATERIALIZED (
  SELECT *, seeding.id(on_day - interval '7 days', 29, n * 10 + $1::int) AS session_id, CASE
      WHEN state = 'matched' AND $1::int = 9 THEN 'booked' WHEN $1::int = 3 AND n % 3 = 0 THEN 'cancelled'
      WHEN $1::int = 5 AND n % 5 = 0 THEN 'did_not_attend' ELSE 'held' END AS status,
    CASE WHEN $1::int % 4 <> 2 THEN (on_day + CASE lane WHEN 0 THEN time '10:00' ELSE time '14:00' END) AT TIME ZONE 'UTC' END AS starts_at
  FROM (SELECT n, programme_id, mentee_id, match_id, mentor_id, state, lane, start_on + 11 * $1::int AS on_day FROM seeding.plan) p
), met AS (
  INSERT INTO sessions (id, created_at, programme_id, mentee_id, match_id, status, planned_starts_at, planned_ends_at, held_on,
    minutes, mode, place, topics, was_booked, cancelled_by, cancelled_at, written_up_at, needs_met)
  SELECT session_id, on_day - interval '7 days', programme_id, mentee_id, match_id, status, starts_at,
    starts_at + interval '1 hour', CASE WHEN status IN ('held', 'did_not_attend') THEN on_day END,
    CASE WHEN status = 'held' THEN 45 + n % 30 END, seeding.pick('{face_to_face,telephone,video}', n), 'Library',
    CASE WHEN status = 'held' THEN '{food,goals}' ELSE '{}' END::text[], starts_at IS NOT NULL,
    CASE WHEN status = 'cancelled' THEN 'mentee' END, CASE WHEN status = 'cancelled' THEN on_day - interval '1 day' END,
    CASE WHEN status IN ('held', 'did_not_attend') THEN on_day + interval '18 hours' END,
    CASE WHEN status = 'held' THEN true END FROM planned
), came AS (
  INSERT INTO sessions_attendances (id, created_at, programme_id, session_id, mentee_id, outcome)
  SELECT seeding.id(on_day, 30, n * 10 + $1::int), on_day + interval '18 hours', programme_id, session_id, mentee_id,
    CASE status WHEN 'held' THEN '5' WHEN 'cancelled' THEN '2' ELSE '3' END FROM planned WHERE status <> 'booked'
)
INSERT INTO sessions_mentors (id, created_at, programme_id, session_id, mentee_id, mentor_id, planned, is_cancelled)
SELECT seeding.id(on_day, 31, n * 10 + $1::int), on_day - interval '7 days', programme_id, session_id, mentee_id, mentor_id,
  CASE WHEN starts_at IS NOT NULL THEN tstzrange(starts_at, starts_at + interval '1 hour') END, status = 'cancelled'
FROM planned;

DROP SCHEMA seeding CASCADE;
