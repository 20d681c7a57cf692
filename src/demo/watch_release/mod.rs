//! A release that is watched for a day: the dashboard and the conversations of a support service. The
//! new version asks the database less often and keeps organisations apart; what is broken in it shows
//! only after a while.

mod chat;
mod portal;

use axum::Router;
use sqlx::postgres::PgConnectOptions;
use tokio_util::sync::CancellationToken;

use super::layout::{ServiceName, Version};
use super::system::{Break, Database, Environment, Kept, Need, Service, System, VERSIONS};
use super::web::App;

const DATABASE: &str = "lantern";
const GUIDE: &str = "watch-release.md";

pub(super) static SYSTEM: System = System {
    name: "watch-release",
    about: "a release is deployed and watched for 24 hours, in four windows (shortened: --scale)",
    breaks: &[
        Break {
            name: "leak",
            about: "the new dashboard never frees memory: a red flag when 90 % is used",
            sql: "",
        },
        Break {
            name: "exposed",
            about: "a debug endpoint of the new dashboard opens some time after the start",
            sql: "",
        },
        Break {
            name: "flap",
            about: "the new services answer, then do not, then do again",
            sql: "",
        },
        Break {
            name: "unattributed",
            about: "the new chat writes some messages without an organisation",
            sql: "",
        },
    ],
    guide: GUIDE,
    files: &[(GUIDE, include_str!("../../../runbooks/watch-release.md"))],
    roles: include_str!("../../../assets/demo/watch_release/roles.sql"),
    owner: "lantern_owner",
    application: "lantern_app",
    databases: &[Database {
        name: DATABASE,
        scripts: &[
            include_str!("../../../assets/demo/watch_release/schema.sql"),
            include_str!("../../../assets/demo/watch_release/data.sql"),
        ],
    }],
    services: &[
        Service {
            name: ServiceName::Chat,
            database: DATABASE,
        },
        Service {
            name: ServiceName::Portal,
            database: DATABASE,
        },
    ],
    environments: &[Environment {
        name: "demo",
        database: DATABASE,
        services: &[("portal", ServiceName::Portal), ("chat", ServiceName::Chat)],
        window: "26h",
    }],
    kept: &[
        Kept {
            what: "conversations",
            database: DATABASE,
            sql: "SELECT count(*) || ' rows, ' || md5(string_agg(c::text, ';' ORDER BY id)) FROM conversations c WHERE id <= 2584",
        },
        Kept {
            what: "messages",
            database: DATABASE,
            sql: "SELECT count(*) || ' rows, ' || md5(string_agg(m::text, ';' ORDER BY id)) FROM messages m WHERE id <= 25000",
        },
        Kept {
            what: "pages",
            database: DATABASE,
            sql: "SELECT count(*) || ' rows, ' || md5(string_agg(p::text, ';' ORDER BY id)) FROM page_embeddings p",
        },
        Kept {
            what: "rows without an organisation",
            database: DATABASE,
            sql: "SELECT count(*)::text FROM (SELECT organisation_id FROM conversations UNION ALL SELECT organisation_id FROM messages) AS r
                   WHERE organisation_id IS NULL",
        },
        Kept {
            what: "versions",
            database: DATABASE,
            sql: VERSIONS,
        },
    ],
    scales: [600, 2_400],
    needs,
    router,
    traffic: |app, options, stop| Box::pin(traffic(app, options, stop)),
};

fn needs(version: Version) -> &'static [Need] {
    const FILLED: Need = Need {
        what: "migration 043",
        sql: "SELECT EXISTS (SELECT FROM schema_migrations WHERE version = '043')",
    };
    match version {
        Version::Old => &[],
        Version::New => const { &[FILLED] },
    }
}

fn router(app: App) -> Router {
    match app.service {
        ServiceName::Chat => chat::router(app),
        _ => portal::router(app),
    }
}

async fn traffic(app: App, _: PgConnectOptions, stop: CancellationToken) {
    let work = async {
        match app.service {
            ServiceName::Chat => chat::write(&app).await,
            _ => portal::be_visited(&app).await,
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}
