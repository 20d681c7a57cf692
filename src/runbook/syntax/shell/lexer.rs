//! Shell text as tokens for the grammar. Each ordinary word is handed on as `w` and each assignment as
//! `a=`: what they hold is known here, and the grammar only needs to know which kind stands where.

use std::collections::HashMap;
use std::sync::Arc;

use super::words::WordPlace;
use super::{DEEPEST, HereDocument, Word};
use crate::runbook::syntax::{Comment, Span, is_first_on_line};

/// Why reading stopped.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub at: usize,
    pub why: &'static str,
}

pub(super) type Read<T> = Result<T, Failure>;

/// A token of the grammar.
#[derive(Clone, Debug)]
pub(super) struct Token {
    /// What the grammar sees.
    pub text: &'static str,
    pub span: Span,
    pub is_word: bool,
    /// A number before `<` or `>`.
    pub number: Option<u32>,
}

/// A word, and where its value begins if it is an assignment.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    pub word: Word,
    pub value: Option<usize>,
}

/// Tokens in order, and what belongs to them by their first byte.
#[derive(Default)]
pub(super) struct Tokens {
    pub tokens: Vec<Token>,
    pub words: HashMap<usize, Entry>,
    pub here: HashMap<usize, HereDocument>,
    /// For the first byte of a compound command the end of its last word.
    pub ends: HashMap<usize, usize>,
}

/// What a construct was opened by, and is closed by.
enum Frame {
    Paren(usize),
    Brace(usize),
    If(usize),
    Loop(usize),
    Case(usize, CaseState),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CaseState {
    Subject,
    In,
    /// Before a pattern, or after a part of one.
    Pattern {
        begun: bool,
    },
    Body,
}

struct Pending {
    at: usize,
    delimiter: String,
    quoted: bool,
    strips_tabs: bool,
}

/// Where the reader stands in the grammar, as far as words depend on it.
struct State {
    frames: Vec<Frame>,
    pending: Vec<Pending>,
    /// A word of the grammar (`if`, `{`) is one here.
    reserved: bool,
    /// A closing word (`fi`, `}`) is one here: after another closing word.
    closing: bool,
    /// `name=value` is an assignment here.
    assigns: bool,
    /// The arguments of `declare` and its kin: `name=(…)` is one word.
    declares: bool,
    /// The next word is the target of a redirection; `true` in it: the delimiter of a here-document.
    target: Option<Option<bool>>,
    after: After,
}

/// Words after which the next one has a meaning of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Nothing,
    For,
    ForName,
    Function,
    Time,
    Coproc,
    /// The first word of a simple command: `(` behind it makes a function of it.
    Name,
}

pub(super) struct Reader {
    pub source: Arc<str>,
    pub at: usize,
    pub end: usize,
    pub depth: usize,
    /// Steps that are left: reading twice what was no arithmetic could go on for ever.
    pub budget: usize,
    pub extglob: bool,
    pub comments: Vec<Comment>,
}

/// `case` inside of `case`.
const CASES: usize = 6;

const OPERATORS: [&str; 24] = [
    ";;&", ";;", ";&", ";", "&>>", "&>", "&&", "&", "||", "|&", "|", "<<<", "<<-", "<<", "<&",
    "<>", "<", ">>", ">&", ">|", ">", "(", ")", "\n",
];

const RESERVED: [&str; 22] = [
    "]]", "!", "{", "}", "case", "do", "done", "elif", "else", "esac", "fi", "for", "if", "then",
    "until", "while", "[[", "function", "select", "coproc", "time", "-p",
];

const DECLARES: [&str; 8] = [
    "declare", "typeset", "local", "export", "readonly", "alias", "eval", "let",
];

impl Reader {
    pub fn byte(&self, ahead: usize) -> u8 {
        let at = self.at + ahead;
        match at < self.end {
            true => self.source.as_bytes()[at],
            false => 0,
        }
    }

    pub fn is_done(&self) -> bool {
        self.at >= self.end
    }

    pub fn rest(&self) -> &str {
        self.source.get(self.at..self.end).unwrap_or_default()
    }

    pub fn fail<T>(&self, at: usize, why: &'static str) -> Read<T> {
        Err(Failure { at, why })
    }

    /// One step further: reading is bounded.
    pub fn step(&mut self) -> Read<()> {
        self.budget = match self.budget.checked_sub(1) {
            Some(left) => left,
            None => return self.fail(self.at, "it is too complex to read"),
        };
        Ok(())
    }

    pub fn deeper(&mut self) -> Read<()> {
        self.depth += 1;
        match self.depth > DEEPEST {
            true => self.fail(self.at, "it is nested too deeply to be read"),
            false => Ok(()),
        }
    }

    /// Tokens up to the end, or up to the `)` that closes a substitution.
    pub fn tokens(&mut self, substitution: bool) -> (Tokens, Read<()>) {
        let mut out = Tokens::default();
        let mut state = State {
            frames: Vec::new(),
            pending: Vec::new(),
            reserved: true,
            closing: false,
            assigns: true,
            declares: false,
            target: None,
            after: After::Nothing,
        };
        let read = self.all(&mut state, &mut out, substitution);
        (out, read)
    }

    fn all(&mut self, state: &mut State, out: &mut Tokens, substitution: bool) -> Read<()> {
        loop {
            self.step()?;
            match self.byte(0) {
                _ if self.is_done() => break,
                b' ' | b'\t' => self.at += 1,
                b'\\' if self.byte(1) == b'\n' => self.at += 2,
                b'#' => self.comment(),
                b'\n' => {
                    self.operator("\n", state, out)?;
                    self.here_documents(state, out)?;
                }
                b')' if substitution && state.frames.is_empty() => {
                    if !state.pending.is_empty() {
                        return self.fail(self.at, "a here-document does not end where it should");
                    }
                    return Ok(());
                }
                b'(' => self.open(state, out)?,
                b'<' | b'>' if self.byte(1) == b'(' => self.word(state, out)?,
                b'<' if super::super::angle_blank(self.rest()).is_some() => {
                    self.word(state, out)?
                }
                b';' | b'&' | b'|' | b')' | b'<' | b'>' => {
                    let rest = self.rest();
                    let found = OPERATORS.iter().find(|text| rest.starts_with(**text));
                    if let Some(text) = found.copied() {
                        self.operator(text, state, out)?;
                    }
                }
                _ => self.word(state, out)?,
            }
        }
        if substitution {
            return self.fail(self.at, "a `$(` is never closed");
        }
        if state.target.is_some() {
            return self.fail(self.at, "a redirection names no file");
        }
        if !state.frames.is_empty() {
            return self.fail(self.at, "it ends in the middle of a command");
        }
        // Here-documents that begin after the last line: bash takes them as empty.
        self.here_documents(state, out)
    }

    fn comment(&mut self) {
        let start = self.at;
        while !self.is_done() && self.byte(0) != b'\n' {
            self.at += 1;
        }
        let alone = is_first_on_line(&self.source, start);
        let span = Span::new(start, self.at);
        self.comments.push(Comment { span, alone });
    }

    fn push(&self, out: &mut Tokens, text: &'static str, start: usize, is_word: bool) {
        out.tokens.push(Token {
            text,
            span: Span::new(start, self.at),
            is_word,
            number: None,
        });
    }

    /// After a separator a new command begins.
    fn begin(state: &mut State) {
        state.reserved = true;
        state.closing = false;
        state.assigns = true;
        state.declares = false;
        state.after = After::Nothing;
    }

    /// After the last word of a compound command only redirections and closing words may come.
    fn finish(state: &mut State) {
        state.reserved = false;
        state.closing = true;
        state.assigns = false;
        state.after = After::Nothing;
    }

    fn operator(&mut self, text: &'static str, state: &mut State, out: &mut Tokens) -> Read<()> {
        let start = self.at;
        self.at += text.len();
        if state.target.is_some() {
            return self.fail(start, "a redirection names no file");
        }
        match text {
            "<" | ">" | ">>" | ">|" | "<>" | "<&" | ">&" | "&>" | "&>>" | "<<<" => {
                state.target = Some(None);
                state.reserved = false;
            }
            "<<" | "<<-" => {
                state.target = Some(Some(text == "<<-"));
                state.reserved = false;
            }
            ")" => return self.close(start, state, out),
            "\n" => {
                // `for x` and `case x` may go on in the next line.
                if state.after == After::ForName || self.in_case_head(state) {
                    self.push(out, text, start, false);
                    return Ok(());
                }
                Self::begin(state);
            }
            "|" if matches!(
                state.frames.last(),
                Some(Frame::Case(_, CaseState::Pattern { .. }))
            ) => {}
            ";;" | ";&" | ";;&" => {
                if let Some(Frame::Case(_, case)) = state.frames.last_mut() {
                    *case = CaseState::Pattern { begun: false };
                }
                Self::begin(state);
            }
            _ => Self::begin(state),
        }
        self.push(out, text, start, false);
        Ok(())
    }

    fn in_case_head(&self, state: &State) -> bool {
        matches!(
            state.frames.last(),
            Some(Frame::Case(_, CaseState::Subject | CaseState::In))
        )
    }

    fn open(&mut self, state: &mut State, out: &mut Tokens) -> Read<()> {
        let start = self.at;
        if state.target.is_some() {
            return self.fail(start, "a redirection names no file");
        }
        if let Some(Frame::Case(_, CaseState::Pattern { begun: false })) = state.frames.last() {
            self.at += 1;
            self.push(out, "(", start, false);
            return Ok(());
        }
        if state.after == After::For && self.byte(1) == b'(' {
            return self.arithmetic_for(state, out);
        }
        if matches!(state.after, After::Name | After::Function) {
            return self.function(state, out);
        }
        if state.reserved && self.byte(1) == b'(' && self.arithmetic_command(state, out)? {
            return Ok(());
        }
        self.at += 1;
        if state.reserved && out.tokens.last().is_some_and(|last| last.text == "(") {
            // Else the grammar would try whether `( (` begins arithmetic.
            self.push(out, "\n", start, false);
        }
        self.push(out, "(", start, false);
        self.enter(Frame::Paren(start), state)?;
        Self::begin(state);
        Ok(())
    }

    fn enter(&self, frame: Frame, state: &mut State) -> Read<()> {
        let is_case = |frame: &&Frame| matches!(frame, Frame::Case(..));
        let cases = state.frames.iter().filter(is_case).count();
        // The grammar reads a body twice where the one around it turns out to be wrong.
        if cases >= CASES && is_case(&&frame) {
            return self.fail(self.at, "it is nested too deeply to be read");
        }
        state.frames.push(frame);
        match state.frames.len() + self.depth > DEEPEST {
            true => self.fail(self.at, "it is nested too deeply to be read"),
            false => Ok(()),
        }
    }

    fn close(&mut self, start: usize, state: &mut State, out: &mut Tokens) -> Read<()> {
        match state.frames.last_mut() {
            Some(Frame::Case(_, case @ CaseState::Pattern { begun: true })) => {
                *case = CaseState::Body;
                self.push(out, ")", start, false);
                Self::begin(state);
                Ok(())
            }
            Some(Frame::Paren(opened)) => {
                out.ends.insert(*opened, self.at);
                state.frames.pop();
                self.push(out, ")", start, false);
                Self::finish(state);
                Ok(())
            }
            _ => self.fail(start, "unexpected `)`"),
        }
    }

    /// `name()`, `function name()`.
    fn function(&mut self, state: &mut State, out: &mut Tokens) -> Read<()> {
        let start = self.at;
        self.at += 1;
        self.push(out, "(", start, false);
        while matches!(self.byte(0), b' ' | b'\t') {
            self.at += 1;
        }
        let close = self.at;
        if self.byte(0) != b')' {
            return self.fail(start, "unexpected `(` where no command begins");
        }
        self.at += 1;
        self.push(out, ")", close, false);
        Self::begin(state);
        Ok(())
    }

    /// `((…))`; false where it is a subshell in a subshell.
    fn arithmetic_command(&mut self, state: &mut State, out: &mut Tokens) -> Read<bool> {
        let (start, comments) = (self.at, self.comments.len());
        self.at += 2;
        let inner = self.at;
        let pieces = match self.arithmetic(b"") {
            Ok(pieces) if self.byte(0) == b')' && self.byte(1) == b')' => pieces,
            Err(failure) if self.budget == 0 => return Err(failure),
            _ => {
                self.at = start;
                self.comments.truncate(comments);
                return Ok(false);
            }
        };
        self.add_word(out, inner, pieces);
        let end = self.at;
        self.at += 2;
        for (text, from) in [("(", start), ("(", start + 1)] {
            out.tokens.insert(
                out.tokens.len() - 1,
                Token {
                    text,
                    span: Span::new(from, from + 1),
                    is_word: false,
                    number: None,
                },
            );
        }
        self.push(out, ")", end, false);
        self.push(out, ")", end + 1, false);
        out.ends.insert(start, self.at);
        Self::finish(state);
        Ok(true)
    }

    /// `for ((a; b; c))`, from its parentheses on.
    fn arithmetic_for(&mut self, state: &mut State, out: &mut Tokens) -> Read<()> {
        for _ in 0..2 {
            self.at += 1;
            self.push(out, "(", self.at - 1, false);
        }
        for part in 0..3 {
            let start = self.at;
            let pieces = self.arithmetic(b";")?;
            self.add_word(out, start, pieces);
            let separator = self.at;
            match (part, self.byte(0)) {
                (0 | 1, b';') => {
                    self.at += 1;
                    self.push(out, ";", separator, false);
                }
                (2, b')') if self.byte(1) == b')' => {
                    self.at += 2;
                    self.push(out, ")", separator, false);
                    self.push(out, ")", separator + 1, false);
                }
                _ => return self.fail(separator, "a `for ((` is not closed as it should be"),
            }
        }
        Self::begin(state);
        Ok(())
    }

    fn add_word(&self, out: &mut Tokens, start: usize, pieces: Vec<super::Piece>) {
        let word = self.assembled(Span::new(start, self.at), pieces);
        self.push(out, "w", start, true);
        out.words.insert(start, Entry { word, value: None });
    }

    fn word(&mut self, state: &mut State, out: &mut Tokens) -> Read<()> {
        let start = self.at;
        let place = WordPlace {
            assigns: state.assigns && state.target.is_none(),
            declares: state.declares && state.target.is_none(),
            test: false,
        };
        let entry = self.read_word(place)?;
        if self.at == start {
            return self.fail(start, "unexpected character where a word should begin");
        }
        let bare = entry.word.is_bare() && entry.word.span.end - entry.word.span.start < 10;
        let text = entry.word.text.as_str();
        if let Some(here) = state.target.take() {
            self.push(out, "w", start, true);
            if let Some(strips_tabs) = here {
                state.pending.push(Pending {
                    at: start,
                    delimiter: entry.word.text.clone(),
                    quoted: entry.word.span.of(&self.source).contains(['\'', '"', '\\']),
                    strips_tabs,
                });
                // The grammar wants the body and the closing word right here.
                self.push(out, "w", start, true);
                self.push(out, "w", start, true);
            }
            out.words.insert(start, entry);
            return Ok(());
        }
        let digits = bare && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits && text.len() < 6 && matches!(self.byte(0), b'<' | b'>') {
            let number = text.parse().ok();
            self.push(out, "0", start, true);
            if let Some(last) = out.tokens.last_mut() {
                last.number = number;
            }
            return Ok(());
        }
        let seen = if bare {
            self.reserved_word(text, start, state, out)?
        } else {
            None
        };
        match seen {
            Some("[[") => return self.test(start, state, out),
            Some(text) => self.push(out, text, start, true),
            None => self.plain_word(&entry, start, state, out),
        }
        out.words.insert(start, entry);
        Ok(())
    }

    fn plain_word(&self, entry: &Entry, start: usize, state: &mut State, out: &mut Tokens) {
        let case = match state.frames.last_mut() {
            Some(Frame::Case(_, case)) => Some(case),
            _ => None,
        };
        match case {
            Some(case @ CaseState::Subject) => *case = CaseState::In,
            Some(CaseState::Pattern { begun }) => *begun = true,
            _ if state.after == After::For => {
                state.after = After::ForName;
                state.reserved = false;
                state.assigns = false;
                self.push(out, "w", start, true);
                return;
            }
            _ if state.after == After::Function => {
                // `function name` and `function name()` are followed by a compound command.
                Self::begin(state);
                state.after = After::Function;
                self.push(out, "w", start, true);
                return;
            }
            _ => {}
        }
        if state.after == After::Coproc && matches!(self.next_visible(), b'{' | b'(') {
            Self::begin(state);
            self.push(out, "w", start, true);
            return;
        }
        if state.assigns && entry.value.is_some() {
            state.reserved = false;
            state.after = After::Nothing;
            self.push(out, "a=", start, true);
            return;
        }
        if state.assigns && DECLARES.contains(&entry.word.text.as_str()) {
            state.declares = true;
        }
        state.after = match state.reserved {
            true => After::Name,
            false => After::Nothing,
        };
        (state.reserved, state.closing, state.assigns) = (false, false, false);
        self.push(out, "w", start, true);
    }

    /// What the grammar is told where the word is one of its own.
    fn reserved_word(
        &mut self,
        text: &str,
        start: usize,
        state: &mut State,
        out: &mut Tokens,
    ) -> Read<Option<&'static str>> {
        if let Some(Frame::Case(_, case)) = state.frames.last_mut() {
            match case {
                CaseState::In if text == "in" => {
                    *case = CaseState::Pattern { begun: false };
                    return Ok(Some("in"));
                }
                CaseState::Pattern { begun: false } if text == "esac" => {
                    self.close_case(state, out);
                    return Ok(Some("esac"));
                }
                CaseState::Body => {}
                _ => return Ok(None),
            }
        }
        if state.after == After::ForName && text == "in" {
            state.after = After::Nothing;
            return Ok(Some("in"));
        }
        let of_header = match state.after {
            After::For => true,
            After::Function => text != "{",
            After::ForName => text != "do",
            _ => false,
        };
        if of_header {
            return Ok(None);
        }
        let closes = matches!(
            text,
            "}" | "fi" | "done" | "esac" | "then" | "do" | "else" | "elif"
        );
        let after_name = state.after == After::ForName;
        if !(state.reserved || after_name || closes && state.closing) {
            return Ok(None);
        }
        let Some(word) = RESERVED.iter().find(|word| **word == text).copied() else {
            return Ok(None);
        };
        match word {
            "-p" if state.after != After::Time => return Ok(None),
            "-p" => {}
            "if" => self.opened(Frame::If(start), state)?,
            "{" => self.opened(Frame::Brace(start), state)?,
            "while" | "until" => self.opened(Frame::Loop(start), state)?,
            "for" | "select" => {
                self.opened(Frame::Loop(start), state)?;
                state.after = After::For;
                state.reserved = false;
                state.assigns = false;
                return Ok(Some("for"));
            }
            "case" => {
                self.opened(Frame::Case(start, CaseState::Subject), state)?;
                state.reserved = false;
                state.assigns = false;
            }
            "fi" | "done" | "}" => return self.closed(word, state, out),
            "esac" => {
                self.close_case(state, out);
                return Ok(Some("esac"));
            }
            "function" => {
                Self::begin(state);
                state.after = After::Function;
                state.assigns = false;
            }
            "coproc" if state.after == After::Coproc => {
                return self.fail(start, "unexpected `coproc` where a command should begin");
            }
            "coproc" | "time" => {
                Self::begin(state);
                state.after = match word {
                    "time" => After::Time,
                    _ => After::Coproc,
                };
            }
            "[[" => {}
            _ => Self::begin(state),
        }
        Ok(Some(word))
    }

    fn next_visible(&self) -> u8 {
        let mut rest = self.rest().bytes();
        rest.find(|byte| !matches!(byte, b' ' | b'\t' | b'\n'))
            .unwrap_or(0)
    }

    fn opened(&self, frame: Frame, state: &mut State) -> Read<()> {
        self.enter(frame, state)?;
        Self::begin(state);
        Ok(())
    }

    fn closed(
        &self,
        word: &'static str,
        state: &mut State,
        out: &mut Tokens,
    ) -> Read<Option<&'static str>> {
        let start = match (word, state.frames.pop()) {
            ("fi", Some(Frame::If(start)))
            | ("done", Some(Frame::Loop(start)))
            | ("}", Some(Frame::Brace(start))) => start,
            _ => return self.fail(self.at, "unexpected closing word"),
        };
        out.ends.insert(start, self.at);
        Self::finish(state);
        Ok(Some(word))
    }

    fn close_case(&self, state: &mut State, out: &mut Tokens) {
        let Some(Frame::Case(start, case)) = state.frames.pop() else {
            return;
        };
        // The last body may end without `;;`. The grammar would read such a body twice, and a body in
        // a body four times.
        if case == CaseState::Body {
            let at = self.at;
            self.push(out, ";;", at, false);
        }
        out.ends.insert(start, self.at);
        Self::finish(state);
    }

    /// `[[ … ]]`, from behind its first word on.
    fn test(&mut self, start: usize, state: &mut State, out: &mut Tokens) -> Read<()> {
        self.push(out, "[[", start, true);
        let (mut regex, mut open) = (false, 0_usize);
        loop {
            self.step()?;
            let at = self.at;
            let operator = ["&&", "||", "(", ")", "<", ">", "\n"]
                .into_iter()
                .find(|text| self.rest().starts_with(*text));
            match (self.byte(0), operator) {
                _ if self.is_done() => return self.fail(start, "a `[[` is never closed"),
                (b' ' | b'\t', _) => self.at += 1,
                (b'\\', _) if self.byte(1) == b'\n' => self.at += 2,
                (b'\n', _) if !state.pending.is_empty() => {
                    return self.fail(at, "a here-document begins inside of `[[`");
                }
                (byte, Some(text))
                    if !(regex
                        || byte == b'<' && super::super::angle_blank(self.rest()).is_some()) =>
                {
                    self.at += text.len();
                    open = match text {
                        "(" => open + 1,
                        ")" => open.saturating_sub(1),
                        _ => open,
                    };
                    if open + self.depth > DEEPEST {
                        return self.fail(at, "it is nested too deeply to be read");
                    }
                    self.push(out, text, at, false);
                }
                _ => {
                    let entry = match std::mem::take(&mut regex) {
                        true => self.read_regex()?,
                        false => self.read_word(WordPlace {
                            test: true,
                            ..WordPlace::default()
                        })?,
                    };
                    if self.at == at {
                        return self.fail(at, "unexpected character where a word should begin");
                    }
                    let text = match entry.word.is_bare() {
                        true => test_word(&entry.word.text),
                        false => "w",
                    };
                    regex = text == "=~";
                    // The grammar would take the operand apart.
                    let text = if regex { "==" } else { text };
                    self.push(out, text, at, true);
                    if text == "!" {
                        open += 1;
                    }
                    out.words.insert(at, entry);
                    if text == "]]" {
                        break;
                    }
                }
            }
        }
        out.ends.insert(start, self.at);
        Self::finish(state);
        Ok(())
    }

    /// The bodies of the here-documents whose words stood on the line before.
    fn here_documents(&mut self, state: &mut State, out: &mut Tokens) -> Read<()> {
        for pending in std::mem::take(&mut state.pending) {
            let document = self.here_document(
                Span::new(pending.at, pending.at),
                pending.delimiter,
                pending.quoted,
                pending.strips_tabs,
            )?;
            out.here.insert(pending.at, document);
        }
        Ok(())
    }
}

/// Words that mean something inside of `[[ … ]]`, as the grammar knows them.
fn test_word(text: &str) -> &'static str {
    const WORDS: [&str; 44] = [
        "]]", "!", "==", "=", "!=", "=~", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-ef", "-nt",
        "-ot", "-a", "-b", "-c", "-d", "-e", "-f", "-g", "-h", "-k", "-n", "-o", "-p", "-r", "-s",
        "-t", "-u", "-v", "-w", "-x", "-z", "-G", "-L", "-N", "-O", "-R", "-S", "(", ")", "<",
    ];
    WORDS
        .iter()
        .find(|word| **word == text)
        .copied()
        .unwrap_or("w")
}
