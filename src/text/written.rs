//! Secrets that somebody wrote into a guide: what is shown of it has them masked, what runs has them as
//! they are. Other than in output, where anything that may be a secret goes, names alone (`password`),
//! blanks (`<password>`, `$PGPASSWORD`) and code (`token = next_token()`) stay to be read.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use regex::Regex;

use super::pattern::compile;
use super::redact::MASK;

/// What a secret is known by. It is compiled when a text first has one of its words.
struct Known {
    /// In small letters; text without any of them has no such secret.
    words: &'static [&'static str],
    expression: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

const fn known(words: &'static [&'static str], expression: &'static str) -> Known {
    Known {
        words,
        expression,
        compiled: OnceLock::new(),
    }
}

impl Known {
    fn pattern(&self) -> Option<&Regex> {
        let compiled = self.compiled.get_or_init(|| compile(self.expression).ok());
        compiled.as_ref()
    }
}

/// The group `secret` is what is masked, where it does not stand for one.
static PATTERNS: [Known; 17] = [
    // postgresql://user:secret@host
    known(
        &["://"],
        r#"(?i)\b[a-z][a-z0-9+.-]*://[^\s/:@?#'"`]*:(?<secret>[^\s/'"`]+)@"#,
    ),
    // PGPASSWORD=secret, password='secret', --db-password=secret
    known(
        &["passw", "secret", "token", "key", "mysql_pwd", "_auth"],
        r#"(?i)(?:password|passwd|[a-z0-9][_-]?secret|(?:^|[\s"'])secret|token|(?:api|access|private|secret)[_-]?key|mysql_pwd|redis\w*_auth)["']?=(?<secret>'[^\s'\\](?:[^'\\\n]|\\.)*'|"[^\s"\\](?:[^"\\\n]|\\.)*"|[^\s'"`;&|()<>]{2,}\(?)"#,
    ),
    // password = "secret", "token": "secret"
    known(
        &["passw", "secret", "token", "key"],
        r#"(?i)(?:password|passwd|secret|token|(?:api|access|private|secret)[_-]?key)["']?\s*(?:=|:)\s*(?<secret>'[^\s'\\](?:[^'\\\n]|\\.){2,}'|"[^\s"\\](?:[^"\\\n]|\\.){2,}")"#,
    ),
    // password: secret, alone on its line
    known(
        &["passw"],
        r#"(?m)^[ \t]*["']?[\w.-]*(?:password|passwd|PASSWORD|PASSWD)["']?[ \t]*[:=][ \t]*(?<secret>[^\s'"`,;|<>{}\[\]()]{3,}),?[ \t]*$"#,
    ),
    // Password: s3cret; **Password:** `secret`
    known(
        &["passw"],
        r#"(?i)\b(?:password|passwd)\b\**\s*:\**\s*(?<secret>[^\s'"`*]*[0-9][^\s'"`*]{5,}|[^\s'"`*]{5,}[0-9][^\s'"`*]*)"#,
    ),
    known(
        &["passw"],
        r"(?i)\b(?:password|passwd)\b\**\s*[:=]\**\s*`(?<secret>[^\s`]{4,})`",
    ),
    // CREATE ROLE … PASSWORD 'secret', IDENTIFIED BY 'secret'
    known(
        &["passw", "identified"],
        r"(?i)\b(?:password|identified\s+by)\s+(?<secret>'(?:[^'\n]|'')+')",
    ),
    // Authorization: Bearer secret
    known(
        &["authorization"],
        r"(?i)\bauthorization['\x22]?\s*:\s*['\x22]?(?:basic|bearer|token|digest|apikey|negotiate)\s+(?<secret>[^\s'\x22`]+)",
    ),
    known(
        &["bearer"],
        r"(?i)\bbearer\s+(?<secret>[a-z._~+/-]*[0-9][a-z0-9._~+/=-]*|[a-z._~+/=-]{20,})",
    ),
    known(
        &["x-", "private-token"],
        r"(?i)\b(?:x-[a-z-]*(?:key|token|secret)|private-token)\s*:\s*(?<secret>[^\s'\x22`]+)",
    ),
    // -p'secret', mysql -psecret, sshpass -p secret, redis-cli -a secret, curl -u user:secret
    known(
        &["-p"],
        r#"(?m)(?:^|\s)-p(?<secret>'[^'\n]*[^'\n0-9:.][^'\n]*'|"[^"\n]*[^"\n0-9:.][^"\n]*")"#,
    ),
    known(
        &["mysql", "mariadb"],
        r#"\b(?:mysql\w*|mariadb[\w-]*)\b[^\n|;]*?\s-p(?<secret>'[^'\n]+'|"[^"\n]+"|[^\s'"`|;&]+)"#,
    ),
    known(
        &["sshpass"],
        r#"\bsshpass\b[^\n|;]*?\s-p\s*(?<secret>'[^'\n]+'|"[^"\n]+"|[^\s'"`|;&]+)"#,
    ),
    known(
        &["redis-cli"],
        r#"\bredis-cli\b[^\n|;]*?\s(?:-a|--pass)\s+(?<secret>'[^'\n]+'|"[^"\n]+"|[^\s'"`|;&]+)"#,
    ),
    known(
        &["curl"],
        r#"\bcurl\b[^\n|;]*?\s(?:-u|--user)[\s=]*['"]?[^\s:'"`]+:(?<secret>[^\s'"`]+)"#,
    ),
    // Keys that are known by their looks.
    known(
        &["akia", "gh", "sk_live_", "xox", "eyj"],
        r"\b(?<secret>AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}|sk_live_[A-Za-z0-9]{16,}|xox[bap]-[A-Za-z0-9-]{10,}|eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_.-]{10,})",
    ),
    known(
        &["private key"],
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?<secret>[A-Za-z0-9+/=\s:,-]+?)-----END",
    ),
];

/// Most text holds none of these, and is spared the search for patterns.
static HINT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    compile(
        r#"(?i)://[^\s/]*:[^\s/]*@|passw|_pwd|_auth|secret|token|key|bearer|authorization|identified|-p['"]|mysql|mariadb|sshpass|redis-cli|curl|AKIA|gh[pousr]_|sk_live_|xox[bap]-|eyJ"#,
    )
    .ok()
});

/// What only stands for a secret: a reference to a value, a blank, a word that says so.
static STAND_IN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    compile(concat!(
        r"(?i)^(?:",
        r"\$\w+|.*\$[({].*|%[sdv]|%\w+%|%\(\w+\)s|:['\x22]?[a-z_]+['\x22]?|<.*|.*>|\{.*|\[.*|\*+|x+|-+|\.{2,}|…|https?://.*|1password|",
        // What a block captures: `capture="TOKEN=stdout"`.
        r"(?:stdout|stderr|value|rows?|json)(?:[.\[(].*)?|",
        // The rest of a regular expression: `s/^password=//p`, `password=\K.*`.
        r"//.*|/\{.*|\\.*|\.[*+].*|\^.*|",
        r"none|null|nil|true|false|required|optional|empty|unset|encrypted|redacted|prompt|tbd|todo|n/?a|yes|no|see|",
        r"(?:your|my|the|change|replace|insert|example|some|enter|new|old)[-_ ]?(?:[-_ ]?(?:me|it|this|here|db|user|admin|app|api|access|password|passwd|pass|secret|token|key|value|in|prod|production|staging))+",
        r"|(?-i:[A-Z]+(?:_[A-Z]+)+|PASS|PASSWORD|PASSWD|SECRET|TOKEN|KEY|XXX+)",
        r")$"
    ))
    .ok()
});

/// Where secrets are written out in a text, quotes not counted: in order, without overlaps.
pub fn secrets_in(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    if !HINT.as_ref().is_none_or(|hint| hint.is_match(text)) {
        return found;
    }
    let small = text.to_ascii_lowercase();
    let known = PATTERNS
        .iter()
        .filter(|known| known.words.iter().any(|word| small.contains(word)));
    for pattern in known.filter_map(Known::pattern) {
        let mut from = 0;
        while from < text.len()
            && let Some(captures) = pattern.captures_at(text, from)
        {
            from = captures.get_match().end();
            let Some(secret) = captures.name("secret") else {
                continue;
            };
            let inner = unquoted(secret.as_str());
            let start = secret.start() + inner.start;
            let range = start..secret.start() + inner.end;
            if !stands_in(&text[range.clone()]) {
                found.push(range);
            }
        }
    }
    found.sort_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in found {
        match merged.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// The text with every secret in it masked.
pub fn masked(text: &str) -> Cow<'_, str> {
    let secrets = secrets_in(text);
    if secrets.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for secret in secrets {
        out.push_str(&text[from..secret.start]);
        out.push_str(MASK);
        from = secret.end;
    }
    out.push_str(&text[from..]);
    Cow::Owned(out)
}

/// [`masked`] in place.
pub fn mask(text: &mut String) {
    if let Cow::Owned(clean) = masked(text) {
        *text = clean;
    }
}

/// Where the value stands within what was found: without quotes.
fn unquoted(text: &str) -> Range<usize> {
    let quoted = |quote| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    match quoted('\'') || quoted('"') {
        true => 1..text.len() - 1,
        false => 0..text.len(),
    }
}

fn stands_in(value: &str) -> bool {
    value.trim().is_empty()
        || value.contains(MASK)
        || value.ends_with('(')
        || STAND_IN.as_ref().is_some_and(|words| words.is_match(value))
        || is_member(value)
}

/// `request.token`: the value of something else.
fn is_member(value: &str) -> bool {
    let is_name = |name: &str| {
        let mut bytes = name.bytes();
        !name.is_empty() && bytes.all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
    };
    let last = value.rsplit_once('.').map(|(_, last)| last.to_lowercase());
    let last = last.filter(|_| value.split('.').all(is_name));
    last.is_some_and(|last| {
        ["password", "secret", "token", "key", "id"]
            .iter()
            .any(|name| last.ends_with(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_can_be_compiled() {
        assert_eq!(PATTERNS.len(), 17);
        assert!(HINT.is_some() && STAND_IN.is_some());
    }

    #[test]
    fn what_is_written_in_the_open_is_masked() {
        for (text, shown) in [
            (
                r#"psql "postgresql://deploy:hunter22@db/shop""#,
                r#"psql "postgresql://deploy:‹redacted›@db/shop""#,
            ),
            (
                "redis://:p@ss:word@cache:6379",
                "redis://:‹redacted›@cache:6379",
            ),
            (
                "PGPASSWORD=hunter psql -h db",
                "PGPASSWORD=‹redacted› psql -h db",
            ),
            ("PGPASSWORD='my own' psql", "PGPASSWORD='‹redacted›' psql"),
            (
                "--admin-password=x,y1 --verbose",
                "--admin-password=‹redacted› --verbose",
            ),
            (
                "psql 'host=db password=hunter user=x'",
                "psql 'host=db password=‹redacted› user=x'",
            ),
            (
                "curl -H 'Authorization: Bearer abcdefgh' https://api",
                "curl -H 'Authorization: Bearer ‹redacted›' https://api",
            ),
            (
                "Authorization: Basic dXNlcjpwdw==",
                "Authorization: Basic ‹redacted›",
            ),
            ("with the bearer 8f3a9c11e0", "with the bearer ‹redacted›"),
            (
                "mysql -u root -p'pw' shop",
                "mysql -u root -p'‹redacted›' shop",
            ),
            ("tool -p'pw' shop", "tool -p'‹redacted›' shop"),
            ("mysqldump -ppw shop", "mysqldump -p‹redacted› shop"),
            ("sshpass -p pw ssh db", "sshpass -p ‹redacted› ssh db"),
            (
                "curl -u admin:pw https://api",
                "curl -u admin:‹redacted› https://api",
            ),
            (
                "ALTER ROLE app PASSWORD 'it''s'",
                "ALTER ROLE app PASSWORD '‹redacted›'",
            ),
            (
                "CLIENT_SECRET=abcdef ./go --client-secret=x1y SECRET=abc",
                "CLIENT_SECRET=‹redacted› ./go --client-secret=‹redacted› SECRET=‹redacted›",
            ),
            (r#"{"token": "abcdef"}"#, r#"{"token": "‹redacted›"}"#),
            (
                "db:\n  password: hunter\n  port: 1",
                "db:\n  password: ‹redacted›\n  port: 1",
            ),
            ("- Password: hunter22", "- Password: ‹redacted›"),
            ("**Password:** `hunter`", "**Password:** `‹redacted›`"),
            ("AKIAIOSFODNN7EXAMPLE is the key", "‹redacted› is the key"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----",
                "-----BEGIN RSA PRIVATE KEY-----‹redacted›-----END RSA PRIVATE KEY-----",
            ),
        ] {
            assert_eq!(masked(text), shown);
            assert_eq!(masked(shown), shown, "masked twice");
        }
    }

    #[test]
    fn names_blanks_and_code_stay_to_be_read() {
        for text in [
            "Enter the password of the role, then the token.",
            "Password: required",
            "password: see 1Password, entry 7",
            "Password: 1Password",
            "- [ ] password rotated; bearer authentication works",
            "Authorization: needs the approval of two",
            "PGPASSWORD=$PGPASSWORD psql -h db",
            "PGPASSWORD=\"${DB_PASSWORD}\" psql",
            "PGPASSWORD=$(pass show shop/db) psql",
            "PGPASSWORD=<password> psql",
            "PGPASSWORD=YOUR_PASSWORD psql",
            "PGPASSWORD=your_password psql",
            "PGPASSWORD={{ db_password }} psql",
            "curl -H \"Authorization: Bearer $TOKEN\" https://api",
            "curl -u \"$USER:$PASS\" https://api",
            "curl https://api:8080/health",
            "psql postgresql://deploy:$PW@db/shop",
            "psql postgresql://deploy:<password>@db/shop",
            "git clone ssh://git@host:22/shop",
            "mkdir -p \"$HOME/a\" && psql -p\"5432\" && docker run -p'80:80' x",
            "mysql -h db -P 3306 -p shop",
            "token = next_token()",
            "token=next_token()",
            "SELECT * FROM s WHERE reset_token = t.token AND token IS NOT NULL",
            "UPDATE s SET password = NULL",
            "```bash {.run capture=\"API_TOKEN=stdout.trim()\"}",
            "```bash {.run capture=\"API_TOKEN=value\"}",
            "gcloud secrets versions access latest --secret=db-password",
            "sed -n 's/^DB_PASSWORD=//p' .env",
            "grep 'password=' .env | cut -d'=' -f2",
            "grep 'password = ' app.ini | cut -d'=' -f2",
            "grep -oP 'password=\\K.*' app.ini",
            "awk -F= '/password=/{print $2}' app.ini",
            "vault kv get -field=password secret/shop/db",
            "kubectl get secret db -o jsonpath='{.data.password}'",
            "SET password_encryption = 'scram-sha-256'",
            "TOKEN_FILE=/run/secrets/token ./deploy",
            "ALTER ROLE app PASSWORD :'NEW_PASSWORD'",
        ] {
            assert_eq!(masked(text), text);
        }
    }
}
