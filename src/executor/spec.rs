//! What the supervisor tells a shim, and what a shim leaves behind.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::run::{
    ActionId, CommandRun, CommandText, FlagSeen, FlagSet, ShellState, ShellValue, TargetIdentity,
    Timestamp,
};

/// Everything a shim needs to carry out one action. It travels through a pipe: the secrets in it
/// touch neither disk nor argument list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShimSpec {
    pub run: String,
    /// Id of the step, for `application_name`.
    pub step: String,
    pub action: ActionId,
    pub attempt: u32,
    pub kind: ActionKind,
    /// Variables of the action, on top of the supervisor's own environment.
    pub env: BTreeMap<String, String>,
    /// Secrets by the name of the environment variable that carries them (`PGPASSWORD` among them).
    /// Their values are redacted from everything the action prints.
    pub secrets: BTreeMap<String, String>,
    /// Further values to redact that the action does not get (other steps' secrets).
    pub redact: Vec<String>,
    /// Where it starts.
    pub directory: PathBuf,
    /// What earlier steps left in the shell.
    #[serde(default)]
    pub shell: ShellHanded,
    pub timeout_s: Option<u64>,
    /// The terminal is the input of a shell action too, and somebody is there to type.
    #[serde(default)]
    pub keyboard: bool,
    /// Milliseconds between asking politely (SIGINT) and SIGTERM; SIGKILL comes 2 s after that.
    pub grace_ms: u64,
    /// It lives until it is ended: processes that it leaves in the background are part of it.
    #[serde(default)]
    pub watch: bool,
    /// Run again and again, a round this often (seconds).
    #[serde(default)]
    pub every_s: Option<u64>,
    /// It sets a flag: what that is now is read before, and what it is then, behind it.
    #[serde(default)]
    pub flag: Option<FlagSet>,
    /// Which database it must be; `None`: it is run wherever it leads.
    #[serde(default)]
    pub expected: Option<Box<Expected>>,
}

/// The database that an action was confirmed for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Expected {
    pub identity: TargetIdentity,
    /// Until when its server process certainly answered, by its own clock: one that began later is the
    /// same after a restart.
    pub alive_until: Option<Timestamp>,
    /// Where a session is opened to prove it, for a shell action; that of an SQL action proves itself.
    pub connection: Option<String>,
}

impl ShimSpec {
    /// A specification with the usual grace of 3 s, no timeout, no variables and no secrets.
    pub fn new(
        run: impl Into<String>,
        step: impl Into<String>,
        action: ActionId,
        attempt: u32,
        kind: ActionKind,
        directory: impl Into<PathBuf>,
    ) -> Self {
        Self {
            run: run.into(),
            step: step.into(),
            action,
            attempt,
            kind,
            env: BTreeMap::new(),
            secrets: BTreeMap::new(),
            redact: Vec::new(),
            directory: directory.into(),
            shell: ShellHanded::default(),
            timeout_s: None,
            keyboard: false,
            grace_ms: 3_000,
            watch: false,
            every_s: None,
            flag: None,
            expected: None,
        }
    }
}

/// What earlier shell steps left, for the shell of this one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShellHanded {
    /// Variables that it begins with.
    pub set: BTreeMap<String, ShellValue>,
    /// Variables of the environment that it does not get.
    pub unset: BTreeSet<String>,
    /// Functions that it begins with, as `declare -f` prints them.
    #[serde(default)]
    pub functions: BTreeMap<String, String>,
    /// Aliases that it begins with, and what they stand for.
    #[serde(default)]
    pub aliases: BTreeMap<String, String>,
    #[serde(default)]
    pub umask: Option<String>,
    /// Where `cd -` goes.
    #[serde(default)]
    pub previous: Option<String>,
    /// Who left the directory that it starts in, for a message (`step 2.1`).
    pub directory_from: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ActionKind {
    /// Run one after the other in one `bash`, up to the first that fails. Secrets stand in them as
    /// `$NAME`.
    Shell { commands: Vec<CommandText> },
    /// Run one after the other in one `psql -X -v ON_ERROR_STOP=1`.
    Sql {
        /// Secrets stand in them as `:'NAME'` (see `secret_variables`).
        commands: Vec<CommandText>,
        /// Keyword/value string or URI as libpq takes it, without a password: that travels as the
        /// secret `PGPASSWORD`.
        connection: String,
        /// psql variables and their values.
        variables: BTreeMap<String, String>,
        /// Names of secrets that become psql variables too.
        secret_variables: Vec<String>,
        /// The whole script in one transaction (`txn=one`).
        single_transaction: bool,
        /// Server settings by name (`client_connection_check_interval` where the server has it).
        settings: BTreeMap<String, String>,
    },
    /// `METHOD URL`, header lines, an empty line, the body; secrets filled in.
    Http { request: String },
}

/// How an action ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// Exit code; absent where a signal ended the process or nothing could be started.
    pub exit: Option<i32>,
    pub signal: Option<i32>,
    /// It was asked to end before it did.
    pub cancelled: bool,
    /// It was ended because its time ran out.
    pub timed_out: bool,
    pub started: Timestamp,
    pub ended: Timestamp,
    pub elapsed_ms: u64,
    /// Lines and bytes in the spool.
    pub lines: u64,
    pub bytes: u64,
    /// Processes that it left running on purpose.
    pub background: u32,
    /// It ended while its transaction was held: the `COMMIT` was never sent.
    #[serde(default)]
    pub uncommitted: bool,
    /// What answered instead of the database that it was confirmed for; nothing was run.
    #[serde(default)]
    pub another: Option<Box<TargetIdentity>>,
    /// The answer of an HTTP action.
    pub http: Option<HttpAnswer>,
    /// Why it could not run, or what of its output was lost.
    pub error: Option<String>,
    /// What a shell action left for later ones; absent where the shell could not say.
    #[serde(default)]
    pub shell: Option<Box<ShellState>>,
    /// What it has seen of the flag that it sets.
    #[serde(default)]
    pub flag: Option<Box<FlagSeen>>,
    /// How its commands went, those that were begun.
    #[serde(default)]
    pub commands: Vec<CommandRun>,
}

impl ExitRecord {
    /// It ran to its end by itself and says that it succeeded.
    pub fn succeeded(&self) -> bool {
        self.exit == Some(0) && !self.cancelled && !self.timed_out
    }

    /// The exit code as shells say it: 128 + signal where a signal ended the process.
    pub fn code(&self) -> Option<i32> {
        self.exit.or(self.signal.map(|signal| 128 + signal))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HttpAnswer {
    pub status: u16,
    /// Lower-case names; repeated headers are joined by `, `.
    pub headers: BTreeMap<String, String>,
    /// The body where it is JSON and not larger than 1 MiB.
    pub json: Option<Value>,
    /// Time to the last byte.
    pub latency_ms: u64,
}

/// The `application_name` under which a step's sessions are found on the server; the server keeps
/// 63 bytes of it.
pub fn application_name(run: &str, step: &str) -> String {
    let name: String = format!("gonogo:{run}:{step}")
        .chars()
        .map(|character| match character {
            ' '..='~' => character,
            _ => '?',
        })
        .take(63)
        .collect();
    name
}
