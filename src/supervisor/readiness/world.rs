//! The world that a rollback needs, asked: functions, commits, directories, and dumps that read through.

use super::{LOOK, READ, Reading};
use crate::monitor::Monitor;
use crate::run::FoundState;
use crate::supervisor::looks::Looks;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::Command as Program;
use tokio::time::timeout;

pub(super) async fn directory(path: &str, looks: &Looks) -> (FoundState, String) {
    let place = PathBuf::from(path);
    match looks.at(&place.clone(), LOOK, move || place.is_dir()).await {
        Ok(true) => (FoundState::Good, format!("the directory `{path}` is there")),
        Ok(false) => (
            FoundState::Bad,
            format!("the directory `{path}` is not there"),
        ),
        Err(hang) => (FoundState::Unknown, hang.to_string()),
    }
}

/// Names come from SQL tokens: a word, or a quoted one, with its schema perhaps.
pub(super) async fn function(target: &str, name: &str, monitor: &Monitor) -> (FoundState, String) {
    let folded = |part: &str| match part.strip_prefix('"') {
        Some(quoted) => quoted.trim_end_matches('"').replace("\"\"", "\""),
        None => part.to_lowercase(),
    };
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let (schema, own) = match name.rsplit_once('.') {
        Some((schema, own)) => (Some(folded(schema)), folded(own)),
        None => (None, folded(name)),
    };
    let place = match &schema {
        Some(schema) => format!("n.nspname = {}", literal(schema)),
        None => "pg_function_is_visible(p.oid)".to_owned(),
    };
    let query = format!(
        "SELECT count(*) FROM pg_catalog.pg_proc p \
         JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
         WHERE p.proname = {} AND {place}",
        literal(&own)
    );
    match monitor.value(target, &query).await {
        Ok(count) if count != "0" => (
            FoundState::Good,
            format!("the function `{name}` exists on {target}"),
        ),
        Ok(_) => (
            FoundState::Bad,
            format!("the function `{name}` does not exist on {target}"),
        ),
        Err(trouble) => (
            FoundState::Unknown,
            format!(
                "whether the function `{name}` exists on {target} is not known: {}",
                trouble.message
            ),
        ),
    }
}

/// `None` where the word is no commit and a file of that name is there: `git checkout FILE`.
pub(super) async fn commit(
    directory: &str,
    revision: &str,
    looks: &Looks,
) -> Option<(FoundState, String)> {
    let mut last = String::new();
    for name in [revision.to_owned(), format!("origin/{revision}")] {
        let mut git = Program::new("git");
        git.args(["-C", directory, "rev-parse", "--quiet", "--verify"]);
        git.args(["--end-of-options", &format!("{name}^{{commit}}")]);
        match heard(git, LOOK).await {
            Ok((true, _)) => {
                let text = format!("the commit `{revision}` is in {directory}");
                return Some((FoundState::Good, text));
            }
            Ok((false, said)) => last = said,
            Err(why) => {
                let text = format!("whether `{revision}` is in {directory} is not known: {why}");
                return Some((FoundState::Unknown, text));
            }
        }
    }
    let path = Path::new(directory).join(revision);
    let is_file = looks.at(&path.clone(), LOOK, move || path.exists()).await;
    if is_file == Ok(true) {
        return None;
    }
    Some(if last.is_empty() {
        (
            FoundState::Bad,
            format!("the commit `{revision}` is not in {directory}"),
        )
    } else {
        (
            FoundState::Unknown,
            format!("whether `{revision}` is in {directory} is not known: {last}"),
        )
    })
}

/// Reads a backup to its end, as a restore would, and puts nothing anywhere.
pub(super) async fn reads_through(path: &Path) -> Reading {
    let mut first = [0_u8; 5];
    let is_directory = path.is_dir();
    if !is_directory {
        let read = async { tokio::fs::File::open(path).await?.read(&mut first).await };
        if let Err(error) = read.await {
            return Reading::Broken(error.to_string());
        }
    }
    let reader = |command: &str, arguments: &[&str]| {
        let mut nice = Program::new("nice");
        nice.args(["-n", "19", command]).args(arguments).arg(path);
        nice
    };
    let program = match &first {
        _ if is_directory => reader("pg_restore", &["-f", "/dev/null"]),
        b"PGDMP" => reader("pg_restore", &["-f", "/dev/null"]),
        [0x1f, 0x8b, ..] => reader("gzip", &["-t"]),
        [0x28, 0xb5, 0x2f, 0xfd, _] => reader("zstd", &["-q", "-t"]),
        _ => return ends_well(path).await,
    };
    match heard(program, READ).await {
        Ok((true, _)) => Reading::Through,
        Ok((false, said)) if said.contains("No such file or directory") => Reading::Unknown(said),
        Ok((false, said)) => Reading::Broken(said),
        Err(why) => Reading::Unknown(why),
    }
}

/// What `pg_dump` writes as text says so at its end.
async fn ends_well(path: &Path) -> Reading {
    use tokio::io::AsyncSeekExt;
    const TAIL: u64 = 4096;
    let tail = async {
        let mut file = tokio::fs::File::open(path).await?;
        let length = file.metadata().await?.len();
        let from = length.saturating_sub(TAIL);
        file.seek(std::io::SeekFrom::Start(from)).await?;
        let mut tail = Vec::new();
        file.take(TAIL).read_to_end(&mut tail).await?;
        Ok::<_, std::io::Error>(tail)
    };
    match tail.await {
        Err(error) => Reading::Broken(error.to_string()),
        Ok(tail) => match String::from_utf8_lossy(&tail).contains("dump complete") {
            true => Reading::Through,
            false => Reading::Unknown("it is text that `pg_dump` did not end".to_owned()),
        },
    }
}

/// Whether a program ended well, and the first line that it said of an error.
///
/// # Errors
/// It cannot be started, or did not end in time.
async fn heard(mut program: Program, limit: Duration) -> Result<(bool, String), String> {
    program
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    match timeout(limit, program.output()).await {
        Err(_) => Err(format!("no answer within {} s", limit.as_secs())),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(output)) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let line = said.lines().find(|line| !line.trim().is_empty());
            Ok((output.status.success(), line.unwrap_or_default().to_owned()))
        }
    }
}
