//! Any bytes open as a guide, and everything that is said of it can be said.
#![no_main]

use gonogo::run::check_condition;
use gonogo::runbook::diagnostic::render;
use gonogo::runbook::{check_conditions, check_document, decoded, parse};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let runbook = parse("guide.md", bytes);
    let found = check_conditions(&runbook, bytes, |condition, _| {
        check_condition(condition, &runbook, None).ok();
        Vec::new()
    });
    assert!(found.is_empty());
    render(&runbook.diagnostics, "guide.md", &decoded(bytes));
    check_document(&runbook);
});
