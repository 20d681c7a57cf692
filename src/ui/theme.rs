//! Colours as files. A theme gives a style to each role; a state is always a glyph and a word too,
//! so that nothing relies on colour alone. The terminal's own foreground and background are the
//! base. With `NO_COLOR` only bold, reversed and underlined are left.

use std::collections::BTreeMap;
use std::str::FromStr;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use toml::Spanned;

use super::files::{FileError, Place};
use crate::run::{StepStatus, Verdict};

/// What a style is for. The names are the keys of a theme file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Text,
    Muted,
    Heading,
    Code,
    /// Rules between panes and around dialogs.
    Border,
    /// Title of the pane that has the keys.
    Focus,
    /// The row under the cursor.
    Selection,
    /// A key in the footer and in help.
    Key,
    /// What to do next.
    Next,
    Passed,
    Running,
    Warning,
    Failed,
    Unknown,
    Pending,
    /// The banner of a protected environment.
    Protected,
    /// The badge of any other environment.
    Environment,
    Destructive,
    /// Sessions that this run started.
    Ours,
    /// What must not be overlooked.
    Alarm,
    /// A match of a search.
    Found,
}

const ROLES: [(&str, Role); 21] = [
    ("text", Role::Text),
    ("muted", Role::Muted),
    ("heading", Role::Heading),
    ("code", Role::Code),
    ("border", Role::Border),
    ("focus", Role::Focus),
    ("selection", Role::Selection),
    ("key", Role::Key),
    ("next", Role::Next),
    ("passed", Role::Passed),
    ("running", Role::Running),
    ("warning", Role::Warning),
    ("failed", Role::Failed),
    ("unknown", Role::Unknown),
    ("pending", Role::Pending),
    ("protected", Role::Protected),
    ("environment", Role::Environment),
    ("destructive", Role::Destructive),
    ("ours", Role::Ours),
    ("alarm", Role::Alarm),
    ("found", Role::Found),
];

const EMBEDDED: [(&str, &str); 3] = [
    ("dark", include_str!("../../assets/themes/dark.toml")),
    ("light", include_str!("../../assets/themes/light.toml")),
    (
        "colour-blind",
        include_str!("../../assets/themes/colour-blind.toml"),
    ),
];

#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    pub name: String,
    pub about: String,
    styles: BTreeMap<Role, Style>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThemeFile {
    about: String,
    styles: BTreeMap<Spanned<String>, Spanned<String>>,
}

impl Theme {
    /// The themes that come with the program, the default one first.
    ///
    /// # Errors
    /// A mistake in an embedded file; a test holds them to have none.
    pub fn embedded() -> Result<Vec<Self>, FileError> {
        EMBEDDED
            .iter()
            .map(|(name, text)| Self::parse(name, text, &format!("assets/themes/{name}.toml")))
            .collect()
    }

    /// Reads a theme file.
    ///
    /// # Errors
    /// Not TOML, an unknown role or an unknown style, with the line.
    pub fn parse(name: &str, text: &str, path: &str) -> Result<Self, FileError> {
        let place = Place { path, text };
        let file: ThemeFile = toml::from_str(text).map_err(|error| place.toml(&error))?;
        let mut styles = BTreeMap::new();
        for (key, value) in &file.styles {
            let Some((_, role)) = ROLES.iter().find(|(name, _)| name == key.get_ref()) else {
                let known = ROLES.map(|(name, _)| name);
                return Err(place.unknown("role", key.get_ref(), &known, key.span()));
            };
            let style = style(value.get_ref()).map_err(|word| {
                place.error(
                    format!("`{word}` is neither a colour nor an emphasis"),
                    "write for example `bold red on black`, `#ffb000`, or `reversed`",
                    value.span(),
                )
            })?;
            styles.insert(*role, style);
        }
        Ok(Self {
            name: name.to_owned(),
            about: file.about,
            styles,
        })
    }

    /// The same theme for `NO_COLOR`: emphasis stays, and what was told by a background is reversed.
    #[must_use]
    pub fn without_colour(mut self) -> Self {
        for (role, style) in &mut self.styles {
            let emphasis = match role {
                Role::Protected | Role::Alarm | Role::Selection | Role::Focus | Role::Found => {
                    Modifier::REVERSED | Modifier::BOLD
                }
                Role::Destructive => Modifier::BOLD | Modifier::UNDERLINED,
                _ => style.add_modifier,
            };
            *style = Style::new().add_modifier(emphasis);
        }
        self
    }

    pub fn style(&self, role: Role) -> Style {
        self.styles.get(&role).copied().unwrap_or_default()
    }
}

/// `bold red on black`; the word that is not understood is the error.
fn style(text: &str) -> Result<Style, String> {
    let mut style = Style::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        style = match word {
            "bold" => style.add_modifier(Modifier::BOLD),
            "dim" => style.add_modifier(Modifier::DIM),
            "italic" => style.add_modifier(Modifier::ITALIC),
            "underlined" => style.add_modifier(Modifier::UNDERLINED),
            "reversed" => style.add_modifier(Modifier::REVERSED),
            "on" => {
                let colour = words.next().unwrap_or_default();
                style.bg(Color::from_str(colour).map_err(|_| colour.to_owned())?)
            }
            colour => style.fg(Color::from_str(colour).map_err(|_| colour.to_owned())?),
        };
    }
    Ok(style)
}

/// A state on the screen: glyph, word and the role of its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub glyph: &'static str,
    pub word: &'static str,
    pub role: Role,
}

pub fn status_mark(status: StepStatus) -> Mark {
    let (glyph, word, role) = match status {
        StepStatus::Pending => ("○", "to do", Role::Pending),
        StepStatus::Running => ("▶", "running", Role::Running),
        StepStatus::Passed => ("✓", "passed", Role::Passed),
        StepStatus::Failed => ("✗", "failed", Role::Failed),
        StepStatus::Cancelled => ("⊘", "cancelled", Role::Warning),
        StepStatus::Skipped => ("»", "skipped", Role::Muted),
        StepStatus::Unknown => ("?", "unknown", Role::Unknown),
        StepStatus::Undone => ("↶", "undone", Role::Muted),
        StepStatus::Stuck => ("!", "STUCK", Role::Alarm),
    };
    Mark { glyph, word, role }
}

/// `None`: nobody has judged it.
pub fn verdict_mark(verdict: Option<Verdict>) -> Mark {
    let (glyph, word, role) = match verdict {
        None => ("·", "open", Role::Pending),
        Some(Verdict::Pass) => ("✓", "met", Role::Passed),
        Some(Verdict::Warn) => ("▲", "warning", Role::Warning),
        Some(Verdict::Fail) => ("✗", "NOT met", Role::Failed),
        Some(Verdict::Inconclusive) => ("?", "inconclusive", Role::Unknown),
    };
    Mark { glyph, word, role }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_themes_name_every_role() {
        for theme in Theme::embedded().unwrap() {
            for (name, role) in ROLES {
                assert!(theme.styles.contains_key(&role), "{}: {name}", theme.name);
            }
        }
    }

    #[test]
    fn a_bad_style_is_told_with_its_line() {
        let text = "about = \"x\"\n[styles]\npassed = \"green\"\nfailed = \"bold rde\"\n";
        let error = Theme::parse("mine", text, "mine.toml").unwrap_err();
        assert_eq!(
            error.to_string(),
            "mine.toml:4: `rde` is neither a colour nor an emphasis"
        );
    }

    #[test]
    fn an_unknown_role_is_told_with_a_suggestion() {
        let text = "about = \"x\"\n[styles]\npased = \"green\"\n";
        let error = Theme::parse("mine", text, "mine.toml").unwrap_err();
        assert_eq!(error.to_string(), "mine.toml:3: unknown role `pased`");
        assert_eq!(error.help, "did you mean `passed`?");
    }

    #[test]
    fn without_colour_focus_and_banner_are_still_visible() {
        for theme in Theme::embedded().unwrap() {
            let theme = theme.without_colour();
            for style in theme.styles.values() {
                assert_eq!((style.fg, style.bg), (None, None));
            }
            for role in [Role::Protected, Role::Focus, Role::Selection] {
                assert!(theme.style(role).add_modifier.contains(Modifier::REVERSED));
            }
        }
    }
}
