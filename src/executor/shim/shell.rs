//! What a bash is fed. It reads its script from a named pipe, as it would from a file, so that nothing
//! of ours stands in the author's sight while a command runs: no function, no variable, no descriptor.
//! Each command is one `eval` at the top of that script (`return`, `break`, `exec` and `exit` mean what
//! they mean there), followed by a report of how it ended and what the shell holds.
//!
//! Our own lines are compound commands whose errors go nowhere, so that `set -x` does not show them,
//! and call builtins by `\builtin`, past functions and aliases of the author's. They open the pipe for
//! both, which waits for nobody: a shell whose shim was killed goes on to the end of its command.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::report::Ended;
use crate::executor::ShellHanded;
use crate::run::{CommandText, decode};

/// Says what the shell holds. It stands in a file that is read between two commands.
const HOLDS: &str = r#"# Says what the shell holds; defined, called and removed again between two commands.
# Where the shim is gone nobody reads, and whoever writes much would wait for ever.
\builtin kill -0 "$PPID" || \builtin return 0
__gonogo_holds() {
  \builtin printf '\0'
  \builtin local __gonogo_options=$- __gonogo_name IFS=$'\n'
  \builtin set +u
  \builtin printf 'd\0%s\0p\0%s\0u\0' "$PWD" "$OLDPWD"
  \builtin umask
  \builtin printf '\0x\0'
  \builtin compgen -e
  \builtin printf '\0'
  for __gonogo_name in $(\builtin compgen -v); do
    case $__gonogo_name in
      __gonogo_* | _ | BASH* | FUNCNAME | PIPESTATUS | DIRSTACK | GROUPS | RANDOM | SRANDOM | SECONDS | LINENO | EPOCH* | COMP_* | IFS) ;;
      *) \builtin eval "[[ \${$__gonogo_name[@]+x} ]] && \\builtin printf '%s\0' v \"\$__gonogo_name\" \"\${#$__gonogo_name[@]}\" \"\${!$__gonogo_name[@]}\" \"\${$__gonogo_name[@]}\"" ;;
    esac
  done
  \builtin printf 'f\0'
  \builtin compgen -A function
  \builtin printf '\0'
  \builtin declare -f
  \builtin printf '\0'
  for __gonogo_name in "${!BASH_ALIASES[@]}"; do
    \builtin printf 'a\0%s\0%s\0' "$__gonogo_name" "${BASH_ALIASES[$__gonogo_name]}"
  done
  case $__gonogo_options in *u*) \builtin set -u ;; esac
}
__gonogo_holds || \builtin :
\builtin unset -f __gonogo_holds
"#;

/// In the directory of the attempt.
pub(super) const HOLDS_FILE: &str = "holds.sh";

/// What is written into the pipe from which one bash reads its script.
pub(super) struct Script {
    /// Where it reports, and the file that says what it holds, as words of a shell.
    report: Vec<u8>,
    holds: Vec<u8>,
    word: String,
    /// Lines that bash has counted.
    lines: usize,
    /// How the last command ended, for `$?` and `$_` of the next.
    status: i32,
    argument: Vec<u8>,
    /// It traces what it runs.
    traced: bool,
}

impl Script {
    /// # Errors
    /// Where the file that it reads between commands cannot be written.
    pub(super) fn new(directory: &Path, report: &Path, word: &str) -> io::Result<Self> {
        let holds = directory.join(HOLDS_FILE);
        // The round before has written it.
        let is_there = std::fs::read(&holds).is_ok_and(|known| known == HOLDS.as_bytes());
        if !is_there {
            crate::executor::private_file(&holds)?.write_all(HOLDS.as_bytes())?;
        }
        let word_of = |path: &Path| quoted(path.as_os_str().as_bytes());
        Ok(Self {
            report: word_of(report),
            holds: word_of(&holds),
            word: word.to_owned(),
            lines: 0,
            status: 0,
            argument: b"bash".to_vec(),
            traced: false,
        })
    }

    /// What comes before the first command: the shell takes over what earlier steps left, knows aliases
    /// as a terminal does, and says what it holds.
    pub(super) fn prelude(&mut self, handed: &ShellHanded) -> Vec<u8> {
        let mut out = b"BASH_ARGV0=bash\n\\builtin shopt -s expand_aliases\n".to_vec();
        for name in &handed.unset {
            out.extend_from_slice(format!("\\builtin unset -v {name}\n").as_bytes());
        }
        for (name, value) in &handed.set {
            if value.exported {
                out.extend_from_slice(b"\\builtin export ");
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
        if let Some(previous) = &handed.previous {
            out.extend_from_slice(b"OLDPWD=");
            out.extend_from_slice(&quoted(&decode(previous)));
            out.push(b'\n');
        }
        for body in handed.functions.values() {
            out.extend_from_slice(body.as_bytes());
            out.push(b'\n');
        }
        for (name, value) in &handed.aliases {
            out.extend_from_slice(b"\\builtin alias -- ");
            out.extend_from_slice(&quoted(format!("{name}={value}").as_bytes()));
            out.push(b'\n');
        }
        if let Some(umask) = &handed.umask {
            out.extend_from_slice(format!("\\builtin umask {umask}\n").as_bytes());
        }
        out.extend_from_slice(&self.holds());
        self.count(&out);
        out
    }

    fn count(&mut self, text: &[u8]) {
        self.lines += text.iter().filter(|byte| **byte == b'\n').count();
    }

    /// One command and the reports behind it; by how many lines bash counts ahead of the guide then.
    pub(super) fn command(&mut self, command: &CommandText) -> (Vec<u8>, usize) {
        let mut text = command.text.clone().into_bytes();
        text.extend_from_slice(b"\n{ \\builtin printf '%s\\0' ");
        text.extend_from_slice(self.word.as_bytes());
        text.extend_from_slice(b" s \"$?\" \"$_\" \"${PIPESTATUS[@]}\" ''; } 2>/dev/null 1<>");
        text.extend_from_slice(&self.report);
        // Bash counts the lines of its script: they are those of the guide as long as it is not ahead.
        let mut out = vec![b'\n'; command.line.saturating_sub(self.lines + 1)];
        let ahead = (self.lines + 1).saturating_sub(command.line);
        // A trace shows an `eval`, so a command of a script that traces is written out; one whose end is
        // told by more than its own text is not.
        if self.traced && !command.text.contains("<<") {
            out.extend_from_slice(&text);
        } else {
            if !self.traced {
                out.extend_from_slice(b"\\builtin : ");
                out.extend_from_slice(&on_one_line(&self.argument));
                out.extend_from_slice(b"; ");
            }
            if self.status != 0 {
                out.extend_from_slice(format!("(\\builtin exit {}) || ", self.status).as_bytes());
            }
            out.extend_from_slice(b"\\builtin eval ");
            out.extend_from_slice(&quoted(&text));
        }
        out.extend_from_slice(b"; ");
        out.extend_from_slice(&self.holds());
        self.count(&out);
        (out, ahead)
    }

    /// Asks what the shell holds, and tells the status before that.
    fn holds(&self) -> Vec<u8> {
        let word = &self.word;
        let mut out = format!("{{ \\builtin printf '%s\\0' {word} o \"$?\" \"$-\"; \\builtin . ")
            .into_bytes();
        out.extend_from_slice(&self.holds);
        let end = format!("; \\builtin printf '%s\\0' {word}.; }} 2>/dev/null 1<>");
        out.extend_from_slice(end.as_bytes());
        out.extend_from_slice(&self.report);
        out.push(b'\n');
        out
    }

    /// The end of the script: what the shell ends with, and what a trap at its exit sees.
    pub(super) fn end(&self, code: i32) -> Vec<u8> {
        match code {
            0 => Vec::new(),
            // Not past the error stream: a trap writes to it.
            code => format!("\\builtin exit {code}\n").into_bytes(),
        }
    }

    pub(super) fn ended(&mut self, ended: &Ended) {
        self.status = ended.status;
        self.argument.clone_from(&ended.argument);
        self.traced = ended.options.contains('x');
    }
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

/// As [`quoted`], without a newline of its own.
fn on_one_line(bytes: &[u8]) -> Vec<u8> {
    let pieces: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(quoted).collect();
    pieces.join(&b"$'\\n'"[..])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::run::ShellValue;

    #[test]
    fn what_is_handed_over_is_quoted() {
        let handed = ShellHanded {
            set: BTreeMap::from([("A".to_owned(), ShellValue::text("it's $HOME"))]),
            aliases: BTreeMap::from([("k".to_owned(), "echo 'x'".to_owned())]),
            ..ShellHanded::default()
        };
        let directory = tempfile::tempdir().unwrap();
        let mut script = Script::new(directory.path(), Path::new("/tmp/it's"), "W").unwrap();
        let text = String::from_utf8(script.prelude(&handed)).unwrap();
        assert_eq!(on_one_line(b"a\nb"), br"'a'$'\n''b'");
        assert!(text.contains(r"A='it'\''s $HOME'"), "{text}");
        assert!(text.contains(r"alias -- 'k=echo '\''x'\'''"), "{text}");
        assert!(text.contains(r"'/tmp/it'\''s'"), "{text}");
    }
}
