//! What an action is made of and how it went: its commands, one by one in one shell or one psql. How a
//! command ended is judged here, by its status and by those of all parts of its pipe, alike for the
//! shim, which has to know whether the next one may begin, and for who tells of it later.

mod course;

pub use course::{CommandDone, CommandEnd, CommandMark, CommandRun, PlannedCommand};
use serde::{Deserialize, Serialize};

use super::{Batches, HoldPoint, names};
use crate::runbook::syntax::{Script, Span, read_shell};
use crate::runbook::{
    Actor, Answer, LockTry, answer_of, command_spans, comments_around, tolerated,
};

/// Status of a program that was stopped because nobody reads what it writes (128 + SIGPIPE).
const CLOSED_PIPE: i32 = 141;

/// A command as it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandText {
    /// Its place among the commands of its block or part, from 0, whatever is switched off: names it
    /// for good.
    pub index: usize,
    /// Its line in the guide.
    pub line: usize,
    /// What runs, values filled in; secrets as their names.
    pub text: String,
    /// The stages of the pipe that it is; empty where it is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageText>,
    /// What its status may say but that it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// A transaction is held before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hold: bool,
    /// It waits no longer than [`super::LOCK_TIMEOUT`] for a lock, and may be tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockTry>,
    /// It is repeated, a batch each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batches: Option<Box<Batches>>,
}

/// A stage of a pipe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageText {
    /// As written.
    pub text: String,
    /// Statuses that are an answer of its program, and no failure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerated: Vec<i32>,
}

impl CommandText {
    /// A command that is no pipe.
    pub fn new(index: usize, line: usize, text: impl Into<String>) -> Self {
        Self {
            index,
            line,
            text: text.into(),
            ..Self::default()
        }
    }

    /// What its status means. `parts` are the statuses of all stages of the last pipe that it ran.
    pub fn judge(&self, status: i32, parts: &[i32]) -> CommandEnd {
        let (last, before) = parts.split_last().unwrap_or((&status, &[]));
        if *last == 0 && !before.is_empty() {
            // A pipe. A writer that was stopped by a closed pipe has not failed, not even where the
            // author asked for `pipefail`; another part that failed must not be hidden.
            let failed = before
                .iter()
                .zip(0..)
                .position(|(part, at): (&i32, usize)| {
                    let stage = self.stages.get(at);
                    *part != 0
                        && *part != CLOSED_PIPE
                        && !stage.is_some_and(|stage| stage.tolerated.contains(part))
                });
            return match failed {
                // Only the pipe that is the command itself, not one in its middle, is meant.
                Some(at) if parts.len() == self.stages.len() => CommandEnd::Failed {
                    code: before[at],
                    why: format!(
                        "part {} of {} of the pipe, `{}`, ended with {}",
                        at + 1,
                        parts.len(),
                        first_words(&self.stages[at].text),
                        before[at],
                    ),
                },
                Some(_) if status != 0 => CommandEnd::failed(status),
                _ => self.answered(0).unwrap_or(CommandEnd::Good),
            };
        }
        if let Some(end) = self.answered(status) {
            return end;
        }
        match status {
            0 => CommandEnd::Good,
            status => CommandEnd::failed(status),
        }
    }
}

impl CommandText {
    /// What its status means where it is an answer.
    fn answered(&self, status: i32) -> Option<CommandEnd> {
        let answer = self.answer.as_ref()?;
        if answer.judged {
            return answer
                .statuses
                .contains(&status)
                .then_some(CommandEnd::Good);
        }
        let asks = |says: &str| {
            Some(CommandEnd::Asks {
                code: status,
                question: format!("`{}`: {says}: is that good?", answer.program),
            })
        };
        match (answer.statuses.contains(&status), answer.is_good) {
            (true, Some(true)) => Some(CommandEnd::Good),
            (true, Some(false)) => Some(CommandEnd::Failed {
                code: status,
                why: format!("{} ({})", answer.says, answer.why),
            }),
            (true, None) => asks(&answer.says),
            // The other answer, where this one is the good one.
            (false, Some(true)) if status == 0 => asks(&answer.else_says),
            (false, _) => None,
        }
    }
}

/// The commands as one text, for who wants to see or to check the whole.
pub fn script_of(commands: &[CommandText]) -> String {
    let texts: Vec<&str> = commands
        .iter()
        .map(|command| command.text.as_str())
        .collect();
    texts.join("\n")
}

/// A text cut into its commands. One that cannot be read for certain is one command up to each place
/// where it is held, and one behind the last. `line` is that of its first line.
///
/// # Errors
/// The line of a `COMMIT` before which it cannot be held: it belongs to no command, or to one that
/// commits twice.
pub(super) fn commands_of(
    actor: Actor,
    text: &str,
    line: usize,
    holds: &[HoldPoint],
) -> Result<Vec<CommandText>, usize> {
    let cut = cut(actor, text, holds);
    let mut lines = (0, line);
    let mut commands: Vec<CommandText> = Vec::with_capacity(cut.len());
    let mut held = holds.iter().peekable();
    for (index, (span, stages, answer)) in cut.into_iter().enumerate() {
        let newlines = text[lines.0..span.start].matches('\n').count();
        lines = (span.start, lines.1 + newlines);
        let hold = held.next_if(|hold| span.holds(hold.offset));
        if hold.is_some() && held.peek().is_some_and(|next| span.holds(next.offset)) {
            break;
        }
        commands.push(CommandText {
            index,
            line: lines.1,
            text: span.of(text).to_owned(),
            stages,
            answer,
            hold: hold.is_some(),
            lock: None,
            batches: None,
        });
    }
    match held.next() {
        // A COMMIT that is not held would be run without the word of anybody.
        Some(hold) => Err(hold.line),
        None => Ok(commands),
    }
}

/// Where a condition says what a command must give, its status asks nobody; a condition over the status
/// itself wants it as it is.
pub(super) fn judge_by(commands: &mut [CommandText], conditions: &[&str]) {
    let mut asking: Vec<&mut CommandText> = Vec::new();
    let is_only = commands.len() == 1;
    asking.extend(commands.iter_mut().filter(|one| one.answer.is_some()));
    if asking.is_empty() {
        return;
    }
    for condition in conditions
        .iter()
        .filter(|condition| !names(condition, "exit"))
    {
        let own: Vec<usize> = named_commands(condition);
        let prints = || names(condition, "stdout") || names(condition, "stderr");
        let requests = || names(condition, "status") || names(condition, "json");
        let whole = own.is_empty().then(|| (prints(), requests()));
        for command in &mut asking {
            let Some(answer) = &mut command.answer else {
                continue;
            };
            let of_whole = whole.is_some_and(|(prints, requests)| {
                is_only
                    || if answer.program == "curl" {
                        requests
                    } else {
                        prints
                    }
            });
            answer.judged |= own.contains(&command.index) || of_whole;
        }
    }
}

/// The commands that a condition names by their place: `commands[2].status`.
fn named_commands(condition: &str) -> Vec<usize> {
    let parts = condition.split("commands[").skip(1);
    parts
        .filter_map(|rest| rest.split(']').next()?.trim().parse().ok())
        .collect()
}

fn cut(actor: Actor, text: &str, holds: &[HoldPoint]) -> Vec<Cut> {
    let cut: Vec<Cut> = match actor {
        Actor::Shell => shell_commands(text),
        Actor::Sql => command_spans(actor, text)
            .into_iter()
            .map(|span| (span, Vec::new(), None))
            .collect(),
        Actor::Http | Actor::Nobody => return Vec::new(),
    };
    match cut.is_empty() {
        true => pieces(text, holds),
        false => cut,
    }
}

/// A text that cannot be read, cut where it is held.
fn pieces(text: &str, holds: &[HoldPoint]) -> Vec<Cut> {
    let at = holds.iter().map(|hold| hold.offset);
    let ends = at.clone().chain([text.len()]);
    let starts = [0].into_iter().chain(at);
    let spans = starts.zip(ends).filter(|(start, end)| {
        text.get(*start..*end)
            .is_some_and(|piece| !piece.trim().is_empty())
    });
    spans
        .map(|(start, end)| (Span::new(start, end), Vec::new(), None))
        .collect()
}

/// Where these commands are held, in the text that they make together.
pub(super) fn holds_of(commands: &[CommandText]) -> Vec<HoldPoint> {
    let mut offset = 0;
    let mut holds = Vec::new();
    for command in commands {
        if command.hold {
            holds.push(HoldPoint {
                offset,
                line: command.line,
            });
        }
        offset += command.text.len() + 1;
    }
    holds
}

/// Its bytes, the stages of its pipe, and what its status may answer.
type Cut = (Span, Vec<StageText>, Option<Answer>);

/// The comments right above a command, and the one behind it.
fn words_above(script: &Script, span: Span) -> String {
    let (above, behind) = comments_around(script.source(), script.comments(), span);
    let words: Vec<&str> = above.into_iter().chain(behind).collect();
    words.join(" ")
}

fn shell_commands(text: &str) -> Vec<Cut> {
    let script = read_shell(text);
    if script.unreadable().is_some() {
        return Vec::new();
    }
    let stages = |command: &crate::runbook::syntax::Command| match command.lists.as_slice() {
        [list] if !list.background => {
            let last = list.rest.last().map_or(&list.first, |(_, last)| last);
            match last.stages.as_slice() {
                [_] => Vec::new(),
                _ if last.negated => Vec::new(),
                stages => stages
                    .iter()
                    .map(|stage| StageText {
                        text: script.text(stage.span()).to_owned(),
                        tolerated: tolerated(stage).to_vec(),
                    })
                    .collect(),
            }
        }
        _ => Vec::new(),
    };
    script
        .commands()
        .iter()
        .map(|command| {
            let words = words_above(&script, command.span);
            let answer = answer_of(&script, command, &words);
            (command.span, stages(command), answer)
        })
        .collect()
}

fn first_words(text: &str) -> String {
    const LONGEST: usize = 40;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipe(stages: &[&str], status: i32, parts: &[i32]) -> CommandEnd {
        let command = CommandText {
            stages: stages
                .iter()
                .map(|stage| StageText {
                    text: (*stage).to_owned(),
                    tolerated: if stage.starts_with("grep") {
                        vec![1]
                    } else {
                        Vec::new()
                    },
                })
                .collect(),
            ..CommandText::default()
        };
        command.judge(status, parts)
    }

    #[test]
    fn a_writer_stopped_by_a_closed_pipe_has_not_failed() {
        assert_eq!(
            pipe(&["seq 100000", "head"], 0, &[141, 0]),
            CommandEnd::Good
        );
        // With `set -o pipefail` the pipe as a whole says so too.
        assert_eq!(
            pipe(&["seq 100000", "head"], 141, &[141, 0]),
            CommandEnd::Good
        );
        assert_eq!(pipe(&[], 141, &[141]), CommandEnd::failed(141));
    }

    #[test]
    fn another_part_of_a_pipe_that_failed_is_named() {
        let end = CommandEnd::Failed {
            code: 1,
            why: "part 1 of 2 of the pipe, `false`, ended with 1".to_owned(),
        };
        assert_eq!(pipe(&["false", "tee copy.txt"], 0, &[1, 0]), end);
    }

    fn texts(actor: Actor, text: &str) -> Vec<(usize, String)> {
        commands_of(actor, text, 10, &[])
            .unwrap()
            .into_iter()
            .map(|command| (command.line, command.text))
            .collect()
    }

    #[test]
    fn a_block_is_cut_into_commands_with_their_lines() {
        let shell = texts(
            Actor::Shell,
            "# look\ncd /srv && ls | wc -l\n\nfor i in 1 2; do\n  echo $i\ndone\ncat <<X\nhi\nX\n",
        );
        let expected = [
            (11, "cd /srv && ls | wc -l"),
            (13, "for i in 1 2; do\n  echo $i\ndone"),
            (16, "cat <<X\nhi\nX"),
        ];
        assert_eq!(shell, expected.map(|(line, text)| (line, text.to_owned())));
        let sql = texts(
            Actor::Sql,
            "\\timing on\nSELECT 1; SELECT 2\n  \\gset\n\\if true\nSELECT 3;\n\\endif\nCOPY t FROM STDIN;\na;b\n\\.\nSELECT 4",
        );
        let expected = [
            (10, "\\timing on"),
            (11, "SELECT 1;"),
            (11, "SELECT 2\n  \\gset"),
            (13, "\\if true\nSELECT 3;\n\\endif"),
            (16, "COPY t FROM STDIN;\na;b\n\\."),
            (19, "SELECT 4"),
        ];
        assert_eq!(sql, expected.map(|(line, text)| (line, text.to_owned())));
    }

    #[test]
    fn an_answer_in_the_middle_of_a_pipe_is_no_failure() {
        assert_eq!(pipe(&["grep x f", "wc -l"], 0, &[1, 0]), CommandEnd::Good);
        assert_ne!(pipe(&["grep x f", "wc -l"], 0, &[2, 0]), CommandEnd::Good);
    }

    #[test]
    fn an_answer_is_judged_by_the_words_around_it_or_asked() {
        let end = |text: &str, status: i32| {
            commands_of(Actor::Shell, text, 1, &[]).unwrap()[0].judge(status, &[])
        };
        let errors = "# Check for errors in the output\ngrep -i 'error\\|failed' out.log";
        assert_eq!(end(errors, 1), CommandEnd::Good);
        assert!(matches!(end(errors, 0), CommandEnd::Asks { .. }));
        assert!(matches!(end(errors, 2), CommandEnd::Failed { .. }));
        let plain = "grep orders tables.txt";
        assert_eq!(end(plain, 0), CommandEnd::Good);
        let CommandEnd::Asks { question, .. } = end(plain, 1) else {
            panic!("nobody says whether that is good")
        };
        assert_eq!(question, "`grep`: it found nothing: is that good?");
    }

    #[test]
    fn a_condition_that_says_what_is_good_asks_nobody_about_the_status() {
        let end = |text: &str, condition: &str, status: i32| {
            let mut commands = commands_of(Actor::Shell, text, 1, &[]).unwrap();
            judge_by(&mut commands, &[condition]);
            commands.pop().unwrap().judge(status, &[])
        };
        let asks = |end: CommandEnd| matches!(end, CommandEnd::Asks { .. });
        let grep = "grep orders tables.txt";
        assert_eq!(end(grep, "!stdout.contains('orders')", 1), CommandEnd::Good);
        assert_eq!(end(grep, "stdout.contains('orders')", 0), CommandEnd::Good);
        assert!(matches!(
            end(grep, "stdout.contains('orders')", 2),
            CommandEnd::Failed { .. }
        ));
        assert!(
            asks(end(grep, "exit == 1", 1)),
            "it wants the status itself"
        );
        let two = "date\ncurl http://h/x";
        assert_eq!(end(two, "commands[1].json.ok", 0), CommandEnd::Good);
        assert!(asks(end(two, "commands[0].stdout != ''", 0)));
        assert!(asks(end(two, "value == 3", 0)), "it speaks of another");
    }

    #[test]
    fn a_pipe_in_the_middle_of_a_command_is_judged_by_the_whole() {
        // `if false | true; then :; fi`
        assert_eq!(pipe(&[], 0, &[1, 0]), CommandEnd::Good);
        assert_eq!(pipe(&["a", "b"], 0, &[0, 1]), CommandEnd::Good);
        assert_eq!(pipe(&["a", "b"], 3, &[0, 3]), CommandEnd::failed(3));
    }
}
