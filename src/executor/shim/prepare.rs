//! The command of an action: which program, with which arguments, variables and script.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::refused::Refused;
use crate::executor::{ActionKind, ShimSpec, application_name, private_file};
use crate::libpq::{conninfo, is_read_by_libpq, psql_script};
use crate::run::script_of;

/// The pipe from which bash reads its script, in the directory of the attempt.
pub(in crate::executor) const SCRIPT_PIPE: &str = "commands";
/// Where psql says which database it is in, and the script that asks it.
pub(in crate::executor) const PROOF_FILE: &str = "proof";
pub(super) const PROOF_SCRIPT: &str = "proof.sql";

/// Says what to install where a program is missing.
pub(super) fn cannot_start(program: &str, error: &io::Error) -> Refused {
    let help = match (error.kind(), program) {
        (io::ErrorKind::NotFound, "psql") => {
            "; install the PostgreSQL client (Debian: `apt-get install postgresql-client`)"
        }
        (io::ErrorKind::NotFound, _) => "; is it installed, and does the directory exist?",
        _ => "",
    };
    Refused::new(format!(
        "cannot start `{program}`: {error}{help}; nothing was run"
    ))
}

/// Writes the script and builds the command. Standard input is empty, so that a step which reads it is
/// not left hanging where nobody is there to type.
pub(super) fn command(spec: &ShimSpec, directory: &Path) -> Result<Command, Refused> {
    if !spec.directory.is_dir() {
        let from = match &spec.shell.directory_from {
            Some(step) => format!(" ({step} left the shell there)"),
            None => String::new(),
        };
        return Err(Refused::new(format!(
            "the directory `{}` to start in does not exist{from}; nothing was run",
            spec.directory.display()
        )));
    }
    let mut command = match &spec.kind {
        ActionKind::Shell { commands } => shell(spec, directory, &script_of(commands))?,
        ActionKind::Sql { .. } => sql(spec, directory)?,
        ActionKind::Http { .. } => return Err(Refused::new("an HTTP action needs no process")),
    };
    command.current_dir(&spec.directory);
    if matches!(spec.kind, ActionKind::Shell { .. }) {
        // The name by which the shell knows it, where that is a link.
        command.env("PWD", &spec.directory);
    }
    Ok(command)
}

fn shell(spec: &ShimSpec, directory: &Path, script: &str) -> Result<Command, Refused> {
    let file = write_script(directory, "script.sh", script)?;
    let mut check = Command::new("bash");
    environment(spec, &mut check);
    let checked = check
        .arg("-n")
        .arg(&file)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| cannot_start("bash", &error))?;
    if !checked.status.success() {
        let text =
            String::from_utf8_lossy(&checked.stderr).replace(&format!("{}: ", file.display()), "");
        return Err(Refused {
            reason: "the script has a syntax error; nothing was run".to_owned(),
            output: crate::text::scrub::scrub_line(&text, false)
                .lines()
                .map(str::to_owned)
                .collect(),
            exit: checked.status.code(),
            another: None,
        });
    }
    let mut command = Command::new("bash");
    environment(spec, &mut command);
    command
        .arg(directory.join(SCRIPT_PIPE))
        .stdin(Stdio::null());
    Ok(command)
}

fn sql(spec: &ShimSpec, directory: &Path) -> Result<Command, Refused> {
    let ActionKind::Sql {
        commands,
        connection,
        variables,
        secret_variables,
        single_transaction,
        settings,
    } = &spec.kind
    else {
        return Err(Refused::new("not an SQL action"));
    };
    write_script(directory, "script.sql", &script_of(commands))?;
    let prelude = prelude(variables, secret_variables)?;
    let mut command = Command::new("psql");
    environment(spec, &mut command);
    command.args(["-X", "-w", "-v", "ON_ERROR_STOP=1"]);
    for setting in ["border=2", "linestyle=unicode", "null=∅", "pager=off"] {
        command.args(["-P", setting]);
    }
    let file = |name: &str, text: &str| write_script(directory, name, text);
    command
        .arg("-d")
        .arg(with_settings(connection, settings, spec));
    if spec.expected.is_some() {
        command.arg("-f").arg(proof_script(directory)?);
    }
    if !prelude.is_empty() {
        command.arg("-f").arg(file("variables.sql", &prelude)?);
    }
    // Not by `-1`: a transaction that has asked who its server is takes no `SET TRANSACTION` any more.
    if *single_transaction {
        command.arg("-f").arg(file("begin.sql", &quietly("BEGIN"))?);
    }
    // As its input the script has a short name in messages (`psql:<stdin>:3:`). The `COMMIT` of a single
    // transaction comes by it too: where nobody sends it, for whatever reason, nothing is committed.
    command.args(["-f", "-"]).stdin(Stdio::piped());
    command.env("PGCLIENTENCODING", "UTF8");
    Ok(command)
}

/// What gives a session of psql its variables.
pub(super) fn prelude(
    variables: &BTreeMap<String, String>,
    secret_variables: &[String],
) -> Result<String, Refused> {
    let mut prelude = String::new();
    for (name, value) in variables {
        prelude.push_str(&format!("\\set {} {}\n", variable(name)?, quoted(value)?));
    }
    for name in secret_variables {
        // psql runs what stands in backquotes; unlike `\getenv` every version can.
        let name = variable(name)?;
        prelude.push_str(&format!("\\set {name} `printf '%s' \"${name}\"`\n"));
    }
    Ok(prelude)
}

/// Writes the script that asks which database it is, and gives its path.
fn proof_script(directory: &Path) -> Result<PathBuf, Refused> {
    let answer = directory.join(PROOF_FILE);
    write_script(
        directory,
        PROOF_SCRIPT,
        &psql_script(&answer.to_string_lossy()),
    )
}

/// A statement without its tag in the output.
fn quietly(statement: &str) -> String {
    format!("\\set QUIET on\n{statement};\n\\set QUIET off\n")
}

/// The address with these server settings behind those that it has: libpq takes `PGOPTIONS` only where
/// the address has none.
fn with_settings(connection: &str, settings: &BTreeMap<String, String>, spec: &ShimSpec) -> String {
    let Ok(mut parameters) = conninfo::parse(connection) else {
        // psql says what is wrong with it.
        return connection.to_owned();
    };
    let own = parameters
        .remove("options")
        .or(spec.env.get("PGOPTIONS").cloned());
    let settings = settings.iter().map(|(name, value)| {
        let value = value.replace('\\', r"\\").replace(' ', r"\ ");
        format!("-c {name}={value}")
    });
    let options: Vec<String> = own.into_iter().chain(settings).collect();
    if !options.is_empty() {
        parameters.insert("options".to_owned(), options.join(" "));
    }
    conninfo::render(&parameters)
}

pub(super) fn environment(spec: &ShimSpec, command: &mut Command) {
    // Where it leads was settled when the run was opened; the shell that this process happens to come
    // from has no say in it.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| is_read_by_libpq(name) && name != "PGPASSWORD")
        {
            command.env_remove(name);
        }
    }
    // A pager would wait for a key that nobody presses.
    for name in [
        "PAGER",
        "GIT_PAGER",
        "MANPAGER",
        "SYSTEMD_PAGER",
        "PSQL_PAGER",
    ] {
        command.env(name, "cat");
    }
    // One that the guide itself calls ends where all of its text is on the first page.
    if !spec.keyboard {
        command.env("LESS", "-FRX");
    }
    if !std::env::var("TERM").is_ok_and(|term| term != "dumb" && !term.is_empty()) {
        command.env("TERM", "xterm-256color");
    }
    command
        .env("PGAPPNAME", application_name(&spec.run, &spec.step))
        .env("GONOGO_RUN", &spec.run)
        .env("GONOGO_STEP", &spec.step)
        .envs(&spec.env)
        .envs(&spec.secrets);
}

pub(super) fn write_script(directory: &Path, name: &str, text: &str) -> Result<PathBuf, Refused> {
    use std::io::Write;
    let path = directory.join(name);
    // The round before has written it.
    if std::fs::read(&path).is_ok_and(|known| known == text.as_bytes()) {
        return Ok(path);
    }
    private_file(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| {
            Refused::new(format!(
                "cannot write `{}`: {error}; nothing was run",
                path.display()
            ))
        })?;
    Ok(path)
}

fn variable(name: &str) -> Result<&str, Refused> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let starts_well = name
        .bytes()
        .next()
        .is_some_and(|byte| !byte.is_ascii_digit());
    if starts_well && name.bytes().all(is_word) {
        Ok(name)
    } else {
        Err(Refused::new(format!(
            "`{name}` cannot be a psql variable (letters, digits and `_` only); nothing was run"
        )))
    }
}

/// A value as psql reads it between single quotes.
pub(super) fn quoted(value: &str) -> Result<String, Refused> {
    if value.contains('\0') {
        return Err(Refused::new(
            "a variable holds a zero byte; nothing was run",
        ));
    }
    let mut out = String::from("'");
    for character in value.chars() {
        match character {
            '\'' => out.push_str("''"),
            '\\' => out.push_str(r"\\"),
            '\n' => out.push_str(r"\n"),
            '\r' => out.push_str(r"\r"),
            other => out.push(other),
        }
    }
    out.push('\'');
    Ok(out)
}
