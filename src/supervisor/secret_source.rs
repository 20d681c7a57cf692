//! Reads a secret from where the environment says it is: a variable, a file, a command. A command runs
//! in a process group of its own, so that nothing of it is left when it takes too long or nobody waits
//! for it any more.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::looks::within;
use crate::runbook::config::SecretSource;

/// A command that gives a secret may take this long (a password manager may ask the network, or a
/// person).
const COMMAND_PATIENCE: Duration = Duration::from_secs(15);
/// A file of this size is read within this time, on a disk that works.
const FILE_PATIENCE: Duration = Duration::from_secs(5);
/// A file larger than this holds no secret.
const LARGEST_FILE: u64 = 1 << 20;

/// The value of a source; commands and relative files start in `directory`.
///
/// # Errors
/// Why there is none and what to fix; it holds no value.
pub(super) async fn read(
    source: SecretSource,
    directory: &Path,
    groups: &Groups,
) -> Result<String, String> {
    match source {
        SecretSource::Env(variable) => std::env::var(&variable).map_err(|_| {
            if looks_like_a_variable(&variable) {
                unset(&variable)
            } else {
                // Whoever types the secret itself here does not want to read it on the screen.
                "what was given is not the name of an environment variable that is set; \
                 a secret's value cannot be typed"
                    .to_owned()
            }
        }),
        SecretSource::File(path) => {
            let path = directory.join(path);
            let shown = path.display().to_string();
            let read = within(FILE_PATIENCE, move || of_file(&path)).await;
            read.unwrap_or_else(|| {
                Err(format!(
                    "`{shown}` has not answered for {} s: does its disk hang?",
                    FILE_PATIENCE.as_secs()
                ))
            })
        }
        SecretSource::Command(command) => of_command(&command, directory, groups).await,
    }
}

fn of_file(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let found = std::fs::metadata(path);
    if found.is_ok_and(|found| !found.is_file() || found.len() > LARGEST_FILE) {
        return Err(format!("`{shown}` is not a file of at most 1 MiB"));
    }
    std::fs::read_to_string(path)
        .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
        .map_err(|error| format!("cannot read `{shown}`: {error}"))
}

async fn of_command(command: &str, directory: &Path, groups: &Groups) -> Result<String, String> {
    let child = tokio::process::Command::new("sh")
        .args(["-c", command])
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot start `{command}`: {error}"))?;
    let group = groups.enter_child(&child);
    let output = tokio::time::timeout(COMMAND_PATIENCE, child.wait_with_output())
        .await
        .map_err(|_| {
            format!(
                "`{command}` took longer than {} s",
                COMMAND_PATIENCE.as_secs()
            )
        })?
        .map_err(|error| format!("cannot hear `{command}`: {error}"))?;
    group.has_ended();
    if !output.status.success() {
        return Err(format!("`{command}` ended with {}", output.status));
    }
    String::from_utf8(output.stdout)
        .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
        .map_err(|_| format!("`{command}` printed bytes that are not text"))
}

/// The commands that run now, by their process groups.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups(Arc<Mutex<Vec<Pid>>>);

impl Groups {
    /// Of a command that leads a process group of its own.
    pub(super) fn enter_child(&self, child: &tokio::process::Child) -> Group {
        let leader = child.id().and_then(|pid| i32::try_from(pid).ok());
        self.enter(leader.and_then(Pid::from_raw))
    }

    fn enter(&self, leader: Option<Pid>) -> Group {
        self.lock().extend(leader);
        Group {
            all: self.clone(),
            leader,
        }
    }

    /// A panic while the lock was held leaves consistent data: every change is one insertion or removal.
    fn lock(&self) -> MutexGuard<'_, Vec<Pid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all of them: nobody waits for them any more.
    pub(super) fn end(&self) {
        let all = std::mem::take(&mut *self.lock());
        all.into_iter().for_each(kill);
    }
}

/// The processes of a command; killed when this is dropped before it has ended.
pub(super) struct Group {
    all: Groups,
    leader: Option<Pid>,
}

impl Group {
    /// Whether it was still among those that run.
    pub(super) fn has_ended(&self) -> bool {
        let mut all = self.all.lock();
        let before = all.len();
        all.retain(|known| Some(*known) != self.leader);
        all.len() < before
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.has_ended()
            && let Some(leader) = self.leader
        {
            kill(leader);
        }
    }
}

fn kill(group: Pid) {
    if let Err(error) = kill_process_group(group, Signal::KILL) {
        tracing::debug!(%error, "the command of a secret has ended already");
    }
}

/// Written as the names of environment variables are: a value that was typed in their place is not.
fn looks_like_a_variable(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_')
}

/// What to do about a variable that is not set. The environment of this process is that of whoever
/// started it: a client that has the variable changes nothing.
fn unset(variable: &str) -> String {
    format!(
        "the environment variable `{variable}` is not set where this supervisor was started: \
         `export {variable}=…`, `kill {}` (the run stays), `gonogo attach`",
        std::process::id()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_not_set_is_told_with_the_whole_way_out() {
        let told = unset("SHOP_PASSWORD");
        let kill = format!("`kill {}`", std::process::id());
        for part in [
            "`SHOP_PASSWORD`",
            "`export SHOP_PASSWORD=…`",
            &kill,
            "`gonogo attach`",
        ] {
            assert!(told.contains(part), "{told}");
        }
    }

    #[tokio::test]
    async fn a_command_that_nobody_waits_for_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let source = SecretSource::Command("sleep 1000 & echo $! > child; wait".to_owned());
        let reading = tokio::spawn({
            let folder = folder.path().to_owned();
            async move { read(source, &folder, &Groups::default()).await }
        });
        let child = folder.path().join("child");
        let pid = loop {
            match std::fs::read_to_string(&child) {
                Ok(pid) if pid.ends_with('\n') => break pid.trim().to_owned(),
                _ => tokio::task::yield_now().await,
            }
        };
        reading.abort();
        let gone = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
            stat.is_err() || stat.is_ok_and(|stat| stat.contains(") Z"))
        };
        while !gone() {
            tokio::task::yield_now().await;
        }
    }
}
