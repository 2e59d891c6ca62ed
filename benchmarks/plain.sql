-- The same rows for the plain baseline: same columns, defaults, checks and indexes; no triggers, no row security, and
-- no foreign keys, which makes its inserts cheaper than ours.
DROP SCHEMA IF EXISTS plain CASCADE;
CREATE SCHEMA plain;
CREATE TABLE plain.accounts (LIKE public.accounts INCLUDING ALL);
CREATE TABLE plain.programmes (LIKE public.programmes INCLUDING ALL);
CREATE TABLE plain.access_memberships (LIKE public.access_memberships INCLUDING ALL);
CREATE TABLE plain.people (LIKE public.people INCLUDING ALL);
CREATE TABLE plain.mentees (LIKE public.mentees INCLUDING ALL);
CREATE TABLE plain.referrals (LIKE public.referrals INCLUDING ALL);
INSERT INTO plain.accounts SELECT * FROM public.accounts;
INSERT INTO plain.programmes SELECT * FROM public.programmes;
INSERT INTO plain.access_memberships SELECT * FROM public.access_memberships;
INSERT INTO plain.people SELECT * FROM public.people;
INSERT INTO plain.mentees SELECT * FROM public.mentees;
INSERT INTO plain.referrals SELECT * FROM public.referrals;
