//! What a command can do to people who did not expect it: destroy something, or never end.

use super::model::Actor;
use super::pattern::pattern;

/// What the code destroys, one phrase each, in the order of the code.
pub(super) fn destructive(code: &str, actor: Actor) -> Vec<String> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut add = |at: usize, phrase: String| {
        if !found.iter().any(|(_, known)| *known == phrase) {
            found.push((at, phrase));
        }
    };
    let code = without_comments(code, actor);
    let lower = code.to_ascii_lowercase();
    if ["drop", "truncate", "delete", "update"]
        .iter()
        .any(|verb| lower.contains(verb))
    {
        for hit in pattern!(r"(?i)\bdrop\s+(table|database|schema|column|index|materialized\s+view|view|function|procedure|trigger|type|sequence|extension|role|user|constraint|policy|publication|subscription|owned)\b|\btruncate\s+(?:table\s+)?[\w.]|\bdelete\s+from\b").find_iter(&code) {
            let words: Vec<String> = hit.as_str().split_whitespace().map(str::to_uppercase).collect();
            let phrase = if words[0] == "TRUNCATE" { "TRUNCATE".to_owned() } else { words.join(" ") };
            add(hit.start(), phrase);
        }
        for hit in
            pattern!(r"(?is)\bupdate\s+[\w.]+(?:\s+(?:as\s+)?\w+)?\s+set\s[^;]*").find_iter(&code)
        {
            if !hit.as_str().to_ascii_lowercase().contains("where") {
                add(hit.start(), "UPDATE without WHERE".to_owned());
            }
        }
    }
    if actor == Actor::Shell {
        const PHRASES: [(&str, &str); 24] = [
            ("dropdb", r"(?m)(?:^|[\s;&|(])dropdb\s"),
            ("dropuser", r"(?m)(?:^|[\s;&|(])dropuser\s"),
            ("rm -r", r"(?m)(?:^|[\s;&|(])rm\s+(?:-\w+\s+)*-\w*[rR]"),
            ("rm", r"(?m)(?:^|[\s;&|(])rm\s+(?:-[fiv]+\s+)*[^-\s]"),
            ("find -delete", r"\bfind\b[^\n]*\s-delete\b"),
            (
                "pg_restore --clean",
                r"\bpg_restore\b(?s:[^;\n]|\\\n)*?\s(?:--clean|-c)\b",
            ),
            (
                "git push --force",
                r"\bgit\s+push\b[^\n]*\s(?:--force|-f\b|--force-with-lease)",
            ),
            ("git reset --hard", r"\bgit\s+reset\b[^\n]*--hard"),
            ("git clean", r"\bgit\s+clean\s+-\w*f"),
            ("kubectl delete", r"\bkubectl\b[^\n|;]*\sdelete\s"),
            ("docker rm", r"\bdocker\s+(?:container\s+)?rm\s"),
            ("docker rmi", r"\bdocker\s+(?:rmi|image\s+(?:rm|prune))\b"),
            ("docker volume rm", r"\bdocker\s+volume\s+(?:rm|prune)\b"),
            ("docker system prune", r"\bdocker\s+system\s+prune\b"),
            (
                "docker compose down -v",
                r"\bdocker[- ]compose\b[^\n]*\sdown\b[^\n]*\s(?:-v|--volumes)\b",
            ),
            (
                "terraform destroy",
                r"\b(?:terraform|tofu|pulumi)\b[^\n]*\bdestroy\b",
            ),
            ("helm uninstall", r"\bhelm\s+(?:uninstall|delete)\b"),
            ("mkfs", r"\bmkfs"),
            ("dd", r"\bdd\s+[^\n]*\bof="),
            ("redis flush", r"(?i)\bredis-cli\b[^\n]*\bflush(?:all|db)\b"),
            (
                "aws s3 rm",
                r"\baws\s+s3\s+(?:rm|rb)\b|\baws\s+[\w-]+\s+(?:delete|terminate)-",
            ),
            ("gcloud delete", r"\bgcloud\b[^\n]*\sdelete\b"),
            (
                "supabase db reset",
                r"\bsupabase\s+db\s+reset\b|\bprisma\s+migrate\s+reset\b|\bdb:(?:drop|reset)\b",
            ),
            ("heroku pg:reset", r"\bpg:reset\b|\bapps:destroy\b"),
        ];
        static PATTERNS: std::sync::LazyLock<Vec<regex::Regex>> = std::sync::LazyLock::new(|| {
            PHRASES
                .iter()
                .map(|(_, expression)| super::pattern::compile(expression))
                .collect()
        });
        for ((phrase, _), pattern) in PHRASES.iter().zip(PATTERNS.iter()) {
            if let Some(hit) = pattern.find(&code) {
                if *phrase == "rm"
                    && found_contains(&found_phrases(&code, &PATTERNS[2]), hit.start())
                {
                    continue;
                }
                add(hit.start(), (*phrase).to_owned());
            }
        }
    }
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, phrase)| phrase).collect()
}

fn found_phrases(code: &str, pattern: &regex::Regex) -> Vec<usize> {
    pattern.find_iter(code).map(|hit| hit.start()).collect()
}

fn found_contains(starts: &[usize], at: usize) -> bool {
    starts.contains(&at)
}

/// Code without its comments; line ends stay.
pub(super) fn without_comments(code: &str, actor: Actor) -> String {
    let mut kept = String::with_capacity(code.len());
    for line in code.lines() {
        let trimmed = line.trim_start();
        let comment =
            trimmed.starts_with("--") || (actor != Actor::Sql && trimmed.starts_with('#'));
        if !comment {
            let cut = if actor == Actor::Sql {
                line.find("--").unwrap_or(line.len())
            } else {
                line.find(" # ").unwrap_or(line.len())
            };
            kept.push_str(&line[..cut]);
        }
        kept.push('\n');
    }
    kept
}

/// Whether the code runs until somebody stops it.
pub(super) fn long_running(code: &str, actor: Actor) -> bool {
    match actor {
        Actor::Sql => code.contains("\\watch"),
        Actor::Shell => {
            code.lines().any(never_ends)
                || code
                    .lines()
                    .zip(code.lines().skip(1))
                    .any(|(above, command)| {
                        above
                            .trim_start()
                            .strip_prefix('#')
                            .is_some_and(|comment| is_said_to_serve(comment, command))
                    })
        }
        _ => false,
    }
}

/// Whether all that does not end by itself is a server that is put into the background, to stay.
pub(super) fn leaves_running(code: &str) -> bool {
    let mut endless = code.lines().filter(|line| never_ends(line)).peekable();
    endless.peek().is_some()
        && endless.all(|line| {
            let line = line.find(" # ").map_or(line, |at| &line[..at]).trim_end();
            line.ends_with('&')
                && !line.ends_with("&&")
                && !pattern!(r"\b(?:tail|journalctl|watch|ping|port-forward|ngrok)\b|\blogs\s+[^&\s]|\bssh\b[^|;]*\s-\w*[NLRD]|[-_]proxy\b")
                    .is_match(line)
        })
}

/// Whether one line of shell starts something that does not end by itself.
pub(super) fn never_ends(line: &str) -> bool {
    let line = line.trim();
    if line.starts_with('#') || line.is_empty() {
        return false;
    }
    // What ends a server names it.
    if pattern!(r"^(?:sudo\s+)?(?:pkill|killall|kill|pgrep|ps)\s").is_match(line) {
        return false;
    }
    let line = line.find(" # ").map_or(line, |at| &line[..at]);
    if pattern!(r"\btimeout\s+\d|\|\s*head\b|--nostream\b|\bgrep -m").is_match(line) {
        return false;
    }
    pattern!(
        r"\btail\s+(?:[^|;]*\s)?(?:-[a-zA-Z0-9]*[fF]\b|--follow)|\blogs?\b[^|;#]*\s(?:-\w*f\b|--follow\b|--tail(?:\s*$|\s+[^0-9\s]|\s*\|)|-t\s*$)|\bjournalctl\b[^|;]*\s(?:-\w*f\w*\b|--follow)|^(?:sudo )?watch\s|\bport-forward\b|\bssh\b[^|;'\x22]*\s-\w*[NLRD]\w*\s|\bpm2\s+(?:logs|monit)\b|\b(?:npm|yarn|pnpm|bun)\s+(?:run\s+)?(?:dev|start|serve|watch)\b|\bmanage\.py\s+runserver\b|\bhttp\.server\b|\bflask\s+run\b|^(?:\S+=\S+ )*(?:uvicorn|gunicorn|daphne|celery|nodemon|htop|top|iotop|pg_activity|ngrok|stern|caddy run)\b|\brails\s+s(?:erver)?\b|\bdocker[- ]compose\b[^|;]*\sup\b|\bdocker\s+stats\b|\bwhile\s+(?:true|:|sleep)|^ping\s|\bkubectl\b[^|;]*\s(?:-w|--watch)\b|cloud[-_]sql[-_]proxy|\bstripe\s+listen\b|\bheroku\s+logs\b.*(?:-t|--tail)\b|\bfly(?:ctl)?\s+logs\b|[^&]&\s*$"
    )
    .is_match(line)
        && !is_detached(line)
        || is_server(line)
}

/// `# Hot reload` above `make air`: a task whose name does not say that it goes on.
pub(super) fn is_said_to_serve(comment: &str, command: &str) -> bool {
    pattern!(r"(?i)\b(?:starts?|starting|runs?|launch\w*)\b.{0,25}\b(?:dev|development|local|web|api|http|backend|frontend|the) server\b|\b(?:hot|live)[- ]?reload|\bauto[- ]?restarts?\b|\bwatch(?:es)? (?:mode|for (?:file )?changes)|\bdev(?:elopment)? server\b")
        .is_match(comment)
        && pattern!(r"^\s*(?:\w+=\S+\s+)*(?:make|just|task|npm|npx|yarn|pnpm|bun|bunx|deno|cargo|go|python3?|node|poetry|uv|pipenv|php|ruby|bundle|dotnet|mix|gradle|\./gradlew|mvn|\./mvnw|air)\s")
            .is_match(command)
        && !pattern!(r"(?i)\b(?:install|ci|build|test|lint|migrat\w*|stop|down|restart|status|init\w*|setup|clean|check|generate|seed|sync|add|fmt|format)\b|\s-d\b|--detach|--daemon|&\s*$")
            .is_match(command)
}

/// `mlflow server --port 5000`, `hugo serve`: a program whose word says that it serves, until stopped.
fn is_server(line: &str) -> bool {
    pattern!(
        r"^(?:\w+=\S+\s+)*(?:(?:sudo|exec|npx|bunx|uv run|poetry run|pipenv run|bundle exec|pnpm exec|python3? -m)\s+)*[\w./-]+\s+(?:(?:artisan|bin/console|manage\.py)\s+)?(?:serve|server|runserver|start-dev|start-server)(?:\s+-.*)?$"
    )
    .is_match(line)
        && !pattern!(r"^(?:sudo\s+)?(?:echo|which|man|cd|ls|cat|mkdir|rm|systemctl|service|kubectl|docker|helm|grep|pkill|killall|pgrep|type|hash|go|git|ssh|ping|test|export|source)\s|--version\b|--help\b|(?:^|\s)-(?:d|D|daemon|-daemon(?:ize)?|-detach)\b|\s--detached\b").is_match(line)
}

/// `docker compose up -d`, `ping -c 3`, `docker stats --no-stream`.
fn is_detached(line: &str) -> bool {
    (pattern!(r"\bdocker[- ]compose\b").is_match(line)
        && pattern!(r"\sup\b[^|;]*\s(?:-\w*d\w*|--detach|--no-start)\b").is_match(line))
        || (line.starts_with("ping") && line.contains(" -c"))
        || line.contains("--no-stream")
        || pattern!(r"\bpm2\s+start\b").is_match(line)
        || (pattern!(r"^top\b").is_match(line) && line.contains("-b") && line.contains("-n"))
}

/// The database that a command drops, where it is written out: its name is typed to confirm it.
pub fn dropped_database(command: &str) -> Option<String> {
    let joined = command.replace("\\\n", " ");
    let sql = pattern!(r#"(?i)\bdrop\s+database\s+(?:if\s+exists\s+)?"?([A-Za-z_][\w$-]*)"#);
    let shell = pattern!(r"(?m)(?:^|[\s;&|(])dropdb\s+([^\n;&|#]*)");
    if let Some(name) = sql.captures(&joined).and_then(|found| found.get(1)) {
        return Some(name.as_str().to_owned());
    }
    let arguments = shell.captures(&joined)?.get(1)?.as_str();
    let name = arguments
        .split_whitespace()
        .last()?
        .trim_matches(['\'', '"']);
    let plain = |letter: char| letter.is_alphanumeric() || "_-.".contains(letter);
    (!name.is_empty() && !name.starts_with('-') && name.chars().all(plain)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_destroyed() {
        let shell = |code| destructive(code, Actor::Shell);
        assert_eq!(shell("dropdb -h db app_test"), ["dropdb"]);
        assert_eq!(shell("rm -rf build"), ["rm -r"]);
        assert_eq!(shell("rm old.log"), ["rm"]);
        assert_eq!(
            shell("pg_restore -d app --clean \\\n  x.dump"),
            ["pg_restore --clean"]
        );
        assert_eq!(
            shell("psql -c \"\nDROP TABLE IF EXISTS a;\n\""),
            ["DROP TABLE"]
        );
        assert_eq!(shell("# rm -rf /\nls"), Vec::<String>::new());
        assert_eq!(
            shell("docker compose up -d && git push origin main"),
            Vec::<String>::new()
        );
        let sql = |code| destructive(code, Actor::Sql);
        assert_eq!(
            sql("ALTER TABLE t DROP COLUMN c; TRUNCATE t;"),
            ["DROP COLUMN", "TRUNCATE"]
        );
        assert_eq!(sql("UPDATE t SET a = 1;"), ["UPDATE without WHERE"]);
        assert_eq!(
            sql("UPDATE t SET a = 1 WHERE b; -- DROP TABLE x"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_never_ends() {
        for line in [
            "tail -f /var/log/x | grep err",
            "tail -n 50 -F x.log",
            "docker compose logs -f api",
            "kubectl logs deploy/api --follow",
            "journalctl -u api -f",
            "kubectl port-forward svc/db 5432:5432",
            "ssh -N -L 5433:db:5432 bastion",
            "pm2 logs api --lines 50",
            "npm run dev",
            "node dist/index.js &",
            "docker-compose up",
        ] {
            assert!(never_ends(line), "{line}");
        }
        for line in [
            "tail -100 x.log",
            "docker compose up -d",
            "kubectl logs api --tail=100",
            "docker logs api --tail 50",
            "ping -c 3 db",
            "a && b",
            "systemctl status api",
            "pm2 logs api --nostream",
            "grep -f patterns x",
            "pkill -f 'http.server 8080'",
        ] {
            assert!(!never_ends(line), "{line}");
        }
    }

    #[test]
    fn a_server_in_the_background_is_left_there_and_a_look_is_not() {
        for code in [
            "node dist/index.js &",
            "cd app\nnohup python src/main.py > log 2>&1 &  # the engine",
        ] {
            assert!(leaves_running(code), "{code}");
        }
        for code in [
            "tail -f app.log &",
            "kubectl port-forward svc/db 5432:5432 &",
            "ssh -N -L 5433:db:5432 bastion &",
            "node a.js &\ntail -f a.log",
            "npm run dev",
            "echo done",
        ] {
            assert!(!leaves_running(code), "{code}");
        }
    }

    #[test]
    fn a_database_that_is_dropped_is_named() {
        let named = |command| dropped_database(command);
        assert_eq!(
            named("createdb try\ndropdb -h db -U app shop_try").as_deref(),
            Some("shop_try")
        );
        assert_eq!(
            named("psql -c 'DROP DATABASE IF EXISTS shop_try;'").as_deref(),
            Some("shop_try")
        );
        assert_eq!(named("dropdb \"$NAME\""), None);
        assert_eq!(named("DROP TABLE shop"), None);
    }
}
