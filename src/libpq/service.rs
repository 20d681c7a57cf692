//! Service files: sections of parameters under names, as `pg_service.conf` holds them.

use super::Parameters;
use super::variables::variable_of;

/// The sections of a file in order, each with its parameters or why libpq would refuse it. Of two
/// sections of one name libpq takes the first.
pub(super) fn parse(text: &str) -> Vec<(String, Result<Parameters, String>)> {
    let mut sections: Vec<(String, Result<Parameters, String>)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            let name = name.split(']').next().unwrap_or_default();
            sections.push((name.to_owned(), Ok(Parameters::new())));
            continue;
        }
        // What stands before the first section belongs to none.
        let Some((_, section)) = sections.last_mut() else {
            continue;
        };
        let Ok(parameters) = section else { continue };
        match setting(line) {
            Ok((name, value)) => {
                parameters.entry(name).or_insert(value);
            }
            Err(why) => *section = Err(format!("line {}: {why}", index + 1)),
        }
    }
    sections
}

fn setting(line: &str) -> Result<(String, String), String> {
    if line.starts_with("ldap") {
        return Err("an LDAP server would be asked, which gonogo does not do".to_owned());
    }
    let (name, value) = line
        .split_once('=')
        .ok_or_else(|| format!("`{line}` lacks `=` and a value"))?;
    if matches!(name, "service" | "servicefile") {
        return Err("a service cannot name another service".to_owned());
    }
    // libpq takes the name as it stands: a space before the `=` belongs to it.
    if variable_of(name).is_none() && !is_parameter_without_variable(name) {
        return Err(format!("`{name}` is not a parameter of libpq"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn is_parameter_without_variable(name: &str) -> bool {
    matches!(
        name,
        "keepalives"
            | "keepalives_idle"
            | "keepalives_interval"
            | "keepalives_count"
            | "tcp_user_timeout"
            | "fallback_application_name"
            | "replication"
            | "sslpassword"
            | "sslkeylogfile"
            | "scram_client_key"
            | "scram_server_key"
            | "oauth_issuer"
            | "oauth_client_id"
            | "oauth_client_secret"
            | "oauth_scope"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_read_as_libpq_reads_them() {
        let text = "# one\nhost=lost\n[shop]\n host=db1 \nport=5433\nhost=db2\n\n[broken]\nhsot=x\nport=1\n[tail]\nport=1\n";
        let read = parse(text);
        let names: Vec<&str> = read.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["shop", "broken", "tail"]);
        let shop = read[0].1.as_ref().unwrap();
        assert_eq!(
            (shop["host"].as_str(), shop["port"].as_str()),
            ("db1", "5433")
        );
        assert!(read[1].1.as_ref().unwrap_err().contains("line 9: `hsot`"));
        assert_eq!(read[2].1.as_ref().unwrap().len(), 1);
    }
}
