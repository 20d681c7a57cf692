//! From an action as it was shown to what its shim is told. Nothing is inferred here: the text is
//! that of the preview, values travel beside it, and secrets only by environment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::secrets::{NOT_TRUSTED, Secrets};
use super::watching::password_name;
use crate::executor::{ActionKind, Expected, ShimSpec};
use crate::libpq::Ambient;
use crate::monitor::{Target, service_password, surroundings};
use crate::run::{
    ActionId, Input, RunState, Timestamp, preview_ahead, preview_from, shell_start, spellings,
    strays_of_secrets,
};
use crate::runbook::config::SecretSource;
use crate::runbook::{
    Actor, Transaction, is_psql_own, is_reserved, talks_to_postgres, travel_name,
};

/// The server ends our session's statement when its client is gone, where it can (PostgreSQL 14).
const CONNECTION_CHECK: (&str, &str) = ("client_connection_check_interval", "2000");
const CONNECTION_CHECK_SINCE: u32 = 14;

/// The secrets that an action needs, with their sources; none of one that cannot run.
pub(super) fn secrets_of(state: &RunState, action: ActionId) -> Vec<(String, SecretSource)> {
    let Ok(shown) = preview_ahead(state, action) else {
        return Vec::new();
    };
    let mut wanted = Vec::new();
    for (name, input) in &state.inputs {
        if let Input::Secret(source) = input
            && shown.secrets.contains(name)
        {
            wanted.push((name.clone(), source.clone()));
        }
    }
    let target = state.config.targets.get(&shown.on);
    if let Some(source) = target.and_then(|target| target.password.as_ref())
        && shown.actor != Actor::Http
    {
        wanted.push((password_name(&shown.on), source.clone()));
    }
    wanted
}

/// The secrets that the phase at hand and the rollbacks need.
pub(super) fn secrets_ahead(state: &RunState) -> BTreeMap<String, SecretSource> {
    let phase = state.phase().into_iter().flat_map(|phase| &phase.steps);
    let back = state
        .runbook
        .rollback
        .iter()
        .flat_map(|option| &option.steps);
    let actions = phase.chain(back).flat_map(|step| state.actions_of(step));
    actions
        .flat_map(|action| secrets_of(state, action))
        .collect()
}

/// What libpq found around the run when it was opened; of a run of a version that did not keep it, what
/// it finds here.
pub(super) fn surroundings_of(state: &RunState) -> Ambient {
    let kept = state.config.surroundings.clone();
    kept.unwrap_or_else(surroundings)
}

/// What the shim of an attempt is told. Its secrets must be here.
///
/// # Errors
/// Why it cannot run, in words for the operator.
pub(super) fn specification(
    state: &RunState,
    secrets: &Secrets,
    action: ActionId,
    attempt: u32,
    alive: impl Fn(&str) -> Option<(Timestamp, Timestamp)>,
) -> Result<ShimSpec, String> {
    // What a command is given comes from the configuration too: where it starts, what it connects to.
    if secrets.consent().is_none() {
        return Err(NOT_TRUSTED.to_owned());
    }
    let last = state.action(action).and_then(|state| state.last());
    let from = last.and_then(|attempt| attempt.from);
    let shown = preview_from(state, action, from).map_err(|refusal| refusal.message)?;
    let block = state
        .runbook
        .block(action.block)
        .ok_or_else(|| format!("the guide has no block {}", action.block))?;
    let step = state
        .step_of(action)
        .map_or("step", |step| step.id.as_str());
    let mut secret_values = BTreeMap::new();
    let mut by_name = BTreeMap::new();
    let mut values = BTreeMap::new();
    for (name, input) in &state.inputs {
        match input {
            Input::Value(value) => {
                values.insert(name.clone(), value.clone());
            }
            Input::Secret(source) if shown.secrets.contains(name) => {
                let value = value_of(secrets, name, source)?;
                by_name.insert(name.clone(), value.clone());
                secret_values.insert(travel_name(name), value);
            }
            Input::Secret(_) => {}
        }
    }
    let goes_back = state.runbook.is_of_rollback(step);
    let is_asked_for = last.is_some_and(|attempt| attempt.asked.is_some());
    if !goes_back
        && !is_asked_for
        && let Some(stray) = strays_of_secrets(state, &shown, &by_name).first()
    {
        return Err(format!("{stray}; give a reason to run it all the same"));
    }
    // Under the names by which the text asks for them, captured ones too.
    for (name, value) in &shown.values {
        values.insert(name.clone(), value.clone());
        for spelling in spellings(state, name) {
            if let Some(name) = spelling.strip_prefix(':') {
                let name = name.trim_matches(['\'', '"']);
                values.insert(name.to_owned(), value.clone());
            }
        }
    }
    let target = state.config.targets.get(&shown.on);
    if let Some(source) = target.and_then(|target| target.password.as_ref())
        && shown.actor != Actor::Http
    {
        let password = value_of(secrets, &password_name(&shown.on), source)?;
        secret_values.insert("PGPASSWORD".to_owned(), password);
    } else if let Some(service) = target.and_then(|target| target.password_service.as_deref())
        && let Some(password) = service_password(service)
    {
        secret_values.insert("PGPASSWORD".to_owned(), password);
    }
    let surroundings = surroundings_of(state);
    let identity = state.identities.get(&shown.on);
    let alive = alive(&shown.on);
    let address = match target {
        Some(target) => {
            let target = Target::within(&shown.on, &target.postgres, &surroundings, None)
                .map_err(|error| error.to_string())?;
            // Of several servers the step goes to the one that proved itself.
            Some(match identity {
                Some(identity) => target.proved(&identity.host, identity.port),
                None => target.settled().clone(),
            })
        }
        None => None,
    };
    // What of libpq's variables leads nowhere is as it was when the run was opened.
    let mut env = surroundings.beside_the_address();
    let shown_text = shown.command.clone();
    let kind = match shown.actor {
        Actor::Shell => {
            match &address {
                // The shell's own psql and pg_dump reach the database that the screen names.
                Some(address) => env.extend(address.environment()),
                // No database is named: they go where they went in the shell of its opening.
                None => env.extend(surroundings.variables()),
            }
            env.extend(values.into_iter().filter(|(name, _)| !is_reserved(name)));
            env.insert("GONOGO_RUN".to_owned(), state.run.clone());
            env.insert("GONOGO_STEP".to_owned(), step.to_owned());
            ActionKind::Shell {
                commands: shown.commands,
            }
        }
        Actor::Sql => {
            let address = address
                .as_ref()
                .ok_or_else(|| format!("no target `{}`", shown.on))?;
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
                commands: shown.commands,
                connection: address.conninfo(),
                variables: values
                    .into_iter()
                    .filter(|(name, _)| !is_psql_own(name))
                    .collect(),
                secret_variables: shown.secrets.iter().map(|name| travel_name(name)).collect(),
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
    let start_in = PathBuf::from(&shown.directory);
    let mut spec = ShimSpec::new(&state.run, step, action, attempt, kind, start_in);
    if shown.actor == Actor::Shell {
        let start = shell_start(state, action, from);
        let left = start.set.into_iter();
        spec.shell.set = left
            .map(|(name, (value, _))| (name.to_owned(), value.clone()))
            .collect();
        spec.shell.unset = start.unset.into_keys().map(str::to_owned).collect();
        let owned = |defined: BTreeMap<&str, (&str, ActionId)>| -> BTreeMap<String, String> {
            let defined = defined.into_iter();
            defined
                .map(|(name, (text, _))| (name.to_owned(), text.to_owned()))
                .collect()
        };
        spec.shell.functions = owned(start.functions);
        spec.shell.aliases = owned(start.aliases);
        spec.shell.umask = start.umask.map(str::to_owned);
        spec.shell.previous = start.previous.map(str::to_owned);
    }
    spec.shell.directory_from = shown.directory_from.map(|title| format!("`{title}`"));
    env.remove("PGAPPNAME");
    spec.expected = identity
        .filter(|_| shown.actor != Actor::Http)
        .map(|identity| {
            Box::new(Expected {
                identity: identity.clone(),
                alive_until: alive.and_then(|(started, until)| {
                    (identity.started == Some(started)).then_some(until)
                }),
                connection: address
                    .filter(|_| shown.actor == Actor::Shell && talks_to_postgres(&shown_text))
                    .map(|address| address.conninfo()),
            })
        });
    spec.env = env;
    spec.redact = secrets.values();
    spec.secrets = secret_values;
    spec.timeout_s = shown.timeout_s;
    spec.every_s = block.attributes.every_s.filter(|_| block.is_repeated());
    spec.watch = state.is_watch(action) && spec.every_s.is_none();
    // Where nobody is there to type, what reads its input finds its end, as it always did.
    spec.keyboard = shown.actor == Actor::Shell && !state.unattended && !state.is_watch(action);
    Ok(spec)
}

fn value_of(secrets: &Secrets, name: &str, source: &SecretSource) -> Result<String, String> {
    secrets.known(name, source).ok_or_else(|| {
        format!("no value for the secret `{name}`: its source was changed; start it again")
    })
}
