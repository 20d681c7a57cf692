//! Why one sequence of headings is taken for the phases and not another: a sum of reasons, each with a name
//! that `check` tells.

use std::fmt::Write as _;

use super::Guide;
use super::candidates::{Candidate, Form};
use super::reasons::{REASONS, Reason};
use crate::runbook::headings::{Kind, Word};
use crate::runbook::words;

/// A candidate with its reasons and their points.
pub(super) struct Scored {
    pub candidate: Candidate,
    reasons: Vec<(&'static Reason, i64)>,
}

impl Scored {
    /// `all`: the work of the whole way forward.
    pub fn of(candidate: Candidate, guide: &Guide<'_>, all: usize) -> Self {
        let mut reasons = Vec::new();
        let mut add = |id: &str, share: f64| {
            if let Some(found) = REASONS.iter().find(|one| one.id == id) {
                reasons.push((found, points(found.most, share)));
            }
        };
        match candidate.form {
            Form::BeginsAnew(_) => add("begins-anew", 1.0),
            Form::Sections => {}
            Form::Numbered(word) | Form::GoesOn(word) => match word {
                Word::Phase | Word::Stage => add("numbered-phases", 1.0),
                Word::Step => add("numbered-steps", 1.0),
                Word::Task | Word::Bare | Word::Clock => add("numbered", 1.0),
                Word::Day | Word::Test | Word::Option => add("numbered", 0.5),
            },
        }
        let above = candidate.parent.map(|parent| &guide.headings[parent]);
        if above.is_some_and(|above| above.level > 0 && above.kind == Kind::Procedure) {
            add("procedure", 1.0);
        } else if above.is_some_and(|above| above.level > 0 && words::says("do-it", &above.title)) {
            add("procedure", 0.5);
        } else if above.is_none_or(|above| above.level == 0) && candidate.form != Form::Sections {
            add("top", 1.0);
        }
        if candidate.form == Form::Numbered(Word::Bare) && is_of_another_matter(&candidate, guide) {
            add("another-matter", 1.0);
        }
        if candidate.members.len() > 1 {
            add("several", 1.0);
        }
        let members = candidate.members.iter().copied();
        let active = members.clone().filter(|one| guide.has_work(*one)).count();
        add("active", share(active, candidate.members.len()));
        let covered: usize = members.map(|one| guide.walked(one)).sum();
        add("covers", share(covered, all.max(covered)));
        Self { candidate, reasons }
    }

    pub fn points(&self) -> i64 {
        self.reasons.iter().map(|(_, points)| points).sum()
    }

    /// As `check` tells it: `numbered-steps 5, covers 8 of 10`.
    pub fn told(&self, guide: &Guide<'_>) -> String {
        let first = &guide.headings[self.candidate.members[0]];
        let mut text = format!("from line {} on:", first.line);
        for (reason, points) in self.reasons.iter().filter(|(_, points)| *points != 0) {
            let of = match *points == reason.most {
                true => String::new(),
                false => format!(" of {}", reason.most),
            };
            // Writing to a string cannot fail.
            write!(text, " {} {points}{of},", reason.id).ok();
        }
        text.trim_end_matches([',', ':']).to_owned()
    }
}

/// Points under `Write a new one` beside `Apply them`.
fn is_of_another_matter(candidate: &Candidate, guide: &Guide<'_>) -> bool {
    let says = |index: usize| {
        let heading = &guide.headings[index];
        heading.kind == Kind::Procedure || words::says("do-it", &heading.title)
    };
    let Some(parent) = candidate.parent.filter(|parent| !says(*parent)) else {
        return false;
    };
    let above = guide.headings[parent].parent;
    let siblings = above.map_or(&[][..], |above| &guide.headings[above].children);
    guide.headings[parent].level > 0
        && siblings.iter().any(|other| {
            *other != parent && !guide.off_path[*other] && says(*other) && guide.has_work(*other)
        })
}

fn share(part: usize, whole: usize) -> f64 {
    match whole {
        0 => 0.0,
        whole => part as f64 / whole as f64,
    }
}

fn points(most: i64, share: f64) -> i64 {
    (most as f64 * share.clamp(0.0, 1.0)).round() as i64
}
