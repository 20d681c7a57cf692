//! How a shell step takes over what earlier ones left, and how what it leaves is kept. Both happen in
//! a file that bash reads before the script (`BASH_ENV`), so the script stays byte for byte what was
//! shown and its messages keep their line numbers. What the shell holds at its end comes back through
//! a named pipe: it may hold secrets, which must not touch the disk.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags};

use super::left::{Dump, Variable};
use super::prepare::Refused;
use crate::executor::ShellHanded;
use crate::run::{ShellValue, decode};

/// The file that bash reads first, and the pipe, in the directory of the attempt.
const PRELUDE_FILE: &str = "shell.sh";
const PIPE_FILE: &str = "shell.pipe";
/// Bytes of one field that are kept; of what is longer only the length is known.
pub(super) const LONGEST_FIELD: usize = 64 * 1024;
/// Bytes kept in all while the shell is read.
const LARGEST_DUMP: usize = 4 << 20;
/// How long the rest of a dump is awaited once the shell has ended.
const PATIENCE: Duration = Duration::from_millis(500);

/// Keeps what the shell holds when it exits, and sees to it that a `trap … EXIT` of the script only
/// adds to that. `exec` and SIGKILL leave no chance: then nothing is known, and nothing changes.
///
/// The functions take care to leave no trace: the exit status, `set -u`, `set -x` and subshells mean
/// what they meant.
const KEEPER: &str = r#"
__gonogo_keep() {
  local __gonogo_status=$? __gonogo_options=$- __gonogo_letter __gonogo_name __gonogo_names
  builtin set +u
  {
    builtin printf 'd\0%s\0x\0' "$PWD"
    builtin compgen -e
    builtin printf '\0'
    for __gonogo_letter in _ a b c d e f g h i j k l m n o p q r s t u v w x y z \
      A B C D E F G H I J K L M N O P Q R S T U V W X Y Z; do
      builtin eval "__gonogo_names=(\"\${!$__gonogo_letter@}\")"
      for __gonogo_name in "${__gonogo_names[@]}"; do
        case $__gonogo_name in
          __gonogo_* | _ | BASH* | FUNCNAME | PIPESTATUS | DIRSTACK | GROUPS | RANDOM | SRANDOM | \
            SECONDS | LINENO | EPOCH* | COMP_*) ;;
          *) builtin eval "[[ \${$__gonogo_name[@]+x} ]] && builtin printf '%s\0' v $__gonogo_name \
            \"\${#$__gonogo_name[@]}\" \"\${!$__gonogo_name[@]}\" \"\${$__gonogo_name[@]}\"" ;;
        esac
      done
    done
    builtin printf 'e\0'
  } >|"$__gonogo_pipe"
  case $__gonogo_options in *u*) builtin set -u ;; esac
  return "$__gonogo_status"
}
trap() {
  { local __gonogo_options=$-; builtin set +x; } 2>/dev/null
  local __gonogo_status=0 __gonogo_signal __gonogo_command= __gonogo_at_exit=
  builtin trap "$@" || __gonogo_status=$?
  if [[ $BASH_SUBSHELL == 0 && $__gonogo_status == 0 && $# != 0 && $1 != -[!-]* ]]; then
    if [[ $1 == -- ]]; then shift; fi
    if [[ $# -gt 1 && $1 != - && $1 != [0-9]* ]]; then
      __gonogo_command=$1
      shift
    fi
    for __gonogo_signal; do
      case $__gonogo_signal in
        0 | [Ee][Xx][Ii][Tt] | [Ss][Ii][Gg][Ee][Xx][Ii][Tt]) __gonogo_at_exit=1 ;;
      esac
    done
    if [[ $__gonogo_at_exit ]]; then
      builtin trap -- "{ __gonogo_keep && :; } 2>/dev/null; $__gonogo_command" EXIT
    fi
  fi
  case $__gonogo_options in *x*) { builtin set -x; return "$__gonogo_status"; } 2>/dev/null ;; esac
  return "$__gonogo_status"
}
builtin trap -- '{ __gonogo_keep && :; } 2>/dev/null' EXIT
"#;

/// Makes bash take over what earlier steps left and keep what this one leaves. To be called when the
/// command has all its variables.
pub(super) fn hand_over(
    handed: &ShellHanded,
    directory: &Path,
    command: &mut Command,
) -> Result<(), Refused> {
    let cannot = |error: io::Error| {
        Refused::new(format!(
            "cannot write `{PRELUDE_FILE}`: {error}; nothing was run"
        ))
    };
    let pipe = directory.join(PIPE_FILE);
    match rustix::fs::mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR) {
        // A watch that is run again and again finds that of its last round.
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(error) => {
            return Err(Refused::new(format!(
                "no pipe to the shell: {error}; nothing was run"
            )));
        }
    }
    let path = directory.join(PRELUDE_FILE);
    let inherited = std::env::var_os("BASH_ENV");
    let text = prelude(
        handed,
        &pipe,
        inherited.as_deref().map(|value| value.as_bytes()),
    );
    crate::executor::launcher::private_file(&path)
        .and_then(|mut file| io::Write::write_all(&mut file, &text))
        .map_err(cannot)?;
    command.env("BASH_ENV", unexpanded(&path));
    Ok(())
}

/// Bash expands the value of `BASH_ENV` like a text between double quotes.
fn unexpanded(path: &Path) -> OsString {
    let mut out = Vec::new();
    for byte in path.as_os_str().as_bytes() {
        if b"\\$`".contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    OsString::from_vec(out)
}

fn prelude(handed: &ShellHanded, pipe: &Path, inherited: Option<&[u8]>) -> Vec<u8> {
    let mut out =
        b"# Read by bash before the script: what earlier steps left in the shell.\n".to_vec();
    match inherited {
        Some(file) => {
            for piece in [
                &b"export BASH_ENV="[..],
                &quoted(file),
                b"\n. \"$BASH_ENV\"\n",
            ] {
                out.extend_from_slice(piece);
            }
        }
        None => out.extend_from_slice(b"unset -v BASH_ENV\n"),
    }
    for name in &handed.unset {
        out.extend_from_slice(format!("unset -v {name}\n").as_bytes());
    }
    for (name, value) in &handed.set {
        if value.exported {
            out.extend_from_slice(b"export ");
        }
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        let texts: Vec<Vec<u8>> = value
            .texts
            .iter()
            .map(|text| quoted(&decode(text)))
            .collect();
        if value.array {
            out.push(b'(');
            out.extend_from_slice(&texts.join(&b' '));
            out.push(b')');
        } else {
            out.extend_from_slice(&texts.concat());
        }
        out.push(b'\n');
    }
    out.extend_from_slice(b"__gonogo_pipe=");
    out.extend_from_slice(&quoted(pipe.as_os_str().as_bytes()));
    out.extend_from_slice(KEEPER.as_bytes());
    out
}

/// Bytes as one word of a shell, whatever they are.
fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![b'\''];
    for byte in bytes {
        match byte {
            b'\'' => out.extend_from_slice(br"'\''"),
            other => out.push(*other),
        }
    }
    out.push(b'\'');
    out
}

/// Reads what the shell writes at its end, in a thread of its own: the shell must never wait.
pub(super) struct Listener {
    pipe: PathBuf,
    dump: mpsc::Receiver<Option<Dump>>,
}

impl Listener {
    /// Listens at the pipe of this attempt; `None` where it has none.
    pub(super) fn new(directory: &Path) -> Option<Self> {
        let pipe = directory.join(PIPE_FILE);
        if !pipe.exists() {
            return None;
        }
        let (sender, dump) = mpsc::channel();
        let path = pipe.clone();
        std::thread::Builder::new()
            .name("shell state".to_owned())
            .spawn(move || {
                let read = File::open(&path).and_then(|pipe| read(BufReader::new(pipe)));
                // Nobody waits any more where this fails.
                sender.send(read.unwrap_or_default()).ok();
            })
            .inspect_err(|error| tracing::warn!(%error, "what the shell leaves is not kept"))
            .ok()?;
        Some(Self { pipe, dump })
    }

    /// What the shell, which has ended, left; `None` where it could not say.
    pub(super) fn finish(self) -> Option<Dump> {
        // Where the shell never wrote, the reader still waits for somebody to open the other end.
        let opened = std::fs::OpenOptions::new()
            .write(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(&self.pipe);
        if let Err(error) = &opened {
            tracing::debug!(%error, "the shell has been heard already");
        }
        drop(opened);
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

/// The variables that a command gives its process.
pub(super) fn environment_of(command: &Command) -> BTreeMap<String, Vec<u8>> {
    let mut all: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => all.insert(name.to_owned(), value.to_owned()),
            None => all.remove(name),
        };
    }
    all.into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_vec())))
        .collect()
}

/// What was handed over, as the shell would say it.
pub(super) fn as_variable(value: &ShellValue) -> Variable {
    Variable {
        texts: value.texts.iter().map(|text| decode(text)).collect(),
        ..Variable::default()
    }
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

    #[test]
    fn what_is_handed_over_is_quoted() {
        let handed = ShellHanded {
            set: BTreeMap::from([("A".to_owned(), ShellValue::text("it's $HOME"))]),
            ..ShellHanded::default()
        };
        let text = String::from_utf8(prelude(&handed, Path::new("/tmp/p"), None)).unwrap();
        assert!(text.contains(r"A='it'\''s $HOME'"), "{text}");
    }
}
