//! Stand-in until the configuration reader lands.
use super::Runbook;
use super::config::*;
use super::diagnostic::*;
pub fn render(d: &[Diagnostic], file: &str, _s: &str) -> String {
    d.iter()
        .map(|d| {
            format!(
                "{file}:{}:{}: {}: {}\n",
                d.line, d.column, d.code, d.message
            )
        })
        .collect()
}
pub fn check_document(r: &Runbook) -> serde_json::Value {
    serde_json::to_value(r).unwrap_or_default()
}
pub fn parse_config(_file: &str, text: &str) -> (Config, Vec<Diagnostic>) {
    let table: toml::Table = toml::from_str(text).unwrap_or_default();
    let mut config = Config::default();
    let s = |v: Option<&toml::Value>| v.and_then(|v| v.as_str()).map(str::to_owned);
    let secret = |v: &toml::Value| -> Option<SecretSource> {
        s(v.get("env"))
            .map(SecretSource::Env)
            .or(s(v.get("file")).map(SecretSource::File))
            .or(s(v.get("command")).map(SecretSource::Command))
    };
    let ms = |v: Option<&toml::Value>, d| {
        s(v).and_then(|t| crate::text::duration::parse_ms(&t))
            .unwrap_or(d)
    };
    for (name, e) in table
        .get("environments")
        .and_then(|e| e.as_table())
        .into_iter()
        .flatten()
    {
        let mut env = Environment {
            name: name.clone(),
            ..Environment::default()
        };
        env.protected = e
            .get("protected")
            .and_then(|p| p.as_bool())
            .unwrap_or(false);
        env.directory = s(e.get("directory"));
        env.window_s = s(e.get("window")).and_then(|t| crate::text::duration::parse_s(&t));
        let each = |k: &str| {
            e.get(k)
                .and_then(|t| t.as_table())
                .cloned()
                .unwrap_or_default()
        };
        for (k, v) in each("values") {
            env.values
                .insert(k, v.as_str().map(str::to_owned).unwrap_or(v.to_string()));
        }
        for (k, v) in each("secrets") {
            if let Some(x) = secret(&v) {
                env.secrets.insert(k, x);
            }
        }
        for (k, v) in each("targets") {
            let t = match v.as_str() {
                Some(p) => Target {
                    postgres: p.to_owned(),
                    password: None,
                },
                None => Target {
                    postgres: s(v.get("postgres")).unwrap_or_default(),
                    password: v.get("password").and_then(secret),
                },
            };
            env.targets.insert(k, t);
        }
        for (k, v) in each("probes") {
            let p = ProbeSpec {
                url: v
                    .as_str()
                    .map(str::to_owned)
                    .or(s(v.get("url")))
                    .unwrap_or_default(),
                every_ms: ms(v.get("every"), 2000),
                timeout_ms: ms(v.get("timeout"), 2000),
                status: v.get("status").and_then(|s| s.as_integer()).unwrap_or(200) as u16,
            };
            env.probes.insert(k, p);
        }
        config.environments.insert(name.clone(), env);
    }
    (config, Vec::new())
}
