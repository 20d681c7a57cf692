//! A person's home for one test: state of its own, a guide, an environment, and the program run in it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Far longer than any command takes; one that takes this long hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program as it was built with this; or another build of it (`GONOGO_BINARY`), for a benchmark that
/// measures the two beside each other.
pub fn binary() -> OsString {
    std::env::var_os("GONOGO_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_gonogo").into())
}

pub struct Home {
    directory: TempDir,
}

pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Done {
    /// Fails the test with everything that was said, unless the exit code is this one.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "standard output:\n{}\nstandard error:\n{}",
            self.out, self.err
        );
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("not one JSON document ({error}):\n{}", self.out))
    }
}

impl Home {
    pub fn new() -> Self {
        // Short, because sockets lie in it.
        let directory = tempfile::Builder::new()
            .prefix("gg")
            .tempdir_in("/tmp")
            .unwrap();
        Self { directory }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file as the person whose home this is: they trust a configuration of their own.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.plant(name, text);
        if path.ends_with("gonogo.toml") {
            self.trust(&path);
        }
        path
    }

    /// Writes a file as somebody else would: nobody has agreed to it.
    pub fn plant(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Agrees to the configuration of a file or folder, where it can be read.
    pub fn trust(&self, near: &Path) -> Done {
        self.gonogo(&["trust", near.to_str().unwrap(), "--yes"])
    }

    /// `gonogo.toml` with one environment `test` whose target `main` is this database. A walk that has
    /// ended keeps its supervisor: many tests look at what it left.
    pub fn environment(&self, conninfo: &str, more: &str) {
        self.write(
            "gonogo.toml",
            &format!(
                "[environments.test]\npark_after = \"30m\"\n[environments.test.targets]\nmain = {conninfo:?}\n{more}\n"
            ),
        );
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .current_dir(self.path())
            .env("XDG_STATE_HOME", self.path().join("state"))
            .env("XDG_CONFIG_HOME", self.path().join("config"))
            .env("USER", "anna")
            .env_remove("SUDO_USER")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn gonogo(&self, arguments: &[&str]) -> Done {
        Self::finish(self.command(arguments))
    }

    /// Runs a command to its end.
    pub fn finish(mut command: Command) -> Done {
        let child = command.spawn().unwrap();
        let pid = child.id();
        let waiting = std::thread::spawn(move || child.wait_with_output());
        let started = Instant::now();
        while !waiting.is_finished() {
            if started.elapsed() > PATIENCE {
                let killed = Command::new("kill").args(["-9", &pid.to_string()]).status();
                panic!("it does not end: {command:?} (killed: {killed:?})");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let Output {
            status,
            stdout,
            stderr,
        } = waiting.join().unwrap().unwrap();
        Done {
            code: status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&stdout).into_owned(),
            err: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }

    /// The names of all runs, newest first.
    pub fn runs(&self) -> Vec<String> {
        let runs = self.gonogo(&["runs", "--json"]).exits(0).json();
        let names = runs.as_array().unwrap().iter();
        names
            .map(|run| run["run"].as_str().unwrap().to_owned())
            .collect()
    }

    pub fn status(&self, run: &str) -> Value {
        self.gonogo(&["status", run, "--json"]).exits(0).json()
    }

    pub fn run_directory(&self, run: &str) -> PathBuf {
        self.path().join("state/gonogo/runs").join(run)
    }

    /// The process that owns the run.
    pub fn supervisor(&self, run: &str) -> Option<u32> {
        let pid = self.status(run)["supervisor"]["pid"].as_u64()?;
        u32::try_from(pid).ok()
    }

    /// The outcome of a step of the status document.
    pub fn outcome(&self, run: &str, step: &str) -> String {
        let status = self.status(run);
        let steps = status["steps"].as_array().unwrap();
        let found = steps.iter().find(|candidate| candidate["id"] == step);
        found.unwrap_or_else(|| panic!("no step `{step}` in {status:#}"))["outcome"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

impl Drop for Home {
    /// Nothing that a test started outlives it: supervisors first, then what they started.
    fn drop(&mut self) {
        let mine = self.path().join("state").display().to_string();
        let Ok(processes) = std::fs::read_dir("/proc") else {
            return;
        };
        for process in processes.flatten() {
            let Some(pid) = process
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<i32>().ok())
            else {
                continue;
            };
            let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
            let ours = String::from_utf8_lossy(&environment).contains(&mine);
            if ours && pid != i32::try_from(std::process::id()).unwrap() {
                Command::new("kill")
                    .args(["-9", &pid.to_string()])
                    .stderr(Stdio::null())
                    .status()
                    .ok();
            }
        }
    }
}

/// Looks until a condition holds; fails the test with what was waited for.
#[track_caller]
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    until_within(Duration::from_secs(30), what, look)
}

/// [`until`], for what takes longer by its nature.
#[track_caller]
pub fn until_within<T>(patience: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < patience, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
