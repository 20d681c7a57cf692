-- Tracks the use of every feature, not only of the chat. Run twice, it says so and changes nothing.

\set QUIET on
SET client_min_messages = notice;
SET lock_timeout = '3s';
SELECT EXISTS (SELECT FROM schema_migrations WHERE version = '020') AS applied \gset
\if :applied
DO $$ BEGIN RAISE NOTICE 'migration 020 has been applied: nothing is changed'; END $$;
\else
BEGIN;
CREATE UNIQUE INDEX idx_feature_usage_user_feature_period ON feature_usage (user_id, feature, period_start);
CREATE TABLE feature_usage_archive (LIKE feature_usage INCLUDING DEFAULTS);

CREATE FUNCTION increment_feature_usage_safe(of_user integer, of_feature text, by integer) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO feature_usage (user_id, feature, period_start, usage_count)
    VALUES (of_user, of_feature, date_trunc('month', current_date)::date, by)
    ON CONFLICT (user_id, feature, period_start)
    DO UPDATE SET usage_count = feature_usage.usage_count + excluded.usage_count, updated_at = now()
    RETURNING usage_count
$$;

-- Moves what is older than a year; returns how many rows.
CREATE FUNCTION archive_old_feature_usage() RETURNS bigint LANGUAGE sql AS $$
    WITH moved AS (
        DELETE FROM feature_usage WHERE period_start < date_trunc('month', current_date) - interval '12 months' RETURNING *
    ), kept AS (
        INSERT INTO feature_usage_archive SELECT * FROM moved RETURNING 1
    )
    SELECT count(*) FROM kept
$$;

CREATE MATERIALIZED VIEW feature_usage_summary AS
SELECT feature, period_start, count(DISTINCT user_id) AS users, sum(usage_count) AS total_uses
  FROM feature_usage GROUP BY feature, period_start;
CREATE UNIQUE INDEX ON feature_usage_summary (feature, period_start);

INSERT INTO schema_migrations (version, title) VALUES ('020', 'every feature is tracked');
COMMIT;
DO $$ BEGIN RAISE NOTICE 'usage tracking is in place'; END $$;
\endif
\set QUIET off
