//! What bash says about the syntax of shell code, without running any of it: half a block that ran
//! before its syntax error is the worst of both. Code that cannot be wrong is told apart here, and one
//! bash a core reads all the rest, because a process for each block of a large guide takes seconds.

use std::collections::HashMap;
use std::io::{Seek, SeekFrom, Write};
use std::process::{Command, Stdio};

use crate::runbook::syntax::{
    PieceKind, Redirection, RedirectionKind, Script, Stage, Target, Visit,
};

/// What bash objects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Objection {
    /// Line in the code, from 1.
    pub line: usize,
    pub message: String,
    /// False where bash would go on: a here-document without its end.
    pub stops: bool,
}

/// Of so many different codes bash is asked: each costs it a process.
pub(super) const MOST: usize = 3_000;

/// What is known of one code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Nothing,
    Objection(Objection),
    /// There were more than [`MOST`] before it.
    Unasked,
}

/// For each of the codes what bash objects to first, in their order. Code with NUL bytes is not
/// looked at.
///
/// # Errors
/// Where bash cannot be started, or its input cannot be kept.
pub(super) fn objections(codes: &[&str]) -> std::io::Result<Vec<Said>> {
    let mut known: HashMap<&str, Said> = HashMap::new();
    let mut doubtful: Vec<&str> = Vec::new();
    for code in codes {
        if code.contains('\0') || known.contains_key(code) || is_plain(code) {
            continue;
        }
        if doubtful.len() < MOST {
            doubtful.push(code);
            known.insert(code, Said::Nothing);
        } else {
            known.insert(code, Said::Unasked);
        }
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // A start of bash costs as much as reading ten blocks.
    let share = doubtful.len().div_ceil(cores).max(10);
    let answers: Vec<std::io::Result<Vec<Option<Objection>>>> = std::thread::scope(|scope| {
        let readers: Vec<_> = doubtful
            .chunks(share)
            .map(|chunk| scope.spawn(move || ask_bash(chunk)))
            .collect();
        readers
            .into_iter()
            .map(|reader| {
                reader.join().unwrap_or_else(|_| {
                    Err(std::io::Error::other("what bash said could not be read"))
                })
            })
            .collect()
    });
    let mut asked = doubtful.iter();
    for answer in answers {
        for (objection, code) in answer?.into_iter().zip(&mut asked) {
            if let Some(objection) = objection {
                known.insert(code, Said::Objection(objection));
            }
        }
    }
    Ok(codes
        .iter()
        .map(|code| known.get(code).cloned().unwrap_or(Said::Nothing))
        .collect())
}

/// Reads one code after the other, each in a process of its own that turns execution off before it
/// sees the first word. The first line of the code is the third line that it counts.
const READER: &str = "ulimit -t 20
while IFS= read -r -d '' code; do
(eval \"builtin set -n
$code\") 2>&1
printf '\\0%s\\0' \"$?\"
done";
/// Lines that bash counts before the first line of the code.
const BEFORE: usize = 4;

fn ask_bash(codes: &[&str]) -> std::io::Result<Vec<Option<Objection>>> {
    // A file, because bash reads a pipe byte by byte.
    let mut input = tempfile::tempfile()?;
    for code in codes {
        input.write_all(code.as_bytes())?;
        input.write_all(b"\0")?;
    }
    input.seek(SeekFrom::Start(0))?;
    let mut command = Command::new("bash");
    command
        .args(["--norc", "--noprofile", "-c", READER, "guide"])
        // A function exported by the environment could stand for `builtin`.
        .env_clear()
        .env("LC_ALL", "C")
        .stdin(Stdio::from(input))
        .stderr(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    let said = command.output()?.stdout;
    let said = String::from_utf8_lossy(&said);
    let mut fields = said.split('\0');
    codes
        .iter()
        .map(|code| match (fields.next(), fields.next()) {
            (Some(text), Some(status)) => Ok(objection(text, status == "0", code)),
            _ => Err(std::io::Error::other("bash ended early")),
        })
        .collect()
}

/// `guide: eval: line 5: syntax error near …`, as a line of the code and a message.
fn objection(said: &str, accepted: bool, code: &str) -> Option<Objection> {
    let lines = code.lines().count().max(1);
    let place = |line: usize| line.saturating_sub(BEFORE).clamp(1, lines);
    if let Some((_, rest)) = said.split_once("here-document at line ")
        && let Some((line, rest)) = rest.split_once(' ')
    {
        let wanted = rest
            .split_once("(wanted `")
            .and_then(|(_, rest)| rest.split_once("')"))
            .map_or("its end", |(wanted, _)| wanted);
        return Some(Objection {
            line: place(line.parse().unwrap_or(BEFORE + 1)),
            message: format!("the here-document is never closed: no line says `{wanted}`"),
            stops: false,
        });
    }
    if accepted {
        return None;
    }
    let first = said.lines().next().unwrap_or_default();
    let (line, message) = first
        .split_once("line ")
        .and_then(|(_, rest)| rest.split_once(": "))
        .map_or((None, first), |(line, message)| {
            (line.parse().ok(), message)
        });
    Some(Objection {
        line: place(line.unwrap_or(BEFORE + 1)),
        message: if message.is_empty() {
            "bash cannot read it".to_owned()
        } else {
            message.to_owned()
        },
        stops: true,
    })
}

/// Whether bash cannot object to it: it is read to its end, and nothing in it stands for something else.
/// Where in doubt it is not.
fn is_plain(code: &str) -> bool {
    let script = Script::read(code);
    // A word that goes on in the next line may become a reserved one.
    let goes_on = |(at, _): (usize, &str)| !code[..at].ends_with([' ', '\t']);
    let mut plain = script.unreadable().is_none()
        && !code.trim_end().ends_with('\\')
        && !code.match_indices("\\\n").any(goes_on);
    script.visit(&mut |visit| {
        plain &= match visit {
            Visit::Word(word) => {
                let mut pieces = word.pieces.iter();
                pieces.all(|piece| piece.is_text() || matches!(&piece.kind, PieceKind::Parameter { operand, .. } if operand.is_empty()))
            }
            Visit::Pipeline(pipeline) => {
                let mut stages = pipeline.stages.iter();
                !pipeline.timed
                    && !pipeline.negated
                    && stages.all(|stage| match stage {
                        Stage::Simple(simple) => {
                            let name = simple.words.first();
                            name.is_some_and(|name| !RESERVED.contains(&name.text.as_str()))
                        }
                        Stage::Compound(_) | Stage::Function(_) => false,
                    })
            }
            Visit::Redirection(one) => is_plain_redirection(one),
            _ => true,
        };
        true
    });
    plain
}

/// Words that bash reads as its own where a command may begin, wherever the grammar does not.
const RESERVED: [&str; 21] = [
    "if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case", "esac",
    "select", "function", "time", "in", "coproc", "!", "{", "}", "[[",
];

/// `> file`, `>> file`, `2>&1`.
fn is_plain_redirection(one: &Redirection) -> bool {
    let Target::Word(word) = &one.target else {
        return false;
    };
    match one.kind {
        RedirectionKind::Read | RedirectionKind::Write | RedirectionKind::Append => true,
        RedirectionKind::DuplicateOutput => word.text.bytes().all(|byte| byte.is_ascii_digit()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn first(code: &str) -> Option<(usize, String)> {
        match objections(&[code]).expect("bash is there").remove(0) {
            Said::Objection(found) => Some((found.line, found.message)),
            _ => None,
        }
    }

    #[test]
    fn objections_stand_where_bash_stops() {
        for (code, line, message) in [
            ("ls\ngit checkout <hash>\n", 2, "near unexpected token"),
            ("ls\nif true; then\nls\n", 3, "unexpected end of file"),
            ("ls\n}; touch /tmp/gonogo-never\n", 2, "`}'"),
            ("fi\n", 1, "`fi'"),
            ("echo \"a\nb\n", 1, "unexpected EOF"),
            ("cat > f <<EOF\nx\n", 1, "no line says `EOF`"),
            ("ls\n)\n", 2, "`)'"),
        ] {
            let (found, said) = first(code).unwrap_or_else(|| panic!("{code:?}"));
            assert_eq!(found, line, "{code:?}: {said}");
            assert!(said.contains(message), "{code:?}: {said}");
        }
        assert!(!std::path::Path::new("/tmp/gonogo-never").exists());
    }

    #[test]
    fn nothing_is_run_and_nothing_leaks_from_one_code_to_the_next() {
        let folder = tempfile::tempdir().expect("a folder");
        let mark = folder.path().join("mark");
        let touch = format!("touch {}", mark.display());
        let codes = [
            touch.clone(),
            format!("set +n\n{touch}\n"),
            format!("\"\n$( {touch} )\n"),
            format!("exit; {touch}"),
            "cat <<'EOF'\n".to_owned(),
            format!("EOF\n{touch}; (true)"),
            "for i in a b; do echo $i; done".to_owned(),
        ];
        let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
        let stops: Vec<bool> = objections(&codes)
            .expect("bash is there")
            .iter()
            .map(|said| matches!(said, Said::Objection(found) if found.stops))
            .collect();
        assert_eq!(stops, [false, false, true, false, false, false, false]);
        assert!(!mark.exists());
    }

    #[test]
    fn most_of_what_people_write_is_plain() {
        for code in [
            "cd /srv/app\ngit pull origin main # the newest\n",
            "pg_dump -Fc -f \"backup_$NAME.dump\" app 2>&1 | tee log > /dev/null\n",
            "a && b || c; d &\n\nkubectl get pods \\\n  -n shop\n",
            "psql -c 'SELECT count(*) FROM t;'",
        ] {
            assert!(is_plain(code), "{code}");
        }
        for code in [
            "a |",
            "a &&\n# b",
            "> \n",
            "| a",
            "a ;; b",
            "a \\",
            "time &",
            "if",
            "a <b>",
            "a(",
            "'",
        ] {
            assert!(!is_plain(code), "{code}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        /// What is taken for plain is never what bash objects to.
        #[test]
        fn bash_accepts_what_is_plain(
            codes in prop::collection::vec(
                prop::collection::vec(
                    prop::sample::select(vec![
                        "ls", "if", "do", "a=b", "'x y'", "\"$A b\"", " ", " ", "|", "&&", "||", ";", "&",
                        ">", ">>", "2>&1", "\\\n", "\n", "#", "$A", "=", "then", "!", "{", "}", "time", "-", "~",
                    ]),
                    0..12,
                ),
                400,
            )
        ) {
            let codes: Vec<String> = codes
                .into_iter()
                .map(|pieces| pieces.concat())
                .filter(|code| is_plain(code))
                .collect();
            let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
            let said = ask_bash(&codes).expect("bash is there");
            for (code, objection) in codes.iter().zip(said) {
                prop_assert_eq!(objection, None, "{:?}", code);
            }
        }
    }
}
