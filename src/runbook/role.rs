//! What a block is for. Inference proposes and says why; the first rule that matches wins. An
//! attribute of the author settles it.

use super::model::{Actor, Part, Role};

/// What surrounds a block.
pub(super) struct Surroundings<'a> {
    pub lang: Option<&'a str>,
    pub code: &'a str,
    /// The paragraph or list item right before it.
    pub label: &'a str,
    /// The heading it stands under.
    pub heading: &'a str,
    pub classes: &'a [String],
    pub number: usize,
    pub code_line: usize,
}

/// What was inferred.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub role: Role,
    pub why: String,
    pub actor: Actor,
    pub annotated: bool,
    pub parts: Vec<Part>,
    pub refused: Option<String>,
}

pub(super) fn infer(block: &Surroundings<'_>) -> Verdict {
    let lang = block.lang.unwrap_or_default();
    let actor = match lang {
        "bash" | "sh" | "shell" | "zsh" | "console" => Actor::Shell,
        "sql" | "psql" | "postgres" | "postgresql" | "pgsql" => Actor::Sql,
        "http" => Actor::Http,
        _ => Actor::Nobody,
    };
    let settled = block.classes.iter().find_map(|class| match class.as_str() {
        "run" | "check" => Some(Role::Run),
        "output" => Some(Role::Output),
        "content" | "norun" => Some(Role::Content),
        "manual" => Some(Role::Manual),
        _ => None,
    });
    if let Some(role) = settled {
        return Verdict {
            role,
            why: "the author says so".to_owned(),
            actor,
            annotated: true,
            ..Verdict::default()
        };
    }
    let role = if actor == Actor::Nobody {
        Role::Content
    } else {
        Role::Run
    };
    Verdict {
        role,
        why: format!("the language is `{lang}`"),
        actor,
        ..Verdict::default()
    }
}

pub(super) fn is_sql_language(lang: &str) -> bool {
    matches!(
        lang,
        "sql" | "psql" | "postgres" | "postgresql" | "pgsql" | "plpgsql"
    )
}
