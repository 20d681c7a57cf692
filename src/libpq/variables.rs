//! The environment variables that libpq reads.

/// Variable and the parameter that it stands for, as in `PQconninfoOptions` of PostgreSQL 12 to 18.
const PARAMETERS: [(&str, &str); 35] = [
    ("PGAPPNAME", "application_name"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGCLIENTENCODING", "client_encoding"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGDATABASE", "dbname"),
    ("PGGSSDELEGATION", "gssdelegation"),
    ("PGGSSENCMODE", "gssencmode"),
    ("PGGSSLIB", "gsslib"),
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGKRBSRVNAME", "krbsrvname"),
    ("PGLOADBALANCEHOSTS", "load_balance_hosts"),
    ("PGMAXPROTOCOLVERSION", "max_protocol_version"),
    ("PGMINPROTOCOLVERSION", "min_protocol_version"),
    ("PGOPTIONS", "options"),
    ("PGPASSFILE", "passfile"),
    ("PGPASSWORD", "password"),
    ("PGPORT", "port"),
    ("PGREQUIREAUTH", "require_auth"),
    ("PGREQUIREPEER", "requirepeer"),
    ("PGREQUIRESSL", "requiressl"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLCERTMODE", "sslcertmode"),
    ("PGSSLCOMPRESSION", "sslcompression"),
    ("PGSSLCRL", "sslcrl"),
    ("PGSSLCRLDIR", "sslcrldir"),
    ("PGSSLKEY", "sslkey"),
    ("PGSSLMAXPROTOCOLVERSION", "ssl_max_protocol_version"),
    ("PGSSLMINPROTOCOLVERSION", "ssl_min_protocol_version"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLNEGOTIATION", "sslnegotiation"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLSNI", "sslsni"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGUSER", "user"),
];

/// Variables that name an address by another file.
const SERVICES: [&str; 3] = ["PGSERVICE", "PGSERVICEFILE", "PGSYSCONFDIR"];

/// Variables that change a session, and never where it goes.
const SESSION: [&str; 4] = ["PGDATESTYLE", "PGTZ", "PGGEQO", "PGLOCALEDIR"];

/// The parameter that a variable stands for.
pub fn parameter_of(variable: &str) -> Option<&'static str> {
    let mut known = PARAMETERS.iter();
    known.find_map(|(name, parameter)| (*name == variable).then_some(*parameter))
}

/// The variable that stands for a parameter.
pub fn variable_of(parameter: &str) -> Option<&'static str> {
    let mut known = PARAMETERS.iter();
    known.find_map(|(variable, name)| (*name == parameter).then_some(*variable))
}

/// Whether libpq looks at this variable. `PGDATA` and its like belong to the server's programs.
pub fn is_read_by_libpq(variable: &str) -> bool {
    parameter_of(variable).is_some() || SERVICES.contains(&variable) || SESSION.contains(&variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_and_its_parameter_are_one() {
        for (variable, parameter) in [("PGHOSTADDR", "hostaddr"), ("PGUSER", "user")] {
            assert_eq!(parameter_of(variable), Some(parameter));
            assert_eq!(variable_of(parameter), Some(variable));
        }
        for (variable, read) in [("PGTZ", true), ("PGSERVICE", true), ("PGDATA", false)] {
            assert_eq!(is_read_by_libpq(variable), read, "{variable}");
        }
    }
}
