//! Expectations in the words of the author, as conditions where they say something that can be
//! measured without a doubt: zero rows, an exact number, a command tag, a status, a literal in the
//! output. All else is shown to a person for judgement.

use super::model::{Actor, Block};
use super::pattern::pattern;
use super::syntax;

/// A condition for `text` about a block of this actor, or `None` where a person has to judge. `single`
/// says whether the block is one statement of SQL.
pub(super) fn automate(text: &str, actor: Actor, single: bool) -> Option<String> {
    let cleaned = text.trim().trim_end_matches(['.', '!']).trim();
    match actor {
        Actor::Sql => automate_sql(cleaned, single),
        Actor::Shell => automate_shell(cleaned),
        Actor::Http => pattern!(r"(?i)^(?:should (?:return|be|respond with) )?(?:http(?:/\d(?:\.\d)?)? ?|status(?: code)?:? ?)?([1-5]\d\d)(?: [a-z ]+)?$")
            .captures(cleaned)
            .map(|found| format!("status == {}", &found[1])),
        Actor::Nobody => None,
    }
}

fn automate_sql(text: &str, single: bool) -> Option<String> {
    if pattern!(r"(?i)^(?:(?:this |it |the query |query )?(?:should|must|will) )?(?:return|show|be|give|have|find|see)?s? ?(?:no|0|zero) rows?(?: returned)?$|^(?:(?:should|must) )?(?:be |return )?(?:empty|nothing)(?: result(?: set)?)?$")
        .is_match(text)
    {
        return Some("size(rows) == 0".to_owned());
    }
    if let Some(found) =
        pattern!(r"(?i)^(?:(?:should|must) (?:return|show|be) )?(?:exactly )?(\d+) rows?$")
            .captures(text)
    {
        return Some(format!("size(rows) == {}", &found[1]));
    }
    if let Some(found) = pattern!(
        r"^(INSERT 0 \d+|(?:UPDATE|DELETE|COPY|SELECT) \d+|(?:CREATE|ALTER|DROP) [A-Z ]+)$"
    )
    .captures(text)
    {
        return Some(format!("tag == \"{}\"", &found[1]));
    }
    if !single {
        return None;
    }
    if let Some(found) = pattern!(r"(?i)^(?:(?:this |it |value |count |result )?(?:should|must) (?:return|show|be|equal) )?(?:exactly )?(-?\d+(?:\.\d+)?)$").captures(text) {
        return Some(format!("value == {}", &found[1]));
    }
    if let Some(found) =
        pattern!(r"^`([a-z_][a-z0-9_]*) ?(=|==|>=|<=|>|<) ?(-?\d+(?:\.\d+)?)`").captures(text)
    {
        let operator = if &found[2] == "=" { "==" } else { &found[2] };
        return Some(format!("rows[0].{} {operator} {}", &found[1], &found[3]));
    }
    None
}

fn automate_shell(text: &str) -> Option<String> {
    let found = pattern!(r#"(?i)^(?:should (?:see|show|return|print|output) |output (?:contains|shows|includes) |shows? )?(?:`([^`]{2,80})`|"([^"\\]{2,80})")$"#).captures(text)?;
    let literal = found.get(1).or(found.get(2))?.as_str();
    Some(format!(
        "stdout.contains(\"{}\")",
        literal.replace('\\', "\\\\").replace('"', "\\\"")
    ))
}

/// Whether a block is one statement of SQL.
pub(super) fn is_single(block: &Block) -> bool {
    block.actor == Actor::Sql && single_statement(&block.code)
}

fn single_statement(code: &str) -> bool {
    code.lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .collect::<Vec<_>>()
        .join("\n")
        .trim()
        .trim_end_matches(';')
        .matches(';')
        .count()
        == 0
}

/// The lines of comments, counted from 0, and what they say.
fn comments(code: &str, actor: Actor) -> Vec<(usize, &str)> {
    let sql;
    let shell;
    let own = match actor {
        Actor::Sql => {
            sql = syntax::read_sql(code);
            sql.comments()
        }
        _ => {
            shell = syntax::read_shell(code);
            shell.comments()
        }
    };
    let mut found: Vec<(usize, &str)> = Vec::new();
    for comment in own {
        let first = syntax::line_of(code, comment.span.start);
        let lines = comment.text(code).lines().enumerate();
        found.extend(lines.map(|(index, text)| (first + index, text.trim())));
    }
    if actor != Actor::Sql {
        // The lines of a psql session in a shell block.
        for (index, line) in code.lines().enumerate() {
            if let Some(text) = line.trim_start().strip_prefix("--") {
                found.push((index, text.trim_start_matches('-').trim()));
            }
        }
        found.sort_by_key(|(line, _)| *line);
    }
    found
}

/// Expectations in the comments of a block: `-- Should return 0`, `# Expected: active`. The line is
/// counted from 0 within the code.
pub(super) fn in_comments(code: &str, actor: Actor) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    if !code.contains("hould") && !code.contains("xpect") {
        return found;
    }
    for (index, comment) in comments(code, actor) {
        if let Some(words) = pattern!(r"(?i)^(?:expected?(?: output| results?)?\s*:\s*(.+)|((?:all |this |it |result |output |count )?should (?:return|be|show|see|have|print|match|output|equal|contain) .+))$").captures(comment) {
            let text = words.get(1).or(words.get(2)).map_or("", |text| text.as_str());
            found.push((index, text.trim().to_owned()));
        } else if let Some(words) = pattern!(r"(?i)\((should (?:return|be|show) [^)]+)\)$").captures(comment) {
            found.push((index, words[1].to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(actor: Actor, code: &str) -> Block {
        Block {
            actor,
            code: code.to_owned(),
            ..Block::default()
        }
    }

    #[test]
    fn what_can_be_measured_is() {
        let query = block(Actor::Sql, "SELECT count(*) FROM t;");
        for (text, condition) in [
            ("Should return 0", Some("value == 0")),
            ("0 rows", Some("size(rows) == 0")),
            ("should return no rows", Some("size(rows) == 0")),
            ("UPDATE 12", Some("tag == \"UPDATE 12\"")),
            ("`late = 0` (no new writes)", Some("rows[0].late == 0")),
            ("Should return 0 or very low number", None),
            ("about 48 queries", None),
        ] {
            assert_eq!(
                automate(text, query.actor, is_single(&query)).as_deref(),
                condition,
                "{text}"
            );
        }
        let call = block(Actor::Shell, "systemctl status api");
        assert_eq!(
            automate("`active (running)`", call.actor, is_single(&call)).as_deref(),
            Some("stdout.contains(\"active (running)\")")
        );
        assert_eq!(
            automate("the service is up", call.actor, is_single(&call)),
            None
        );
    }

    #[test]
    fn comments_of_a_block() {
        assert_eq!(
            in_comments(
                "SELECT 1;\n-- Should return 0 or very low number\n",
                Actor::Sql
            ),
            [(1, "Should return 0 or very low number".to_owned())]
        );
        assert_eq!(
            in_comments("# All should return 404\ncurl -I x", Actor::Shell),
            [(0, "All should return 404".to_owned())]
        );
    }
}
