//! A wide table becomes a star schema while its writer and its readers go on: created beside it, filled in
//! batches, written in both, read in stages, and only then put away.

mod readers;
mod services;

use axum::Router;
use sqlx::postgres::PgConnectOptions;
use tokio_util::sync::CancellationToken;

use super::layout::{ServiceName, Version};
use super::system::{Break, Database, Environment, Kept, Need, Service, System, VERSIONS};
use super::web::App;

const DATABASE: &str = "positions";
const GUIDE: &str = "star-schema.md";

pub(super) static SYSTEM: System = System {
    name: "star-schema",
    about: "a wide table becomes a star schema, written in both and read in stages",
    breaks: &[
        Break {
            name: "behind",
            about: "the scorer no longer writes to the new tables once half of a reader is moved: it disagrees",
            sql: "",
        },
        Break {
            name: "rows",
            about: "three old rows have a sentiment that the new tables refuse: the backfill meets them",
            sql: "UPDATE extracted_positions SET sentiment_label = 'MIXED' WHERE id IN (20001, 20006, 20011)",
        },
        Break {
            name: "lock",
            about: "an export holds the wide table: it cannot be renamed",
            sql: "",
        },
    ],
    guide: GUIDE,
    files: &[
        (GUIDE, include_str!("../../../runbooks/star-schema.md")),
        (
            "migrations/create_star_schema.sql",
            include_str!("../../../assets/demo/star_schema/migrations/create_star_schema.sql"),
        ),
        (
            "migrations/archive_wide_table.sql",
            include_str!("../../../assets/demo/star_schema/migrations/archive_wide_table.sql"),
        ),
    ],
    roles: include_str!("../../../assets/demo/star_schema/roles.sql"),
    owner: "positions_owner",
    application: "positions_app",
    databases: &[Database {
        name: DATABASE,
        scripts: &[include_str!("../../../assets/demo/star_schema/schema.sql")],
    }],
    services: &[
        Service {
            name: ServiceName::Scorer,
            database: DATABASE,
        },
        Service {
            name: ServiceName::Dashboard,
            database: DATABASE,
        },
    ],
    environments: &[Environment {
        name: "demo",
        database: DATABASE,
        services: &[
            ("scorer", ServiceName::Scorer),
            ("dashboard", ServiceName::Dashboard),
        ],
        window: "40d",
    }],
    kept: &[
        Kept {
            what: "tables",
            database: DATABASE,
            sql: "SELECT count(*) FILTER (WHERE relkind = 'i') || ' indexes of ' ||
                         string_agg(relname, ' ' ORDER BY relname) FILTER (WHERE relkind <> 'i')
                    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'm', 'i')",
        },
        Kept {
            what: "positions",
            database: DATABASE,
            sql: "SELECT first_positions()",
        },
        Kept {
            what: "flags",
            database: DATABASE,
            sql: "SELECT string_agg(name || ' ' || percent, ', ' ORDER BY name) FROM rollout",
        },
        Kept {
            what: "versions",
            database: DATABASE,
            sql: VERSIONS,
        },
    ],
    scales: [20_160, 20_160],
    needs,
    router,
    traffic: |app, options, stop| Box::pin(traffic(app, options, stop)),
};

fn needs(version: Version) -> &'static [Need] {
    const STAR: Need = Need {
        what: "migration 042",
        sql: "SELECT EXISTS (SELECT FROM schema_migrations WHERE version = '042')",
    };
    match version {
        Version::Old => &[],
        Version::New => const { &[STAR] },
    }
}

fn router(app: App) -> Router {
    services::router(app)
}

async fn traffic(app: App, options: PgConnectOptions, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = services::work(&app, options) => {}
    }
}
