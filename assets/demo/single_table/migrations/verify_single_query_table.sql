-- Is the single query table in place, complete, and the only one written to? Reads only.
-- Ends with one table of checks; each value is a number of problems, and 0 is good.

\set ON_ERROR_STOP on
\set QUIET on
SET search_path = public, pg_temp;
BEGIN READ ONLY;
-- One snapshot for all checks, so that traffic cannot come between two of them.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;

SELECT service, version, date_trunc('second', started_at) AS started FROM service_instances ORDER BY service;

SELECT (SELECT count(*) FROM ai_visibility_audits) AS audits,
       (SELECT count(*) FROM audit_queries) AS audit_queries,
       (SELECT count(*) FROM audit_queries WHERE migrated_from = 'ai_queries') AS migrated,
       (SELECT count(*) FROM ai_queries) AS ai_queries_old,
       (SELECT count(*) FROM ai_responses) AS ai_responses,
       (SELECT count(*) FROM report_audit_mapping) AS mapped_reports;

WITH engine AS (
    SELECT max(started_at) AS since FROM service_instances WHERE service = 'engine' AND version = 'new'
), checks (number, name, problems) AS (
    SELECT 1, 'migration not recorded',
           (SELECT count(*) FROM (VALUES ('007')) AS wanted (version)
             WHERE NOT EXISTS (SELECT FROM schema_migrations m WHERE m.version = wanted.version))
    UNION ALL
    SELECT 2, 'queries not copied',
           (SELECT count(*) FROM ai_queries q
             WHERE NOT EXISTS (SELECT FROM ai_visibility_audits a
                                 JOIN audit_queries t ON t.audit_id = a.id AND t.position = q.position
                                WHERE a.report_id = q.report_id))
    UNION ALL
    SELECT 3, 'orphaned queries',
           (SELECT count(*) FROM audit_queries t
             WHERE NOT EXISTS (SELECT FROM ai_visibility_audits a WHERE a.id = t.audit_id))
    UNION ALL
    SELECT 4, 'orphaned responses',
           (SELECT count(*) FROM ai_responses r
             WHERE NOT EXISTS (SELECT FROM audit_queries t WHERE t.id = r.audit_query_id))
    UNION ALL
    SELECT 5, 'services not on the new version',
           (SELECT count(*) FROM (VALUES ('gateway'), ('engine')) AS wanted (service)
             WHERE NOT EXISTS (SELECT FROM service_instances i
                                WHERE i.service = wanted.service AND i.version = 'new'))
    UNION ALL
    SELECT 6, 'writes to the old table by the new version',
           (SELECT count(*) FROM ai_queries q, engine WHERE q.created_at > engine.since)
    UNION ALL
    SELECT 7, 'report ids without an audit',
           (SELECT count(*) FROM ai_visibility_audits a
             WHERE NOT EXISTS (SELECT FROM report_audit_mapping m
                                WHERE m.report_id = a.report_id AND m.audit_id = a.id))
    UNION ALL
    SELECT 8, 'foreign keys missing or not validated',
           (SELECT count(*) FROM (VALUES ('audit_queries', 'ai_visibility_audits'), ('ai_responses', 'audit_queries'),
                                         ('report_audit_mapping', 'ai_visibility_audits')) AS wanted (child, parent)
             WHERE NOT EXISTS (SELECT FROM pg_constraint c
                                WHERE c.contype = 'f' AND c.convalidated
                                  AND c.conrelid = to_regclass(wanted.child)
                                  AND c.confrelid = to_regclass(wanted.parent)))
    UNION ALL
    SELECT 9, 'invalid indexes',
           (SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
             WHERE NOT i.indisvalid AND c.relname IN ('audit_queries', 'ai_responses'))
    UNION ALL
    SELECT 10, 'archives missing',
           (SELECT count(*) FROM (VALUES ('ai_queries_archive'), ('ai_responses_archive')) AS wanted (name)
             WHERE to_regclass(wanted.name) IS NULL)
    UNION ALL
    SELECT 11, 'rollback missing',
           (SELECT count(*) FROM (VALUES ('rollback_single_query_table()')) AS wanted (name)
             WHERE to_regprocedure(wanted.name) IS NULL)
), overall AS (
    SELECT number, name, problems FROM checks
    UNION ALL
    SELECT 99, 'overall', sum(problems)::bigint FROM checks
)
SELECT name AS "check", problems AS value FROM overall ORDER BY number;
COMMIT;
\set QUIET off
