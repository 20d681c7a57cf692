//! One guide that is being annotated: what was read, where answers are kept, and what they would change.

use std::path::{Path, PathBuf};

use super::super::configuration::{self, CONFIG_FILE};
use super::super::exit::Trouble;
use super::super::{identity, open};
use super::write::{self, WriteError};
use crate::run::Configuration;
use crate::runbook::annotate::{
    AnnotateError, Answer, Settle, annotate, annotations, prove, stale, unified_diff,
};
use crate::runbook::config::{Annotation, Config, add_annotations, annotation_text, parse_config};
use crate::runbook::diagnostic::Severity;
use crate::runbook::{Runbook, closest, parse_annotated};
use crate::supervisor::trust;

pub(super) struct Job {
    /// The guide as the person named it.
    pub file: String,
    path: PathBuf,
    bytes: Vec<u8>,
    pub runbook: Runbook,
    config: Config,
    /// The `gonogo.toml` of the guide, or where one would stand.
    pub config_path: PathBuf,
    config_text: Option<String>,
    /// What would have to be agreed to of it.
    before: Option<Configuration>,
    /// The guide's path from there.
    name: String,
    /// Everything goes to `gonogo.toml`.
    pub beside: bool,
    /// Why the guide itself is not written to.
    pub obstacle: Option<String>,
    /// Nothing is written: what would be is shown.
    pub look_only: bool,
}

/// What answers would change.
pub(super) struct Edits {
    guide: Option<Vec<u8>>,
    config: Option<String>,
    /// Both files as a unified diff.
    pub diff: Vec<u8>,
    /// Errors that the guide would have then and does not have now.
    pub complaints: Vec<String>,
}

impl Edits {
    pub fn is_empty(&self) -> bool {
        self.guide.is_none() && self.config.is_none()
    }
}

impl Job {
    /// With `look_only` nothing will be written, and nothing can stand in the way of it.
    pub fn read(guide: &Path, beside: bool, look_only: bool) -> color_eyre::Result<Self> {
        let bytes = open::read_guide(guide)?;
        let (config, found) = configuration::read(guide)?;
        let mut runbook = open::understand(guide, &bytes, &config, found.as_ref());
        open::check_conditions(&mut runbook, &bytes, &config);
        let path = guide.canonicalize()?;
        let before = found.as_ref().map(|file| file.configuration.clone());
        let (config_text, config_path) = match found {
            Some(file) => (Some(file.text), file.path),
            None => (None, path.with_file_name(CONFIG_FILE)),
        };
        let name = configuration::guide_name(guide, &config_path).unwrap_or_default();
        let obstacle = write::obstacle(&path).filter(|_| !look_only);
        Ok(Self {
            file: guide.display().to_string(),
            path,
            bytes,
            runbook,
            config,
            config_path,
            config_text,
            before,
            name,
            beside: beside || obstacle.is_some(),
            obstacle,
            look_only,
        })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn old_annotations(&self) -> Vec<Annotation> {
        self.config.annotations_of(&self.name)
    }

    /// Whether an answer goes to `gonogo.toml`: all do, or its block has no fence.
    fn goes_beside(&self, answer: &Answer, fenced: &dyn Fn(usize) -> bool) -> bool {
        self.beside || !fenced(answer.block)
    }

    /// What one answer would come to, before it is taken.
    ///
    /// # Errors
    /// Why it cannot be kept.
    pub fn try_answer(&self, answer: &Answer, fenced: bool) -> Result<(), String> {
        self.edits(std::slice::from_ref(answer), &|_| fenced)
            .map(|_| ())
    }

    /// What all answers would change.
    ///
    /// # Errors
    /// Why they cannot be kept.
    pub fn edits(
        &self,
        answers: &[Answer],
        fenced: &dyn Fn(usize) -> bool,
    ) -> Result<Edits, String> {
        let (beside, inside): (Vec<Answer>, Vec<Answer>) = answers
            .iter()
            .cloned()
            .partition(|answer| self.goes_beside(answer, fenced));
        let old = self.old_annotations();
        let said = |error: AnnotateError| error.to_string();
        let annotated = annotate(&self.file, &self.bytes, &old, &inside).map_err(said)?;
        let guide = (!annotated.patch.is_empty()).then_some(annotated.bytes);
        let config = match beside.as_slice() {
            [] => None,
            answers => Some(self.config_with(answers)?),
        };
        let mut diff = Vec::new();
        if let Some(guide) = &guide {
            diff.extend(unified_diff(&self.file, &self.bytes, guide));
        }
        if let Some(config) = &config {
            let before = self.config_text.as_deref().unwrap_or_default();
            let shown = self.config_path.display().to_string();
            diff.extend(unified_diff(&shown, before.as_bytes(), config.as_bytes()));
        }
        let complaints = self.complaints(guide.as_deref(), config.as_deref());
        Ok(Edits {
            guide,
            config,
            diff,
            complaints,
        })
    }

    /// The text of `gonogo.toml` with answers in it.
    fn config_with(&self, answers: &[Answer]) -> Result<String, String> {
        let new = annotations(&self.name, &self.bytes, &self.runbook, answers)
            .map_err(|error| error.to_string())?;
        let stale = stale(&self.bytes, &self.old_annotations());
        let before = self.config_text.as_deref().unwrap_or_default();
        let text = add_annotations(before, &new, &stale).map_err(|error| error.to_string())?;
        let all = parse_config(CONFIG_FILE, &text).0;
        let after = parse_annotated(&self.file, &self.bytes, &all.annotations_of(&self.name));
        prove(&self.runbook, &after, answers).map_err(|error| error.to_string())?;
        Ok(text)
    }

    /// The entries of `gonogo.toml` that say what was answered, for somebody who writes them by hand.
    pub fn entries(&self, answers: &[Answer]) -> String {
        let mut text = String::new();
        for answer in answers {
            let one = std::slice::from_ref(answer);
            match annotations(&self.name, &self.bytes, &self.runbook, one) {
                Ok(entries) => entries.iter().for_each(|entry| {
                    text += &annotation_text(entry);
                    text.push('\n');
                }),
                Err(error) => text += &format!("# {error}\n\n"),
            }
        }
        text
    }

    fn complaints(&self, guide: Option<&[u8]>, config: Option<&str>) -> Vec<String> {
        let bytes = guide.unwrap_or(&self.bytes);
        let config = config.map_or_else(
            || self.config.clone(),
            |text| parse_config(CONFIG_FILE, text).0,
        );
        let mut after = parse_annotated(&self.file, bytes, &config.annotations_of(&self.name));
        open::check_conditions(&mut after, bytes, &config);
        let known = |code: &str, message: &str| {
            self.runbook
                .diagnostics
                .iter()
                .any(|old| old.code == code && old.message == message)
        };
        after
            .diagnostics
            .iter()
            .filter(|new| new.severity == Severity::Error && !known(&new.code, &new.message))
            .map(|new| format!("line {}: {}; {}", new.line, new.message, new.help))
            .collect()
    }

    /// Writes what the answers change.
    ///
    /// # Errors
    /// A file that was changed in the meantime, with its name; and what the system says. Nothing is
    /// written where either file was changed.
    pub fn write(&self, edits: &Edits) -> Result<Vec<String>, (String, WriteError)> {
        let mut written = Vec::new();
        let config = self.config_path.display().to_string();
        let before = self.config_text.as_ref().map(String::as_bytes);
        // Somebody who edits the guide meanwhile moves what the answers are about.
        write::unchanged(&self.path, Some(&self.bytes))
            .map_err(|error| (self.file.clone(), error))?;
        if let Some(text) = &edits.config {
            write::replace(&self.config_path, before, text.as_bytes())
                .map_err(|error| (config.clone(), error))?;
            self.keep_consent();
            written.push(config);
        }
        if let Some(bytes) = &edits.guide {
            write::replace(&self.path, Some(&self.bytes), bytes)
                .map_err(|error| (self.file.clone(), error))?;
            written.push(self.file.clone());
        }
        Ok(written)
    }

    /// Keeps answers in `gonogo.toml` although the guide has changed: they count for the blocks that have
    /// not, and the others ask again.
    ///
    /// # Errors
    /// Why they cannot be kept.
    pub fn keep_beside(&self, answers: &[Answer]) -> Result<String, String> {
        let answers: Vec<Answer> = answers
            .iter()
            .filter(|answer| answer.settle != Settle::Fences)
            .cloned()
            .collect();
        let text = self.config_with(&answers)?;
        let before = self.config_text.as_ref().map(String::as_bytes);
        write::replace(&self.config_path, before, text.as_bytes())
            .map_err(|error| error.to_string())?;
        self.keep_consent();
        Ok(self.config_path.display().to_string())
    }

    /// What was agreed to before stays so: what was added is this user's own answer.
    fn keep_consent(&self) {
        let agreed = self.before.as_ref().and_then(trust::granted).is_some();
        if !agreed {
            return;
        }
        let kept = configuration::read_file(&self.config_path).map(|(_, file)| {
            trust::grant(&file.configuration, &identity::me(), chrono::Utc::now())
        });
        if !matches!(kept, Ok(Ok(()))) {
            tracing::warn!("the configuration has to be agreed to again");
        }
    }

    /// Checks a condition as `gonogo check` does. `ids` are names that blocks get in this walk.
    ///
    /// # Errors
    /// What is wrong, with the name that may be meant.
    pub fn check_condition(&self, condition: &str, ids: &[(usize, String)]) -> Result<(), String> {
        let runbook = self.with_ids(ids);
        let probes: Vec<String> = self
            .config
            .environments
            .values()
            .flat_map(|environment| environment.probes.keys().cloned())
            .collect();
        let known = (!self.config.environments.is_empty()).then_some(probes.as_slice());
        let strict = crate::run::check_condition(condition, &runbook, Some(&probes));
        let Err(error) = strict else { return Ok(()) };
        let blocks = runbook.blocks.iter().map(|block| block.id.as_str());
        let names: Vec<&str> = crate::run::EVIDENCE_NAMES
            .into_iter()
            .chain(blocks.filter(|id| !id.starts_with("block-")))
            .chain(probes.iter().map(String::as_str))
            .collect();
        let meant = error.name.as_ref().and_then(|name| closest(name, &names));
        match meant {
            Some(name) => Err(format!("{}; did you mean `{name}`?", error.message)),
            // Without an environment any name may be a probe's.
            None if known.is_none() => crate::run::check_condition(condition, &runbook, None)
                .map_err(|error| error.message),
            None => Err(error.message),
        }
    }

    /// The runbook with names that blocks get in this walk.
    pub fn with_ids(&self, ids: &[(usize, String)]) -> Runbook {
        let mut runbook = self.runbook.clone();
        for (number, id) in ids {
            if let Some(block) = runbook.blocks.get_mut(number.wrapping_sub(1)) {
                block.id.clone_from(id);
            }
        }
        runbook
    }
}

/// An obstacle as trouble at the prompt.
pub(super) fn not_writable(job: &Job, why: &str) -> color_eyre::Report {
    Trouble::usage(
        format!("`{}` is not written to: {why}", job.file),
        "give `--sidecar` to keep the answers in `gonogo.toml`",
    )
}
