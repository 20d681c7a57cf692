//! What a command can do to people who did not expect it: destroy something, or never end.

mod destroys;
mod programs;
mod statements;

use super::model::Actor;
use super::pattern::pattern;
use super::syntax::{self, Span};

/// Code inside of code inside of code: deeper nobody looks.
const DEEPEST: usize = 4;

/// Something that is destroyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Danger {
    /// `DROP TABLE`, `rm -r`.
    pub phrase: String,
    /// What says so, in the code.
    pub span: Span,
}

/// What the code destroys, each phrase once, in the order of the code.
pub(super) fn dangers(code: &str, actor: Actor) -> Vec<Danger> {
    let mut found = match actor {
        Actor::Shell => destroys::dangers(&syntax::read_shell(code), 0),
        Actor::Sql => statements::dangers(&syntax::read_sql(code), 0),
        Actor::Http | Actor::Nobody => Vec::new(),
    };
    found.sort_by_key(|danger| danger.span.start);
    let mut known: Vec<Danger> = Vec::with_capacity(found.len());
    for danger in found {
        if !known.iter().any(|one| one.phrase == danger.phrase) {
            known.push(danger);
        }
    }
    known
}

/// The phrases of [`dangers`].
pub(super) fn destructive(code: &str, actor: Actor) -> Vec<String> {
    let found = dangers(code, actor).into_iter();
    found.map(|danger| danger.phrase).collect()
}

/// The database that a command drops, where it is written out: its name is typed to confirm it.
pub fn dropped_database(command: &str, actor: Actor) -> Option<String> {
    match actor {
        Actor::Shell => destroys::dropped_database(&syntax::read_shell(command), 0),
        Actor::Sql => statements::dropped_database(&syntax::read_sql(command)),
        Actor::Http | Actor::Nobody => None,
    }
}

/// Code without its comments; line ends stay.
pub(super) fn without_comments(code: &str, actor: Actor) -> String {
    match actor {
        Actor::Shell => syntax::read_shell(code).without_comments(),
        Actor::Sql => syntax::read_sql(code).without_comments(),
        Actor::Http | Actor::Nobody => code.to_owned(),
    }
}

/// Whether the code runs until somebody stops it.
pub(super) fn long_running(code: &str, actor: Actor) -> bool {
    match actor {
        Actor::Sql => code.contains("\\watch"),
        Actor::Shell => code.lines().any(never_ends),
        _ => false,
    }
}

/// Whether all that does not end by itself is a server that is put into the background, to stay.
pub(super) fn leaves_running(code: &str) -> bool {
    let mut endless = code.lines().filter(|line| never_ends(line)).peekable();
    endless.peek().is_some()
        && endless.all(|line| {
            let line = syntax::before_remark(line);
            line.ends_with('&')
                && !line.ends_with("&&")
                && !pattern!(r"\b(?:tail|journalctl|watch|ping|port-forward|ngrok)\b|\blogs\s+[^&\s]|\bssh\b[^|;]*\s-\w*[NLRD]|[-_]proxy\b")
                    .is_match(line)
        })
}

/// Whether one line of shell starts something that does not end by itself.
pub(super) fn never_ends(line: &str) -> bool {
    let line = line.trim();
    // `cd web && npm install && npm run dev`: the last one goes on.
    if let Some((_, last)) = line.rsplit_once("&& ")
        && !line.contains(['\'', '"'])
    {
        return never_ends(last);
    }
    if line.starts_with('#') || line.is_empty() {
        return false;
    }
    // What ends a server names it.
    if pattern!(r"^(?:sudo\s+)?(?:pkill|killall|kill|pgrep|ps)\s").is_match(line) {
        return false;
    }
    let line = syntax::before_remark(line);
    if pattern!(r"\btimeout\s+\d|\|\s*head\b|--nostream\b|\bgrep -m").is_match(line) {
        return false;
    }
    pattern!(
        r"\btail\s+(?:[^|;]*\s)?(?:-[a-zA-Z0-9]*[fF]\b|--follow)|\blogs?\b[^|;#]*\s(?:-\w*f\b|--follow\b|--tail(?:\s*$|\s+[^0-9\s]|\s*\|)|-t\s*$)|\bjournalctl\b[^|;]*\s(?:-\w*f\w*\b|--follow)|^(?:sudo )?watch\s|\bport-forward\b|\bssh\b[^|;'\x22]*\s-\w*[NLRD]\w*\s|\bpm2\s+(?:logs|monit)\b|\b(?:npm|yarn|pnpm|bun)\s+(?:run\s+)?(?:dev|start|serve|watch)\b|\bmanage\.py\s+runserver\b|\bhttp\.server\b|\bflask\s+run\b|^(?:\S+=\S+ )*(?:(?:sudo|exec|npx|uv run|poetry run|pipenv run|bundle exec|pnpm exec|python3? -m) )*(?:\S*/)?(?:uvicorn|gunicorn|daphne|celery|nodemon|htop|top|iotop|pg_activity|ngrok|stern|caddy run)\b|\brails\s+s(?:erver)?\b|\bspring-boot:run\b|\bbootRun\b|\b(?:wrangler|next|nuxt|astro|turbo|remix|netlify|vercel)\s+dev\b|\bdotnet\s+(?:run|watch)\b|\bphp\s+-S\b|\bflutter\s+run\b|\bair\s*$|\bdocker[- ]compose\b[^|;]*\sup\b|\bdocker\s+stats\b|\bwhile\s+(?:true|:|sleep)|^ping\s|\bkubectl\b[^|;]*\s(?:-w|--watch)\b|cloud[-_]sql[-_]proxy|\bstripe\s+listen\b|\bheroku\s+logs\b.*(?:-t|--tail)\b|\bfly(?:ctl)?\s+logs\b|[^&]&\s*$"
    )
    .is_match(line)
        && !is_detached(line)
        || is_server(line)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Code of a shell, and what it destroys.
    const DESTROYED: &[(&str, &[&str])] = &[
        ("dropdb -h db app_test", &["dropdb"]),
        ("rm -rf build", &["rm -r"]),
        ("rm old.log", &["rm"]),
        ("echo \"a # b\"; rm -rf ./data", &["rm -r"]),
        (
            "printf '%s\\n' \"$(cat <<'END-OF-NOTE'\nnothing\nEND-OF-NOTE\n)\"; dropdb shop",
            &["dropdb"],
        ),
        (
            "pg_restore -d app --clean \\\n  x.dump",
            &["pg_restore --clean"],
        ),
        ("psql -c \"\nDROP TABLE IF EXISTS a;\n\"", &["DROP TABLE"]),
        ("psql -tAc 'TRUNCATE a' app", &["TRUNCATE"]),
        ("psql app <<SQL\nDELETE FROM a;\nSQL", &["DELETE FROM"]),
        ("echo 'DROP VIEW v' | psql", &["DROP VIEW"]),
        (
            "docker compose exec -T database psql -U app app << .\nDROP SCHEMA IF EXISTS x CASCADE;\n.\necho y",
            &["DROP SCHEMA"],
        ),
        ("bash -c 'cd x && rm -r y'", &["rm -r"]),
        ("eval \"dropdb $NAME\"", &["dropdb"]),
        ("ssh host 'sudo rm -rf /srv/x'", &["rm -r"]),
        ("ssh host <<'END'\nrm a\nEND", &["rm"]),
        ("ssh host rm -rf a", &["rm -r"]),
        ("trap 'rm -f a' EXIT", &["rm"]),
        ("ls | xargs -n 1 rm -f", &["rm"]),
        ("find . -name x -exec rm {} +", &["rm"]),
        ("find . -name '*.log' -delete", &["find -delete"]),
        ("sudo -u app env A=1 rm -r x", &["rm -r"]),
        ("x=$(rm -rf a)", &["rm -r"]),
        ("echo `rm -rf a`", &["rm -r"]),
        ("if true; then for i in a; do rm \"$i\"; done; fi", &["rm"]),
        ("clean() { rm -rf \"$1\"; }\nclean x", &["rm -r"]),
        ("kubectl -n shop delete pod a", &["kubectl delete"]),
        ("kubectl exec pod -- dropdb a", &["dropdb"]),
        ("terraform -chdir=x destroy", &["terraform destroy"]),
        (
            "aws ec2 terminate-instances --instance-ids i",
            &["aws delete"],
        ),
        ("aws s3 rm s3://b --recursive", &["aws s3 rm"]),
        ("git push -f origin main", &["git push --force"]),
        ("git push origin +main", &["git push --force"]),
        ("docker compose down -v", &["docker compose down -v"]),
        ("docker volume rm x", &["docker volume rm"]),
        ("mysql -e 'DROP TABLE a' app", &["DROP TABLE"]),
        ("dd if=a of=/dev/sda", &["dd"]),
        ("redis-cli -n 1 FLUSHDB", &["redis flush"]),
        ("rm -rf a\necho \"never closed", &["rm -r"]),
        ("psql shop < shop_dump.sql", &["dump restored"]),
        (
            "gunzip -c a.sql.gz | docker exec -i db psql -U app",
            &["dump restored"],
        ),
        ("python -m alembic downgrade -1", &["migration taken back"]),
        ("go run ./cmd/migrate down 1", &["migration taken back"]),
        ("bin/rails db:rollback", &["migration taken back"]),
        ("./scripts/restore-all.sh x", &["restore"]),
        (
            "docker run --rm -v d:/data alpine tar xzf /b/d.tgz",
            &["tar into a volume"],
        ),
    ];

    #[test]
    fn what_a_shell_destroys() {
        for (code, phrases) in DESTROYED {
            assert_eq!(destructive(code, Actor::Shell), *phrases, "{code}");
        }
        for code in [
            "# rm -rf /\nls",
            "docker compose up -d && git push origin main",
            "echo rm -rf x",
            "grep -r dropdb .",
            "cat > f.sql <<'END'\nDROP TABLE a;\nEND",
            "echo 'DROP TABLE a'",
            "docker run --rm -it image ls",
            "kubectl get deletes",
            "git commit -m 'rm -rf and DROP TABLE'",
            "psql -c \"SELECT 'DROP TABLE a'\"",
            "psql -d rm -f delete.sql",
            "git log --delete",
            "npm run build",
            "rm -rf node_modules app/node_modules",
            "psql shop < schema.sql",
            "pg_dump shop | gzip > shop.gz",
            "migrate up",
        ] {
            assert_eq!(
                destructive(code, Actor::Shell),
                Vec::<String>::new(),
                "{code}"
            );
        }
    }

    #[test]
    fn what_sql_destroys() {
        for (code, phrases) in [
            (
                "ALTER TABLE t DROP COLUMN c; TRUNCATE t;",
                vec!["DROP COLUMN", "TRUNCATE"],
            ),
            ("ALTER TABLE t DROP c", vec!["DROP COLUMN"]),
            ("ALTER TABLE t DROP CONSTRAINT c", vec!["DROP CONSTRAINT"]),
            ("SELECT '--'; DROP TABLE a;", vec!["DROP TABLE"]),
            ("SELECT E'it\\'s'; DROP TABLE b;", vec!["DROP TABLE"]),
            ("drop materialized view v", vec!["DROP MATERIALIZED VIEW"]),
            ("DROP INDEX CONCURRENTLY IF EXISTS i", vec!["DROP INDEX"]),
            ("DROP TABLE <name>;", vec!["DROP TABLE"]),
            ("UPDATE t SET a = 1;", vec!["UPDATE without WHERE"]),
            (
                "UPDATE ONLY s.t AS x SET a = 'where'",
                vec!["UPDATE without WHERE"],
            ),
            (
                "WITH old AS (DELETE FROM t WHERE a RETURNING *) INSERT INTO u SELECT * FROM old",
                vec!["DELETE FROM"],
            ),
            ("EXPLAIN ANALYZE DELETE FROM t", vec!["DELETE FROM"]),
            (
                "DO $$ BEGIN IF true THEN DROP TABLE a; END IF; EXECUTE 'TRUNCATE b'; END $$;",
                vec!["DROP TABLE", "TRUNCATE"],
            ),
            (
                "DO $$ BEGIN EXECUTE format('DROP TABLE %I', 'x'); END $$",
                vec!["DROP TABLE"],
            ),
            (
                "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ DELETE FROM t $$; SELECT f();",
                vec!["DELETE FROM"],
            ),
            (
                "SELECT format('DROP TABLE %I', t) FROM x \\gexec\n",
                vec!["DROP TABLE"],
            ),
            ("\\! rm -rf x", vec!["rm -r"]),
            ("COPY t TO PROGRAM 'rm x'", vec!["rm"]),
            ("DELETE FROM t WHERE id < :lim \\g\n", vec!["DELETE FROM"]),
            (
                "MERGE INTO a USING b ON a.i = b.i WHEN MATCHED THEN DELETE",
                vec!["MERGE … DELETE"],
            ),
            ("DROP OWNED BY app", vec!["DROP OWNED"]),
        ] {
            assert_eq!(destructive(code, Actor::Sql), phrases, "{code}");
        }
        for code in [
            "UPDATE t SET a = 1 WHERE b; -- DROP TABLE x",
            "SELECT 'DROP TABLE a', \"delete from\" FROM t FOR UPDATE",
            "CREATE TRIGGER t AFTER DELETE OR TRUNCATE ON x EXECUTE FUNCTION f()",
            "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ DELETE FROM t $$;",
            "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 1",
            "CREATE TABLE t (a int REFERENCES u ON DELETE CASCADE)",
            "GRANT DELETE, UPDATE ON t TO app",
            "ALTER TABLE t ALTER a DROP NOT NULL",
            "COMMENT ON TABLE t IS 'TRUNCATE me'",
            "PREPARE p AS SELECT 1; EXECUTE p",
        ] {
            assert_eq!(
                destructive(code, Actor::Sql),
                Vec::<String>::new(),
                "{code}"
            );
        }
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
        let named = |command| dropped_database(command, Actor::Shell);
        assert_eq!(
            named("createdb try\ndropdb -h db -U app shop_try").as_deref(),
            Some("shop_try")
        );
        assert_eq!(
            named("psql -c 'DROP DATABASE IF EXISTS shop_try;'").as_deref(),
            Some("shop_try")
        );
        assert_eq!(named("dropdb \"$NAME\""), None);
        let named = |command| dropped_database(command, Actor::Sql);
        assert_eq!(named("DROP TABLE shop"), None);
        assert_eq!(
            named("SELECT ';DROP DATABASE a'; DROP DATABASE \"b c\"").as_deref(),
            Some("b c")
        );
    }
}
