//! Languages of fences by what may be done with their code.

use super::pattern::pattern;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    None,
    Shell,
    Sql,
    Http,
    /// Files and documents.
    Data,
    /// Programs that no step runs.
    Code,
    /// Text of any kind: a drawing, a printed result.
    Text,
    Output,
    /// Another database or system.
    Foreign,
}

pub(super) fn family(lang: Option<&str>) -> Family {
    let Some(lang) = lang else {
        return Family::None;
    };
    match lang {
        "" => Family::None,
        "bash" | "sh" | "shell" | "zsh" | "ksh" | "dash" | "console" | "shell-session"
        | "shellsession" | "terminal" | "shellscript" | "sh-session" | "bash-session"
        | "command" => Family::Shell,
        lang if is_sql(lang) => Family::Sql,
        "http" | "https" | "rest" => Family::Http,
        "text" | "txt" | "plain" | "plaintext" | "none" => Family::Text,
        "output" | "log" | "logs" | "ansi" | "stdout" => Family::Output,
        "powershell" | "ps1" | "pwsh" | "cmd" | "bat" | "batch" | "dos" | "fish" | "nu"
        | "mysql" | "mariadb" | "sqlite" | "sqlite3" | "mssql" | "tsql" | "plsql" | "oracle"
        | "mongodb" | "mongo" | "mongosh" | "redis" | "cql" | "cypher" | "kql" | "kusto"
        | "clickhouse" | "bigquery" | "promql" | "logql" | "esql" | "snowflake" => Family::Foreign,
        "json" | "json5" | "jsonc" | "jsonl" | "yaml" | "yml" | "toml" | "ini" | "conf"
        | "config" | "cfg" | "properties" | "env" | "dotenv" | "xml" | "html" | "css" | "scss"
        | "csv" | "tsv" | "nginx" | "apache" | "apacheconf" | "dockerfile" | "docker" | "hcl"
        | "terraform" | "tf" | "diff" | "patch" | "md" | "markdown" | "mdx" | "mermaid"
        | "plantuml" | "dot" | "systemd" | "service" | "cron" | "crontab" | "graphql" | "gql"
        | "proto" | "protobuf" | "gitignore" | "makefile" | "make" | "jinja" | "jinja2" | "svg"
        | "latex" | "tex" | "math" | "tree" | "ascii" | "caddyfile" | "caddy" | "haproxy"
        | "vim" | "regex" | "email" | "prisma" | "helm" | "kubernetes" | "template" | "url" => {
            Family::Data
        }
        _ => Family::Code,
    }
}

pub(super) fn is_sql(lang: &str) -> bool {
    matches!(
        lang,
        "sql" | "psql" | "postgres" | "postgresql" | "pgsql" | "plpgsql"
    )
}

/// The other database that a comment, or the words before a block, say its SQL is for: `-- SQL Server`,
/// `directly in SQLite`.
pub(super) fn another_database(code: &str, label: &str) -> Option<String> {
    let named = pattern!(
        r"(?i)(?:^|\b(?:in|on|for|to|via|with|using|into)\s+(?:the |your |an? )?|[:：])(ms ?sql|sql server|t-sql|mysql|mariadb|oracle|sqlite3?|clickhouse|snowflake|bigquery|cassandra)\b[\w\s.()-]{0,30}[:：]?$"
    );
    let comments = code
        .lines()
        .map(str::trim)
        .take_while(|line| line.starts_with("--") || line.is_empty())
        .map(|line| line.trim_start_matches('-').trim());
    let label = label.lines().last().unwrap_or_default();
    comments
        .chain([label.trim_matches(['*', '_', ' '])])
        .find_map(|words| Some(named.captures(words.trim_end())?[1].to_owned()))
}

/// Whether SQL is written for another database than PostgreSQL.
pub(super) fn is_foreign_sql(code: &str) -> bool {
    // What a comment quotes is not SQL.
    let code = &super::syntax::read_sql(code).without_comments();
    pattern!(
        r"(?im)'\w+'@'[\w.%-]+'|\bcharacter\s+set\s+utf8|\bengine\s*=\s*\w+|\bauto_?increment\b|`\w+`|^\s*show\s+(databases|tables|processlist|full processlist|master|slave|replica|binary|engine|create|index|columns|grants|variables|status|global)\b|\bon\s+duplicate\s+key\b|\bflush\s+(privileges|tables)\b|^\s*(start|stop|change|reset)\s+(slave|master|replica)\b|^\s*go\s*$|\[dbo\]|\bnvarchar\b|\bexec\s+sp_|\bvarchar2\b|\bfrom\s+dual\b|^\s*pragma\b|^\s*use\s+\w+\s*;|\bgetdate\(\)|\bdate_(?:sub|add)\s*\(|\bcurdate\(\)|\bifnull\s*\(|\bkeyspace\b|\bmergetree\b|\bdatetime2?\s*(,|not|default|\()|\bpt-online-schema|\bunsigned\b|\bsys\.(objects|tables|columns|dm_)"
    )
    .is_match(code)
        && !code.contains("$$")
}
