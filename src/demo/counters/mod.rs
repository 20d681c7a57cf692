//! Counters beside the rows that they count: the limit checks of a travel planner read a column instead
//! of counting, and every feature is tracked. The same guide goes to staging first, then to production.

mod planner;

use axum::Router;
use sqlx::postgres::PgConnectOptions;
use tokio_util::sync::CancellationToken;

use super::layout::{ServiceName, Version};
use super::system::{Break, Database, Environment, Kept, Need, Service, System, VERSIONS};
use super::web::App;

const STAGING: &str = "planner_staging";
const PRODUCTION: &str = "planner_production";
const GUIDE: &str = "counters.md";
const SCHEMA: &str = include_str!("../../../assets/demo/counters/schema.sql");

pub(super) static SYSTEM: System = System {
    name: "counters",
    about: "counter columns and usage tracking, on staging first and then on production",
    breaks: &[
        Break {
            name: "drift",
            about: "an importer of production bypasses the triggers: counters and rows drift apart",
            sql: "ALTER ROLE planner_app SUPERUSER",
        },
        Break {
            name: "lock",
            about: "an export of production holds a table: the migration cannot get its lock",
            sql: "",
        },
    ],
    guide: GUIDE,
    files: &[
        (GUIDE, include_str!("../../../runbooks/counters.md")),
        (
            "migrations/add_counter_columns.sql",
            include_str!("../../../assets/demo/counters/migrations/add_counter_columns.sql"),
        ),
        (
            "migrations/expand_feature_usage.sql",
            include_str!("../../../assets/demo/counters/migrations/expand_feature_usage.sql"),
        ),
    ],
    roles: include_str!("../../../assets/demo/counters/roles.sql"),
    owner: "planner_owner",
    application: "planner_app",
    databases: &[
        Database {
            name: STAGING,
            scripts: &[SCHEMA],
        },
        Database {
            name: PRODUCTION,
            scripts: &[SCHEMA],
        },
    ],
    services: &[
        Service {
            name: ServiceName::PlannerStaging,
            database: STAGING,
        },
        Service {
            name: ServiceName::Planner,
            database: PRODUCTION,
        },
    ],
    environments: &[
        Environment {
            name: "staging",
            database: STAGING,
            services: &[("planner", ServiceName::PlannerStaging)],
            window: "25h",
        },
        Environment {
            name: "production",
            database: PRODUCTION,
            services: &[("planner", ServiceName::Planner)],
            window: "25h",
        },
    ],
    kept: &[
        Kept {
            what: "staging, columns",
            database: STAGING,
            sql: COLUMNS,
        },
        Kept {
            what: "staging, version",
            database: STAGING,
            sql: VERSIONS,
        },
        Kept {
            what: "production, columns",
            database: PRODUCTION,
            sql: COLUMNS,
        },
        Kept {
            what: "production, messages",
            database: PRODUCTION,
            sql: "SELECT count(*) || ' rows, ' || md5(string_agg(m::text, ';' ORDER BY id)) FROM chat_messages m WHERE id <= 60000",
        },
        Kept {
            what: "production, itineraries",
            database: PRODUCTION,
            sql: "SELECT count(*) || ' rows, ' || md5(string_agg(concat_ws('|', id, user_id, title, data), ';' ORDER BY id))
                    FROM travel_itineraries WHERE id <= 800",
        },
        Kept {
            what: "production, version",
            database: PRODUCTION,
            sql: VERSIONS,
        },
    ],
    scales: [600, 7_200],
    needs,
    router,
    traffic: |app, options, stop| Box::pin(traffic(app, options, stop)),
};

/// The columns of the two tables that get counters.
const COLUMNS: &str = "SELECT count(*) || ', counters: ' ||
       coalesce(string_agg(column_name::text, ' ' ORDER BY table_name) FILTER (WHERE column_name LIKE '%\\_count'), 'none')
  FROM information_schema.columns WHERE table_name IN ('chat_threads', 'travel_itineraries')";

fn needs(version: Version) -> &'static [Need] {
    const COUNTERS: Need = Need {
        what: "migration 019",
        sql: "SELECT EXISTS (SELECT FROM schema_migrations WHERE version = '019')",
    };
    const USAGE: Need = Need {
        what: "migration 020",
        sql: "SELECT EXISTS (SELECT FROM schema_migrations WHERE version = '020')",
    };
    match version {
        Version::Old => &[],
        Version::New => const { &[COUNTERS, USAGE] },
    }
}

fn router(app: App) -> Router {
    planner::router(app)
}

async fn traffic(app: App, options: PgConnectOptions, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = planner::work(&app, options) => {}
    }
}
