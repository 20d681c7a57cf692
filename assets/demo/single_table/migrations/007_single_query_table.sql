-- 007: one table for queries.
--
-- Copies every query that only `ai_queries` knows into `audit_queries`, lets each response refer to
-- it, completes the mapping of report ids, and leaves the old table as it is for the cleanup.
-- One transaction: cancelled at any moment, or failed, it leaves nothing behind. The slow work takes
-- no lock that a writer would wait for; only steps 10 to 14 hold writers back, for well under a second.
--
--   psql -v ON_ERROR_STOP=1 -f migrations/007_single_query_table.sql
--
-- `-v pace=SECONDS` sets the pause after each batch. The pauses stand in for the volume of a real
-- system, so that the sample's few rows take long enough to be watched and cancelled.

\set ON_ERROR_STOP on
\set QUIET on
\if :{?pace}
\else
  \set pace 0.065
\endif

BEGIN;
SET LOCAL lock_timeout = '5s';
SET LOCAL search_path = public, pg_temp;
SET LOCAL client_min_messages = notice;
SELECT set_config('rankboard.pace', :'pace', true) AS pace \gset

DO $$
DECLARE
    applied timestamptz;
BEGIN
    RAISE NOTICE 'Step 1 of 14: preconditions';
    BEGIN
        -- As long as for any other lock: a session that has just ended may hold it a moment longer.
        PERFORM pg_advisory_xact_lock(hashtext('rankboard migrations'));
    EXCEPTION WHEN lock_not_available THEN
        RAISE EXCEPTION 'another migration or rollback is running'
            USING HINT = 'nothing was changed; look for it in pg_stat_activity and wait for its end';
    END;
    SELECT applied_at INTO applied FROM schema_migrations WHERE version = '007';
    IF FOUND THEN
        RAISE EXCEPTION 'migration 007 has already been applied, at %', applied
            USING HINT = 'nothing was changed; go on with the verification, or roll it back first';
    END IF;
    IF NOT EXISTS (SELECT FROM schema_migrations WHERE version = '006') THEN
        RAISE EXCEPTION 'migration 006 has not been applied'
            USING HINT = '007 fills columns that 006 adds: apply 006 first';
    END IF;
    RAISE NOTICE '  006 is there, 007 is not, nobody else migrates';
END $$;

DO $$
DECLARE
    orphans bigint;
BEGIN
    RAISE NOTICE 'Step 2 of 14: queries without an audit';
    SELECT count(*) INTO orphans FROM ai_queries q
     WHERE NOT EXISTS (SELECT FROM ai_visibility_audits a WHERE a.report_id = q.report_id);
    IF orphans > 0 THEN
        RAISE EXCEPTION '% rows of ai_queries name a report that no audit has', orphans
            USING HINT = 'nothing was changed; see "orphaned rows" in the troubleshooting of the guide';
    END IF;
    RAISE NOTICE '  none';
END $$;

DO $$
DECLARE
    audits bigint;
    queries bigint;
    twins bigint;
    responses bigint;
BEGIN
    RAISE NOTICE 'Step 3 of 14: inventory';
    SELECT count(*) INTO audits FROM ai_visibility_audits;
    SELECT count(*) INTO queries FROM ai_queries;
    SELECT count(*) INTO twins FROM audit_queries;
    SELECT count(*) INTO responses FROM ai_responses;
    RAISE NOTICE '  found % audits', audits;
    RAISE NOTICE '  found % queries in ai_queries, % in audit_queries', queries, twins;
    RAISE NOTICE '  found % responses', responses;
END $$;

DO $$ BEGIN RAISE NOTICE 'Step 4 of 14: archive of ai_queries'; END $$;
CREATE TABLE ai_queries_archive (LIKE ai_queries INCLUDING DEFAULTS, PRIMARY KEY (id));
DO $$
DECLARE
    last_id constant bigint := (SELECT coalesce(max(id), 0) FROM ai_queries);
    batch constant bigint := greatest(1, (last_id + 9) / 10);
    lower_id bigint := 0;
    archived bigint;
BEGIN
    WHILE lower_id < last_id LOOP
        INSERT INTO ai_queries_archive
        SELECT * FROM ai_queries WHERE id > lower_id AND id <= least(lower_id + batch, last_id);
        lower_id := lower_id + batch;
        PERFORM pg_sleep(current_setting('rankboard.pace')::float8);
    END LOOP;
    SELECT count(*) INTO archived FROM ai_queries_archive;
    RAISE NOTICE '  % queries archived', archived;
END $$;

DO $$ BEGIN RAISE NOTICE 'Step 5 of 14: archive of ai_responses'; END $$;
CREATE TABLE ai_responses_archive (LIKE ai_responses INCLUDING DEFAULTS, PRIMARY KEY (id));
DO $$
DECLARE
    last_id constant bigint := (SELECT coalesce(max(id), 0) FROM ai_responses);
    batch constant bigint := greatest(1, (last_id + 9) / 10);
    lower_id bigint := 0;
    archived bigint;
BEGIN
    WHILE lower_id < last_id LOOP
        INSERT INTO ai_responses_archive
        SELECT * FROM ai_responses WHERE id > lower_id AND id <= least(lower_id + batch, last_id);
        lower_id := lower_id + batch;
        PERFORM pg_sleep(current_setting('rankboard.pace')::float8);
    END LOOP;
    SELECT count(*) INTO archived FROM ai_responses_archive;
    RAISE NOTICE '  % responses archived', archived;
END $$;

DO $$
DECLARE
    mapped bigint;
BEGIN
    RAISE NOTICE 'Step 6 of 14: report ids';
    INSERT INTO report_audit_mapping (report_id, audit_id, origin)
    SELECT report_id, id, '007' FROM ai_visibility_audits
    ON CONFLICT (report_id) DO NOTHING;
    GET DIAGNOSTICS mapped = ROW_COUNT;
    RAISE NOTICE '  % report ids mapped to their audits', mapped;
END $$;

DO $$
DECLARE
    last_audit constant bigint := (SELECT coalesce(max(id), 0) FROM ai_visibility_audits);
    batch constant bigint := greatest(1, (last_audit + 39) / 40);
    lower_audit bigint := 0;
    copied bigint;
    total bigint := 0;
BEGIN
    RAISE NOTICE 'Step 7 of 14: queries into audit_queries';
    WHILE lower_audit < last_audit LOOP
        INSERT INTO audit_queries (audit_id, position, category, query_text, created_at, migrated_from, legacy_query_id)
        SELECT a.id, q.position, q.category, q.query_text, q.created_at, 'ai_queries', q.id
          FROM ai_visibility_audits a
          JOIN ai_queries q USING (report_id)
         WHERE a.id > lower_audit AND a.id <= least(lower_audit + batch, last_audit)
           AND NOT EXISTS (SELECT FROM audit_queries t WHERE t.audit_id = a.id AND t.position = q.position)
         ORDER BY a.id, q.position;
        GET DIAGNOSTICS copied = ROW_COUNT;
        total := total + copied;
        lower_audit := lower_audit + batch;
        IF (lower_audit / batch) % 8 = 0 THEN
            RAISE NOTICE '  % of % audits done, % queries copied', least(lower_audit, last_audit), last_audit, total;
        END IF;
        PERFORM pg_sleep(current_setting('rankboard.pace')::float8);
    END LOOP;
    RAISE NOTICE '  % queries copied; the others were in both tables', total;
END $$;

DO $$
DECLARE
    last_id constant bigint := (SELECT coalesce(max(id), 0) FROM ai_responses);
    batch constant bigint := greatest(1, (last_id + 19) / 20);
    lower_id bigint := 0;
    linked bigint;
    total bigint := 0;
BEGIN
    RAISE NOTICE 'Step 8 of 14: responses to their queries';
    ANALYZE audit_queries;
    WHILE lower_id < last_id LOOP
        UPDATE ai_responses r
           SET audit_query_id = t.id
          FROM ai_queries q, ai_visibility_audits a, audit_queries t
         WHERE r.id > lower_id AND r.id <= least(lower_id + batch, last_id)
           AND r.audit_query_id IS NULL
           AND q.id = r.query_id AND a.report_id = q.report_id
           AND t.audit_id = a.id AND t.position = q.position;
        GET DIAGNOSTICS linked = ROW_COUNT;
        total := total + linked;
        lower_id := lower_id + batch;
        PERFORM pg_sleep(current_setting('rankboard.pace')::float8);
    END LOOP;
    RAISE NOTICE '  % responses linked', total;
END $$;

DO $$ BEGIN RAISE NOTICE 'Step 9 of 14: functions for catching up and for the rollback'; END $$;

-- What the old version writes between this migration and its own end. May be run again.
CREATE FUNCTION catch_up_single_query_table() RETURNS TABLE (what text, affected bigint)
LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
    INSERT INTO report_audit_mapping (report_id, audit_id, origin)
    SELECT report_id, id, '007' FROM ai_visibility_audits
    ON CONFLICT (report_id) DO NOTHING;
    GET DIAGNOSTICS affected = ROW_COUNT;
    what := 'report ids mapped';
    RETURN NEXT;

    INSERT INTO audit_queries (audit_id, position, category, query_text, created_at, migrated_from, legacy_query_id)
    SELECT a.id, q.position, q.category, q.query_text, q.created_at, 'ai_queries', q.id
      FROM ai_queries q
      JOIN ai_visibility_audits a USING (report_id)
     WHERE NOT EXISTS (SELECT FROM audit_queries t WHERE t.audit_id = a.id AND t.position = q.position)
    ON CONFLICT (audit_id, position) DO NOTHING;
    GET DIAGNOSTICS affected = ROW_COUNT;
    what := 'queries copied';
    RETURN NEXT;

    UPDATE ai_responses r
       SET audit_query_id = t.id
      FROM ai_queries q, ai_visibility_audits a, audit_queries t
     WHERE r.audit_query_id IS NULL
       AND q.id = r.query_id AND a.report_id = q.report_id
       AND t.audit_id = a.id AND t.position = q.position;
    GET DIAGNOSTICS affected = ROW_COUNT;
    what := 'responses linked';
    RETURN NEXT;
END $$;

-- Takes the migration back and loses nothing: what the new version wrote into `audit_queries` alone
-- is copied into `ai_queries` too, as the old version would have done it.
CREATE FUNCTION rollback_single_query_table() RETURNS TABLE (what text, affected bigint)
LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
    IF to_regclass('ai_queries') IS NULL OR to_regclass('ai_queries_archive') IS NULL THEN
        RAISE EXCEPTION 'the cleanup has already put `ai_queries` or its archive away'
            USING HINT = 'restore the dump taken before the migration instead';
    END IF;
    IF EXISTS (SELECT FROM service_instances WHERE version = 'new') THEN
        RAISE WARNING 'a service of the new version was the last to start: what it writes from now on reaches one table only'
            USING HINT = 'start the old version, then call this again';
    END IF;
    -- The order in which the services write, so that nobody waits in a circle.
    LOCK TABLE ai_queries, audit_queries, ai_responses IN SHARE ROW EXCLUSIVE MODE;

    INSERT INTO ai_queries
    SELECT archive.* FROM ai_queries_archive archive
     WHERE NOT EXISTS (SELECT FROM ai_queries q WHERE q.id = archive.id);
    GET DIAGNOSTICS affected = ROW_COUNT;
    what := 'queries restored from the archive';
    RAISE NOTICE '%: %', what, affected;
    RETURN NEXT;

    INSERT INTO ai_queries (report_id, company_id, position, category, query_text, created_at)
    SELECT a.report_id, a.company_id, t.position, t.category, t.query_text, t.created_at
      FROM audit_queries t
      JOIN ai_visibility_audits a ON a.id = t.audit_id
     WHERE t.migrated_from IS NULL
       AND NOT EXISTS (SELECT FROM ai_queries q WHERE q.report_id = a.report_id AND q.position = t.position)
     ORDER BY t.id;
    GET DIAGNOSTICS affected = ROW_COUNT;
    what := 'queries of the new version copied back';
    RAISE NOTICE '%: %', what, affected;
    RETURN NEXT;

    -- Responses that only know the new table, first: what is left after them the old version knows.
    WITH own AS (
        UPDATE ai_responses r
           SET query_id = q.id,
               audit_query_id = CASE WHEN t.migrated_from IS NULL THEN t.id END
          FROM audit_queries t, ai_visibility_audits a, ai_queries q
         WHERE r.query_id IS NULL AND t.id = r.audit_query_id
           AND a.id = t.audit_id AND q.report_id = a.report_id AND q.position = t.position
        RETURNING r.id
    )
    SELECT count(*) INTO affected FROM own;
    what := 'responses of the new version linked to ai_queries';
    RAISE NOTICE '%: %', what, affected;
    RETURN NEXT;

    UPDATE ai_responses r
       SET audit_query_id = archive.audit_query_id
      FROM ai_responses_archive archive
     WHERE archive.id = r.id AND r.audit_query_id IS DISTINCT FROM archive.audit_query_id;
    GET DIAGNOSTICS affected = ROW_COUNT;
    what := 'responses linked as before';
    RAISE NOTICE '%: %', what, affected;
    RETURN NEXT;

    -- Written by the old version after the archive was made, linked since by catching up.
    UPDATE ai_responses r
       SET audit_query_id = NULL
      FROM audit_queries t
     WHERE t.id = r.audit_query_id AND t.migrated_from = 'ai_queries' AND r.query_id IS NOT NULL;

    DELETE FROM audit_queries WHERE migrated_from = 'ai_queries';
    GET DIAGNOSTICS affected = ROW_COUNT;
    what := 'migrated queries removed from audit_queries';
    RAISE NOTICE '%: %', what, affected;
    RETURN NEXT;

    DELETE FROM report_audit_mapping WHERE origin = '007';
    GET DIAGNOSTICS affected = ROW_COUNT;
    what := 'report ids no longer mapped';
    RAISE NOTICE '%: %', what, affected;
    RETURN NEXT;

    DROP TABLE ai_queries_archive, ai_responses_archive;
    DELETE FROM schema_migrations WHERE version = '007';
END $$;

DO $$
BEGIN
    RAISE NOTICE 'Step 10 of 14: writers wait from here on';
    -- The order in which the services write, so that nobody waits in a circle.
    LOCK TABLE ai_queries, audit_queries, ai_responses IN SHARE ROW EXCLUSIVE MODE;
    RAISE NOTICE '  three tables locked against writes';
END $$;

DO $$
DECLARE
    late_queries bigint;
    late_responses bigint;
    done record;
BEGIN
    RAISE NOTICE 'Step 11 of 14: what was written meanwhile';
    INSERT INTO ai_queries_archive
    SELECT q.* FROM ai_queries q
     WHERE NOT EXISTS (SELECT FROM ai_queries_archive archive WHERE archive.id = q.id);
    GET DIAGNOSTICS late_queries = ROW_COUNT;
    INSERT INTO ai_responses_archive
    SELECT r.* FROM ai_responses r
     WHERE NOT EXISTS (SELECT FROM ai_responses_archive archive WHERE archive.id = r.id);
    GET DIAGNOSTICS late_responses = ROW_COUNT;
    RAISE NOTICE '  % queries and % responses archived', late_queries, late_responses;
    FOR done IN SELECT * FROM catch_up_single_query_table() LOOP
        RAISE NOTICE '  % %', done.affected, done.what;
    END LOOP;
END $$;

DO $$
DECLARE
    missing bigint;
    unlinked bigint;
BEGIN
    RAISE NOTICE 'Step 12 of 14: every query and every response has arrived';
    SELECT count(*) INTO missing
      FROM ai_queries q JOIN ai_visibility_audits a USING (report_id)
      LEFT JOIN audit_queries t ON t.audit_id = a.id AND t.position = q.position
     WHERE t.id IS NULL;
    SELECT count(*) INTO unlinked FROM ai_responses WHERE audit_query_id IS NULL;
    IF missing > 0 OR unlinked > 0 THEN
        RAISE EXCEPTION '% queries have not been copied and % responses refer to none', missing, unlinked
            USING HINT = 'nothing was changed; report this with the output above';
    END IF;
    RAISE NOTICE '  none is missing';
END $$;

DO $$
DECLARE
    changed bigint;
BEGIN
    RAISE NOTICE 'Step 13 of 14: copies are equal to their originals';
    SELECT count(*) INTO changed
      FROM audit_queries t JOIN ai_queries q ON q.id = t.legacy_query_id
     WHERE t.migrated_from = 'ai_queries'
       AND (t.query_text, t.category, t.created_at) IS DISTINCT FROM (q.query_text, q.category, q.created_at);
    IF changed > 0 THEN
        RAISE EXCEPTION '% copies differ from their originals', changed
            USING HINT = 'nothing was changed; report this with the output above';
    END IF;
    RAISE NOTICE '  all are';
END $$;

DO $$
DECLARE
    migrated bigint;
    total bigint;
BEGIN
    RAISE NOTICE 'Step 14 of 14: record and final count';
    INSERT INTO schema_migrations (version, title) VALUES ('007', 'one table for queries');
    SELECT count(*) FILTER (WHERE migrated_from = 'ai_queries'), count(*) INTO migrated, total FROM audit_queries;
    RAISE NOTICE '  audit_queries holds % queries', total;
    RAISE NOTICE '  total queries migrated: %', migrated;
END $$;
COMMIT;

DO $$ BEGIN RAISE NOTICE 'migration completed successfully'; END $$;
\set QUIET off
