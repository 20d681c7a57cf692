//! What a command does, in a word, for who decides whether it runs. Where that cannot be told it changes
//! something.

use serde::{Deserialize, Serialize};

use super::commands::opener;
use super::effects::only_looks;
use super::hazards::{destructive, leaves_running, long_running};
use super::model::Actor;
use super::syntax::shell::{Call, Inner, Tongue, past_options};
use super::syntax::{Item, Redirection, RedirectionKind, Script, Simple, read_shell, read_sql};

/// The order is that in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nature {
    /// It leaves everything outside of its own shell as it was.
    Reads,
    Changes,
    Destroys,
    NeverEnds,
    AsksForInput,
    /// It is done on another host, in a container, or in another database.
    Elsewhere,
    NeedsValue,
}

impl Nature {
    pub fn words(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Changes => "changes",
            Self::Destroys => "destroys",
            Self::NeverEnds => "never ends",
            Self::AsksForInput => "asks for input",
            Self::Elsewhere => "elsewhere",
            Self::NeedsValue => "needs a value",
        }
    }
}

/// What a command destroys, each phrase once.
pub fn destroyed_by(code: &str, actor: Actor) -> Vec<String> {
    destructive(code, actor)
}

/// What one command does: whether it reads, changes or destroys, and what else is worth knowing.
pub fn natures_of(code: &str, actor: Actor) -> Vec<Nature> {
    let (reads, asks, elsewhere) = match actor {
        Actor::Shell => of_shell(&read_shell(code), code),
        Actor::Sql => of_sql(code),
        Actor::Http => (only_looks(code, actor), false, false),
        Actor::Nobody => return Vec::new(),
    };
    let mut natures = vec![match (destructive(code, actor).is_empty(), reads) {
        (false, _) => Nature::Destroys,
        (true, true) => Nature::Reads,
        (true, false) => Nature::Changes,
    }];
    let goes_on = long_running(code, actor) && !(actor == Actor::Shell && leaves_running(code));
    let also = [
        (goes_on, Nature::NeverEnds),
        (asks, Nature::AsksForInput),
        (elsewhere, Nature::Elsewhere),
    ];
    natures.extend(also.iter().filter(|(is, _)| *is).map(|(_, nature)| *nature));
    natures
}

fn of_shell(script: &Script, code: &str) -> (bool, bool, bool) {
    if script.unreadable().is_some() {
        return (false, false, false);
    }
    let simple = script.all_simple_commands();
    let inner = script.inner();
    let reads = !simple.is_empty()
        && simple.iter().all(|(_, one)| is_reader(one, &inner))
        && inner.iter().all(inner_reads);
    let asks = opener(code).is_some() || simple.iter().any(|(_, one)| asks(one));
    let elsewhere = inner.iter().any(|one| one.elsewhere)
        || simple
            .iter()
            .any(|(_, one)| one.calls().iter().any(is_elsewhere));
    (reads, asks, elsewhere)
}

fn inner_reads(inner: &Inner<'_>) -> bool {
    match inner.tongue {
        Tongue::Sql => of_sql(&inner.text).0,
        Tongue::Shell => natures_of(&inner.text, Actor::Shell).first() == Some(&Nature::Reads),
        Tongue::OtherSql | Tongue::Other => false,
    }
}

/// Programs that only read, whatever they are told.
const READERS: &[&str] = &[
    "[",
    "awk",
    "basename",
    "cat",
    "cd",
    "cmp",
    "column",
    "comm",
    "cut",
    "date",
    "df",
    "diff",
    "dig",
    "dirname",
    "du",
    "echo",
    "egrep",
    "export",
    "expr",
    "false",
    "fgrep",
    "file",
    "free",
    "getent",
    "grep",
    "head",
    "host",
    "hostname",
    "id",
    "jq",
    "less",
    "ls",
    "lsblk",
    "lsof",
    "md5sum",
    "netstat",
    "nproc",
    "nslookup",
    "pgrep",
    "pg_isready",
    "pidof",
    "ping",
    "popd",
    "printf",
    "ps",
    "pushd",
    "pwd",
    "readlink",
    "realpath",
    "rg",
    "seq",
    "set",
    "sha256sum",
    "sleep",
    "sort",
    "ss",
    "stat",
    "tail",
    "test",
    "tr",
    "tree",
    "true",
    "type",
    "umask",
    "uname",
    "uniq",
    "unset",
    "uptime",
    "wc",
    "which",
    "who",
    "whoami",
    "yq",
    "zcat",
    "zgrep",
];

/// Programs that only read behind one of these words.
const VERBS: &[(&[&str], &[&str])] = &[
    (
        &["git"],
        &[
            "status",
            "log",
            "diff",
            "show",
            "rev-parse",
            "describe",
            "ls-files",
            "blame",
        ],
    ),
    (
        &["kubectl", "oc"],
        &[
            "get",
            "describe",
            "logs",
            "top",
            "version",
            "cluster-info",
            "explain",
        ],
    ),
    (
        &["docker", "podman", "docker-compose"],
        &[
            "ps", "images", "logs", "inspect", "stats", "version", "info", "top", "config",
        ],
    ),
    (
        &["systemctl"],
        &[
            "status",
            "is-active",
            "is-enabled",
            "is-failed",
            "show",
            "list-units",
            "cat",
        ],
    ),
    (&["helm"], &["list", "status", "history", "get"]),
    (
        &["redis-cli"],
        &[
            "dbsize", "exists", "get", "hgetall", "info", "keys", "llen", "lrange", "memory",
            "ping", "scan", "scard", "smembers", "strlen", "ttl", "type", "xinfo", "xlen",
            "xpending", "xrange", "zcard", "zrange",
        ],
    ),
    (
        &["npm", "pnpm", "yarn"],
        &["ls", "list", "outdated", "view"],
    ),
    (&["terraform"], &["plan", "show", "validate", "output"]),
];

/// Options of those that take a value in the next word.
const OPTIONS: &[&str] = &[
    "-n",
    "--namespace",
    "--context",
    "--kubeconfig",
    "-f",
    "--file",
    "-p",
    "--project-name",
    "-C",
    "-H",
    "--host",
    "-h",
    "-a",
];

/// Programs that start what stands behind them.
const STARTERS: &[&str] = &[
    "sudo",
    "doas",
    "env",
    "nice",
    "time",
    "timeout",
    "nohup",
    "command",
    "builtin",
    "xargs",
    "watch",
    "stdbuf",
    "ssh",
    "docker",
    "podman",
    "docker-compose",
    "kubectl",
    "oc",
];

fn is_reader(simple: &Simple, inner: &[Inner<'_>]) -> bool {
    if simple.redirections.iter().any(writes) {
        return false;
    }
    let mut calls = simple.calls();
    // What another host is told is judged by itself.
    if let Some(at) = calls.iter().position(|call| call.program == "ssh") {
        calls.truncate(at + 1);
    }
    let Some((last, before)) = calls.split_last() else {
        // Variables of its own shell.
        return true;
    };
    before.iter().all(|call| STARTERS.contains(&call.program)) && reads(last, inner)
}

fn reads(call: &Call<'_>, inner: &[Inner<'_>]) -> bool {
    let program = call.program;
    let asks_about_itself =
        matches!(call.arguments, [only] if matches!(&*only.text, "--version" | "--help"));
    if READERS.contains(&program) || asks_about_itself {
        return true;
    }
    if let Some((_, verbs)) = VERBS
        .iter()
        .find(|(programs, _)| programs.contains(&program))
    {
        let mut rest = past_options(call.arguments, OPTIONS);
        if let [first, after @ ..] = rest
            && first.text == "compose"
        {
            rest = past_options(after, OPTIONS);
        }
        let verb = rest.first().map(|word| word.text.to_lowercase());
        return verb.is_some_and(|verb| verbs.contains(&verb.as_str()));
    }
    match program {
        "sed" => !call.has_option(&["-i", "--in-place"]),
        "journalctl" => !call
            .arguments
            .iter()
            .any(|word| word.text.starts_with("--vacuum")),
        "curl" => !call.has_option(&[
            "-X",
            "--request",
            "-d",
            "--data",
            "--data-raw",
            "--data-binary",
            "--json",
            "-F",
            "--form",
            "-T",
            "--upload-file",
            "-o",
            "--output",
            "-O",
            "--remote-name",
        ]),
        "find" => !call.has_option(&["-delete", "-exec", "-execdir", "-ok", "-fprint"]),
        "pg_restore" => call.has_option(&["-l", "--list"]),
        "psql" => {
            call.has_option(&["-l", "--list"])
                || !call.has_option(&["-f", "--file"])
                    && inner.iter().any(|one| one.tongue == Tongue::Sql)
        }
        // What they are told is judged by itself.
        "bash" | "sh" | "ssh" => inner.iter().any(|one| one.tongue == Tongue::Shell),
        _ => false,
    }
}

fn writes(redirection: &Redirection) -> bool {
    let into_a_file = match redirection.kind {
        RedirectionKind::Write
        | RedirectionKind::Append
        | RedirectionKind::ReadWrite
        | RedirectionKind::OutputAndError
        | RedirectionKind::AppendOutputAndError => true,
        // `>&file` as against `>&2`.
        RedirectionKind::DuplicateOutput => redirection.word().is_some_and(|word| {
            !word
                .text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-')
        }),
        _ => false,
    };
    let nowhere = redirection.word().is_some_and(|word| {
        matches!(
            word.text.as_str(),
            "/dev/null" | "/dev/stdout" | "/dev/stderr"
        )
    });
    into_a_file && !nowhere
}

fn asks(simple: &Simple) -> bool {
    let given = simple.redirections.iter().any(|one| {
        matches!(
            one.kind,
            RedirectionKind::Read | RedirectionKind::HereDocument | RedirectionKind::HereString
        )
    });
    let editor = [
        "vi",
        "vim",
        "nvim",
        "nano",
        "emacs",
        "visudo",
        "passwd",
        "ssh-copy-id",
        "dialog",
        "whiptail",
    ];
    let program = simple.program();
    editor.contains(&program)
        || (matches!(program, "read" | "select") && !given)
        || simple.calls().iter().any(asks_unless_told)
}

/// Programs that ask a person behind one of these words (any program, where none is named), and the
/// options that have answered before.
const ASKERS: &[(&[&str], &[&str], &[&str])] = &[
    (
        &["terraform", "tofu"],
        &["apply", "destroy"],
        &["-auto-approve", "--auto-approve", "-auto-approve=true"],
    ),
    (
        &["certbot"],
        &["certonly", "run", "delete"],
        &["-n", "--non-interactive", "--noninteractive"],
    ),
    (
        &[],
        &["createsuperuser", "changepassword"],
        &["--noinput", "--no-input"],
    ),
    (&["crontab"], &["-e"], &[]),
    (&["git"], &["-i", "--interactive"], &[]),
    (
        &[
            "gh", "gcloud", "az", "npm", "heroku", "fly", "flyctl", "vercel", "netlify",
            "supabase", "railway", "firebase", "doctl", "eas", "wrangler", "docker", "podman",
        ],
        &["login"],
        &[
            "--with-token",
            "--password-stdin",
            "-p",
            "--password",
            "--token",
            "--service-principal",
            "--cred-file",
            "--identity",
        ],
    ),
    (
        &["aws", "gcloud"],
        &["configure", "init"],
        &["--profile", "set", "list", "get"],
    ),
];

fn asks_unless_told(call: &Call<'_>) -> bool {
    let has = |word: &&str| {
        call.arguments
            .iter()
            .any(|argument| argument.text == **word)
    };
    let asker = ASKERS.iter().find(|(programs, words, _)| {
        (programs.is_empty() || programs.contains(&call.program)) && words.iter().any(&has)
    });
    let Some((_, words, answered)) = asker else {
        return false;
    };
    // `terraform apply the.plan` has been looked at when the plan was made.
    let is_planned = matches!(call.program, "terraform" | "tofu")
        && call
            .operands()
            .any(|word| !words.contains(&word) && !word.contains('='));
    !is_planned && !answered.iter().any(has)
}

fn is_elsewhere(call: &Call<'_>) -> bool {
    call.elsewhere
        || matches!(call.program, "ssh" | "scp" | "rsync" | "sftp") && {
            // A path of this host has no colon before its first slash.
            call.program == "ssh"
                || call.operands().any(|word| {
                    let host = word.split('/').next().unwrap_or_default();
                    host.contains(':')
                })
        }
}

fn of_sql(code: &str) -> (bool, bool, bool) {
    /// Commands of psql that show something, or change how it shows it.
    const SHOWS: &[&str] = &[
        "echo",
        "qecho",
        "warn",
        "set",
        "unset",
        "timing",
        "x",
        "a",
        "t",
        "pset",
        "f",
        "conninfo",
        "l",
        "errverbose",
        "encoding",
        "gset",
        "gx",
        "g",
        "gdesc",
        "crosstabview",
        "watch",
        "prompt",
        "sf",
        "sv",
        "z",
        "if",
        "elif",
        "else",
        "endif",
        "p",
        "r",
        "q",
        "h",
        "?",
        "timing",
    ];
    let script = read_sql(code);
    let reads = |item: &Item| match item {
        Item::Statement(statement) => only_looks(script.text(statement.span), Actor::Sql),
        Item::Meta(meta) => {
            let is_plain = !meta.arguments.iter().any(|argument| argument.runs);
            is_plain && (SHOWS.contains(&meta.name.as_str()) || meta.name.starts_with('d'))
        }
        Item::Data(_) => false,
    };
    let named = |names: &[&str]| {
        script
            .metas()
            .any(|meta| names.contains(&meta.name.as_str()))
    };
    let readable = script.unreadable().is_none() && !script.items().is_empty();
    (
        readable && script.items().iter().all(reads),
        named(&["prompt", "password"]),
        named(&["c", "connect"]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(code: &str, actor: Actor) -> String {
        let natures = natures_of(code, actor);
        let words: Vec<&str> = natures.iter().map(|nature| nature.words()).collect();
        words.join(", ")
    }

    #[test]
    fn a_shell_command_says_what_it_does() {
        for (code, said) in [
            ("df -h /srv", "reads"),
            ("sudo systemctl status app", "reads"),
            ("grep -c ok app.log | sort -u 2>/dev/null", "reads"),
            ("git log -3 --oneline", "reads"),
            ("git pull", "changes"),
            ("psql --version", "reads"),
            ("psql -d app -c 'SELECT count(*) FROM orders'", "reads"),
            (
                "psql -d app -c 'UPDATE orders SET done = true WHERE id = 7'",
                "changes",
            ),
            ("psql -d app -f migrate.sql", "changes"),
            ("ls > list.txt", "changes"),
            ("docker compose -f a.yml ps", "reads"),
            ("kubectl -n shop get pods", "reads"),
            ("docker compose up -d", "changes"),
            ("rm -rf old", "destroys"),
            ("tail -f app.log", "reads, never ends"),
            ("ssh web1 'df -h'", "reads, elsewhere"),
            (
                "ssh web1 'sudo systemctl restart app'",
                "changes, elsewhere",
            ),
            ("scp app.tgz web1:/srv/", "changes, elsewhere"),
            ("read -r answer", "changes, asks for input"),
            ("terraform apply -var a=b", "changes, asks for input"),
            ("terraform apply the.plan", "changes"),
            (
                "sudo certbot certonly -d shop.test",
                "changes, asks for input",
            ),
            ("certbot certonly -n -d shop.test", "changes"),
            ("docker login --password-stdin", "changes"),
            ("redis-cli -h cache XLEN jobs", "reads"),
            ("redis-cli -h cache SET jobs 1", "changes"),
            ("migrate-it --now", "changes"),
            ("echo \"$(rm -r x)\"", "destroys"),
            ("curl -s localhost:8080/health", "reads"),
            ("curl -X POST localhost:8080/drain", "changes"),
        ] {
            assert_eq!(words(code, Actor::Shell), said, "{code}");
        }
    }

    #[test]
    fn a_statement_says_what_it_does() {
        for (code, said) in [
            ("SELECT count(*) FROM orders;", "reads"),
            ("\\d orders", "reads"),
            ("UPDATE orders SET done = true WHERE id = 7;", "changes"),
            ("CREATE INDEX CONCURRENTLY i ON orders (id);", "changes"),
            ("DROP TABLE orders;", "destroys"),
            ("\\c other", "changes, elsewhere"),
            ("\\! ls", "changes"),
        ] {
            assert_eq!(words(code, Actor::Sql), said, "{code}");
        }
    }
}
