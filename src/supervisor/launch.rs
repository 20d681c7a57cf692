//! From an action as it was shown to what its shim is told. Nothing is inferred here: the text is
//! that of the preview, values travel beside it, and secrets only by environment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::secrets::Secrets;
use crate::executor::{ActionKind, ShimSpec};
use crate::monitor::Target;
use crate::run::{ActionId, Input, RunState, directory, preview};
use crate::runbook::{Actor, Transaction};

/// The server ends our session's statement when its client is gone, where it can (PostgreSQL 14).
const CONNECTION_CHECK: (&str, &str) = ("client_connection_check_interval", "2000");
const CONNECTION_CHECK_SINCE: u32 = 14;

/// What the shim of an attempt is told.
///
/// # Errors
/// Why it cannot run, in words for the operator.
pub(super) async fn specification(
    state: &RunState,
    secrets: &mut Secrets,
    action: ActionId,
    attempt: u32,
) -> Result<ShimSpec, String> {
    let shown = preview(state, action).map_err(|refusal| refusal.message)?;
    let block = state
        .runbook
        .block(action.block)
        .ok_or_else(|| format!("the guide has no block {}", action.block))?;
    let step = state
        .step_of(action)
        .map_or("step", |step| step.id.as_str());
    let mut secret_values = BTreeMap::new();
    let mut values = BTreeMap::new();
    for (name, input) in &state.inputs {
        match input {
            Input::Value(value) => {
                values.insert(name.clone(), value.clone());
            }
            Input::Secret(source) if shown.secrets.contains(name) => {
                let value = secrets.resolve(name, source).await?;
                secret_values.insert(name.clone(), value);
            }
            Input::Secret(_) => {}
        }
    }
    let target = state.config.targets.get(&shown.on);
    if let Some(source) = target.and_then(|target| target.password.as_ref())
        && shown.actor != Actor::Http
    {
        let password = secrets
            .resolve(&format!("{} password", shown.on), source)
            .await?;
        secret_values.insert("PGPASSWORD".to_owned(), password);
    }
    let mut env = BTreeMap::new();
    let kind = match shown.actor {
        Actor::Shell => {
            if let Some(target) = target {
                // The shell's own psql and pg_dump reach the database that the screen names.
                let target = Target::parse(&shown.on, &target.postgres, None)
                    .map_err(|error| error.to_string())?;
                env.insert("PGHOST".to_owned(), target.host().to_owned());
                env.insert("PGPORT".to_owned(), target.port().to_string());
                env.insert("PGUSER".to_owned(), target.user().to_owned());
                env.insert("PGDATABASE".to_owned(), target.database().to_owned());
            }
            env.extend(values);
            env.insert("GONOGO_RUN".to_owned(), state.run.clone());
            env.insert("GONOGO_STEP".to_owned(), step.to_owned());
            ActionKind::Shell {
                script: shown.command,
                strict: true,
            }
        }
        Actor::Sql => {
            let target = target.ok_or_else(|| format!("no target `{}`", shown.on))?;
            let mut settings = BTreeMap::new();
            let version = state
                .identities
                .get(&shown.on)
                .and_then(|identity| {
                    identity
                        .server_version
                        .split(['.', ' '])
                        .next()?
                        .parse()
                        .ok()
                })
                .unwrap_or(0u32);
            if version >= CONNECTION_CHECK_SINCE {
                let (name, value) = CONNECTION_CHECK;
                settings.insert(name.to_owned(), value.to_owned());
            }
            ActionKind::Sql {
                script: shown.command,
                connection: target.postgres.clone(),
                variables: values,
                secret_variables: shown.secrets.clone(),
                single_transaction: block.attributes.txn == Some(Transaction::One),
                settings,
            }
        }
        Actor::Http => {
            let mut request = shown.command;
            for (name, value) in &secret_values {
                request = request.replace(&format!("${{{name}}}"), value);
            }
            ActionKind::Http { request }
        }
        Actor::Nobody => return Err("there is nothing in it to execute".to_owned()),
    };
    let start_in = PathBuf::from(directory(state, &block.attributes));
    let mut spec = ShimSpec::new(&state.run, step, action, attempt, kind, start_in);
    spec.env = env;
    spec.redact = secrets.values();
    spec.secrets = secret_values;
    spec.timeout_s = shown.timeout_s;
    spec.every_s = block.attributes.every_s.filter(|_| block.is_repeated());
    spec.watch = state.is_watch(action) && spec.every_s.is_none();
    Ok(spec)
}
