-- Notes what is in the database before the deployment, so that a rollback can prove itself.
-- Taken once: after the migration has been applied the old note is kept.
--
-- The lock waits for writers that are under way and holds new ones for some milliseconds; without
-- it a row with a lower id could still be committed behind the note.

\set QUIET on
SET client_min_messages = notice;
BEGIN;
SET LOCAL lock_timeout = '10s';
-- Without `dashboard_data`: its lines come with their audits, and who refreshes them may take long.
LOCK TABLE companies, ai_visibility_audits, ai_queries, audit_queries, ai_responses, report_audit_mapping
    IN SHARE MODE;

SELECT EXISTS (SELECT FROM schema_migrations WHERE version = '007') AS migrated \gset
\if :migrated
DO $$ BEGIN
    RAISE NOTICE 'migration 007 has been applied: the baseline taken before it is kept';
END $$;
\else
DELETE FROM deployment_baselines WHERE deployment = 'single-query-table';
INSERT INTO deployment_baselines (deployment, table_name, last_id)
SELECT 'single-query-table', mark.table_name, coalesce(mark.last_id, 0)
  FROM (VALUES ('companies',            (SELECT max(id) FROM companies)),
               ('ai_visibility_audits', (SELECT max(id) FROM ai_visibility_audits)),
               ('ai_queries',           (SELECT max(id) FROM ai_queries)),
               ('audit_queries',        (SELECT max(id) FROM audit_queries)),
               ('ai_responses',         (SELECT max(id) FROM ai_responses)),
               ('dashboard_data',       (SELECT max(id) FROM ai_visibility_audits)),
               ('report_audit_mapping', (SELECT max(id) FROM ai_visibility_audits))) AS mark (table_name, last_id);
UPDATE deployment_baselines AS baseline
   SET row_count = now.row_count, checksum = now.checksum
  FROM deployment_fingerprint('single-query-table') AS now
 WHERE baseline.deployment = 'single-query-table' AND baseline.table_name = now.table_name;
\endif
COMMIT;

SELECT table_name, last_id, row_count, checksum
  FROM deployment_baselines
 WHERE deployment = 'single-query-table'
 ORDER BY table_name;
\set QUIET off
