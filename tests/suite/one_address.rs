//! Screen, monitor and steps go to one place, whatever the shell holds that a run is opened from.

use gonogo::demo::cluster::{Cluster, Options};

use crate::support::home::{Done, Home};
use crate::support::{connect, execute};

/// Which server each way of asking reaches, and what a step's environment holds.
const GUIDE: &str = r#"# Where does it go

## Phase 1: Ask

```sql {#sql .run}
\copy (SELECT current_setting('data_directory') || ' ' || current_database()) TO 'sql.txt'
```

```bash {#shell .run}
psql -X -Atc "SELECT current_setting('data_directory') || ' ' || current_database()" > shell.txt
env | grep '^PG' | grep -v -e PGAPPNAME -e PGPASSWORD | sort > env.txt
```
"#;

struct Asked {
    home: Home,
    done: Done,
}

impl Asked {
    fn of(target: &str, environment: &[(&str, &str)]) -> Self {
        let home = Home::new();
        home.write("guide.md", GUIDE);
        home.environment(target, "");
        let mut command = home.command(&["rehearse", "guide.md", "--json"]);
        command.envs(environment.iter().copied());
        let done = Home::finish(command).exits(0);
        Self { home, done }
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.home.path().join(name)).unwrap()
    }

    /// The server that screen, SQL steps and shell steps have reached: one and the same.
    fn place(&self) -> String {
        let sql = self.read("sql.txt").trim().to_owned();
        assert_eq!(self.read("shell.txt").trim(), sql);
        sql
    }
}

fn with_tcp() -> Cluster {
    let options = Options {
        tcp: true,
        ..Options::default()
    };
    Cluster::start_blocking(options).unwrap()
}

fn data_of(cluster: &Cluster) -> String {
    format!("{}/data", cluster.socket_directory().display())
}

#[test]
fn an_address_of_the_environment_leads_panes_and_steps_alike() {
    let (a, b) = (with_tcp(), with_tcp());
    let port = b.port().to_string();
    let target = format!(
        "host=localhost user=postgres dbname=postgres port={}",
        a.port()
    );
    let asked = Asked::of(&target, &[("PGHOSTADDR", "127.0.0.1"), ("PGPORT", &port)]);
    // The port is written, the address is not.
    assert_eq!(asked.place(), format!("{} postgres", data_of(&a)));
    let status = asked.done.json();
    let shown = &status["targets"][0];
    assert_eq!(shown["identity"]["host"], "127.0.0.1");
    assert_eq!(shown["identity"]["port"], a.port());
    assert!(
        shown["address"]
            .as_str()
            .unwrap()
            .contains("hostaddr=127.0.0.1"),
        "{shown}"
    );
    let report = asked
        .home
        .gonogo(&["report", &asked.home.runs()[0]])
        .exits(0)
        .out;
    assert!(report.contains("hostaddr from `PGHOSTADDR`"), "{report}");

    let asked = Asked::of(
        "user=postgres dbname=postgres",
        &[("PGHOSTADDR", "127.0.0.1"), ("PGPORT", &port)],
    );
    assert_eq!(asked.place(), format!("{} postgres", data_of(&b)));
}

#[test]
fn a_step_finds_its_address_and_nothing_else_of_that_family() {
    let a = with_tcp();
    let target = format!(
        "host=127.0.0.1 user=postgres dbname=postgres port={}",
        a.port()
    );
    let asked = Asked::of(
        &target,
        &[
            ("PGHOST", "nowhere.invalid"),
            ("PGUSER", "nobody"),
            ("PGTARGETSESSIONATTRS", "any"),
            ("PGSERVICE", ""),
            ("PGKRBSRVNAME", "x"),
            ("PGTZ", "UTC"),
        ],
    );
    assert_eq!(
        asked.read("env.txt").lines().collect::<Vec<_>>(),
        [
            "PGDATABASE=postgres",
            "PGHOST=127.0.0.1",
            "PGKRBSRVNAME=x",
            &format!("PGPORT={}", a.port()),
            "PGTZ=UTC",
            "PGUSER=postgres",
        ]
    );
}

#[tokio::test]
async fn a_service_leads_where_psql_would_go_password_and_all() {
    let options = Options {
        tcp: true,
        hba: Some("local all all trust\nhost all deploy 127.0.0.1/32 scram-sha-256\n".to_owned()),
        ..Options::default()
    };
    let cluster = Cluster::start(options).await.unwrap();
    let mut admin = connect(&cluster, "postgres").await;
    let role = "CREATE ROLE deploy LOGIN SUPERUSER PASSWORD 'canary-88'";
    execute(&mut admin, role).await;
    execute(&mut admin, "CREATE DATABASE shop").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("services.conf");
    let text = format!(
        "[shop]\nhost=127.0.0.1\nport={}\nuser=deploy\ndbname=shop\npassword=canary-88\n",
        cluster.port()
    );
    std::fs::write(&file, text).unwrap();
    let place = format!("{} shop", data_of(&cluster));
    for (target, environment) in [
        ("service=shop", vec![]),
        ("", vec![("PGSERVICE", "shop")]),
        ("postgresql:///?service=shop", vec![("PGPORT", "1")]),
    ] {
        let mut environment = environment;
        environment.push(("PGSERVICEFILE", file.to_str().unwrap()));
        let asked = Asked::of(target, &environment);
        assert_eq!(asked.place(), place, "{target}");
        let report = asked
            .home
            .gonogo(&["report", &asked.home.runs()[0]])
            .exits(0)
            .out;
        assert!(report.contains("from service `shop` of"), "{report}");
        assert!(!report.contains("canary-88"), "{report}");
    }
}

#[tokio::test]
async fn of_several_servers_the_first_that_will_do_is_taken_by_all() {
    let (a, b) = (with_tcp(), with_tcp());
    std::fs::write(a.socket_directory().join("data/standby.signal"), "").unwrap();
    a.restart().await.unwrap();
    for (attribute, taken) in [("any", &a), ("read-write", &b), ("standby", &a)] {
        let target = format!(
            "postgresql://postgres@127.0.0.1:{},127.0.0.1:{}/postgres?target_session_attrs={attribute}",
            a.port(),
            b.port()
        );
        let home = Home::new();
        home.write("guide.md", GUIDE);
        home.environment(&target, "");
        home.gonogo(&["rehearse", "guide.md"]).exits(0);
        let sql = std::fs::read_to_string(home.path().join("sql.txt")).unwrap();
        let shell = std::fs::read_to_string(home.path().join("shell.txt")).unwrap();
        assert_eq!(
            sql.trim(),
            format!("{} postgres", data_of(taken)),
            "{attribute}"
        );
        assert_eq!(shell, sql, "{attribute}");
    }
}

#[test]
fn a_service_that_no_file_has_is_refused_before_anything_is_opened() {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.environment("service=no-such-service", "");
    let refused = home.gonogo(&["rehearse", "guide.md"]).exits(2);
    assert!(
        refused
            .err
            .contains("no service file has a service `no-such-service`"),
        "{}",
        refused.err
    );
    assert!(home.runs().is_empty());
}
