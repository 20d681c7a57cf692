-- What every sample database has, before its own schema; run by the superuser. `:owner` and `:application`
-- stand for the roles of the system.

ALTER SCHEMA public OWNER TO :owner;
GRANT USAGE ON SCHEMA public TO :application;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;

SET ROLE :owner;

CREATE TABLE schema_migrations (
    version    text PRIMARY KEY,
    title      text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Each service says here which version of it runs, and since when.
CREATE TABLE service_instances (
    service    text PRIMARY KEY,
    version    text NOT NULL,
    pid        integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

GRANT SELECT ON schema_migrations TO :application;
GRANT SELECT, INSERT, UPDATE ON service_instances TO :application;
RESET ROLE;
