//! What programs call the state of what they look after, where their own output says it by that word.

use super::cel::quoted;

/// A program, the words of which one stands among its arguments (any, where there are none), and its states.
type Known = (
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

const KNOWN: [Known; 12] = [
    (
        &["docker", "docker-compose", "podman"],
        &["ps", "inspect", "ls"],
        &["healthy", "exited"],
    ),
    (
        &["systemctl", "service"],
        &["status", "is-active", "list-units"],
        &["active", "running"],
    ),
    (&["systemctl"], &["is-enabled"], &["enabled"]),
    (
        &["kubectl", "oc"],
        &["get", "describe"],
        &["running", "ready", "bound", "completed", "available"],
    ),
    (&["kubectl", "oc"], &["rollout"], &["successfully"]),
    (&["helm"], &["status", "list", "ls"], &["deployed"]),
    (&["pm2"], &["status", "list", "ls", "describe"], &["online"]),
    (&["supervisorctl"], &["status"], &["running"]),
    (&["gh"], &["list", "view"], &["completed", "success"]),
    (
        &["gcloud", "aws", "az"],
        &["list", "describe", "show", "describe-db-instances"],
        &["successful", "available", "runnable"],
    ),
    (&["patronictl"], &["list"], &["running", "streaming"]),
    (&["pg_lsclusters", "pg_ctlcluster"], &[], &["online"]),
];

/// Whether a word, in lower case, is a state of something.
pub(super) fn is_state(word: &str) -> bool {
    KNOWN.iter().any(|(_, _, states)| states.contains(&word))
}

/// That a program, which was called so, says that something is in this state.
pub(super) fn shown(prefix: &str, called: &[String], state: &str) -> Option<String> {
    let (program, arguments) = called.split_first()?;
    let state = state.to_lowercase();
    let says = |(programs, words, states): &&Known| {
        programs.contains(&program.as_str())
            && (words.is_empty() || arguments.iter().any(|word| words.contains(&word.as_str())))
            && states.contains(&state.as_str())
    };
    KNOWN.iter().find(says)?;
    let pattern = format!(r"(?i)\b{}\b", regex::escape(&state));
    Some(format!("{prefix}stdout.matches({})", quoted(&pattern)))
}
