//! Blanks of a guide in every spelling: `$VAR`, `<angle>`, `YOUR_NAME`, `{{x}}`, `[x]`, `/path/to/x`,
//! example hosts, date masks, routes and ellipses. A shell variable or a psql variable arrives with the
//! command; all others have to be written into its text.

mod defaults;
mod names;
mod variables;
mod words;

pub(super) use defaults::defaulted;
pub(super) use names::{assigned, assigned_in_psql};
pub use names::{is_secret, name_of};

use std::cell::OnceCell;

use words::{
    cut_short, generic_names, in_addresses, in_other_languages, is_searched_for,
    numbered_parameters, of_a_user, replaced, said_names, upper_words,
};

use names::{key_before, names_a_table, unnamed};
use variables::{environment, psql_variables};

use super::flag::FLAG_NAME;
use super::model::Actor;
use super::pattern::pattern;
use super::shell::{self, LineKind};
use super::syntax;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// `$VAR` of a shell.
    Environment,
    /// `:var` of psql.
    Psql,
    /// Has to be replaced in the text.
    Text,
    /// Something was left out: `...`.
    Omission,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Blank {
    /// Upper snake case: `<previous commit>` and `$PREVIOUS_COMMIT` are one name.
    pub name: String,
    pub text: String,
    /// Line in the code, from 0.
    pub line: usize,
    pub spelling: Spelling,
}

impl Blank {
    /// Whether the command is incomplete without a change of its text.
    pub fn is_textual(&self) -> bool {
        matches!(self.spelling, Spelling::Text | Spelling::Omission)
    }
}

/// All blanks of the code, in order. `first_line` is the line of the guide where the code begins; it
/// names the blanks that have no name of their own.
pub(super) fn find(code: &str, actor: Actor, first_line: usize) -> Vec<Blank> {
    let mut blanks = Vec::new();
    match actor {
        Actor::Sql => {
            let comments = syntax::read_sql(code).all_comments();
            for (index, line) in code.lines().enumerate() {
                omitted(line, index, first_line, &mut blanks);
                let start = line.as_ptr() as usize - code.as_ptr() as usize;
                let next = comments.partition_point(|one| one.span.end <= start);
                let body = match comments.get(next) {
                    Some(one) if one.span.start <= start => "",
                    Some(one) => &line[..line.len().min(one.span.start - start)],
                    None => line,
                };
                textual(body, line, actor, index, first_line, &mut blanks);
                psql_variables(body, index, &mut blanks);
            }
        }
        Actor::Shell | Actor::Http => {
            for (index, line) in shell::lines(code).iter().enumerate() {
                match line.kind {
                    LineKind::Blank => {}
                    LineKind::Comment => omitted(line.text, index, first_line, &mut blanks),
                    _ => textual(
                        line.command(),
                        line.text,
                        actor,
                        index,
                        first_line,
                        &mut blanks,
                    ),
                }
            }
            restored_files(code, &mut blanks);
            replaced(code, &mut blanks);
            environment(code, &mut blanks);
            blanks.sort_by_key(|blank| blank.line);
        }
        Actor::Nobody => {}
    }
    blanks.retain(|blank| blank.name != FLAG_NAME);
    blanks
}

/// A comment that says the author left something out: `-- ... drop the others ...`.
fn omitted(line: &str, index: usize, first_line: usize, blanks: &mut Vec<Blank>) {
    let trimmed = line.trim_start();
    let Some(comment) = trimmed
        .strip_prefix("--")
        .or_else(|| trimmed.strip_prefix('#'))
    else {
        return;
    };
    let comment = comment.trim_start_matches(['-', '#']).trim();
    if comment.starts_with("...") || comment.starts_with('…') || comment.starts_with("[...") {
        blanks.push(Blank {
            name: format!("OMITTED_{}", first_line + index),
            text: trimmed.trim_end().to_owned(),
            line: index,
            spelling: Spelling::Omission,
        });
    }
}

/// `pg_restore … orders_*.dump` takes one file: which one is for a person to say, since a pattern that
/// matches two breaks the restore in its middle. So does `gunzip < orders_20250101.sql.gz`: the guide's
/// author restored that one.
fn restored_files(code: &str, blanks: &mut Vec<Blank>) {
    if !code.contains(['*', '2']) {
        return;
    }
    let file = pattern!(
        r"(?:^|[\s/])([\w.-]*\w[\w.-]*\*[\w.*-]*|[\w.-]*20\d\d[-_]?(?:0\d|1[0-2])[-_]?(?:[0-2]\d|3[01])[\w:-]*\.[\w.-]+)(?:[\s;|&]|$)"
    );
    let is_dump = pattern!(
        r"(?i)back-?up|dump|\bbak|archive|snapshot|\.(?:gz|tgz|zst|bz2|bak|pgdump)$|\.sql$"
    );
    let mut inside = false;
    let mut restores = false;
    for (index, line) in shell::lines(code).iter().enumerate() {
        let command = line.command();
        match line.kind {
            LineKind::Command => {
                inside = pattern!(r"(?:^|[\s;&|(/])pg_restore\s").is_match(command);
                restores = inside
                    || pattern!(r"\brestore[\w-]*(?:\.\w+)?\s|\b(?:gunzip|zcat|bunzip2|unzstd)\s|\btar\s+-?\w*x|\b(?:psql|mysql)\b[^|;]*\s<\s?[^<]")
                        .is_match(command);
            }
            LineKind::Continuation => restores |= pattern!(r"\btar\s+-?\w*x").is_match(command),
            _ => (inside, restores) = (false, false),
        }
        for found in file.captures_iter(command).filter_map(|hit| hit.get(1)) {
            let text = found.as_str();
            let wanted = match text.contains('*') {
                true => inside,
                false => restores && is_dump.is_match(text) && !command.contains("migration"),
            };
            if wanted {
                blanks.push(Blank {
                    name: name_of(text),
                    text: text.to_owned(),
                    line: index,
                    spelling: Spelling::Text,
                });
            }
        }
    }
}

fn in_quotes(before: &str) -> bool {
    before.matches('\'').count() % 2 == 1
}

fn textual(
    body: &str,
    whole: &str,
    actor: Actor,
    index: usize,
    first_line: usize,
    blanks: &mut Vec<Blank>,
) {
    if body.trim().is_empty() {
        return;
    }
    let general = pattern!(
        r#"<[^\s<>"$;&=#`\\](?:[^<>"$;&=#`\\\n]{0,58}[^\s<>"$;&=#`\\])?>|\{\{ ?[A-Za-z_][\w-]* ?\}\}|\b(?:YOUR|your|Your)[_-][A-Za-z0-9_-]+(?:\.(?:com|org|net|io|app|dev))?|\byour(?:domain|server|host|app|site|company|org|project|username|password|repo|bucket)[a-z]*(?:\.(?:com|org|net|io|app|dev))?\b|\bYour[A-Z]\w*|(?:/|\b)path/to(?:/[A-Za-z0-9_.{}-]+)*|[\w.-]*\bexample\.(?:com|org|net|io)\b|\bX{3,}_\w+|\b[xX]{3,}(?:[._-][xX]+)*\b|(?:YYYY|yyyy)[-_.]?(?:MM|mm)[-_.]?(?:DD|dd)(?:[-_T ]?(?:HH|hh)[-_:]?(?:MM|mm)(?:[-_:]?(?:SS|ss))?)?|\[[A-Za-z][A-Za-z0-9 _-]{2,40}\]|\b(?:PASSWORD|PASS|PWD)@|\b(?:KEY|NAME|VAR|VARIABLE)=(?:VALUE|value)\b|"\.\.\."|'\.\.\.'|\w+://\.\.\.|:\.\.\.@|\b(?:previous|prev|last|last-good|known-good|target|desired)[-_](?:tag|version|commit|hash|sha|release|revision|image)\b|\brepo(?:sitory)?[-_]url\b|\b(?:replace|change|insert|fill|paste)[-_](?:this|me|here|it|in|with[-_]\w+)\b|\bchangeme\b|\b(?:CHANGE_?ME|REPLACE_?ME|(?:PASTE|REPLACE|INSERT|CHANGE|PUT|ENTER)_[A-Z0-9_]{2,})\b|\b(?:domain-anda|tu-dominio|su-dominio|seu-dominio|votre-domaine|(?:ihre|deine)-domain|tuo-dominio|mydomain|yourdomain)(?:\.\w+)?\b|\b(?:tu|votre|deine?|ihre?|seu|sua|tuo|tua)-(?:org|organi[sz]a\w+|usuario|utilisateur|usuário|utente|benutzer|proyecto|projet|projekt|projeto|progetto|servidor|serveur|server|repo\w*|empresa|firma)\b|\bv?\d+\.(?:X\.X|x\.x)\b|\{[A-Za-z][\w-]{1,40}\}|\bconnection[-_]string\b|\.\.\.|…|/:[A-Za-z]\w*"#
    );
    let facts = Facts::of(body);
    for hit in general.find_iter(body) {
        let text = hit.as_str();
        if actor == Actor::Shell && is_searched_for(&body[..hit.start()]) {
            continue;
        }
        let before = body[..hit.start()].chars().next_back();
        let after = body[hit.end()..].chars().next();
        let Some(spelling) = accept(text, before, after, &facts, actor) else {
            continue;
        };
        let left_out = spelling == Spelling::Omission
            && text.starts_with(['.', '…'])
            && (actor == Actor::Sql && !in_quotes(&body[..hit.start()]) || body.trim() == text);
        let name = match spelling {
            // No value stands for half a statement.
            Spelling::Omission if left_out => format!("OMITTED_{}", first_line + index),
            Spelling::Omission => key_before(&body[..hit.start()])
                .unwrap_or_else(|| unnamed(first_line + index, blanks)),
            _ if text.starts_with(['X', 'x']) => key_before(&body[..hit.start()])
                .unwrap_or_else(|| unnamed(first_line + index, blanks)),
            _ => name_of(text),
        };
        // Quotes and the slash of a route are not part of what is replaced.
        let text = text.trim_matches(['"', '\'']);
        blanks.push(Blank {
            name,
            text: if text.starts_with("/:") {
                &text[1..]
            } else {
                text
            }
            .to_owned(),
            line: index,
            spelling,
        });
    }
    if actor == Actor::Sql || body.contains("psql") {
        generic_names(body, index, blanks);
    }
    in_other_languages(body, index, blanks);
    if actor == Actor::Sql {
        numbered_parameters(body, index, blanks);
    } else {
        in_addresses(body, index, blanks);
    }
    if actor == Actor::Shell {
        cut_short(body, index, blanks);
        of_a_user(body, index, blanks);
        said_names(body, index, blanks);
        upper_words(body, whole, index, blanks);
    }
}

/// What a whole line says, found out once for all the hits in it.
struct Facts<'a> {
    body: &'a str,
    spoken: OnceCell<bool>,
    request: OnceCell<bool>,
    makes_names: OnceCell<bool>,
}

impl<'a> Facts<'a> {
    fn of(body: &'a str) -> Self {
        Self {
            body,
            spoken: OnceCell::new(),
            request: OnceCell::new(),
            makes_names: OnceCell::new(),
        }
    }

    /// Its dots are for a reader: `echo "Deploying ..."`.
    fn is_spoken(&self) -> bool {
        *self.spoken.get_or_init(|| {
            pattern!(r"(?i)\b(echo|printf|raise notice|\\echo|log)\b").is_match(self.body)
        })
    }

    fn is_request(&self) -> bool {
        *self.request.get_or_init(|| {
            ["://", "localhost", "curl"]
                .iter()
                .any(|word| self.body.contains(word))
        })
    }

    /// `mktemp backup.XXXXXX` is complete as it stands.
    fn makes_names(&self) -> bool {
        *self
            .makes_names
            .get_or_init(|| self.body.contains("mktemp"))
    }
}

/// Whether a hit is a blank where it stands.
fn accept(
    text: &str,
    before: Option<char>,
    after: Option<char>,
    line: &Facts<'_>,
    actor: Actor,
) -> Option<Spelling> {
    let mut characters = text.chars();
    match characters.next()? {
        '<' => in_angles(text, before, actor).then_some(Spelling::Text),
        '{' if text.starts_with("{{") => Some(Spelling::Text),
        // `shop_{customer}`, `https://host/{id}`: not the braces of a shell, of awk or of a format.
        '{' => {
            let placed = matches!(before, Some('/' | '_' | '@' | ':' | '-' | '='));
            let closed = !matches!(after, Some('}' | '{' | ','));
            let formats = pattern!(r"\b(?:awk|jq|xargs|printf|format|template|python3?|node|curl -w|find|git|stash)\b|\$\{").is_match(line.body);
            (placed && closed && !formats).then_some(Spelling::Text)
        }
        '[' => in_brackets(text, before, after, line, actor).then_some(Spelling::Text),
        '"' | '\'' | ':' => Some(Spelling::Omission),
        _ if text.ends_with("://...") => Some(Spelling::Omission),
        // A flag or a file of that name is one.
        'a'..='z'
            if !text.starts_with("your")
                && !text.ends_with(['X', 'x'])
                && matches!(before, Some('-' | '.' | '_' | '$')) =>
        {
            None
        }
        '.' => {
            let open = matches!(
                before,
                None | Some(' ' | '(' | '\t' | '[' | '{' | ',' | '=')
            );
            let path = after == Some('/') && before != Some('.');
            let close = path || matches!(after, None | Some(' ' | ')' | ';' | ',' | ']' | '}'));
            (open && close && !line.is_spoken()).then_some(Spelling::Omission)
        }
        '…' => (!line.is_spoken() && matches!(before, None | Some(' ' | '(' | '"' | '\'')))
            .then_some(Spelling::Omission),
        '/' if text.starts_with("/:") => {
            (line.is_request() && before != Some(':') && before != Some('/'))
                .then_some(Spelling::Text)
        }
        'x' | 'X' => {
            let attached = matches!(before, Some(character) if character.is_alphanumeric() || matches!(character, '\\' | '%'));
            (!attached && !line.makes_names()).then_some(Spelling::Text)
        }
        _ => Some(Spelling::Text),
    }
}

/// `<previous commit>`: the words of a person, not of a shell.
fn in_angles(text: &str, before: Option<char>, actor: Actor) -> bool {
    if matches!(before, Some('<' | '\\')) {
        return false;
    }
    let inner = &text[1..text.len() - 1];
    let named = inner.starts_with(char::is_alphabetic)
        && inner.ends_with(|last: char| last.is_alphanumeric() || last == ')')
        && inner
            .chars()
            .all(|one| one.is_alphanumeric() || "_ .,:/|'’()-".contains(one));
    if !named {
        return false;
    }
    let lower = inner.to_ascii_lowercase();
    if pattern!(r"^(?:html|head|body|div|span|p|a|b|i|br|hr|li|ul|ol|table|tr|td|th|h[1-6]|script|style|title|and .*|or .*)$|\band\b.*\bor\b").is_match(&lower) {
        return false;
    }
    // What PostgreSQL prints for a query that it does not show.
    if matches!(
        &*lower,
        "idle" | "idle in transaction" | "insufficient privilege"
    ) {
        return false;
    }
    actor != Actor::Sql || !pattern!(r"\b(and|or|then|where)\b").is_match(&lower)
}

/// `[pod name]`: not a level of a log, a mark of a commit, an array or a pattern of files.
fn in_brackets(
    text: &str,
    before: Option<char>,
    after: Option<char>,
    line: &Facts<'_>,
    actor: Actor,
) -> bool {
    const LEVELS: [&str; 12] = [
        "ALERT", "DEBUG", "ERROR", "FATAL", "INFO", "INSTALL", "OK", "SERVICE", "SLOW", "UNIT",
        "WARN", "WARNING",
    ];
    let inner = &text[1..text.len() - 1];
    let worded = inner
        .split(|character: char| !character.is_ascii_alphabetic())
        .any(|word| word.len() >= 3);
    let placed = matches!(
        before,
        None | Some(' ' | '"' | '\'' | '=' | '/' | ':' | '@' | '\t')
    );
    let level = LEVELS.contains(&&*inner.to_ascii_uppercase());
    // `[skip ci]` of a commit's message.
    let tag = inner.to_ascii_lowercase().starts_with("skip") || inner.ends_with("skip");
    // In SQL brackets are arrays, except where a name is due.
    let named = actor != Actor::Sql || names_a_table(line.body, text);
    let glob = matches!(after, Some(character) if character.is_alphanumeric() || matches!(character, '*' | '+' | '{' | '?'));
    worded && placed && !level && !tag && !glob && named
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(code: &str, actor: Actor) -> Vec<(String, Spelling)> {
        find(code, actor, 10)
            .into_iter()
            .map(|blank| (blank.name, blank.spelling))
            .collect()
    }

    #[test]
    fn every_spelling_of_a_blank() {
        use Spelling::{Environment, Omission, Text};
        for (code, name, spelling) in [
            (
                "git checkout <previous_commit_hash>",
                "PREVIOUS_COMMIT_HASH",
                Text,
            ),
            (
                "curl -H 'X: YOUR_ADMIN_TOKEN' localhost",
                "ADMIN_TOKEN",
                Text,
            ),
            ("helm upgrade {{release}} .", "RELEASE", Text),
            ("cd /path/to/api", "PATH_TO_API", Text),
            ("ssh deploy@db.example.com uptime", "DB_EXAMPLE_COM", Text),
            ("git checkout COMMIT_HASH", "COMMIT_HASH", Text),
            ("psql -f backup_YYYYMMDD.sql", "YYYYMMDD", Text),
            ("curl localhost/api/:brandId/score", "BRAND_ID", Text),
            (
                "curl localhost -d '{\"customer_id\": \"...\"}'",
                "CUSTOMER_ID",
                Omission,
            ),
            (
                "psql \"$DATABASE_URL\" -c 'SELECT 1'",
                "DATABASE_URL",
                Environment,
            ),
            ("kubectl logs [pod name]", "POD_NAME", Text),
            (
                "./roll <étiquette-précédente>",
                "ÉTIQUETTE_PRÉCÉDENTE",
                Text,
            ),
            ("ssh root@你的主机", "主机", Text),
            ("scp a root@服务器:/opt/", "服务器", Text),
            ("curl -u a:ваш_токен localhost", "ТОКЕН", Text),
            ("curl https://PROJ_REF.host.dev/v1", "PROJ_REF", Text),
            ("curl localhost/api/items/SERIAL/on", "SERIAL", Text),
            ("curl localhost/api/items/{id}/on", "ID", Text),
            (
                "curl -H 'Authorization: Bearer TOKEN' localhost",
                "TOKEN",
                Text,
            ),
            ("deploy --wasm path/to/last.wasm", "PATH_TO_LAST_WASM", Text),
            ("./load dumps/shop_TIMESTAMP.sql.gz", "TIMESTAMP", Text),
            ("API_KEY=\"abc...\" ./go", "API_KEY", Text),
            ("tool new migration_name", "MIGRATION_NAME", Text),
            ("scp a.tgz usuario@servidor:/srv/", "USUARIO_SERVIDOR", Text),
            (
                "# Replace 'shop-db' with your container\ndocker exec shop-db ls",
                "SHOP_DB",
                Text,
            ),
            (
                "gunzip -c b/shop_20250131.sql.gz | psql a",
                "SHOP_20250131_SQL_GZ",
                Text,
            ),
        ] {
            assert_eq!(
                names(code, Actor::Shell),
                [(name.to_owned(), spelling)],
                "{code}"
            );
        }
    }

    #[test]
    fn what_only_looks_like_a_blank() {
        for code in [
            "go test ./...",
            "echo \"Deploying ...\"",
            "psql app < dump.sql > out.log",
            "cat <<EOF > x\nEOF",
            "awk '{print $2}' f",
            "docker ps --format '{{.Names}}'",
            "grep '[Ee]rror' x.log; ls [a-z]*",
            "X=$(date +%Y%m%d); if [ -f x ]; then ls; fi",
            "git diff main...HEAD",
            "echo $HOME ${TAG:-latest}",
            "# replace <this>\nls",
            "heroku config:get DATABASE_URL",
            "git commit -m '第一次提交'",
            ". /etc/os-release && echo \"$VERSION_CODENAME\"",
            "curl -fsSL https://raw.host.dev/tool/HEAD/install.sh",
            "tar czf shop_20250131.tar.gz shop",
            "psql app < migrations/20250131_add.sql",
            "cat /opt/shop/VERSION",
            "ssh deploy@web1 uptime",
            "# Replace 'old' with 'new'\ngrep old shop.conf",
            "# Replace 'old' by hand\nsed -i s/old/new/ shop.conf",
        ] {
            assert_eq!(names(code, Actor::Shell), [], "{code}");
        }
        for code in [
            "SELECT a::int FROM t WHERE a <b",
            "SELECT '{1,2}'::int[], now()",
            "SELECT 'at 10:30'",
        ] {
            assert_eq!(names(code, Actor::Sql), [], "{code}");
        }
    }

    #[test]
    fn omissions_make_sql_incomplete() {
        assert_eq!(
            names("DROP INDEX a;\n-- ... drop all others ...", Actor::Sql),
            [("OMITTED_11".to_owned(), Spelling::Omission)]
        );
        assert_eq!(names("SELECT :'who', :n;", Actor::Sql).len(), 2);
        assert_eq!(
            names("UPDATE t SET a = $1 WHERE b = 'x';", Actor::Sql),
            [("PARAMETER_1".to_owned(), Spelling::Text)]
        );
        assert_eq!(names("PREPARE p AS SELECT $1;", Actor::Sql), []);
    }

    #[test]
    fn secrets_by_name() {
        for name in ["PGPASSWORD", "ADMIN_TOKEN", "API_KEY", "DATABASE_URL"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["BRAND_ID", "KEYSPACE", "COMMIT_HASH"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
