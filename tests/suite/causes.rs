//! What stands between the program and a database is said by its cause, with the way on: by `doctor`,
//! which asks as the panes do.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::Command;

use gonogo::demo::cluster::{Cluster, Options};

use crate::support::home::{Home, until};
use crate::support::{connect, execute};

/// A certificate that is its own authority, for `localhost`, and its key.
const CERTIFICATE: &str = include_str!("causes/own-authority.crt");
const KEY: &str = include_str!("causes/own-authority.key");

/// What `doctor` says of this target with these variables: everything, in one text.
fn said_of(target: &str, environment: &[(&str, &str)]) -> String {
    let home = Home::new();
    home.environment(target, "");
    let mut command = home.command(&["doctor", "--json"]);
    command.envs(environment.iter().copied());
    let report = Home::finish(command).json();
    let findings = report["findings"].as_array().unwrap();
    let of_it = findings
        .iter()
        .filter(|finding| finding.to_string().contains("main"));
    of_it.map(ToString::to_string).collect()
}

#[track_caller]
fn assert_said(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_its_own_authority_is_named_where_psql_takes_it() {
    let options = Options {
        tcp: true,
        ..Options::default()
    };
    let cluster = Cluster::start(options).await.unwrap();
    let folder = cluster.socket_directory();
    let owner = std::fs::metadata(folder.join("data")).unwrap();
    for (name, text) in [("own.crt", CERTIFICATE), ("own.key", KEY)] {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    let mut admin = connect(&cluster, "postgres").await;
    for (setting, value) in [
        (
            "ssl_cert_file",
            folder.join("own.crt").display().to_string(),
        ),
        ("ssl_key_file", folder.join("own.key").display().to_string()),
        ("ssl", "on".to_owned()),
    ] {
        execute(
            &mut admin,
            &format!("ALTER SYSTEM SET {setting} = '{value}'"),
        )
        .await;
    }
    execute(&mut admin, "SELECT pg_reload_conf()").await;
    let home = Home::new();
    let authority = home.plant("own.crt", CERTIFICATE);
    let target = format!(
        "host=127.0.0.1 port={} user=postgres dbname=postgres sslmode=verify-ca sslrootcert={}",
        cluster.port(),
        authority.display()
    );
    let psql = cluster.psql_path().unwrap();
    until("psql to take it", || {
        let done = Command::new(&psql)
            .args(["-X", "-c", "SELECT 1", &target])
            .output()
            .unwrap();
        done.status.success().then_some(())
    });
    let said = said_of(&target, &[]);
    assert_said(
        &said,
        &["self-signed and marked as an authority", "CA:FALSE"],
    );
}

#[tokio::test]
async fn a_password_file_that_is_open_to_others_is_why_a_login_fails() {
    let options = Options {
        tcp: true,
        hba: Some("local all all trust\nhost all deploy 127.0.0.1/32 scram-sha-256\n".to_owned()),
        ..Options::default()
    };
    let cluster = Cluster::start(options).await.unwrap();
    let mut admin = connect(&cluster, "postgres").await;
    execute(&mut admin, "CREATE ROLE deploy LOGIN PASSWORD 'canary-88'").await;
    let home = Home::new();
    let file = home.plant("pgpass", "127.0.0.1:*:*:deploy:canary-88\n");
    let target = format!(
        "host=127.0.0.1 port={} user=deploy dbname=postgres",
        cluster.port()
    );
    let environment = [("PGPASSFILE", file.to_str().unwrap())];
    let mode = |mode| std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(&file, mode(0o644)).unwrap();
    let said = said_of(&target, &environment);
    assert_said(&said, &["is open to others", "chmod 600"]);
    assert!(!said.contains("canary-88"), "{said}");
    std::fs::set_permissions(&file, mode(0o600)).unwrap();
    assert_said(&said_of(&target, &environment), &["as deploy"]);
}

#[test]
fn a_socket_whose_path_is_too_long_is_counted() {
    let target = format!("host=/tmp/{} dbname=shop", "x".repeat(120));
    let said = said_of(&target, &[]);
    assert_said(
        &said,
        &["has a path of 139 bytes", "takes 10", "a shorter path"],
    );
}

#[test]
fn a_service_that_is_nowhere_names_the_files_that_were_asked() {
    let home = Home::new();
    let missing = home.path().join("none.conf").display().to_string();
    let other = home.plant("other.conf", "[other]\nhost=/tmp\n");
    for (file, cause) in [
        (missing.as_str(), "none.conf` does not exist"),
        (
            other.to_str().unwrap(),
            "other.conf` has no section of that name",
        ),
        (home.path().to_str().unwrap(), "is no file"),
    ] {
        let said = said_of("service=shop", &[("PGSERVICEFILE", file)]);
        assert_said(&said, &["no service file has a service `shop`", cause]);
    }
}

/// A pooler as it answers the beginning of a session: with this error, whoever asks.
fn pooler(code: &'static str, message: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 8];
            if stream.read_exact(&mut head).is_err() {
                continue;
            }
            if head[4..] == 80_877_103_u32.to_be_bytes() {
                // No TLS; the session begins after that.
                stream.write_all(b"N").unwrap();
                if stream.read_exact(&mut head).is_err() {
                    continue;
                }
            }
            let length = u32::from_be_bytes(head[..4].try_into().unwrap()) as usize;
            let mut rest = vec![0; length - 8];
            stream.read_exact(&mut rest).unwrap();
            let mut fields = Vec::new();
            for field in [
                "SFATAL".to_owned(),
                "VFATAL".to_owned(),
                format!("C{code}"),
                format!("M{message}"),
            ] {
                fields.extend_from_slice(field.as_bytes());
                fields.push(0);
            }
            fields.push(0);
            let mut answer = b"E".to_vec();
            answer.extend_from_slice(&(fields.len() as u32 + 4).to_be_bytes());
            answer.extend_from_slice(&fields);
            // Whoever asks may be gone by then.
            stream.write_all(&answer).ok();
        }
    });
    port
}

#[test]
fn a_pooler_that_refuses_the_beginning_of_a_session_is_said_to_be_one() {
    for (code, message) in [
        ("08P01", "unsupported startup parameter: options"),
        (
            "08P01",
            "unsupported startup parameter in options: statement_timeout",
        ),
        (
            "0A000",
            "Feature not supported: command-line options are not supported",
        ),
    ] {
        let port = pooler(code, message);
        let target = format!("host=127.0.0.1 port={port} user=deploy dbname=shop sslmode=disable");
        let said = said_of(&target, &[]);
        assert_said(
            &said,
            &["a pooler", message, "name the host and port of the server"],
        );
    }
}

#[test]
fn a_state_folder_that_others_could_write_or_own_is_not_called_ours() {
    let home = Home::new();
    let folder = home.path().join("state/gonogo");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    let said = home.gonogo(&["doctor"]).exits(1).out;
    assert!(!said.contains("is ours alone"), "{said}");
    assert_said(&said, &["state/gonogo", "chmod"]);
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    if rustix::process::geteuid().is_root() {
        chown(&folder, Some(64_321), None).unwrap();
        let said = home.gonogo(&["doctor"]).exits(1).out;
        assert!(!said.contains("is ours alone"), "{said}");
        assert_said(&said, &["64321", "XDG_STATE_HOME"]);
        chown(&folder, Some(0), None).unwrap();
    }
    let said = home.gonogo(&["doctor"]).out;
    assert_said(&said, &["is ours alone"]);
}
