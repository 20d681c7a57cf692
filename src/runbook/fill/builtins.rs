//! Commands of the shell itself that read an argument as a name, a sum or code, and how one says so.

use super::place::{Place, Reason};
use crate::runbook::syntax::{Simple, Span};

/// Code inside of code inside of code: deeper nothing is quoted.
pub(super) const DEEPEST: usize = 2;

pub(super) const SUM: Reason = Reason {
    why: "here the shell does arithmetic with the value, and would run what is in brackets in it",
    help: "give a whole number, or compare texts: `[ \"$NAME\" = … ]`",
};
pub(super) const NAMES: Reason = Reason {
    why: "here the shell reads the value as a name or as code",
    help: "write the name out in the guide, or give a value of letters, digits and `_`",
};
pub(super) const CODE: Reason = Reason {
    why: "the text around the value is read as code by another program",
    help: "pass the value outside the code: as an argument, by environment, or with `psql -v`",
};

/// Commands of the shell itself that take an argument for a name, a sum or code.
pub(super) fn of_builtin(simple: &Simple, at: Span) -> Option<Place> {
    let call = simple.main_call()?;
    let index = call
        .arguments
        .iter()
        .position(|word| word.span.covers(at))?;
    let before = index
        .checked_sub(1)
        .map(|before| call.arguments[before].text.as_str());
    let text = call.arguments[index].text.as_str();
    match call.program {
        "let" => Some(Place::Number(SUM)),
        "test" | "[" if before == Some("-v") => Some(Place::Plain(NAMES)),
        "printf" if before == Some("-v") => Some(Place::Plain(NAMES)),
        "read" | "unset" | "mapfile" | "readarray" | "getopts" | "wait" | "shift" | "enable"
        | "compgen" | "complete" | "bind" => Some(Place::Plain(NAMES)),
        "declare" | "typeset" | "local" | "export" | "readonly" => {
            // `declare -i` reckons; else what stands behind `=` is text.
            let reckons = call.has_option(&["-i", "-n"]);
            let value = text
                .find('=')
                .map(|length| call.arguments[index].span.start + length);
            match value {
                Some(value) if value < at.start && !reckons && !text.contains('[') => None,
                _ => Some(Place::Plain(NAMES)),
            }
        }
        _ => None,
    }
}
