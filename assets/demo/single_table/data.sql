-- The rows of the sample system: 80 companies, 400 audits, 48 queries each. The same rows at every
-- start, only their times are counted from now. A production system has some 10,000 audits.

SET ROLE rankboard_owner;

INSERT INTO companies (name, domain, journey_status, created_at)
SELECT concat_ws(' ', kind, trade),
       lower(concat(kind, '-', trade, '.example')),
       (ARRAY['active', 'active', 'active', 'trial', 'paused'])[1 + n % 5],
       date_trunc('hour', now()) - interval '400 days' + n * interval '1 day'
  FROM (SELECT kind, trade, row_number() OVER (ORDER BY trade_n, kind_n) AS n
          FROM unnest(ARRAY['Alder', 'Basalt', 'Cobalt', 'Dune', 'Ember', 'Fjord', 'Granite', 'Harbor',
                            'Indigo', 'Juniper']) WITH ORDINALITY AS k (kind, kind_n),
               unnest(ARRAY['Optics', 'Freight', 'Bakery', 'Software', 'Textiles', 'Energy', 'Travel',
                            'Clinics']) WITH ORDINALITY AS t (trade, trade_n)) AS names;

-- Five audits each, spread over 100 days and ended at least two days ago.
INSERT INTO ai_visibility_audits (report_id, company_id, status, overall_score, created_at, completed_at)
SELECT 'RPT-' || lpad(n::text, 6, '0'),
       1 + (n - 1) % 80,
       CASE WHEN n % 40 = 0 THEN 'failed' ELSE 'completed' END,
       round((40 + (n * 37) % 600 / 10.0)::numeric, 2),
       started, started + interval '25 minutes'
  FROM (SELECT n, date_trunc('hour', now()) - interval '102 days' + n * interval '6 hours' AS started
          FROM generate_series(1, 400) AS n) AS audits;

INSERT INTO ai_queries (report_id, company_id, position, category, query_text, created_at)
SELECT audit.report_id, audit.company_id, position,
       (ARRAY['awareness', 'comparison', 'purchase', 'support', 'price', 'reputation'])[1 + position % 6],
       format((ARRAY['who offers %s', 'alternatives to %s', 'is %s worth its price', 'how good is the support of %s',
                     'what do customers say about %s', 'best choice besides %s', 'reviews of %s',
                     '%s compared with its rivals'])[1 + position % 8], company.name),
       audit.created_at + position * interval '20 seconds'
  FROM ai_visibility_audits AS audit
  JOIN companies AS company ON company.id = audit.company_id
 CROSS JOIN generate_series(1, 48) AS position
 ORDER BY audit.id, position;

-- The last 100 audits were already written to both tables.
INSERT INTO audit_queries (audit_id, position, category, query_text, created_at)
SELECT audit.id, query.position, query.category, query.query_text, query.created_at
  FROM ai_visibility_audits AS audit
  JOIN ai_queries AS query USING (report_id)
 WHERE audit.id > 300
 ORDER BY audit.id, query.position;

INSERT INTO ai_responses (query_id, provider, mentions_brand, sentiment, created_at)
SELECT id, (ARRAY['north', 'south', 'east'])[1 + id % 3], id % 4 <> 0,
       round(((id * 29) % 2000 / 1000.0 - 1)::numeric, 3), created_at + interval '5 seconds'
  FROM ai_queries
 ORDER BY id;

INSERT INTO dashboard_data (audit_id, company_name, overall_score, total_queries, total_responses, created_at, refreshed_at)
SELECT audit.id, company.name, audit.overall_score, 48, 48, audit.completed_at, audit.completed_at
  FROM ai_visibility_audits AS audit
  JOIN companies AS company ON company.id = audit.company_id;

-- Kept by hand for the first customers; 007 completes it.
INSERT INTO report_audit_mapping (report_id, audit_id, origin, created_at)
SELECT report_id, id, 'manual', completed_at FROM ai_visibility_audits WHERE id <= 60;

RESET ROLE;
ANALYZE;
-- The statistics begin with the services.
SELECT pg_stat_statements_reset();
