//! This machine: programs, room, what a logout ends, and the terminal.

use std::io::IsTerminal;
use std::path::Path;
use std::process::Command;

use super::Findings;
use crate::cli::holders;
use crate::owned;
use crate::supervisor::place;

/// Less than this many MiB is little for a journal and the output of a deployment.
const LITTLE_ROOM: u64 = 512;

/// The first psql with `:SQLSTATE`.
const SAYS_STATE: i32 = 11;

pub(super) fn programs(findings: &mut Findings) {
    for (program, fix) in [
        ("bash", "apt-get install bash"),
        ("psql", "apt-get install postgresql-client"),
        ("pg_dump", "apt-get install postgresql-client"),
        ("pg_restore", "apt-get install postgresql-client"),
        ("curl", "apt-get install curl"),
    ] {
        match Command::new(program).arg("--version").output() {
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stdout);
                findings.good(said.lines().next().unwrap_or(program));
            }
            Err(error) => findings.bad(format!("{program}: {error}"), fix),
        }
    }
    says_state(psql_major(), findings);
    match crate::demo::cluster::Binaries::find() {
        Ok(found) => findings.good(format!(
            "PostgreSQL server for the demo: {}",
            found.version()
        )),
        Err(error) => findings.warn(
            format!("no PostgreSQL server for the demo: {error}"),
            "apt-get install postgresql",
        ),
    }
}

/// An older psql cannot tell of a statement whether it failed.
fn says_state(psql: Option<i32>, findings: &mut Findings) {
    if let Some(major) = psql.filter(|major| *major < SAYS_STATE) {
        findings.warn(
            format!("psql {major} cannot say how a statement ended"),
            "install psql 11 or later: until then nothing runs in batches, and a statement that is given a `lock_timeout` counts as failed (switch that off in its preview)",
        );
    }
}

/// The major version of the `psql` on this machine.
pub(super) fn psql_major() -> Option<i32> {
    let output = Command::new("psql").arg("--version").output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let version = said.split_whitespace().nth(2)?;
    version.split('.').next()?.parse().ok()
}

pub(super) fn state(findings: &mut Findings) -> color_eyre::Result<()> {
    let root = place::root()?;
    if let Err(why) = owned::make(&root, owned::PRIVATE) {
        findings.bad(
            why.to_string(),
            format!(
                "{}, or set `XDG_STATE_HOME` to a folder of your own",
                why.help()
            ),
        );
        return Ok(());
    }
    findings.good(format!("{} is ours alone", root.display()));
    let space = rustix::fs::statvfs(&root)?;
    let free = space.f_bavail.saturating_mul(space.f_frsize) >> 20;
    if free < LITTLE_ROOM {
        findings.bad(
            format!("{free} MiB free there"),
            "free space: journal and output go there",
        );
    } else {
        findings.good(format!("{} GiB free there", free >> 10));
    }
    if space.f_favail == 0 && space.f_files > 0 {
        findings.bad(
            "no inode is free there",
            "remove files: each step makes some",
        );
    }
    Ok(())
}

/// The runs that have a process, and what they keep from others.
pub(super) async fn runs(findings: &mut Findings) -> color_eyre::Result<()> {
    let all = holders::all().await?;
    if all.is_empty() {
        findings.good("no run has a process");
    }
    for (run, standing, holding) in all {
        let words = format!("run {run} ({}): {}", standing.state, holding.words());
        let is_at_work = ["running", "rolling_back", "waiting", "soaking"];
        if holding.works && is_at_work.contains(&standing.state.as_str()) {
            findings.good(format!("{words}; {}", holding.help(&run)));
        } else {
            findings.warn(words, holding.help(&run));
        }
    }
    Ok(())
}

/// Whether what runs is killed when its user logs out: then no run outlives its terminal.
pub(super) fn logout(findings: &mut Findings) {
    if !Path::new("/run/systemd/system").exists() {
        findings.good("no systemd: a logout kills nothing by itself");
        return;
    }
    let user = std::env::var("USER").unwrap_or_default();
    let exempt = user == "root" || rustix::process::getuid().is_root();
    let kills = configured("KillUserProcesses").is_some_and(|value| value == "yes");
    let lingers = Command::new("loginctl")
        .args(["show-user", &user, "--property=Linger", "--value"])
        .output()
        .is_ok_and(|output| output.stdout.starts_with(b"yes"));
    if !kills {
        findings.good("a logout does not kill what runs (`KillUserProcesses` is off)");
    } else if lingers {
        findings.good("a logout kills what runs, but not yours (`Linger` is on)");
    } else if exempt {
        findings.good("a logout kills what runs, but not what runs as root");
    } else {
        findings.bad(
            "this machine kills what runs when you log out (`KillUserProcesses=yes`)",
            format!("`loginctl enable-linger {user}`, or as root `KillUserProcesses=no` in /etc/systemd/logind.conf"),
        );
    }
}

/// The last value of a key of `logind.conf` and the files beside it, read in the order of systemd.
fn configured(key: &str) -> Option<String> {
    let mut files = vec![
        "/usr/lib/systemd/logind.conf".into(),
        Path::new("/etc/systemd/logind.conf").to_owned(),
    ];
    for folder in [
        "/usr/lib/systemd/logind.conf.d",
        "/run/systemd/logind.conf.d",
        "/etc/systemd/logind.conf.d",
    ] {
        let mut beside: Vec<_> = std::fs::read_dir(folder)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        beside.sort();
        files.extend(beside);
    }
    files
        .iter()
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .filter_map(|text| value_of(&text, key))
        .next_back()
}

fn value_of(text: &str, key: &str) -> Option<String> {
    text.lines()
        .filter_map(|line| line.trim().split_once('='))
        .filter(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim().to_owned())
        .next_back()
}

pub(super) fn terminal(findings: &mut Findings) {
    let of = |name: &str| std::env::var(name).unwrap_or_default();
    let unattended = !std::io::stdin().is_terminal()
        && !std::io::stdout().is_terminal()
        && !std::io::stderr().is_terminal();
    match of("TERM").as_str() {
        "" | "dumb" if unattended => {
            findings.good("none here: enough for `rehearse` and `plan`, not for the cockpit");
            return;
        }
        "" | "dumb" => findings.bad(
            "`TERM` names a terminal that gonogo cannot draw on",
            "use a terminal or tmux; `gonogo rehearse` and `gonogo plan` need none",
        ),
        term => findings.good(format!("TERM={term}")),
    }
    let locale = [of("LC_ALL"), of("LC_CTYPE"), of("LANG")]
        .into_iter()
        .find(|value| !value.is_empty())
        .unwrap_or_default();
    let utf8 = locale.to_lowercase().replace('-', "").ends_with("utf8");
    if utf8 {
        findings.good(format!("the locale is UTF-8 ({locale})"));
    } else {
        findings.warn(
            format!("the locale `{locale}` is not UTF-8: lines and symbols may look wrong"),
            "export LANG=C.UTF-8",
        );
    }
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        findings.good("`NO_COLOR` is set: nothing relies on colour alone");
    } else if ["truecolor", "24bit"].contains(&of("COLORTERM").as_str()) {
        findings.good("24-bit colours");
    } else {
        findings.good("the terminal's own colours");
    }
    if !of("TMUX").is_empty() {
        findings.good("inside tmux: copying needs `set -g set-clipboard on` there");
    }
    if !std::io::stdout().is_terminal() {
        findings.good("the output is not a terminal: its size is unknown");
        return;
    }
    match crossterm::terminal::size() {
        Ok((columns, rows)) if columns >= 80 && rows >= 24 => {
            findings.good(format!("{columns}×{rows}"));
        }
        Ok((columns, rows)) if columns > 0 && rows > 0 => findings.warn(
            format!("{columns}×{rows}: panes are shown one at a time"),
            "80×24 shows the step and its output, 120×40 everything",
        ),
        _ => findings.warn(
            "the size of this terminal is not known",
            "`stty size` should print it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{says_state, value_of};
    use crate::cli::doctor::{Findings, Level};

    #[test]
    fn a_psql_that_cannot_say_how_a_statement_ended_is_warned_of() {
        for (psql, warnings) in [(Some(10), 1), (Some(11), 0), (None, 0)] {
            let mut findings = Findings::default();
            says_state(psql, &mut findings);
            assert_eq!(findings.all.len(), warnings);
            assert!(findings.all.iter().all(|one| one.level == Level::Warning));
        }
    }

    #[test]
    fn the_last_value_that_is_not_a_comment_counts() {
        let text =
            "[Login]\n#KillUserProcesses=yes\nKillUserProcesses = no\nKillUserProcesses=yes\n";
        assert_eq!(value_of(text, "KillUserProcesses").as_deref(), Some("yes"));
        assert_eq!(
            value_of("#KillUserProcesses=yes\n", "KillUserProcesses"),
            None
        );
    }
}
