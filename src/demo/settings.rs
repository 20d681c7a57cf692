//! The `gonogo.toml` of a demo directory: where its guide runs, whose health is read, and the values
//! and secrets that the guide asks for.

use super::cluster::Cluster;
use super::layout::Layout;
use super::system::{Environment, System};

/// Programs that the guides call.
const CLIENTS: [&str; 5] = ["psql", "pg_dump", "pg_restore", "createdb", "dropdb"];

/// The text of the file.
pub(super) fn text(system: &System, layout: &Layout, cluster: &Cluster) -> String {
    let mut settings = String::from(
        "# Where the demo's guide runs. A guide of your own has such a file beside it or above it.\n\n",
    );
    if let Some(first) = system.environments.first() {
        settings.push_str(&format!("default_environment = {}\n\n", quoted(first.name)));
    }
    for environment in system.environments {
        describe(&mut settings, system, environment, layout, cluster);
    }
    settings
}

fn describe(
    settings: &mut String,
    system: &System,
    environment: &Environment,
    layout: &Layout,
    cluster: &Cluster,
) {
    let name = environment.name;
    let mut table = |title: String, pairs: Vec<(String, String)>| {
        settings.push_str(&format!("[environments.{title}]\n"));
        for (key, value) in pairs {
            settings.push_str(&format!("{key} = {value}\n"));
        }
        settings.push('\n');
    };
    let pair = |key: &str, value: &str| (key.to_owned(), quoted(value));
    table(
        name.to_owned(),
        vec![
            ("protected".to_owned(), "false".to_owned()),
            pair("directory", &layout.directory.to_string_lossy()),
            pair("window", environment.window),
        ],
    );
    let database = cluster.conninfo_as(system.owner, environment.database);
    table(
        format!("{name}.targets.main"),
        vec![pair("postgres", &database)],
    );
    let mut values = Vec::new();
    for (called, service) in environment.services {
        let url = format!("{}/api/health", layout.url(*service));
        table(
            format!("{name}.probes.{called}"),
            vec![
                pair("url", &url),
                pair("every", "1s"),
                pair("timeout", "2s"),
            ],
        );
        let port = layout.port(*service).to_string();
        values.push(pair(&format!("{}_PORT", called.to_uppercase()), &port));
        // Where one service has several names, the guide has to be told the one at hand.
        if system.environments.len() > 1 {
            let name = format!("{}_SERVICE", called.to_uppercase());
            values.push(pair(&name, service.as_str()));
        }
    }
    values.extend(search_path(cluster).map(|path| pair("PATH", &path)));
    table(format!("{name}.values"), values);
    let token = quoted(&layout.admin_token_file().to_string_lossy());
    table(
        format!("{name}.secrets"),
        vec![("ADMIN_TOKEN".to_owned(), format!("{{ file = {token} }}"))],
    );
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A search path that leads to the client programs; `None` where the usual one does.
fn search_path(cluster: &Cluster) -> Option<String> {
    let usual = std::env::var_os("PATH").unwrap_or_default();
    let is_found = CLIENTS.iter().all(|program| {
        std::env::split_paths(&usual).any(|directory| directory.join(program).is_file())
    });
    (!is_found).then(|| {
        format!(
            "{}:{}",
            cluster.bin_directory().display(),
            usual.to_string_lossy()
        )
    })
}
