//! The grammar's tree with our words in it.

use std::sync::Arc;

use brush_parser::SourceSpan;
use brush_parser::ast::{self, CommandPrefixOrSuffixItem as Item};

use crate::runbook::syntax::Span;
use crate::runbook::syntax::shell::lexer::{Failure, Read, Token, Tokens};
use crate::runbook::syntax::shell::text::assembled;
use crate::runbook::syntax::shell::{
    AndOr, Assignment, Compound, CompoundKind, Function, Operator, PieceKind, Pipeline, Quote,
    Redirection, RedirectionKind, Simple, Stage, Target, Word,
};

pub(super) struct Builder<'a> {
    source: &'a Arc<str>,
    tokens: &'a [Token],
    known: &'a mut Tokens,
}

impl<'a> Builder<'a> {
    pub fn new(source: &'a Arc<str>, tokens: &'a [Token], known: &'a mut Tokens) -> Self {
        Self {
            source,
            tokens,
            known,
        }
    }

    pub fn and_or(&mut self, item: ast::CompoundListItem) -> Read<AndOr> {
        let ast::CompoundListItem(list, separator) = item;
        let first = self.pipeline(list.first)?;
        let mut rest = Vec::with_capacity(list.additional.len());
        for more in list.additional {
            let (operator, pipeline) = match more {
                ast::AndOr::And(pipeline) => (Operator::And, pipeline),
                ast::AndOr::Or(pipeline) => (Operator::Or, pipeline),
            };
            rest.push((operator, self.pipeline(pipeline)?));
        }
        let background = matches!(separator, ast::SeparatorOperator::Async);
        // bash takes `time` alone at the end of a list, and nowhere else.
        let pipelines: Vec<&Pipeline> = [&first]
            .into_iter()
            .chain(rest.iter().map(|(_, pipeline)| pipeline))
            .collect();
        let last = pipelines.len() - 1;
        let misplaced = |(index, pipeline): (usize, &&Pipeline)| {
            let ends = index == last && !background && pipeline.stages.len() <= 1;
            !ends && says_nothing(pipeline.stages.first())
        };
        if pipelines.iter().enumerate().any(misplaced) {
            return Err(Failure {
                at: 0,
                why: "nothing follows `time` or `!`",
            });
        }
        Ok(AndOr {
            first,
            rest,
            background,
        })
    }

    fn list(&mut self, list: ast::CompoundList) -> Read<Vec<AndOr>> {
        list.0.into_iter().map(|item| self.and_or(item)).collect()
    }

    fn pipeline(&mut self, pipeline: ast::Pipeline) -> Read<Pipeline> {
        let stages = pipeline.seq.into_iter().map(|stage| self.stage(stage));
        let stages: Vec<Stage> = stages.collect::<Read<_>>()?;
        let (negated, timed) = (pipeline.bang, pipeline.timed.is_some());
        Ok(Pipeline {
            negated,
            timed,
            stages,
        })
    }

    fn stage(&mut self, command: ast::Command) -> Read<Stage> {
        Ok(match command {
            ast::Command::Simple(simple) => Stage::Simple(self.simple(simple)?),
            ast::Command::Compound(compound, redirects) => {
                Stage::Compound(self.compound(compound, redirects)?)
            }
            ast::Command::Function(function) => {
                let name = self.word(&function.fname)?;
                let ast::FunctionBody(body, redirects) = function.body;
                let body = Box::new(self.compound(body, redirects)?);
                let span = name.span.with(body.span);
                Stage::Function(Function { span, name, body })
            }
            ast::Command::ExtendedTest(test, redirects) => {
                let mut words = Vec::new();
                self.test(test.expr, &mut words)?;
                let mut compound = self.empty(CompoundKind::Test, &test.loc);
                compound.words = words;
                self.redirect(&mut compound, redirects)?;
                Stage::Compound(compound)
            }
        })
    }

    fn simple(&mut self, command: ast::SimpleCommand) -> Read<Simple> {
        let mut simple = Simple::default();
        let mut spans: Vec<Span> = Vec::new();
        for item in command.prefix.into_iter().flat_map(|prefix| prefix.0) {
            match item {
                Item::AssignmentWord(_, word) => {
                    let entry = self.entry(&word)?;
                    let value = entry.value.unwrap_or(entry.word.span.end);
                    spans.push(entry.word.span);
                    let assignment = assignment(self.source, entry.word, value);
                    simple.assignments.push(assignment);
                }
                Item::IoRedirect(redirect) => {
                    let redirection = self.redirection(redirect, &mut spans)?;
                    simple.redirections.push(redirection);
                }
                Item::Word(word) => simple.words.push(self.word(&word)?),
                Item::ProcessSubstitution(..) => return lost(),
            }
        }
        if let Some(name) = &command.word_or_name {
            simple.words.push(self.word(name)?);
        }
        for item in command.suffix.into_iter().flat_map(|suffix| suffix.0) {
            match item {
                Item::Word(word) | Item::AssignmentWord(_, word) => {
                    simple.words.push(self.word(&word)?);
                }
                Item::IoRedirect(redirect) => {
                    let redirection = self.redirection(redirect, &mut spans)?;
                    simple.redirections.push(redirection);
                }
                Item::ProcessSubstitution(..) => return lost(),
            }
        }
        spans.extend(simple.words.iter().map(|word| word.span));
        simple.span = spans.into_iter().reduce(Span::with).unwrap_or_default();
        Ok(simple)
    }

    fn compound(
        &mut self,
        command: ast::CompoundCommand,
        redirects: Option<ast::RedirectList>,
    ) -> Read<Compound> {
        use ast::CompoundCommand as Theirs;
        let mut compound = match command {
            Theirs::Arithmetic(sum) => {
                let mut compound = self.empty(CompoundKind::Arithmetic, &sum.loc);
                compound.words.extend(self.sum(sum.loc.start.index + 2));
                compound
            }
            Theirs::ArithmeticForClause(clause) => {
                let mut compound = self.empty(CompoundKind::ArithmeticFor, &clause.loc);
                compound.words = self.sums(&clause.loc, &clause.body.loc);
                compound.bodies.push(self.list(clause.body.list)?);
                compound
            }
            Theirs::BraceGroup(group) => {
                let mut compound = self.empty(CompoundKind::Group, &group.loc);
                compound.bodies.push(self.list(group.list)?);
                compound
            }
            Theirs::Subshell(subshell) => {
                let mut compound = self.empty(CompoundKind::Subshell, &subshell.loc);
                compound.bodies.push(self.list(subshell.list)?);
                compound
            }
            Theirs::ForClause(clause) => {
                let mut compound = self.empty(CompoundKind::For, &clause.loc);
                compound.variable = self.name_behind(&clause.loc);
                let values = clause.values.unwrap_or_default();
                compound.words = self.words(&values)?;
                compound.bodies.push(self.list(clause.body.list)?);
                compound
            }
            Theirs::CaseClause(clause) => {
                let mut compound = self.empty(CompoundKind::Case, &clause.loc);
                compound.words.push(self.word(&clause.value)?);
                for case in clause.cases {
                    compound.words.extend(self.words(&case.patterns)?);
                    let body = case.cmd.map(|list| self.list(list)).transpose()?;
                    compound.bodies.extend(body);
                }
                compound
            }
            Theirs::IfClause(clause) => {
                let mut compound = self.empty(CompoundKind::If, &clause.loc);
                compound.bodies.push(self.list(clause.condition)?);
                compound.bodies.push(self.list(clause.then)?);
                for more in clause.elses.into_iter().flatten() {
                    let condition = more.condition.map(|list| self.list(list)).transpose()?;
                    compound.bodies.extend(condition);
                    compound.bodies.push(self.list(more.body)?);
                }
                compound
            }
            Theirs::WhileClause(clause) => self.repeated(CompoundKind::While, clause)?,
            Theirs::UntilClause(clause) => self.repeated(CompoundKind::Until, clause)?,
            Theirs::Coprocess(coprocess) => {
                let mut compound = self.empty(CompoundKind::Coprocess, &coprocess.loc);
                if let Some(name) = &coprocess.name {
                    compound.variable = Some(self.word(name)?.text);
                }
                let stage = self.stage(*coprocess.body)?;
                compound.span = compound.span.with(stage.span());
                let first = Pipeline {
                    negated: false,
                    timed: false,
                    stages: vec![stage],
                };
                compound.bodies.push(vec![AndOr {
                    first,
                    rest: Vec::new(),
                    background: true,
                }]);
                compound
            }
        };
        self.redirect(&mut compound, redirects)?;
        Ok(compound)
    }

    fn repeated(
        &mut self,
        kind: CompoundKind,
        clause: ast::WhileOrUntilClauseCommand,
    ) -> Read<Compound> {
        let ast::WhileOrUntilClauseCommand(condition, body, place) = clause;
        let mut compound = self.empty(kind, &place);
        compound.bodies.push(self.list(condition)?);
        compound.bodies.push(self.list(body.list)?);
        Ok(compound)
    }

    fn empty(&self, kind: CompoundKind, place: &SourceSpan) -> Compound {
        let start = place.start.index;
        let end = self.known.ends.get(&start).copied();
        Compound {
            kind,
            span: Span::new(start, end.unwrap_or(place.end.index)),
            words: Vec::new(),
            variable: None,
            bodies: Vec::new(),
            redirections: Vec::new(),
        }
    }

    fn redirect(
        &mut self,
        compound: &mut Compound,
        redirects: Option<ast::RedirectList>,
    ) -> Read<()> {
        let mut spans = Vec::new();
        for redirect in redirects.into_iter().flat_map(|list| list.0) {
            let redirection = self.redirection(redirect, &mut spans)?;
            compound.redirections.push(redirection);
        }
        compound.span = spans.into_iter().fold(compound.span, Span::with);
        Ok(())
    }

    fn redirection(
        &mut self,
        redirect: ast::IoRedirect,
        spans: &mut Vec<Span>,
    ) -> Read<Redirection> {
        use RedirectionKind as Kind;
        use ast::IoFileRedirectKind as Theirs;
        let (descriptor, kind, word) = match redirect {
            ast::IoRedirect::File(descriptor, kind, target) => {
                let kind = match kind {
                    Theirs::Read => Kind::Read,
                    Theirs::Write | Theirs::Clobber => Kind::Write,
                    Theirs::Append => Kind::Append,
                    Theirs::ReadAndWrite => Kind::ReadWrite,
                    Theirs::DuplicateInput => Kind::DuplicateInput,
                    Theirs::DuplicateOutput => Kind::DuplicateOutput,
                };
                let word = match target {
                    ast::IoFileRedirectTarget::Filename(word)
                    | ast::IoFileRedirectTarget::Duplicate(word) => Some(word),
                    _ => None,
                };
                (descriptor, kind, word)
            }
            ast::IoRedirect::OutputAndError(word, append) => {
                let kind = match append {
                    true => Kind::AppendOutputAndError,
                    false => Kind::OutputAndError,
                };
                (None, kind, Some(word))
            }
            ast::IoRedirect::HereString(descriptor, word) => {
                (descriptor, Kind::HereString, Some(word))
            }
            ast::IoRedirect::HereDocument(descriptor, here) => {
                let start = here.here_end.loc.as_ref().map_or(0, |loc| loc.start.index);
                let word = self.word(&here.here_end)?;
                spans.push(word.span);
                let Some(mut document) = self.known.here.get(&start).cloned() else {
                    return lost();
                };
                document.word = word.span;
                return Ok(Redirection {
                    descriptor: self.number(descriptor.is_some(), word.span.start),
                    kind: Kind::HereDocument,
                    target: Target::HereDocument(document),
                });
            }
        };
        let Some(word) = word else {
            return Ok(Redirection {
                descriptor: Some(2),
                kind,
                target: Target::Pipe,
            });
        };
        let word = self.word(&word)?;
        spans.push(word.span);
        let text = &self.source[word.span.start..word.span.end];
        let next = self.source[word.span.end..].chars().next();
        if text.bytes().all(|byte| byte.is_ascii_digit()) && matches!(next, Some('<' | '>')) {
            // To bash the number belongs to what follows it.
            return Err(Failure {
                at: word.span.start,
                why: "a number between two redirections belongs to the second",
            });
        }
        Ok(Redirection {
            descriptor: self.number(descriptor.is_some(), word.span.start),
            kind,
            target: Target::Word(word),
        })
    }

    /// The number two tokens before the target of a redirection.
    fn number(&self, written: bool, target: usize) -> Option<u32> {
        let index = self.index_at(target);
        let token = self.tokens.get(index.checked_sub(2)?)?;
        token.number.filter(|_| written)
    }

    fn index_at(&self, start: usize) -> usize {
        self.tokens
            .partition_point(|token| token.span.start < start)
    }

    /// The name that stands behind `for`.
    fn name_behind(&self, place: &SourceSpan) -> Option<String> {
        let index = self.index_at(place.start.index);
        let mut rest = self.tokens.get(index..)?.iter();
        rest.find(|token| token.text == "for")?;
        let name = rest.next()?;
        let entry = self.known.words.get(&name.span.start)?;
        Some(entry.word.text.clone())
    }

    fn test(&mut self, expression: ast::ExtendedTestExpr, words: &mut Vec<Word>) -> Read<()> {
        use ast::BinaryPredicate as Binary;
        use ast::ExtendedTestExpr as Test;
        match expression {
            Test::And(left, right) | Test::Or(left, right) => {
                self.test(*left, words)?;
                self.test(*right, words)
            }
            Test::Not(inner) | Test::Parenthesized(inner) => self.test(*inner, words),
            Test::UnaryTest(predicate, word) => {
                let mut word = self.word(&word)?;
                // `-v name[sum]` reckons the sum.
                if matches!(
                    predicate,
                    ast::UnaryPredicate::ShellVariableIsSetAndAssigned
                        | ast::UnaryPredicate::ShellVariableIsSetAndNameRef
                ) {
                    reckoned(&mut word);
                }
                words.push(word);
                Ok(())
            }
            Test::BinaryTest(predicate, left, right) => {
                let reckons = matches!(
                    predicate,
                    Binary::ArithmeticEqualTo
                        | Binary::ArithmeticNotEqualTo
                        | Binary::ArithmeticLessThan
                        | Binary::ArithmeticLessThanOrEqualTo
                        | Binary::ArithmeticGreaterThan
                        | Binary::ArithmeticGreaterThanOrEqualTo
                );
                for word in [left, right] {
                    let mut word = self.word(&word)?;
                    if reckons {
                        reckoned(&mut word);
                    }
                    words.push(word);
                }
                Ok(())
            }
        }
    }

    /// The text of `((…))`.
    fn sum(&mut self, start: usize) -> Option<Word> {
        self.known.words.remove(&start).map(|entry| entry.word)
    }

    /// The three sums of `for ((…))`.
    fn sums(&mut self, whole: &SourceSpan, body: &SourceSpan) -> Vec<Word> {
        let from = self.index_at(whole.start.index + 1);
        let upto = self.index_at(body.start.index);
        let starts: Vec<usize> = self.tokens[from..upto.max(from)]
            .iter()
            .filter(|token| token.is_word)
            .map(|token| token.span.start)
            .collect();
        starts
            .into_iter()
            .filter_map(|start| self.sum(start))
            .collect()
    }

    fn words(&mut self, words: &[ast::Word]) -> Read<Vec<Word>> {
        words.iter().map(|word| self.word(word)).collect()
    }

    fn word(&mut self, word: &ast::Word) -> Read<Word> {
        Ok(self.entry(word)?.word)
    }

    fn entry(&mut self, word: &ast::Word) -> Read<crate::runbook::syntax::shell::lexer::Entry> {
        let start = word.loc.as_ref().map(|place| place.start.index);
        match start.and_then(|start| self.known.words.remove(&start)) {
            Some(entry) => Ok(entry),
            None => lost(),
        }
    }
}

fn says_nothing(stage: Option<&Stage>) -> bool {
    match stage {
        Some(Stage::Simple(simple)) => {
            simple.words.is_empty()
                && simple.assignments.is_empty()
                && simple.redirections.is_empty()
        }
        Some(Stage::Compound(_) | Stage::Function(_)) => false,
        None => true,
    }
}

/// The grammar names a word that was not handed to it: nothing is guessed.
fn lost<T>() -> Read<T> {
    Err(Failure {
        at: 0,
        why: "its words could not be separated",
    })
}

fn reckoned(word: &mut Word) {
    for piece in &mut word.pieces {
        piece.quote = Quote::Arithmetic;
    }
}

/// `name=value` taken apart where the value begins.
pub(super) fn assignment(source: &Arc<str>, word: Word, value: usize) -> Assignment {
    let span = word.span;
    let head = Span::new(span.start, value).of(source);
    let append = head.ends_with("+=");
    let bare = head.trim_end_matches(['=', '+']);
    let name = bare.split('[').next().unwrap_or_default();
    let inner = Span::new(
        span.start + name.len() + 1,
        (span.start + bare.len()).saturating_sub(1),
    );
    let (mut pieces, mut key) = (Vec::new(), Vec::new());
    for piece in word.pieces {
        if piece.span.start >= value {
            pieces.push(piece);
        } else if name.len() < bare.len() && inner.covers(piece.span) {
            key.push(piece);
        }
    }
    if let Some(first) = pieces.first_mut()
        && first.quote == Quote::Bare
        && first.span.of(source).starts_with('~')
    {
        first.kind = PieceKind::Pattern;
    }
    Assignment {
        span,
        name: name.to_owned(),
        subscript: (name.len() < bare.len()).then(|| assembled(source, inner, key)),
        append,
        value: assembled(source, Span::new(value, span.end), pieces),
    }
}
