//! Before an action touches its database, the session that would do it proves which one that is. psql
//! asks and answers through a FIFO of its own, so nothing of it stands in the output; only then does it
//! get its script.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::prepare;
use super::reading::{Reader, read_turn};
use super::refused::Refused;
use crate::executor::spec::Expected;
use crate::executor::{ActionKind, ShimSpec, channel};
use crate::libpq::{PSQL_END, Proof, psql_script};
use crate::run::TargetIdentity;

pub(super) const ANSWER: &str = "proof.txt";
/// No answer is longer.
const LONGEST: usize = 64 * 1024;
/// How long a shell step waits for the proof of its database; it may well be about to start that.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(5);

/// What came of the answer.
pub(super) enum Proved {
    Same,
    Another {
        identity: TargetIdentity,
        why: String,
    },
    /// It cannot be told which database it is.
    Unclear(String),
}

/// Reads the answer of a session until it is whole.
pub(super) struct Gate {
    pub(super) reader: Reader,
    text: Vec<u8>,
    expected: Expected,
    fifo: PathBuf,
}

/// Whoever reads the folder later finds no FIFO that keeps them waiting.
impl Drop for Gate {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.fifo) {
            tracing::debug!(%error, "the FIFO of a proof is left");
        }
    }
}

impl Gate {
    pub(super) fn new(directory: &Path, expected: &Expected) -> io::Result<Self> {
        let fifo = directory.join(prepare::PROOF_FILE);
        Ok(Self {
            reader: Some(super::reading::reader(channel::open_fifo(&fifo)?)?),
            text: Vec::new(),
            expected: expected.clone(),
            fifo,
        })
    }

    /// Takes what has come; `None` as long as the answer is not whole.
    pub(super) fn read(&mut self) -> Option<Proved> {
        let text = &mut self.text;
        read_turn(&mut self.reader, |bytes| text.extend_from_slice(bytes));
        if self.text.len() > LONGEST {
            return Some(Proved::Unclear("its answer has no end".to_owned()));
        }
        let whole = String::from_utf8_lossy(&self.text);
        let is_whole = whole.lines().any(|line| line == PSQL_END) && whole.ends_with('\n');
        is_whole.then(|| judge(&whole, &self.expected))
    }
}

fn judge(text: &str, expected: &Expected) -> Proved {
    let proof = match Proof::of_psql(text) {
        Ok(proof) => proof,
        Err(why) => return Proved::Unclear(why),
    };
    let known = &expected.identity;
    let identity = TargetIdentity::of(&known.host, known.port, &proof);
    let differences = known.differences(&identity, expected.alive_until);
    if differences.is_empty() {
        return Proved::Same;
    }
    let why = format!(
        "another database answers, not the confirmed one ({}): nothing was run",
        differences.join("; ")
    );
    Proved::Another { identity, why }
}

/// For a shell action that talks to its database: a session beside it proves which one that is, just
/// before. One that cannot be reached stops nothing: the step may be about to start it.
pub(super) fn beside(spec: &ShimSpec, directory: &Path) -> Result<(), Refused> {
    let connection = spec
        .expected
        .as_ref()
        .and_then(|known| known.connection.as_deref());
    prove(spec, connection, directory)
}

/// As [`beside`], of an SQL action too: what is read before it is read in a session of its own.
pub(super) fn before_a_look(spec: &ShimSpec, directory: &Path) -> Result<(), Refused> {
    match &spec.kind {
        ActionKind::Sql { connection, .. } => prove(spec, Some(connection), directory),
        ActionKind::Shell { .. } | ActionKind::Http { .. } => beside(spec, directory),
    }
}

fn prove(spec: &ShimSpec, connection: Option<&str>, directory: &Path) -> Result<(), Refused> {
    let (Some(expected), Some(connection)) = (&spec.expected, connection) else {
        return Ok(());
    };
    let answer = directory.join(ANSWER);
    let script = prepare::write_script(
        directory,
        prepare::PROOF_SCRIPT,
        &psql_script(&answer.to_string_lossy()),
    )?;
    let mut psql = Command::new("psql");
    prepare::environment(spec, &mut psql);
    psql.env("PGCONNECT_TIMEOUT", "3")
        .args(["-X", "-w", "-q", "-v", "ON_ERROR_STOP=1", "-d"])
        .arg(connection)
        .arg("-f")
        .arg(&script)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if !ends_well(&mut psql) {
        return Ok(());
    }
    let Ok(text) = std::fs::read_to_string(&answer) else {
        return Ok(());
    };
    match judge(&text, expected) {
        Proved::Same | Proved::Unclear(_) => Ok(()),
        Proved::Another { identity, why } => Err(Refused {
            another: Some(Box::new(identity)),
            ..Refused::new(why)
        }),
    }
}

fn ends_well(command: &mut Command) -> bool {
    let Ok(mut child) = command.spawn() else {
        return false;
    };
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if began.elapsed() < PATIENCE => std::thread::sleep(LOOK),
            _ => break,
        }
    }
    if let Err(error) = child.kill().and_then(|()| child.wait().map(|_| ())) {
        eprintln!("gonogo shim: a psql that does not end: {error}");
    }
    false
}
