//! What code looks like: a printed table, a file, settings, cron lines, a copied terminal session, a
//! sentence.

use super::commands;
use super::model::Actor;
use super::pattern::pattern;
use super::shell;
use super::sql;
use super::words;

/// The rule of code that sets names and does nothing else.
pub(super) const SETTINGS: &str = "settings";

/// Lines under a comment that are looked at for being nothing but settings.
const MOST_SETTINGS: usize = 40;

/// A printed result: a psql table, a list of pods, a directory tree, lines of a log.
pub(super) fn is_printed(code: &str) -> bool {
    let mut rows = 0;
    for line in code.lines().take(60) {
        let trimmed = line.trim();
        if pattern!(r"^\(\d+ rows?\)$|^[-─]{3,}(\+[-─]+)+$|^\+[-=+]{4,}\+$|^HTTP/[\d.]+ \d{3}\b|^(NAME|NAMESPACE|CONTAINER ID|PID|REVISION|STATUS|UNIT|USER|Filesystem)\s{2,}\S|^(NOTICE|WARNING|ERROR|INFO|DETAIL|HINT|LOG|FATAL|DEBUG):\s|^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d|^\[(INFO|ERROR|WARN|OK|DEBUG)\]|^(INSERT 0|UPDATE|DELETE|COPY|CREATE TABLE|ALTER TABLE|CREATE INDEX)( \d+)?$").is_match(trimmed) {
            return true;
        }
        if trimmed.starts_with(['✅', '✓', '❌', '✔', '✗']) {
            rows += 1;
        }
    }
    rows > 1 || (rows == 1 && code.lines().filter(|line| !line.trim().is_empty()).count() < 4)
}

/// The rule by which code is content rather than commands, by its shape alone.
pub(super) fn content(code: &str, actor: Actor) -> Option<&'static str> {
    let first = code
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default()
        .trim();
    let interpreter = code
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take_while(|line| line.starts_with('#'))
        .take(3)
        .any(|line| line.starts_with("#!/"));
    if first.starts_with("#!") || interpreter {
        return Some("file");
    }
    if pattern!(r"^(?:#|//|--|;|/\*)\s*(?i:file(?:name)?:\s*)?[`\x22']?(?:[\w.~{}@-]*/)*[\w.{}@*-]*\.(?:sql|ya?ml|json|tsx?|jsx?|py|rb|sh|conf|cfg|ini|env|env\.\w+|toml|service|timer|tf|xml|properties|rs|go|java|php|md|html|css|prisma|ex|exs|cs|kt)[`\x22']?\s*(?:\([^)]*\))?\s*(?:\*/)?$|^#\s*/etc/\S+$|^#\s*\.env\S*$|^#\s*(?:Dockerfile|Makefile|Caddyfile|Procfile|crontab)$").is_match(first)
        && !pattern!(r"(?i)^#\s*(?:node|next|nuxt|vue|express|react|ember|three|d3|discord|socket|chart|nest)\.js\b").is_match(first)
    {
        return Some("file");
    }
    if actor == Actor::Sql && has_head_of_a_file(code) {
        return Some("file");
    }
    if code.contains("├──") || code.contains("└──") {
        return Some("not-shell");
    }
    let lines: Vec<&str> = code
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("--"))
        .collect();
    if lines.is_empty() {
        return None;
    }
    let all = |pattern: &regex::Regex| lines.iter().all(|line| pattern.is_match(line));
    if actor != Actor::Sql {
        if all(pattern!(
            r#"^[A-Za-z_][A-Za-z0-9_.]*=(?:"[^"$]*"|'[^']*'|[^\s$`;&|]*)(?:\s+#.*)?$"#
        )) {
            return Some(SETTINGS);
        }
        if lines.len() > 1 && lines.iter().all(|line| is_written_setting(line)) {
            return Some(SETTINGS);
        }
        if lines.iter().any(|line| pattern!(r"^(?:[\d*/,-]+\s+){4}[\d*/,A-Z-]+\s+\S|^@(?:daily|hourly|weekly|monthly|reboot|midnight)\s+\S").is_match(line))
            && all(pattern!(r"^(?:[\d*/,-]+\s+){4}[\d*/,A-Z-]+\s+\S|^@\w+\s+\S|^[A-Z_]+=\S*$"))
        {
            return Some("crontab");
        }
        if (first.starts_with('{') && code.trim_end().ends_with('}') && code.contains("\":"))
            || (first.starts_with('[')
                && code.trim_end().ends_with(']')
                && !first.starts_with("[ ")
                && !first.starts_with("[["))
        {
            return Some("not-shell");
        }
        // `deploy(` over its arguments: no shell calls anything so.
        if lines.len() > 1 && pattern!(r"^[A-Za-z_][\w.]*\($").is_match(lines[0]) {
            return Some("not-shell");
        }
        if lines.len() > 1 && all(pattern!(r"^(?:- )?[\w.-]+:(?:\s.*)?$|^- \S.*$")) {
            return Some("not-shell");
        }
        if first.starts_with('<')
            && code.trim_end().ends_with('>')
            && !first.starts_with("<(")
            && code.contains("</")
        {
            return Some("not-shell");
        }
        if lines.len() > 1
            && first.starts_with('[')
            && first.ends_with(']')
            && all(pattern!(r"^\[[\w. :-]+\]$|^[\w.-]+\s*=.*$"))
        {
            return Some("not-shell");
        }
        if pattern!(r"^(?:import\s+[\w{*]|from\s+\w+\s+import|const\s+\w+\s*=|let\s+\w+\s*=|def\s+\w+\(|class\s+\w+[:({]|public\s+class|func\s+\w+\(|package\s+\w+$|async\s+function|@app\.)").is_match(lines[0]) {
            return Some("not-shell");
        }
        if pattern!(r"^(?:FROM\s+\S+(?::\S+)?(?:\s+AS\s+\w+)?$|server\s*\{|location\s+\S+\s*\{|upstream\s+\w+\s*\{|apiVersion:)").is_match(lines[0]) {
            return Some("not-shell");
        }
    }
    None
}

/// A line of a settings file as people write it, with spaces or a `;` in a value that no shell would keep
/// together: `MAIL_FROM=The Shop`.
fn is_written_setting(line: &str) -> bool {
    let Some((name, value)) = line.split_once('=') else {
        return false;
    };
    let is_name = name.starts_with(|first: char| first.is_ascii_uppercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
    // `NAME=value command`
    let program = shell::program(line);
    is_name
        && !value.starts_with(['(', '$'])
        && !value.contains(['`', '|'])
        && !value.contains("$(")
        && !value.contains("&&")
        && !value.contains("; ")
        && !value.ends_with('\\')
        && !commands::is_command(program)
        && !program.contains(['/', '<', '>'])
}

/// Words before a block that put it into a file.
pub(super) fn announces_a_file(label: &str) -> bool {
    let last = label.lines().last().unwrap_or_default();
    let lower = last.to_lowercase();
    if words::says("file-follows", last) {
        return true;
    }
    if lower.is_empty() || pattern!(r"\b(any|each|every|a|no|this)\s+(change|update|edit|insert|write)\b").is_match(&lower) || pattern!(r"\b(run|running|execute|executing|command|apply|then|verify|check|query|from the file|restart|backup)\b").is_match(&lower) {
        return false;
    }
    pattern!(r"\b(create|add|edit|update|modify|save|put|paste|append|place|write|insert|change|set|configure|include)\b.{0,60}(\bfile\b|`[^`]*\.\w{1,10}`|\.env\b|\bcrontab\b|\bconfig(uration)?\b|\bscript\b|\bmigration\b.{0,20}:)|^\W*(file|datei|fichier)\W*:|\bin (the )?(file )?`[^`]+\.\w{1,10}`|^`[^`]+\.\w{1,10}`\s*:?$|^\*\*`?[\w./-]+\.\w{1,10}`?\*\*\s*:?$|\bcontents? of\b").is_match(&lower)
}

/// Whether a fence swallowed the text after it: it holds the mark of another fence that no
/// here-document or string carries.
pub(super) fn swallowed(code: &str) -> bool {
    code.contains("```")
        && shell::lines(code).iter().any(|line| {
            line.kind != shell::LineKind::Continuation && line.text.trim_start().starts_with("```")
        })
}

/// `-- Migration: 12`, `-- Author: …`: the lines with which a file of migrations begins.
fn has_head_of_a_file(code: &str) -> bool {
    code.lines()
        .map(str::trim)
        .take_while(|line| line.starts_with("--") || line.is_empty())
        .filter(|line| {
            pattern!(r"(?i)^--\s*(?:migration(?: rollback)?|rollback(?: for)?|description|author|date|created(?: at| on)?|version|purpose|beschreibung|autor|auteur|datum|fecha|data|descripción|descrição|описание|автор|дата|描述|作者|日期)\s*[:：]\s*\S")
                .is_match(line)
        })
        .count()
        > 1
}

/// Whether the first line of a shell block is a message: `Error: no space left`, `Listening on:`.
pub(super) fn is_message(line: &str) -> bool {
    let program = shell::program(line);
    (program.len() > 2 && program.ends_with(':') && !program.contains('/'))
        || (line.ends_with(':')
            && line.starts_with(|first: char| first.is_ascii_uppercase())
            && !commands::is_command(program))
}

/// Whether a line is a sentence rather than a command.
pub(super) fn is_sentence(line: &str) -> bool {
    let words = line.split_whitespace().count();
    (line.ends_with('.') && words > 3 && !line.ends_with(" ."))
        || line.ends_with(':')
        || (words > 4
            && pattern!(r"\b(the|your|should|please|will|this|that)\b").is_match(line)
            && !line.contains(['-', '"', '\'', '/', ';', '|', '=']))
}

fn prompt(line: &str) -> Option<&str> {
    let found = pattern!(r"^(?:\$|%|❯|➜)\s+(.*)$|^[\w.-]+@[\w.-]+:?[^$#]{0,40}[$#]\s+(.*)$|^(?:root|admin)[\w.-]*#\s+(.*)$|^[\w.-]+(?:=|-)[#>*]+\s?(.*)$").captures(line.trim_start())?;
    found
        .get(1)
        .or(found.get(2))
        .or(found.get(3))
        .or(found.get(4))
        .map(|rest| rest.as_str())
}

pub(super) fn prompted(code: &str) -> bool {
    code.lines().any(|line| prompt(line).is_some())
}

/// The commands of a copied terminal session without their prompts, and whether printed lines stand
/// between them. `None` where nothing carries a prompt. Where lines are mixed the code keeps its prompts.
pub(super) fn unprompt(code: &str) -> Option<(String, bool)> {
    let first = code
        .lines()
        .find(|line| !line.trim().is_empty() && !line.trim_start().starts_with("# "))?;
    prompt(first)?;
    let mut stripped = String::with_capacity(code.len());
    let mut mixed = false;
    let mut continued = false;
    for line in code.lines() {
        match prompt(line) {
            Some(rest) => {
                stripped.push_str(rest);
                continued = rest.trim_end().ends_with('\\');
            }
            None if continued || line.trim().is_empty() || line.trim_start().starts_with('#') => {
                let rest = line.strip_prefix("> ").unwrap_or(line);
                stripped.push_str(rest);
                continued = continued && rest.trim_end().ends_with('\\');
            }
            None => {
                mixed = true;
                stripped.push_str(line);
            }
        }
        stripped.push('\n');
    }
    Some(if mixed {
        (code.to_owned(), true)
    } else {
        (stripped, false)
    })
}

/// Whether printed lines stand among commands that carry no prompt.
pub(super) fn holds_output(code: &str, actor: Actor) -> bool {
    !printed(code, actor, true).is_empty()
}

/// The lines, from 0, where something begins that is no command; only the first one where that is
/// enough to know.
fn printed(code: &str, actor: Actor, first_only: bool) -> Vec<usize> {
    let mut found = Vec::new();
    let table = pattern!(
        r"^\s*\(\d+ rows?\)\s*$|^\s*-{3,}(\+-+)+\s*$|^\+[-=+]{4,}\+$|^(NAME|CONTAINER ID|REVISION)\s{2,}[A-Z]|^HTTP/[\d.]+ \d{3}\b"
    );
    let says = pattern!(
        r"(?i)^\s*(?:#|--)\s*(?:(?:expected|sample|example)?\s*(?:output|results?|response|expected|returns?)|erwartete (?:ausgabe|antwort)|(?:salida|respuesta) esperada|(?:saída|resposta) esperada|(?:sortie|réponse) attendue|output previsto|预期输出)\s*(?:\([^)]{0,40}\))?\s*:?\s*$"
    );
    let edits = pattern!(
        r"(?i)^\s*#\s*(?:then\s+)?(?:edit|fill in|adjust|customi[sz]e)\b|^\s*#.*\s(?:in|into|to)\s+(?:the\s+|your\s+)?[`\x22']?[\w./-]*\.env\b"
    );
    let setting = pattern!(r#"^[A-Z][A-Z0-9_]*=(?:"[^"$]*"|'[^']*'|[^\s$`;&|]*)(?:\s+#.*)?$"#);
    let inside: Vec<bool> = match actor {
        Actor::Shell => shell::lines(code)
            .iter()
            .map(|line| line.kind == shell::LineKind::Continuation)
            .collect(),
        _ => vec![false; code.lines().count()],
    };
    let lines: Vec<&str> = code.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        if inside.get(index).copied().unwrap_or_default() {
            continue;
        }
        // An answer in JSON, on lines of its own.
        if matches!(line.trim_end(), "{" | "[")
            && lines
                .get(index + 1)
                .is_some_and(|next| next.trim_start().starts_with(['"', '{']))
        {
            found.push(index);
        }
        if table.is_match(line) {
            // The header of a table stands above its rule.
            found.push(if line.trim_start().starts_with('-') {
                index.saturating_sub(1)
            } else {
                index
            });
        }
        // `Edit with your values`, and under it nothing but settings.
        if actor == Actor::Shell
            && edits.is_match(line)
            && !lines[..index].iter().all(|line| line.trim().is_empty())
        {
            let under: Vec<&&str> = lines[index + 1..]
                .iter()
                .take(MOST_SETTINGS)
                .take_while(|line| !line.trim().is_empty())
                .collect();
            if !under.is_empty() && under.iter().all(|line| setting.is_match(line)) {
                found.push(index);
            }
        }
        if says.is_match(line)
            && let Some(next) = lines.get(index + 1).map(|next| next.trim())
            && !next.is_empty()
            && !next.starts_with('#')
            && !next.starts_with("--")
            && !commands::is_command(shell::program(next))
            && !sql::is_verb(next.split_whitespace().next().unwrap_or_default())
        {
            found.push(index);
        }
        if first_only && !found.is_empty() {
            break;
        }
    }
    found
}

/// The commands of a mixture, with their lines from 0.
pub(super) fn commands_among_output(code: &str, actor: Actor) -> Vec<(usize, String)> {
    if prompted(code) {
        let mut commands: Vec<(usize, String)> = Vec::new();
        let mut continued = false;
        for (index, line) in code.lines().enumerate() {
            let text = match prompt(line) {
                Some(rest) => {
                    commands.push((index, rest.to_owned()));
                    rest
                }
                None if continued => {
                    if let Some((_, command)) = commands.last_mut() {
                        command.push('\n');
                        command.push_str(line.strip_prefix("> ").unwrap_or(line));
                    }
                    line
                }
                None => "",
            };
            continued = text.trim_end().ends_with('\\');
        }
        commands.retain(|(_, command)| !command.trim().is_empty());
        return commands;
    }
    let lines: Vec<&str> = code.lines().collect();
    let mut commands = Vec::new();
    let mut from = 0;
    for end in printed(code, actor, false).into_iter().chain([lines.len()]) {
        // A line of what was printed already.
        if end < from {
            continue;
        }
        let held = &lines[from..end];
        if held
            .iter()
            .any(|line| !line.trim().is_empty() && !line.trim_start().starts_with(['#', '-']))
        {
            commands.push((from, held.join("\n")));
        }
        // What is printed ends where a comment or a command stands after a blank line.
        from = (end + 1..lines.len())
            .find(|at| {
                let line = lines[*at].trim();
                lines[*at - 1].trim().is_empty()
                    && (line.starts_with("# ")
                        || line.starts_with("-- ")
                        || commands::is_command(shell::program(line)))
            })
            .unwrap_or(lines.len());
    }
    commands
}
