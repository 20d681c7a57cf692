//! Ways through a script.

use super::{
    AndOr, Assignment, Compound, Piece, PieceKind, Pipeline, Redirection, Script, Simple, Stage,
    Target, Word,
};

/// What a walk through a script comes by, in order.
#[derive(Clone, Copy, Debug)]
pub enum Visit<'a> {
    Pipeline(&'a Pipeline),
    Simple(&'a Simple),
    Compound(&'a Compound),
    Assignment(&'a Assignment),
    Word(&'a Word),
    Redirection(&'a Redirection),
    /// A substitution; its commands follow if the visitor asks for them.
    Substitution(&'a Script),
}

impl Script {
    /// Every simple command in order, those in loops, groups and functions included; those in
    /// substitutions are not.
    pub fn simple_commands(&self) -> Vec<&Simple> {
        let mut found = Vec::new();
        self.visit(&mut |visit| {
            if let Visit::Simple(simple) = visit {
                found.push(simple);
            }
            false
        });
        found
    }

    /// As [`Script::simple_commands`], with those in substitutions, each with the script it stands in.
    pub fn all_simple_commands(&self) -> Vec<(&Script, &Simple)> {
        let mut found = Vec::new();
        gather(self, &mut found);
        found
    }

    /// Walks through everything. The visitor says of a substitution whether its inside is walked too;
    /// what it answers to others does not matter.
    pub fn visit<'a>(&'a self, visitor: &mut dyn FnMut(Visit<'a>) -> bool) {
        for command in &self.commands {
            lists(&command.lists, visitor);
        }
    }
}

impl Pipeline {
    /// As [`Script::visit`], of this one alone.
    pub fn visit<'a>(&'a self, visitor: &mut dyn FnMut(Visit<'a>) -> bool) {
        visitor(Visit::Pipeline(self));
        for one in &self.stages {
            stage(one, visitor);
        }
    }
}

fn gather<'a>(script: &'a Script, found: &mut Vec<(&'a Script, &'a Simple)>) {
    script.visit(&mut |visit| {
        match visit {
            Visit::Simple(simple) => found.push((script, simple)),
            Visit::Substitution(inner) => gather(inner, found),
            _ => {}
        }
        false
    });
}

fn lists<'a>(all: &'a [AndOr], visitor: &mut dyn FnMut(Visit<'a>) -> bool) {
    for one in all.iter().flat_map(AndOr::pipelines) {
        one.visit(visitor);
    }
}

fn stage<'a>(stage: &'a Stage, visitor: &mut dyn FnMut(Visit<'a>) -> bool) {
    match stage {
        Stage::Simple(simple) => {
            visitor(Visit::Simple(simple));
            for assignment in &simple.assignments {
                visitor(Visit::Assignment(assignment));
                assignment
                    .subscript
                    .iter()
                    .for_each(|one| word(one, visitor));
                word(&assignment.value, visitor);
            }
            simple.words.iter().for_each(|one| word(one, visitor));
            redirections(&simple.redirections, visitor);
        }
        Stage::Compound(one) => compound(one, visitor),
        Stage::Function(function) => compound(&function.body, visitor),
    }
}

fn compound<'a>(compound: &'a Compound, visitor: &mut dyn FnMut(Visit<'a>) -> bool) {
    visitor(Visit::Compound(compound));
    compound.words.iter().for_each(|one| word(one, visitor));
    compound.bodies.iter().for_each(|body| lists(body, visitor));
    redirections(&compound.redirections, visitor);
}

fn redirections<'a>(all: &'a [Redirection], visitor: &mut dyn FnMut(Visit<'a>) -> bool) {
    for redirection in all {
        visitor(Visit::Redirection(redirection));
        match &redirection.target {
            Target::Word(target) => word(target, visitor),
            Target::HereDocument(document) => pieces(&document.pieces, visitor),
            Target::Pipe => {}
        }
    }
}

fn word<'a>(word: &'a Word, visitor: &mut dyn FnMut(Visit<'a>) -> bool) {
    visitor(Visit::Word(word));
    pieces(&word.pieces, visitor);
}

fn pieces<'a>(all: &'a [Piece], visitor: &mut dyn FnMut(Visit<'a>) -> bool) {
    for piece in all {
        match &piece.kind {
            PieceKind::Text | PieceKind::Pattern | PieceKind::Blank => {}
            PieceKind::Parameter { operand, .. } => pieces(operand, visitor),
            PieceKind::Arithmetic(inner) => pieces(inner, visitor),
            PieceKind::Array(words) => words.iter().for_each(|one| word(one, visitor)),
            PieceKind::Command(script)
            | PieceKind::Backquoted(script)
            | PieceKind::Process(script) => {
                if visitor(Visit::Substitution(script)) {
                    script.visit(visitor);
                }
            }
        }
    }
}
