//! What the commands of an action can answer: a query its rows, a request its status, any other what it
//! prints.

use std::collections::BTreeSet;

use super::columns::{Columns, columns_of};
use super::lexicon::stems;
use crate::runbook::model::{Actor, Block, BlockNumber, Role};
use crate::runbook::syntax::{
    Call, Command, Inner, Item, Pipeline, Script, Simple, Span, SqlScript, Stage, Tongue,
    read_shell, read_sql,
};

/// Commands, or remarks, of an action of which words are read.
const LARGEST: usize = 200;

/// One action of a block: the whole of it, or a part.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub block: BlockNumber,
    /// 0 for the whole block.
    pub part: usize,
    pub actor: Actor,
    pub commands: Vec<Talk>,
    pub comments: Vec<Said>,
}

/// A comment in it.
#[derive(Clone, Debug)]
pub(super) struct Said {
    /// In the guide.
    pub line: usize,
    pub text: String,
    /// Nothing but blanks stands before it on its line.
    pub alone: bool,
}

/// A command and what it can answer.
#[derive(Clone, Debug)]
pub(super) struct Talk {
    /// First and last line in the guide.
    pub first: usize,
    pub last: usize,
    pub answer: Answer,
    /// The stems of its words.
    pub words: BTreeSet<String>,
    /// The program that answers and its arguments, where they are plain words.
    pub called: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// Rows of a table.
    Rows(Columns),
    /// One line that holds the value of a query.
    Line,
    /// An answer of a server, with its status; without where nothing shows it.
    Status { seen: bool },
    /// The status alone, as its one line.
    Code,
    /// The status within a line of its own words.
    Written,
    /// How long it would take, and the like: a plan.
    Plan,
    /// A command tag, where the server answers with one.
    Tag,
    /// JSON, as a filter prints it.
    Json,
    /// Whatever it prints.
    Text,
    /// Nothing that is kept: its output goes into a file.
    Silent,
}

impl Shape {
    /// The actions of a block that have an outcome.
    pub(super) fn of_block(block: &Block) -> Vec<Self> {
        let runs = |role: Role| matches!(role, Role::Run | Role::Fill | Role::Promote);
        if block.role == Role::Split {
            let parts = block.parts.iter().zip(1..);
            return parts
                .filter(|(part, _)| runs(part.role) && !part.long_running)
                .filter_map(|(part, at)| Self::of(block.n, at, part.actor, &part.code, part.line))
                .collect();
        }
        let is_one = runs(block.role) && !block.long_running && block.attributes.every_s.is_none();
        is_one
            .then(|| Self::of(block.n, 0, block.actor, &block.code, block.code_line))
            .flatten()
            .into_iter()
            .collect()
    }

    fn of(block: BlockNumber, part: usize, actor: Actor, code: &str, line: usize) -> Option<Self> {
        let (commands, comments) = match actor {
            Actor::Shell => of_shell(&read_shell(code), line)?,
            Actor::Sql => of_sql(&read_sql(code), line)?,
            Actor::Http => (
                vec![Talk {
                    first: line,
                    last: line + code.lines().count().saturating_sub(1),
                    answer: Answer::Status { seen: true },
                    words: stems(code),
                    called: Vec::new(),
                }],
                Vec::new(),
            ),
            Actor::Nobody => return None,
        };
        // Which of so many a sentence speaks of, nobody can say for certain.
        if commands.len() > LARGEST || comments.len() > LARGEST {
            return None;
        }
        Some(Self {
            block,
            part,
            actor,
            commands,
            comments,
        })
    }

    /// How a condition names what this command gave: by itself where no other of the action gives the
    /// like.
    pub(super) fn prefix(&self, at: usize) -> String {
        let Some(this) = self.commands.get(at) else {
            return String::new();
        };
        let alike = |other: &&Talk| match this.answer {
            Answer::Rows(_) | Answer::Line => {
                matches!(other.answer, Answer::Rows(_) | Answer::Line | Answer::Text)
            }
            Answer::Status { .. } | Answer::Json => {
                matches!(other.answer, Answer::Status { .. } | Answer::Json)
            }
            _ => !matches!(other.answer, Answer::Silent),
        };
        // Of SQL the last result is that of the action.
        let later = self.commands.iter().skip(at + 1);
        let is_last = matches!(this.answer, Answer::Rows(_))
            && later
                .clone()
                .all(|other| matches!(other.answer, Answer::Silent | Answer::Tag));
        let prints_table = |other: &&Talk| matches!(other.answer, Answer::Rows(_));
        let only_table = matches!(this.answer, Answer::Rows(_))
            && self.commands.iter().filter(prints_table).count() == 1;
        match is_last || only_table || self.commands.iter().filter(alike).count() <= 1 {
            true => String::new(),
            false => format!("commands[{at}]."),
        }
    }
}

/// Commands and comments of a text; `None` where it cannot be read for certain.
fn of_shell(script: &Script, line: usize) -> Option<(Vec<Talk>, Vec<Said>)> {
    if script.unreadable().is_some() {
        return None;
    }
    let mut comments = said(script.source(), script.comments(), line);
    for inner in script
        .inner()
        .iter()
        .filter(|inner| inner.tongue == Tongue::Sql)
    {
        let from = line + script.line(inner.holder.span().start);
        let sql = read_sql(&inner.text);
        comments.extend(said(sql.source(), sql.comments(), from));
    }
    comments.sort_by_key(|said| said.line);
    let commands = script.commands().iter();
    let commands = commands
        .map(|command| Talk {
            first: line + script.line(command.span.start),
            last: line + script.line(command.span.end.saturating_sub(1)),
            answer: answer_of_shell(command),
            words: stems(script.text(command.span)),
            called: called(command),
        })
        .collect();
    Some((commands, comments))
}

/// The first program of what answers, with its arguments; what filters its output keeps its words.
fn called(command: &Command) -> Vec<String> {
    const ARGUMENTS: usize = 12;
    let [list] = command.lists.as_slice() else {
        return Vec::new();
    };
    let pipeline = list.rest.last().map_or(&list.first, |(_, last)| last);
    let Some(Stage::Simple(simple)) = pipeline.stages.first() else {
        return Vec::new();
    };
    // Behind `sudo`, and in the container that it is run in.
    let calls = simple.calls();
    let Some(call) = calls.last() else {
        return Vec::new();
    };
    let arguments = call.arguments.iter().take(ARGUMENTS);
    std::iter::once(call.program.to_owned())
        .chain(arguments.map(|word| word.text.clone()))
        .collect()
}

fn said(source: &str, comments: &[crate::runbook::syntax::Comment], line: usize) -> Vec<Said> {
    let comments = comments.iter();
    comments
        .flat_map(|comment| {
            let first = line + crate::runbook::syntax::line_of(source, comment.span.start);
            let lines = comment.text(source).lines().zip(first..);
            lines
                .map(|(text, line)| Said {
                    line,
                    text: text.trim().trim_start_matches('*').trim().to_owned(),
                    alone: comment.alone,
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

fn answer_of_shell(command: &Command) -> Answer {
    let [list] = command.lists.as_slice() else {
        return Answer::Text;
    };
    let pipeline = match list.rest.last() {
        Some((_, last)) => last,
        None => &list.first,
    };
    let mut stages = pipeline
        .stages
        .iter()
        .rev()
        .skip_while(|stage| is_tee(stage));
    let Some(Stage::Simple(simple)) = stages.next() else {
        return Answer::Text;
    };
    // In a container it is what runs there that answers.
    let calls = simple.calls();
    let inner = calls.iter().rev().copied();
    let answering = inner
        .into_iter()
        .find(|call| matches!(call.program, "psql" | "curl"));
    let Some(call) = answering.or(simple.main_call()) else {
        return match simple.words.is_empty() {
            true => Answer::Silent,
            false => Answer::Text,
        };
    };
    if goes_into_a_file(simple) {
        return Answer::Silent;
    }
    let is_whole = stages.next().is_none();
    match call.program {
        "psql" => of_psql(&call, pipeline),
        "curl" => of_curl(&call),
        "cd" | "export" | "set" | "unset" | "source" | "." | "mkdir" | "umask" | "alias" => {
            Answer::Silent
        }
        "wc" if !is_whole => Answer::Line,
        "grep" | "egrep" if call.has_option(&["-c", "--count"]) => Answer::Line,
        "jq" => of_jq(&call),
        "python" | "python3" if call.arguments.iter().any(|word| word.text == "json.tool") => {
            Answer::Json
        }
        _ => Answer::Text,
    }
}

/// `jq .` prints JSON, `jq -r .status` a value of it.
fn of_jq(call: &Call<'_>) -> Answer {
    let filter = call
        .arguments
        .iter()
        .find(|word| !word.text.starts_with('-'));
    match filter.map_or(".", |word| word.text.as_str()) {
        "." => Answer::Json,
        _ => Answer::Line,
    }
}

fn is_tee(stage: &Stage) -> bool {
    matches!(stage, Stage::Simple(simple) if simple.program() == "tee")
}

fn goes_into_a_file(simple: &Simple) -> bool {
    use crate::runbook::syntax::RedirectionKind::{
        Append, AppendOutputAndError, OutputAndError, Write,
    };
    simple.redirections.iter().any(|redirection| {
        matches!(
            redirection.kind,
            Write | Append | OutputAndError | AppendOutputAndError
        ) && redirection.descriptor.is_none_or(|number| number == 1)
    })
}

fn of_psql(call: &Call<'_>, pipeline: &Pipeline) -> Answer {
    let inner = pipeline.inner();
    let sql: Vec<&Inner<'_>> = inner
        .iter()
        .filter(|inner| inner.tongue == Tongue::Sql)
        .collect();
    let Some(last) = sql.last() else {
        return Answer::Text;
    };
    let script = read_sql(&last.text);
    let Some(answer) = script
        .items()
        .iter()
        .rev()
        .map(|item| of_item(&script, item))
        .find(|answer| *answer != Answer::Silent)
    else {
        return Answer::Text;
    };
    let bare = call.has_option(&["-t", "--tuples-only"]);
    let odd = call.has_option(&["--csv", "-H", "--html", "-o", "--output"]);
    match answer {
        _ if odd => Answer::Text,
        Answer::Rows(columns) if bare => match columns.is_single_row
            && columns.names.as_ref().is_none_or(|names| names.len() == 1)
        {
            true => Answer::Line,
            false => Answer::Text,
        },
        other => other,
    }
}

fn of_curl(call: &Call<'_>) -> Answer {
    let format = call.arguments.iter().enumerate().find_map(|(at, word)| {
        let text = word.text.as_str();
        match text {
            "-w" | "--write-out" => call.arguments.get(at + 1).map(|word| word.text.as_str()),
            _ => text
                .strip_prefix("--write-out=")
                .or_else(|| text.strip_prefix("-w").filter(|rest| !rest.is_empty())),
        }
    });
    let is_code = |format: &str| {
        matches!(
            format.trim_end_matches("\\n").trim(),
            "%{http_code}" | "%{response_code}"
        )
    };
    let into_file = call.has_option(&["-o", "--output", "-O", "--remote-name"]);
    if format.is_some_and(is_code) && into_file {
        return Answer::Code;
    }
    if format.is_some_and(|text| text.contains("http_code") || text.contains("response_code")) {
        return Answer::Written;
    }
    let shown = [
        "-i",
        "-I",
        "-v",
        "--include",
        "--head",
        "--verbose",
        "--show-headers",
    ];
    Answer::Status {
        seen: call.has_option(&shown) && (!into_file || call.has_option(&["-v", "--verbose"])),
    }
}

fn of_sql(script: &SqlScript, line: usize) -> Option<(Vec<Talk>, Vec<Said>)> {
    if script.unreadable().is_some() {
        return None;
    }
    let commands = script.groups().into_iter().map(|group| Talk {
        first: line + script.line(group.span.start),
        last: line + script.line(group.span.end.saturating_sub(1)),
        answer: match group.conditional {
            true => Answer::Text,
            false => of_item(script, group.first),
        },
        words: stems(script.text(group.first.span())),
        called: Vec::new(),
    });
    let commands = commands.collect();
    Some((commands, said(script.source(), script.comments(), line)))
}

fn of_item(script: &SqlScript, item: &Item) -> Answer {
    match item {
        Item::Statement(statement) => {
            if matches!(statement.ending, crate::runbook::syntax::Ending::Sent(span) if !is_plain_send(script, span))
            {
                return Answer::Silent;
            }
            match statement.verb(script.source()).as_str() {
                "EXPLAIN" => Answer::Plan,
                "SELECT" | "WITH" | "TABLE" | "VALUES" | "SHOW" | "FETCH" => {
                    Answer::Rows(columns_of(script, statement))
                }
                "" => Answer::Silent,
                _ if statement
                    .tokens
                    .iter()
                    .any(|token| token.is_word(script.source(), "returning")) =>
                {
                    Answer::Rows(Columns::default())
                }
                _ => Answer::Tag,
            }
        }
        Item::Meta(meta) => match meta.name.as_str() {
            name if name.starts_with('d') || name == "l" => Answer::Text,
            "echo" | "qecho" | "i" | "ir" | "!" => Answer::Text,
            _ => Answer::Silent,
        },
        Item::Data(_) => Answer::Silent,
    }
}

/// `\g` prints what a semicolon would.
fn is_plain_send(script: &SqlScript, span: Span) -> bool {
    matches!(script.text(span).trim(), "\\g" | "\\gx")
}
