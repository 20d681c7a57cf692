//! What the catalog says of a constraint that a statement has made, on a connection of its own: one that
//! is `NOT VALID` says nothing of the rows that were there before.

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};

use super::Target;
use super::link::{Link, Scope, answered};
use super::trouble::Trouble;
use crate::run::CatalogWord;
use crate::runbook::Asked;

const CONSTRAINT: &str = "SELECT /* gonogo monitor */ c.convalidated FROM pg_catalog.pg_constraint AS c \
    WHERE c.conrelid = to_regclass($1) AND c.conname = $2";

/// One sentence for each thing that was asked.
pub(super) async fn words(
    target: &Target,
    run: &str,
    asked: &[Asked],
) -> Result<Vec<CatalogWord>, Trouble> {
    let mut link = Link::open(target, run, Scope::Role).await?;
    let mut words = Vec::new();
    for one in asked {
        words.push(answered(word(&mut link.connection, one), target).await?);
    }
    // The session ends with us in any case; in order is kinder to the server's log.
    if let Err(error) = link.connection.close().await {
        tracing::debug!("closing after a look into the catalog: {error}");
    }
    Ok(words)
}

async fn word(connection: &mut PgConnection, asked: &Asked) -> Result<CatalogWord, sqlx::Error> {
    let Asked {
        table,
        name,
        validated,
    } = asked;
    let bare = match name.starts_with('"') {
        true => name.trim_matches('"').to_owned(),
        false => name.to_lowercase(),
    };
    let row = sqlx::query(CONSTRAINT)
        .bind(table)
        .bind(bare)
        .fetch_optional(connection)
        .await?;
    let is_valid = match row {
        Some(row) => Some(row.try_get::<bool, _>(0)?),
        None => None,
    };
    Ok(match (is_valid, validated) {
        (None, _) => CatalogWord::bad(format!("`{table}` has no constraint `{name}`")),
        (Some(true), _) => CatalogWord::good(format!("the constraint `{name}` is validated")),
        (Some(false), true) => CatalogWord::bad(format!(
            "the constraint `{name}` is not validated: rows that were there before may break it"
        )),
        (Some(false), false) => CatalogWord::good(format!(
            "the constraint `{name}` holds for new rows only: `ALTER TABLE {table} VALIDATE CONSTRAINT {name}` checks the others"
        )),
    })
}
