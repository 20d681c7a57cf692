//! What the sample services write and count, in both versions: the old one stores each query in
//! `ai_queries` and `audit_queries`, the new one in `audit_queries` alone.

use serde::Serialize;
use sqlx::{PgConnection, Row};

use crate::demo::layout::Version;

/// Questions that an audit asks.
pub(super) const QUERIES_PER_AUDIT: i32 = 48;

const CATEGORIES: [&str; 6] = [
    "awareness",
    "comparison",
    "purchase",
    "support",
    "price",
    "reputation",
];

const QUESTIONS: [&str; 8] = [
    "who offers",
    "alternatives to",
    "is it worth the price:",
    "how good is the support of",
    "what do customers say about",
    "best choice besides",
    "reviews of",
    "against its rivals:",
];

/// An audit that is being written.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Audit {
    #[serde(rename = "audit_id")]
    pub id: i64,
    pub report_id: String,
    pub company_id: i64,
    pub company: String,
}

/// Finds the company or adds it.
pub(super) async fn company(
    connection: &mut PgConnection,
    name: &str,
    domain: &str,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "INSERT INTO companies (name, domain) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET domain = excluded.domain RETURNING id",
    )
    .bind(name)
    .bind(domain)
    .fetch_one(connection)
    .await
}

/// Opens an audit of a company: the audit, its line on the dashboard, and, in the new version, the
/// mapping of its report id. `None` where there is no such company.
pub(super) async fn open_audit(
    connection: &mut PgConnection,
    version: Version,
    company_id: i64,
) -> Result<Option<Audit>, sqlx::Error> {
    let row = sqlx::query(
        "INSERT INTO ai_visibility_audits (report_id, company_id)
         SELECT 'RPT-' || lpad(nextval('report_numbers')::text, 6, '0'), id FROM companies WHERE id = $1
         RETURNING id, report_id, (SELECT name FROM companies WHERE id = $1) AS company",
    )
    .bind(company_id)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let audit = Audit {
        id: row.try_get("id")?,
        report_id: row.try_get("report_id")?,
        company_id,
        company: row.try_get("company")?,
    };
    sqlx::query(
        "INSERT INTO dashboard_data (audit_id, company_name, total_queries, total_responses) VALUES ($1, $2, 0, 0)",
    )
    .bind(audit.id)
    .bind(&audit.company)
    .execute(&mut *connection)
    .await?;
    if version == Version::New {
        sqlx::query(
            "INSERT INTO report_audit_mapping (report_id, audit_id, origin) VALUES ($1, $2, 'service')",
        )
        .bind(&audit.report_id)
        .bind(audit.id)
        .execute(&mut *connection)
        .await?;
    }
    Ok(Some(audit))
}

/// Writes one query and the first response to it, as the version does it. The caller has begun the
/// transaction that holds both together.
pub(super) async fn write_query(
    connection: &mut PgConnection,
    version: Version,
    audit: &Audit,
    position: i32,
) -> Result<(), sqlx::Error> {
    let index = usize::try_from(position).unwrap_or_default();
    let category = CATEGORIES[index % CATEGORIES.len()];
    let text = format!("{} {}", QUESTIONS[index % QUESTIONS.len()], audit.company);
    let mut legacy_id: Option<i64> = None;
    if version == Version::Old {
        legacy_id = sqlx::query_scalar(
            "INSERT INTO ai_queries (report_id, company_id, position, category, query_text)
             VALUES ($1, $2, $3, $4, $5) RETURNING id",
        )
        .bind(&audit.report_id)
        .bind(audit.company_id)
        .bind(position)
        .bind(category)
        .bind(&text)
        .fetch_one(&mut *connection)
        .await?;
    }
    let query_id: i64 = sqlx::query_scalar(
        "INSERT INTO audit_queries (audit_id, position, category, query_text)
         VALUES ($1, $2, $3, $4) RETURNING id",
    )
    .bind(audit.id)
    .bind(position)
    .bind(category)
    .bind(&text)
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO ai_responses (query_id, audit_query_id, provider, mentions_brand, sentiment)
         VALUES ($1, $2, $3, $4, ($5::integer % 2000) / 1000.0 - 1)",
    )
    .bind(legacy_id)
    .bind((version == Version::New).then_some(query_id))
    .bind(["north", "south", "east"][index % 3])
    .bind(index % 4 != 0)
    .bind(position * 29)
    .execute(connection)
    .await?;
    Ok(())
}

/// Closes an audit whose queries are all written.
pub(super) async fn complete_audit(
    connection: &mut PgConnection,
    audit: &Audit,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE ai_visibility_audits SET status = 'completed', completed_at = now(), overall_score = 40 + id % 50
         WHERE id = $1",
    )
    .bind(audit.id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Which lines of the dashboard are counted anew.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope<'a> {
    Everything,
    Company(&'a str),
    Audit(i64),
}

/// Counts queries and responses anew, from the table that the version believes in. Returns the number
/// of lines written.
pub(super) async fn refresh_dashboard(
    connection: &mut PgConnection,
    version: Version,
    scope: Scope<'_>,
) -> Result<u64, sqlx::Error> {
    let sql = match version {
        Version::Old => {
            "UPDATE dashboard_data AS d
                SET total_queries = c.queries, total_responses = c.responses, overall_score = a.overall_score,
                    refreshed_at = now()
               FROM ai_visibility_audits AS a
               CROSS JOIN LATERAL (
                    SELECT count(DISTINCT q.id)::integer AS queries, count(r.id)::integer AS responses
                      FROM ai_queries AS q LEFT JOIN ai_responses AS r ON r.query_id = q.id
                     WHERE q.report_id = a.report_id) AS c
              WHERE a.id = d.audit_id AND ($1::bigint IS NULL OR d.audit_id = $1)
                AND ($2::text IS NULL OR d.company_name = $2)"
        }
        Version::New => {
            "UPDATE dashboard_data AS d
                SET total_queries = c.queries, total_responses = c.responses, overall_score = a.overall_score,
                    refreshed_at = now()
               FROM ai_visibility_audits AS a
               CROSS JOIN LATERAL (
                    SELECT count(DISTINCT q.id)::integer AS queries, count(r.id)::integer AS responses
                      FROM audit_queries AS q LEFT JOIN ai_responses AS r ON r.audit_query_id = q.id
                     WHERE q.audit_id = a.id) AS c
              WHERE a.id = d.audit_id AND ($1::bigint IS NULL OR d.audit_id = $1)
                AND ($2::text IS NULL OR d.company_name = $2)"
        }
    };
    let (audit, company) = match scope {
        Scope::Everything => (None, None),
        Scope::Company(name) => (None, Some(name)),
        Scope::Audit(id) => (Some(id), None),
    };
    let result = sqlx::query(sql)
        .bind(audit)
        .bind(company)
        .execute(connection)
        .await?;
    Ok(result.rows_affected())
}

/// A company as the administrators see it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct CompanyRow {
    pub name: String,
    pub domain: String,
    pub journey_status: String,
    pub audits: i64,
    pub query_count: i64,
}

/// All companies with their numbers of audits and queries, newest company first.
pub(super) async fn companies(
    connection: &mut PgConnection,
    version: Version,
) -> Result<Vec<CompanyRow>, sqlx::Error> {
    let sql = match version {
        Version::Old => {
            "SELECT c.name, c.domain, c.journey_status,
                    (SELECT count(*) FROM ai_visibility_audits a WHERE a.company_id = c.id) AS audits,
                    (SELECT count(*) FROM ai_visibility_audits a JOIN ai_queries q ON q.report_id = a.report_id
                      WHERE a.company_id = c.id) AS query_count
               FROM companies c ORDER BY c.id DESC"
        }
        Version::New => {
            "SELECT c.name, c.domain, c.journey_status,
                    (SELECT count(*) FROM ai_visibility_audits a WHERE a.company_id = c.id) AS audits,
                    (SELECT count(*) FROM ai_visibility_audits a JOIN audit_queries q ON q.audit_id = a.id
                      WHERE a.company_id = c.id) AS query_count
               FROM companies c ORDER BY c.id DESC"
        }
    };
    let rows = sqlx::query(sql).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            Ok(CompanyRow {
                name: row.try_get("name")?,
                domain: row.try_get("domain")?,
                journey_status: row.try_get("journey_status")?,
                audits: row.try_get("audits")?,
                query_count: row.try_get("query_count")?,
            })
        })
        .collect()
}

/// What a report id leads to.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ReportRow {
    pub report_id: String,
    pub audit_id: i64,
    pub company: String,
    pub query_count: i64,
}

/// Looks a report up: the old version by the audit's own name, the new one by the mapping.
pub(super) async fn report(
    connection: &mut PgConnection,
    version: Version,
    report_id: &str,
) -> Result<Option<ReportRow>, sqlx::Error> {
    let sql = match version {
        Version::Old => {
            "SELECT a.report_id, a.id AS audit_id, c.name AS company,
                    (SELECT count(*) FROM ai_queries q WHERE q.report_id = a.report_id) AS query_count
               FROM ai_visibility_audits a JOIN companies c ON c.id = a.company_id
              WHERE a.report_id = $1"
        }
        Version::New => {
            "SELECT m.report_id, m.audit_id, c.name AS company,
                    (SELECT count(*) FROM audit_queries q WHERE q.audit_id = m.audit_id) AS query_count
               FROM report_audit_mapping m
               JOIN ai_visibility_audits a ON a.id = m.audit_id
               JOIN companies c ON c.id = a.company_id
              WHERE m.report_id = $1"
        }
    };
    let row = sqlx::query(sql)
        .bind(report_id)
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        Ok(ReportRow {
            report_id: row.try_get("report_id")?,
            audit_id: row.try_get("audit_id")?,
            company: row.try_get("company")?,
            query_count: row.try_get("query_count")?,
        })
    })
    .transpose()
}
