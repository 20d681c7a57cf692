//! Where the commands of a block go: which database each program of PostgreSQL is told to reach, which
//! host a request, which cluster a `kubectl`. Read from the block's syntax with the values that are
//! known; what only the shell itself can tell is said to be unknown, never guessed.

mod programs;
mod session;
mod titles;

use std::collections::BTreeMap;

pub use session::sql_reaches;
pub use titles::environment_in;

use super::syntax::{Call, PieceKind, Script, Simple, Tongue, Word, past_options, read_shell};
use crate::libpq::{Parameters, is_read_by_libpq};
use programs::{Program, program};

/// One place that a block reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// In the code, counted from 0.
    pub line: usize,
    /// The program, or `\c`.
    pub what: String,
    pub to: Goes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goes {
    Database(Told),
    /// `\c`: what is named; the rest is that of the connection before it.
    Reconnects(Parameters),
    Host(String),
    /// A cluster of Kubernetes, by its context.
    Context(String),
    /// Why nobody can tell before it runs.
    Unknown(String),
}

/// What libpq is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// By arguments.
    pub written: Parameters,
    /// Variables that the block sets for it, over those of the step.
    pub variables: BTreeMap<String, String>,
    /// `sudo` and its kin: it sees none of the step's variables, and is another user.
    pub as_user: Option<String>,
    /// The server is meant, whatever database it enters by.
    pub server: bool,
}

/// What is known of a variable before the block runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    Value(String),
    /// Why it is not known.
    Not(String),
}

/// Programs that libpq leads to a server.
const LIBPQ_PROGRAMS: [&str; 21] = [
    "clusterdb",
    "createdb",
    "createuser",
    "dropdb",
    "dropuser",
    "ecpg",
    "oid2name",
    "pg_amcheck",
    "pg_basebackup",
    "pg_dump",
    "pg_dumpall",
    "pg_isready",
    "pg_receivewal",
    "pg_recvlogical",
    "pg_restore",
    "pg_rewind",
    "pgbench",
    "psql",
    "reindexdb",
    "vacuumdb",
    "vacuumlo",
];

/// Whether a shell text names a program that libpq leads to a server: then the database proves which
/// one it is before the text runs.
pub fn talks_to_postgres(code: &str) -> bool {
    code.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
        .any(|word| LIBPQ_PROGRAMS.binary_search(&word).is_ok())
}

/// The places of a shell text. `lookup`: what a variable holds when the block begins.
pub fn shell_reaches(code: &str, lookup: &dyn Fn(&str) -> Known) -> Vec<Reach> {
    let script = read_shell(code);
    let mut shell = Shell {
        set: BTreeMap::new(),
        lookup,
        unseen: None,
        found: Vec::new(),
    };
    for (inside, simple) in script.all_simple_commands() {
        shell.command(inside, simple);
    }
    for inner in script
        .inner()
        .iter()
        .filter(|inner| inner.tongue == Tongue::Sql && !inner.elsewhere)
    {
        let from = script.line(inner.holder.span().start);
        let not_known = |_: &str| Known::Not("psql fills it in".to_owned());
        let led = sql_reaches(&inner.text, &not_known);
        shell.found.extend(led.into_iter().map(|reach| Reach {
            line: from + reach.line,
            ..reach
        }));
    }
    if shell.found.is_empty() && script.unreadable().is_some() && talks_to_postgres(code) {
        shell.found.push(Reach {
            line: 0,
            what: "the block".to_owned(),
            to: Goes::Unknown("it cannot be read as a shell reads it".to_owned()),
        });
    }
    shell.found.sort_by_key(|reach| reach.line);
    shell.found
}

struct Shell<'a> {
    /// What the block itself has set so far.
    set: BTreeMap<String, Known>,
    lookup: &'a dyn Fn(&str) -> Known,
    /// Why a variable may be another than what the text shows.
    unseen: Option<String>,
    found: Vec<Reach>,
}

impl Shell<'_> {
    fn command(&mut self, script: &Script, simple: &Simple) {
        let line = match script.is_detached() {
            true => 0,
            false => script.line(simple.span.start),
        };
        let mut own: BTreeMap<String, Known> = BTreeMap::new();
        for one in &simple.assignments {
            let plain = !one.append && one.subscript.is_none();
            let value = match plain {
                true => self.word(script, &one.value),
                false => Known::Not(format!("`{}` is put together", one.name)),
            };
            own.insert(one.name.clone(), value);
        }
        let first = simple.words.first().map_or("", Word::base_name);
        if simple.words.is_empty()
            || matches!(
                first,
                "export" | "declare" | "readonly" | "local" | "typeset"
            )
        {
            self.set.extend(own);
            for word in simple.words.iter().skip(1) {
                self.assigned(script, word);
            }
            return;
        }
        if first == "unset" {
            for word in simple.words.iter().skip(1) {
                self.set
                    .insert(word.text.clone(), Known::Value(String::new()));
            }
            return;
        }
        if matches!(first, "source" | "." | "eval" | "read") {
            self.unseen
                .get_or_insert(format!("`{first}` may set where it goes"));
        }
        let calls = simple.calls();
        for call in &calls {
            // What stands between the command's first word and this program.
            let before = simple
                .words
                .iter()
                .take_while(|word| word.span.start < call.word.span.start);
            let mut variables = match as_user(&calls) {
                Some(_) => BTreeMap::new(),
                None => own.clone(),
            };
            for word in before {
                if let Some((name, _)) = word
                    .text
                    .split_once('=')
                    .filter(|(name, _)| is_read_by_libpq(name))
                {
                    let value = match self.word(script, word) {
                        Known::Value(whole) => Known::Value(whole[name.len() + 1..].to_owned()),
                        not => not,
                    };
                    variables.insert(name.to_owned(), value);
                }
            }
            for to in self.goes(script, call, &calls, variables) {
                self.found.push(Reach {
                    line,
                    what: call.program.to_owned(),
                    to,
                });
            }
        }
    }

    /// `export NAME=value`
    fn assigned(&mut self, script: &Script, word: &Word) {
        let Some((name, _)) = word.text.split_once('=') else {
            return;
        };
        let value = match self.word(script, word) {
            Known::Value(whole) => Known::Value(
                whole
                    .split_once('=')
                    .map_or(String::new(), |(_, value)| value.to_owned()),
            ),
            not => not,
        };
        self.set.insert(name.to_owned(), value);
    }

    fn goes(
        &self,
        script: &Script,
        call: &Call<'_>,
        calls: &[Call<'_>],
        own: BTreeMap<String, Known>,
    ) -> Vec<Goes> {
        match call.program {
            "curl" if !call.elsewhere => self.curl(script, call.arguments),
            "kubectl" | "oc" => self.kubectl(script, call.arguments).into_iter().collect(),
            name => {
                let Some(known) = program(name) else {
                    return Vec::new();
                };
                if let Some(why) = &self.unseen {
                    return vec![Goes::Unknown(why.clone())];
                }
                if call.elsewhere {
                    let by = calls
                        .iter()
                        .find(|outer| outer.program != "sudo" && outer.program != name);
                    let by = by.map_or("another program", |outer| outer.program);
                    return vec![Goes::Unknown(format!("`{by}` runs it in another place"))];
                }
                self.database(script, known, call, calls, &own)
                    .into_iter()
                    .collect()
            }
        }
    }

    fn database(
        &self,
        script: &Script,
        program: &Program,
        call: &Call<'_>,
        calls: &[Call<'_>],
        own: &BTreeMap<String, Known>,
    ) -> Option<Goes> {
        let mut told = Told {
            as_user: as_user(calls),
            server: program.server,
            ..Told::default()
        };
        let inherited = self.set.iter().filter(|_| told.as_user.is_none());
        for (name, value) in inherited.chain(own) {
            if !is_read_by_libpq(name) || name == "PGPASSWORD" {
                continue;
            }
            match value {
                Known::Value(value) => told.variables.insert(name.clone(), value.clone()),
                Known::Not(why) => return Some(Goes::Unknown(format!("`{name}`: {why}"))),
            };
        }
        let mut arguments = Vec::new();
        for word in call.arguments {
            if word.is_pattern() && !word.is_literal() {
                return Some(Goes::Unknown(format!(
                    "`{}` may become several words",
                    word.text
                )));
            }
            let known = self.word(script, word);
            // What names no address need not be known.
            if let Known::Not(why) = &known
                && word.text.starts_with('-')
            {
                if names_an_address(&word.text) {
                    return Some(Goes::Unknown(why.clone()));
                }
                continue;
            }
            arguments.push(known);
        }
        match program.read(arguments) {
            Ok(Some(written)) => {
                told.written = written;
                Some(Goes::Database(told))
            }
            Ok(None) => None,
            Err(why) => Some(Goes::Unknown(why)),
        }
    }

    /// What a word becomes when the block runs.
    fn word(&self, script: &Script, word: &Word) -> Known {
        let mut text = word.text.clone();
        let mut from = 0;
        for piece in &word.pieces {
            let name = match &piece.kind {
                PieceKind::Text | PieceKind::Pattern => continue,
                PieceKind::Parameter { name, .. } => name,
                PieceKind::Blank => return Known::Not("a blank is open".to_owned()),
                _ => return Known::Not("a command or an expression gives it".to_owned()),
            };
            let written = piece.span.of(script.source());
            if written != format!("${name}") && written != format!("${{{name}}}") {
                return Known::Not(format!("`{written}` is worked out by the shell"));
            }
            let known = self
                .set
                .get(name)
                .cloned()
                .unwrap_or_else(|| (self.lookup)(name));
            let Known::Value(value) = known else {
                return known;
            };
            let Some(at) = text.get(from..).and_then(|rest| rest.find(written)) else {
                return Known::Not("its text is not read for certain".to_owned());
            };
            text.replace_range(from + at..from + at + written.len(), &value);
            from += at + value.len();
        }
        Known::Value(text)
    }

    fn curl(&self, script: &Script, words: &[Word]) -> Vec<Goes> {
        let is_url = |word: &&Word| word.text.contains("://") || word.text.starts_with('$');
        let words = words.iter().filter(is_url);
        words
            .filter_map(|word| match self.word(script, word) {
                Known::Value(url) => host_of(&url).map(Goes::Host),
                Known::Not(why) => Some(Goes::Unknown(why)),
            })
            .collect()
    }

    fn kubectl(&self, script: &Script, words: &[Word]) -> Option<Goes> {
        let mut rest = words.iter().take_while(|word| word.text != "--");
        while let Some(word) = rest.next() {
            let value = match word.text.strip_prefix("--context") {
                Some("") => self.word(script, rest.next()?),
                Some(given) if given.starts_with('=') => match self.word(script, word) {
                    Known::Value(whole) => Known::Value(whole["--context=".len()..].to_owned()),
                    not => not,
                },
                _ => continue,
            };
            return Some(match value {
                Known::Value(context) => Goes::Context(context),
                Known::Not(why) => Goes::Unknown(why),
            });
        }
        None
    }
}

/// Whether an option says where a program of libpq connects to.
fn names_an_address(option: &str) -> bool {
    let short = ["-h", "-p", "-U", "-d"];
    let long = [
        "--host",
        "--port",
        "--username",
        "--dbname",
        "--maintenance-db",
    ];
    short
        .into_iter()
        .chain(long)
        .any(|name| option.starts_with(name))
}

/// The user that `sudo` or its like makes of the caller, where it keeps nothing of the environment.
fn as_user(calls: &[Call<'_>]) -> Option<String> {
    let outer = calls
        .iter()
        .find(|call| matches!(call.program, "sudo" | "doas" | "su" | "runuser"))?;
    // What stands behind the program that it runs is that one's.
    let inner = calls
        .iter()
        .map(|call| call.word.span.start)
        .find(|start| *start > outer.word.span.start);
    let own = || {
        outer
            .arguments
            .iter()
            .take_while(|word| inner.is_none_or(|inner| word.span.start < inner))
    };
    if own().any(|word| word.text == "-E" || word.text.starts_with("--preserve-env")) {
        return None;
    }
    let mut words = own();
    while let Some(word) = words.next() {
        match word.text.as_str() {
            "-u" | "--user" => return words.next().map(|word| word.text.clone()),
            text if text.starts_with("--user=") => return Some(text["--user=".len()..].to_owned()),
            text if text.starts_with("-u") => return Some(text[2..].to_owned()),
            _ => {}
        }
    }
    let named = matches!(outer.program, "su" | "runuser")
        .then(|| {
            past_options(outer.arguments, &["-c", "-s"])
                .iter()
                .find(|word| word.text != "-")
        })
        .flatten();
    Some(named.map_or("root".to_owned(), |word| word.text.clone()))
}

/// Host and port of a URL.
pub fn host_of(url: &str) -> Option<String> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    (!host.is_empty()).then(|| host.to_lowercase())
}

#[cfg(test)]
mod tests;
