//! Programs that people name in deployment guides: which words begin a command, which commands open
//! an interactive session, and which open an editor or a browser.

mod programs;

use programs::PROGRAMS;

use super::pattern::pattern;
use super::shell;

/// Whether a word is the name of a program that a deployment may call.
pub(super) fn is_command(word: &str) -> bool {
    let word = word.trim_matches('`');
    if PROGRAMS.binary_search(&word).is_ok() {
        return true;
    }
    word.starts_with("./")
        || word.starts_with("~/")
        || word.starts_with("bin/")
        || word.starts_with("scripts/")
        || (word.starts_with('/')
            && word.len() > 1
            && !word.starts_with("//")
            && word.matches('/').count() > 1)
}

/// A command that waits for a person to type into it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Opener {
    /// A psql session; the text is the command that opens it.
    Psql(String),
    /// A shell on another host.
    Ssh(String),
    /// A shell inside a container or a pod.
    Container(String),
    /// Another user's shell.
    User(String),
    /// A client of another database.
    Foreign(String),
    /// A console of a language or a framework.
    Console(String),
}

/// Whether a command opens an interactive session.
pub(super) fn opener(command: &str) -> Option<Opener> {
    let command = command.trim();
    // `ssh <host>` opens a session, whatever is filled in.
    let filled = pattern!(r"<[A-Za-z][\w .-]*>").replace_all(command, "BLANK");
    if filled.contains(['|', '<'])
        || command.contains("&&")
        || command.contains('\n')
        || command.contains(';')
    {
        return None;
    }
    let program = shell::program(command);
    let owned = || command.to_owned();
    let words: Vec<&str> = command.split_whitespace().collect();
    if pattern!(r"\b(?:exec|run)\s+(?:-\S+\s+)*?(?:-\w*it\w*|-ti|-i\s+-t|-t\s+-i|--interactive|--stdin)\b|\bcompose\s+exec\b|\bdocker-compose\s+exec\b|\bkubectl\b.*\bexec\b").is_match(command)
        && matches!(program, "docker" | "docker-compose" | "podman" | "kubectl" | "oc")
    {
        let last = words.last().copied().unwrap_or_default();
        if matches!(last, "bash" | "sh" | "/bin/bash" | "/bin/sh" | "ash" | "zsh") {
            return Some(Opener::Container(owned()));
        }
        if let Some(at) = words.iter().position(|word| *word == "psql") {
            return (!has_psql_action(&words[at..])).then(|| Opener::Psql(owned()));
        }
        let client = words.iter().position(|word| matches!(*word, "mysql" | "mongosh" | "mongo" | "redis-cli"));
        if let Some(at) = client && !command.contains(['"', '\'']) && !is_told_what(&words[at..]) {
            return Some(Opener::Foreign(owned()));
        }
        return None;
    }
    match program {
        "psql" => {
            let at = words.iter().position(|word| *word == "psql")?;
            (!has_psql_action(&words[at..])).then(|| Opener::Psql(owned()))
        }
        "ssh" => ssh_is_interactive(command).then(|| Opener::Ssh(owned())),
        "su" => (!words.iter().any(|word| matches!(*word, "-c" | "--command")))
            .then(|| Opener::User(owned())),
        "mysql" | "sqlplus" | "sqlcmd" | "clickhouse-client" | "cqlsh" => {
            (!words.iter().any(|word| {
                word.starts_with("-e")
                    || word.starts_with("--execute")
                    || *word == "-Q"
                    || *word == "--version"
                    || *word == "-V"
            }))
            .then(|| Opener::Foreign(owned()))
        }
        "mongo" | "mongosh" => (!command.contains("--eval") && !command.contains(".js"))
            .then(|| Opener::Foreign(owned())),
        "redis-cli" => words
            .iter()
            .skip_while(|word| **word != "redis-cli")
            .skip(1)
            .collect::<Vec<_>>()
            .chunks(2)
            .all(|pair| pair[0].starts_with('-') && !pair[0].starts_with("--"))
            .then(|| Opener::Foreign(owned())),
        "sqlite3" => (words.len() <= 2).then(|| Opener::Foreign(owned())),
        "python" | "python3" | "node" | "irb" | "iex" | "ipython" | "php" if words.len() == 1 => {
            Some(Opener::Console(owned()))
        }
        "bash" | "sh" | "zsh" if words.len() == 1 => Some(Opener::Console(owned())),
        "telnet" | "ftp" | "sftp" | "wscat" | "websocat" | "minicom" | "screen" | "tmux"
            if !command.contains(" -b") && !command.contains(" -d") && !command.contains("-X") =>
        {
            Some(Opener::Console(owned()))
        }
        // `eb ssh`, `vagrant ssh web`: a shell elsewhere that a tool opens.
        _ if opens_a_shell_elsewhere(&words) => Some(Opener::Console(owned())),
        _ => {
            if pattern!(
                r"^sudo\s+(?:-i|-s|su)\b[^;]*$|^sudo\s+-i?u\s*\S+\s+-i\s*$|^sudo\s+-iu\s+\S+\s*$"
            )
            .is_match(command)
                && !command.contains(" -c")
                && words.len() <= 5
                && !words
                    .iter()
                    .skip(1)
                    .any(|word| is_command(word) && !matches!(*word, "su" | "bash"))
            {
                return Some(Opener::User(owned()));
            }
            pattern!(r"^(?:bundle exec )?(?:bin/)?rails (?:c|console|dbconsole|db)(?:\s|$)|manage\.py (?:shell|dbshell|shell_plus)\b\s*$|\bheroku\s+(?:pg:psql|run bash)\b[^-]*$|\bgcloud\b.*\bcompute\s+ssh\s+[^-]*$|\bssm\s+start-session\b|\bfly(?:ctl)?\s+ssh\s+console\s*$|\bfly(?:ctl)?\s+(?:postgres|pg|mpg|redis|mysql)\s+connect\b|\bgcloud\s+(?:beta\s+)?sql\s+connect\b|\b(?:turso|pscale)\s+(?:db\s+)?shell\s+\S+\s*$|\bheroku\s+redis:cli\b|\bdocker\s+attach\b|\bartisan\s+tinker\b|\brailway\s+(?:connect|shell)\b")
                .is_match(command)
                .then(|| {
                    if command.contains("pg:psql") { Opener::Psql(owned()) } else { Opener::Console(owned()) }
                })
        }
    }
}

/// `redis-cli -h cache FLUSHALL`: with words of its own after its flags it ends by itself.
fn is_told_what(words: &[&str]) -> bool {
    let mut words = words.iter();
    if words.next() != Some(&"redis-cli") {
        return false;
    }
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            return true;
        }
        if matches!(*word, "-h" | "-p" | "-a" | "-n" | "-u") {
            words.next();
        }
    }
    false
}

/// Tools with a word of their own for a shell on another machine: `vagrant ssh web`, `oc rsh pod`.
const SHELL_TOOLS: [&str; 10] = [
    "ddev",
    "doctl",
    "eb",
    "lando",
    "limactl",
    "minikube",
    "multipass",
    "oc",
    "platform",
    "vagrant",
];

fn opens_a_shell_elsewhere(words: &[&str]) -> bool {
    let [program, rest @ ..] = words else {
        return false;
    };
    // What follows a name would be the command that ends the session by itself.
    let opens = match rest {
        ["ssh" | "rsh" | "shell"] => true,
        ["compute", "ssh", name] | ["ssh" | "rsh" | "shell", name] => !name.starts_with('-'),
        _ => false,
    };
    opens && SHELL_TOOLS.contains(program)
}

fn has_psql_action(words: &[&str]) -> bool {
    words.iter().any(|word| {
        matches!(
            *word,
            "-c" | "-f" | "-l" | "-V" | "--version" | "--help" | "--list" | "-?"
        ) || word.starts_with("--command")
            || word.starts_with("--file")
            || (word.len() > 2
                && (word.starts_with("-c") || word.starts_with("-f"))
                && !word.starts_with("--"))
            || (word.starts_with('-')
                && !word.starts_with("--")
                && word.len() <= 5
                && word[1..]
                    .chars()
                    .all(|flag| "AaeEnqsStxXtbLzc".contains(flag))
                && word.ends_with('c'))
    })
}

/// `ssh host` without a command, a tunnel or a check.
fn ssh_is_interactive(command: &str) -> bool {
    let mut words = command
        .split_whitespace()
        .skip_while(|word| *word != "ssh")
        .skip(1);
    let mut host = false;
    while let Some(word) = words.next() {
        if word.starts_with('-') {
            if word.starts_with("-L")
                || word.starts_with("-R")
                || word.starts_with("-N")
                || word.starts_with("-V")
                || word.starts_with("-f")
                || word.starts_with("-D")
                || word.starts_with("-T")
            {
                return false;
            }
            if matches!(
                word,
                "-i" | "-p" | "-o" | "-l" | "-F" | "-J" | "-b" | "-c" | "-E" | "-m"
            ) {
                words.next();
            }
            continue;
        }
        if host {
            return false;
        }
        host = true;
    }
    host
}

/// Commands that need a person in an editor or a browser.
pub(super) fn is_manual(command: &str) -> bool {
    let program = shell::program(command);
    matches!(program, "nano" | "vim" | "vi" | "nvim" | "emacs" | "code" | "subl" | "visudo" | "xdg-open" | "gedit" | "notepad" | "start")
        || (program == "open" && command.contains("http"))
        // `Settings → Secrets`: where a person goes.
        || command.contains(" → ")
            && !command.contains(['"', '\''])
            && !matches!(program, "echo" | "printf")
        || pattern!(r"(?i)^(?:ctrl|cmd|strg)\s*[+-]\s*\w\b").is_match(command.trim())
        || pattern!(r"^(?:sudo )?[\w./-]+(?: (?:-\S+|/\S+|[\w-]+\.\w+))* (?:config )?edit(?:-config)?(?:\s|$)").is_match(command.trim()) && !command.contains("--set") && !command.contains("--apply")
        || pattern!(r"^(?:sudo )?crontab\s+(?:-u\s+\S+\s+)?-e\b|^kubectl\b[^|;]*\sedit\s|\bgit\s+rebase\s+-i\b|\bsystemctl\s+edit\b").is_match(command.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_programs() {
        for word in [
            "psql",
            "kubectl",
            "yum",
            "./deploy.sh",
            "systemctl",
            "ansible",
            "ss",
        ] {
            assert!(is_command(word), "{word}");
        }
        for word in ["use", "equivalent", "Production:", "the", "server/data/"] {
            assert!(!is_command(word), "{word}");
        }
    }

    #[test]
    fn sessions_that_wait_for_a_person() {
        for command in [
            "psql \"$DATABASE_URL\"",
            "sudo -u postgres psql",
            "psql -h db -U app -d app",
            "ssh -i key.pem deploy@host",
            "docker exec -it db psql -U app",
            "kubectl exec -it pod/api -- bash",
            "sudo su - postgres",
            "sudo -i -u postgres",
            "mysql -u root -p app",
            "redis-cli",
            "rails console",
        ] {
            assert!(opener(command).is_some(), "{command}");
        }
        for command in [
            "psql -c 'SELECT 1'",
            "psql -tAc 'SELECT 1'",
            "psql --version",
            "psql app < dump.sql",
            "psql -f x.sql",
            "ssh host uptime",
            "ssh -L 1:db:2 host",
            "docker exec db pg_dump app",
            "redis-cli ping",
            "python manage.py migrate",
            "sudo systemctl restart api",
            "mysql -e 'SELECT 1'",
            "bin/rails db:migrate",
        ] {
            assert_eq!(opener(command), None, "{command}");
        }
    }
}
