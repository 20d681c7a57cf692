//! A block as the list of its commands, for who decides what of it runs: each with the comment that
//! titles it and with what it does, on but for what the guide calls optional.

use std::cell::RefCell;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::doing::{Nature, natures_of};
use super::model::Actor;
use super::pattern::pattern;
use super::syntax::{Comment, Span, line_of, read_shell, read_sql};
use super::words;

/// Blocks of which a thread keeps what it listed.
const KEPT: usize = 512;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedCommand {
    /// Its place among the commands of its block or part, from 0: names it for good.
    pub index: usize,
    /// Its line in the guide.
    pub line: usize,
    pub text: String,
    /// The comment right above it, which titles it and those below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub natures: Vec<Nature>,
    /// Names in it that have no value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// It runs with the block.
    pub on: bool,
    /// The guide calls it optional: it is off until somebody switches it on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// The commands of a text, in order, as they are proposed: on, but for those that the guide calls
/// optional beside others. `line` is that of its first line.
pub fn listed(actor: Actor, text: &str, line: usize) -> Vec<ListedCommand> {
    thread_local! {
        // The same block is asked about again and again while a run goes on.
        static KNOWN: RefCell<HashMap<String, Vec<ListedCommand>>> = RefCell::new(HashMap::new());
    }
    let key = format!("{actor:?} {line} {text}");
    KNOWN.with_borrow_mut(|known| {
        if let Some(list) = known.get(&key) {
            return list.clone();
        }
        if known.len() >= KEPT {
            known.clear();
        }
        let list = list(actor, text, line);
        known.insert(key, list.clone());
        list
    })
}

fn list(actor: Actor, text: &str, line: usize) -> Vec<ListedCommand> {
    let comments: Vec<Comment> = match actor {
        Actor::Shell => read_shell(text).comments().to_vec(),
        Actor::Sql => read_sql(text).comments().to_vec(),
        Actor::Http | Actor::Nobody => return Vec::new(),
    };
    let mut spans = command_spans(actor, text);
    if spans.is_empty() {
        // Nobody can say where one ends and another begins.
        spans.push(Span::new(0, text.len()));
    }
    let (mut end, mut optional) = (0, false);
    let mut all: Vec<ListedCommand> = Vec::with_capacity(spans.len());
    for (index, span) in spans.into_iter().enumerate() {
        let (above, behind) = comments_around(text, &comments, span);
        let between = text.get(end..span.start).unwrap_or_default();
        let goes_on = above.is_empty() && between.matches('\n').count() < 2;
        let said = above
            .iter()
            .chain(&behind)
            .any(|words| is_called_optional(words));
        optional = said || goes_on && optional;
        end = span.end;
        let title = above.join(" ");
        all.push(ListedCommand {
            index,
            line: line + line_of(text, span.start),
            text: span.of(text).to_owned(),
            title: Some(title).filter(|title| !title.is_empty()),
            natures: natures_of(span.of(text), actor),
            needs: Vec::new(),
            on: !optional,
            optional,
        });
    }
    // A block that is optional as a whole is left out as a whole.
    if all.iter().all(|command| command.optional) {
        for command in &mut all {
            (command.on, command.optional) = (true, false);
        }
    }
    all
}

/// Whether a comment says that its command may be left out. One that says when it is due (`if no errors,
/// count`) does not.
fn is_called_optional(comment: &str) -> bool {
    words::says("optional", comment)
        || pattern!(r"(?i)\bif (?:needed|necessary|desired|required|applicable|wanted|you want)\b")
            .is_match(comment)
}

/// The lines of comment right above a command, and the one behind it.
pub fn comments_around<'a>(
    source: &'a str,
    comments: &[Comment],
    span: Span,
) -> (Vec<&'a str>, Option<&'a str>) {
    let mut first = line_of(source, span.start);
    let last = line_of(source, span.end);
    let (mut above, mut behind) = (Vec::new(), None);
    for comment in comments.iter().rev() {
        let ends = line_of(source, comment.span.end);
        if comment.alone && ends + 1 == first {
            first = line_of(source, comment.span.start);
            above.push(comment.text(source));
        } else if !comment.alone && comment.span.start >= span.end && ends == last {
            behind = Some(comment.text(source));
        }
    }
    above.reverse();
    (above, behind)
}

/// Where its commands stand; empty for a text that cannot be read for certain.
pub fn command_spans(actor: Actor, text: &str) -> Vec<Span> {
    match actor {
        Actor::Shell => {
            let script = read_shell(text);
            let commands = script.commands().iter();
            match script.unreadable() {
                Some(_) => Vec::new(),
                None => commands.map(|command| command.span).collect(),
            }
        }
        Actor::Sql => {
            let script = read_sql(text);
            match script.unreadable() {
                Some(_) => Vec::new(),
                None => script.groups().iter().map(|group| group.span).collect(),
            }
        }
        Actor::Http | Actor::Nobody => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_stand_under_their_comments_and_what_is_optional_is_off() {
        let list = listed(
            Actor::Shell,
            "# Build\nnpm ci\nnpm run build\n\n# Optional: clear the cache\nrm -rf cache\nls\n\ndf -h\n",
            10,
        );
        let seen: Vec<(usize, Option<&str>, bool)> = list
            .iter()
            .map(|one| (one.line, one.title.as_deref(), one.on))
            .collect();
        assert_eq!(
            seen,
            [
                (11, Some("Build"), true),
                (12, None, true),
                (15, Some("Optional: clear the cache"), false),
                (16, None, false),
                (18, None, true)
            ]
        );
        assert!(list[2].natures.contains(&Nature::Destroys));
        let when = listed(Actor::Shell, "ls\n# If no errors, count\nwc -l x\n", 1);
        assert!(when[1].on, "it says when, and not that it may be left out");
        let last = "# Stop\n./stop\n\n# Kill it (emergency only)\n./kill\n";
        assert!(!listed(Actor::Shell, last, 1)[1].on);
        let whole = listed(Actor::Sql, "-- optional\nVACUUM a;\n", 1);
        assert!(whole[0].on, "it is the block that is optional");
    }
}
