-- Run by the superuser of the throwaway server, before the databases are made.
CREATE ROLE planner_owner LOGIN IN ROLE pg_monitor, pg_signal_backend;
CREATE ROLE planner_app LOGIN;
