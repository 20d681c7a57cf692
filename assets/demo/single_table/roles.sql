-- Run by the superuser of the throwaway server, before the database is made.
-- The owner is the operator of the deployment guide; the services only read and write rows.
CREATE ROLE rankboard_owner LOGIN CREATEDB IN ROLE pg_monitor, pg_signal_backend;
CREATE ROLE rankboard_app LOGIN;
