//! Looks, before a version of a service is started, whether it would find what it needs: the database
//! under its own role, and in it what that version needs.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use super::catalogue::system_of;
use super::layout::{ServiceName, Version};

const PATIENCE: Duration = Duration::from_secs(5);

/// What is missing.
#[derive(Debug, thiserror::Error)]
pub enum Unready {
    #[error("{service} cannot use the database: {source}")]
    Database {
        service: ServiceName,
        source: sqlx::Error,
    },
    #[error("{service} cannot reach the database within {} s", PATIENCE.as_secs())]
    Silent { service: ServiceName },
    #[error("version {version} of {service} needs {missing}; run the migration first")]
    Missing {
        service: ServiceName,
        version: Version,
        missing: String,
    },
}

/// Finds out whether `version` of `service` could run on the database at this URI.
pub async fn check(database: &str, service: ServiceName, version: Version) -> Result<(), Unready> {
    let failed = |source| Unready::Database { service, source };
    let missing = tokio::time::timeout(PATIENCE, missing(database, service, version))
        .await
        .map_err(|_| Unready::Silent { service })?
        .map_err(failed)?;
    if missing.is_empty() {
        return Ok(());
    }
    Err(Unready::Missing {
        service,
        version,
        missing: missing.join(", "),
    })
}

async fn missing(
    database: &str,
    service: ServiceName,
    version: Version,
) -> Result<Vec<String>, sqlx::Error> {
    let options = database
        .parse::<PgConnectOptions>()?
        .application_name(service.as_str());
    let mut connection = PgConnection::connect_with(&options).await?;
    let mut missing = Vec::new();
    for need in (system_of(service).needs)(version) {
        let found: bool = sqlx::query_scalar(need.sql)
            .fetch_one(&mut connection)
            .await?;
        if !found {
            missing.push(need.what.to_owned());
        }
    }
    connection.close().await?;
    Ok(missing)
}
