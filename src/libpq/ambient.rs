//! What surrounds a connection that is asked for here: the variables that libpq reads, the service
//! files, the login. Kept with the run that it was read for; it holds no password.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Parameters, conninfo, is_read_by_libpq, parameter_of, service};

/// Where libpq looks for a service, in this order.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// Path and text.
    pub services: Vec<(String, String)>,
}

/// Everything that libpq takes from its surroundings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ambient {
    /// Variables that libpq reads and that are set, `PGPASSWORD` aside; by [`kept`].
    variables: BTreeMap<String, String>,
    /// By name.
    services: BTreeMap<String, Service>,
    /// The login's name, libpq's default role; by [`kept`].
    login: String,
    /// Where libpq looks for a socket when no host is named.
    pub socket_directory: String,
}

/// A section of a service file, without its password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    pub file: String,
    /// By [`kept`].
    parameters: Parameters,
    pub has_password: bool,
    /// Why libpq would refuse it.
    pub broken: Option<String>,
}

impl Ambient {
    pub fn new(
        variables: impl IntoIterator<Item = (String, String)>,
        files: &Files,
        login: &str,
        socket_directory: &str,
    ) -> Self {
        let variables = variables
            .into_iter()
            .filter(|(name, _)| is_read_by_libpq(name) && name != "PGPASSWORD")
            .map(|(name, value)| (name, kept(&value)))
            .collect();
        let mut services = BTreeMap::new();
        for (file, text) in &files.services {
            for (name, read) in service::parse(text) {
                let (mut parameters, broken) = match read {
                    Ok(parameters) => (parameters, None),
                    Err(why) => (Parameters::new(), Some(why)),
                };
                let password = parameters.remove("password");
                services.entry(kept(&name)).or_insert(Service {
                    file: kept(file),
                    parameters: parameters
                        .into_iter()
                        .map(|(name, value)| (name, kept(&value)))
                        .collect(),
                    has_password: password.is_some(),
                    broken: broken.map(|why| kept(&why)),
                });
            }
        }
        Self {
            variables,
            services,
            login: kept(login),
            socket_directory: socket_directory.to_owned(),
        }
    }

    /// Variables that change a session, or say where services are found, and lead nowhere themselves.
    pub fn beside_the_address(&self) -> BTreeMap<String, String> {
        let lead_nowhere = |name: &&String| {
            matches!(parameter_of(name), None | Some("client_encoding")) && *name != "PGSERVICE"
        };
        let variables = self.variables.iter().filter(|(name, _)| lead_nowhere(name));
        variables
            .map(|(name, value)| (name.clone(), meant(value)))
            .collect()
    }

    /// The same files, as somebody sees them who has these variables and no other.
    pub fn seen_with(&self, variables: &BTreeMap<String, String>, login: &str) -> Self {
        let known = variables.iter();
        Self {
            variables: known
                .filter(|(name, _)| is_read_by_libpq(name) && *name != "PGPASSWORD")
                .map(|(name, value)| (name.clone(), kept(value)))
                .collect(),
            login: kept(login),
            ..self.clone()
        }
    }

    /// libpq's default role.
    pub fn login(&self) -> String {
        meant(&self.login)
    }

    /// All variables that are set, be it to nothing.
    pub fn variables(&self) -> BTreeMap<String, String> {
        let variables = self.variables.iter();
        variables
            .map(|(name, value)| (name.clone(), meant(value)))
            .collect()
    }

    pub fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|value| meant(value))
    }

    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.get(&kept(name))
    }
}

impl Service {
    pub fn parameters(&self) -> Parameters {
        let parameters = self.parameters.iter();
        parameters
            .map(|(name, value)| (name.clone(), meant(value)))
            .collect()
    }
}

/// Before a value that is not kept as it is.
const ENCODED: &str = "%:";

/// What stands in the journal and on screens: a value that holds what nobody would see is encoded.
fn kept(value: &str) -> String {
    if value.starts_with(ENCODED) || value.chars().any(conninfo::is_unseen) {
        return format!("{ENCODED}{}", conninfo::encoded(value));
    }
    value.to_owned()
}

fn meant(kept: &str) -> String {
    let encoded = kept.strip_prefix(ENCODED);
    match encoded.map(conninfo::decoded) {
        Some(Ok(value)) => value,
        _ => kept.to_owned(),
    }
}

impl Files {
    /// The password of a service.
    pub fn password(&self, name: &str) -> Option<String> {
        let sections = self
            .services
            .iter()
            .flat_map(|(_, text)| service::parse(text));
        let (_, parameters) = sections.into_iter().find(|(known, _)| known == name)?;
        parameters.ok()?.remove("password")
    }

    /// Every password of every service.
    pub fn passwords(&self) -> Vec<String> {
        self.services
            .iter()
            .flat_map(|(_, text)| service::parse(text))
            .filter_map(|(_, parameters)| parameters.ok()?.remove("password"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_would_see_is_kept_encoded_and_meant_as_it_was() {
        let odd = "a\u{202e}b\u{7}";
        let variables = [("PGUSER".to_owned(), odd.to_owned())];
        let ambient = Ambient::new(variables, &Files::default(), "anna", "/tmp");
        assert_eq!(ambient.variable("PGUSER").as_deref(), Some(odd));
        let journal = serde_json::to_string(&ambient).unwrap();
        assert!(journal.contains("%:a%E2%80%AEb%07"), "{journal}");
        assert_eq!(meant(&kept("%:x")), "%:x");
    }
}
