//! Programs whose status other than 0 is an answer and no failure: `grep` that finds nothing, `diff` that
//! finds a difference. Which answer is good stands in the words around a command; where it does not, a
//! person is asked. A command that decides something by it (`grep -q x f && …`, `if grep …`) is left alone.

use serde::{Deserialize, Serialize};

use super::pattern::pattern;
use super::syntax::{Command, Script, Simple, Stage, Word};

/// What a status says, and whether that is good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub program: String,
    /// The statuses that are this answer, and no failure of the program.
    pub statuses: Vec<i32>,
    /// What they say: `it found nothing`.
    pub says: String,
    /// What status 0 says: `it found something`.
    pub else_says: String,
    /// Whether the answer is good, where the words around say so.
    pub is_good: Option<bool>,
    /// Why that is thought, for a person; empty where nothing says.
    pub why: String,
    /// A condition says what is good: nobody is asked about the status.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub judged: bool,
}

impl Answer {
    /// Which answer is good, for who decides whether the command runs.
    pub fn words(&self) -> String {
        let Self { says, why, .. } = self;
        match self.is_good {
            Some(true) => format!("good if {says} ({why})"),
            Some(false) => format!("fails if {says} ({why})"),
            None => format!("if {says}, a person decides whether that is good"),
        }
    }
}

/// A program, the statuses that are an answer, what they say, and what 0 says.
type Row = (&'static str, &'static [i32], &'static str, &'static str);

const TABLE: &[Row] = &[
    ("grep", &[1], "it found nothing", "it found something"),
    ("egrep", &[1], "it found nothing", "it found something"),
    ("fgrep", &[1], "it found nothing", "it found something"),
    ("zgrep", &[1], "it found nothing", "it found something"),
    ("rg", &[1], "it found nothing", "it found something"),
    ("pgrep", &[1], "no such process runs", "such a process runs"),
    ("pkill", &[1], "no such process runs", "it was told to end"),
    (
        "killall",
        &[1],
        "no such process runs",
        "it was told to end",
    ),
    ("kill", &[1], "no such process runs", "it was told to end"),
    ("pidof", &[1], "no such process runs", "such a process runs"),
    ("diff", &[1], "they differ", "they are the same"),
    ("cmp", &[1], "they differ", "they are the same"),
    ("test", &[1], "it is false", "it is true"),
    ("[", &[1], "it is false", "it is true"),
    ("which", &[1], "it is not there", "it is there"),
    (
        "pg_isready",
        &[1, 2],
        "the server takes no connections",
        "the server takes connections",
    ),
    (
        "systemctl",
        &[3, 4],
        "the unit is not active",
        "the unit is active",
    ),
];

/// The answer that the status of a command may be. `words` are those around it: its comment, its heading.
pub fn answer_of(script: &Script, command: &Command, words: &str) -> Option<Answer> {
    let stages = alone(command)?;
    let Some(Stage::Simple(last)) = stages.last() else {
        return None;
    };
    let special = curl(last)
        .or_else(|| finds_itself(stages))
        .or_else(|| ends_itself(stages));
    if let Some(answer) = special {
        return Some(answer);
    }
    let (at, (program, statuses, says, else_says)) = row_of(last)?;
    let (is_good, why) = match said_by_words(words) {
        Some((good, phrase)) => (Some(good), format!("the guide says `{phrase}`")),
        None => match looks_for_trouble(script, last, at) {
            Some(what) => (Some(true), format!("it looks for `{what}`")),
            None => (None, String::new()),
        },
    };
    Some(Answer {
        program: (*program).to_owned(),
        statuses: statuses.to_vec(),
        says: (*says).to_owned(),
        else_says: (*else_says).to_owned(),
        is_good,
        why,
        judged: false,
    })
}

/// The stages of a command that is one pipe, whose status is its own.
fn alone(command: &Command) -> Option<&[Stage]> {
    let [list] = command.lists.as_slice() else {
        return None;
    };
    let pipeline = &list.first;
    let is_alone = list.rest.is_empty() && !list.background && !pipeline.negated;
    is_alone.then_some(&pipeline.stages)
}

/// Whether a text is one `curl` and nothing else.
pub fn is_one_curl(text: &str) -> bool {
    let script = Script::read(text);
    let [command] = script.commands() else {
        return false;
    };
    let is_curl =
        |stages: &[Stage]| matches!(stages, [Stage::Simple(one)] if curl_at(one).is_some());
    script.unreadable().is_none() && alone(command).is_some_and(is_curl)
}

/// The row of a command's program, and where in its words that stands: past `sudo` and its options.
fn row_of(simple: &Simple) -> Option<(usize, &'static Row)> {
    let mut words = simple.words.iter().enumerate();
    let (at, word) = words.find(|(_, word)| {
        !matches!(word.text.as_str(), "sudo" | "command" | "time" | "env")
            && !word.text.starts_with('-')
    })?;
    let row = TABLE.iter().find(|row| row.0 == word.base_name())?;
    let asks = |word: &Word| matches!(word.text.as_str(), "is-active" | "status");
    (row.0 != "systemctl" || simple.words.iter().any(asks)).then_some((at, row))
}

/// The statuses of a stage in the middle of a pipe that are no failure.
pub fn tolerated(stage: &Stage) -> &'static [i32] {
    match stage {
        Stage::Simple(simple) => row_of(simple).map_or(&[], |(_, row)| row.1),
        _ => &[],
    }
}

/// Where the name of a `curl` stands in its words.
fn curl_at(simple: &Simple) -> Option<usize> {
    let mut words = simple.words.iter();
    let at = words.position(|word| word.base_name() == "curl")?;
    let mut before = simple.words[..at].iter();
    let is_it = before.all(|word| matches!(word.text.as_str(), "sudo" | "time"));
    is_it.then_some(at)
}

/// `curl` without `-f` ends with 0 whatever the server answers.
fn curl(simple: &Simple) -> Option<Answer> {
    let at = curl_at(simple)?;
    let says_itself = simple.words[at + 1..].iter().any(|word| {
        let text = word.text.as_str();
        let short = text.starts_with('-') && !text.starts_with("--");
        text.starts_with("--fail")
            || matches!(
                text,
                "--write-out" | "--output" | "--remote-name" | "--head" | "--include"
            )
            || short && text.contains(['f', 'w', 'o', 'O', 'I', 'i'])
    });
    (!says_itself).then(|| Answer {
        program: "curl".to_owned(),
        statuses: vec![0],
        says: "the server answered, whatever it answered".to_owned(),
        else_says: String::new(),
        is_good: None,
        why: String::new(),
        judged: false,
    })
}

/// `ps aux | grep worker` finds its own `grep` where nothing else is there; `grep -v grep` and `[w]orker` do
/// not.
fn finds_itself(stages: &[Stage]) -> Option<Answer> {
    let [list, search] = stages else { return None };
    may_find_itself(list, search).then(|| Answer {
        program: "ps … | grep".to_owned(),
        statuses: vec![0, 1],
        says: "what it found, if anything, may be its own `grep`".to_owned(),
        else_says: String::new(),
        is_good: None,
        why: String::new(),
        judged: false,
    })
}

/// `ps aux | grep worker | … | xargs kill` fails where the only one that is gone is its own `grep`.
fn ends_itself(stages: &[Stage]) -> Option<Answer> {
    let [list, search, .., Stage::Simple(last)] = stages else {
        return None;
    };
    let first = last.words.first();
    let ends = first.is_some_and(|word| word.base_name() == "xargs")
        && last.words.iter().any(|word| word.text == "kill");
    (ends && may_find_itself(list, search)).then(|| Answer {
        program: "ps … | grep … | xargs kill".to_owned(),
        statuses: vec![123],
        says: "one that it told to end was gone, which may be its own `grep`".to_owned(),
        else_says: "all were told to end".to_owned(),
        is_good: None,
        why: String::new(),
        judged: false,
    })
}

fn may_find_itself(list: &Stage, search: &Stage) -> bool {
    let (Stage::Simple(list), Stage::Simple(search)) = (list, search) else {
        return false;
    };
    let pattern = search
        .words
        .iter()
        .skip(1)
        .find(|word| !word.text.starts_with('-'));
    let shows_arguments = list.words.iter().any(|word| {
        let options = word.text.trim_start_matches('-');
        options == "aux" || options.contains('f') && word.text.starts_with('-')
    });
    list.program() == "ps"
        && shows_arguments
        && matches!(search.program(), "grep" | "egrep")
        && !search.words.iter().any(|word| word.text == "-v")
        && pattern.is_some_and(|pattern| !pattern.text.contains('['))
}

/// What the words around say about the answer: that there must be none of it, or that there must be.
fn said_by_words(words: &str) -> Option<(bool, String)> {
    let lower = words.to_lowercase();
    let none = pattern!(
        r"\b(?:should|must|may) (?:be )?(?:no|not|none|empty|nothing|gone|return nothing|print nothing|show nothing)\b|\b(?:no|without) (?:\w+ )?(?:errors?|output|matches|results?|failures?|warnings?)\b|\bnothing (?:is |should |must )?(?:found|printed|shown|left|returned)\b|\b(?:is|are|has|have) (?:been )?(?:stopped|gone|removed|deleted|down)\b|\bno longer\b|\bstopped\b|\bkeine?\b|\bnicht mehr\b|\bsin errores\b|\bsem erros\b|\baucune?\b"
    );
    let some = pattern!(
        r"\b(?:should|must) (?:now )?(?:be |show |list |print |return |contain |exist|include |see )|\b(?:is|are) (?:running|listening|present|there|installed|active|up)\b|\bexists?\b|\bmuss\b|\bdebe\b|\bdeve\b"
    );
    let found = |expression: &regex::Regex| {
        expression
            .find(&lower)
            .map(|found| found.as_str().to_owned())
    };
    found(none)
        .map(|phrase| (true, phrase))
        .or_else(|| found(some).map(|phrase| (false, phrase)))
}

/// The pattern of a search, where all it looks for is trouble: then it is good that there is none.
fn looks_for_trouble(script: &Script, simple: &Simple, at: usize) -> Option<String> {
    let is_search = simple.words.get(at)?.base_name().ends_with("grep")
        || simple.words.get(at)?.base_name() == "rg";
    let wanted = simple
        .words
        .get(at + 1..)?
        .iter()
        .find(|word| !word.text.starts_with('-'))?;
    if !is_search || !wanted.is_literal() {
        return None;
    }
    let text = wanted.text.to_lowercase();
    let mut words = text
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .peekable();
    words.peek()?;
    let trouble = |word: &str| {
        pattern!(
            r"^(?:error|errors|err|fail|failed|failure|failures|fatal|panic|critical|crit|exception|exceptions|traceback|warn|warning|warnings|denied|refused|corrupt|corrupted|invalid|abort|aborted|oom|segfault|emerg|alert|severe)$"
        )
        .is_match(word)
    };
    words.all(trouble).then(|| {
        script
            .text(wanted.span)
            .trim_matches(['"', '\''])
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: &str, words: &str) -> Option<Answer> {
        let script = Script::read(code);
        answer_of(&script, &script.commands()[0], words)
    }

    fn is_good(code: &str, words: &str) -> Option<bool> {
        answer(code, words)
            .expect("its status is an answer")
            .is_good
    }

    #[test]
    fn finding_no_trouble_is_good() {
        for code in [
            "grep -i \"error\\|failed\\|exception\" out.log",
            "tail -100 app.log | grep ERROR",
            "sudo journalctl -u app | grep -iE 'fatal|panic'",
        ] {
            assert_eq!(is_good(code, ""), Some(true), "{code}");
        }
    }

    #[test]
    fn the_words_around_say_which_answer_is_good() {
        for (code, words, good) in [
            (
                "ps aux | grep engine | grep -v grep",
                "Verify the engine is stopped",
                true,
            ),
            ("pgrep -f worker", "There should be none", true),
            (
                "grep v2 /etc/release",
                "It should show the new version",
                false,
            ),
            ("systemctl is-active app", "the service is running", false),
        ] {
            assert_eq!(is_good(code, words), Some(good), "{code}");
        }
    }

    #[test]
    fn where_nothing_says_a_person_is_asked() {
        for code in [
            "grep orders tables.txt",
            "diff a b",
            "test -f done",
            "curl -X POST http://h/x",
        ] {
            assert_eq!(is_good(code, "Compare"), None, "{code}");
        }
    }

    #[test]
    fn one_curl_is_nothing_else() {
        for code in ["curl -fi http://h/x", "sudo curl -I http://h > out"] {
            assert!(is_one_curl(code), "{code}");
        }
        for code in [
            "curl -i http://h | jq .",
            "curl -i http://h && ./deploy.sh",
            "curl -i http://h\n./deploy.sh",
            "! curl -f http://h",
            "./curl.sh",
            "for h in a b; do curl -i $h; done",
        ] {
            assert!(!is_one_curl(code), "{code}");
        }
    }

    #[test]
    fn a_search_that_finds_itself_proves_nothing() {
        for code in ["ps aux | grep redis", "ps -ef | grep -i node"] {
            let answer = answer(code, "Verify all services are running").expect("it is asked");
            assert_eq!(
                (answer.statuses, answer.is_good),
                (vec![0, 1], None),
                "{code}"
            );
        }
        let ends = "ps aux | grep 'main.py' | awk '{print $2}' | xargs kill";
        let answer_to_all = answer(ends, "Stop it").expect("it is asked");
        assert_eq!(
            (answer_to_all.statuses, answer_to_all.is_good),
            (vec![123], None)
        );
        for code in ["ps aux | grep '[r]edis'", "ps aux"] {
            assert!(
                answer(code, "").is_none_or(|answer| answer.statuses == [1]),
                "{code}"
            );
        }
    }

    #[test]
    fn a_guard_and_other_programs_are_left_alone() {
        for code in [
            "grep -q x f && echo yes",
            "grep -q x f || exit 1",
            "if grep -q x f; then echo; fi",
            "! grep x f",
            "grep x f | wc -l",
            "psql -c 'SELECT 1'",
            "systemctl restart app",
            "cp a b",
            "curl -fsS http://localhost/health",
            "curl -s -o /dev/null -w '%{http_code}' http://localhost/",
        ] {
            assert_eq!(answer(code, ""), None, "{code}");
        }
    }
}
