-- The same rows at every start: 24 organisations, 2,584 conversations, 25,000 messages, 6,000 pages.

SET ROLE lantern_owner;

INSERT INTO organisations (name, plan)
SELECT concat_ws(' ', kind, trade), (ARRAY['team', 'company', 'trial'])[1 + n % 3]
  FROM (SELECT kind, trade, row_number() OVER (ORDER BY trade_n, kind_n) AS n
          FROM unnest(ARRAY['Aspen', 'Birch', 'Cedar', 'Dogwood', 'Elm', 'Fir']) WITH ORDINALITY AS k (kind, kind_n),
               unnest(ARRAY['Outdoor', 'Dental', 'Ceramics', 'Insurance']) WITH ORDINALITY AS t (trade, trade_n)) AS names;

INSERT INTO sites (organisation_id, customer_config_id, host)
SELECT 1 + (n - 1) % 24, 500 + n, format('www%s.%s.example', n, lower(replace(o.name, ' ', '-')))
  FROM generate_series(1, 36) AS n
  JOIN organisations o ON o.id = 1 + (n - 1) % 24;

INSERT INTO members (organisation_id, email, password_digest)
SELECT 1 + (n - 1) % 24, format('member%s@lantern.example', n), md5('lantern-' || n)
  FROM generate_series(1, 72) AS n;

INSERT INTO conversations (site_id, organisation_id, topic, started_at)
SELECT s.id, s.organisation_id,
       (ARRAY['delivery', 'refund', 'size', 'opening hours', 'warranty', 'invoice'])[1 + n % 6],
       now() - (2585 - n) * interval '25 minutes'
  FROM generate_series(1, 2584) AS n
  JOIN sites s ON s.id = 1 + (n * 7) % 36
 ORDER BY n;

INSERT INTO messages (conversation_id, organisation_id, author, body, created_at)
SELECT c.id, c.organisation_id, CASE WHEN n % 2 = 0 THEN 'assistant' ELSE 'visitor' END,
       format('about %s, part %s', c.topic, n % 11), c.started_at + (n % 11) * interval '20 seconds'
  FROM generate_series(1, 25000) AS n
  JOIN conversations c ON c.id = 1 + (n - 1) % 2584
 ORDER BY n;

INSERT INTO page_embeddings (site_id, organisation_id, url, digest)
SELECT s.id, s.organisation_id, format('https://%s/page/%s', s.host, n), md5('page ' || n)
  FROM generate_series(1, 6000) AS n
  JOIN sites s ON s.id = 1 + n % 36
 ORDER BY n;

RESET ROLE;
ANALYZE;
