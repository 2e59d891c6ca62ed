-- The two logins and the database, made once by an administrator of the server; the passwords come from the environment.
-- Without CREATEDB all works, too; restoring then asks the administrator to make the empty database.
\getenv owner_password OWNER_PASSWORD
\getenv api_password API_PASSWORD
CREATE ROLE pm_owner LOGIN CREATEROLE CREATEDB PASSWORD :'owner_password';
CREATE ROLE pm_api LOGIN NOINHERIT PASSWORD :'api_password';
CREATE DATABASE peer_support OWNER pm_owner;
