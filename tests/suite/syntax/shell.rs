//! Shell code as the layer reads it, and as bash does.

use std::io::{Seek, SeekFrom, Write};
use std::process::{Command, Stdio};

use gonogo::runbook::syntax::{Script, Simple};
use proptest::prelude::*;

/// What bash makes of each code: whether it accepts it, and what its words were.
#[derive(Debug, PartialEq)]
struct Said {
    accepts: bool,
    calls: Vec<Call>,
}

/// One call of `p`: its arguments, and its input.
#[derive(Clone, Debug, PartialEq)]
struct Call {
    arguments: Vec<String>,
    input: String,
}

/// `p` prints its arguments and its input; nothing else is defined, and nothing is found in the PATH.
const READER: &str = r#"
PATH=/gonogo-nowhere
p() {
    printf '%s\1' "$@"
    printf '\2'
    while IFS= read -r -d '' rest || [[ -n $rest ]]; do printf '%s' "$rest"; done
    printf '\3'
}
while IFS= read -r -d '' code; do
    if (eval "builtin set -n
$code") 2>/dev/null; then
        printf 'y'
        [[ $1 == run ]] && (eval "$code") 2>/dev/null </dev/null
    else
        printf 'n'
    fi
    printf '\0'
done
"#;

fn ask_bash(codes: &[String], how: &str) -> Vec<Said> {
    let mut input = tempfile::tempfile().unwrap();
    for code in codes {
        assert!(!code.contains('\0'));
        input.write_all(code.as_bytes()).unwrap();
        input.write_all(b"\0").unwrap();
    }
    input.seek(SeekFrom::Start(0)).unwrap();
    let output = Command::new("bash")
        .args(["--norc", "--noprofile", "-c", READER, "reader", how])
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::from(input))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said: Vec<Said> = text
        .split_terminator('\0')
        .map(|answer| {
            let (accepts, calls) = answer.split_at(1);
            Said {
                accepts: accepts == "y",
                calls: calls.split_terminator('\x03').map(call).collect(),
            }
        })
        .collect();
    assert_eq!(said.len(), codes.len(), "bash answered for each");
    said
}

fn call(text: &str) -> Call {
    let (arguments, input) = text.split_once('\x02').unwrap();
    Call {
        arguments: arguments
            .split_terminator('\x01')
            .map(str::to_owned)
            .collect(),
        input: input.to_owned(),
    }
}

fn ours(simple: &Simple) -> Option<Call> {
    let (name, arguments) = simple.words.split_first()?;
    let input = simple.redirections.iter().rev();
    let input = input
        .filter_map(|one| one.here_document())
        .map(|document| document.text.clone())
        .next();
    (name.text == "p").then(|| Call {
        arguments: arguments.iter().map(|word| word.text.clone()).collect(),
        input: input.unwrap_or_default(),
    })
}

/// Pieces of which words are made; together they give every neighbourhood of quotes.
const WORDS: [&str; 34] = [
    "a",
    "b-c",
    "é",
    "'x y'",
    "'\"'",
    "\"a b\"",
    "\"\\\"\"",
    "\"\\\\x\"",
    "\"'\"",
    "\"\\$a\"",
    "\\ ",
    "\\'",
    "\\\"",
    "\\\\",
    "$'a\\tb'",
    "$'\\''",
    "\"\"",
    "''",
    "\\\n",
    "#",
    "\"c\\\nd\"",
    "$\"z\"",
    "=",
    "!",
    "'\\'",
    "\"\\`\"",
    "'$x'",
    "\\$",
    "k=v",
    "日",
    "\"\n\"",
    "'#'",
    "$'\\x41\\101'",
    "{",
];

const BETWEEN: [&str; 12] = [
    " ",
    " ",
    " ",
    "  \\\n ",
    "\t",
    "\np ",
    "; p ",
    " && p ",
    " # it's \"\np ",
    " ;p ",
    "\n\n# '\np ",
    " || p ",
];

/// Here-documents, and what may stand in them.
const HERE: [(&str, &str); 5] = [
    (" <<E", "E"),
    (" <<'E'", "E"),
    (" <<-E", "\tE"),
    (" <<\"E\"", "E"),
    (" <<\\.", "."),
];
const LINES: [&str; 12] = [
    "it's",
    "\"q\"",
    "\\\\ \\$x \\`",
    "a\\",
    "\tE",
    "E ",
    "EE",
    "",
    "# no comment",
    "p ; p",
    "'",
    "\\E",
];

fn words() -> impl Strategy<Value = String> {
    let word = prop::collection::vec(prop::sample::select(WORDS.to_vec()), 1..4);
    let command = prop::collection::vec((word, prop::sample::select(BETWEEN.to_vec())), 1..6);
    let here = prop::option::of((
        prop::sample::select(HERE.to_vec()),
        prop::collection::vec(prop::sample::select(LINES.to_vec()), 0..4),
    ));
    prop::collection::vec((command, here), 1..4).prop_map(|commands| {
        let mut code = String::new();
        for (words, here) in commands {
            code.push_str("p ");
            for (word, between) in words {
                code.push_str(&word.concat());
                code.push_str(between);
            }
            code.push('z');
            if let Some(((operator, end), lines)) = here {
                code.push_str(operator);
                code.push_str(" # <<no\n");
                lines.iter().for_each(|line| {
                    code.push_str(line);
                    code.push('\n');
                });
                code.push_str(end);
            }
            code.push('\n');
        }
        code
    })
}

/// Pieces of grammar, most of whose sequences are none.
const GRAMMAR: [&str; 66] = [
    "p a",
    "p",
    "if ",
    "then ",
    "elif ",
    "else ",
    "fi",
    "for i in a b; ",
    "for ((i=0; i<2; i++)) ",
    "do ",
    "done",
    "while ",
    "until ",
    "case a in ",
    "a) ",
    "(b|c) ",
    "esac",
    "select i in a; ",
    "{ ",
    "}",
    "(",
    ")",
    "((",
    "))",
    "[[ ",
    " ]]",
    "-f a",
    "a == b*",
    "a =~ ^(x|y)$",
    "f() ",
    "function g ",
    "f",
    "! ",
    "time ",
    "coproc ",
    ";",
    "; ",
    ";;",
    ";&",
    "\n",
    " && ",
    " || ",
    " | ",
    " |& ",
    " & ",
    " ",
    "\\\n",
    "# c '\n",
    "> /dev/null ",
    "2>&1 ",
    "< /dev/null ",
    "<<< x ",
    "<<E\nx\nE\n",
    "<<-'E'\n\tx\n\tE\n",
    "$(",
    "\"$(",
    ")\"",
    "`",
    "${x:-",
    "}\"",
    "$((1+",
    "x=1 ",
    "x=(a ",
    "x[1]=b ",
    "<(",
    "'q'",
];

fn grammar() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(GRAMMAR.to_vec()), 1..14)
        .prop_map(|pieces| pieces.concat())
}

/// Whole constructs in each other: most of their sequences are right.
fn constructs() -> impl Strategy<Value = String> {
    let word = prop::collection::vec(prop::sample::select(WORDS.to_vec()), 1..3);
    let leaf = word.prop_map(|pieces| format!("p {}z", pieces.concat()));
    leaf.prop_recursive(4, 24, 3, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            pair.clone().prop_map(|(a, b)| format!("{a}\n{b}")),
            pair.clone().prop_map(|(a, b)| format!("{{ {a}\n}}; {b}")),
            pair.clone()
                .prop_map(|(a, b)| format!("{{ {a}\n}} &&\n {b}")),
            pair.clone()
                .prop_map(|(a, b)| format!("if {a}\nthen {b}\nelse :; fi")),
            pair.clone()
                .prop_map(|(a, b)| format!("case y in x) {a}\n;; (y|z)\n{b}\nesac")),
            inner
                .clone()
                .prop_map(|a| format!("for i in 1 2; do\n{a}\ndone")),
            inner
                .clone()
                .prop_map(|a| format!("for ((;;)); do {a}\nbreak; done")),
            inner.clone().prop_map(|a| format!("{{ {a}\n}}")),
            inner
                .clone()
                .prop_map(|a| format!("( {a}\n) # note ' (\n:")),
            inner.clone().prop_map(|a| format!("((1)) && ({a}\n)")),
            inner.clone().prop_map(|a| format!("f() {{ {a}\n}}; f; f")),
            inner
                .clone()
                .prop_map(|a| format!("while {a}\ndo break; done")),
            inner.clone().prop_map(|a| format!("{a} <<'E'\nit's (\nE")),
            inner.clone().prop_map(|a| format!("p \"$( {a}\n)\" `:`")),
            inner
                .clone()
                .prop_map(|a| format!("p \"${{none:-b}}\" <<E\n$( {a}\n)\nE")),
            inner.prop_map(|a| format!("[[ -n a && ( b == b ) ]] && {a}")),
        ]
    })
}

pub fn many(strategy: impl Strategy<Value = String>, count: usize) -> Vec<String> {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
    let seed = std::env::var("GONOGO_SEED").unwrap_or_default();
    let mut bytes = [7; 32];
    for (byte, letter) in bytes.iter_mut().zip(seed.bytes()) {
        *byte = letter;
    }
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    (0..count)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect()
}

#[test]
fn words_and_inputs_are_those_that_bash_hands_to_a_command() {
    let codes = many(words(), 1_500);
    let mut compared = 0;
    for (code, said) in codes.iter().zip(ask_bash(&codes, "run")) {
        let script = Script::read(code);
        assert!(
            said.accepts || script.unreadable().is_some(),
            "bash cannot read this, and we can:\n{code}"
        );
        if script.unreadable().is_some() {
            assert!(!said.accepts, "{:?}\n{code}", script.unreadable());
            continue;
        }
        // `p a || p b` calls the first only.
        let others = script.simple_commands();
        let others = others
            .iter()
            .any(|one| one.words.first().is_none_or(|name| name.text != "p"));
        if code.contains("||") || others {
            continue;
        }
        let calls: Vec<Call> = script
            .simple_commands()
            .into_iter()
            .filter_map(ours)
            .collect();
        assert_eq!(calls, said.calls, "{code}");
        compared += 1;
    }
    assert!(compared > 300, "{compared} were compared");
}

#[test]
fn what_bash_cannot_read_is_unreadable() {
    let codes = many(grammar(), 4_000);
    let (mut good, mut unread) = (0, Vec::new());
    for (code, said) in codes.iter().zip(ask_bash(&codes, "read")) {
        let script = Script::read(code);
        match (said.accepts, script.unreadable()) {
            (false, None) => panic!("bash cannot read this, and we can:\n{code}"),
            (true, Some(why)) => unread.push((code, why.clone())),
            (true, None) => good += 1,
            (false, Some(_)) => {}
        }
    }
    assert!(good > 150, "{good} were good");
    assert!(
        unread.len() * 10 < good,
        "{good} were read, not these: {unread:#?}"
    );
}

#[test]
fn commands_run_one_by_one_do_what_the_whole_does() {
    let codes = many(constructs(), 600);
    let mut one_by_one = Vec::new();
    for code in &codes {
        let script = Script::read(code);
        assert_eq!(script.unreadable(), None, "{code}");
        let commands: Vec<String> = script
            .commands()
            .iter()
            .map(|command| {
                let text = script.text(command.span);
                format!("eval {}\n", quoted(text))
            })
            .collect();
        one_by_one.push(commands.concat());
    }
    for (index, (whole, parts)) in ask_bash(&codes, "run")
        .into_iter()
        .zip(ask_bash(&one_by_one, "run"))
        .enumerate()
    {
        assert!(whole.accepts, "{}", codes[index]);
        assert_eq!(whole, parts, "{}\n---\n{}", codes[index], one_by_one[index]);
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[test]
fn collected_code_is_read_as_bash_reads_it() {
    let mut codes: Vec<String> = Vec::new();
    for guide in crate::dialect::GUIDES {
        let runbook = crate::dialect::open(guide);
        let blocks = runbook.blocks.iter();
        codes.extend(
            blocks
                .filter(|block| block.actor == gonogo::runbook::Actor::Shell)
                .map(|block| block.code.replace(['<', '>'], "_")),
        );
    }
    assert!(codes.len() > 10, "{} blocks", codes.len());
    for (code, said) in codes.iter().zip(ask_bash(&codes, "read")) {
        let script = Script::read(code);
        assert_eq!(said.accepts, script.unreadable().is_none(), "{code}");
    }
}
