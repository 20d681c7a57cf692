//! Names that a value of the guide's never takes as a variable: those by which shells, loaders, libpq
//! and psql themselves are steered. A blank `<path>` is a word of the text, and no `PATH`.

use crate::libpq::is_read_by_libpq;

/// Before the name under which a value of a reserved name travels where it cannot stand in the text.
const PRIVATE: &str = "GONOGO_VALUE_";

/// What a shell sets or reads by itself: `$NAME` means what it has there. Sorted.
#[rustfmt::skip]
const SHELL: &[&str] = &[
    "COPROC", "DIRSTACK", "EDITOR", "EPOCHREALTIME", "EPOCHSECONDS", "EUID", "FUNCNAME", "GROUPS",
    "HISTCMD", "HOME", "HOSTNAME", "HOSTTYPE", "IFS", "LANG", "LINENO", "LOGNAME", "MACHTYPE",
    "MAPFILE", "OLDPWD", "OPTARG", "OPTERR", "OPTIND", "OSTYPE", "PATH", "PIPESTATUS", "PPID",
    "PROMPT_COMMAND", "PS0", "PS1", "PS2", "PS3", "PS4", "PWD", "RANDOM", "REPLY", "SECONDS", "SHELL",
    "SHELLOPTS", "SHLVL", "SRANDOM", "TERM", "TMPDIR", "UID", "USER", "_",
];
const SHELL_FAMILIES: [&str; 2] = ["BASH", "LC_"];

/// What steers the programs that a step starts: which files they load, which commands they run.
/// Sorted.
#[rustfmt::skip]
const PROGRAMS: &[&str] = &[
    "CDPATH", "COLUMNS", "EXECIGNORE", "FIGNORE", "FPATH", "FUNCNEST", "GCONV_PATH", "GIT_ASKPASS",
    "GIT_DIR", "GIT_EDITOR", "GIT_EXEC_PATH", "GIT_EXTERNAL_DIFF", "GIT_INDEX_FILE", "GIT_PAGER",
    "GIT_PROXY_COMMAND", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_WORK_TREE", "GLOBIGNORE", "HISTFILE",
    "HISTSIZE", "HOSTALIASES", "IGNOREEOF", "INPUTRC", "JAVA_TOOL_OPTIONS", "LANGUAGE", "LESSCLOSE",
    "LESSOPEN", "LINES", "LOCPATH", "MAILPATH", "MANPAGER", "NLSPATH", "NODE_OPTIONS", "NODE_PATH",
    "PAGER", "PERL5LIB", "PERL5OPT", "POSIXLY_CORRECT", "PSQLRC", "PSQL_EDITOR", "PSQL_HISTORY",
    "PSQL_PAGER", "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "RES_OPTIONS", "RUBYLIB", "RUBYOPT",
    "SSH_ASKPASS", "SSH_AUTH_SOCK", "SYSTEMD_PAGER", "TERMINFO", "TIMEFORMAT", "TMOUT", "TZ", "TZDIR",
    "VISUAL", "_JAVA_OPTIONS",
];
const PROGRAM_FAMILIES: [&str; 6] = ["DYLD_", "GONOGO_", "LD_", "MALLOC_", "SUDO_", "XDG_"];

/// psql's own variables, by which it is steered or in which it answers; sorted. They are told apart by
/// case: `:user` is somebody's, `:USER` is psql's.
#[rustfmt::skip]
const PSQL: &[&str] = &[
    "AUTOCOMMIT", "COMP_KEYWORD_CASE", "DBNAME", "ECHO", "ECHO_HIDDEN", "ENCODING", "ERROR",
    "FETCH_COUNT", "HIDE_TABLEAM", "HIDE_TOAST_COMPRESSION", "HISTCONTROL", "HISTFILE", "HISTSIZE",
    "HOST", "IGNOREEOF", "LASTOID", "LAST_ERROR_MESSAGE", "LAST_ERROR_SQLSTATE", "ON_ERROR_ROLLBACK",
    "ON_ERROR_STOP", "PORT", "PROMPT1", "PROMPT2", "PROMPT3", "QUIET", "ROW_COUNT", "SERVER_VERSION_NAME",
    "SERVER_VERSION_NUM", "SERVICE", "SHELL_ERROR", "SHELL_EXIT_CODE", "SHOW_ALL_RESULTS",
    "SHOW_CONTEXT", "SINGLELINE", "SINGLESTEP", "SQLSTATE", "USER", "VERBOSITY", "VERSION",
    "VERSION_NAME", "VERSION_NUM", "WATCH_INTERVAL",
];

/// Whether a name steers a shell, what it starts, or libpq: no value of a blank is set under it, and
/// none is taken from the operator's own variable of that name. `PGPASSWORD` is how a password travels.
pub fn is_reserved(name: &str) -> bool {
    let of_programs = PROGRAMS.binary_search(&name).is_ok()
        || PROGRAM_FAMILIES
            .iter()
            .any(|family| name.starts_with(family));
    is_shell_own(name) || of_programs || (is_read_by_libpq(name) && name != "PGPASSWORD")
}

/// Whether `$NAME` in a shell's text means what the shell has there, never a blank.
pub(super) fn is_shell_own(name: &str) -> bool {
    SHELL.binary_search(&name).is_ok()
        || SHELL_FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Whether psql has a variable of this name, written in this case.
pub fn is_psql_own(name: &str) -> bool {
    PSQL.binary_search(&name).is_ok()
}

/// The name under which a value travels beside the text: its own, or a private one where that is
/// reserved.
pub fn travel_name(name: &str) -> String {
    if is_reserved(name) || is_psql_own(name) {
        format!("{PRIVATE}{name}")
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_program_is_reserved() {
        assert!(SHELL.is_sorted() && PROGRAMS.is_sorted() && PSQL.is_sorted());
        for name in [
            "PATH",
            "HOME",
            "USER",
            "SHELL",
            "IFS",
            "PS4",
            "LD_PRELOAD",
            "BASH_ENV",
            "PGHOST",
            "PGSERVICE",
            "LC_ALL",
            "GONOGO_RUN",
        ] {
            assert!(is_reserved(name), "{name}");
            assert_eq!(travel_name(name), format!("GONOGO_VALUE_{name}"));
        }
        for name in [
            "VERSION",
            "USER_ID",
            "HOST",
            "PGDATA",
            "PGPASSWORD",
            "PATHS",
            "ENV",
            "GIT_SHA",
        ] {
            assert!(!is_reserved(name), "{name}");
        }
        assert!(is_psql_own("USER") && !is_psql_own("user"));
    }
}
