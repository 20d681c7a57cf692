//! Two tables for queries become one: the services of a company that audits what assistants say about
//! brands. Old and new version write different tables, and a migration lies between them.

mod engine;
mod gateway;
mod store;
mod traffic;

use axum::Router;
use sqlx::postgres::PgConnectOptions;
use tokio_util::sync::CancellationToken;

use super::layout::{ServiceName, Version};
use super::system::{Break, Database, Environment, Kept, Need, Service, System, VERSIONS};
use super::web::App;

const DATABASE: &str = "rankboard";
const GUIDE: &str = "single-table-migration.md";

pub(super) static SYSTEM: System = System {
    name: "single-table",
    about: "two tables for the same rows become one, while two services write to them",
    breaks: &[
        Break {
            name: "orphans",
            about: "rows that belong to no audit: the checks before the migration fail",
            sql: "INSERT INTO ai_queries (report_id, company_id, position, category, query_text)
                  SELECT 'RPT-LOST', 1, n, 'support', 'an audit that was deleted by hand'
                    FROM generate_series(1, 7) AS n",
        },
        Break {
            name: "lost-copies",
            about: "a trigger throws away every fifth copied row: the migration counts, and fails",
            // By the owner: who restores a dump of it may not give things to somebody else.
            sql: "SET ROLE rankboard_owner;
                  CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS
                  $$ BEGIN RETURN CASE WHEN NEW.position % 5 = 0 AND NEW.migrated_from IS NOT NULL
                                       THEN NULL ELSE NEW END; END $$;
                  CREATE TRIGGER lose BEFORE INSERT ON audit_queries FOR EACH ROW EXECUTE FUNCTION lose();
                  RESET ROLE",
        },
    ],
    guide: GUIDE,
    files: &[
        (
            GUIDE,
            include_str!("../../../runbooks/single-table-migration.md"),
        ),
        (
            "migrations/007_single_query_table.sql",
            include_str!("../../../assets/demo/single_table/migrations/007_single_query_table.sql"),
        ),
        (
            "migrations/verify_single_query_table.sql",
            include_str!(
                "../../../assets/demo/single_table/migrations/verify_single_query_table.sql"
            ),
        ),
        (
            "migrations/rollback_single_query_table.sql",
            include_str!(
                "../../../assets/demo/single_table/migrations/rollback_single_query_table.sql"
            ),
        ),
        (
            "migrations/baseline_single_query_table.sql",
            include_str!(
                "../../../assets/demo/single_table/migrations/baseline_single_query_table.sql"
            ),
        ),
        (
            "migrations/compare_with_baseline.sql",
            include_str!("../../../assets/demo/single_table/migrations/compare_with_baseline.sql"),
        ),
    ],
    roles: include_str!("../../../assets/demo/single_table/roles.sql"),
    owner: "rankboard_owner",
    application: "rankboard_app",
    databases: &[Database {
        name: DATABASE,
        scripts: &[
            include_str!("../../../assets/demo/single_table/schema.sql"),
            include_str!("../../../assets/demo/single_table/data.sql"),
        ],
    }],
    services: &[
        Service {
            name: ServiceName::Engine,
            database: DATABASE,
        },
        Service {
            name: ServiceName::Gateway,
            database: DATABASE,
        },
    ],
    environments: &[Environment {
        name: "demo",
        database: DATABASE,
        services: &[
            ("gateway", ServiceName::Gateway),
            ("engine", ServiceName::Engine),
        ],
        window: "60m",
    }],
    kept: &[
        Kept {
            what: "companies",
            database: DATABASE,
            sql: "SELECT count(*) || ' rows, ' || md5(string_agg(concat_ws('|', id, name, domain), ';' ORDER BY id))
                    FROM companies WHERE id <= 80",
        },
        Kept {
            what: "audits",
            database: DATABASE,
            sql: "SELECT count(*) || ' rows, ' || md5(string_agg(concat_ws('|', id, report_id, company_id, status), ';' ORDER BY id))
                    FROM ai_visibility_audits WHERE id <= 400",
        },
        Kept {
            what: "queries",
            database: DATABASE,
            sql: "SELECT count(*) || ' rows, ' || md5(string_agg(q::text, ';' ORDER BY id))
                    FROM ai_queries q WHERE id <= 400 * 48",
        },
        Kept {
            what: "versions",
            database: DATABASE,
            sql: VERSIONS,
        },
    ],
    scales: [1, 1],
    needs,
    router,
    traffic: |app, options, stop| Box::pin(traffic(app, options, stop)),
};

fn needs(version: Version) -> &'static [Need] {
    const AUDITS: Need = Need {
        what: "the table `ai_visibility_audits`",
        sql: "SELECT to_regclass('ai_visibility_audits') IS NOT NULL",
    };
    const QUERIES: Need = Need {
        what: "the table `audit_queries`",
        sql: "SELECT to_regclass('audit_queries') IS NOT NULL",
    };
    const RESPONSES: Need = Need {
        what: "the table `ai_responses`",
        sql: "SELECT to_regclass('ai_responses') IS NOT NULL",
    };
    match version {
        Version::Old => {
            const {
                &[
                    AUDITS,
                    QUERIES,
                    RESPONSES,
                    Need {
                        what: "the table `ai_queries`",
                        sql: "SELECT to_regclass('ai_queries') IS NOT NULL",
                    },
                ]
            }
        }
        Version::New => {
            const {
                &[
                    AUDITS,
                    QUERIES,
                    RESPONSES,
                    Need {
                        what: "the table `report_audit_mapping`",
                        sql: "SELECT to_regclass('report_audit_mapping') IS NOT NULL",
                    },
                    Need {
                        what: "migration 007",
                        sql: "SELECT EXISTS (SELECT FROM schema_migrations WHERE version = '007')",
                    },
                ]
            }
        }
    }
}

fn router(app: App) -> Router {
    match app.service {
        ServiceName::Gateway => gateway::router(app),
        _ => engine::router(app),
    }
}

async fn traffic(app: App, options: PgConnectOptions, stop: CancellationToken) {
    traffic::run(app.service, app.version, options, stop).await;
}
