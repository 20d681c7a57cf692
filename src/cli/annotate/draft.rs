//! The answer that is being put together for one block.

use crate::runbook::annotate::{Answer, Settle};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Draft {
    /// `None` where the proposal cannot be accepted and nothing else was said yet.
    pub settle: Option<Settle>,
    pub id: Option<String>,
    pub expect: Option<String>,
    pub undo: Option<String>,
}

impl Draft {
    pub fn of(settle: Option<Settle>) -> Self {
        Self {
            settle,
            ..Self::default()
        }
    }

    pub fn from_answer(answer: &Answer) -> Self {
        Self {
            settle: Some(answer.settle),
            id: answer.id.clone(),
            expect: answer.expect.clone(),
            undo: answer.undo.clone(),
        }
    }

    /// The answer for a block.
    ///
    /// # Errors
    /// What is missing.
    pub fn answer(&self, block: usize) -> Result<Answer, String> {
        let settle = self
            .settle
            .ok_or("say what it is first: `c` changes the role, `n` leaves it as it is")?;
        let extras = self.id.is_some() || self.expect.is_some() || self.undo.is_some();
        if settle == Settle::Fences && extras {
            return Err(
                "a name, a condition and an undo belong to one fence: remove them, or keep one fence"
                    .to_owned(),
            );
        }
        if settle == Settle::Parts && self.expect.is_some() {
            return Err(
                "a condition would be judged after every part: remove it, or give each part a fence (`s`)"
                    .to_owned(),
            );
        }
        Ok(Answer {
            block,
            settle,
            id: self.id.clone(),
            expect: self.expect.clone(),
            undo: self.undo.clone(),
        })
    }

    /// As it would stand on the fence, for a person.
    pub fn text(&self) -> String {
        let mut words = Vec::new();
        words.push(match self.settle {
            Some(Settle::Parts) => "its parts, each settled".to_owned(),
            Some(Settle::Fences) => "a fence for each part".to_owned(),
            Some(settle) => settle.word().to_owned(),
            None => "nothing yet".to_owned(),
        });
        words.extend(self.id.iter().map(|id| format!("#{id}")));
        words.extend(self.expect.iter().map(|text| format!("expect: {text}")));
        words.extend(self.undo.iter().map(|id| format!("undo: {id}")));
        words.join(" · ")
    }
}

/// What is wrong with a name for a block; `taken` are those in use.
pub(super) fn objection_to_id(id: &str, taken: &[&str]) -> Option<String> {
    let fine =
        |character: char| character.is_alphanumeric() || matches!(character, '-' | '_' | '.');
    if id.is_empty() || !id.chars().all(fine) {
        return Some("a name has letters, digits, `-`, `_` and `.`".to_owned());
    }
    if id.starts_with("block-") {
        return Some("names that begin with `block-` are given by number".to_owned());
    }
    taken
        .contains(&id)
        .then(|| format!("the name `{id}` is taken"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_what_the_block_is_and_nothing_that_it_cannot_carry() {
        assert!(Draft::default().answer(1).is_err());
        let mut draft = Draft::of(Some(Settle::Parts));
        let answer = draft.answer(1).unwrap();
        assert_eq!(Draft::from_answer(&answer), draft);
        draft.undo = Some("restore".to_owned());
        assert!(draft.answer(1).is_ok());
        draft.expect = Some("exit == 0".to_owned());
        assert!(draft.answer(1).is_err(), "each part would be judged by it");
        draft.settle = Some(Settle::Fences);
        assert!(draft.answer(1).is_err(), "which fence is meant is not said");
        draft.settle = Some(Settle::Run);
        assert!(draft.answer(1).is_ok());
    }

    #[test]
    fn names_are_free_and_can_be_written() {
        assert_eq!(objection_to_id("verify-2", &["verify"]), None);
        for name in ["", "a b", "a=b", "block-7", "verify"] {
            assert!(objection_to_id(name, &["verify"]).is_some(), "{name}");
        }
    }
}
