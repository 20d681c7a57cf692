//! Any text is checked and judged as a condition; what the check accepts is judged without a panic.
#![no_main]

use gonogo::run::{Evidence, Scope, check_condition, judge};
use gonogo::runbook::Runbook;

libfuzzer_sys::fuzz_target!(|text: &str| {
    check_condition(text, &Runbook::default(), Some(&["gateway".to_owned()])).ok();
    judge(
        "",
        text,
        &Scope::default().with_evidence(&Evidence::default()),
    );
});
