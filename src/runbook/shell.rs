//! Shell code cut into lines that know what they are: a command, a comment, the inside of a quoted
//! string or of a here-document. Not a shell parser; just enough that a `#` in a string is no comment
//! and an SQL line in a here-document is no command.

use super::syntax::{self, AndOr, Compound, HereDocument, Pipeline, Span, Stage, Visit};

/// One line of shell code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineKind {
    Blank,
    /// `# text`
    Comment,
    /// A command starts here.
    Command,
    /// Goes on with the command before it: after a backslash, inside a string or a here-document.
    Continuation,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct ShellLine<'a> {
    pub kind: LineKind,
    pub text: &'a str,
    /// The comment at the end of a command, without `#`.
    pub remark: Option<&'a str>,
}

impl<'a> ShellLine<'a> {
    /// The comment's text without its marks; the remark of a command.
    pub fn comment(&self) -> Option<&'a str> {
        match self.kind {
            LineKind::Comment => Some(self.text.trim().trim_start_matches('#').trim()),
            _ => self.remark,
        }
    }

    /// The command without its remark.
    pub fn command(&self) -> &'a str {
        match self.remark {
            Some(remark) => {
                let length = remark.as_ptr() as usize - self.text.as_ptr() as usize;
                self.text[..length].trim_end().trim_end_matches('#').trim()
            }
            None => self.text.trim(),
        }
    }
}

/// Shell code as lines.
pub(super) fn lines(code: &str) -> Vec<ShellLine<'_>> {
    let script = syntax::read_shell(code);
    let mut whole = Vec::new();
    for command in script.commands() {
        stretches(&command.lists, &mut whole);
    }
    whole.sort();
    let (mut whole, mut comments) = (whole.iter().peekable(), script.comments().iter().peekable());
    let mut reached = 0;
    let mut result = Vec::new();
    for text in code.lines() {
        let start = text.as_ptr() as usize - code.as_ptr() as usize;
        let end = start + text.len();
        while let Some(stretch) = whole.next_if(|stretch| stretch.start < start) {
            reached = reached.max(stretch.end);
        }
        let inside = reached > start;
        let comment = comments.next_if(|comment| comment.span.start <= end);
        let said = comment.map(|comment| &code[comment.span.start..comment.span.end.min(end)]);
        let kind = match comment {
            Some(comment) if comment.alone => LineKind::Comment,
            _ if inside => LineKind::Continuation,
            _ if text.trim().is_empty() => LineKind::Blank,
            _ => LineKind::Command,
        };
        let remark = said.filter(|_| kind != LineKind::Comment);
        result.push(ShellLine {
            kind,
            text,
            remark: remark.map(|said| said.trim_start_matches('#').trim_start()),
        });
    }
    result
}

/// What is typed as one, over as many lines as it takes: simple commands and what joins them, with
/// their words and here-documents.
fn stretches(lists: &[AndOr], found: &mut Vec<Span>) {
    for list in lists {
        let simple = |stage: &Stage| matches!(stage, Stage::Simple(_));
        let mut stages = list.pipelines().flat_map(|pipeline| &pipeline.stages);
        if stages.all(simple) {
            let spans = list.pipelines().map(extent);
            found.extend(spans.reduce(Span::with));
            continue;
        }
        for stage in list.pipelines().flat_map(|pipeline| &pipeline.stages) {
            match stage {
                Stage::Simple(simple) => found.push(simple.span),
                Stage::Compound(compound) => of_compound(compound, found),
                Stage::Function(function) => of_compound(&function.body, found),
            }
        }
    }
}

fn of_compound(compound: &Compound, found: &mut Vec<Span>) {
    found.extend(compound.words.iter().map(|word| word.span));
    compound
        .bodies
        .iter()
        .for_each(|body| stretches(body, found));
    let documents = compound.redirections.iter();
    found.extend(documents.filter_map(|one| Some(document(one.here_document()?))));
}

fn document(document: &HereDocument) -> Span {
    // The line on which it is announced is no part of it.
    Span::new(document.body.start.saturating_sub(1), document.end)
}

/// A pipeline with its here-documents.
fn extent(pipeline: &Pipeline) -> Span {
    let mut all: Option<Span> = None;
    let mut add = |span: Span| all = Some(all.map_or(span, |own| own.with(span)));
    for stage in &pipeline.stages {
        add(stage.span());
    }
    pipeline.visit(&mut |visit| {
        if let Visit::Redirection(one) = visit
            && let Some(own) = one.here_document()
        {
            add(document(own));
        }
        false
    });
    all.unwrap_or_default()
}

/// The program a command starts: past assignments, `sudo`, `time`, `nohup`, `env` and their options.
pub(super) fn program(command: &str) -> &str {
    let mut words = command.split_whitespace().peekable();
    let mut after_prefix = false;
    while let Some(word) = words.next() {
        let word = word.trim_start_matches(['(', '{', '!', '$']);
        if word.is_empty() {
            continue;
        }
        let assignment = word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        if assignment {
            after_prefix = false;
            continue;
        }
        if after_prefix && word.starts_with('-') {
            // `sudo -u postgres`: the option's value is no program.
            if matches!(word, "-u" | "-n" | "-g" | "--user" | "-i" | "-C" | "-p") {
                if word == "-i" {
                    continue;
                }
                words.next();
            }
            continue;
        }
        if matches!(
            word,
            "sudo"
                | "time"
                | "nohup"
                | "env"
                | "exec"
                | "command"
                | "nice"
                | "then"
                | "do"
                | "else"
        ) {
            after_prefix = true;
            continue;
        }
        return word.trim_end_matches([';', ')', '&']);
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_here_documents_hide_their_lines() {
        let code = "# note\npsql -c \"\nSELECT 1; -- # x\n\"  # or: other\ncat <<'EOF' > f\n# no comment\nEOF\nls \\\n  -l";
        let kinds: Vec<LineKind> = lines(code).iter().map(|line| line.kind).collect();
        use LineKind::*;
        assert_eq!(
            kinds,
            [
                Comment,
                Command,
                Continuation,
                Continuation,
                Command,
                Continuation,
                Continuation,
                Command,
                Continuation
            ]
        );
        assert_eq!(lines(code)[3].remark, Some("or: other"));
        assert_eq!(
            lines("npm run build  # or: npx tsc")[0].command(),
            "npm run build"
        );
    }

    #[test]
    fn programs() {
        assert_eq!(program("PGPASSWORD=x sudo -u postgres psql -c 'x'"), "psql");
        assert_eq!(program("sudo systemctl stop api"), "systemctl");
        assert_eq!(program("X=1"), "");
    }
}
