//! Words that stand for a value by themselves: in capitals, or a name that only says what is named.

use super::{Blank, Spelling, name_of};
use crate::runbook::pattern::pattern;

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
        r"(?:^|[\s=/:@])((?:OWNER|ORG|ORGANIZATION|REPO|REPOSITORY|REGISTRY)|(?:(?:[A-Z][A-Z0-9]*_)+(?:HASH|ID|NAME|HOST|IP|ADDRESS|URL|TAG|VERSION|TOKEN|PASSWORD|PASS|USER|USERNAME|FILE|FILENAME|DATE|PATH|DIR|REGION|BUCKET|SHA|KEY|DB|DATABASE|PORT|DOMAIN|CLUSTER|NAMESPACE|PROJECT|SERVICE|CONTAINER|SECRET|ARN|TIMESTAMP|HERE|COMMIT|RELEASE|BRANCH|REVISION|NUMBER))|COMMIT|COMMIT_?HASH|HASH|SHA|VERSION|ACCOUNT|TIMESTAMP|HOSTNAME|USERNAME|PASSWORD|DBNAME|REVISION|NAMESPACE|DATESTAMP|PREVIOUS|DATE)(?:$|[\s/:@.,;)])"
    );
    for hit in words.captures_iter(body) {
        blanks.extend(hit.get(1).map(|word| blank(word.as_str(), index)));
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
