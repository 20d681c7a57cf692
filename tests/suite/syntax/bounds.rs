//! No text makes the reader overflow its stack or takes it long.

use std::time::{Duration, Instant};

use gonogo::runbook::syntax::{Script, SqlScript};

/// What opens a construct, and what closes it.
const NESTED: [(&str, &str); 25] = [
    ("(", ")"),
    ("{ ", "; }"),
    ("$(", ")"),
    ("((", "))"),
    ("`", "`"),
    ("${a:-", "}"),
    ("\"$(", ")\""),
    ("if ", "; then a; fi"),
    ("while ", "; do a; done"),
    ("case a in b) ", "; esac"),
    ("[[ ( ", " ) ]]"),
    ("! ", ""),
    ("coproc ", ""),
    ("f() { ", "; }"),
    ("<(", ")"),
    ("$((", "))"),
    ("$[", "]"),
    ("a=(", ")"),
    ("( (a;", ") )"),
    ("a[", "]=1"),
    ("[[ ! ", " ]]"),
    ("if a; then b; elif ", "; then c; fi"),
    ("cat <<A\n", "\nA\n"),
    ("a | ", ""),
    ("a && \n", ""),
];

#[test]
fn depth_is_bounded_in_the_stack_of_a_thread() {
    let run = || {
        for (open, close) in NESTED {
            for times in [3, 12, 23, 24, 25, 100, 20_000] {
                let began = Instant::now();
                let whole = format!("{}a{}", open.repeat(times), close.repeat(times));
                Script::read(&whole);
                Script::read(&open.repeat(times));
                Script::read(&format!("{}a ;; | b", open.repeat(times)));
                SqlScript::read(&whole);
                let took = began.elapsed();
                assert!(took < Duration::from_secs(20), "{open} {times}: {took:?}");
            }
        }
    };
    // What a thread gets by default.
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    thread.spawn(run).unwrap().join().unwrap();
}

#[test]
fn what_is_too_long_is_said_not_to_be_read() {
    let long = "a\n".repeat(gonogo::runbook::syntax::shell::LONGEST);
    let script = Script::read(&long);
    let why = &script.unreadable().unwrap().why;
    assert_eq!(why, "it is too long to be read");
    assert!(script.commands().is_empty());
}
