//! How a shell step takes over what earlier ones left, and how what it leaves is kept. Both happen in
//! a file that bash reads before the script (`BASH_ENV`), so the script stays byte for byte what was
//! shown and its messages keep their line numbers. What the shell holds at its end comes back through
//! a named pipe: it may hold secrets, which must not touch the disk.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::Command;

use super::dump::PIPE_FILE;
use super::refused::Refused;
use crate::executor::ShellHanded;
use crate::executor::prepared::make_pipe;
use crate::run::decode;

/// The file that bash reads first, in the directory of the attempt.
const PRELUDE_FILE: &str = "shell.sh";

/// Keeps what the shell holds when it exits, and sees to it that a `trap … EXIT` of the script only
/// adds to that. `exec` and SIGKILL leave no chance: then nothing is known, and nothing changes.
///
/// The functions take care to leave no trace: the exit status, `set -u`, `set -x` and subshells mean
/// what they meant.
const KEEPER: &str = r#"
__gonogo_keep() {
  local __gonogo_status=$? __gonogo_options=$- __gonogo_name IFS=$'\n'
  builtin set +u
  # Where the shim is gone nobody reads, and whoever writes would wait for ever.
  builtin kill -0 "$PPID" && {
    builtin printf 'd\0%s\0x\0' "$PWD"
    builtin compgen -e
    builtin printf '\0'
    for __gonogo_name in $(builtin compgen -v); do
      case $__gonogo_name in
        __gonogo_* | _ | BASH* | FUNCNAME | PIPESTATUS | DIRSTACK | GROUPS | RANDOM | SRANDOM | \
          SECONDS | LINENO | EPOCH* | COMP_* | IFS) ;;
        *) builtin eval "[[ \${$__gonogo_name[@]+x} ]] && builtin printf '%s\0' v $__gonogo_name \
          \"\${#$__gonogo_name[@]}\" \"\${!$__gonogo_name[@]}\" \"\${$__gonogo_name[@]}\"" ;;
      esac
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
    make_pipe(&pipe)
        .map_err(|error| Refused::new(format!("no pipe to the shell: {error}; nothing was run")))?;
    let path = directory.join(PRELUDE_FILE);
    let inherited = std::env::var_os("BASH_ENV");
    let text = prelude(
        handed,
        &pipe,
        inherited.as_deref().map(|value| value.as_bytes()),
    );
    crate::executor::private_file(&path)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::ShellValue;

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
