//! Where a value goes from the variables that hold it: a value may be quoted where it stands and become
//! code later, as in `X=<name>; eval "$X"` or `echo $((X))`.

use std::collections::BTreeSet;

use super::builtins::{CODE, DEEPEST, SUM, of_builtin};
use super::place::Place;
use crate::runbook::syntax::shell::{Holder, Inner, Tongue};
use crate::runbook::syntax::{
    CompoundKind, Piece, PieceKind, Pipeline, Quote, Script, Simple, Span, SqlScript, Stage, Visit,
    Word,
};

/// Stands for `$1`, `$@` and their kin, all of which hold the value where one of them may.
const POSITIONS: &str = "@";

/// What holds a value: variables, and the place where it was written.
#[derive(Clone, Debug)]
pub(super) struct Held {
    names: BTreeSet<String>,
    at: Option<Span>,
}

impl Held {
    pub fn at(at: Span) -> Self {
        Self {
            names: BTreeSet::new(),
            at: Some(at),
        }
    }

    pub fn named(name: &str) -> Self {
        Self {
            names: BTreeSet::from([name.to_owned()]),
            at: None,
        }
    }

    fn is_in(&self, word: &Word) -> bool {
        self.at.is_some_and(|at| word.span.covers(at)) || self.are_named(&word.pieces)
    }

    fn holds(&self, name: &str) -> bool {
        let is_position = name == "*" || name.bytes().all(|byte| byte.is_ascii_digit());
        let name = if is_position { POSITIONS } else { name };
        self.names.contains(name)
    }

    /// Whether one of the variables is filled in here, in substitutions too.
    fn are_named(&self, pieces: &[Piece]) -> bool {
        pieces.iter().any(|piece| match &piece.kind {
            PieceKind::Parameter { name, operand } => self.holds(name) || self.are_named(operand),
            PieceKind::Arithmetic(inner) => self.are_named(inner),
            PieceKind::Array(words) => words.iter().any(|word| self.are_named(&word.pieces)),
            PieceKind::Command(script)
            | PieceKind::Backquoted(script)
            | PieceKind::Process(script) => self.is_anywhere_in(script),
            PieceKind::Text | PieceKind::Pattern | PieceKind::Blank => false,
        })
    }

    /// Whether a name of one of them stands in a text.
    fn is_said_in(&self, text: &str) -> bool {
        let is_word = |character: char| character.is_alphanumeric() || character == '_';
        text.split(|other| !is_word(other))
            .any(|word| self.holds(word))
    }

    fn is_anywhere_in(&self, script: &Script) -> bool {
        let mut found = false;
        script.visit(&mut |visit| {
            found |= match visit {
                Visit::Word(word) => self.are_named(&word.pieces),
                Visit::Redirection(redirection) => redirection
                    .here_document()
                    .is_some_and(|document| self.are_named(&document.pieces)),
                _ => false,
            };
            false
        });
        found
    }

    /// Adds each variable that the script puts the value into.
    fn spread(&mut self, script: &Script) {
        let functions = functions(script);
        loop {
            let before = self.names.len();
            script.visit(&mut |visit| {
                match visit {
                    Visit::Assignment(one) if self.is_in(&one.value) => {
                        self.names.insert(one.name.clone());
                    }
                    Visit::Compound(one) if one.words.iter().any(|word| self.is_in(word)) => {
                        let loops = one.kind == CompoundKind::For;
                        self.names.extend(one.variable.clone().filter(|_| loops));
                    }
                    Visit::Pipeline(pipeline) => self.of_reads(pipeline),
                    Visit::Simple(simple) => self.of_builtin(simple, &functions),
                    _ => {}
                }
                true
            });
            if self.names.len() == before {
                return;
            }
        }
    }

    /// `… | read name`, `while read name; do …; done <<< …`.
    fn of_reads(&mut self, pipeline: &Pipeline) {
        let mut names = Vec::new();
        let mut given = false;
        pipeline.visit(&mut |visit| {
            match visit {
                Visit::Word(word) => given |= self.is_in(word),
                Visit::Redirection(redirection) => {
                    given |= redirection.here_document().is_some_and(|document| {
                        self.are_named(&document.pieces)
                            || self.at.is_some_and(|at| document.body.covers(at))
                    });
                }
                Visit::Simple(simple) => {
                    let call = simple.main_call();
                    let reads = call
                        .filter(|call| matches!(call.program, "read" | "mapfile" | "readarray"));
                    if let Some(call) = reads {
                        names.extend(call.operands().map(str::to_owned));
                        names.extend(["REPLY", "MAPFILE"].map(str::to_owned));
                    }
                }
                _ => {}
            }
            true
        });
        if given {
            self.names.extend(names);
        }
    }

    fn of_builtin(&mut self, simple: &Simple, functions: &[String]) {
        let Some(call) = simple.main_call() else {
            return;
        };
        let is_given = call.arguments.iter().any(|word| self.is_in(word));
        if !is_given {
            return;
        }
        match call.program {
            "declare" | "typeset" | "local" | "export" | "readonly" => {
                let given = call.arguments.iter().filter(|word| self.is_in(word));
                let names = given.filter_map(|word| word.text.split_once('='));
                let names: Vec<String> = names
                    .map(|(name, _)| name.trim_end_matches('+').to_owned())
                    .collect();
                self.names.extend(names);
            }
            "printf" => {
                let mut words = call.arguments.iter();
                if words.any(|word| word.text == "-v") {
                    self.names
                        .extend(words.next().map(|word| word.text.clone()));
                }
            }
            program if program == "set" || functions.iter().any(|name| name == program) => {
                self.names.insert(POSITIONS.to_owned());
            }
            _ => {}
        }
    }
}

fn functions(script: &Script) -> Vec<String> {
    let mut names = Vec::new();
    script.visit(&mut |visit| {
        if let Visit::Pipeline(pipeline) = visit {
            names.extend(pipeline.stages.iter().filter_map(|stage| match stage {
                Stage::Function(function) => Some(function.name.text.clone()),
                _ => None,
            }));
        }
        false
    });
    names
}

/// What holds for a value that the shell fills in by itself: `None` where any may come.
pub(super) fn strict(script: &Script, held: &mut Held, depth: usize) -> Option<Place> {
    held.spread(script);
    if held.names.is_empty() && held.at.is_none() {
        return None;
    }
    let integers = integers(script);
    let mut found = None;
    script.visit(&mut |visit| {
        let own = match visit {
            Visit::Assignment(one) if integers.contains(&one.name) && held.is_in(&one.value) => {
                Some(Place::Number(SUM))
            }
            Visit::Pipeline(pipeline) => of_pipeline(pipeline, held, depth),
            Visit::Simple(simple) => of_arguments(simple, held),
            Visit::Word(word) if reckons(script, &word.pieces, held) => Some(Place::Number(SUM)),
            Visit::Substitution(inner) => strict(inner, &mut held.clone(), depth),
            _ => None,
        };
        if found.is_none() || matches!(own, Some(Place::Number(_))) {
            found = own.or(found.take());
        }
        false
    });
    found
}

fn of_pipeline(pipeline: &Pipeline, held: &Held, depth: usize) -> Option<Place> {
    let all = pipeline.inner();
    if all.iter().any(|inner| is_made_of(inner, held)) {
        return Some(Place::Plain(CODE));
    }
    let shells = all.iter().filter(|inner| inner.tongue == Tongue::Shell);
    for inner in shells.filter(|_| depth < DEEPEST) {
        let mut own = Held {
            at: None,
            ..held.clone()
        };
        // `bash -c '…' name "$X"`.
        let is_code = |word: &Word| {
            all.iter()
                .any(|inner| inner.holder.span().covers(word.span))
        };
        let mut given = false;
        pipeline.visit(&mut |visit| {
            given |= matches!(visit, Visit::Word(word) if held.is_in(word) && !is_code(word));
            false
        });
        if given {
            own.names.insert(POSITIONS.to_owned());
        }
        let found = strict(&Script::read(&inner.text), &mut own, depth + 1);
        if found.is_some() {
            return found;
        }
    }
    through_psql(pipeline, |word| held.are_named(&word.pieces))
}

/// What psql makes of a variable that is handed to it, as far as its code is here to be read.
pub(super) fn through_psql(pipeline: &Pipeline, given: impl Fn(&Word) -> bool) -> Option<Place> {
    let variables = pipeline.psql_variables();
    let mut names = variables.into_iter().filter(|(word, _)| given(word));
    names.find_map(|(_, name)| {
        let all = pipeline.inner();
        let mut codes = all.iter().filter(|inner| inner.tongue == Tongue::Sql);
        codes.find_map(|inner| super::sql::travelling(&SqlScript::read(&inner.text), name))
    })
}

fn of_arguments(simple: &Simple, held: &Held) -> Option<Place> {
    let is_let = simple.program() == "let";
    simple.words.iter().find_map(|word| {
        // `let "Y=X"`, `unset 'a[X]'` need no `$`.
        let named = (is_let || word.text.contains('[')) && held.is_said_in(&word.text);
        let mut pieces = word.pieces.iter();
        pieces.find_map(|piece| {
            let own = std::slice::from_ref(piece);
            (named || held.are_named(own)).then(|| of_builtin(simple, piece.span))?
        })
    })
}

/// Variables of which the shell reckons the value at every assignment: `declare -i`.
fn integers(script: &Script) -> Vec<String> {
    let mut names = Vec::new();
    script.visit(&mut |visit| {
        if let Visit::Simple(simple) = visit
            && let Some(call) = simple.main_call()
            && matches!(
                call.program,
                "declare" | "typeset" | "local" | "export" | "readonly"
            )
            && call.has_option(&["-i"])
        {
            let own = call.operands().map(|one| one.split('=').next());
            names.extend(own.flatten().map(str::to_owned));
        }
        true
    });
    names
}

/// Whether code for something else is made with one of the variables.
fn is_made_of(inner: &Inner<'_>, held: &Held) -> bool {
    match inner.holder {
        Holder::Word(word) => held.are_named(&word.pieces),
        Holder::Words(words) => words.iter().any(|word| held.are_named(&word.pieces)),
        Holder::HereDocument(document) => held.are_named(&document.pieces),
    }
}

/// Whether a sum is reckoned with one of them; `$((NAME + 1))` needs no `$`. A name that another variable
/// holds (`${!NAME}`) and a prompt (`${NAME@P}`) are read like one.
fn reckons(script: &Script, pieces: &[Piece], held: &Held) -> bool {
    pieces.iter().any(|piece| {
        let named = held.are_named(std::slice::from_ref(piece));
        let reckoned = piece.quote == Quote::Arithmetic;
        let text = script.text(piece.span);
        match &piece.kind {
            PieceKind::Arithmetic(inner) => named || reckons(script, inner, held),
            PieceKind::Parameter { operand, .. } => {
                let read = reckoned || text.starts_with("${!") || text.ends_with("@P}");
                named && read || reckons(script, operand, held)
            }
            PieceKind::Text | PieceKind::Pattern => reckoned && held.is_said_in(text),
            PieceKind::Array(words) => words.iter().any(|word| {
                let keyed = word.text.starts_with('[') && held.are_named(&word.pieces);
                keyed || reckons(script, &word.pieces, held)
            }),
            _ => reckoned && named,
        }
    })
}
