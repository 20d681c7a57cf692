//! What a block is for. Inference proposes and says why; the first rule that matches wins. An
//! attribute of the author settles it.

mod refusal;
mod settled;

pub(super) use refusal::refusal;
pub(super) use refusal::trailing_acts;
use refusal::{incomplete, manual};
pub(super) use settled::part_lines;
use settled::{accept_parts, settled};

use super::commands;
use super::labels;
use super::languages::{self, Family};
use super::model::{Actor, Part, Role};
use super::pattern::pattern;
use super::shapes;
use super::shell;
use super::words;
use super::{blanks, hazards, rules, split, sql};

/// What surrounds a block.
pub(super) struct Surroundings<'a> {
    pub lang: Option<&'a str>,
    pub code: &'a str,
    /// The paragraph or list item right before it.
    pub label: &'a str,
    /// The heading it stands under.
    pub heading: &'a str,
    /// Whether it stands in a section about going back.
    pub in_rollback: bool,
    /// Whether it stands in a section that shows how something is written in general.
    pub in_lessons: bool,
    pub classes: &'a [String],
    /// Later blocks refer to what it sets: `$REGION`.
    pub is_referred_to: bool,
    /// The lines of its parts that a person accepted (`parts=1,4`).
    pub parts: Option<&'a str>,
    pub number: usize,
    pub code_line: usize,
}

/// What was inferred.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub role: Role,
    /// Names the rule, in brackets at its end.
    pub why: String,
    /// The id of the rule that decided; empty where the author did.
    pub rule: &'static str,
    pub actor: Actor,
    pub annotated: bool,
    pub parts: Vec<Part>,
    pub refused: Option<String>,
    /// The code without the prompts of a copied session.
    pub code: Option<String>,
}

impl Verdict {
    /// What a rule of the table found.
    fn by(rule: &'static str, role: Role, actor: Actor) -> Self {
        Self {
            role,
            actor,
            why: rules::why(rule),
            rule,
            ..Self::default()
        }
    }

    /// The same in words of this block.
    fn saying(mut self, says: &str) -> Self {
        self.why = rules::named(self.rule, says);
        self
    }
}

pub(super) fn infer(block: &Surroundings<'_>) -> Verdict {
    let family = languages::family(block.lang);
    let actor = actor_of(family, block.code);
    if let Some(verdict) = settled(block, actor) {
        return verdict;
    }
    let mut verdict = unsettled(block, family, actor);
    if block.classes.iter().any(|class| class == "split") {
        accept_parts(block, &mut verdict);
    }
    verdict
}

fn unsettled(block: &Surroundings<'_>, family: Family, actor: Actor) -> Verdict {
    if labels::is_checklist(block.code) {
        return Verdict::by("boxes", Role::Manual, Actor::Nobody);
    }
    if let Some(verdict) = output(block, family) {
        return verdict;
    }
    if let Some(verdict) = content(block, family, actor) {
        return verdict;
    }
    if matches!(family, Family::None) {
        return without_language(block);
    }
    if family == Family::Http {
        return http(block.code);
    }
    if family == Family::Sql
        && let Some(name) = languages::another_database(block.code, block.label)
    {
        return Verdict::by("other-database", Role::Foreign, Actor::Nobody)
            .saying(&format!("the guide says that it is for {name}"));
    }
    if family == Family::Foreign {
        let lang = block.lang.unwrap_or_default();
        return Verdict::by("other-language", Role::Foreign, Actor::Nobody)
            .saying(&format!("`{lang}` is not for PostgreSQL or a POSIX shell"));
    }
    commands_of(block, actor)
}

fn guess_actor(code: &str) -> Actor {
    let first = first_word(code);
    if sql::is_verb(first) || first.starts_with('\\') {
        Actor::Sql
    } else {
        Actor::Shell
    }
}

/// The actor of a language; SQL fences that hold shell commands, and the other way round, go by what
/// they hold.
fn actor_of(family: Family, code: &str) -> Actor {
    let first = first_word(code);
    match family {
        Family::Sql
            if matches!(
                shell::program(first_line(code)),
                "psql"
                    | "sudo"
                    | "pg_dump"
                    | "pg_restore"
                    | "docker"
                    | "kubectl"
                    | "createdb"
                    | "dropdb"
                    | "curl"
                    | "npx"
                    | "npm"
                    | "cat"
                    | "cd"
                    | "pgbench"
            ) =>
        {
            Actor::Shell
        }
        Family::Sql => Actor::Sql,
        Family::Shell if sql::is_verb(first) && split::is_only_sql(code) => Actor::Sql,
        Family::Shell => Actor::Shell,
        Family::Http => Actor::Http,
        _ => Actor::Nobody,
    }
}

/// The first line of code that is no comment.
fn first_line(code: &str) -> &str {
    code.lines()
        .map(str::trim)
        .find(|line| {
            !line.is_empty()
                && !line.starts_with('#')
                && !line.starts_with("--")
                && !line.starts_with("//")
        })
        .unwrap_or_default()
}

fn first_word(code: &str) -> &str {
    first_line(code)
        .split(|character: char| character.is_whitespace() || character == ';' || character == '(')
        .next()
        .unwrap_or_default()
}

/// A title or label that says output, and what looks like a printed result.
fn output(block: &Surroundings<'_>, family: Family) -> Option<Verdict> {
    let executable = matches!(family, Family::Shell | Family::Sql)
        && (commands::is_command(shell::program(first_line(block.code)))
            || sql::is_verb(first_word(block.code))
            || first_word(block.code).starts_with('\\'));
    let label = block
        .label
        .lines()
        .last()
        .unwrap_or_default()
        .to_lowercase();
    let heading = block.heading.to_lowercase();
    let strict = pattern!(
        r"\b(expected|sample|example|typical)\s+(\w+\s+)?(output|response|results?|return)\b|^\W*(expected|output|response)\b[^.]{0,25}\W*$|^\W*(ausgabe|sortie)\b"
    );
    let loose = pattern!(
        r"\b(output|response|results?)\b[^.]{0,30}\W*$|\b(should|will|you'?ll|must)\s+(now\s+)?(see|look|show|print|output|return|get|be|display)\b|\blooks?\s+(something\s+)?like\b|^\W*(returns?|prints?|expected|result)\b|\bsimilar to\b"
    );
    let calls = pattern!(r"\b(run|execute|verify|check|query|command|use|using|test|compare)\b");
    // What is answered to an incident is done.
    let reaction = pattern!(r"^\W*responses?\W*$").is_match(&label);
    // `Expected: `f`` has said what was expected: what comes next is no output of it.
    let told = labels::label_of(block.label).is_some_and(|(label, rest)| {
        label == labels::Label::Expected
            && rest.chars().any(char::is_alphanumeric)
            && !labels::is_introduction(block.label)
    });
    let said = if executable {
        strict.is_match(&label) && !calls.is_match(&label) && !reaction && !told
    } else {
        strict.is_match(&label)
            || (loose.is_match(&label) && !calls.is_match(&label))
            || (loose.is_match(&label) && shapes::is_printed(block.code))
            || (block.label.is_empty() && strict.is_match(&heading))
    };
    if said && !matches!(family, Family::Code) {
        return Some(Verdict::by("said-output", Role::Output, Actor::Nobody));
    }
    if family == Family::Output {
        return Some(Verdict::by("output-language", Role::Output, Actor::Nobody));
    }
    if !executable
        && (shapes::is_printed(block.code)
            || (family == Family::Shell && shapes::is_message(first_line(block.code))))
        && !matches!(family, Family::Data | Family::Code)
    {
        return Some(Verdict::by("printed", Role::Output, Actor::Nobody));
    }
    None
}

/// What is shown to be copied, edited or read, not run.
fn content(block: &Surroundings<'_>, family: Family, actor: Actor) -> Option<Verdict> {
    let verdict = |rule| Some(Verdict::by(rule, Role::Content, Actor::Nobody));
    if matches!(family, Family::Data | Family::Text | Family::Code) {
        let lang = block.lang.unwrap_or_default();
        return verdict("language").map(|found| found.saying(&format!("no step runs `{lang}`")));
    }
    if block.code.trim().is_empty() {
        return verdict("empty");
    }
    if let Some(rule) = shapes::content(block.code, actor)
        .filter(|rule| !(block.is_referred_to && *rule == shapes::SETTINGS))
    {
        return verdict(rule);
    }
    if shapes::swallowed(block.code) {
        return verdict("open-fence");
    }
    if words::says("only-lists", block.label.lines().last().unwrap_or_default()) {
        return verdict("only-lists");
    }
    if block.in_lessons && actor == Actor::Sql {
        return verdict("lesson");
    }
    if shapes::announces_a_file(block.label)
        && !block.code.contains("<<")
        && !matches!(
            first_word(block.code),
            "psql"
                | "\\i"
                | "ssh"
                | "scp"
                | "cat"
                | "echo"
                | "cp"
                | "sed"
                | "touch"
                | "tee"
                | "nano"
                | "vim"
                | "vi"
        )
    {
        return verdict("into-a-file");
    }
    if family == Family::Sql && actor == Actor::Sql {
        let first = first_word(block.code);
        let mut statements = sql::statements(block.code).into_iter();
        let is_statement = sql::is_verb(first)
            || first.starts_with('\\')
            || first.is_empty()
            || statements.any(|statement| statement.is_meta());
        if !is_statement && !shapes::prompted(block.code) {
            return if languages::is_foreign_sql(block.code) {
                Some(Verdict::by("other-database", Role::Foreign, Actor::Nobody))
            } else {
                verdict("not-sql")
            };
        }
    }
    None
}

/// A block without a language is never armed as it stands.
fn without_language(block: &Surroundings<'_>) -> Verdict {
    let line = first_line(block.code);
    let line = line.strip_prefix("$ ").unwrap_or(line);
    // A remark at its end may well be a sentence.
    let line = super::syntax::before_remark(line);
    let program = shell::program(line);
    let promoted = |actor, first: &str| {
        Verdict::by("no-language", Role::Promote, actor)
            .saying(&format!("it has no language and begins with `{first}`"))
    };
    if commands::is_command(program) && !shapes::is_sentence(line) {
        return promoted(Actor::Shell, program);
    }
    let first = line.split([' ', ';', '(']).next().unwrap_or_default();
    if (sql::is_verb(first)
        && (first.chars().all(char::is_uppercase) || block.code.contains(';'))
        && !shapes::is_sentence(line))
        || (first.len() > 1 && first.starts_with('\\'))
    {
        return promoted(Actor::Sql, first);
    }
    Verdict::by("no-language", Role::Content, Actor::Nobody)
        .saying("it has no language and does not look like a command")
}

fn http(code: &str) -> Verdict {
    if !pattern!(r"^(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\s+https?://\S+")
        .is_match(code.trim_start())
    {
        return Verdict::by("no-request", Role::Content, Actor::Nobody);
    }
    let role = if blanks::find(code, Actor::Http, 1)
        .iter()
        .any(blanks::Blank::is_textual)
    {
        Role::Fill
    } else {
        Role::Run
    };
    Verdict::by("request", role, Actor::Http)
}

/// Code as psql or a shell takes it.
struct Readable {
    /// The code without prompts and with comments of its language, where that differs.
    code: Option<String>,
    /// Printed lines stand among the commands.
    mixed: bool,
    actor: Actor,
}

/// A copied session: prompts go, printed lines make it a mixture.
fn readable(block: &Surroundings<'_>, actor: Actor) -> Readable {
    if !matches!(actor, Actor::Shell | Actor::Sql) {
        return Readable {
            code: None,
            mixed: false,
            actor,
        };
    }
    let (code, mixed) = match shapes::unprompt(block.code) {
        Some((code, mixed)) => (Some(code), mixed),
        // SQL in a shell fence: its comments become those of SQL.
        None if actor == Actor::Sql
            && block
                .code
                .lines()
                .any(|line| line.trim_start().starts_with('#')) =>
        {
            (
                Some(split::with_sql_comments(block.code)),
                shapes::holds_output(block.code, actor),
            )
        }
        None => (None, shapes::holds_output(block.code, actor)),
    };
    let actor = match &code {
        Some(code) if sql::is_verb(first_word(code)) || first_word(code).starts_with('\\') => {
            Actor::Sql
        }
        _ => actor,
    };
    Readable { code, mixed, actor }
}

/// Shell and SQL.
fn commands_of(block: &Surroundings<'_>, actor: Actor) -> Verdict {
    let Readable { code, mixed, actor } = readable(block, actor);
    let text = code.as_deref().unwrap_or(block.code);
    let mut verdict = commands_in(block, text, actor, mixed);
    verdict.code = code.filter(|_| !mixed);
    verdict
}

fn commands_in(block: &Surroundings<'_>, code: &str, actor: Actor, mixed: bool) -> Verdict {
    if let Some(rule) = manual(code, actor) {
        return Verdict::by(rule, Role::Manual, Actor::Nobody);
    }
    let refused = refusal(code, actor);
    if mixed {
        let mut verdict = Verdict::by("with-output", Role::Split, actor);
        verdict.parts = shapes::commands_among_output(code, actor)
            .into_iter()
            .map(|(line, command)| part(command, actor, block.code_line + line))
            .collect();
        return verdict;
    }
    if let Some(split) = split::split(
        code,
        actor,
        block.number,
        block.code_line,
        split::Around {
            in_rollback: block.in_rollback,
        },
    ) {
        let mut verdict = Verdict::by(split.rule, Role::Split, actor);
        verdict.parts = split.parts;
        verdict.refused = refused;
        return verdict;
    }
    if actor == Actor::Sql && languages::is_foreign_sql(code) {
        return Verdict::by("other-database", Role::Foreign, actor);
    }
    let found = blanks::find(code, actor, block.code_line);
    if let Some(blank) = found.iter().find(|blank| blank.is_textual()) {
        let mut verdict = Verdict::by("blank", Role::Fill, actor)
            .saying(&format!("`{}` has to be filled in", blank.text));
        verdict.refused = refused.or_else(|| incomplete(&found));
        return verdict;
    }
    if code.contains("${{") || pattern!(r"\{%|<%=?").is_match(code) {
        let mut verdict = Verdict::by("template", Role::Fill, actor);
        verdict.refused = Some(
            "it is a template that another tool fills in; run what that tool makes of it"
                .to_owned(),
        );
        return verdict;
    }
    let mut verdict = Verdict::by("commands", Role::Run, actor);
    verdict.refused = refused;
    verdict
}

fn part(code: String, actor: Actor, line: usize) -> Part {
    let found = blanks::find(&code, actor, line);
    Part {
        title: first_line(&code).chars().take(60).collect(),
        line,
        role: if found.iter().any(blanks::Blank::is_textual) {
            Role::Fill
        } else {
            Role::Run
        },
        actor,
        destructive: hazards::destructive(&code, actor),
        long_running: hazards::long_running(&code, actor),
        refused: refusal(&code, actor),
        code,
        ..Part::default()
    }
}

#[cfg(test)]
mod blocks_tests;
#[cfg(test)]
mod tests;
