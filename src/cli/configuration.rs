//! The `gonogo.toml` of a guide: found beside it or above it, and used only where nobody but the user
//! and root could have written it.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::exit::Trouble;
use super::{open, print};
use crate::owned::{self, Distrust};
use crate::run::{Configuration, hex};
use crate::runbook::config::{Config, parse_config};
use crate::runbook::diagnostic::render;

pub(super) const CONFIG_FILE: &str = "gonogo.toml";
/// Annotations of many guides are still far from this.
const LARGEST: u64 = 16 << 20;

/// A configuration that was read.
#[derive(Debug)]
pub(super) struct ConfigFile {
    /// Where it was found; paths in it are meant from there.
    pub path: PathBuf,
    pub text: String,
    /// What has to be agreed to.
    pub configuration: Configuration,
}

/// The nearest one: in the folder of a guide, in a folder itself, or above.
pub(super) fn find(near: &Path) -> Option<PathBuf> {
    let near = near.canonicalize().ok()?;
    let folder = match near.is_dir() {
        true => near.as_path(),
        false => near.parent()?,
    };
    let mut candidates = folder.ancestors().map(|folder| folder.join(CONFIG_FILE));
    candidates.find(|candidate| candidate.is_file())
}

/// Reads the configuration that goes with a guide or folder; none is an empty one.
///
/// # Errors
/// Others could have written it, it cannot be read, or it has mistakes.
pub(super) fn read(near: &Path) -> color_eyre::Result<(Config, Option<ConfigFile>)> {
    match find(near) {
        Some(path) => read_file(&path).map(|(config, file)| (config, Some(file))),
        None => Ok((Config::default(), None)),
    }
}

/// [`read`], of one file.
pub(super) fn read_file(path: &Path) -> color_eyre::Result<(Config, ConfigFile)> {
    let shown = path.display().to_string();
    let judged = owned::read(path, LARGEST).map_err(|why| refused("the configuration", &why))?;
    let digest = hex(&Sha256::digest(&judged.bytes));
    let text = String::from_utf8(judged.bytes)
        .map_err(|_| Trouble::usage(format!("`{shown}` is not UTF-8"), "save it as UTF-8"))?;
    let (config, diagnostics) = parse_config(&shown, &text);
    let errors = open::errors(&diagnostics);
    if errors > 0 {
        print::remark(&render(&diagnostics, &shown, &text));
        return Err(Trouble::usage(
            format!("`{shown}` has {}", open::counted(errors, "error")),
            "fix it; `docs/configuration.md` lists every key",
        ));
    }
    let configuration = Configuration {
        path: judged.path.display().to_string(),
        digest,
        reach: config.reach(),
    };
    Ok((
        config,
        ConfigFile {
            path: path.to_owned(),
            text,
            configuration,
        },
    ))
}

/// Why a file that steers a run is not used, at the prompt.
pub(super) fn refused(what: &str, why: &Distrust) -> color_eyre::Report {
    let message = match why {
        Distrust::Io { .. } | Distrust::Kind { .. } | Distrust::Large { .. } => {
            format!("{what} cannot be read: {why}")
        }
        _ => format!("{what} is not used, because others could have changed it: {why}"),
    };
    Trouble::usage(message, why.help())
}

/// The path of a guide as its `gonogo.toml` names it: from the file's folder, with `/`.
pub(super) fn guide_name(guide: &Path, config: &Path) -> Option<String> {
    let guide = guide.canonicalize().ok()?;
    let folder = config.parent()?.canonicalize().ok()?;
    let parts: Vec<_> = guide
        .strip_prefix(folder)
        .ok()?
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    Some(parts.join("/"))
}
