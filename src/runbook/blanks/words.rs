//! Words that stand for a value by themselves: in capitals, or a name that only says what is named.

use std::sync::LazyLock;

use regex::Regex;

use super::{Blank, Spelling, name_of};
use crate::runbook::pattern::{compile, pattern};
use crate::runbook::shell::{self, LineKind};
use crate::runbook::words;

/// `你的密码`, `ваш_токен`, and a host whose name no host has: letters outside ASCII.
pub(super) fn in_other_languages(body: &str, index: usize, blanks: &mut Vec<Blank>) {
    static YOURS: LazyLock<Regex> = LazyLock::new(|| {
        let your = words::alternatives("your");
        compile(&format!(r"(?i)(?:^|[^\w-])(\w*?(?:{your})[\w-]*)"))
    });
    let mut found: Vec<&str> = Vec::new();
    for hit in YOURS.captures_iter(body).filter_map(|hit| hit.get(1)) {
        let at_front = words::alternatives_begin("your", hit.as_str());
        let glued = hit.as_str().chars().any(words::is_written_without_blanks);
        // Those in ASCII are looked for elsewhere where they are English.
        if (at_front || glued) && !hit.as_str().to_lowercase().starts_with("your") {
            found.push(hit.as_str());
        }
    }
    if !body.is_ascii() {
        let host =
            pattern!(r#"(?:://|@)([^\s/:'"@<>{}$]*[^\x00-\x7F\s/:'"@<>{}$…][^\s/:'"@<>{}$]*)"#);
        found.extend(
            host.captures_iter(body)
                .filter_map(|hit| hit.get(1))
                .map(|hit| hit.as_str()),
        );
    }
    for text in found {
        if !blanks
            .iter()
            .any(|known| known.line == index && known.text.contains(text))
        {
            blanks.push(blank(text, index));
        }
    }
}

/// `https://PROJECT_REF.host.dev/items/SERIAL`, `Bearer TOKEN`: a word in capitals as a whole part of an
/// address.
pub(super) fn in_addresses(body: &str, index: usize, blanks: &mut Vec<Blank>) {
    if !["://", "localhost", "Bearer"]
        .iter()
        .any(|word| body.contains(word))
    {
        return;
    }
    let addresses = pattern!(r#"(?:\w+://|\blocalhost)[^\s'"]*"#);
    let part = pattern!(r"(?:^|[/.])([A-Z][A-Z0-9_]{3,})(?:[/.?&:]|$)");
    let mut found: Vec<&str> = Vec::new();
    for address in addresses.find_iter(body).map(|hit| hit.as_str()) {
        let mut from = 0;
        while let Some(word) = part.captures_at(address, from).and_then(|hit| hit.get(1)) {
            // `README.md` is a file, `HEAD` a name that git knows.
            let in_host = !address[..word.start()].trim_end_matches('/').contains('/')
                || address[..word.start()].ends_with("://");
            let after = address[word.end()..].chars().next();
            let known = matches!(
                word.as_str(),
                "HEAD" | "LICENSE" | "README" | "INFO" | "MAIN"
            );
            if !known && (in_host || after != Some('.')) {
                found.push(word.as_str());
            }
            from = word.end();
        }
    }
    let bearer = pattern!(r"\bBearer\s+([A-Z][A-Z_]{2,})\b");
    found.extend(
        bearer
            .captures_iter(body)
            .filter_map(|hit| hit.get(1))
            .map(|hit| hit.as_str()),
    );
    for text in found {
        add(text, index, blanks);
    }
}

/// `KEY="eyJ..."`: the rest of a value was left out.
pub(super) fn cut_short(body: &str, index: usize, blanks: &mut Vec<Blank>) {
    let cut = pattern!(r#"\b([A-Za-z_]\w*)=["']?([^\s"'$]*[\w/@:-](?:\.\.\.|…))["']?(?:\s|$)"#);
    for hit in cut.captures_iter(body) {
        blanks.push(Blank {
            name: name_of(&hit[1]),
            text: hit[2].to_owned(),
            line: index,
            spelling: Spelling::Text,
        });
    }
}

/// `tool new migration_name`, `shop_TIMESTAMP.sql`: a word that only says what has to stand there.
pub(super) fn said_names(body: &str, index: usize, blanks: &mut Vec<Blank>) {
    if body.contains("_name") && !body.contains(['"', '\'']) {
        let whole = pattern!(
            r"\s((?:[a-z]+_)?(?:migration|table|column|database|db|user|role|schema|branch|project|bucket|image|container|server|app)_name)(?:\s|$)"
        );
        for hit in whole.captures_iter(body).filter_map(|hit| hit.get(1)) {
            add(hit.as_str(), index, blanks);
        }
    }
    let dated = pattern!(r"[a-z0-9][_-](TIMESTAMP|DATETIME|DATE|VERSION|HASH|SHA)(?:[.\s/]|$)");
    for hit in dated.captures_iter(body).filter_map(|hit| hit.get(1)) {
        add(hit.as_str(), index, blanks);
    }
}

/// `user@server`: whose name is only the word for one.
pub(super) fn of_a_user(body: &str, index: usize, blanks: &mut Vec<Blank>) {
    if !body.contains('@') {
        return;
    }
    let address = pattern!(r#"(?:^|[\s"'=])((\w+)@[\w.-]*\w)"#);
    for hit in address.captures_iter(body) {
        let known = |known: &Blank| known.line == index && hit[1].contains(&known.text);
        if words::has("user", &hit[2].to_lowercase()) && !blanks.iter().any(known) {
            blanks.push(blank(&hit[1], index));
        }
    }
}

/// Comments of a block that are read for words to replace.
const MOST_REPLACED: usize = 20;

/// `# Replace 'shop-db' with your container`: in the commands of the block that word is a blank.
pub(super) fn replaced(code: &str, blanks: &mut Vec<Blank>) {
    let quoted = pattern!(r#"['"`“‘]([^'"`“”‘’\s]{2,60})['"`”’]"#);
    let lines = shell::lines(code);
    let comments = lines.iter().filter(|line| line.kind == LineKind::Comment);
    let asking = comments.filter(|line| words::says("replace", line.text));
    for comment in asking.take(MOST_REPLACED) {
        let mut named = quoted.captures_iter(comment.text);
        // What it is replaced with is not said by another word to copy.
        let (Some(old), None) = (named.next(), named.next()) else {
            continue;
        };
        let bare = |one: Option<char>| one.is_none_or(|one| !one.is_alphanumeric() && one != '_');
        for (index, line) in lines.iter().enumerate() {
            let body = line.command();
            let stands = body.match_indices(&old[1]).any(|(at, text)| {
                bare(body[..at].chars().next_back())
                    && bare(body[at + text.len()..].chars().next())
                    && !is_searched_for(&body[..at])
            });
            if stands && !matches!(line.kind, LineKind::Blank | LineKind::Comment) {
                add(&old[1], index, blanks);
            }
        }
    }
}

/// `SET a = $1`: a parameter that a program gives, and psql does not know.
pub(super) fn numbered_parameters(body: &str, index: usize, blanks: &mut Vec<Blank>) {
    if body.contains("$$") || pattern!(r"(?i)\bprepare\b|\$\w*[a-z_]\w*\$").is_match(body) {
        return;
    }
    for hit in pattern!(r"(?:^|[\s(=,])\$(\d{1,2})\b").captures_iter(body) {
        blanks.push(Blank {
            name: format!("PARAMETER_{}", &hit[1]),
            text: format!("${}", &hit[1]),
            line: index,
            spelling: Spelling::Text,
        });
    }
}

fn add(text: &str, index: usize, blanks: &mut Vec<Blank>) {
    if !blanks
        .iter()
        .any(|known| known.line == index && known.text == text)
    {
        blanks.push(blank(text, index));
    }
}

/// `DROP TABLE table_name`: a name that only says what is named. Columns of the catalogue have such
/// names too, but never stand where a table or a column is made, changed or read from.
pub(super) fn generic_names(body: &str, index: usize, blanks: &mut Vec<Blank>) {
    if !body.contains("_name") {
        return;
    }
    for hit in pattern!(r"(?i)\b(?:table|from|into|update|truncate|column|index|database|role|schema|exists)\s+(?:(?:if|not|exists|only|concurrently)\s+)*((?:your_)?(?:table|column|index|schema|database|db|role|user|constraint)_name)\b")
        .captures_iter(body)
    {
        blanks.extend(hit.get(1).map(|word| blank(word.as_str(), index)));
    }
}

/// Bare words in capitals that stand for a value: `git checkout COMMIT_HASH`.
pub(super) fn upper_words(body: &str, whole: &str, index: usize, blanks: &mut Vec<Blank>) {
    if !body.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return;
    }
    // Commands that handle names of variables, and SQL inside a command.
    if pattern!(r"(?i)\b(config|env|secrets?|variables?|printenv|unset|grep|echo|export|test|select|from|where|alter|create|drop|insert|update|delete|--env|vars?)\b|\s-e\s|\bawk\b")
        .is_match(whole)
    {
        return;
    }
    let words = pattern!(
        r"(?:^|[\s=/:@])((?:OWNER|ORG|ORGANIZATION|REPO|REPOSITORY|REGISTRY)|(?:(?:[A-Z][A-Z0-9]*_)+(?:HASH|ID|NAME|HOST|IP|ADDRESS|URL|TAG|VERSION|TOKEN|PASSWORD|PASS|USER|USERNAME|FILE|FILENAME|DATE|PATH|DIR|REGION|BUCKET|SHA|KEY|DB|DATABASE|PORT|DOMAIN|CLUSTER|NAMESPACE|PROJECT|SERVICE|CONTAINER|SECRET|ARN|TIMESTAMP|HERE|REF|COMMIT|RELEASE|BRANCH|REVISION|NUMBER))|COMMIT|COMMIT_?HASH|HASH|SHA|VERSION|ACCOUNT|TIMESTAMP|HOSTNAME|USERNAME|PASSWORD|DBNAME|REVISION|NAMESPACE|DATESTAMP|PREVIOUS|DATE)(?:$|[\s/:@.,;)])"
    );
    for hit in words.captures_iter(body).filter_map(|hit| hit.get(1)) {
        // `cat /opt/shop/VERSION`: a file of that name.
        let before = &body[..hit.start()];
        let path = before.rsplit([' ', '=', ':']).next().unwrap_or_default();
        let is_file =
            path.starts_with('/') && path.len() > 1 && !body[hit.end()..].starts_with('/');
        if hit.as_str() != "VERSION" || !is_file {
            add(hit.as_str(), index, blanks);
        }
    }
}

fn blank(word: &str, line: usize) -> Blank {
    Blank {
        name: name_of(word),
        text: word.to_owned(),
        line,
        spelling: Spelling::Text,
    }
}

/// Whether what follows is the text that `sed s/…/…/` looks for: it is meant as it stands.
pub(super) fn is_searched_for(before: &str) -> bool {
    let Some(sed) = before.rfind("sed ") else {
        return false;
    };
    pattern!(r#"(?:^|[\s'";])s(?:/[^/]*|\|[^|]*|#[^#]*|@[^@]*|,[^,]*)$"#).is_match(&before[sed..])
}
