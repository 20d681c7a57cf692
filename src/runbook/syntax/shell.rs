//! A shell block as bash reads it: commands, words and their quoting, here-documents, comments. Words
//! are read here byte by byte, because what is filled into them has to be quoted for its place; the
//! grammar around them is `brush-parser`'s, over our own words.

mod build;
mod calls;
mod expansion;
mod inner;
mod lexer;
mod text;
mod visit;
mod words;

use std::sync::Arc;

use super::{Comment, Span, Unreadable};

pub use calls::{Call, past_options};
pub use inner::{Holder, Inner, SHELLS, Tongue};
pub use visit::Visit;

/// Longer code is not read as commands: no guide's block is, and reading has to stay quick.
pub const LONGEST: usize = 256 * 1024;
/// Constructs inside constructs; deeper ones are not read, so that no stack overflows.
pub const DEEPEST: usize = 24;

/// A shell text as understood. Spans are bytes of [`Script::source`].
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    source: Arc<str>,
    span: Span,
    commands: Vec<Command>,
    comments: Vec<Comment>,
    unreadable: Option<Unreadable>,
    detached: bool,
    backquoted: bool,
}

impl Script {
    /// Reads a block. Blanks such as `<name>` count as parts of words.
    pub fn read(code: &str) -> Self {
        Self::read_arc(Arc::from(code))
    }

    /// As [`Script::read`], without another copy of the text.
    pub fn read_arc(source: Arc<str>) -> Self {
        build::script(source, 0)
    }

    /// What it was read from; for a substitution this is the text of the whole block.
    pub fn source(&self) -> &str {
        &self.source
    }

    pub fn text(&self, span: Span) -> &str {
        span.of(&self.source)
    }

    /// The part of the source that it is.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The commands as a person would type them one after the other. Where the script is unreadable:
    /// what could be made out, for those who look for danger; nothing to be run by.
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// Every comment outside of substitutions, in order.
    pub fn comments(&self) -> &[Comment] {
        &self.comments
    }

    /// Why it could not be read to its end, where that is so.
    pub fn unreadable(&self) -> Option<&Unreadable> {
        self.unreadable.as_ref()
    }

    /// The text was unescaped first (back quotes with `\` in them): its spans are not those of the
    /// block around it.
    pub fn is_detached(&self) -> bool {
        self.detached
    }

    /// It stands between back quotes.
    pub fn is_backquoted(&self) -> bool {
        self.backquoted
    }

    /// The text without its comments; line ends stay.
    pub fn without_comments(&self) -> String {
        super::without_comments(&self.source, &self.comments)
    }

    /// The line of a byte in the source, counted from 0.
    pub fn line(&self, at: usize) -> usize {
        super::line_of(&self.source, at)
    }
}

/// What is run as one: a line that a person would type, with the lines that belong to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// From its first word to its last, the bodies of its here-documents included; without the `;`
    /// after it and without comments around it.
    pub span: Span,
    /// One; several where a line with here-documents holds several, because their bodies stand behind
    /// all of them.
    pub lists: Vec<AndOr>,
}

/// Pipelines joined by `&&` and `||`.
#[derive(Clone, Debug, PartialEq)]
pub struct AndOr {
    pub first: Pipeline,
    pub rest: Vec<(Operator, Pipeline)>,
    /// `&` behind it.
    pub background: bool,
}

impl AndOr {
    pub fn pipelines(&self) -> impl Iterator<Item = &Pipeline> {
        std::iter::once(&self.first).chain(self.rest.iter().map(|(_, pipeline)| pipeline))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    And,
    Or,
}

/// Stages joined by `|`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// `!` before it.
    pub negated: bool,
    /// `time` before it.
    pub timed: bool,
    pub stages: Vec<Stage>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    Simple(Simple),
    Compound(Compound),
    Function(Function),
}

impl Stage {
    pub fn span(&self) -> Span {
        match self {
            Stage::Simple(simple) => simple.span,
            Stage::Compound(compound) => compound.span,
            Stage::Function(function) => function.span,
        }
    }
}

/// `A=1 program word … > file`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Simple {
    pub span: Span,
    pub assignments: Vec<Assignment>,
    /// The program and its arguments; empty where there are only assignments or redirections.
    pub words: Vec<Word>,
    pub redirections: Vec<Redirection>,
}

/// `name=value`, `name+=value`, `name[0]=value`, `name=(a b)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    pub span: Span,
    pub name: String,
    /// What stands between the brackets behind the name: a sum, or the key of a map.
    pub subscript: Option<Word>,
    pub append: bool,
    pub value: Word,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompoundKind {
    /// `{ …; }`
    Group,
    /// `( … )`
    Subshell,
    /// `for x in …`, `select x in …`
    For,
    /// `for ((…))`
    ArithmeticFor,
    Case,
    If,
    While,
    Until,
    /// `(( … ))`
    Arithmetic,
    /// `[[ … ]]`
    Test,
    Coprocess,
}

/// A command that holds others.
#[derive(Clone, Debug, PartialEq)]
pub struct Compound {
    pub kind: CompoundKind,
    pub span: Span,
    /// Its own words: the values of a loop, the subject and the patterns of a `case`, the operands of a
    /// test, the text of an arithmetic command.
    pub words: Vec<Word>,
    /// The name that a loop sets.
    pub variable: Option<String>,
    /// Conditions and bodies, in order.
    pub bodies: Vec<Vec<AndOr>>,
    pub redirections: Vec<Redirection>,
}

/// `name() { …; }`: its body does not run here.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    pub span: Span,
    pub name: Word,
    pub body: Box<Compound>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Redirection {
    /// The number written before it.
    pub descriptor: Option<u32>,
    pub kind: RedirectionKind,
    pub target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectionKind {
    /// `<`
    Read,
    /// `>`, `>|`
    Write,
    /// `>>`
    Append,
    /// `<>`
    ReadWrite,
    /// `<&`
    DuplicateInput,
    /// `>&`
    DuplicateOutput,
    /// `&>`
    OutputAndError,
    /// `&>>`
    AppendOutputAndError,
    /// `<<`, `<<-`
    HereDocument,
    /// `<<<`
    HereString,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    Word(Word),
    HereDocument(HereDocument),
    /// `|&` writes errors into the pipe: no word says so.
    Pipe,
}

impl Redirection {
    /// The word that it names: a file, a descriptor, the text of a here-string.
    pub fn word(&self) -> Option<&Word> {
        match &self.target {
            Target::Word(word) => Some(word),
            _ => None,
        }
    }

    pub fn here_document(&self) -> Option<&HereDocument> {
        match &self.target {
            Target::HereDocument(document) => Some(document),
            _ => None,
        }
    }
}

/// Lines that a command reads.
#[derive(Clone, Debug, PartialEq)]
pub struct HereDocument {
    /// The word behind `<<`, as written.
    pub word: Span,
    /// The line that ends it.
    pub delimiter: String,
    /// Some of its word was quoted: nothing in the body is expanded.
    pub quoted: bool,
    /// `<<-`: tabs before each line are left out.
    pub strips_tabs: bool,
    /// Its lines, with the last newline and without the closing line.
    pub body: Span,
    /// What the body is made of.
    pub pieces: Vec<Piece>,
    /// What is read in the end, expansions as they are written.
    pub text: String,
    /// False where no line ended it.
    pub closed: bool,
    /// The end of its closing line.
    pub end: usize,
}

impl HereDocument {
    /// Nothing in it is expanded when it runs.
    pub fn is_literal(&self) -> bool {
        self.pieces.iter().all(Piece::is_text)
    }
}

/// A word with all its quoting.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Word {
    pub span: Span,
    /// As the command gets it: without quotes; expansions stand in it as they are written.
    pub text: String,
    pub pieces: Vec<Piece>,
}

impl Word {
    /// Nothing in it is filled in when it runs: no variable, no substitution, no blank of the guide.
    pub fn is_literal(&self) -> bool {
        self.pieces.iter().all(Piece::is_text)
    }

    /// Its bare parts hold `*`, `?`, `[…]`, `{…}` or a leading `~`: it may become other words.
    pub fn is_pattern(&self) -> bool {
        self.pieces
            .iter()
            .any(|piece| matches!(piece.kind, PieceKind::Pattern))
    }

    /// Literal, and no pattern.
    pub fn is_plain(&self) -> bool {
        self.is_literal() && !self.is_pattern()
    }

    /// No quote and no expansion anywhere in it.
    pub fn is_bare(&self) -> bool {
        self.pieces
            .iter()
            .all(|piece| piece.is_text() && piece.quote == Quote::Bare)
    }

    /// The last part of its path: `psql` of `/usr/bin/psql`. Empty where it is not plain.
    pub fn base_name(&self) -> &str {
        match self.is_plain() {
            true => self.text.rsplit('/').next().unwrap_or_default(),
            false => "",
        }
    }
}

/// A stretch of a word of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// Without the quotes around it, with the marks of an expansion (`${…}`).
    pub span: Span,
    pub quote: Quote,
    pub kind: PieceKind,
}

impl Piece {
    pub fn is_text(&self) -> bool {
        matches!(self.kind, PieceKind::Text | PieceKind::Pattern)
    }
}

/// How a piece is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quote {
    Bare,
    /// `\x`: the span holds both.
    Escaped,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `$'…'`
    AnsiC,
    /// The body of a here-document whose word is not quoted.
    Here,
    /// The body of a here-document whose word is quoted.
    Verbatim,
    /// Inside `$((…))`, `((…))`, a subscript.
    Arithmetic,
    /// The operand of `${name:-…}`.
    Operand,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PieceKind {
    Text,
    /// Bare text with `*`, `?`, `[…]`, `{…}` or a leading `~`.
    Pattern,
    /// A blank of the guide: `<name>`.
    Blank,
    /// `$name`, `${name…}`; the operand's pieces where there is one.
    Parameter {
        name: String,
        operand: Vec<Piece>,
    },
    /// `$(…)`
    Command(Box<Script>),
    /// `` `…` ``
    Backquoted(Box<Script>),
    /// `<(…)`, `>(…)`
    Process(Box<Script>),
    /// `$((…))`, `$[…]`
    Arithmetic(Vec<Piece>),
    /// `name=(…)`
    Array(Vec<Word>),
}

#[cfg(test)]
mod tests;
