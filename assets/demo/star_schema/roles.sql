-- Run by the superuser of the throwaway server, before the database is made.
CREATE ROLE positions_owner LOGIN IN ROLE pg_monitor, pg_signal_backend;
CREATE ROLE positions_app LOGIN;
