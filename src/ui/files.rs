//! What layout and theme files share: errors that point at a line, and the folder where a user
//! keeps files of their own.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// A layout or theme is a page or two.
const LARGEST: u64 = 1 << 20;

/// What is wrong with a file, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}: {message}")]
pub struct FileError {
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    pub message: String,
    pub help: String,
}

/// A file being read.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub path: &'a str,
    pub text: &'a str,
}

impl Place<'_> {
    pub fn error(
        &self,
        message: impl Into<String>,
        help: impl Into<String>,
        span: Range<usize>,
    ) -> FileError {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        FileError {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            message: message.into(),
            help: help.into(),
        }
    }

    pub fn toml(&self, error: &toml::de::Error) -> FileError {
        self.error(
            error.message().replace('\n', " "),
            "see gonogo's own files for the format",
            error.span().unwrap_or_default(),
        )
    }

    /// A name that is none of `known`, with the nearest one.
    pub fn unknown(&self, what: &str, name: &str, known: &[&str], span: Range<usize>) -> FileError {
        let nearest = known
            .iter()
            .min_by_key(|candidate| strsim::damerau_levenshtein(candidate, name))
            .filter(|candidate| strsim::damerau_levenshtein(candidate, name) <= 2);
        let help = match nearest {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("known: {}", known.join(", ")),
        };
        self.error(format!("unknown {what} `{name}`"), help, span)
    }
}

/// `$XDG_CONFIG_HOME/gonogo/KIND`, by default under `~/.config`.
pub fn own_folder(kind: &str) -> Option<PathBuf> {
    let configuration = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")))?;
    Some(configuration.join("gonogo").join(kind))
}

/// The text of a file that nobody but the user can change.
fn own_text(path: &Path) -> Result<String, (String, String)> {
    let judged = crate::owned::read(path, LARGEST)
        .map_err(|why| (format!("is not used: {why}"), why.help()))?;
    String::from_utf8(judged.bytes).map_err(|_| {
        let help = "fix or remove the file".to_owned();
        ("is not UTF-8".to_owned(), help)
    })
}

/// The `*.toml` files of a folder by name, each with its text or why it could not be read. No folder
/// is no files.
pub fn own_files(folder: &Path) -> Vec<(String, String, Result<String, FileError>)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .filter_map(|path| {
            let name = path.file_stem()?.to_string_lossy().into_owned();
            let shown = path.display().to_string();
            let text = own_text(&path).map_err(|(message, help)| FileError {
                path: shown.clone(),
                line: 1,
                message,
                help,
            });
            Some((name, shown, text))
        })
        .collect();
    files.sort_by(|one, other| one.0.cmp(&other.0));
    files
}
