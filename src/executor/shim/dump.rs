//! Reads what bash says of itself at its end, by the pipe that [`super::shell`] gave it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

/// The pipe, in the directory of the attempt.
pub(in crate::executor) const PIPE_FILE: &str = "shell.pipe";
/// Bytes of one field that are kept; of what is longer only the length is known.
const LONGEST_FIELD: usize = 64 * 1024;
/// Bytes kept in all while the shell is read.
const LARGEST_DUMP: usize = 4 << 20;
/// How long the rest of a dump is awaited once the shell has ended.
const PATIENCE: Duration = Duration::from_millis(500);

/// A variable as bash said it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Variable {
    pub(super) texts: Vec<Vec<u8>>,
    /// Its keys are no numbers from 0 on.
    pub(super) is_map: bool,
    /// It is longer than what was read of it.
    pub(super) cut: bool,
}

/// What bash held at its end.
#[derive(Debug, Default)]
pub(super) struct Dump {
    pub(super) directory: PathBuf,
    pub(super) exported: BTreeSet<String>,
    pub(super) variables: BTreeMap<String, Variable>,
}

/// Reads what the shell writes at its end, in a thread of its own: the shell must never wait. Both ends
/// of the pipe are open before the shell is there, so that it never waits for a reader that could not
/// come up, and the reader never for a shell that says nothing.
pub(super) struct Listener {
    pipe: PathBuf,
    writer: OwnedFd,
    dump: mpsc::Receiver<Option<Dump>>,
}

impl Listener {
    /// Listens at the pipe of this attempt; `None` where it has none.
    ///
    /// # Errors
    /// Where nobody could read it: a shell must not be started then.
    pub(super) fn new(directory: &Path) -> io::Result<Option<Self>> {
        let pipe = directory.join(PIPE_FILE);
        if !pipe.exists() {
            return Ok(None);
        }
        // A reader that does not wait for a writer comes first, then a writer that finds it.
        let open = |end| rustix::fs::open(&pipe, end | OFlags::CLOEXEC, Mode::empty());
        let reader = open(OFlags::RDONLY | OFlags::NONBLOCK)?;
        let writer = open(OFlags::WRONLY)?;
        rustix::fs::fcntl_setfl(&reader, OFlags::empty())?;
        let (sender, dump) = mpsc::channel();
        std::thread::Builder::new()
            .name("shell state".to_owned())
            .spawn(move || {
                let read = read(BufReader::new(File::from(reader)));
                // Nobody waits any more where this fails.
                sender.send(read.unwrap_or_default()).ok();
            })?;
        Ok(Some(Self { pipe, writer, dump }))
    }

    /// What the shell, which has ended, left; `None` where it could not say.
    pub(super) fn finish(self) -> Option<Dump> {
        drop(self.writer);
        let dump = self.dump.recv_timeout(PATIENCE).ok().flatten();
        if let Err(error) = std::fs::remove_file(&self.pipe) {
            tracing::debug!(%error, "the pipe stays");
        }
        dump
    }
}

/// One field of the dump: its first bytes and its length.
#[derive(Default)]
struct Field {
    bytes: Vec<u8>,
    length: usize,
}

/// Fields end with a zero byte. `None` at the end of what was written.
fn field(pipe: &mut impl BufRead, room: &mut usize) -> io::Result<Option<Field>> {
    let mut field = Field::default();
    loop {
        let buffer = pipe.fill_buf()?;
        if buffer.is_empty() {
            return Ok(None);
        }
        let end = buffer.iter().position(|byte| *byte == 0);
        let piece = &buffer[..end.unwrap_or(buffer.len())];
        field.length += piece.len();
        let kept = piece
            .len()
            .min(LONGEST_FIELD - field.bytes.len())
            .min(*room);
        field.bytes.extend_from_slice(&piece[..kept]);
        *room -= kept;
        let used = piece.len() + usize::from(end.is_some());
        pipe.consume(used);
        if end.is_some() {
            return Ok(Some(field));
        }
    }
}

/// Reads a whole dump; `None` where its end is missing.
fn read(mut pipe: impl BufRead) -> io::Result<Option<Dump>> {
    let mut room = LARGEST_DUMP;
    let mut dump = Dump::default();
    let mut next = |room: &mut usize| field(&mut pipe, room);
    while let Some(tag) = next(&mut room)? {
        match tag.bytes.as_slice() {
            b"d" => {
                let Some(directory) = next(&mut room)? else {
                    return Ok(None);
                };
                dump.directory = PathBuf::from(OsString::from_vec(directory.bytes));
            }
            b"x" => {
                let Some(names) = next(&mut room)? else {
                    return Ok(None);
                };
                dump.exported = String::from_utf8_lossy(&names.bytes)
                    .lines()
                    .map(str::to_owned)
                    .collect();
            }
            b"v" => {
                let (Some(name), Some(count)) = (next(&mut room)?, next(&mut room)?) else {
                    return Ok(None);
                };
                let name = String::from_utf8_lossy(&name.bytes).into_owned();
                let count: usize = String::from_utf8_lossy(&count.bytes).parse().unwrap_or(0);
                let mut variable = Variable::default();
                for index in 0..count {
                    let Some(key) = next(&mut room)? else {
                        return Ok(None);
                    };
                    variable.is_map |= key.bytes != index.to_string().as_bytes();
                }
                for _ in 0..count {
                    let Some(text) = next(&mut room)? else {
                        return Ok(None);
                    };
                    variable.cut |= text.length > text.bytes.len();
                    variable.texts.push(text.bytes);
                }
                dump.variables.insert(name, variable);
            }
            b"e" => {
                // Reads on, so that whoever still writes is not stopped.
                while next(&mut room)?.is_some() {}
                return Ok(Some(dump));
            }
            _ => return Ok(None),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_read_to_its_end_mark() {
        let whole =
            b"d\0/srv\0x\0A\nB\n\0v\0A\x001\x000\0two\nlines\0v\0L\x002\x000\x001\0a\0\xff\0e\0";
        let dump = read(&whole[..]).unwrap().unwrap();
        assert_eq!(dump.directory, Path::new("/srv"));
        assert_eq!(dump.variables["A"].texts, [b"two\nlines".to_vec()]);
        assert_eq!(dump.variables["L"].texts, [b"a".to_vec(), b"\xff".to_vec()]);
        for length in 0..whole.len() - 1 {
            assert!(read(&whole[..length]).unwrap().is_none(), "cut at {length}");
        }
    }

    #[test]
    fn of_a_huge_value_only_the_length_is_known() {
        let mut whole = b"d\0/\0v\0BIG\x001\x000\0".to_vec();
        whole.extend(std::iter::repeat_n(b'x', 1 << 20));
        whole.extend(b"\0v\0SMALL\x001\x000\0kept\0e\0");
        let dump = read(whole.as_slice()).unwrap().unwrap();
        assert!(dump.variables["BIG"].cut);
        assert_eq!(dump.variables["SMALL"].texts, [b"kept".to_vec()]);
    }
}
