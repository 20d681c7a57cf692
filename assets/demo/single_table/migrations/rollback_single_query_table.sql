-- Takes migration 007 back. May be run at any time and more than once: where nothing has been
-- migrated, it says so and changes nothing. Start the old version of the services first.

\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = notice;

-- A migration whose client is gone may still be running and commit after this look: wait for it.
SET lock_timeout = '30s';
SELECT pg_try_advisory_lock(hashtext('rankboard migrations')) AS alone \gset
\if :alone
\else
DO $$ BEGIN
    RAISE NOTICE 'a migration is still running: waiting up to 30 s for its end (pg_cancel_backend ends it at once)';
END $$;
SELECT 1 AS alone FROM pg_advisory_lock(hashtext('rankboard migrations')) \gset
\endif

SELECT to_regprocedure('public.rollback_single_query_table()') IS NOT NULL AS migrated \gset
\if :migrated
BEGIN;
SET LOCAL lock_timeout = '10s';
SELECT what, affected FROM rollback_single_query_table();
DROP FUNCTION rollback_single_query_table();
DROP FUNCTION catch_up_single_query_table();
COMMIT;
DO $$ BEGIN RAISE NOTICE 'rollback completed successfully'; END $$;
\else
DO $$ BEGIN RAISE NOTICE 'nothing has been migrated: nothing to roll back'; END $$;
\endif
SELECT pg_advisory_unlock(hashtext('rankboard migrations')) AS released \gset
\set QUIET off
