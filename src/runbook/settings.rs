//! Front matter: the block between `---` lines at the start of a file. Of its YAML only what stands
//! under the key `gonogo:` is read, as plain `key: value` lines; the rest belongs to other tools.

use super::diagnostic::{Diagnostic, Severity};
use super::model::Settings;
use super::source::Source;
use crate::text::duration;

/// What the front matter says, and at which byte the guide begins.
pub(super) struct FrontMatter {
    pub settings: Settings,
    pub title: Option<String>,
    pub end: usize,
}

pub(super) const SETTINGS: [&str; 4] = ["layout", "rehearsal", "scale", "window"];

pub(super) fn front_matter(source: &Source, diagnostics: &mut Vec<Diagnostic>) -> FrontMatter {
    let mut front = FrontMatter {
        settings: Settings::default(),
        title: None,
        end: 0,
    };
    let Some(end) = extent(&source.text) else {
        return front;
    };
    front.end = end;
    let mut inside = false;
    for (index, line) in source.text[..end].lines().enumerate() {
        let number = index + 1;
        let content = strip_comment(line);
        let Some((key, value)) = content.split_once(':') else {
            continue;
        };
        let indented = line.starts_with([' ', '\t']);
        let (key, value) = (key.trim(), unquote(value.trim()));
        if !indented {
            inside = key == "gonogo";
            if key == "title" && !value.is_empty() {
                front.title = Some(value.to_owned());
            }
            continue;
        }
        if !inside {
            continue;
        }
        let mut report = |code: &str, message: String, help: String| {
            let (column, width) = source.locate(number, key);
            diagnostics.push(Diagnostic {
                severity: Severity::Warning,
                code: code.to_owned(),
                line: number,
                column,
                width,
                message,
                help,
                also: Vec::new(),
            });
        };
        match key {
            "rehearsal" => match value {
                "assume" => front.settings.rehearsal_assumes = true,
                "ask" | "" => front.settings.rehearsal_assumes = false,
                other => report(
                    "bad-setting",
                    format!("`rehearsal: {other}` is not known"),
                    "use `rehearsal: assume` or `rehearsal: ask`".to_owned(),
                ),
            },
            "layout" => front.settings.layout = Some(value.to_owned()),
            "window" => match duration::parse_s(value) {
                Some(seconds) => front.settings.window_s = Some(seconds),
                None => report(
                    "bad-setting",
                    format!("`{value}` is not a duration"),
                    "write the window as `window: 60m`".to_owned(),
                ),
            },
            "scale" => match scale(value) {
                Some(scale) => front.settings.scale = Some(scale),
                None => report(
                    "bad-setting",
                    format!("`{value}` is not a scale of time"),
                    "write how much shorter windows and waits are as `scale: 1/600`".to_owned(),
                ),
            },
            other => {
                let help = super::lint::did_you_mean(other, &SETTINGS);
                report(
                    "unknown-setting",
                    format!("unknown setting `{other}`"),
                    help,
                );
            }
        }
    }
    front
}

/// `1/600` is 600.
pub fn scale(text: &str) -> Option<u32> {
    let (one, by) = text.split_once('/')?;
    let by = by.trim().parse().ok()?;
    (one.trim() == "1" && by > 0).then_some(by)
}

/// Where the front matter ends; `None` where the file has none.
fn extent(text: &str) -> Option<usize> {
    let first = text.lines().next()?;
    if first.trim_end() != "---" {
        return None;
    }
    let mut offset = first.len() + 1;
    let mut has_key = false;
    for line in text.get(offset..)?.lines().take(2_000) {
        offset += line.len() + 1;
        if matches!(line.trim_end(), "---" | "...") {
            return has_key.then_some(offset.min(text.len()));
        }
        let shape = line.trim_start();
        let is_key = line
            .split_once(':')
            .is_some_and(|(key, _)| !key.is_empty() && !key.trim_start().contains([' ', '#', '*']));
        has_key |= is_key;
        // A thematic break at the top of a guide is not followed by keys.
        if !(is_key || shape.is_empty() || shape.starts_with(['#', '-']) || line.starts_with(' ')) {
            return None;
        }
    }
    None
}

fn strip_comment(line: &str) -> &str {
    line.find(" #").map_or(line, |at| &line[..at])
}

fn unquote(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = value
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
        {
            return inner;
        }
    }
    value
}
