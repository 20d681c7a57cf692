-- Compares the rows that were there when the deployment began with what they are now. Rows that
-- traffic has added since then do not count. The last result is the number of tables that differ.
-- Without a baseline the deployment had not begun: that is one difference where the database has been
-- migrated all the same, since nothing is proven then, and none where it has not.

SELECT baseline.table_name AS "table", baseline.row_count AS rows_before, now.row_count AS rows_now,
       CASE WHEN baseline.row_count = now.row_count AND baseline.checksum = now.checksum
            THEN 'as before' ELSE 'DIFFERENT' END AS verdict
  FROM deployment_baselines AS baseline
  JOIN deployment_fingerprint('single-query-table') AS now USING (table_name)
 WHERE baseline.deployment = 'single-query-table'
 ORDER BY baseline.table_name;

SELECT CASE WHEN count(*) = 0 THEN (SELECT count(*) FROM schema_migrations WHERE version = '007')
            ELSE count(*) FILTER (WHERE baseline.row_count IS DISTINCT FROM now.row_count
                                     OR baseline.checksum IS DISTINCT FROM now.checksum)
       END AS differences
  FROM deployment_baselines AS baseline
  LEFT JOIN deployment_fingerprint('single-query-table') AS now USING (table_name)
 WHERE baseline.deployment = 'single-query-table';
