//! Texts that a command hands to something that reads them as code: `bash -c '…'`, `ssh host '…'`,
//! `psql -c "…"`, a here-document to either of them, `eval`, `trap`.

use super::calls::{Call, past_options};
use super::{HereDocument, Pipeline, Redirection, Script, Simple, Stage, Target, Visit, Word};
use crate::runbook::syntax::Span;

/// What reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    Shell,
    /// psql, or a server of PostgreSQL through it.
    Sql,
    /// Another database's client.
    OtherSql,
    /// A language that is not read here.
    Other,
}

/// Code inside of a command.
#[derive(Clone, Debug)]
pub struct Inner<'a> {
    pub tongue: Tongue,
    /// As it is read; expansions stand in it as they are written.
    pub text: String,
    pub holder: Holder<'a>,
    /// It is read by something in another place than the command.
    pub elsewhere: bool,
    /// A shell joins several words, or reads a word at another time: what is quoted in it is quoted once
    /// more.
    pub again: bool,
}

/// Where it stands.
#[derive(Clone, Copy, Debug)]
pub enum Holder<'a> {
    Word(&'a Word),
    Words(&'a [Word]),
    HereDocument(&'a HereDocument),
}

impl Holder<'_> {
    pub fn span(&self) -> Span {
        match self {
            Holder::Word(word) => word.span,
            Holder::Words(words) => words
                .iter()
                .map(|word| word.span)
                .reduce(Span::with)
                .unwrap_or_default(),
            Holder::HereDocument(document) => document.body,
        }
    }
}

pub const SHELLS: [&str; 8] = ["bash", "sh", "dash", "zsh", "ksh", "ash", "fish", "rbash"];

impl Script {
    /// All code inside of its commands, substitutions left out.
    pub fn inner(&self) -> Vec<Inner<'_>> {
        let mut found = Vec::new();
        self.visit(&mut |visit| {
            if let Visit::Pipeline(pipeline) = visit {
                found.extend(pipeline.inner());
            }
            false
        });
        found
    }
}

impl Pipeline {
    /// The code inside of its commands, and what one of them hands to the next.
    pub fn inner(&self) -> Vec<Inner<'_>> {
        let mut found = Vec::new();
        let mut before: Option<&Simple> = None;
        for stage in &self.stages {
            let (simple, redirections) = match stage {
                Stage::Simple(simple) => (Some(simple), &simple.redirections),
                Stage::Compound(compound) => (None, &compound.redirections),
                Stage::Function(_) => (None, &EMPTY),
            };
            if let Some(simple) = simple {
                of_simple(simple, redirections, before, &mut found);
            }
            before = simple;
        }
        found
    }
}

static EMPTY: Vec<Redirection> = Vec::new();

fn of_simple<'a>(
    simple: &'a Simple,
    redirections: &'a [Redirection],
    before: Option<&'a Simple>,
    found: &mut Vec<Inner<'a>>,
) {
    let calls = simple.calls();
    let Some(last) = calls.last() else {
        return;
    };
    for call in &calls {
        arguments(call, found);
    }
    let Some((tongue, elsewhere)) = reads_input(last) else {
        return;
    };
    let mut add = |text: &str, holder: Holder<'a>| {
        found.push(Inner {
            tongue,
            text: text.to_owned(),
            holder,
            elsewhere,
            again: false,
        });
    };
    let mut given = false;
    for redirection in redirections {
        match &redirection.target {
            Target::HereDocument(document) => {
                given = true;
                add(&document.text, Holder::HereDocument(document));
            }
            Target::Word(word) if redirection.kind == super::RedirectionKind::HereString => {
                given = true;
                add(&word.text, Holder::Word(word));
            }
            _ => {}
        }
    }
    let Some(before) = before.filter(|_| !given) else {
        return;
    };
    match before.program() {
        "echo" | "printf" => {
            let words = &before.words[1..];
            let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
            add(&texts.join(" "), Holder::Words(words));
        }
        "cat" | "tee" => {
            for document in before
                .redirections
                .iter()
                .filter_map(Redirection::here_document)
            {
                add(&document.text, Holder::HereDocument(document));
            }
        }
        _ => {}
    }
}

/// Code among the arguments of one program.
fn arguments<'a>(call: &Call<'a>, found: &mut Vec<Inner<'a>>) {
    let words = call.arguments;
    let mut add = |tongue: Tongue, text: &str, holder: Holder<'a>, again: bool| {
        found.push(Inner {
            tongue,
            text: text.to_owned(),
            holder,
            elsewhere: call.elsewhere,
            again,
        });
    };
    let joined = |words: &[Word]| {
        let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        texts.join(" ")
    };
    match call.program {
        shell if SHELLS.contains(&shell) => {
            if let Some(word) = behind_option(words, "c", &["--command"]) {
                add(Tongue::Shell, &word.text, Holder::Word(word), false);
            }
        }
        "su" | "runuser" | "script" | "flock" => {
            if let Some(word) = behind_option(words, "c", &["--command", "--session-command"]) {
                add(Tongue::Shell, &word.text, Holder::Word(word), false);
            }
        }
        "eval" | "watch" => {
            let own = past_options(words, &["-n", "--interval"]);
            if !own.is_empty() {
                add(Tongue::Shell, &joined(own), Holder::Words(own), true);
            }
        }
        "trap" => {
            let own = past_options(words, &[]);
            if let [word, _, ..] = own {
                add(Tongue::Shell, &word.text, Holder::Word(word), true);
            }
        }
        "alias" => {
            for word in words.iter().filter(|word| word.text.contains('=')) {
                let text = word.text.split_once('=').map_or("", |(_, text)| text);
                add(Tongue::Shell, text, Holder::Word(word), true);
            }
        }
        "ssh" | "mosh" | "autossh" => {
            if let Some(own) = ssh_command(words) {
                add(
                    Tongue::Shell,
                    &joined(own),
                    Holder::Words(own),
                    own.len() > 1,
                );
            }
        }
        "psql" => {
            for (word, text) in each_behind_option(words, 'c', "--command") {
                add(Tongue::Sql, text, Holder::Word(word), false);
            }
        }
        "mysql" | "mariadb" | "cqlsh" | "sqlcmd" | "clickhouse-client" | "bq" | "snowsql" => {
            for letter in ['e', 'Q', 'q'] {
                for (word, text) in each_behind_option(words, letter, "--execute") {
                    add(Tongue::OtherSql, text, Holder::Word(word), false);
                }
            }
            for word in words {
                if let Some(text) = word.text.strip_prefix("--query=") {
                    add(Tongue::OtherSql, text, Holder::Word(word), false);
                }
            }
        }
        "sqlite3" => {
            if let [_, word, ..] = past_options(words, &["-cmd", "-separator"]) {
                add(Tongue::OtherSql, &word.text, Holder::Word(word), false);
            }
        }
        program if is_language(program) => {
            for option in ["c", "e", "r", "E", "p", "pe", "ne"] {
                if let Some(word) = behind_option(words, option, &["--eval", "--print"]) {
                    add(Tongue::Other, &word.text, Holder::Word(word), false);
                    break;
                }
            }
        }
        "awk" | "gawk" | "mawk" | "nawk" => {
            let own = past_options(words, &["-F", "-v", "-f"]);
            if let Some(word) = own.first() {
                add(Tongue::Other, &word.text, Holder::Word(word), false);
            }
        }
        "sed" | "jq" | "yq" | "dc" | "bc" => {
            for word in words.iter().filter(|word| !word.text.starts_with('-')) {
                add(Tongue::Other, &word.text, Holder::Word(word), false);
            }
        }
        _ => {}
    }
}

fn is_language(program: &str) -> bool {
    let name = program.trim_end_matches(|last: char| last.is_ascii_digit() || last == '.');
    matches!(
        name,
        "python"
            | "pypy"
            | "perl"
            | "ruby"
            | "node"
            | "nodejs"
            | "deno"
            | "bun"
            | "php"
            | "lua"
            | "Rscript"
            | "pwsh"
            | "powershell"
            | "osascript"
            | "mongosh"
            | "mongo"
            | "groovy"
            | "elixir"
            | "erl"
            | "iex"
            | "tclsh"
            | "expect"
            | "julia"
            | "scala"
    )
}

/// What a program reads as code when its input is given, if it does.
fn reads_input(call: &Call<'_>) -> Option<(Tongue, bool)> {
    let words = call.arguments;
    let tongue = match call.program {
        "psql" => {
            let told = has_option(words, 'c', "--command") || has_option(words, 'f', "--file");
            let input = words.windows(2).any(|pair| {
                matches!(pair[0].text.as_str(), "-f" | "--file") && pair[1].text == "-"
            });
            (!told || input).then_some(Tongue::Sql)
        }
        shell if SHELLS.contains(&shell) => {
            let own = past_options(words, &["-o", "+o", "-O", "--rcfile", "--init-file"]);
            let script = own.first().is_some_and(|word| word.text != "-");
            let told = behind_option(words, "c", &[]).is_some();
            let input = words.iter().any(|word| word.text == "-s");
            (input || !script && !told).then_some(Tongue::Shell)
        }
        "ssh" => ssh_command(words).is_none().then_some(Tongue::Shell),
        "su" | "runuser" | "sudo" | "at" | "batch" => behind_option(words, "c", &["--command"])
            .is_none()
            .then_some(Tongue::Shell),
        "source" | "." => Some(Tongue::Shell),
        "mysql" | "mariadb" | "sqlite3" | "sqlcmd" | "cqlsh" | "clickhouse-client" | "sqlplus" => {
            Some(Tongue::OtherSql)
        }
        program if is_language(program) => Some(Tongue::Other),
        _ => None,
    };
    tongue.map(|tongue| (tongue, call.elsewhere || call.program == "ssh"))
}

/// The words that ssh hands to the shell of the other host.
fn ssh_command(words: &[Word]) -> Option<&[Word]> {
    let values = [
        "-i", "-p", "-o", "-l", "-F", "-J", "-b", "-c", "-E", "-m", "-L", "-R", "-D", "-W", "-w",
        "-S", "-B", "-I", "-O", "-Q", "-e", "-M",
    ];
    let own = past_options(words, &values).get(1..)?;
    let own = past_options(own, &values);
    (!own.is_empty()).then_some(own)
}

/// The word behind `-c`, also behind `-lc`; none behind the first word that is no option.
fn behind_option<'a>(words: &'a [Word], letter: &str, long: &[&str]) -> Option<&'a Word> {
    let mut rest = words.iter();
    let mut user = false;
    while let Some(word) = rest.next() {
        let text = word.text.as_str();
        if long.contains(&text) {
            return rest.next();
        }
        let cluster = text.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
        match cluster {
            Some(cluster) if cluster.ends_with(letter) && !cluster.is_empty() => {
                return rest.next();
            }
            Some(cluster) if cluster.ends_with(['o', 'O']) && letter == "c" => {
                rest.next();
            }
            Some(_) => {}
            // `su - app -c '…'`, `script -q -c`; a shell's first operand is a script.
            None if !user && letter == "c" && !text.starts_with('+') => user = true,
            None => {}
        }
    }
    None
}

/// The words given with an option, `-cX` and `--command=X` among them, and what is given.
fn each_behind_option<'a>(words: &'a [Word], letter: char, long: &str) -> Vec<(&'a Word, &'a str)> {
    // Options that take no value, as they stand together with one that does: `-tAc`.
    const FLAGS: &str = "AaEeHlLnqsStxXbwWz01iTBNCrv";
    let mut found = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let text = word.text.as_str();
        let cluster = text.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
        let alone = cluster
            .and_then(|cluster| cluster.strip_suffix(letter))
            .is_some_and(|flags| flags.chars().all(|flag| FLAGS.contains(flag)));
        if text == long || alone {
            found.extend(rest.next().map(|word| (word, word.text.as_str())));
        } else if let Some(given) = text
            .strip_prefix(long)
            .and_then(|rest| rest.strip_prefix('='))
        {
            found.push((word, given));
        } else if let Some(given) = cluster.and_then(|cluster| cluster.strip_prefix(letter)) {
            found.push((word, given));
        }
    }
    found
}

fn has_option(words: &[Word], letter: char, long: &str) -> bool {
    !each_behind_option(words, letter, long).is_empty()
}
