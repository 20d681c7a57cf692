//! Shell code as the layer reads it, and as bash does.

use std::io::{Seek, SeekFrom, Write};
use std::process::{Command, Stdio};

use gonogo::runbook::syntax::{Script, Simple};
use proptest::prelude::*;

/// What bash makes of each code: whether it accepts it, and what the calls of `p` in it print.
#[derive(Debug, PartialEq)]
struct Said {
    accepts: bool,
    printed: String,
}

impl Said {
    fn calls(&self) -> Vec<Call> {
        self.printed
            .split_terminator('\x03')
            .map(Call::of)
            .collect()
    }
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
    [[ $# -gt 0 ]] && printf '%s\1' "$@"
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
            let (accepts, printed) = answer.split_at(1);
            Said {
                accepts: accepts == "y",
                printed: printed.to_owned(),
            }
        })
        .collect();
    assert_eq!(said.len(), codes.len(), "bash answered for each");
    said
}

impl Call {
    fn of(printed: &str) -> Self {
        let (arguments, input) = printed.split_once('\x02').unwrap();
        let arguments = arguments.split_terminator('\x01');
        Self {
            arguments: arguments.map(str::to_owned).collect(),
            input: input.replace("$x", ""),
        }
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
        // The variable is not set.
        input: input.unwrap_or_default().replace("$x", ""),
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

/// How many texts a test makes; a longer run is asked for by `GONOGO_CASES`.
pub fn cases(usual: usize) -> usize {
    let asked = std::env::var("GONOGO_CASES").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Disagreements of one kind; the first few of them are shown.
#[derive(Default)]
pub struct Disagreements(Vec<String>);

impl Disagreements {
    pub fn add(&mut self, text: String) {
        self.0.push(text);
    }

    #[track_caller]
    pub fn none(&self, what: &str, of: usize) {
        let mut shortest = self.0.clone();
        shortest.sort_by_key(String::len);
        shortest.truncate(6);
        assert!(
            self.0.is_empty(),
            "{what}: {} of {of}\n{}",
            self.0.len(),
            shortest.join("\n----\n")
        );
    }
}

#[test]
fn words_and_inputs_are_those_that_bash_hands_to_a_command() {
    let codes = many(words(), cases(1_500));
    let (mut compared, mut wrong) = (0, Disagreements::default());
    for (code, said) in codes.iter().zip(ask_bash(&codes, "run")) {
        let script = Script::read(code);
        if said.accepts != script.unreadable().is_none() {
            wrong.add(format!("{:?}\n{code}", script.unreadable()));
            continue;
        }
        // `p a || p b` calls the first only.
        let others = script.simple_commands();
        let others = others
            .iter()
            .any(|one| one.words.first().is_none_or(|name| name.text != "p"));
        if !said.accepts || code.contains("||") || others {
            continue;
        }
        let calls: Vec<Call> = script
            .simple_commands()
            .into_iter()
            .filter_map(ours)
            .collect();
        if calls != said.calls() {
            wrong.add(format!("{calls:?}\n{:?}\n{code}", said.calls()));
        }
        compared += 1;
    }
    wrong.none("bash hands on other words", codes.len());
    assert!(compared * 5 > codes.len(), "{compared} were compared");
}

#[test]
fn what_bash_cannot_read_is_unreadable() {
    let codes = many(grammar(), cases(4_000));
    let (mut good, mut unread, mut read) = (0, 0, Disagreements::default());
    for (code, said) in codes.iter().zip(ask_bash(&codes, "read")) {
        let script = Script::read(code);
        match (said.accepts, script.unreadable()) {
            (false, None) => read.add(code.clone()),
            // It is said not to have been read, and nothing of it is guessed.
            (true, Some(_)) => unread += 1,
            (true, None) => good += 1,
            (false, Some(_)) => {}
        }
    }
    read.none("bash cannot read these, and we can", codes.len());
    assert!(unread * 100 < good, "{unread} were not read, {good} were");
    assert!(good * 30 > codes.len(), "{good} were good");
}

#[test]
fn commands_run_one_by_one_do_what_the_whole_does() {
    let codes = many(constructs(), cases(600));
    let (mut wrong, mut good) = (Disagreements::default(), 0);
    let one_by_one: Vec<String> = codes
        .iter()
        .map(|code| {
            let script = Script::read(code);
            let commands = script.commands().iter();
            commands
                .map(|command| format!("eval {}\n", quoted(script.text(command.span))))
                .collect()
        })
        .collect();
    let answers = ask_bash(&codes, "run").into_iter();
    let answers = answers.zip(ask_bash(&one_by_one, "run"));
    for (index, (whole, parts)) in answers.enumerate() {
        let (code, parts_of) = (&codes[index], &one_by_one[index]);
        let script = Script::read(code);
        match (whole.accepts, script.unreadable()) {
            (true, None) if whole == parts => good += 1,
            (true, None) => wrong.add(format!("{code}\n--\n{parts_of}\n{whole:?}\n{parts:?}")),
            (false, Some(_)) => {}
            (_, unreadable) => wrong.add(format!("{unreadable:?}\n{code}")),
        }
    }
    wrong.none("one by one they do something else", codes.len());
    assert!(good * 3 > codes.len() * 2, "{good} were good");
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
