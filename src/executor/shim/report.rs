//! What a bash says between two commands, by a named pipe: how the last one ended and what the shell
//! holds now. It may hold secrets, which must not touch the disk, and it may be huge, so it is read as
//! it comes and only the beginning of each field is kept.
//!
//! Fields end with a zero byte. Each report begins with a word that nobody can guess:
//!
//! ```text
//! WORD s <status> <last argument> <status of each stage of the pipe>… <empty>
//! WORD o <status> <options> <ignored> <what the shell holds, see Dump> WORD.
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use tokio::time::Instant;

/// Bytes of one field that are kept; of what is longer only the length is known.
const LONGEST_FIELD: usize = 64 * 1024;
/// Bytes kept of one report.
const LARGEST: usize = 4 << 20;

/// A variable as bash said it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Variable {
    pub(super) texts: Vec<Vec<u8>>,
    /// Its keys are no numbers from 0 on.
    pub(super) is_map: bool,
    /// It is longer than what was read of it.
    pub(super) cut: bool,
}

/// What bash held.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Dump {
    pub(super) directory: PathBuf,
    /// Where `cd -` goes; empty where it goes nowhere.
    pub(super) previous: Vec<u8>,
    pub(super) umask: String,
    pub(super) exported: BTreeSet<String>,
    pub(super) variables: BTreeMap<String, Variable>,
    pub(super) functions: BTreeMap<String, String>,
    pub(super) aliases: BTreeMap<String, String>,
}

/// A command has ended, and the shell waits for the next.
#[derive(Debug)]
pub(super) struct Ended {
    /// When the command itself had ended.
    pub(super) at: Instant,
    pub(super) status: i32,
    /// The status of each stage of the last pipe; empty where the command ended before it could say.
    pub(super) parts: Vec<i32>,
    /// The last argument of its last command (`$_`).
    pub(super) argument: Vec<u8>,
    /// `$-`
    pub(super) options: String,
    /// `None` where the shell could not say all of it.
    pub(super) dump: Option<Dump>,
}

/// One field: its first bytes and its length.
#[derive(Debug, Default)]
struct Field {
    bytes: Vec<u8>,
    length: usize,
}

impl Field {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    fn number(&self) -> i32 {
        self.text().parse().unwrap_or(-1)
    }

    fn is_cut(&self) -> bool {
        self.length > self.bytes.len()
    }
}

/// Puts fields together into reports.
pub(super) struct Reports {
    word: Vec<u8>,
    field: Field,
    room: usize,
    fields: Vec<Field>,
    /// Told by the command itself at its end.
    told: Option<(Instant, i32, Vec<u8>, Vec<i32>)>,
}

impl Reports {
    pub(super) fn new(word: &str) -> Self {
        Self {
            word: word.as_bytes().to_vec(),
            field: Field::default(),
            room: LARGEST,
            fields: Vec::new(),
            told: None,
        }
    }

    /// Takes what was read; gives the reports that are whole by now.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Vec<Ended> {
        let mut reports = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == 0) {
            self.extend(&bytes[..end]);
            bytes = &bytes[end + 1..];
            let field = std::mem::take(&mut self.field);
            reports.extend(self.field(field));
        }
        self.extend(bytes);
        reports
    }

    fn extend(&mut self, piece: &[u8]) {
        let field = &mut self.field;
        field.length += piece.len();
        let kept = piece
            .len()
            .min(LONGEST_FIELD.saturating_sub(field.bytes.len()))
            .min(self.room);
        field.bytes.extend_from_slice(&piece[..kept]);
        self.room -= kept;
    }

    fn field(&mut self, field: Field) -> Option<Ended> {
        // What a trap of the author's prints on the way stands before the word.
        if field.bytes.ends_with(&self.word) {
            self.fields.clear();
            self.room = LARGEST;
        }
        self.fields.push(field);
        match self.fields.get(1)?.bytes.as_slice() {
            b"s" => {
                let ends = self.fields.len() > 4 && self.fields.last()?.bytes.is_empty();
                if ends {
                    let parts = self.fields[4..self.fields.len() - 1].iter();
                    let parts = parts.map(Field::number).collect();
                    let argument = self.fields[3].bytes.clone();
                    let status = self.fields[2].number();
                    self.told = Some((Instant::now(), status, argument, parts));
                    self.fields.clear();
                }
                None
            }
            b"o" if self.fields.len() > 4 && self.ends() => {
                let dump = match self.fields.as_slice() {
                    [_, _, _, _, _, held @ .., _] => dump(held),
                    _ => None,
                };
                let status = self.fields[2].number();
                let options = self.fields[3].text();
                self.fields.clear();
                let told = self.told.take();
                let told = told.unwrap_or((Instant::now(), status, Vec::new(), Vec::new()));
                let (at, status, argument, parts) = told;
                Some(Ended {
                    at,
                    status,
                    parts,
                    argument,
                    options,
                    dump,
                })
            }
            _ => None,
        }
    }

    fn ends(&self) -> bool {
        self.fields.last().is_some_and(|last| {
            let word = last.bytes.strip_suffix(b".");
            word.is_some_and(|word| word.ends_with(&self.word))
        })
    }
}

/// Reads a dump; `None` where something is missing in it.
fn dump(fields: &[Field]) -> Option<Dump> {
    let mut dump = Dump::default();
    let mut fields = fields.iter();
    while let Some(kind) = fields.next() {
        match kind.bytes.as_slice() {
            b"d" => {
                let directory = fields.next()?.bytes.clone();
                dump.directory = PathBuf::from(OsString::from_vec(directory));
            }
            b"p" => dump.previous.clone_from(&fields.next()?.bytes),
            b"u" => dump.umask = fields.next()?.text().trim().to_owned(),
            b"x" => {
                let names = fields.next()?.text();
                dump.exported = names.lines().map(str::to_owned).collect();
            }
            b"f" => {
                let (names, bodies) = (fields.next()?.text(), fields.next()?);
                if !bodies.is_cut() {
                    dump.functions = functions(&names, &bodies.text());
                }
            }
            b"a" => {
                let (name, value) = (fields.next()?, fields.next()?);
                if !value.is_cut() {
                    dump.aliases.insert(name.text(), value.text());
                }
            }
            b"v" => {
                let name = fields.next()?.text();
                let count: usize = fields.next()?.text().parse().ok()?;
                let mut variable = Variable::default();
                for index in 0..count {
                    variable.is_map |= fields.next()?.bytes != index.to_string().as_bytes();
                }
                for _ in 0..count {
                    let text = fields.next()?;
                    variable.cut |= text.is_cut();
                    variable.texts.push(text.bytes.clone());
                }
                dump.variables.insert(name, variable);
            }
            _ => return None,
        }
    }
    Some(dump)
}

/// Functions by their names, each as `declare -f` prints it; ours left out.
fn functions(names: &str, bodies: &str) -> BTreeMap<String, String> {
    let mut begins: Vec<(usize, &str)> = names
        .lines()
        .filter_map(|name| {
            let head = format!("{name} () \n");
            let at = match bodies.starts_with(&head) {
                true => 0,
                false => bodies.find(&format!("\n{head}"))? + 1,
            };
            Some((at, name))
        })
        .collect();
    begins.sort_unstable();
    let ends = begins.iter().skip(1).map(|(at, _)| *at);
    let ends: Vec<usize> = ends.chain([bodies.len()]).collect();
    begins
        .iter()
        .zip(ends)
        .filter(|((_, name), _)| !name.starts_with("__gonogo_"))
        .map(|((at, name), end)| ((*name).to_owned(), bodies[*at..end].trim_end().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const WHOLE: &[u8] = b"W\0s\x003\0arg\x000\x003\0\0W\0o\x003\0hB\0\0d\0/srv\0p\0/tmp\0u\x000077\n\0x\0A\nB\n\0v\0A\x001\x000\0two\nlines\0v\0L\x002\x000\x001\0a\0\xff\0v\0E\x001\x000\0e\0f\0__gonogo_x\ng\n\0__gonogo_x () \n{ \n    x\n}\ng () \n{ \n    :\n}\n\0a\0k\0echo\0W.\0";

    #[test]
    fn a_report_is_read_to_its_end_mark() {
        for at_once in [1, 7, WHOLE.len()] {
            let mut reports = Reports::new("W");
            let mut read: Vec<Ended> = WHOLE
                .chunks(at_once)
                .flat_map(|piece| reports.push(piece))
                .collect();
            let ended = read.pop().unwrap();
            assert!(read.is_empty());
            assert_eq!((ended.status, ended.parts.as_slice()), (3, &[0, 3][..]));
            assert_eq!(
                (ended.argument.as_slice(), ended.options.as_str()),
                (&b"arg"[..], "hB")
            );
            let dump = ended.dump.unwrap();
            assert_eq!(dump.directory, Path::new("/srv"));
            assert_eq!(
                (dump.previous.as_slice(), dump.umask.as_str()),
                (&b"/tmp"[..], "0077")
            );
            assert_eq!(dump.variables["A"].texts, [b"two\nlines".to_vec()]);
            assert_eq!(dump.variables["L"].texts, [b"a".to_vec(), b"\xff".to_vec()]);
            assert_eq!(dump.variables["E"].texts, [b"e".to_vec()]);
            assert_eq!(dump.functions["g"], "g () \n{ \n    :\n}");
            assert_eq!(dump.functions.len(), 1, "ours are left out");
            assert_eq!(dump.aliases["k"], "echo");
        }
    }

    #[test]
    fn half_a_report_says_nothing() {
        for length in 0..WHOLE.len() - 1 {
            let read = Reports::new("W").push(&WHOLE[..length]);
            assert!(read.is_empty(), "cut at {length}");
        }
    }

    #[test]
    fn what_a_trap_prints_on_the_way_spoils_nothing_after_it() {
        let mut bytes = b"debugging\n".to_vec();
        bytes.extend_from_slice(WHOLE);
        assert_eq!(Reports::new("W").push(&bytes).len(), 1);
    }

    #[test]
    fn of_a_huge_value_only_the_length_is_known() {
        let mut whole = b"W\0o\x000\0hB\0\0d\0/\0v\0BIG\x001\x000\0".to_vec();
        whole.extend(std::iter::repeat_n(b'x', 1 << 20));
        whole.extend(b"\0v\0SMALL\x001\x000\0kept\0W.\0");
        let ended = Reports::new("W").push(&whole).pop().unwrap();
        let dump = ended.dump.unwrap();
        assert!(dump.variables["BIG"].cut);
        assert_eq!(dump.variables["SMALL"].texts, [b"kept".to_vec()]);
    }
}
