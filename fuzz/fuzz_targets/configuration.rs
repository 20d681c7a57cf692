//! Any text is read as a `gonogo.toml`.
#![no_main]

use gonogo::runbook::config::parse_config;
use gonogo::runbook::diagnostic::render;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (_, diagnostics) = parse_config("gonogo.toml", text);
    render(&diagnostics, "gonogo.toml", text);
});
