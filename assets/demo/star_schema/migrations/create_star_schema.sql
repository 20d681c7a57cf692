-- A fact for each answer, four tables of what is measured about it, and a view of each day. Nothing that is
-- there is touched.

BEGIN;
SET LOCAL lock_timeout = '3s';

CREATE TABLE metric_facts (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    collector_result_id bigint NOT NULL UNIQUE REFERENCES collector_results (id),
    brand_id            integer NOT NULL REFERENCES brands (id),
    customer_id         integer NOT NULL,
    query_id            integer NOT NULL REFERENCES generated_queries (id),
    collector_type      text NOT NULL,
    topic               text,
    processed_at        timestamptz NOT NULL
);
CREATE INDEX idx_metric_facts_brand ON metric_facts (brand_id, processed_at);

CREATE TABLE brand_metrics (
    metric_fact_id       bigint PRIMARY KEY REFERENCES metric_facts (id),
    visibility_index     numeric(5, 2),
    share_of_answers     numeric(5, 2),
    has_brand_presence   boolean NOT NULL,
    brand_first_position integer,
    total_brand_mentions integer NOT NULL
);

CREATE TABLE competitor_metrics (
    metric_fact_id      bigint NOT NULL REFERENCES metric_facts (id),
    competitor_id       integer NOT NULL REFERENCES brand_competitors (id),
    visibility_index    numeric(5, 2),
    share_of_answers    numeric(5, 2),
    competitor_mentions integer NOT NULL,
    PRIMARY KEY (competitor_id, metric_fact_id)
);

CREATE TABLE brand_sentiment (
    metric_fact_id  bigint PRIMARY KEY REFERENCES metric_facts (id),
    sentiment_label text CHECK (sentiment_label IN ('POSITIVE', 'NEUTRAL', 'NEGATIVE')),
    sentiment_score numeric(5, 2)
);

CREATE TABLE competitor_sentiment (
    metric_fact_id  bigint NOT NULL REFERENCES metric_facts (id),
    competitor_id   integer NOT NULL REFERENCES brand_competitors (id),
    sentiment_label text CHECK (sentiment_label IN ('POSITIVE', 'NEUTRAL', 'NEGATIVE')),
    sentiment_score numeric(5, 2),
    PRIMARY KEY (competitor_id, metric_fact_id)
);

CREATE MATERIALIZED VIEW mv_brand_daily_metrics AS
SELECT f.brand_id, f.collector_type, f.processed_at::date AS metric_date, sum(m.visibility_index) AS visibility,
       count(*) FILTER (WHERE m.has_brand_presence) AS presence, count(*) AS answers
  FROM metric_facts f JOIN brand_metrics m ON m.metric_fact_id = f.id
 GROUP BY f.brand_id, f.collector_type, f.processed_at::date;
CREATE UNIQUE INDEX idx_mv_brand_daily_metrics ON mv_brand_daily_metrics (brand_id, metric_date, collector_type);

GRANT SELECT, INSERT ON metric_facts, brand_metrics, competitor_metrics, brand_sentiment, competitor_sentiment TO positions_app;
GRANT SELECT ON mv_brand_daily_metrics TO positions_app;
INSERT INTO schema_migrations (version, title) VALUES ('042', 'star schema');

COMMIT;
