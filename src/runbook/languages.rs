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

/// Whether the first comment of SQL says that it is for another database: `-- SQL Server`.
pub(super) fn names_another_database(code: &str) -> bool {
    let first = code.trim_start().lines().next().unwrap_or_default();
    pattern!(
        r"(?i)^--\s*(?:(?:in|on|for|run on)\s+(?:the )?)?(?:ms ?sql|sql server|t-sql|mysql|mariadb|oracle|sqlite|clickhouse|snowflake|bigquery|cassandra)\b[\w\s.()-]{0,20}:?$"
    )
    .is_match(first.trim_end())
}

/// Whether SQL is written for another database than PostgreSQL.
pub(super) fn is_foreign_sql(code: &str) -> bool {
    // What a comment quotes is not SQL.
    let code = &super::syntax::read_sql(code).without_comments();
    pattern!(
        r"(?im)\bengine\s*=\s*\w+|\bauto_?increment\b|`\w+`|^\s*show\s+(databases|tables|processlist|full processlist|master|slave|replica|binary|engine|create|index|columns|grants|variables|status|global)\b|\bon\s+duplicate\s+key\b|\bflush\s+(privileges|tables)\b|^\s*(start|stop|change|reset)\s+(slave|master|replica)\b|^\s*go\s*$|\[dbo\]|\bnvarchar\b|\bexec\s+sp_|\bvarchar2\b|\bfrom\s+dual\b|^\s*pragma\b|^\s*use\s+\w+\s*;|\bgetdate\(\)|\bdate_(?:sub|add)\s*\(|\bcurdate\(\)|\bifnull\s*\(|\bkeyspace\b|\bmergetree\b|\bdatetime2?\s*(,|not|default|\()|\bpt-online-schema|\bunsigned\b|\bsys\.(objects|tables|columns|dm_)"
    )
    .is_match(code)
        && !code.contains("$$")
}
