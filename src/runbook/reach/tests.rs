use super::*;
use crate::libpq::conninfo;

fn lookup(name: &str) -> Known {
    match name {
        "STAGING_URL" => Known::Value("postgresql://u@staging:5433/shop".to_owned()),
        "DB" => Known::Value("other".to_owned()),
        _ => Known::Not(format!("`{name}` is not known")),
    }
}

fn of(code: &str) -> Vec<(String, String)> {
    shell_reaches(code, &lookup)
        .into_iter()
        .map(|reach| {
            let to = match reach.to {
                Goes::Database(told) => {
                    let variables = told.variables.iter();
                    let variables = variables.map(|(name, value)| format!(" {name}={value}"));
                    let variables = variables.collect::<String>();
                    let user = told
                        .as_user
                        .map_or(String::new(), |user| format!(" as {user}"));
                    format!("{}{variables}{user}", conninfo::render(&told.written))
                }
                Goes::Reconnects(written) => conninfo::render(&written),
                Goes::Host(host) => host,
                Goes::Context(context) => context,
                Goes::Unknown(why) => format!("? {why}"),
            };
            (reach.what, to)
        })
        .collect()
}

fn to(code: &str) -> String {
    of(code)
        .into_iter()
        .map(|(_, to)| to)
        .collect::<Vec<_>>()
        .join(" | ")
}

#[test]
fn arguments_are_read_as_each_program_reads_them() {
    for (code, expected) in [
        (
            "psql -h db2 -p 5433 -d app -c 'x'",
            "host=db2 port=5433 dbname=app",
        ),
        ("psql -hdb2 -Uanna app", "host=db2 user=anna dbname=app"),
        ("psql app anna", "user=anna dbname=app"),
        (
            "psql --host=db2 --dbname 'host=db3 port=1' -f x.sql",
            "host=db3 port=1",
        ),
        (
            "psql \"$STAGING_URL\" -c 'DELETE FROM t'",
            "host=staging port=5433 user=u dbname=shop",
        ),
        ("psql -Atqc 'SELECT 1' \"$DB\"", "dbname=other"),
        (
            "PGHOST=db9 sudo -u postgres psql -tA app",
            "dbname=app as postgres",
        ),
        (
            "sudo -u postgres PGHOST=db9 psql app",
            "dbname=app PGHOST=db9 as postgres",
        ),
        ("sudo -E psql app", "dbname=app"),
        (
            "export PGDATABASE=other\npg_dump -Fc -f out.dump",
            " PGDATABASE=other",
        ),
        ("pg_restore -l x.dump", ""),
        ("psql --version", ""),
        ("pg_dump -V", ""),
        ("pg_restore --clean -j4 -d app x.dump", "dbname=app"),
        (
            "dropdb -h db2 --if-exists shop_old",
            "host=db2 dbname=shop_old",
        ),
        ("pgbench -c 10 -T 60 app", "dbname=app"),
        ("vacuumdb -z -t orders app", "dbname=app"),
        ("pgbench -i -s 10 shop", "dbname=shop"),
        ("pg_basebackup -P -h db2 -D /x", "host=db2"),
        (
            "pg_dump --host=$NOT_KNOWN -d shop",
            "? `NOT_KNOWN` is not known",
        ),
        ("pg_dump $(x) -d shop", "dbname=shop"),
        (
            "source prod.env\npsql -c x",
            "? `source` may set where it goes",
        ),
        ("sudo -u postgres psql -E app", "dbname=app as postgres"),
        (
            "psql -d $(cat name) -c x",
            "? a command or an expression gives it",
        ),
        ("psql \"$NOT_KNOWN\"", "? `NOT_KNOWN` is not known"),
        ("echo psql -h db2; grep psql x", ""),
        (
            "if psql -h a -c x; then psql -h b -c y; fi",
            "host=a | host=b",
        ),
        ("x=$(psql -h c -Atc 'SELECT 1')", "host=c"),
        ("psql <<'SQL'\nSELECT 1;\n\\c other\nSQL", " | dbname=other"),
        (
            "docker exec db psql app",
            "? `docker` runs it in another place",
        ),
        (
            "curl -fsS http://api.staging:8080/health | jq .",
            "api.staging:8080",
        ),
        ("kubectl --context=prod get pods", "prod"),
    ] {
        assert_eq!(to(code), expected, "{code}");
    }
}

#[test]
fn a_session_that_is_led_on_is_found() {
    let found = sql_reaches("SELECT 1;\n\\c other\n\\connect - bob db2 :DB\n", &lookup);
    assert_eq!(found[0].line, 1);
    assert_eq!(
        found[0].to,
        Goes::Reconnects(Parameters::from([(
            "dbname".to_owned(),
            "other".to_owned()
        )]))
    );
    assert!(
        matches!(&found[1].to, Goes::Reconnects(written) if written["port"] == "other" && written["host"] == "db2")
    );
}

#[test]
fn programs_of_postgres_are_found_wherever_they_stand() {
    assert!(LIBPQ_PROGRAMS.is_sorted());
    assert!(talks_to_postgres("time /usr/bin/psql -c 'x' | tee log"));
    assert!(talks_to_postgres("docker exec db pg_dump app"));
    assert!(!talks_to_postgres("echo psqlrc"));
}
