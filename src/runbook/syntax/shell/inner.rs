//! Texts that a command hands to something that reads them as code: `bash -c '…'`, `ssh host '…'`,
//! `psql -c "…"`, a here-document to either of them, `eval`, `trap`.

use super::calls::{Call, past_options};
use super::{
    HereDocument, PieceKind, Pipeline, Redirection, RedirectionKind, Script, Simple, Stage, Target,
    Visit, Word,
};
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
    /// All that is read. Else other text stands around it, or another program works on it before.
    pub alone: bool,
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
    /// The variables that its commands hand to psql (`-v name=value`), each with the word that says so.
    pub fn psql_variables(&self) -> Vec<(&Word, &str)> {
        let mut found = Vec::new();
        for stage in &self.stages {
            let Stage::Simple(simple) = stage else {
                continue;
            };
            for call in simple.calls() {
                if call.program != "psql" {
                    continue;
                }
                let given = [('v', "--set"), ('v', "--variable")]
                    .into_iter()
                    .flat_map(|(letter, long)| each_behind_option(call.arguments, letter, long));
                found.extend(given.filter_map(|(word, text)| {
                    let (name, _) = text.split_once('=')?;
                    Some((word, name))
                }));
            }
        }
        found
    }

    /// The code inside of its commands, and what one of them hands to the next.
    pub fn inner(&self) -> Vec<Inner<'_>> {
        let mut found = Vec::new();
        for (index, stage) in self.stages.iter().enumerate() {
            if let Stage::Simple(simple) = stage {
                of_simple(simple, &self.stages[..index], &mut found);
            }
        }
        found
    }
}

fn of_simple<'a>(simple: &'a Simple, before: &'a [Stage], found: &mut Vec<Inner<'a>>) {
    let calls = simple.calls();
    let Some(last) = calls.last() else {
        return;
    };
    let from = found.len();
    for call in &calls {
        arguments(call, found);
    }
    if let Some(word) = replaced(&calls) {
        // `… | xargs -I{} sh -c '… {} …'`: each line of the input is put into the code.
        if found[from..].iter().any(|inner| inner.text.contains(word)) {
            let mut texts = Vec::new();
            before.iter().for_each(|stage| {
                printed(stage, &mut texts);
            });
            handed_on(texts, Tongue::Shell, last.elsewhere, false, found);
        }
    }
    let Some((tongue, elsewhere)) = reads_input(last) else {
        // `bash <(…)`, `source <(…)` read no input, but a file that is a command's output.
        if let Some(tongue) = reads_file(last) {
            for word in last.arguments {
                substituted(word, tongue, last.elsewhere, found);
            }
        }
        return;
    };
    let mut given = false;
    for redirection in &simple.redirections {
        let held = match &redirection.target {
            Target::HereDocument(document) => {
                Some((document.text.clone(), Holder::HereDocument(document)))
            }
            Target::Word(word) if redirection.kind == RedirectionKind::HereString => {
                Some((word.text.clone(), Holder::Word(word)))
            }
            Target::Word(word) if redirection.kind == RedirectionKind::Read => {
                given = true;
                substituted(word, tongue, elsewhere, found);
                None
            }
            _ => None,
        };
        if let Some((text, holder)) = held {
            given = true;
            found.push(Inner {
                tongue,
                text,
                holder,
                elsewhere,
                alone: true,
                again: false,
            });
        }
    }
    if !given {
        let (mut texts, mut passed_on) = (Vec::new(), true);
        for stage in before {
            passed_on &= printed(stage, &mut texts);
        }
        handed_on(texts, tongue, elsewhere, passed_on, found);
    }
}

/// The text of `<(…)` in a word.
fn substituted<'a>(word: &'a Word, tongue: Tongue, elsewhere: bool, found: &mut Vec<Inner<'a>>) {
    for piece in &word.pieces {
        let PieceKind::Process(script) = &piece.kind else {
            continue;
        };
        let mut texts = Vec::new();
        let mut passed_on = true;
        for simple in script.simple_commands() {
            passed_on &= prints(simple, &mut texts);
        }
        handed_on(texts, tongue, elsewhere, passed_on, found);
    }
}

/// Several texts, or one that another program works on first, are not read as they stand.
fn handed_on<'a>(
    texts: Vec<(String, Holder<'a>)>,
    tongue: Tongue,
    elsewhere: bool,
    passed_on: bool,
    found: &mut Vec<Inner<'a>>,
) {
    let alone = texts.len() == 1 && passed_on;
    for (text, holder) in texts {
        found.push(Inner {
            tongue,
            text,
            holder,
            elsewhere,
            alone,
            again: false,
        });
    }
}

/// What the commands of a stage print of their own; whether all they print is that, or what they are
/// given.
fn printed<'a>(stage: &'a Stage, texts: &mut Vec<(String, Holder<'a>)>) -> bool {
    match stage {
        Stage::Simple(simple) => prints(simple, texts),
        Stage::Compound(compound) => {
            let mut passed_on = true;
            for list in compound.bodies.iter().flatten() {
                for stage in list.pipelines().flat_map(|pipeline| &pipeline.stages) {
                    passed_on &= printed(stage, texts);
                }
            }
            passed_on
        }
        Stage::Function(_) => true,
    }
}

fn prints<'a>(simple: &'a Simple, texts: &mut Vec<(String, Holder<'a>)>) -> bool {
    let program = simple.program();
    // `printf` and `echo -e` read escapes in what they print.
    let mut as_it_is = program == "echo";
    if matches!(program, "echo" | "printf") {
        let words = &simple.words[1..];
        let own: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        as_it_is &= !own.first().is_some_and(|first| first.starts_with('-'));
        texts.push((own.join(" "), Holder::Words(words)));
    }
    let passes_on = matches!(program, "cat" | "tee");
    if passes_on {
        let documents = simple.redirections.iter();
        for document in documents.filter_map(Redirection::here_document) {
            texts.push((document.text.clone(), Holder::HereDocument(document)));
        }
    }
    passes_on || as_it_is
}

/// What `xargs -I` puts its input in place of.
fn replaced<'a>(calls: &[Call<'a>]) -> Option<&'a str> {
    let call = calls
        .iter()
        .find(|call| matches!(call.program, "xargs" | "parallel"))?;
    let words = call.arguments.iter().map(|word| word.text.as_str());
    let mut given = words.clone().skip_while(|text| !text.starts_with("-I"));
    match given.next() {
        Some("-I") => given.next(),
        Some(joined) => joined.get(2..),
        None => {
            (call.program == "parallel" || words.clone().any(|text| text == "-i")).then_some("{}")
        }
    }
}

/// What a program reads the file of its first argument as.
fn reads_file(call: &Call<'_>) -> Option<Tongue> {
    match call.program {
        "source" | "." => Some(Tongue::Shell),
        shell if SHELLS.contains(&shell) => Some(Tongue::Shell),
        "psql" => Some(Tongue::Sql),
        program if is_language(program) => Some(Tongue::Other),
        _ => None,
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
            alone: true,
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
        _ => of_interpreters(call, found),
    }
}

/// Code that a program of another language is given.
fn of_interpreters<'a>(call: &Call<'a>, found: &mut Vec<Inner<'a>>) {
    let words = call.arguments;
    let mut add = |tongue: Tongue, text: &str, holder: Holder<'a>| {
        found.push(Inner {
            tongue,
            text: text.to_owned(),
            holder,
            elsewhere: call.elsewhere,
            alone: true,
            again: false,
        });
    };
    match call.program {
        "psql" => {
            for (word, text) in each_behind_option(words, 'c', "--command") {
                add(Tongue::Sql, text, Holder::Word(word));
            }
        }
        "mysql" | "mariadb" | "cqlsh" | "sqlcmd" | "clickhouse-client" | "bq" | "snowsql" => {
            for letter in ['e', 'Q', 'q'] {
                for (word, text) in each_behind_option(words, letter, "--execute") {
                    add(Tongue::OtherSql, text, Holder::Word(word));
                }
            }
            for word in words {
                if let Some(text) = word.text.strip_prefix("--query=") {
                    add(Tongue::OtherSql, text, Holder::Word(word));
                }
            }
        }
        "sqlite3" => {
            if let [_, word, ..] = past_options(words, &["-cmd", "-separator"]) {
                add(Tongue::OtherSql, &word.text, Holder::Word(word));
            }
        }
        program if is_language(program) => {
            for option in ["c", "e", "r", "E", "p", "pe", "ne"] {
                if let Some(word) = behind_option(words, option, &["--eval", "--print"]) {
                    add(Tongue::Other, &word.text, Holder::Word(word));
                    break;
                }
            }
        }
        // A value given to `make` is put into its recipes as it is, and expanded before.
        "make" | "gmake" | "just" | "tmux" | "screen" => {
            for word in words {
                add(Tongue::Other, &word.text, Holder::Word(word));
            }
        }
        "env" => {
            if let Some(word) = behind_option(words, "S", &["--split-string"]) {
                add(Tongue::Other, &word.text, Holder::Word(word));
            }
        }
        "awk" | "gawk" | "mawk" | "nawk" => {
            let own = past_options(words, &["-F", "-v", "-f"]);
            if let Some(word) = own.first() {
                add(Tongue::Other, &word.text, Holder::Word(word));
            }
        }
        "sed" | "jq" | "yq" | "dc" | "bc" => {
            for word in words.iter().filter(|word| !word.text.starts_with('-')) {
                add(Tongue::Other, &word.text, Holder::Word(word));
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
            let script = !own.is_empty() && !of_input(own.first());
            let told = behind_option(words, "c", &[]).is_some();
            let input = words.iter().any(|word| word.text == "-s");
            (input || !script && !told).then_some(Tongue::Shell)
        }
        "ssh" => ssh_command(words).is_none().then_some(Tongue::Shell),
        "su" | "runuser" | "sudo" | "at" | "batch" => behind_option(words, "c", &["--command"])
            .is_none()
            .then_some(Tongue::Shell),
        "source" | "." => of_input(words.first()).then_some(Tongue::Shell),
        "crontab" => Some(Tongue::Other),
        "mysql" | "mariadb" | "sqlite3" | "sqlcmd" | "cqlsh" | "clickhouse-client" | "sqlplus" => {
            Some(Tongue::OtherSql)
        }
        program if is_language(program) => Some(Tongue::Other),
        _ => None,
    };
    tongue.map(|tongue| (tongue, call.elsewhere || call.program == "ssh"))
}

/// A file that is the input of the command.
fn of_input(word: Option<&Word>) -> bool {
    word.is_some_and(|word| matches!(word.text.as_str(), "-" | "/dev/stdin" | "/dev/fd/0"))
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
