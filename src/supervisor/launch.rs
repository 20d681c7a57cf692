//! From an action as it was shown to what its shim is told. Nothing is inferred here: the text is
//! that of the preview, values travel beside it, and secrets only by environment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::secrets::{NOT_TRUSTED, Secrets};
use super::watching::password_name;
use crate::executor::{ActionKind, Expected, ShellHanded, ShimSpec};
use crate::libpq::{Address, Ambient};
use crate::monitor::{Target, service_password, surroundings};
use crate::run::{
    ActionId, Input, Preview, RunState, TargetIdentity, Timestamp, preview_ahead, preview_from,
    shell_start, spellings, strays_of_secrets,
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
    let mut given = Given::of(state, secrets, &shown)?;
    let goes_back = state.runbook.is_of_rollback(step);
    let is_asked_for = last.is_some_and(|attempt| attempt.asked.is_some());
    if !goes_back
        && !is_asked_for
        && let Some(stray) = strays_of_secrets(state, &shown, &given.secrets_by_name).first()
    {
        return Err(format!("{stray}; give a reason to run it all the same"));
    }
    given.secrets.extend(password(state, secrets, &shown)?);
    let surroundings = surroundings_of(state);
    let address = address(state, &shown, &surroundings)?;
    let expected = expected(state, &shown, address.as_ref(), alive(&shown.on));
    // What of libpq's variables leads nowhere is as it was when the run was opened.
    let mut env = surroundings.beside_the_address();
    let kind = match shown.actor {
        Actor::Shell => {
            match &address {
                // The shell's own psql and pg_dump reach the database that the screen names.
                Some(address) => env.extend(address.environment()),
                // No database is named: they go where they went in the shell of its opening.
                None => env.extend(surroundings.variables()),
            }
            let values = given.values.into_iter();
            env.extend(values.filter(|(name, _)| !is_reserved(name)));
            env.insert("GONOGO_RUN".to_owned(), state.run.clone());
            env.insert("GONOGO_STEP".to_owned(), step.to_owned());
            ActionKind::Shell {
                commands: shown.commands,
            }
        }
        Actor::Sql => {
            let address = address.ok_or_else(|| format!("no target `{}`", shown.on))?;
            let values = given.values.into_iter();
            ActionKind::Sql {
                commands: shown.commands,
                connection: address.conninfo(),
                variables: values.filter(|(name, _)| !is_psql_own(name)).collect(),
                secret_variables: shown.secrets.iter().map(|name| travel_name(name)).collect(),
                single_transaction: block.attributes.txn == Some(Transaction::One),
                settings: session_settings(state.identities.get(&shown.on)),
            }
        }
        Actor::Http => {
            let mut request = shown.command;
            for (name, value) in &given.secrets {
                request = request.replace(&format!("${{{name}}}"), value);
            }
            ActionKind::Http { request }
        }
        Actor::Nobody => return Err("there is nothing in it to execute".to_owned()),
    };
    env.remove("PGAPPNAME");
    let start_in = PathBuf::from(&shown.directory);
    let mut spec = ShimSpec::new(&state.run, step, action, attempt, kind, start_in);
    if shown.actor == Actor::Shell {
        spec.shell = handed_on(state, action, from);
    }
    spec.shell.directory_from = shown.directory_from.map(|title| format!("`{title}`"));
    spec.expected = expected;
    spec.env = env;
    spec.redact = secrets.values();
    spec.secrets = given.secrets;
    spec.flag = shown.flag;
    spec.timeout_s = shown.timeout_s;
    spec.every_s = block.attributes.every_s.filter(|_| block.is_repeated());
    spec.watch = state.is_watch(action) && spec.every_s.is_none();
    // Where nobody is there to type, what reads its input finds its end, as it always did.
    spec.keyboard = shown.actor == Actor::Shell && !state.unattended && !state.is_watch(action);
    Ok(spec)
}

/// What an action gets for its blanks.
struct Given {
    /// By the names by which its text asks for them, captured ones too.
    values: BTreeMap<String, String>,
    /// By the names of the variables that carry them.
    secrets: BTreeMap<String, String>,
    secrets_by_name: BTreeMap<String, String>,
}

impl Given {
    fn of(state: &RunState, secrets: &Secrets, shown: &Preview) -> Result<Self, String> {
        let mut given = Self {
            values: BTreeMap::new(),
            secrets: BTreeMap::new(),
            secrets_by_name: BTreeMap::new(),
        };
        for (name, input) in &state.inputs {
            match input {
                Input::Value(value) => {
                    given.values.insert(name.clone(), value.clone());
                }
                Input::Secret(source) if shown.secrets.contains(name) => {
                    let value = value_of(secrets, name, source)?;
                    given.secrets_by_name.insert(name.clone(), value.clone());
                    given.secrets.insert(travel_name(name), value);
                }
                Input::Secret(_) => {}
            }
        }
        for (name, value) in &shown.values {
            given.values.insert(name.clone(), value.clone());
            for spelling in spellings(state, name) {
                if let Some(name) = spelling.strip_prefix(':') {
                    let name = name.trim_matches(['\'', '"']);
                    given.values.insert(name.to_owned(), value.clone());
                }
            }
        }
        Ok(given)
    }
}

/// The password of its target, by the name of its variable.
fn password(
    state: &RunState,
    secrets: &Secrets,
    shown: &Preview,
) -> Result<Option<(String, String)>, String> {
    let Some(target) = state.config.targets.get(&shown.on) else {
        return Ok(None);
    };
    let source = target.password.as_ref();
    let password = match source.filter(|_| shown.actor != Actor::Http) {
        Some(source) => Some(value_of(secrets, &password_name(&shown.on), source)?),
        None => target
            .password_service
            .as_deref()
            .and_then(service_password),
    };
    Ok(password.map(|password| ("PGPASSWORD".to_owned(), password)))
}

/// Where its target is; of several servers the one that proved itself.
fn address(
    state: &RunState,
    shown: &Preview,
    surroundings: &Ambient,
) -> Result<Option<Address>, String> {
    let Some(target) = state.config.targets.get(&shown.on) else {
        return Ok(None);
    };
    let target = Target::within(&shown.on, &target.postgres, surroundings, None)
        .map_err(|error| error.to_string())?;
    Ok(Some(match state.identities.get(&shown.on) {
        Some(identity) => target.proved(&identity.host, identity.port),
        None => target.settled().clone(),
    }))
}

/// The database that it must be.
fn expected(
    state: &RunState,
    shown: &Preview,
    address: Option<&Address>,
    alive: Option<(Timestamp, Timestamp)>,
) -> Option<Box<Expected>> {
    let identity = state.identities.get(&shown.on);
    let identity = identity.filter(|_| shown.actor != Actor::Http)?;
    let asks_itself = shown.actor == Actor::Shell && talks_to_postgres(&shown.command);
    Some(Box::new(Expected {
        identity: identity.clone(),
        alive_until: alive
            .filter(|(started, _)| identity.started == Some(*started))
            .map(|(_, until)| until),
        connection: address.filter(|_| asks_itself).map(Address::conninfo),
    }))
}

/// What its session is told before its first statement.
fn session_settings(identity: Option<&TargetIdentity>) -> BTreeMap<String, String> {
    let major = identity.and_then(|identity| {
        let mut numbers = identity.server_version.split(['.', ' ']);
        numbers.next()?.parse::<u32>().ok()
    });
    let (name, value) = CONNECTION_CHECK;
    let knows_it = major.is_some_and(|major| major >= CONNECTION_CHECK_SINCE);
    let settings = knows_it.then(|| (name.to_owned(), value.to_owned()));
    settings.into_iter().collect()
}

/// What earlier steps left in the shell.
fn handed_on(state: &RunState, action: ActionId, from: Option<usize>) -> ShellHanded {
    let owned = |defined: BTreeMap<&str, (&str, ActionId)>| -> BTreeMap<String, String> {
        let defined = defined.into_iter();
        defined
            .map(|(name, (text, _))| (name.to_owned(), text.to_owned()))
            .collect()
    };
    let start = shell_start(state, action, from);
    let set = start.set.into_iter();
    ShellHanded {
        set: set
            .map(|(name, (value, _))| (name.to_owned(), value.clone()))
            .collect(),
        unset: start.unset.into_keys().map(str::to_owned).collect(),
        functions: owned(start.functions),
        aliases: owned(start.aliases),
        umask: start.umask.map(str::to_owned),
        previous: start.previous.map(str::to_owned),
        ..ShellHanded::default()
    }
}

fn value_of(secrets: &Secrets, name: &str, source: &SecretSource) -> Result<String, String> {
    secrets.known(name, source).ok_or_else(|| {
        format!("no value for the secret `{name}`: its source was changed; start it again")
    })
}
