-- Run by the superuser of the throwaway server, before the database is made.
-- The owner is whoever watches the release; the services only read and write rows.
CREATE ROLE lantern_owner LOGIN IN ROLE pg_monitor, pg_signal_backend;
CREATE ROLE lantern_app LOGIN;
