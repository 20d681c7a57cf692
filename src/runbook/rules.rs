//! The rules that propose what a block is for, in the order in which they are asked: the first that fires
//! decides, and `why` names it. Each has an example that it fires on and one that it spares; the tests
//! run both, and `docs/rules.md` is made of this table.

/// A rule of the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable, kebab-case.
    pub id: &'static str,
    /// Says of the block what the rule found: `it holds …`.
    pub says: &'static str,
    pub fires: Sample,
    pub spares: Sample,
}

/// A block with the words right before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    pub language: &'static str,
    pub label: &'static str,
    pub code: &'static str,
}

const fn rule(
    id: &'static str,
    says: &'static str,
    fires: (&'static str, &'static str, &'static str),
    spares: (&'static str, &'static str, &'static str),
) -> Rule {
    Rule {
        id,
        says,
        fires: sample(fires),
        spares: sample(spares),
    }
}

const fn sample((language, label, code): (&'static str, &'static str, &'static str)) -> Sample {
    Sample {
        language,
        label,
        code,
    }
}

/// All of them, in the order in which they are asked.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    rule("boxes", "it is a list of boxes to tick",
        ("text", "", "[ ] Dump taken\n[ ] Team told"), ("bash", "", "[ -f dump ] && ls dump")),
    rule("said-output", "the text before it says that it is output",
        ("bash", "Expected output:", "v18.2.0"), ("bash", "Look at the output:", "cat out.log")),
    rule("output-language", "its language says that it is output",
        ("output", "", "v18.2.0"), ("bash", "", "node --version")),
    rule("printed", "it looks like a printed result",
        ("bash", "", "NAME    READY\napi     1/1"), ("bash", "", "kubectl get pods")),
    rule("language", "no step runs its language",
        ("yaml", "", "replicas: 2"), ("sh", "", "scale 2")),
    rule("empty", "there is nothing in it",
        ("bash", "", "\n"), ("bash", "", "true")),
    rule("file", "it is the content of a file",
        ("bash", "", "#!/bin/sh\n./shop drain"), ("bash", "", "./shop drain")),
    rule("settings", "it contains only settings",
        ("bash", "", "PORT=80\nHOST=shop"), ("bash", "", "PORT=80 ./shop start")),
    rule("crontab", "it contains crontab lines",
        ("bash", "", "0 3 * * * /srv/dump.sh"), ("bash", "", "crontab -l")),
    rule("not-shell", "it is in a file format, not in shell",
        ("bash", "", "{\n  \"port\": 80\n}"), ("bash", "", "{ ls; }")),
    rule("open-fence", "it contains the marker of another fence: its own is not closed",
        ("bash", "", "./look\n\n```text\nmore"), ("bash", "", "echo '```'")),
    rule("only-lists", "the text before it only lists commands",
        ("bash", "Available commands:", "shop up\nshop down"), ("bash", "Run:", "shop up")),
    rule("lesson", "its section shows how such a statement is written",
        ("sql", "", "ALTER TABLE a ADD b int;"), ("bash", "", "./shop drain")),
    rule("into-a-file", "the text before it puts it into a file",
        ("bash", "Create the file `go.sh`:", "npm ci"), ("bash", "Run the file `go.sh`:", "bash go.sh")),
    rule("not-sql", "it does not begin with an SQL statement",
        ("sql", "", "orders (id, total)"), ("sql", "", "SELECT id FROM orders;")),
    rule("no-language", "it has no language, and only a person can say that it runs",
        ("", "", "kubectl get pods"), ("bash", "", "kubectl get pods")),
    rule("request", "it is an HTTP request",
        ("http", "", "GET http://localhost/health"), ("bash", "", "curl http://localhost/health")),
    rule("no-request", "it is not a request with a method and a full address",
        ("http", "", "GET /health"), ("http", "", "GET http://localhost/health")),
    rule("other-database", "it is written for another database",
        ("sql", "", "SHOW PROCESSLIST;"), ("sql", "", "SHOW lock_timeout;")),
    rule("other-language", "its language is not for PostgreSQL or a POSIX shell",
        ("powershell", "", "Get-Service"), ("bash", "", "systemctl status")),
    rule("comments", "it contains only comments",
        ("bash", "", "# Open the console"), ("bash", "", "# Look\nls")),
    rule("editor", "it opens an editor or a browser",
        ("bash", "", "nano shop.conf"), ("bash", "", "cat shop.conf")),
    rule("with-output", "it contains commands and what they print",
        ("bash", "", "$ ls\nshop.conf"), ("bash", "", "$ ls\n$ pwd")),
    rule("session", "it opens an interactive session",
        ("bash", "", "ssh web1\n./shop drain"), ("bash", "", "ssh web1 ./shop drain\nls")),
    rule("ways", "it contains options to choose from",
        ("bash", "", "# Option A\n./one\n\n# Option B\n./other"), ("bash", "", "# Stop\n./one\n\n# Start\n./other")),
    rule("lettered", "it contains alternative steps of one number",
        ("bash", "", "# 4a. Keep it\n./keep\n\n# 4b. Give it up\n./drop-it"), ("bash", "", "# 4. Keep it\n./keep\n\n# 5. Go on\n./on")),
    rule("cases", "it contains commands for several cases; one applies",
        ("bash", "", "# If it added a column\n./one\n\n# If it made a table\n./other"), ("bash", "", "# Add a column\n./one\n\n# Make a table\n./other")),
    rule("there-and-back", "it holds a dump or a migration, and what undoes it",
        ("bash", "", "# Back up\npg_dump shop > shop_dump.sql\n\n# Restore\npsql shop < shop_dump.sql"), ("bash", "", "# Back up\npg_dump shop > shop_dump.sql\n\n# Look\nls -l shop_dump.sql")),
    rule("same-command", "it repeats one command with other flags or arguments, or a destructive one with other words",
        ("bash", "", "# Plain\nmaker image shop\n\n# Anew\nmaker image shop --no-cache"), ("bash", "", "# All\nkubectl get pods\n\n# Everywhere\nkubectl get pods -A")),
    rule("side-by-side", "it repeats one command with other words, each with a remark",
        ("bash", "", "make up  # the core\nmake up-all  # everything"), ("bash", "", "make up  # start\nmake look  # look")),
    rule("or", "it contains alternatives of a command",
        ("bash", "", "npm run build  # or: npx tsc"), ("bash", "", "npm run build  # builds it")),
    rule("terminals", "it is for several terminals",
        ("bash", "", "# Terminal 1\n./serve-it\n# Terminal 2\n./try-it"), ("bash", "", "# Serve\n./serve-it\n# Try\n./try-it")),
    rule("hosts", "it is for several hosts or environments",
        ("bash", "", "# On the primary\n./stop\n# On the replica\n./promote"), ("bash", "", "# Stop\n./stop\n# Promote\n./promote")),
    rule("rollback-beside", "it mixes a rollback with forward commands",
        ("bash", "", "./go\n\n# Roll back\n./back"), ("bash", "", "./go\n\n# Look\n./look")),
    rule("never-ends", "it has a command that never ends before others",
        ("bash", "", "npm run dev\nnpm test"), ("bash", "", "npm test\nnpm run dev")),
    rule("mixed", "it mixes SQL with shell commands",
        ("bash", "", "./look\nSELECT count(*) FROM orders;"), ("bash", "", "./look\npsql -c 'SELECT 1'")),
    rule("person", "it mixes manual actions with commands",
        ("bash", "", "cp a.example app.conf\n# Edit app.conf\nmake up"), ("bash", "", "# Edit app.conf\nsed -i s/1/2/ app.conf\nmake up")),
    rule("editor-among", "it has an editor among its commands",
        ("bash", "", "nano shop.conf\n./shop restart"), ("bash", "", "cat shop.conf\n./shop restart")),
    rule("optional", "it has an optional part",
        ("bash", "", "./go\n\n# Optional: tidy\n./tidy"), ("bash", "", "./go\n\n# Tidy\n./tidy")),
    rule("looked-first", "it shows what a person reads before the commands behind it",
        ("bash", "", "shop releases\nshop rollback <release>"), ("bash", "", "shop restart\nshop status")),
    rule("rehearsed-first", "it rehearses a command before it runs it",
        ("bash", "", "./shop drain\nshop migrate --dry-run\nshop migrate"), ("bash", "", "./shop drain\nshop migrate\nshop serve")),
    rule("asks", "a command of it asks a person",
        ("bash", "", "terraform apply\n./shop restart"), ("bash", "", "terraform apply -auto-approve\n./shop restart")),
    rule("destroys-apart", "it destroys something under a title of its own",
        ("bash", "", "# Empty the queue\n./shop drain\n\n# Old files\nrm -rf /srv/old"), ("bash", "", "# 1. Empty the queue\n./shop drain\n\n# 2. Old files\nrm -rf /srv/old")),
    rule("loaded-elsewhere", "it makes a dump and loads it again",
        ("bash", "", "pg_dump -h db1 shop > shop.sql\npsql -h db2 shop < shop.sql"), ("bash", "", "pg_dump -h db1 shop > shop.sql\ngzip shop.sql")),
    rule("told-between", "a paragraph of comments stands between its commands",
        ("bash", "", "./shop drain\n\n# The queue is empty by now.\n\n# Restart\n./shop restart"), ("bash", "", "./shop drain\n\n# The queue is empty by now.\n# Restart\n./shop restart")),
    rule("whole-guide", "it repeats steps of several sections of the guide",
        ("bash", "", "# 1.1 Freeze\n./freeze\n\n# 1.2 Dump\n./dump\n\n# 2.1 Switch\n./switch"), ("bash", "", "# 1. Freeze\n./freeze\n\n# 2. Dump\n./dump\n\n# 3. Switch\n./switch")),
    rule("blank", "something in it has to be filled in",
        ("bash", "", "git checkout <commit>"), ("bash", "", "git checkout main")),
    rule("template", "it is a template of another tool",
        ("bash", "", "./shop set {% key %}"), ("bash", "", "echo ${KEY:-none}")),
    rule("commands", "it contains complete commands",
        ("bash", "", "npm ci\nnpm run build"), ("bash", "", "# Nothing")),
];

/// A rule by its id.
pub fn rule_named(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

/// What a rule says of a block, with its name.
pub(super) fn why(id: &str) -> String {
    let says = rule_named(id).map_or(id, |rule| rule.says);
    named(id, says)
}

/// Words of one block for what a rule found there.
pub(super) fn named(id: &str, says: &str) -> String {
    format!("{says} [{id}]")
}

/// The rules as a page of Markdown.
pub fn rules_page() -> String {
    let mut page = "# The reader's rules\n\n\
        The rules that propose what a block is for, in the order in which they are asked: the first that\n\
        fires decides, and `why` names it in brackets. `gonogo check --explain RULE` prints one of them.\n\
        Proposals only: what is on is what runs, and an attribute of the author settles it.\n\n\
        | rule | what it says | fires on | spares |\n|---|---|---|---|\n"
        .to_owned();
    for rule in RULES {
        let cells = [rule.fires, rule.spares].map(|sample| sample.cell());
        page += &format!(
            "| `{}` | {} | {} | {} |\n",
            rule.id, rule.says, cells[0], cells[1]
        );
    }
    page += "\n## Which sections are the phases\n\n\
        Each sequence of headings that could be the phases is given points, and the one with most of them is\n\
        taken; of equals the first. `gonogo check` prints the reasons.\n\n";
    page + &super::phases::reasons::page()
}

impl Rule {
    /// As `gonogo check --explain` prints it.
    pub fn explained(&self) -> String {
        let shown = |sample: &Sample| {
            let label = match sample.label {
                "" => String::new(),
                label => format!("  {label}\n"),
            };
            let code: String = sample
                .code
                .lines()
                .map(|line| format!("  {line}\n"))
                .collect();
            format!("{label}  ({})\n{code}", sample.language_or_none())
        };
        format!(
            "rule[{}]: {}\n\nfires on\n{}\nspares\n{}",
            self.id,
            self.says,
            shown(&self.fires),
            shown(&self.spares)
        )
    }
}

impl Sample {
    fn language_or_none(&self) -> &'static str {
        match self.language {
            "" => "no language",
            language => language,
        }
    }

    /// In one cell of a table: lines joined by `⏎`.
    fn cell(&self) -> String {
        let code = self
            .code
            .trim_matches('\n')
            .replace('\n', " ⏎ ")
            .replace('|', "\\|");
        let label = match self.label {
            "" => String::new(),
            label => format!("{label} "),
        };
        match code.is_empty() {
            true => format!("{label}(nothing)"),
            false => format!("{label}`` {code} `` ({})", self.language_or_none()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_rules_is_made_of_the_table() {
        let page = include_str!("../../docs/rules.md");
        assert!(
            page == rules_page(),
            "write it anew: `gonogo check --explain rules > docs/rules.md`"
        );
    }
}
