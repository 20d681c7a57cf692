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

/// Pieces of shell, of SQL, and what is neither.
const PIECES: [&str; 96] = [
    "a",
    " ",
    "\n",
    ";",
    "&",
    "|",
    "&&",
    "||",
    "(",
    ")",
    "{ ",
    " }",
    "((",
    "))",
    "[[ ",
    " ]]",
    "$(",
    "`",
    "${",
    "}",
    "$((",
    "$[",
    "]",
    "[",
    "a[",
    "=",
    "a=(",
    "+=",
    "'",
    "\"",
    "\\",
    "$'",
    "$\"",
    "#",
    " # ",
    "<<E\n",
    "E\n",
    "<<'E'\n",
    "<<-E\n\t",
    "<<<",
    "<(",
    ">(",
    ">",
    "2>&1",
    "<",
    "if ",
    "then ",
    "else ",
    "fi",
    "for x in ",
    "for ((",
    "do ",
    "done",
    "while ",
    "case a in ",
    "a) ",
    ";;",
    "esac",
    "f() ",
    "function ",
    "coproc ",
    "time ",
    "! ",
    "!",
    "*",
    "?",
    "~",
    "@(",
    "-eq ",
    "=~ ",
    "$x",
    "$1",
    "é",
    "日",
    "\u{0}",
    "\r",
    "\t",
    "<name>",
    "SELECT ",
    "$$",
    "$t$",
    "--",
    "/*",
    "*/",
    "E'",
    "U&'",
    ":x",
    ":'x'",
    "\\set x ",
    "\\g ",
    "\\;",
    "\\.\n",
    "COPY t FROM STDIN;\n",
    "BEGIN ATOMIC ",
    "CREATE FUNCTION f() ",
    "END",
];

/// `GONOGO_CASES=1000000` for the long form.
#[test]
fn no_text_makes_it_panic_or_takes_it_long() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let count = super::shell::cases(5_000);
    let (mut bytes, mut longest, mut unreadable) = (0, Duration::ZERO, 0);
    let began = Instant::now();
    for _ in 0..count {
        let mut text = String::new();
        for _ in 0..1 + next(40) {
            match next(12) {
                0 => text.extend(char::from_u32(next(0x3000) as u32)),
                1 => text.push(char::from(next(128) as u8)),
                _ => text.push_str(PIECES[next(PIECES.len())]),
            }
        }
        bytes += text.len();
        let one = Instant::now();
        let shell = Script::read(&text);
        let sql = SqlScript::read(&text);
        let took = one.elapsed();
        // What is said of places is a part of the text.
        for command in shell.commands() {
            assert!(
                text.get(command.span.start..command.span.end).is_some(),
                "{text:?}"
            );
        }
        for item in sql.items() {
            let span = item.span();
            assert!(text.get(span.start..span.end).is_some(), "{text:?}");
        }
        for statement in sql.statements() {
            sql.tree(statement);
        }
        unreadable += usize::from(shell.unreadable().is_some());
        longest = longest.max(took);
        assert!(took < Duration::from_secs(5), "{took:?}: {text:?}");
    }
    println!(
        "{count} texts of {bytes} bytes in {:?}, the longest took {longest:?}; {unreadable} are no shell code",
        began.elapsed()
    );
}
