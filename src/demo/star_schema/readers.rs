//! The six readers of the dashboard, each over the wide table and over the star schema. Both give one
//! text, so that they can be compared.

/// A reader of one brand (`$1`).
pub(super) struct Reader {
    pub name: &'static str,
    pub old: &'static str,
    pub new: &'static str,
}

pub(super) static READERS: [Reader; 6] = [
    Reader {
        name: "dashboard",
        old: "SELECT jsonb_agg(d ORDER BY d.day, d.collector_type)::text FROM (
                SELECT processed_at::date AS day, collector_type, sum(visibility_index) AS visibility,
                       count(*) FILTER (WHERE has_brand_presence) AS presence, count(*) AS answers
                  FROM extracted_positions WHERE brand_id = $1 AND competitor_name IS NULL GROUP BY 1, 2) AS d",
        // The last day of the view was not over when it was refreshed: it is read from the facts.
        new: "SELECT jsonb_agg(d ORDER BY d.day, d.collector_type)::text FROM (
                SELECT metric_date AS day, collector_type, visibility, presence, answers
                  FROM mv_brand_daily_metrics
                 WHERE brand_id = $1 AND metric_date < (SELECT max(metric_date) FROM mv_brand_daily_metrics)
                 UNION ALL
                SELECT f.processed_at::date, f.collector_type, sum(m.visibility_index),
                       count(*) FILTER (WHERE m.has_brand_presence), count(*)
                  FROM metric_facts f JOIN brand_metrics m ON m.metric_fact_id = f.id
                 WHERE f.brand_id = $1 AND f.processed_at >= (SELECT max(metric_date) FROM mv_brand_daily_metrics)
                 GROUP BY 1, 2) AS d",
    },
    Reader {
        name: "visibility",
        old: "SELECT jsonb_agg(d ORDER BY d.rival)::text FROM (
                SELECT competitor_name AS rival, sum(visibility_index_competitor) AS visibility,
                       sum(competitor_mentions) AS mentions
                  FROM extracted_positions WHERE brand_id = $1 AND competitor_name IS NOT NULL GROUP BY 1) AS d",
        new: "SELECT jsonb_agg(d ORDER BY d.rival)::text FROM (
                SELECT c.competitor_name AS rival, sum(m.visibility_index) AS visibility,
                       sum(m.competitor_mentions) AS mentions
                  FROM competitor_metrics m JOIN brand_competitors c ON c.id = m.competitor_id
                 WHERE c.brand_id = $1 GROUP BY 1) AS d",
    },
    Reader {
        name: "topics",
        old: "SELECT jsonb_agg(d ORDER BY d.topic)::text FROM (
                SELECT topic, count(*) AS answers, sum(share_of_answers_brand) AS share
                  FROM extracted_positions WHERE brand_id = $1 AND competitor_name IS NULL GROUP BY 1) AS d",
        new: "SELECT jsonb_agg(d ORDER BY d.topic)::text FROM (
                SELECT f.topic, count(*) AS answers, sum(m.share_of_answers) AS share
                  FROM metric_facts f JOIN brand_metrics m ON m.metric_fact_id = f.id
                 WHERE f.brand_id = $1 GROUP BY 1) AS d",
    },
    Reader {
        name: "keywords",
        old: "SELECT jsonb_agg(d ORDER BY d.keyword)::text FROM (
                SELECT q.keyword, sum(e.total_brand_mentions) AS mentions
                  FROM extracted_positions e JOIN generated_queries q ON q.id = e.query_id
                 WHERE e.brand_id = $1 AND e.competitor_name IS NULL GROUP BY 1) AS d",
        new: "SELECT jsonb_agg(d ORDER BY d.keyword)::text FROM (
                SELECT q.keyword, sum(m.total_brand_mentions) AS mentions
                  FROM metric_facts f JOIN brand_metrics m ON m.metric_fact_id = f.id
                  JOIN generated_queries q ON q.id = f.query_id
                 WHERE f.brand_id = $1 GROUP BY 1) AS d",
    },
    Reader {
        name: "prompts",
        old: "SELECT jsonb_agg(d ORDER BY d.query_id)::text FROM (
                SELECT query_id, min(brand_first_position) AS best, count(*) AS answers
                  FROM extracted_positions WHERE brand_id = $1 AND competitor_name IS NULL GROUP BY 1) AS d",
        new: "SELECT jsonb_agg(d ORDER BY d.query_id)::text FROM (
                SELECT f.query_id, min(m.brand_first_position) AS best, count(*) AS answers
                  FROM metric_facts f JOIN brand_metrics m ON m.metric_fact_id = f.id
                 WHERE f.brand_id = $1 GROUP BY 1) AS d",
    },
    Reader {
        name: "sources",
        old: "SELECT jsonb_agg(d ORDER BY d.source, d.label)::text FROM (
                SELECT r.source, e.sentiment_label AS label, count(*) AS answers
                  FROM extracted_positions e JOIN collector_results r ON r.id = e.collector_result_id
                 WHERE e.brand_id = $1 AND e.competitor_name IS NULL GROUP BY 1, 2) AS d",
        new: "SELECT jsonb_agg(d ORDER BY d.source, d.label)::text FROM (
                SELECT r.source, s.sentiment_label AS label, count(*) AS answers
                  FROM metric_facts f JOIN brand_sentiment s ON s.metric_fact_id = f.id
                  JOIN collector_results r ON r.id = f.collector_result_id
                 WHERE f.brand_id = $1 GROUP BY 1, 2) AS d",
    },
];
