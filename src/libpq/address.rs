//! Where a connection goes: every parameter settled, and said where it came from.

use std::collections::BTreeMap;

use super::{Ambient, Parameters, conninfo, parameter_of, variable_of};

/// A place to connect to, settled by libpq's own rules: what is written wins over the service file,
/// that over the environment, that over defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// `host`, `port`, `user` and `dbname` are always there; a password never is.
    parameters: Parameters,
    /// By parameter.
    sources: BTreeMap<String, Source>,
    /// A password was written out.
    pub password: Option<String>,
    /// The service whose file holds the password.
    pub password_service: Option<String>,
}

/// Where a parameter came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// It is written there.
    Written,
    /// A section of a service file.
    Service {
        name: String,
        file: String,
    },
    /// A variable of the environment.
    Variable(&'static str),
    Default,
}

/// One of the servers that an address names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// A name, an address, or the directory of a Unix socket.
    pub host: String,
    /// The address to connect to, where it is given apart from the name.
    pub hostaddr: Option<String>,
    pub port: u16,
}

impl Host {
    /// Where the connection really goes.
    pub fn place(&self) -> &str {
        self.hostaddr.as_deref().unwrap_or(&self.host)
    }
}

/// They name our own session, or mean nothing to one that is named in full.
const OURS: [&str; 6] = [
    "application_name",
    "fallback_application_name",
    "client_encoding",
    "replication",
    "service",
    "servicefile",
];

/// The service that an address asks for, or its surroundings do.
fn service_of(written: &Parameters, ambient: &Ambient) -> Option<String> {
    let named = written.get("service").cloned();
    named
        .or(ambient.variable("PGSERVICE"))
        .filter(|name| !name.is_empty())
}

/// The service that is asked for and that no file has.
pub fn missing_service(written: &Parameters, ambient: &Ambient) -> Option<String> {
    service_of(written, ambient).filter(|name| ambient.service(name).is_none())
}

impl Address {
    /// Settles what is written (`host=… dbname=…`, a URI, a name) in these surroundings.
    ///
    /// # Errors
    /// One lower-case sentence: what libpq would refuse, or would have to ask for.
    pub fn resolve(written: &Parameters, ambient: &Ambient) -> Result<Self, String> {
        let mut settled: BTreeMap<String, (String, Source)> = written
            .iter()
            .map(|(name, value)| (name.clone(), (value.clone(), Source::Written)))
            .collect();
        let service = service_of(written, ambient);
        let mut password_service = None;
        if let Some(name) = &service {
            let known = ambient
                .service(name)
                .ok_or_else(|| format!("no service file has a service `{name}`"))?;
            if let Some(why) = &known.broken {
                return Err(format!("service `{name}` of `{}`, {why}", known.file));
            }
            let source = || Source::Service {
                name: name.clone(),
                file: known.file.clone(),
            };
            for (parameter, value) in known.parameters() {
                settled
                    .entry(parameter)
                    .or_insert_with(|| (value, source()));
            }
            password_service =
                (known.has_password && !written.contains_key("password")).then(|| name.clone());
        }
        for (variable, value) in ambient.variables() {
            if let Some(parameter) = parameter_of(&variable)
                && let Some(name) = variable_of(parameter)
            {
                settled
                    .entry(parameter.to_owned())
                    .or_insert_with(|| (value, Source::Variable(name)));
            }
        }
        let password = settled.remove("password").map(|(value, _)| value);
        for name in OURS {
            settled.remove(name);
        }
        // `host=''` is how one asks for the default; nothing else of use is empty.
        settled.retain(|_, (value, _)| !value.is_empty());
        let is_set = |name: &str| settled.contains_key(name);
        let mut defaults = Vec::new();
        if !is_set("host") && !is_set("hostaddr") {
            defaults.push(("host", ambient.socket_directory.clone()));
        }
        if !is_set("port") {
            defaults.push(("port", "5432".to_owned()));
        }
        let user = match settled.get("user") {
            Some((user, _)) => user.clone(),
            None => {
                defaults.push(("user", ambient.login()));
                ambient.login()
            }
        };
        if !is_set("dbname") {
            defaults.push(("dbname", user));
        }
        for (name, value) in defaults {
            settled.insert(name.to_owned(), (value, Source::Default));
        }
        let (parameters, sources) = settled
            .into_iter()
            .map(|(name, (value, source))| ((name.clone(), value), (name, source)))
            .unzip();
        let address = Self {
            parameters,
            sources,
            password,
            password_service,
        };
        address.listed()?;
        Ok(address)
    }

    /// [`Address::resolve`] of a text.
    ///
    /// # Errors
    /// As there, and where the text cannot be read.
    pub fn parse(text: &str, ambient: &Ambient) -> Result<Self, String> {
        Self::resolve(&conninfo::parse(text)?, ambient)
    }

    pub fn get(&self, parameter: &str) -> Option<&str> {
        self.parameters.get(parameter).map(String::as_str)
    }

    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    pub fn source(&self, parameter: &str) -> &Source {
        self.sources.get(parameter).unwrap_or(&Source::Default)
    }

    pub fn user(&self) -> &str {
        self.get("user").unwrap_or_default()
    }

    pub fn database(&self) -> &str {
        self.get("dbname").unwrap_or_default()
    }

    /// The servers in the order in which they are tried.
    pub fn hosts(&self) -> Vec<Host> {
        self.listed().unwrap_or_default()
    }

    fn listed(&self) -> Result<Vec<Host>, String> {
        let list = |name: &str| -> Vec<&str> {
            self.get(name)
                .map_or(Vec::new(), |text| text.split(',').collect())
        };
        let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
        let count = hosts.len().max(addresses.len());
        let fits = |list: &[&str]| list.is_empty() || list.len() == count;
        if !fits(&hosts) || !fits(&addresses) {
            return Err(format!(
                "{} hosts and {} addresses are named",
                hosts.len(),
                addresses.len()
            ));
        }
        if ports.len() > 1 && ports.len() != count {
            return Err(format!("{} ports are named for {count} hosts", ports.len()));
        }
        (0..count)
            .map(|index| {
                let port = ports
                    .get(index)
                    .or(ports.first())
                    .copied()
                    .unwrap_or_default()
                    .trim();
                let port = match port {
                    "" => 5432,
                    port => port
                        .parse()
                        .ok()
                        .filter(|port| *port > 0)
                        .ok_or_else(|| format!("`port={port}` is not a port"))?,
                };
                let hostaddr = addresses.get(index).filter(|text| !text.is_empty());
                let host = hosts.get(index).copied().unwrap_or_default();
                Ok(Host {
                    host: match (host, hostaddr) {
                        ("", Some(address)) => (*address).to_owned(),
                        (host, _) => host.to_owned(),
                    },
                    hostaddr: hostaddr.map(|text| (*text).to_owned()),
                    port,
                })
            })
            .collect()
    }

    /// The same address with one server for all that it names.
    pub fn pinned(&self, host: &Host) -> Self {
        let mut pinned = self.clone();
        let parameters = &mut pinned.parameters;
        parameters.insert("host".to_owned(), host.host.clone());
        parameters.insert("port".to_owned(), host.port.to_string());
        match &host.hostaddr {
            Some(address) => parameters.insert("hostaddr".to_owned(), address.clone()),
            None => parameters.remove("hostaddr"),
        };
        for name in ["target_session_attrs", "load_balance_hosts"] {
            parameters.remove(name);
        }
        pinned
    }

    /// Keywords that lead here from anywhere, without a password.
    pub fn conninfo(&self) -> String {
        conninfo::render(&self.parameters)
    }

    /// Variables that lead here any program that is linked to libpq and told nothing else.
    pub fn environment(&self) -> BTreeMap<String, String> {
        self.parameters
            .iter()
            .filter_map(|(name, value)| Some((variable_of(name)?.to_owned(), value.clone())))
            .collect()
    }

    /// What of it is not written there, for the operator: `hostaddr from PGHOSTADDR`.
    pub fn told_by(&self) -> Vec<String> {
        let mut by: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (parameter, source) in &self.sources {
            let words = match source {
                Source::Written | Source::Default => continue,
                Source::Variable(variable) => format!("`{variable}`"),
                Source::Service { name, file } => format!("service `{name}` of `{file}`"),
            };
            by.entry(words).or_default().push(parameter);
        }
        if let Some(name) = &self.password_service {
            let words = by
                .keys()
                .find(|words| words.starts_with(&format!("service `{name}`")));
            let words = words
                .cloned()
                .unwrap_or_else(|| format!("service `{name}`"));
            by.entry(words).or_default().push("password");
        }
        by.into_iter()
            .map(|(words, parameters)| format!("{} from {words}", parameters.join(", ")))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libpq::Files;

    fn ambient(variables: &[(&str, &str)], services: &str) -> Ambient {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let files = Files {
            services: vec![("/etc/s.conf".to_owned(), services.to_owned())],
        };
        Ambient::new(variables, &files, "anna", "/run/pg")
    }

    #[test]
    fn what_is_written_wins_over_service_environment_and_default() {
        let ambient = ambient(
            &[
                ("PGHOST", "envhost"),
                ("PGPORT", "1"),
                ("PGSSLMODE", "require"),
                ("PGPASSWORD", "x"),
            ],
            "[shop]\nport=2\nuser=deploy\nhost=servicehost\npassword=hidden\n",
        );
        let address = Address::parse("service=shop host=db1", &ambient).unwrap();
        assert_eq!(
            address.conninfo(),
            "host=db1 port=2 user=deploy dbname=deploy sslmode=require"
        );
        assert_eq!(
            address.told_by(),
            [
                "sslmode from `PGSSLMODE`",
                "port, user, password from service `shop` of `/etc/s.conf`"
            ]
        );
        assert_eq!(address.password_service.as_deref(), Some("shop"));
    }

    #[test]
    fn an_address_of_the_environment_is_no_secret_of_the_steps() {
        let ambient = ambient(&[("PGHOSTADDR", "10.0.0.9")], "");
        let address = Address::parse("host=db1 dbname=app", &ambient).unwrap();
        assert_eq!(
            address.hosts(),
            [Host {
                host: "db1".into(),
                hostaddr: Some("10.0.0.9".into()),
                port: 5432
            }]
        );
        assert_eq!(address.environment()["PGHOSTADDR"], "10.0.0.9");
        assert!(address.conninfo().contains("hostaddr=10.0.0.9"));
    }

    #[test]
    fn nothing_written_is_what_psql_would_do() {
        let address = Address::parse("", &ambient(&[], "")).unwrap();
        assert_eq!(
            address.conninfo(),
            "host=/run/pg port=5432 user=anna dbname=anna"
        );
        let address = Address::parse("host='' user=bob", &ambient(&[("PGHOST", "x")], "")).unwrap();
        assert_eq!(
            address.conninfo(),
            "host=/run/pg port=5432 user=bob dbname=bob"
        );
    }

    #[test]
    fn several_hosts_are_kept_in_their_order_and_one_of_them_can_be_pinned() {
        let address = Address::parse(
            "postgresql://a:1,b:2/app?target_session_attrs=read-write",
            &ambient(&[], ""),
        )
        .unwrap();
        let hosts = address.hosts();
        assert_eq!(hosts.len(), 2);
        assert_eq!(
            address.pinned(&hosts[1]).conninfo(),
            "host=b port=2 user=anna dbname=app"
        );
    }

    #[test]
    fn what_libpq_would_refuse_is_refused() {
        let ambient = ambient(&[], "[broken]\nhsot=x\n");
        for (text, said) in [
            ("service=nowhere", "no service file"),
            ("service=broken", "line 2"),
            ("host=a,b port=1,2,3", "3 ports are named for 2 hosts"),
            ("host=a,b hostaddr=1.2.3.4", "2 hosts and 1 addresses"),
            ("host=a port=many", "not a port"),
        ] {
            let error = Address::parse(text, &ambient).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn what_was_settled_once_is_settled_for_good() {
        let all = ambient(
            &[
                ("PGHOSTADDR", "10.0.0.9"),
                ("PGSERVICE", "shop"),
                ("PGOPTIONS", "-c a=b"),
            ],
            "[shop]\nport=2\n",
        );
        let once = Address::parse("host=db1", &all).unwrap();
        let again = Address::parse(&once.conninfo(), &all).unwrap();
        assert_eq!(once.parameters(), again.parameters());
        let elsewhere = Address::parse(&once.conninfo(), &ambient(&[], "")).unwrap();
        assert_eq!(once.parameters(), elsewhere.parameters());
    }
}
